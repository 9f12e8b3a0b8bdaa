"""The account that a run gives of itself."""

from __future__ import annotations

from auditor.model import DepartmentPlan, Framework, Json, Plan, Reach, VerdictKind
from auditor.scoring import score_department
from auditor.workflow.summary import _incomplete, recounted
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


def test_a_run_of_before_shows_the_coverage_of_today() -> None:
    """Regression: its stored share counted what does not apply as judged, and the trend seemed to fall on the day of upgrade."""
    verdicts: Json = {"pass": 2, "fail": 1, "unknown": 2, "error": 1, "not_applicable": 4}
    stored: Json = {"planned": 10, "judged": 7, "share": 0.7}
    told = recounted({"verdicts": verdicts, "coverage": stored, "departments": [{"verdicts": verdicts, "coverage": stored}]})
    today = {"planned": 10, "judged": 3, "not_applicable": 4, "share": 0.5}
    assert (told["coverage"], told["departments"]) == (today, [{"verdicts": verdicts, "coverage": today}])
    nothing = recounted({"verdicts": {}, "coverage": {"planned": 0, "judged": 0, "share": None}})
    assert nothing["coverage"] == {"planned": 0, "judged": 0, "not_applicable": 0, "share": None}
