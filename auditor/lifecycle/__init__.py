"""The life of a finding: pure rules that turn verdicts into events. ``table`` alone says which move is legal."""

from auditor.lifecycle.deadlines import due
from auditor.lifecycle.identity import finding_id
from auditor.lifecycle.reconcile import reconcile
from auditor.lifecycle.replay import replay
from auditor.lifecycle.table import LIVE, MOVES, Move, move

__all__ = ["LIVE", "MOVES", "Move", "due", "finding_id", "move", "reconcile", "replay"]
