"""From a recorded result to verdicts, to events, to the ledger: one asset at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TypeAlias

from auditor.evaluating import Evaluator, with_doubts
from auditor.facts import is_volatile
from auditor.ledger import Ledger
from auditor.lifecycle import LIVE, deadline, reconcile
from auditor.model import (
    Asset,
    AssetPlan,
    AssetResult,
    Catalogue,
    CheckTask,
    Confirmed,
    DepartmentPlan,
    Event,
    Finding,
    Outcome,
    Plan,
    VerdictKind,
)

Decide: TypeAlias = Callable[[Outcome, Sequence[Finding]], tuple[Event, ...]]


class Judge:
    """Judges under one plan and records what follows, for one run."""

    def __init__(
        self,
        ledger: Ledger,
        run_id: int,
        plan: Plan,
        catalogue: Catalogue,
        evaluator: Evaluator,
        *,
        actor: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._plan = plan
        self._catalogue = catalogue
        self._evaluator = evaluator
        self._actor = actor
        self._clock = clock

    def asset(self, plan: AssetPlan, result: AssetResult) -> dict[str, VerdictKind]:
        """Judge an asset by all its checks and move its findings, in one transaction; the kinds of the outcomes, by check.

        What the last run decided is not decided anew where all that it rests on is as it was; the findings are held against it.
        """
        basis = self._evaluator.basis(plan)
        confirmed = self._confirmed(plan, result, basis)
        stands = {c.check for c in confirmed}
        rest = replace(plan, checks=tuple(task for task in plan.checks if task.check not in stands)) if stands else plan
        outcomes = self._evaluator.judge_asset(rest, result, failing(self._ledger, plan.asset.uid))
        self._record(plan.asset, plan.checks, outcomes, confirmed, basis)
        kinds = {o.check: o.kind for o in outcomes} | {c.check: c.kind for c in confirmed}
        return {task.check: kinds[task.check] for task in plan.checks}

    def department(self, plan: DepartmentPlan, results: Mapping[str, AssetResult]) -> dict[str, VerdictKind]:
        """Judge what only all of a department's assets together can show; the kinds of the outcomes, by check."""
        outcomes = judge_department(self._ledger, self._evaluator, plan, results)
        self._record(plan.asset, plan.checks, outcomes)
        return {outcome.check: outcome.kind for outcome in outcomes}

    def _confirmed(self, plan: AssetPlan, result: AssetResult, basis: bytes) -> tuple[Confirmed, ...]:
        last = self._ledger.last_verdicts(self._run_id, plan.asset.uid, basis)
        if last is None:
            return ()
        return self._ledger.confirmed(plan.asset.uid, last, self._evaluator.settled(plan, result, last.changed))

    def _record(
        self,
        asset: Asset,
        tasks: tuple[CheckTask, ...],
        outcomes: tuple[Outcome, ...],
        confirmed: tuple[Confirmed, ...] = (),
        basis: bytes = b"",
    ) -> None:
        if not (outcomes or confirmed):
            return
        decide = decider(tasks, asset, self._plan, self._catalogue, run_id=self._run_id, actor=self._actor, now=self._clock())
        # Read and written in one transaction, so that no move a person makes meanwhile is lost.
        with self._ledger.transaction():
            events = decide_all(self._ledger, decide, outcomes, confirmed) if self._plan.of_record else ()
            self._ledger.record_outcomes(self._run_id, outcomes, events, confirmed)
            if basis:
                self._ledger.record_basis(self._run_id, asset.uid, basis)


def failing(ledger: Ledger, asset: str) -> dict[str, list[str]]:
    """The subjects of an asset that have an open finding, by check."""
    subjects: dict[str, list[str]] = {}
    for check, subject in ledger.failing_subjects(asset, LIVE):
        subjects.setdefault(check, []).append(subject)
    return subjects


