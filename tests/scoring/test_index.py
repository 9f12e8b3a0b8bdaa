"""The index: what was not observed stays below the line, and no figure is shown that coverage does not carry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.model import (
    Answer,
    Coverage,
    Criticality,
    DepartmentPlan,
    Evidence,
    Framework,
    Level,
    ScoreState,
    Scoring,
    Severity,
    ThemeScore,
    VerdictKind,
)
from auditor.scoring import overall_index, score_department, theme_scores
from auditor.text.labels import index_of, label
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


def test_what_does_not_apply_does_not_lift_coverage_over_the_floor() -> None:
    """Regression, an index shown that coverage does not carry: of four checks one was decided and two do not apply, which read as
    75% where one of two that might apply is 50%."""
    tasks = tuple(task(name, controls=("A.8.2",)) for name in ("a", "b", "c", "d"))
    plan = DepartmentPlan("health", host("department:health"), (asset_plan(*tasks, asset=host("h")),), controls=("A.8.2",))
    kinds = {("h", "a"): VerdictKind.PASS, ("h", "b"): VerdictKind.NOT_APPLICABLE, ("h", "c"): VerdictKind.NOT_APPLICABLE}
    scored = score_department(plan, kinds, FRAMEWORK, policy(coverage_floor=0.6), partial=False)
    assert (scored.coverage, scored.coverage.share) == (Coverage(planned=4, judged=1, not_applicable=2), 0.5)
    assert (scored.index, scored.withheld) == (None, "coverage")


def test_a_hybrid_control_is_not_fully_implemented_before_people_answer() -> None:
    """Regression, a false pass: every check passed, the attestation was unanswered, and the control read "fully implemented"."""
    kinds = {("h", "a"): VerdictKind.PASS, ("h", "b"): VerdictKind.PASS}

    def hybrid(**answers: Answer) -> tuple[ScoreState, Level, float | None]:
        own = score_department(PLAN, kinds, FRAMEWORK, policy(), partial=False, answers=answers).controls[1]
        return own.state, own.level, own.share

    assert hybrid() == (ScoreState.PARTLY, Level.PARTLY, 1.0)
    assert hybrid(**{"A.8.5": Answer.IMPLEMENTED}) == (ScoreState.BOTH, Level.FULLY, 1.0)
    assert score(VerdictKind.PASS, VerdictKind.PASS).controls[0].level is Level.FULLY  # technical: checks decide all of it


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (VerdictKind.FAIL, ScoreState.BOTH),
        (VerdictKind.PASS, ScoreState.BOTH),
        (VerdictKind.UNKNOWN, ScoreState.ATTESTED),
        (VerdictKind.NOT_APPLICABLE, ScoreState.ATTESTED),
    ],
)
def test_a_control_decided_by_checks_and_by_people_says_both(kind: VerdictKind, state: ScoreState) -> None:
    """Regression: a control answered "implemented" whose check fails read "partly implemented", decided "attested", as if people
    had said the worse. Where checks decided nothing, people alone have decided."""
    kinds = {("h", "a"): VerdictKind.PASS, ("h", "b"): kind}
    answers = {"A.8.5": Answer.IMPLEMENTED, "A.5.1": Answer.IMPLEMENTED}
    scored = score_department(PLAN, kinds, FRAMEWORK, policy(coverage_floor=0.5), partial=False, answers=answers)
    assert [c.state for c in scored.controls[1:]] == [state, ScoreState.ATTESTED]
    assert (label(ScoreState.BOTH), scored.controls[1].by_checks) == ("by checks and by attestation", state is ScoreState.BOTH)


def themed(a: VerdictKind | None, *, floor: float, **answers: Answer) -> ThemeScore:
    """The theme of three controls alike, one decided by a check and two by people."""
    own = tuple(control(name, theme="physical", evidence=Evidence.ATTESTATION) for name in ("A.7.1", "A.7.2"))
    framework = Framework("iso27001-2022", TEXT, (control("A.7.10", "a", theme="physical"), *own))
    plan = replace(
        PLAN, assets=(asset_plan(task("a", controls=("A.7.10",)), asset=host("h")),), controls=("A.7.10", "A.7.1", "A.7.2")
    )
    kinds = {("h", "a"): a} if a is not None else {}
    given = {name.replace("_", "."): answer for name, answer in answers.items()}
    scored = score_department(plan, kinds, framework, policy(coverage_floor=0.0), partial=False, answers=given)
    return theme_scores(scored, framework, floor)["physical"]


def test_no_index_of_a_theme_of_which_too_little_is_decided() -> None:
    """Regression: a theme's index of 95.5 rested on 2 controls of 14, since those that await an answer were left out, and nothing
    said so; below the policy's floor it is withheld, and its basis is told either way."""
    few = themed(VerdictKind.PASS, floor=0.6)
    assert (few.index, few.withheld, few.basis.decided, few.basis.controls) == (None, "theme", 1, 3)
    enough = themed(VerdictKind.PASS, floor=0.6, A_7_1=Answer.NOT_IMPLEMENTED)
    assert (enough.index, enough.withheld, enough.basis.decided, enough.basis.controls) == (50.0, "", 2, 3)


def test_what_nobody_observed_decides_no_theme() -> None:
    """Regression: a theme's index fell to 16.1 because one host was down; a control of which nothing was seen is not decided. One
    that an accepted answer takes out is not asked for either."""
    down = themed(None, floor=0.6, A_7_1=Answer.IMPLEMENTED, A_7_2=Answer.NOT_APPLICABLE)
    assert (down.index, down.withheld, down.basis.decided, down.basis.controls) == (None, "theme", 1, 2)
    assert score(None, None).automated_share == 0.0


def test_what_the_index_counts_is_what_is_said_of_it() -> None:
    """Regression: "rests on 1 of 3 controls; those that await an answer are left out", though the mean was of two: one more
    counted as 0, because nothing was seen of it."""
    scored = score(None, None, floor=0)
    assert [c.share for c in scored.controls] == [0.0, 0.0, None]
    assert (scored.basis.decided, scored.basis.unseen, scored.basis.controls) == (0, 2, 3)
    half = DepartmentPlan(
        "health",
        host("department:health"),
        (asset_plan(task("a", controls=("A.8.2",)), task("b", controls=("A.8.5",)), asset=host("h")),),
        controls=("A.8.2", "A.8.5", "A.5.1"),
    )
    one = score_department(half, {("h", "a"): VerdictKind.PASS}, FRAMEWORK, policy(coverage_floor=0), partial=False)
    assert one.index is not None
    assert round(one.index) == 80  # 4 × 1 and 1 × 0, over 5
    assert index_of([one.basis]).startswith("rests on 1 of 3 controls; counted as 0, because nothing was seen of them: 1;")
    assert index_of([score(VerdictKind.PASS, VerdictKind.PASS).basis]).startswith("rests on 2 of 3 controls; those that await")
