"""Whether last night was well: what the newest run came to, what it moved, and what waits for somebody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auditor.ledger import Ledger, under_way
from auditor.lifecycle import WORKED, is_overdue
from auditor.model import (
    AnswerState,
    AttestedAnswer,
    Catalogue,
    EventKind,
    ExceptionState,
    FindingState,
    RiskException,
    Run,
    RunStatus,
)
from auditor.workflow.clocks import SLACK, still_to_come
from auditor.workflow.exceptions import expiring
from auditor.workflow.queries import reading_now
from auditor.workflow.settling import standing_answers

_A_NIGHT = timedelta(hours=26)  # a night, and what a long one may be late by
_MOVES = (EventKind.FINDING_OPENED, EventKind.FINDING_REOPENED, EventKind.FINDING_CLOSED)


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand. ``why_not`` are codes: no_run, old, to_come, unfinished, given_up, under_way, incomplete; empty when
    all is well.

    ``newest`` is the newest instant of the ledger where it is still to come: a clock is wrong, or was.
    """

    run: Run | None
    why_not: tuple[str, ...]
    moves: dict[EventKind, int] = field(default_factory=dict)
    open: int = 0
    overdue: int = 0
    claimed: int = 0
    proposed: int = 0
    ending: int = 0
    answers: int = 0
    ledger_bytes: int = 0
    newest: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether nobody need look."""
        return not self.why_not


def status(catalogue: Catalogue, *, now: datetime | None = None) -> Status:
    """Of the newest night, whatever became of it."""
    moment = now or datetime.now(UTC)
    if not Ledger.exists(catalogue.settings.ledger):
        return Status(None, ("no_run",))
    with reading_now(catalogue, moment) as ledger, ledger.view():
        run = ledger.newest_night()
        if run is None:
            return Status(None, ("no_run",))
        begun = next((e.seq for e in ledger.journal(subject=str(run.id)) if e.event.kind is EventKind.RUN_STARTED), 0)
        moves = Counter(e.event.kind for e in ledger.journal(after=begun) if e.event.kind in _MOVES)
        live = [f for f in ledger.findings(open_only=True) if f.state in WORKED]
        exceptions = ledger.records(RiskException)
        return Status(
            run=run,
            why_not=_why_not(run, moment, busy=bool(under_way(ledger.path))),
            moves=dict(moves),
            open=len(live),
            overdue=sum(is_overdue(f, moment) for f in live),
            claimed=sum(f.state is FindingState.FIX_CLAIMED for f in live),
            proposed=sum(e.state is ExceptionState.PROPOSED for e in exceptions),
            ending=len(expiring(catalogue, exceptions, moment)),
            answers=sum(
                a.state is AnswerState.ANSWERED for a in standing_answers(ledger.records(AttestedAnswer), catalogue, moment)
            ),
            ledger_bytes=ledger.path.stat().st_size,
            newest=still_to_come(ledger, moment),
        )


def _why_not(run: Run, now: datetime, *, busy: bool) -> tuple[str, ...]:
    found = []
    if busy and run.status in (RunStatus.COLLECTING, RunStatus.INTERRUPTED):
        found.append("under_way")
    elif run.status is RunStatus.ABANDONED:
        found.append("given_up")
    elif run.status is not RunStatus.FINISHED:
        found.append("unfinished")
    elif not run.summary.get("complete"):
        found.append("incomplete")
    if now - run.started > _A_NIGHT:
        found.append("old")
    elif run.started - now > SLACK:
        found.append("to_come")  # whether there was one last night cannot be told by it
    return tuple(found)
