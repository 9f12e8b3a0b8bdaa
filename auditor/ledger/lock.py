"""One run at a time: a lock that names who holds it, and that the kernel frees when its holder dies, however it dies.

The lock is ``flock`` on a file beside the ledger; the JSON in that file only tells who holds it. The file is never deleted: a
second process could otherwise lock a file that is no longer there.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import datetime
from pathlib import Path

from auditor.errors import LockedError
from auditor.ledger.edge import translated
from auditor.text import _

_PATIENCE = 0.5  # seconds: who only looks whether a run is under way holds the lock for a moment
_PAUSE = 0.02


class RunLock:
    """Held from construction until ``release``. Raises LockedError, naming the holder, when another has it."""

    def __init__(self, ledger: Path, *, actor: str, now: datetime) -> None:
        self._path = ledger.with_name(ledger.name + ".lock")
        with translated(self._path):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not _taken(self._file):
                told = _read(self._file)
                os.close(self._file)
                raise LockedError(_refusal(ledger, told))
        self._holder: dict[str, str | int] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "actor": actor,
            "since": now.isoformat(),
        }
        try:
            self._write(self._holder)
        except BaseException:
            os.close(self._file)
            raise

    def name_run(self, run_id: int) -> None:
        """Add to what others are told which run it is for."""
        self._holder["run"] = run_id
        self._write(self._holder)

    def release(self) -> None:
        """Let the next run start."""
        try:
            self._write({})
        finally:
            os.close(self._file)

    def _write(self, holder: dict[str, str | int]) -> None:
        with translated(self._path):
            text = json.dumps(holder).encode()
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))


def _taken(file: int) -> bool:
    """Whether the lock could be had in time."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def under_way(ledger: Path) -> str:
    """Who runs the auditor on this ledger now, as others are refused; "" where nobody does, or where that cannot be seen.

    The lock is tried only where its file names a holder, so that looking does not get into the way of a run that begins.
    """
    try:
        file = os.open(ledger.with_name(ledger.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        told = _read(file)
        if told:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _refusal(ledger, told)
    except OSError:
        return ""
    finally:
        os.close(file)
    return ""


def _read(file: int) -> dict[str, object]:
    try:
        told = json.loads(os.pread(file, 4096, 0))
    except ValueError:  # caught between two writes
        return {}
    return told if isinstance(told, dict) else {}


def _refusal(ledger: Path, told: dict[str, object]) -> str:
    if not told:
        return f"{ledger}: " + _("another run has just taken the lock; wait until it ends")
    message = _("{run} is under way: process {pid} of {actor} on {host} holds the lock since {since}; wait until it ends")
    run = _("run {run}").format(run=told["run"]) if "run" in told else _("a run")
    holder = {name: told.get(name) for name in ("pid", "actor", "host", "since")}
    return f"{ledger}: " + message.format(run=run, **holder)
