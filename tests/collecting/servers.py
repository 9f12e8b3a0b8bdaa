"""Real servers that tests ask: those that ``scripts/servers`` has unpacked, else the machine's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_HOME = Path(os.environ.get("AUDITOR_SERVERS") or _CACHE / "auditor" / "servers")
_PATH = os.pathsep.join((str(_HOME / "bin"), os.environ.get("PATH", ""), "/usr/sbin"))


def program(name: str) -> str:
    """Where a program is, "" where there is none."""
    return shutil.which(name, path=_PATH) or ""


def lacking(*names: str) -> str:
    """Those of the programs that cannot be had, as the reason why a test is skipped; "" when all can."""
    missing = [name for name in names if not program(name)]
    return f"needs {', '.join(missing)}; run scripts/servers" if missing else ""
