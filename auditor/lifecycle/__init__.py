"""The life of a finding: pure rules that turn verdicts into events. ``table`` alone says which move is legal."""

from auditor.lifecycle.deadlines import Deadline, deadline, has_passed, is_due_soon, is_overdue
from auditor.lifecycle.identity import finding_id
from auditor.lifecycle.reconcile import reconcile
from auditor.lifecycle.replay import replay
from auditor.lifecycle.table import LIVE, MOVES, WORKED, Move, legal, move

__all__ = [
    "LIVE",
    "MOVES",
    "WORKED",
    "Deadline",
    "Move",
    "deadline",
    "finding_id",
    "has_passed",
    "is_due_soon",
    "is_overdue",
    "legal",
    "move",
    "reconcile",
    "replay",
]
