"""The index: a weighted share of passing outcomes per control, then of controls per department.

For a control, over every planned asset × check that speaks for it::

    share = Σ weight(check) of those that pass ÷ Σ weight(check) of those that pass, fail, are unknown or in error

What does not apply counts on neither side; what was not observed stays below the line. For a department::

    index = 100 × Σ weight(control) × share(control) ÷ Σ weight(control), over the controls that have a share

Controls that no check decides have no share; how much of the policy the index speaks for is the automated share beside it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from auditor.model import (
    Control,
    ControlScore,
    Coverage,
    DepartmentPlan,
    DepartmentScore,
    Evidence,
    Framework,
    Policy,
    ScoreState,
    Severity,
    VerdictKind,
)

_JUDGED = frozenset({VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.NOT_APPLICABLE})


def score_department(
    plan: DepartmentPlan,
    kinds: Mapping[tuple[str, str], VerdictKind],
    framework: Framework,
    policy: Policy,
    *,
    partial: bool,
) -> DepartmentScore:
    """Score one department from the kind of each outcome, by asset uid and check id.

    A planned asset × check that is not among them counts as unknown. ``partial`` when the run was narrowed to some hosts or
    checks: then no index is shown.
    """
    tasks = [(a.asset.uid, t) for a in plan.assets for t in a.checks] + [(plan.asset.uid, t) for t in plan.checks]
    counts: dict[str, Counter[VerdictKind]] = defaultdict(Counter)
    weights: dict[str, Counter[VerdictKind]] = defaultdict(Counter)
    totals: Counter[VerdictKind] = Counter()
    for uid, task in tasks:
        kind = kinds.get((uid, task.check), VerdictKind.UNKNOWN)
        totals[kind] += 1
        for control in task.controls:
            counts[control][kind] += 1
            weights[control][kind] += policy.scoring.check_weights[task.severity]
    by_id = {control.id: control for control in framework.controls}
    controls = tuple(
        _control_score(by_id[c], counts[c], weights[c], policy.scoring.control_weights) for c in plan.controls if c in by_id
    )
    coverage = Coverage(planned=len(tasks), judged=sum(totals[kind] for kind in _JUDGED))
    index = _weighted(controls)
    withheld = _withheld(coverage, index, policy, partial)
    all_weight = sum(c.weight for c in controls)
    automated = sum(c.weight for c in controls if c.share is not None)
    return DepartmentScore(
        department=plan.department,
        coverage=coverage,
        index=None if withheld else index,
        withheld=withheld,
        automated_share=automated / all_weight if all_weight else 0.0,
        attested_share=0.0,  # attestations are not recorded yet
        verdicts={kind: totals[kind] for kind in VerdictKind},
        controls=controls,
    )


def overall_index(scores: Iterable[DepartmentScore]) -> float | None:
    """The mean of the departments' indices; None unless every department has one."""
    indices = [score.index for score in scores]
    known = [index for index in indices if index is not None]
    return sum(known) / len(known) if known and len(known) == len(indices) else None


def _control_score(
    control: Control, counts: Counter[VerdictKind], weights: Counter[VerdictKind], control_weights: Mapping[Severity, int]
) -> ControlScore:
    below = sum(weights[k] for k in VerdictKind if k is not VerdictKind.NOT_APPLICABLE)
    observed = counts[VerdictKind.PASS] + counts[VerdictKind.FAIL]
    if not counts:
        state = ScoreState.MANUAL
    elif not below:
        state = ScoreState.NOT_APPLICABLE
    elif not observed:
        state = ScoreState.NOT_KNOWN
    else:
        state = ScoreState.AUTOMATED if control.evidence is Evidence.TECHNICAL else ScoreState.PARTLY
    return ControlScore(
        control=control.id,
        state=state,
        weight=control_weights[control.severity],
        share=weights[VerdictKind.PASS] / below if below else None,
        passed=counts[VerdictKind.PASS],
        failed=counts[VerdictKind.FAIL],
        unknown=counts[VerdictKind.UNKNOWN],
        errors=counts[VerdictKind.ERROR],
        not_applicable=counts[VerdictKind.NOT_APPLICABLE],
    )


def _weighted(controls: Iterable[ControlScore]) -> float | None:
    scored = [(c.weight, c.share) for c in controls if c.share is not None]
    total = sum(weight for weight, _ in scored)
    return 100 * sum(weight * share for weight, share in scored) / total if total else None


def _withheld(coverage: Coverage, index: float | None, policy: Policy, partial: bool) -> str:
    if partial:
        return "narrowed"
    if index is None or coverage.share is None:
        return "nothing"
    return "coverage" if coverage.share < policy.coverage_floor else ""
