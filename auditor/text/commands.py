"""Commands that texts name, as they work when they are pasted: with the workspace that the call named.

Texts name commands as ``auditor findings list``, and reports and the ledger keep them so. At the terminal of somebody who wrote
``auditor -C DIR …`` they would be refused, or act on another workspace.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

_named: tuple[re.Pattern[str], str] | None = None


def name_workspace(workspace: str, commands: Iterable[str]) -> None:
    """Remember the workspace that the command line named, "" where it named none, and which commands there are."""
    global _named
    # neither a path that ends with our name, nor the remark by which we know our line of a crontab
    pattern = re.compile(rf"(?<![\w/.-])auditor(?= (?:{'|'.join(map(re.escape, commands))})(?![\w:-]))")
    _named = (pattern, f"auditor -C {shlex.quote(workspace)}") if workspace else None


def pasteable(text: str) -> str:
    """A text of ours whose commands name the workspace too."""
    if _named is None:
        return text
    pattern, whole = _named
    return pattern.sub(lambda _match: whole, text)
