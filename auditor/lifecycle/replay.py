"""Findings out of the journal: the proof that the journal alone holds their whole state."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.errors import IntegrityError, UsageError
from auditor.lifecycle.table import MOVES, move
from auditor.model import Event, Finding
from auditor.model.codec import from_json

_KINDS = frozenset(m.kind for m in MOVES)


def replay(events: Iterable[Event]) -> dict[str, Finding]:
    """The findings as they stand after ``events``, by id. Raises IntegrityError on a move that the table does not allow."""
    findings: dict[str, Finding] = {}
    for event in events:
        if event.kind not in _KINDS:
            continue
        try:
            after = from_json(Finding, event.data)
            before = findings.get(event.subject)
            state = move(event.kind, before.state if before else None, after.resolution)
        except (UsageError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"the journal's {event.kind.value} of {event.subject} cannot be replayed: {error}") from error
        if state is not after.state or after.id != event.subject:
            raise IntegrityError(f"the journal's {event.kind.value} of {event.subject} does not describe what it did")
        findings[after.id] = after
    return findings
