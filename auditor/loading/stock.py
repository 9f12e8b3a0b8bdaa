"""The policies and checks that come with the auditor, wherever it was installed."""

from __future__ import annotations

from pathlib import Path

import auditor
from auditor.errors import UsageError
from auditor.text import _


def stock_root() -> Path:
    """The folder that holds the stock ``policies`` and ``checks``: inside the installed package, or the clone's top."""
    package = Path(auditor.__file__).resolve().parent
    for folder in (package / "stock", package.parent):
        if (folder / "policies").is_dir() and (folder / "checks").is_dir():
            return folder
    raise UsageError(_("the stock policies and checks are missing from this installation; install the auditor again"))
