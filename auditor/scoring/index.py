"""The index: a weighted share of passing outcomes per control, then of controls per department.

For a control, over every planned asset × check that speaks for it, each with weight(check) × weight(criticality of the asset)::

    automated = Σ weight of those that pass ÷ Σ weight of those that pass, fail, are unknown or in error

What does not apply counts on neither side; what was not observed stays below the line; what failed by exception has failed. An
accepted answer counts 1 (implemented), the policy's ``partly``, or 0; "not applicable" takes the control out. With ``a`` for the
policy's ``attested``::

    share = automated, or the answer, or (1 - a) × automated + a × answer where there are both

For a department::

    index = 100 × Σ weight(control) × share(control) ÷ Σ weight(control), over the controls that have a share

Controls that await an answer, and for which no check speaks meanwhile, have no share; those whose checks saw nothing have a share
of 0. How much of the policy the index speaks for is told beside it, as the automated and the attested share and as the number of
controls that are decided. A theme's index is made alike, and withheld where less of its weight is decided than the policy's
``coverage_floor``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from auditor.model import (
    Answer,
    Basis,
    CheckTask,
    Control,
    ControlScore,
    Coverage,
    Criticality,
    DepartmentPlan,
    DepartmentScore,
    Evidence,
    Framework,
    Policy,
    ScoreState,
    Scoring,
    ThemeScore,
    VerdictKind,
)

_VALUES = {Answer.IMPLEMENTED: 1.0, Answer.NOT_IMPLEMENTED: 0.0}


def score_department(
    plan: DepartmentPlan,
    kinds: Mapping[tuple[str, str], VerdictKind],
    framework: Framework,
    policy: Policy,
    *,
    partial: bool,
    answers: Mapping[str, Answer] = MappingProxyType({}),
    excepted: Container[tuple[str, str]] = frozenset(),
) -> DepartmentScore:
    """Score one department from the kind of each outcome, by asset uid and check id, and from accepted answers by control.

    A planned asset × check that is not among them counts as unknown. ``partial`` when the run was narrowed to some hosts or
    checks: then no index is shown.
    """
    spared: Counter[str] = Counter()
    counts: dict[str, Counter[VerdictKind]] = defaultdict(Counter)
    weights: dict[str, Counter[VerdictKind]] = defaultdict(Counter)
    totals: Counter[VerdictKind] = Counter()
    for (task, kind, criticality, excused), n in _tally(plan, kinds, excepted):
        weight = policy.scoring.check_weights[task.severity] * policy.scoring.criticality_weights[criticality]
        totals[kind] += n
        for control in task.controls:
            counts[control][kind] += n
            weights[control][kind] += weight * n
            spared[control] += n * excused
    by_id = {control.id: control for control in framework.controls}
    controls = tuple(
        _control_score(by_id[c], counts[c], weights[c], policy.scoring, answers.get(c), spared[c])
        for c in plan.controls
        if c in by_id
    )
    coverage = Coverage.of(totals)
    index = _weighted(controls)
    withheld = _withheld(coverage, index, policy, partial)
    all_weight = sum(c.weight for c in controls)
    automated = sum(c.weight for c in controls if c.by_checks)
    attested = sum(c.weight for c in controls if c.attested is not None)
    return DepartmentScore(
        department=plan.department,
        coverage=coverage,
        index=None if withheld else index,
        withheld=withheld,
        automated_share=automated / all_weight if all_weight else 0.0,
        attested_share=attested / all_weight if all_weight else 0.0,
        verdicts={kind: totals[kind] for kind in VerdictKind},
        controls=controls,
    )


_Alike = tuple[CheckTask, VerdictKind, Criticality, bool]


def _tally(
    plan: DepartmentPlan, kinds: Mapping[tuple[str, str], VerdictKind], excepted: Container[tuple[str, str]]
) -> Iterator[tuple[_Alike, int]]:
    """Outcomes that count alike, and how many: thousands of hosts share their tasks, so that there are few of these."""
    tasks = {id(task): task for own in (plan.checks, *(a.checks for a in plan.assets)) for task in own}
    found: dict[tuple[int, VerdictKind, Criticality, bool], int] = defaultdict(int)
    for asset, own in ((plan.asset, plan.checks), *((a.asset, a.checks) for a in plan.assets)):
        uid, criticality = asset.uid, asset.criticality
        for task in own:
            kind = kinds.get((uid, task.check), VerdictKind.UNKNOWN)
            excused = kind is VerdictKind.FAIL and (uid, task.check) in excepted
            found[id(task), kind, criticality, excused] += 1
    for (name, kind, criticality, excused), n in found.items():
        yield (tasks[name], kind, criticality, excused), n


def overall_index(scores: Iterable[DepartmentScore]) -> float | None:
    """The mean of the departments' indices; None unless every department has one."""
    indices = [score.index for score in scores]
    known = [index for index in indices if index is not None]
    return sum(known) / len(known) if known and len(known) == len(indices) else None


