"""Files for people and programs beside the ledger, written whole; apart from reports, whose writers a night needs none of."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading import SETTINGS_FILE
from auditor.model import Settings
from auditor.text import _
from auditor.text.reasons import reason_of


def write_file(path: Path, content: bytes, *, folders: bool = False) -> None:
    """Write a file whole or not at all; raises ``UsageError`` where it cannot be. ``folders`` makes those that lead to it."""
    part = path.with_name(f".{path.name}.part")
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        refuse_no_folder(path)
        part.unlink(missing_ok=True)
        with part.open("xb") as file:  # never through a link that somebody has laid there
            file.write(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where the folder is a file, there is no part, and looking for it fails too
            part.unlink(missing_ok=True)
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error


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
