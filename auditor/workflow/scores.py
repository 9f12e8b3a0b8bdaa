"""The newest audit as a score, every term of it, and the statement of applicability."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import (
    Answer,
    AttestedAnswer,
    Catalogue,
    Control,
    ControlScore,
    DepartmentScore,
    FindingState,
    Plan,
    Run,
    Severity,
    VerdictKind,
)
from auditor.planning import effective_policy
from auditor.scoring import overall_index, score_department
from auditor.text import _, current
from auditor.workflow.attestations import accepted_answers
from auditor.workflow.queries import reading


@dataclass(frozen=True, slots=True)
class Term:
    """One outcome that counts for a control."""

    asset: str
    check: str
    severity: Severity
    weight: int
    kind: VerdictKind
    excepted: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """What the newest whole audit and the accepted answers come to."""

    run: Run
    departments: tuple[DepartmentScore, ...]
    index: float | None


@dataclass(frozen=True, slots=True)
class Applicability:
    """One line of a statement of applicability. ``why_not`` is "" for a control that applies."""

    control: Control
    article: str
    applies: bool
    why_not: str
    score: ControlScore | None
    answer: AttestedAnswer | None


def scores(catalogue: Catalogue, *, now: datetime | None = None) -> Scores:
    """Score the newest whole audit. Raises UsageError when there is none."""
    with reading(catalogue) as ledger:
        run, plan = _newest(ledger)
        kinds = {(o.asset, o.check): o.kind for o in ledger.verdicts(run.id)}
        answers = accepted_answers(ledger, catalogue, now or datetime.now(UTC))
        policy = catalogue.policies[plan.policy]
        found = tuple(
            score_department(
                d,
                kinds,
                catalogue.framework,
                policy,
                partial=False,
                answers=answers.get(d.department, {}),
                excepted=_excepted(ledger),
            )
            for d in plan.departments
        )
        return Scores(run, found, None if plan.set_aside else overall_index(found))


def explain(catalogue: Catalogue, department: str, control: str) -> tuple[Term, ...]:
    """Every outcome that counts for a control in a department, the failing first."""
    with reading(catalogue) as ledger:
        run, plan = _newest(ledger)
        kinds = {(o.asset, o.check): o.kind for o in ledger.verdicts(run.id)}
        excepted = _excepted(ledger)
    scoring = catalogue.policies[plan.policy].scoring
    whole = next((d for d in plan.departments if d.department == department), None)
    if whole is None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
    tasks = [(a.asset, t) for a in whole.assets for t in a.checks] + [(whole.asset, t) for t in whole.checks]
    terms = [
        Term(
            asset.uid,
            task.check,
            task.severity,
            scoring.check_weights[task.severity] * scoring.criticality_weights[asset.criticality],
            kinds.get((asset.uid, task.check), VerdictKind.UNKNOWN),
            (asset.uid, task.check) in excepted,
        )
        for asset, task in tasks
        if control in task.controls
    ]
    order = (VerdictKind.FAIL, VerdictKind.ERROR, VerdictKind.UNKNOWN, VerdictKind.PASS, VerdictKind.NOT_APPLICABLE)
    return tuple(sorted(terms, key=lambda t: (order.index(t.kind), -t.weight, t.asset, t.check)))


def applicability(catalogue: Catalogue, department: str, *, now: datetime | None = None) -> tuple[Applicability, ...]:
    """The department's statement of applicability: every control of the framework, in its order."""
    moment = now or datetime.now(UTC)
    home = next((d for d in catalogue.inventory.departments if d.id == department), None)
    if home is None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    effective = effective_policy(catalogue, policy, home, moment)
    relaxed = {r.control: r for r in effective.relaxations if r.control}
    scored = next((d for d in scores(catalogue, now=moment).departments if d.department == department), None)
    by_control = {c.control: c for c in scored.controls} if scored else {}
    with reading(catalogue) as ledger:
        answers = {a.control: a for a in ledger.records(AttestedAnswer) if a.department == department}
        accepted = accepted_answers(ledger, catalogue, moment).get(department, {})
    lines = []
    for control in catalogue.framework.controls:
        answer = answers.get(control.id) if control.id in accepted else None
        why_not = ""
        if control.id not in policy.controls:
            why_not = _("the policy does not require it")
        elif control.id in relaxed:
            why_not = relaxed[control.id].justification.to(current())
        elif answer is not None and answer.answer is Answer.NOT_APPLICABLE:
            why_not = answer.justification
        article = policy.controls.get(control.id, "")
        lines.append(Applicability(control, article, not why_not, why_not, by_control.get(control.id), answer))
    return tuple(lines)


def _newest(ledger: Ledger) -> tuple[Run, Plan]:
    run = ledger.run("latest")
    return run, ledger.plan(run.id)


def _excepted(ledger: Ledger) -> frozenset[tuple[str, str]]:
    """Asset and check of failures of which every open finding is excepted or a false positive."""
    spared: set[tuple[str, str]] = set()
    open_ones: set[tuple[str, str]] = set()
    for finding in ledger.findings(open_only=True):
        excepted = finding.state in (FindingState.EXCEPTED, FindingState.FALSE_POSITIVE)
        (spared if excepted else open_ones).add((finding.asset, finding.check))
    return frozenset(spared - open_ones)
