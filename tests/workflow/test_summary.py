"""The account that a run gives of itself."""

from __future__ import annotations

from auditor.model import DepartmentPlan, Framework, Plan, Reach, VerdictKind
from auditor.scoring import score_department
from auditor.workflow.summary import _incomplete
from tests.builders import NOW, TEXT, asset_plan, control, host, policy, task

FRAMEWORK = Framework("iso27001-2022", TEXT, (control("A.8.2", "a", "b"),))
ASSET = asset_plan(task("a"), task("b"), asset=host("h"))
HEALTH = DepartmentPlan("health", host("department:health"), (ASSET,), controls=("A.8.2",))
PLAN = Plan("national", "1", True, NOW, (HEALTH,))


def incomplete(a: VerdictKind, b: VerdictKind) -> tuple[str, ...]:
    kinds = {("h", "a"): a, ("h", "b"): b}
    score = score_department(HEALTH, kinds, FRAMEWORK, policy(coverage_floor=0.6), partial=False)
    return _incomplete(PLAN, [score], policy(coverage_floor=0.6), {"h": (Reach.REACHED, "")})


def test_what_does_not_apply_leaves_nothing_incomplete() -> None:
    """It is neither covered nor missing: a department to which no check applies was looked at, whole."""
    assert incomplete(VerdictKind.NOT_APPLICABLE, VerdictKind.NOT_APPLICABLE) == ()
    assert incomplete(VerdictKind.NOT_APPLICABLE, VerdictKind.PASS) == ()


def test_what_does_not_apply_makes_nothing_complete() -> None:
    """Regression: one check unknown of two read as half covered where the other did not apply at all."""
    assert incomplete(VerdictKind.NOT_APPLICABLE, VerdictKind.UNKNOWN) == ("coverage",)
    assert incomplete(VerdictKind.UNKNOWN, VerdictKind.ERROR) == ("coverage", "nothing")
