"""Copies of the ledger: made whole while others use it, and put back where it is damaged or lost.

A file copied by other means lacks what still lies in the log beside it (``-wal``); and a copy laid over a damaged ledger is
damaged by the log of that one. Here both are taken care of.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from auditor.errors import IntegrityError, LedgerError
from auditor.ledger.edge import translated
from auditor.ledger.ledger import Ledger
from auditor.ledger.lock import RunLock
from auditor.ledger.schema import APPLICATION_ID
from auditor.ledger.store import connect
from auditor.text import _

_BESIDE = ("-wal", "-shm")


def copy_ledger(ledger: Path, target: Path) -> None:
    """Write a copy of the ledger to ``target``, whole or not at all, mode 0600. Who writes to the ledger meanwhile need not wait.

    Raises LedgerError where it is no ledger, or one of the two cannot be used.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        _draft(ledger, part, still=False)
        with translated(target):
            part.replace(target)
            _settle(target.parent)
    finally:
        _remove(part)


def restore_ledger(copy: Path, ledger: Path, *, actor: str, now: datetime) -> Path | None:
    """Put ``copy`` in the place of the ledger; where that lies from now on, None where there was none. It is done as a run is.

    Raises IntegrityError for a copy that contradicts itself, LockedError while a run is under way, LedgerError where it is no
    ledger or one of the two cannot be used. The ledger stays as it was then.
    """
    with translated(ledger):
        ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = RunLock(ledger, actor=actor, now=now)
    part = ledger.with_name(f".{ledger.name}.restored")
    try:
        _draft(copy, part, still=True)
        with Ledger.open(part, create=False) as held:  # which brings one of an older auditor up to date
            report = held.verify()
        if not report.ok:
            raise IntegrityError(f"{copy}: {report.problem}")
        with translated(ledger):
            _give(part, ledger)
            return _exchange(part, ledger, now)
    finally:
        _remove(part)
        lock.release()


def unwritable(ledger: Path) -> Path | None:
    """What of the ledger this account cannot write: its folder, the file, or one that lies beside it; None where it can."""
    if not os.access(ledger.parent, os.W_OK):
        return ledger.parent
    beside = (ledger.with_name(ledger.name + end) for end in ("", *_BESIDE, ".lock"))
    return next((path for path in beside if path.exists() and not os.access(path, os.W_OK)), None)


def _draft(source: Path, part: Path, *, still: bool) -> None:
    """Copy a ledger page by page, as it is at one moment, with what lies in its log."""
    _remove(part)
    if not source.is_file():
        raise LedgerError(f"{source}: " + _("there is no such file"))
    with translated(part):
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # never through a link that somebody has laid there
    with translated(source), closing(connect(source, readonly=True, still=still)) as held:
        if held.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise LedgerError(f"{source}: " + _("this is not a ledger of the auditor; check `ledger` in auditor.toml"))
        with closing(sqlite3.connect(part)) as copy:
            held.backup(copy)
    with translated(part), part.open("rb") as file:
        os.fsync(file.fileno())


def _exchange(part: Path, ledger: Path, now: datetime) -> Path | None:
    """Put ``part`` in the ledger's place. What is there first has a second name, so that at no moment there is no ledger."""
    real = ledger.resolve()
    kept = real.with_name(f"{real.name}.replaced-{now:%Y%m%dT%H%M%S}")
    there = real.exists()
    if there:
        kept.hardlink_to(real)
    for end in _BESIDE:
        log = real.with_name(real.name + end)
        if log.exists():
            log.rename(kept.with_name(kept.name + end))
    part.replace(real)
    _settle(real.parent)
    return kept if there else None


def _give(part: Path, ledger: Path) -> None:
    """Let what root puts back belong to whose the ledger, or its folder, is: the account that audits could not use it else."""
    owner = (ledger if ledger.exists() else ledger.parent).stat()
    if os.geteuid() == 0:
        os.chown(part, owner.st_uid, owner.st_gid)


def _settle(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _remove(part: Path) -> None:
    for end in ("", *_BESIDE, "-journal", ".lock"):
        part.with_name(part.name + end).unlink(missing_ok=True)
