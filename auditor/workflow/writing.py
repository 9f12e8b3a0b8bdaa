"""Files for people and programs beside the ledger, written whole; apart from reports, whose writers a night needs none of."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading import SETTINGS_FILE
from auditor.model import Settings
from auditor.text import _
from auditor.text.reasons import reason_of


def write_file(path: Path, content: bytes, *, folders: bool = False, keep: bool = False) -> None:
    """Write a file whole or not at all; raises ``UsageError`` where it cannot be. ``folders`` makes those that lead to it.

    ``keep`` leaves the file's rights, and its owner where that may be done, as they were. Not where a report goes: in a folder of
    others somebody could have laid a file there, to be given what takes its place.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        refuse_no_folder(path)
        part.unlink(missing_ok=True)
        old = path.stat() if keep and path.exists() else None
        mode = 0o666 if old is None else old.st_mode & 0o777
        # never through a link that somebody has laid there
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if old is not None:
                _take_after(file.fileno(), old)
            file.write(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where the folder is a file, there is no part, and looking for it fails too
            part.unlink(missing_ok=True)
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error


def _take_after(file: int, old: os.stat_result) -> None:
    """Give a file the owner and the rights of another: what root replaces, the account that audits must still be able to read."""
    for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
        with suppress(PermissionError):  # who is neither root nor the owner keeps the rights alone
            os.fchown(file, owner, group)
    os.fchmod(file, old.st_mode & 0o777)


def refuse_no_folder(path: Path) -> None:
    """Raise ``UsageError`` where the folder of a file is not there, or may not be looked at: root would make a mistyped one
    anywhere."""
    try:
        there = path.parent.exists()
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error
    if not there:
        message = _("{path} cannot be written: there is no folder {folder}; make it first, or name another")
        raise UsageError(message.format(path=path, folder=path.parent))


def refuse_own(settings: Settings, path: Path) -> None:
    """Raise ``UsageError`` where a person names a file to be written that the auditor itself lives by: the ledger and what lies
    beside it under its name, known_hosts, an auditor.toml, anything among policies, checks and inventories."""
    ledger = settings.ledger.resolve()
    folders = [folder.resolve() for folder in (settings.policies, settings.checks, settings.inventories)]
    for place in (path.resolve(), path.parent.resolve() / path.name):
        beside = place.parent == ledger.parent and place.name.startswith(ledger.name)
        # any auditor.toml: whoever could have the ledger's account write one could say in it who is on the committee
        own = place.name == SETTINGS_FILE or place == settings.known_hosts.resolve()
        if beside or own or any(place.is_relative_to(folder) for folder in folders):
            raise UsageError(
                _("{path} is a file of the auditor itself, which is not written over; name another").format(path=path)
            )
