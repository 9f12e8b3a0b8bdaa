"""The table of states and moves: the only place that says which move of a finding is legal.

A state or a move is added here as a row; whoever moves a finding asks the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.errors import UsageError
from auditor.model import SPARED, EventKind, FindingState, Resolution
from auditor.text import _
from auditor.text.labels import label


@dataclass(frozen=True, slots=True)
class Move:
    """``kind`` leads from ``before`` (None: no finding yet) to ``after``, with one of ``resolutions`` where it closes."""

    kind: EventKind
    before: FindingState | None
    after: FindingState
    resolutions: tuple[Resolution, ...] = ()


_ANY = tuple(Resolution)
_S, _K = FindingState, EventKind
_WORKED = (_S.OPEN, _S.REOPENED, _S.ACKNOWLEDGED, _S.IN_PROGRESS, _S.FIX_CLAIMED)
_LIVE = (*_WORKED, *SPARED)

MOVES: tuple[Move, ...] = (
    # scans
    Move(_K.FINDING_OPENED, None, _S.OPEN),
    *(Move(_K.FINDING_CHANGED, state, state) for state in _LIVE),
    *(Move(_K.FINDING_CLOSED, state, _S.CLOSED, _ANY) for state in _LIVE),
    Move(_K.FINDING_REOPENED, _S.CLOSED, _S.REOPENED),
    Move(_K.FINDING_REFUTED, _S.FIX_CLAIMED, _S.IN_PROGRESS),
    # people
    *(Move(_K.FINDING_ACKNOWLEDGED, state, _S.ACKNOWLEDGED) for state in (_S.OPEN, _S.REOPENED)),
    *(Move(_K.FINDING_STARTED, state, _S.IN_PROGRESS) for state in _WORKED if state is not _S.IN_PROGRESS),
    *(Move(_K.FINDING_CLAIMED, state, _S.FIX_CLAIMED) for state in _WORKED if state is not _S.FIX_CLAIMED),
    *(Move(_K.FINDING_ASSIGNED, state, state) for state in _LIVE),
    *(Move(_K.FINDING_PLANNED, state, state) for state in _LIVE),
    # exceptions that people approved, and that end
    *(Move(_K.FINDING_EXCEPTED, state, _S.EXCEPTED) for state in (*_WORKED, _S.FALSE_POSITIVE)),
    *(Move(_K.FINDING_DISPUTED, state, _S.FALSE_POSITIVE) for state in (*_WORKED, _S.EXCEPTED)),
    *(Move(_K.FINDING_RESTORED, state, _S.OPEN) for state in SPARED),
)

PEOPLES = {
    _K.FINDING_ACKNOWLEDGED: "acknowledge",
    _K.FINDING_STARTED: "start",
    _K.FINDING_CLAIMED: "claim",
    _K.FINDING_ASSIGNED: "assign",
    _K.FINDING_PLANNED: "plan",
}
"""Moves that a person makes, by what people call them when they ask for one; the others follow from scans and from exceptions."""

LIVE: frozenset[FindingState] = frozenset(m.before for m in MOVES if m.before and m.after is FindingState.CLOSED)
"""States from which proof may close a finding: all those in which it is not closed already."""

WORKED: frozenset[FindingState] = frozenset(_WORKED)
"""States in which somebody has work to do."""

_BY_START = {(m.kind, m.before): m for m in MOVES}


def legal(before: FindingState | None) -> tuple[EventKind, ...]:
    """The moves that people may make from a state."""
    return tuple(kind for kind in PEOPLES if (kind, before) in _BY_START)


def move(kind: EventKind, before: FindingState | None, resolution: Resolution | None = None) -> FindingState:
    """The state that ``kind`` leads to from ``before``. Raises UsageError when the table has no such move."""
    row = _BY_START.get((kind, before))
    if row is None:
        message = _("{move} is no legal move for a finding that is {state}; legal are: {legal}")
        state = label(before) if before else _("not there yet")
        names = _(", ").join(PEOPLES[k] for k in legal(before)) or _("none")
        raise UsageError(message.format(move=PEOPLES.get(kind) or label(kind), state=state, legal=names))
    if resolution not in (row.resolutions or (None,)):
        word = resolution.value if resolution else _("no resolution")
        state = before.value if before else _("nothing")
        raise UsageError(_("{move} from {state} cannot carry {resolution}").format(move=kind.value, state=state, resolution=word))
    return row.after
