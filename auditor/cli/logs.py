"""What an unattended run tells: one JSON object a line where nobody sits before it, with run and host ids, never a secret."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from auditor.errors import UsageError
from auditor.model import AssetPlan, AssetResult, Plan, Reach, Run
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.reasons import reason_of

_LARGEST, _KEPT = 5_000_000, 8
_log = logging.getLogger("auditor.night")


class _Json(logging.Formatter):
    """One object a line; English, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(told, ensure_ascii=True)


class _File(RotatingFileHandler):
    """The log on disk, for its owner alone: it tells of every host that could not be looked at."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def close(self) -> None:
        """Close it; what a full disk did not take is lost, and the audit, which is in the ledger, is not."""
        with suppress(OSError):
            super().close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _put_aside(path: Path) -> str:
    """Give a log that a power cut has left full of NUL bytes another name, which is returned; refuse whatever else is no log.

    Lines added to the ledger, or to a file that people write, would destroy it: only a log begins as a log does.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        begins = file.read(8)
    # files that people write may begin with some, and go on otherwise
    if begins[:1] == b"\0" and begins.lstrip(b"\0")[:1] in (b"", b"{"):
        return str(path.rename(path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")))
    if begins[:1] not in (b"", b"{"):
        raise UsageError(_("{path} is no log of the auditor, and nothing is added to it; name another file").format(path=path))
    return ""


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Send what is told to a file that is rotated, or to standard error; plain words at a terminal, JSON elsewhere.

    A file that cannot be opened costs no audit: standard error takes its place, and is told why.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    why = aside = ""
    if path is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = _put_aside(path)
            handler = _File(path, maxBytes=_LARGEST, backupCount=_KEPT)
        except OSError as error:
            why = reason_of(error)
    plain = not isinstance(handler, _File) and sys.stderr.isatty()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s") if plain else _Json())
    _log.setLevel(logging.INFO)
    _log.propagate = False
    _log.addHandler(handler)
    if why:
        tell("no log", logging.WARNING, path=safe(str(path)), why=why)
    if aside:
        tell("damaged log put aside", logging.WARNING, path=safe(aside))
    try:
        yield
    finally:
        _log.removeHandler(handler)
        handler.close()


def tell(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Say that something happened. Only ids and our own words go in: no value that was read from a host or a file."""
    _log.log(level, event, extra={"facts": facts})


class Told:
    """A watcher of an audit that tells what it sees."""

    def __init__(self) -> None:
        self._run = 0

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        """The run has begun, or goes on."""
        self._run = run.id
        planned = sum(len(d.assets) for d in plan.departments)
        tell("run resumed" if done else "run begun", run=run.id, planned=planned, done=done)

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        """An asset has been visited."""
        level = logging.INFO if result.reach is Reach.REACHED else logging.WARNING
        seconds = round((result.ended - result.started).total_seconds(), 3)
        facts = {"run": self._run, "asset": safe(plan.asset.uid), "department": plan.asset.department, "seconds": seconds}
        tell("visited", level, reach=result.reach.value, detail=safe(result.detail), **facts)

    def given_up(self, run: Run) -> None:
        """A run that was interrupted is given up."""
        tell("run given up", logging.WARNING, run=run.id)

    def clock_wrong(self, newest: datetime) -> None:
        """The ledger holds an instant still to come."""
        tell("clock", logging.WARNING, newest=newest.isoformat(), why="the ledger holds an instant that is still to come")
