"""Findings out of the journal: the proof that the journal alone holds their whole state."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.errors import IntegrityError, UsageError
from auditor.lifecycle.table import move
from auditor.model import MOVING, Event, Finding
from auditor.model.codec import from_json
from auditor.text import _


def replay(events: Iterable[Event]) -> dict[str, Finding]:
    """The findings as they stand after ``events``, by id. Raises IntegrityError on a move that the table does not allow."""
    findings: dict[str, Finding] = {}
    for event in events:
        if event.kind not in MOVING:
            continue
        try:
            after = from_json(Finding, event.data)
            before = findings.get(event.subject)
            state = move(event.kind, before.state if before else None, after.resolution)
        except (UsageError, KeyError, TypeError, ValueError) as error:
            message = _("the journal's {move} of {subject} cannot be replayed: {problem}")
            raise IntegrityError(message.format(move=event.kind.value, subject=event.subject, problem=error)) from error
        if state is not after.state or after.id != event.subject:
            message = _("the journal's {move} of {subject} does not describe what it did")
            raise IntegrityError(message.format(move=event.kind.value, subject=event.subject))
        findings[after.id] = after
    return findings
