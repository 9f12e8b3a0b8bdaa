"""sqlite-utils as the ledger uses it: without numpy, which it loads for its types where matplotlib, for charts, has brought it.

That would be memory for a whole night and time before every command; no row of the ledger has such types.
"""

from __future__ import annotations

from auditor.imports import without

with without("numpy"):
    from sqlite_utils import Database, Migrations

__all__ = ["Database", "Migrations"]
