"""Answers to what no machine decides: given by a department, accepted or returned by the committee, lapsed with time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from auditor.errors import DeniedMoveError, UsageError
from auditor.lifecycle.permissions import told
from auditor.model import Answer, AnswerState, AttestedAnswer, Event, EventKind, Json, Person
from auditor.model.codec import to_json
from auditor.text import _
from auditor.text.labels import label

SYSTEM = "auditor"
STANDING = frozenset({AnswerState.ANSWERED, AnswerState.ACCEPTED})
"""States in which the review date counts."""


def answer(given: AttestedAnswer, most_days: int, today: date, by: Person, now: datetime) -> Event:
    """Answer, or answer anew. Raises UsageError without a justification, or where the review date is past or too far."""
    for problem in objections(given.answer, given.justification, bool(given.evidence), given.review, most_days, today):
        raise UsageError(problem)
    return _recorded(EventKind.ATTESTATION_ANSWERED, given, by, now)


def objections(
    given: Answer | None, justification: str, evidence: bool, review: date | None, most_days: int, today: date
) -> Iterator[str]:
    """All that is wrong with an answer; what is None is not judged."""
    if not justification.strip():
        yield _("an answer needs its justification")
    if given is Answer.IMPLEMENTED and not evidence:
        yield _("an answer of implemented needs evidence")
    last = today + timedelta(days=most_days)
    if review is not None and not today < review <= last:
        yield _("the review date must lie after today and no later than {last}").format(last=last.isoformat())


def accept(held: AttestedAnswer, by: Person, now: datetime) -> Event:
    """Accept it; from now on it counts. Nobody accepts what they answered themselves."""
    if by.user == held.answered_by:
        message = _("{user} gave this answer and cannot accept it; another member of the committee must do so")
        raise DeniedMoveError(message.format(user=by.user))
    return _decided(EventKind.ATTESTATION_ACCEPTED, AnswerState.ACCEPTED, held, "", by, now)


def give_back(held: AttestedAnswer, reason: str, by: Person, now: datetime) -> Event:
    """Return it, with the reason."""
    if not reason.strip():
        raise UsageError(_("say why"))
    return _decided(EventKind.ATTESTATION_RETURNED, AnswerState.RETURNED, held, reason.strip(), by, now)


def lapse(answers: Iterable[AttestedAnswer], today: Mapping[str, date], now: datetime) -> tuple[Event, ...]:
    """Answers whose review date has passed: they count as none. ``today`` is by department."""
    return tuple(
        Event(EventKind.ATTESTATION_LAPSED, now, SYSTEM, held.id, {"record": to_json(lapsed(held))})
        for held in answers
        if held.state in STANDING and held.department in today and held.review < today[held.department]
    )


def lapsed(held: AttestedAnswer) -> AttestedAnswer:
    """An answer whose review date has passed, as it stands then. What was returned stays so."""
    return replace(held, state=AnswerState.LAPSED) if held.state in STANDING else held


def _decided(kind: EventKind, state: AnswerState, held: AttestedAnswer, reason: str, by: Person, now: datetime) -> Event:
    allowed = (AnswerState.ANSWERED,) if state is AnswerState.ACCEPTED else (AnswerState.ANSWERED, AnswerState.ACCEPTED)
    if held.state not in allowed:
        message = _("the answer to {control} is {state}; there is nothing to decide")
        raise UsageError(message.format(control=held.control, state=label(held.state)))
    after = replace(held, state=state, decided_by=by.user, decided_at=now, reason=reason)
    return _recorded(kind, after, by, now)


def _recorded(kind: EventKind, record: AttestedAnswer, by: Person, now: datetime) -> Event:
    data: dict[str, Json] = {"record": to_json(record), "by": told(by)}
    return Event(kind, now, by.user, record.id, data)
