"""sqlite-utils as the ledger uses it: without numpy, which it loads for its types where matplotlib, for charts, has brought it.

That would be memory for a whole night and time before every command; no row of the ledger has such types.
"""

from __future__ import annotations

import sys

_ABSENT = "numpy" not in sys.modules
if _ABSENT:
    sys.modules["numpy"] = None  # type: ignore[assignment]  # how Python is told that there is no such module
try:
    from sqlite_utils import Database, Migrations
finally:
    if _ABSENT:
        del sys.modules["numpy"]

__all__ = ["Database", "Migrations"]
