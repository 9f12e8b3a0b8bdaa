"""What an outcome means for the findings it speaks of: the rules by which they open, change, close and return.

A finding closes only on proof newer than it. Whatever could not be examined (unknown, error, an incomplete list, no
observation) proves nothing, and what is not mentioned at all (a check removed, a host dropped) never comes here.
``closed_at`` is the instant of the proof, not of the bookkeeping, so that an older observation that turns up late cannot
reopen what a newer one closed. An instant that is still to come was told by a wrong clock, and nothing waits for it (see
``_least``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from auditor.lifecycle.deadlines import Deadline
from auditor.lifecycle.identity import finding_id
from auditor.lifecycle.table import LIVE, move
from auditor.model import (
    Event,
    EventKind,
    Finding,
    FindingState,
    Json,
    Outcome,
    Reason,
    Resolution,
    Severity,
    Verdict,
    VerdictKind,
)
from auditor.model.codec import to_json

_WORST_FIRST = (VerdictKind.FAIL, VerdictKind.ERROR, VerdictKind.UNKNOWN, VerdictKind.PASS, VerdictKind.NOT_APPLICABLE)
_UNSEEN = (VerdictKind.UNKNOWN, VerdictKind.ERROR)
_SLACK = timedelta(minutes=5)  # by which a clock that is well may be set back
_ALWAYS, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Context:
    """What a finding takes from the plan rather than from the outcome."""

    now: datetime
    run_id: int
    actor: str
    severity: Severity
    controls: tuple[str, ...]
    department: str
    deadline: Deadline
    volatile: bool
    taken: Mapping[str, tuple[str, str, str]] | None


def reconcile(
    outcome: Outcome,
    findings: Sequence[Finding],
    *,
    now: datetime,
    run_id: int,
    actor: str,
    severity: Severity,
    controls: tuple[str, ...],
    department: str,
    deadline: Deadline,
    volatile: bool = False,
    taken: Mapping[str, tuple[str, str, str]] | None = None,
) -> tuple[Event, ...]:
    """The events that ``outcome`` causes. ``findings`` are those of its asset and check, closed ones too.

    ``volatile`` tells that the check rests on values that differ each night by nature (a clock): another observed value
    alone is then no change. ``taken`` tells which findings bear ids that would be given twice. That a finding merely failed
    again gives no event; the ledger moves its ``last_seen``.
    """
    context = _Context(now, run_id, actor, severity, controls, department, deadline, volatile, taken)
    verdicts = _by_subject(outcome.verdicts)
    known = {f.subject: f for f in findings if (f.asset, f.check) == (outcome.asset, outcome.check)}
    events: list[Event] = []
    for subject, verdict in verdicts.items():
        if verdict.kind is VerdictKind.FAIL:
            events += _failed(outcome, verdict, known.get(subject), context)
    for finding in known.values():
        if finding.state in LIVE:
            events += _closed(outcome, verdicts, finding, context)
    return tuple(events)


def _by_subject(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """One verdict a subject, the worst where two things share a name (two accounts called root)."""
    chosen: dict[str, Verdict] = {}
    for verdict in verdicts:
        held = chosen.get(verdict.subject)
        if held is None or _WORST_FIRST.index(verdict.kind) < _WORST_FIRST.index(held.kind):
            chosen[verdict.subject] = verdict
    return chosen


def _failed(outcome: Outcome, verdict: Verdict, finding: Finding | None, context: _Context) -> list[Event]:
    seen = outcome.observed_at or context.now
    if finding is None:
        opened = Finding(
            id=finding_id(outcome.asset, outcome.check, verdict.subject, context.taken),
            department=context.department,
            asset=outcome.asset,
            check=outcome.check,
            subject=verdict.subject,
            severity=context.severity,
            state=move(EventKind.FINDING_OPENED, None),
            controls=context.controls,
            observed=verdict.observed,
            expected=verdict.expected,
            first_seen=seen,
            last_seen=seen,
            definition=outcome.definition,
            due=context.deadline.due(seen),
        )
        return [_event(EventKind.FINDING_OPENED, opened, context)]
    if finding.state is FindingState.CLOSED:
        return _returned(outcome, verdict, finding, seen, context)
    if seen < _least(seen, context, finding.last_seen):
        return []
    claimed = finding.claimed_at if finding.state is FindingState.FIX_CLAIMED else None
    if claimed is not None and seen > _least(seen, context, claimed, finding.last_seen):
        again = replace(finding, state=move(EventKind.FINDING_REFUTED, finding.state), claimed_at=None)
        return [_event(EventKind.FINDING_REFUTED, _described(again, outcome, verdict, seen, context), context)]
    if _is_same(finding, outcome, verdict, context):
        return []
    return [_event(EventKind.FINDING_CHANGED, _described(finding, outcome, verdict, seen, context), context)]


def _returned(outcome: Outcome, verdict: Verdict, finding: Finding, seen: datetime, context: _Context) -> list[Event]:
    """A failure newer than the proof that closed it; or on that very observation, where only the policy differs."""
    closed = _least(seen, context, finding.closed_at or finding.last_seen, finding.last_seen)
    by_policy = finding.resolution is Resolution.POLICY_CHANGED or outcome.definition != finding.definition
    if seen < closed or (seen == closed and not by_policy):
        return []
    again = replace(
        finding,
        state=move(EventKind.FINDING_REOPENED, finding.state),
        resolution=None,
        closed_at=None,
        reopened=finding.reopened + 1,
        reopened_at=seen,
    )
    return [_event(EventKind.FINDING_REOPENED, _described(again, outcome, verdict, seen, context), context)]


def _least(seen: datetime, context: _Context, newest: datetime, before: datetime | None = None) -> datetime:
    """What ``seen`` must be newer than, to be newer than ``newest``; ``before`` came earlier.

    An instant that is still to come is a wrong clock's: what is seen now is newer. An observation that bears one itself is newer
    only than what that clock told too; when it was made nobody knows, and what a person did since may not be undone by it.
    """
    last = context.now + _SLACK
    if seen > last:
        return newest if newest > last else _NEVER
    return max((known for known in (newest, before) if known is not None and known <= last), default=_ALWAYS)


def _described(finding: Finding, outcome: Outcome, verdict: Verdict, seen: datetime, context: _Context) -> Finding:
    """The finding with all its attributes as they are now; its identity and its history stay."""
    return replace(
        finding,
        department=context.department,
        severity=context.severity,
        controls=context.controls,
        observed=verdict.observed,
        expected=verdict.expected,
        definition=outcome.definition,
        last_seen=seen,
        due=context.deadline.due(finding.first_seen, finding.reopened_at),
    )


def _is_same(finding: Finding, outcome: Outcome, verdict: Verdict, context: _Context) -> bool:
    """Whether ``_described`` would change nothing that is worth an entry; most findings that fail again are the same."""
    return (
        finding.department == context.department
        and finding.severity is context.severity
        and finding.controls == context.controls
        and finding.definition == outcome.definition
        and finding.due == context.deadline.due(finding.first_seen, finding.reopened_at)
        and (context.volatile or _equal(finding.observed, verdict.observed))
        and _equal(finding.expected, verdict.expected)
    )


def _equal(one: Json, other: Json) -> bool:
    """Equality as JSON has it: there 1, 1.0 and true differ, and NaN equals itself."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if one is None or other is None or isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _closed(outcome: Outcome, verdicts: dict[str, Verdict], finding: Finding, context: _Context) -> list[Event]:
    resolution = _proof(outcome, verdicts, finding.subject)
    proven = outcome.observed_at
    if resolution is None or proven is None:
        return []
    if outcome.definition != finding.definition:
        # the very observation that failed may pass under the new definition: that is the policy's doing
        resolution = Resolution.POLICY_CHANGED
        fresh = proven >= _least(proven, context, finding.last_seen)
    else:
        fresh = proven > _least(proven, context, finding.last_seen)
    if not fresh:
        return []
    closed = replace(
        finding,
        state=move(EventKind.FINDING_CLOSED, finding.state, resolution),
        resolution=resolution,
        closed_at=proven,
        claimed_at=None,
        exception="",
    )
    return [_event(EventKind.FINDING_CLOSED, closed, context)]


def _proof(outcome: Outcome, verdicts: dict[str, Verdict], subject: str) -> Resolution | None:
    """What the outcome proves of a subject that once failed, if it proves anything. What is not complete proves nothing."""
    whole, verdict = verdicts.get(""), verdicts.get(subject)
    if not outcome.complete or (whole is not None and whole.kind in _UNSEEN):
        return None
    if verdict is not None and verdict.kind is VerdictKind.PASS:
        return Resolution.FIXED
    if verdict is not None and verdict.kind is not VerdictKind.NOT_APPLICABLE:
        return None
    if subject in outcome.excluded:
        return Resolution.NOT_APPLICABLE
    said = verdict or (whole if whole is not None and whole.kind is VerdictKind.NOT_APPLICABLE else None)
    if said is not None and said.reason is not Reason.NOTHING_TO_EXAMINE:
        return Resolution.NOT_APPLICABLE
    return Resolution.GONE


def _event(kind: EventKind, finding: Finding, context: _Context) -> Event:
    return Event(kind, context.now, context.actor, finding.id, {**to_json(finding), "run": context.run_id})
