"""The index: what was not observed stays below the line, and no figure is shown that coverage does not carry."""

from __future__ import annotations

import pytest

from auditor.model import DepartmentPlan, Evidence, Framework, ScoreState, Severity, VerdictKind
from auditor.scoring import overall_index, score_department
from tests.builders import TEXT, asset_plan, control, host, policy, task

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
    assert ScoreState.NOT_APPLICABLE is scored.controls[1].state


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
