"""The index: what was not observed stays below the line, and no figure is shown that coverage does not carry."""

from __future__ import annotations

import pytest

from auditor.model import (
    Answer,
    Criticality,
    DepartmentPlan,
    Evidence,
    Framework,
    Level,
    ScoreState,
    Scoring,
    Severity,
    VerdictKind,
)
from auditor.scoring import overall_index, score_department
from tests.builders import TEXT, WEIGHTS, asset_plan, control, host, policy, task

FRAMEWORK = Framework(
    "iso27001-2022",
    TEXT,
    (
        control("A.8.2", "a", "b", evidence=Evidence.TECHNICAL),
        control("A.8.5", "b", severity=Severity.LOW),
        control("A.5.1", evidence=Evidence.ATTESTATION),
    ),
)
PLAN = DepartmentPlan(
    "health",
    host("department:health"),
    (
        asset_plan(
            task("a", controls=("A.8.2",), severity=Severity.HIGH),
            task("b", controls=("A.8.2", "A.8.5"), severity=Severity.LOW),
            asset=host("h"),
        ),
    ),
    controls=("A.8.2", "A.8.5", "A.5.1"),
)


def score(a: VerdictKind | None, b: VerdictKind | None, *, partial: bool = False, floor: float = 0.5):
    kinds = {("h", name): kind for name, kind in (("a", a), ("b", b)) if kind is not None}
    return score_department(PLAN, kinds, FRAMEWORK, policy(coverage_floor=floor), partial=partial)


def test_weights() -> None:
    """share(A.8.2) = 4 of 5 by check weights; index = (4 × 0.8 + 1 × 0) ÷ 5 by control weights."""
    scored = score(VerdictKind.PASS, VerdictKind.FAIL)
    assert [c.share for c in scored.controls] == [0.8, 0.0, None]
    assert pytest.approx(100 * (4 * 0.8) / 5) == scored.index
    assert [c.state for c in scored.controls] == [ScoreState.AUTOMATED, ScoreState.PARTLY, ScoreState.MANUAL]


@pytest.mark.parametrize("kind", [VerdictKind.UNKNOWN, VerdictKind.ERROR, None])
def test_not_observed_stays_in_the_denominator(kind: VerdictKind | None) -> None:
    """Regression: an unknown, an error or a missing outcome lowers the index just as a failure does."""
    assert score(VerdictKind.PASS, VerdictKind.FAIL).index == score(VerdictKind.PASS, kind).index


def test_not_applicable_counts_on_neither_side() -> None:
    """What does not apply neither helps nor harms."""
    scored = score(VerdictKind.PASS, VerdictKind.NOT_APPLICABLE)
    assert [c.share for c in scored.controls] == [1.0, None, None]
    assert scored.index == 100.0
    assert ScoreState.MANUAL is scored.controls[1].state  # people must answer still: regression, it read "not applicable"


def test_no_index_under_the_coverage_floor() -> None:
    """Under the floor there is no figure, and the reason is given."""
    scored = score(VerdictKind.PASS, VerdictKind.UNKNOWN, floor=0.6)
    assert (scored.index, scored.withheld, scored.coverage.share) == (None, "coverage", 0.5)


def test_no_index_for_a_narrowed_run() -> None:
    """Some hosts or checks are not the department."""
    assert (lambda s: (s.index, s.withheld))(score(VerdictKind.PASS, VerdictKind.PASS, partial=True)) == (None, "narrowed")


def test_overall_needs_every_department() -> None:
    """The overall index is not an average of those that happened to be audited."""
    good, withheld = score(VerdictKind.PASS, VerdictKind.PASS), score(None, None)
    assert overall_index([good, good]) == 100.0
    assert overall_index([good, withheld]) is None
    assert overall_index([]) is None


