"""Whose a workspace is, and who may run the auditor in it.

Through sudo the ledger's account takes its settings from the workspace that the caller names: who is on the committee, where the
ledger is, which commands are run. Only what nobody else can change may say that.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import UsageError
from auditor.lifecycle.permissions import allow_run
from auditor.loading import SETTINGS_FILE, account_of
from auditor.loading.callers import caller, open_as_caller
from auditor.model import Settings
from auditor.text import _
from auditor.text.reasons import reason_of

_ROOT = 0
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def refuse_foreign_root(root: Path) -> None:
    """Through sudo, raise UsageError unless the folder and its auditor.toml are the effective user's own, or root's."""
    if _by_sudo():
        _refuse_foreign((root, root / SETTINGS_FILE))


def refuse_foreign_folders(settings: Settings) -> None:
    """The same of the folders of policies, checks and inventories, and of what lies there under a symbolic link.

    A department's own file in such a folder may be its officer's: whose folder it is has put it there.
    """
    if _by_sudo():
        for folder in (settings.policies, settings.checks, settings.inventories):
            _refuse_foreign((folder, *_inside(folder)))


@contextmanager
def lent_folder(folder: Path | None) -> Iterator[Path | None]:
    """Through sudo, a copy of a folder that a person names, made of what that person may read; else the folder itself.

    Files of it are opened by name later on, and a link among them would lead to what only our account may read.
    """
    if folder is None or not _by_sudo():
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="auditor-") as place:
        copy = Path(place, folder.resolve().name)
        if not folder.is_dir():
            raise UsageError(_("{path} is no folder").format(path=folder))
        copy.mkdir()
        try:
            for path in (p for p in folder.rglob("*") if p.is_file()):
                target = copy / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                with open_as_caller(path) as file:
                    target.write_bytes(file.read())
        except OSError as error:
            name, why = error.filename or folder, reason_of(error)
            raise UsageError(_("{path} cannot be read: {reason}").format(path=name, reason=why)) from error
        yield copy


def refuse_run(settings: Settings, user: str) -> None:
    """Raise DeniedMoveError unless this person may run the auditor. Root's own sudo is root, whoever called it."""
    allow_run(settings.people, user, own_account=os.geteuid() == _ROOT or not _by_sudo())


def needs_sudo(settings: Settings, user: str) -> bool:
    """Whether the ledger's account, or root, acts itself and is nobody named: what people do is done by them, through sudo."""
    own = os.geteuid() == _ROOT or user == account_of(settings)
    return own and not _by_sudo() and user not in settings.people


def _by_sudo() -> bool:
    return caller() is not None


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        entries = [Path(place, name) for name in (*folders, *files)]
        yield from (entry for entry in entries if entry.is_symlink() or entry.is_dir())


def _refuse_foreign(paths: Iterable[Path]) -> None:
    for path in paths:
        real = path.resolve()
        # Whoever may rename a folder above could put another in its place meanwhile. Root's own sudo has no such fear: a lab is
        # laid out in the folder of whoever called it.
        above = () if os.geteuid() == _ROOT else real.parents
        for each in (real, *above):
            if each.exists():
                _refuse_others(path, each, sticky=each != real)


def _refuse_others(path: Path, each: Path, *, sticky: bool) -> None:
    """``sticky``: a folder like /tmp, in which nobody can move what is another's, is as good as one that is closed to others."""
    found = each.stat()
    if found.st_uid not in (_ROOT, os.geteuid()):
        message = _(
            "{path} cannot be used through sudo: {each} belongs to another user, who could name themselves whatever they like in "
            "it; name the workspace of the audit: auditor -C DIR"
        )
        raise UsageError(message.format(path=path, each=each))
    if found.st_mode & _OTHERS and not (sticky and found.st_mode & stat.S_ISVTX):
        message = _("{path} cannot be used through sudo: others may write to {each}; close it: chmod go-w {each}")
        raise UsageError(message.format(path=path, each=each))
