"""From a recorded result to verdicts, to events, to the ledger: one asset at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from auditor.errors import TakenError
from auditor.evaluating import Evaluator, with_doubts
from auditor.ledger import Ledger
from auditor.lifecycle import LIVE
from auditor.model import (
    Asset,
    AssetPlan,
    AssetResult,
    Catalogue,
    CheckTask,
    Confirmed,
    DepartmentPlan,
    Finding,
    Outcome,
    Plan,
    VerdictKind,
)
from auditor.workflow.holding import Decide, Held, Rules, hold


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
        self._of_record = plan.of_record
        self._rules = Rules(plan, catalogue)
        self._evaluator = evaluator
        self._actor = actor
        self._clock = clock

    def asset(self, plan: AssetPlan, result: AssetResult) -> dict[str, VerdictKind]:
        """Judge an asset by all its checks and move its findings, in one transaction; the kinds of the outcomes, by check.

        What the last run decided is not decided anew where all that it rests on is as it was; findings that are not
        settled are held against it.
        """
        basis = self._evaluator.basis(plan)
        last = self._ledger.last_verdicts(self._run_id, plan.asset.uid, basis)
        confirmed: tuple[Confirmed, ...] = ()
        rest = plan
        if last is not None:
            confirmed = self._ledger.confirmed(plan.asset.uid, last, self._evaluator.settled(plan, result, last.changed))
            stands = {c.check for c in confirmed}
            rest = replace(plan, checks=tuple(task for task in plan.checks if task.check not in stands))
        outcomes = self._evaluator.judge_asset(rest, result, failing(self._ledger, plan.asset.uid))
        if outcomes or confirmed:
            self._record(plan, outcomes, confirmed, last.findings if last else b"", basis)
        kinds = {o.check: o.kind for o in outcomes} | {c.check: c.kind for c in confirmed}
        return {task.check: kinds[task.check] for task in plan.checks}

    def department(self, plan: DepartmentPlan, results: Mapping[str, AssetResult]) -> dict[str, VerdictKind]:
        """Judge what only all of a department's assets together can show; the kinds of the outcomes, by check."""
        outcomes = judge_department(self._ledger, self._evaluator, plan, results)
        if outcomes:
            decide = self._decider(plan.asset, plan.checks)

            def record() -> None:
                events = hold(self._ledger, decide, outcomes).events if self._of_record else ()
                self._ledger.record_outcomes(self._run_id, outcomes, events)

            self._keep(record)
        return {outcome.check: outcome.kind for outcome in outcomes}

    def _record(
        self, plan: AssetPlan, outcomes: tuple[Outcome, ...], confirmed: tuple[Confirmed, ...], findings: bytes, basis: bytes
    ) -> None:
        """``findings``: the digest under which the last run left the asset's findings, b"" where they were not settled."""
        asset, ledger = plan.asset, self._ledger
        decide, rules = self._decider(asset, plan.checks), self._rules.digest(plan.checks, asset)

        def record() -> None:
            left, held = findings, Held((), settled=False)
            untouched = bool(left) and left == ledger.findings_digest(asset.uid, rules)
            stand = confirmed if untouched else tuple(self._whole(c) for c in confirmed)
            if self._of_record:
                may_stand = self._evaluator.may_stand(plan)
                held = hold(ledger, decide, outcomes, () if untouched else stand, may_stand=may_stand)
            ledger.record_outcomes(self._run_id, outcomes, held.events, stand)
            if not held.settled:
                left = b""
            elif held.events or not untouched:
                left = ledger.findings_digest(asset.uid, rules)
            ledger.record_basis(self._run_id, asset.uid, basis, left)

        self._keep(record)

    def _whole(self, stands: Confirmed) -> Confirmed:
        return replace(stands, outcome=self._ledger.whole(stands)) if stands.kind is VerdictKind.FAIL else stands

    def _keep(self, record: Callable[[], None]) -> None:
        """Read and write in one transaction, so that no move a person makes meanwhile is lost; anew where a finding would be
        opened under the id of another.
        """
        while True:
            try:
                with self._ledger.transaction():
                    return record()
            except TakenError as error:
                if error.bearers.items() <= self._rules.taken.items():
                    raise
                self._rules.taken |= error.bearers

    def _decider(self, asset: Asset, tasks: tuple[CheckTask, ...]) -> Decide:
        return self._rules.decider(tasks, asset, run_id=self._run_id, actor=self._actor, now=self._clock())


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