def judge_department(
    ledger: Ledger, evaluator: Evaluator, plan: DepartmentPlan, results: Mapping[str, AssetResult]
) -> tuple[Outcome, ...]:
    """Outcomes of department scope. A finding that last failed over an asset which is no longer planned is unknown, not mended:
    that a host was dropped from the inventory proves nothing of what it shared with the others.
    """
    outcomes = evaluator.judge_department(plan, results, failing(ledger, plan.asset.uid))
    live: dict[str, list[Finding]] = {}
    for finding in ledger.findings_by_asset(plan.asset.uid):
        if finding.state in LIVE:
            live.setdefault(finding.check, []).append(finding)
    tasks = {task.check: task for task in plan.checks}
    planned_at = cache(lambda at: ledger.planned(plan.department, at))
    return tuple(_held(o, live.get(o.check, ()), tasks[o.check], plan, planned_at) for o in outcomes)


def _held(
    outcome: Outcome,
    live: Iterable[Finding],
    task: CheckTask,
    plan: DepartmentPlan,
    planned_at: Callable[[datetime], DepartmentPlan | None],
) -> Outcome:
    """The outcome with UNKNOWN for each live finding that it does not fail, and of which an asset has left the plan since."""
    if not outcome.complete:
        return outcome
    failed = {v.subject for v in outcome.verdicts if v.kind in (VerdictKind.FAIL, VerdictKind.ERROR)}
    facts = {call.fact for _, call in task.facts}
    doubts = {}
    for finding in live:
        # plans of other nights are large: most findings fail again, and need none
        if finding.subject not in failed:
            left = _assets(planned_at(finding.last_seen), facts) - _assets(plan, facts)
            if left:
                doubts[finding.subject] = "no longer planned: " + ", ".join(sorted(left)[:20])
    return with_doubts(outcome, doubts)


def _assets(plan: DepartmentPlan | None, facts: set[str]) -> set[str]:
    """The assets of which one of the facts is read."""
    return {a.asset.uid for a in plan.assets if any(p.fact in facts for p in a.probes)} if plan else set()


def decide_all(
    ledger: Ledger, decide: Decide, outcomes: Iterable[Outcome], confirmed: Iterable[Confirmed] = ()
) -> tuple[Event, ...]:
    """The events of outcomes and of what stands, each held against the findings of its asset and check."""
    known: dict[str, dict[str, list[Finding]]] = {}

    def findings(judged: Outcome | Confirmed) -> Sequence[Finding]:
        if judged.asset not in known:
            by_check = known[judged.asset] = {}
            for finding in ledger.findings_by_asset(judged.asset):
                by_check.setdefault(finding.check, []).append(finding)
        return known[judged.asset].get(judged.check, ())

    judged: list[Outcome | Confirmed] = [*outcomes, *confirmed]
    events: list[Event] = []
    for one in judged:
        own = findings(one)
        # what does not fail can only close, and there must be something to close
        if one.kind is VerdictKind.FAIL or (own and any(finding.state in LIVE for finding in own)):
            events += decide(ledger.whole(one) if isinstance(one, Confirmed) else one, own)
    return tuple(events)


def decider(
    tasks: Iterable[CheckTask], asset: Asset, plan: Plan, catalogue: Catalogue, *, run_id: int, actor: str, now: datetime
) -> Decide:
    """What outcomes of an asset mean for its findings, as a function of an outcome and the findings of its check."""
    terms = catalogue.policies[plan.policy].terms
    home = next((d for d in catalogue.inventory.departments if d.id == asset.department), None)
    when = (home.calendar, home.timezone) if home else ()
    by_check = {task.check: task for task in tasks}

    def decide(outcome: Outcome, findings: Sequence[Finding]) -> tuple[Event, ...]:
        task = by_check[outcome.check]
        return reconcile(
            outcome,
            findings,
            now=now,
            run_id=run_id,
            actor=actor,
            severity=task.severity,
            controls=task.controls,
            department=asset.department,
            deadline=deadline(terms, task.severity, asset.criticality, *when),
            volatile=any(is_volatile(call) for _, call in task.facts),
        )

    return decide
