"""What an unattended run tells: one JSON object a line where nobody sits before it, with run and host ids, never a secret."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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


def _refuse_other(path: Path) -> None:
    """Lines added to the ledger, or to a file that people write, would destroy it: only a log begins as a log does."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        begins = file.read(1)
    if begins not in (b"", b"{"):
        raise UsageError(_("{path} is no log of the auditor, and nothing is added to it; name another file").format(path=path))


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Send what is told to a file that is rotated, or to standard error; plain words at a terminal, JSON elsewhere."""
    handler: logging.Handler
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_other(path)
            handler = RotatingFileHandler(path, maxBytes=_LARGEST, backupCount=_KEPT, encoding="utf-8")
        else:
            handler = logging.StreamHandler(sys.stderr)
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error
    plain = path is None and sys.stderr.isatty()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s") if plain else _Json())
    _log.setLevel(logging.INFO)
    _log.propagate = False
    _log.addHandler(handler)
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

    def clock_wrong(self, newest: datetime) -> None:
        """The ledger holds an instant still to come."""
        tell("clock", logging.WARNING, newest=newest.isoformat(), why="the ledger holds an instant that is still to come")