def answered(**answers: Answer):
    kinds = {("h", "a"): VerdictKind.PASS, ("h", "b"): VerdictKind.FAIL}
    given = {name.replace("_", "."): answer for name, answer in answers.items()}
    return score_department(PLAN, kinds, FRAMEWORK, policy(coverage_floor=0.5), partial=False, answers=given)


def test_an_accepted_answer_counts_beside_the_checks() -> None:
    """Half of the share where checks decide as well, all of it where they do not; the index speaks for more of the policy."""
    scored = answered(A_8_5=Answer.IMPLEMENTED, A_5_1=Answer.PARTLY)
    assert [c.share for c in scored.controls] == [0.8, 0.5, 0.5]
    assert [c.level for c in scored.controls] == [Level.PARTLY] * 3
    assert scored.attested_share > 0
    assert scored.automated_share == answered().automated_share


def test_an_answer_of_not_applicable_takes_the_control_out() -> None:
    """On neither side; what checks say of it no longer counts."""
    scored = answered(A_8_5=Answer.NOT_APPLICABLE)
    assert (scored.controls[1].share, scored.controls[1].level) == (None, Level.NOT_APPLICABLE)
    assert pytest.approx(80.0) == scored.index


def test_levels() -> None:
    """Fully and not at all are exactly that."""
    assert answered(A_5_1=Answer.IMPLEMENTED).controls[2].level is Level.FULLY
    assert answered(A_5_1=Answer.NOT_IMPLEMENTED).controls[2].level is Level.NOT
    assert answered().controls[2].level is Level.NOT_KNOWN


def test_a_critical_asset_weighs_more() -> None:
    """The policy's factor for its criticality multiplies the check's weight."""
    factors = {Criticality.HIGH: 3, Criticality.MEDIUM: 1, Criticality.LOW: 1}
    weighed = policy(scoring=Scoring(WEIGHTS, WEIGHTS, factors))
    assets = tuple(
        asset_plan(task("a", controls=("A.8.2",)), asset=host(name, criticality=criticality))
        for name, criticality in (("vital", Criticality.HIGH), ("spare", Criticality.LOW))
    )
    plan = DepartmentPlan("health", host("department:health"), assets, controls=("A.8.2",))
    kinds = {("vital", "a"): VerdictKind.PASS, ("spare", "a"): VerdictKind.FAIL}
    assert score_department(plan, kinds, FRAMEWORK, weighed, partial=False).controls[0].share == 0.75


def test_what_failed_by_exception_has_failed() -> None:
    """It is counted apart, and lowers the index like any other failure."""
    kinds = {("h", "a"): VerdictKind.PASS, ("h", "b"): VerdictKind.FAIL}
    excepted = score_department(PLAN, kinds, FRAMEWORK, policy(coverage_floor=0.5), partial=False, excepted={("h", "b")})
    assert excepted.index == answered().index
    assert [c.excepted for c in excepted.controls] == [1, 1, 0]


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (VerdictKind.PASS, ScoreState.AUTOMATED),
        (VerdictKind.FAIL, ScoreState.AUTOMATED),
        (VerdictKind.UNKNOWN, ScoreState.NOT_KNOWN),
        (VerdictKind.ERROR, ScoreState.NOT_KNOWN),
        (VerdictKind.NOT_APPLICABLE, ScoreState.NOT_APPLICABLE),
    ],
)
def test_checks_that_weigh_nothing_decide_the_state(kind: VerdictKind, state: ScoreState) -> None:
    """Regression: with a weight of 0 a control whose only check failed or was unknown read "not applicable"."""
    weightless = policy(scoring=Scoring({**WEIGHTS, Severity.LOW: 0}, WEIGHTS))
    asset = asset_plan(task("a", controls=("A.8.2",), severity=Severity.LOW), asset=host("h"))
    plan = DepartmentPlan("health", host("department:health"), (asset,), controls=("A.8.2",))
    (scored,) = score_department(plan, {("h", "a"): kind}, FRAMEWORK, weightless, partial=False).controls
    assert (scored.state, scored.share, scored.automated) == (state, None, None)
