"""Stored observations judged by the policy as it is now: what would change, without touching a host.

Findings move only when asked to, only by the policy of record, and only on the newest observations of each asset.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from auditor.errors import UsageError
from auditor.evaluating import Evaluator
from auditor.ledger import Ledger
from auditor.model import Asset, AssetResult, Catalogue, CheckTask, Event, EventKind, Outcome, Plan, VerdictKind
from auditor.planning import make_plan
from auditor.text import _
from auditor.workflow.audit import is_reevaluation
from auditor.workflow.holding import Rules, hold
from auditor.workflow.judging import Judge, failing, judge_department
from auditor.workflow.settling import settle_due
from auditor.workflow.workspace import run_inputs


@dataclass(frozen=True, slots=True)
class Change:
    """A subject whose verdict, or whose finding, is another under the policy as it is now."""

    asset: str
    check: str
    subject: str
    before: VerdictKind | None
    after: VerdictKind
    event: EventKind | None


def reevaluate(
    catalogue: Catalogue,
    *,
    actor: str,
    run_id: int | None = None,
    policy_id: str | None = None,
    apply: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Change, ...]:
    """Judge the newest observations, or those of one run, and tell what differs; with ``apply`` move the findings.

    Raises UsageError when asked to move findings by another policy or on older observations.
    """
    plan = make_plan(catalogue, now=clock(), policy_id=policy_id)
    if apply and (run_id is not None or not plan.of_record):
        raise UsageError(
            _("findings move only by the policy of record and on the newest observations: leave out --run and --policy")
        )
    with (
        Ledger.open(catalogue.settings.ledger, create=False, readonly=not apply) as ledger,
        # held before anything is read, so that no run brings newer observations meanwhile
        ledger.lock(actor=actor, now=clock()) if apply else contextlib.nullcontext(),
    ):
        stored = ledger.newest_results() if run_id is None else ledger.results(ledger.run(run_id).id)
        results = {result.asset: result for result in stored}
        given = ledger.newest_verdicts() if run_id is None else ledger.verdicts(run_id)
        before = {(o.asset, o.check, v.subject): v.kind for o in given for v in o.verdicts}
        evaluator = Evaluator.for_plan(plan, catalogue.checks)
        judged = list(_judged(ledger, plan, evaluator, results))
        if apply:
            events = _apply(ledger, catalogue, plan, results, evaluator, actor, clock)
        else:
            events = _foreseen(ledger, catalogue, plan, judged, actor)
    return tuple(_changes(before, [o for _, outcomes in judged for o in outcomes], events))


def _judged(
    ledger: Ledger, plan: Plan, evaluator: Evaluator, results: dict[str, AssetResult]
) -> Iterable[tuple[tuple[Asset, Sequence[CheckTask]], tuple[Outcome, ...]]]:
    """Outcomes of every asset that was ever observed, with its tasks; the others are not judged anew."""
    for department in plan.departments:
        for asset in department.assets:
            if asset.asset.uid in results:
                uid = asset.asset.uid
                outcomes = evaluator.judge_asset(asset, results[uid], failing(ledger, uid))
                yield (asset.asset, asset.checks), outcomes
        yield (department.asset, department.checks), judge_department(ledger, evaluator, department, results)


def _foreseen(
    ledger: Ledger,
    catalogue: Catalogue,
    plan: Plan,
    judged: Iterable[tuple[tuple[Asset, Sequence[CheckTask]], tuple[Outcome, ...]]],
    actor: str,
) -> list[Event]:
    events: list[Event] = []
    rules = Rules(plan, catalogue)
    for (asset, tasks), outcomes in judged:
        decide = rules.decider(tasks, asset, run_id=0, actor=actor, now=plan.now)
        events += hold(ledger, decide, outcomes).events
    return events


def _apply(
    ledger: Ledger,
    catalogue: Catalogue,
    plan: Plan,
    results: dict[str, AssetResult],
    evaluator: Evaluator,
    actor: str,
    clock: Callable[[], datetime],
) -> list[Event]:
    """Move the findings in a run of its own, marked as narrowed so that it never stands for an audit."""
    unfinished = ledger.unfinished_run()
    if unfinished is not None and is_reevaluation(ledger.plan(unfinished.id)):
        ledger.abandon_run(unfinished.id, actor=actor, now=clock())  # killed half-way: this one does all of it
    elif unfinished is not None:
        message = _("run {run} is unfinished; finish it first with `auditor audit --resume`")
        raise UsageError(message.format(run=unfinished.id))
    marked = replace(plan, narrowed=True, scope={"reevaluation": True})
    run = ledger.begin_run(marked, run_inputs(catalogue), actor=actor, now=clock())
    judge = Judge(ledger, run.id, plan, catalogue, evaluator, actor=actor, clock=clock)
    before = {f.id: f for f in ledger.findings()}
    for department in plan.departments:
        for asset in department.assets:
            if asset.asset.uid in results:
                judge.asset(asset, results[asset.asset.uid])
        judge.department(department, results)
    settle_due(ledger, catalogue, clock())
    ledger.finish_run(run.id, {"reevaluation": True}, actor=actor, now=clock())
    ledger.record_event(Event(EventKind.REEVALUATED, clock(), actor, str(run.id), {"policy_version": plan.policy_version}))
    return [
        entry.event
        for finding in ledger.findings()
        if before.get(finding.id) != finding
        for entry in list(ledger.journal(subject=finding.id))[-1:]
        if entry.event.data.get("run") == run.id
    ]


def _changes(
    before: dict[tuple[str, str, str], VerdictKind], outcomes: Iterable[Outcome], events: Iterable[Event]
) -> Iterable[Change]:
    moved = {(str(e.data["asset"]), str(e.data["check"]), str(e.data["subject"])): e.kind for e in events}
    told: set[tuple[str, str, str]] = set()
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            key = (outcome.asset, outcome.check, verdict.subject)
            told.add(key)
            if before.get(key) is not verdict.kind or key in moved:
                yield Change(*key, before.get(key), verdict.kind, moved.get(key))
    kinds = {(o.asset, o.check): o.kind for o in outcomes}
    for key, event in moved.items():
        if key not in told:  # the subject is no longer there, or is no longer examined
            yield Change(*key, before.get(key), kinds[key[0], key[1]], event)
