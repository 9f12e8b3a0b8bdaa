"""The newest audit as a score, every term of it, and the statement of applicability."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import (
    SPARED,
    Answer,
    Applicability,
    AttestedAnswer,
    Catalogue,
    Control,
    DepartmentPlan,
    DepartmentScore,
    Finding,
    FindingState,
    Plan,
    Policy,
    Run,
    Severity,
    Text,
    VerdictKind,
)
from auditor.planning import effective_policy
from auditor.scoring import overall_index, score_department
from auditor.text import _
from auditor.workflow.attestations import accepted
from auditor.workflow.judged import as_judged
from auditor.workflow.queries import reading_now

Kinds: TypeAlias = Mapping[tuple[str, str], VerdictKind]


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
    policy: Policy  # by which the audit was judged


def scores(catalogue: Catalogue, *, now: datetime | None = None) -> Scores:
    """Score the newest whole audit. Raises UsageError when there is none."""
    with reading_now(catalogue) as ledger, ledger.view():
        return scores_of(ledger, catalogue, now=now)


def scores_of(ledger: Ledger, catalogue: Catalogue, *, now: datetime | None = None) -> Scores:
    """The same, from a ledger that is open already."""
    run, plan = _newest(ledger)
    judged = as_judged(ledger, catalogue, run.id, plan)
    found = score_plan(
        judged, plan, kinds_of(ledger, run.id), ledger.records(AttestedAnswer), ledger.findings(open_only=True), now
    )
    return Scores(run, found, None if plan.set_aside else overall_index(found), judged.policies[plan.policy])


def score_plan(
    catalogue: Catalogue,
    plan: Plan,
    kinds: Callable[[DepartmentPlan], Kinds],
    answers: Iterable[AttestedAnswer],
    findings: Iterable[Finding],
    now: datetime | None = None,
) -> tuple[DepartmentScore, ...]:
    """Score every department of a plan: from what its run decided, and from answers and findings as they stood, by the policy of
    the catalogue ``as_judged``."""
    given = accepted(answers, catalogue, now or datetime.now(UTC))
    spared = _excepted(findings)
    return tuple(
        score_department(
            d,
            kinds(d),
            catalogue.framework,
            catalogue.policies[plan.policy],
            partial=bool(plan.scope.get("hosts") or plan.scope.get("checks")),
            answers=given.get(d.department, {}),
            excepted=spared,
        )
        for d in plan.departments
    )


def kinds_of(ledger: Ledger, run_id: int) -> Callable[[DepartmentPlan], Kinds]:
    """What a run decided, read a department at a time: of a whole nation it would not fit in memory."""
    return lambda d: ledger.verdict_kinds(run_id, [d.asset.uid, *(a.asset.uid for a in d.assets)])


def explain(catalogue: Catalogue, department: str, control: str) -> tuple[Term, ...]:
    """Every outcome that counts for a control in a department, the failing first."""
    with reading_now(catalogue) as ledger:
        run, plan = _newest(ledger)
        excepted = _excepted(ledger.findings(open_only=True))
        whole = next((d for d in plan.departments if d.department == department), None)
        if whole is None:
            raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
        kinds = kinds_of(ledger, run.id)(whole)
        scoring = as_judged(ledger, catalogue, run.id, plan).policies[plan.policy].scoring
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
    with reading_now(catalogue) as ledger, ledger.view():
        run, plan = _newest(ledger)
        judged = as_judged(ledger, catalogue, run.id, plan)
        found = scores_of(ledger, catalogue, now=moment).departments
        scored = next((d for d in found if d.department == department), None)
        return applicable(judged, department, scored, ledger.records(AttestedAnswer), moment)


def applicable(
    catalogue: Catalogue, department: str, scored: DepartmentScore | None, answers: Iterable[AttestedAnswer], now: datetime
) -> tuple[Applicability, ...]:
    """The same, from a score and answers that are at hand. Raises UsageError for a department that no inventory has."""
    home = next((d for d in catalogue.inventory.departments if d.id == department), None)
    if home is None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    relaxed = {r.control: r.justification for r in effective_policy(catalogue, policy, home, now).relaxations if r.control}
    by_control = {c.control: c for c in scored.controls} if scored else {}
    own = {a.control: a for a in answers if a.department == department}
    counted = accepted(own.values(), catalogue, now).get(department, {})

    def line(control: Control) -> Applicability:
        answer = own[control.id] if control.id in counted else None
        why_not = relaxed.get(control.id)
        if why_not is None and answer is not None and answer.answer is Answer.NOT_APPLICABLE:
            why_not = Text(answer.justification, answer.justification)
        outside = control.id not in policy.controls
        return Applicability(
            control=control,
            article=policy.controls.get(control.id, ""),
            applies=not outside and why_not is None,
            outside_policy=outside,
            why_not=None if outside else why_not,
            score=by_control.get(control.id),
            answer=answer,
        )

    return tuple(line(control) for control in catalogue.framework.controls)


def _newest(ledger: Ledger) -> tuple[Run, Plan]:
    run = ledger.run("latest")
    return run, ledger.plan(run.id)


def _excepted(findings: Iterable[Finding]) -> frozenset[tuple[str, str]]:
    """Asset and check of failures of which every open finding is excepted or a false positive."""
    spared: set[tuple[str, str]] = set()
    open_ones: set[tuple[str, str]] = set()
    for finding in (f for f in findings if f.state is not FindingState.CLOSED):
        excepted = finding.state in SPARED
        (spared if excepted else open_ones).add((finding.asset, finding.check))
    return frozenset(spared - open_ones)
