"""What a department's file may say only where nobody but the auditor's own account can change it.

A department's file may be its officer's. A command that gives a password, a variable of the auditor's environment and an SSH
configuration, which may run commands too, are used with the rights of the account that holds all departments' keys.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.loading.document import Document, Keys, Report
from auditor.text import _

_TRUSTED = ("password_command", "password_env", "ssh_config")
_ROOT = 0


def check_rights(document: Document, report: Report, path: Path, settings: Path) -> None:
    """Report what the file at ``path`` may not say, where it belongs to another than we, root or the owner of ``settings``."""
    found = [*_named(document.value)]
    if not found:
        return
    try:
        owners = {_ROOT, os.geteuid(), *([settings.stat().st_uid] if settings.exists() else [])}
        if _is_closed(path.stat(), owners):
            return
    except FileNotFoundError:  # a draft, which nobody runs yet
        return
    message = _(
        "{key} may stand only in a file that nobody but the auditor's own account can change, for it is used with that "
        "account's rights; give the file to that account, or close it: chmod go-w {file}"
    )
    for keys in found:
        report.add(document, keys, message.format(key=keys[-1], file=document.file), at_key=True)


def _named(value: Any) -> Iterator[Keys]:
    """Where such a thing is said; ``ssh_config: none`` names no file."""
    told = value if isinstance(value, dict) else {}
    hosts = told.get("hosts")
    places: list[tuple[Keys, Any]] = [(("defaults",), told.get("defaults"))]
    places += [(("hosts", index), entry) for index, entry in enumerate(hosts if isinstance(hosts, list) else ())]
    for keys, entry in places:
        for key in _TRUSTED:
            if isinstance(entry, dict) and entry.get(key) not in (None, "none"):
                yield (*keys, key)


def _is_closed(found: os.stat_result, owners: set[int]) -> bool:
    """Whether nobody but one of ``owners`` may write to it; a group of which the owner is the only member is the owner."""
    if found.st_uid not in owners or found.st_mode & stat.S_IWOTH:
        return False
    if not found.st_mode & stat.S_IWGRP or found.st_gid == _ROOT:
        return True
    try:
        return pwd.getpwuid(found.st_uid).pw_gid == found.st_gid and not grp.getgrgid(found.st_gid).gr_mem
    except KeyError:
        return False
