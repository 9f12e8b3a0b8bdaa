"""Small values for the lifecycle's tests, and the ledger's part of keeping findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from auditor.lifecycle import LIVE, Deadline, reconcile
from auditor.model import Event, Finding, Json, Outcome, Reason, Severity, Verdict, VerdictKind
from auditor.model.codec import from_json

T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
_ORDER = ("fail", "error", "unknown", "pass", "not_applicable")


def outcome(
    kinds: dict[str, str],
    at: datetime | None = T0,
    *,
    definition: str = "d1",
    complete: bool = True,
    excluded: tuple[str, ...] = (),
    reason: Reason = Reason.NONE,
    observed: Json = 1,
    asset: str = "h0",
    check: str = "c0",
) -> Outcome:
    verdicts = tuple(Verdict(subject, VerdictKind(kind), observed, 0, reason) for subject, kind in kinds.items())
    worst = VerdictKind(min(kinds.values(), key=_ORDER.index))
    return Outcome(asset, check, definition, worst, verdicts, complete, at, excluded)


def events(
    said: Outcome,
    findings: Iterable[Finding] = (),
    *,
    severity: Severity = Severity.HIGH,
    days: int | None = 30,
    controls: tuple[str, ...] = ("A.8.9",),
    department: str = "health",
    volatile: bool = False,
    restarts: bool = False,
    now: datetime | None = None,
) -> tuple[Event, ...]:
    return reconcile(
        said,
        tuple(findings),
        now=now or T0 + 100 * DAY,
        run_id=1,
        actor="cron",
        severity=severity,
        controls=controls,
        department=department,
        deadline=Deadline(days, restarts=restarts),
        volatile=volatile,
    )


MUCH_LATER = T0 + timedelta(days=365_000)


def later(said: Outcome) -> Outcome:
    return said if said.observed_at is None else replace(said, observed_at=MUCH_LATER)


def held_still(said: Outcome, findings: Iterable[Finding], moves: tuple[Event, ...]) -> None:
    """What would move nothing however much later it was observed moves nothing now: nights leave such findings unread."""
    if said.observed_at is not None and events(later(said), findings, now=MUCH_LATER) == ():
        assert moves == ()


def keep(findings: dict[str, Finding], moves: Sequence[Event], said: Outcome) -> dict[str, Finding]:
    """What the ledger does with events, and with failures seen again."""
    kept = dict(findings)
    for event in moves:
        kept[event.subject] = from_json(Finding, event.data)
    failing = {v.subject for v in said.verdicts if v.kind is VerdictKind.FAIL}
    for name, f in kept.items():
        seen = (f.asset, f.check) == (said.asset, said.check) and f.subject in failing and f.state in LIVE
        if seen and said.observed_at is not None and said.observed_at > f.last_seen:
            kept[name] = replace(f, last_seen=said.observed_at)
    return kept


def told(*outcomes: Outcome) -> dict[str, Finding]:
    """The findings after a history of outcomes."""
    findings: dict[str, Finding] = {}
    for said in outcomes:
        findings = keep(findings, events(said, findings.values()), said)
    return findings


def one(*outcomes: Outcome) -> Finding:
    """The only finding after a history."""
    (finding,) = told(*outcomes).values()
    return finding


def end_of(moment: datetime) -> datetime:
    """The last second of the day that it is in the moment's own zone."""
    return moment.replace(hour=23, minute=59, second=59, microsecond=0, fold=1).astimezone(UTC)
