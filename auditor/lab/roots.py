"""The unpacked systems of other releases that lab hosts may run in; ``scripts/roots`` makes them."""

from __future__ import annotations

import os
from pathlib import Path

from auditor.errors import LabError
from auditor.text import _

MACHINE = Path("/")


def root_of(release: str) -> Path:
    """The folder of a release's unpacked system; this machine's own root for "". Raises LabError when it is not there."""
    if not release:
        return MACHINE
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = Path(os.environ.get("AUDITOR_ROOTS") or cache / "auditor" / "roots") / release
    if not (root / "usr" / "sbin" / "sshd").exists():
        raise LabError(
            _("{path} is no unpacked system with an SSH server; run: scripts/roots {name}").format(path=root, name=release)
        )
    return root
