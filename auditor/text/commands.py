"""Commands that texts name, as they work when they are pasted: with the workspace that the call named.

Texts name commands as ``auditor findings list``, and reports and the ledger keep them so. At the terminal of somebody who wrote
``auditor -C DIR …`` they would be refused, or act on another workspace.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

_named: tuple[re.Pattern[str], str] | None = None
_INIT = re.compile(r"(?<![\w/.-])auditor init(?: DIR)?(?![\w:-]| )")  # it heeds no -C, and lays out the folder that it is given
_folder = "DIR"


def name_workspace(workspace: str, commands: Iterable[str]) -> None:
    """Remember the workspace that the command line named, "" where it named none, and which commands there are."""
    global _named, _folder
    others = "|".join(re.escape(name) for name in commands if name != "init")
    # neither a path that ends with our name, nor the remark by which we know our line of a crontab
    pattern = re.compile(rf"(?<![\w/.-])auditor(?= (?:{others})(?![\w:-]))")
    _named = (pattern, f"auditor -C {shlex.quote(workspace)}") if workspace else None
    _folder = shlex.quote(workspace) if workspace and _is_free(Path(workspace)) else "DIR"


def _is_free(folder: Path) -> bool:
    """Whether a workspace may be laid out there."""
    try:
        return not any(folder.iterdir())
    except OSError:
        return not os.path.lexists(folder)


def pasteable(text: str) -> str:
    """A text of ours whose commands name the workspace too."""
    text = _INIT.sub(lambda _match: f"auditor init {_folder}", text)
    if _named is None:
        return text
    pattern, whole = _named
    return pattern.sub(lambda _match: whole, text)