def theme_scores(score: DepartmentScore, framework: Framework, floor: float) -> dict[str, ThemeScore]:
    """The index of each theme of the framework, made as the department's is; none where that one is withheld, nor where less than
    ``floor`` of the theme's weight is decided: two controls do not speak for the twelve that await an answer."""
    themes = {control.id: control.theme for control in framework.controls}
    return {
        theme: _theme_score(score, tuple(c for c in score.controls if themes.get(c.control) == theme), floor)
        for theme in dict.fromkeys(themes.values())
    }


def _theme_score(score: DepartmentScore, controls: Sequence[ControlScore], floor: float) -> ThemeScore:
    basis, index = Basis.of(controls), _weighted(controls)
    withheld = score.withheld
    if not withheld and (index is None or basis.share is None):
        withheld = "nothing"
    elif not withheld and basis.share is not None and basis.share < floor:
        withheld = "theme"
    return ThemeScore(None if withheld else index, basis, withheld)


def _control_score(
    control: Control,
    counts: Counter[VerdictKind],
    weights: Counter[VerdictKind],
    scoring: Scoring,
    answer: Answer | None,
    excepted: int,
) -> ControlScore:
    below = sum(weights[k] for k in VerdictKind if k is not VerdictKind.NOT_APPLICABLE)
    automated = weights[VerdictKind.PASS] / below if below else None
    attested = None if answer in (None, Answer.NOT_APPLICABLE) else _VALUES.get(answer, scoring.partly)
    share = attested if automated is None else automated
    if automated is not None and attested is not None:
        share = (1 - scoring.attested) * automated + scoring.attested * attested
    if answer is Answer.NOT_APPLICABLE:
        share = automated = None
    return ControlScore(
        control=control.id,
        state=_state(control, counts, answer, beside_checks=automated is not None),
        weight=scoring.control_weights[control.severity],
        share=share,
        passed=counts[VerdictKind.PASS],
        failed=counts[VerdictKind.FAIL],
        unknown=counts[VerdictKind.UNKNOWN],
        errors=counts[VerdictKind.ERROR],
        not_applicable=counts[VerdictKind.NOT_APPLICABLE],
        automated=automated,
        attested=attested,
        excepted=excepted,
    )


def _state(control: Control, counts: Counter[VerdictKind], answer: Answer | None, *, beside_checks: bool) -> ScoreState:
    if answer is Answer.NOT_APPLICABLE:
        return ScoreState.NOT_APPLICABLE
    if answer is not None:
        judged = counts[VerdictKind.PASS] + counts[VerdictKind.FAIL] > 0
        return ScoreState.BOTH if beside_checks and judged else ScoreState.ATTESTED
    if not counts:
        return ScoreState.MANUAL
    # that no check applies decides a control only where checks decide all of it; verdicts count, for their weights may be 0
    if counts.total() == counts[VerdictKind.NOT_APPLICABLE]:
        return ScoreState.NOT_APPLICABLE if control.evidence is Evidence.TECHNICAL else ScoreState.MANUAL
    if not counts[VerdictKind.PASS] + counts[VerdictKind.FAIL]:
        return ScoreState.NOT_KNOWN
    return ScoreState.AUTOMATED if control.evidence is Evidence.TECHNICAL else ScoreState.PARTLY


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
