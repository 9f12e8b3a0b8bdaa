"""The table of states and moves: the only place that says which move of a finding is legal.

A state or a move is added here as a row; ``reconcile`` and ``replay`` ask the table and know no state by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.errors import UsageError
from auditor.model import EventKind, FindingState, Resolution
from auditor.text import _


@dataclass(frozen=True, slots=True)
class Move:
    """``kind`` leads from ``before`` (None: no finding yet) to ``after``, with one of ``resolutions`` where it closes."""

    kind: EventKind
    before: FindingState | None
    after: FindingState
    resolutions: tuple[Resolution, ...] = ()


_ANY = tuple(Resolution)

MOVES: tuple[Move, ...] = (
    Move(EventKind.FINDING_OPENED, None, FindingState.OPEN),
    Move(EventKind.FINDING_CHANGED, FindingState.OPEN, FindingState.OPEN),
    Move(EventKind.FINDING_CHANGED, FindingState.REOPENED, FindingState.REOPENED),
    Move(EventKind.FINDING_CLOSED, FindingState.OPEN, FindingState.CLOSED, _ANY),
    Move(EventKind.FINDING_CLOSED, FindingState.REOPENED, FindingState.CLOSED, _ANY),
    Move(EventKind.FINDING_REOPENED, FindingState.CLOSED, FindingState.REOPENED),
)

LIVE: frozenset[FindingState] = frozenset(m.before for m in MOVES if m.before and m.after is FindingState.CLOSED)
"""States from which proof may close a finding: all those in which it is not closed already."""

_BY_START = {(m.kind, m.before): m for m in MOVES}


def move(kind: EventKind, before: FindingState | None, resolution: Resolution | None = None) -> FindingState:
    """The state that ``kind`` leads to from ``before``. Raises UsageError when the table has no such move."""
    row = _BY_START.get((kind, before))
    if row is None:
        message = _("{move} is no legal move for a finding that is {state}")
        raise UsageError(message.format(move=kind.value, state=before.value if before else _("not there yet")))
    if resolution not in (row.resolutions or (None,)):
        word = resolution.value if resolution else _("no resolution")
        state = before.value if before else _("nothing")
        raise UsageError(_("{move} from {state} cannot carry {resolution}").format(move=kind.value, state=state, resolution=word))
    return row.after
