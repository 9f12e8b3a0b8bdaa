"""The main job: plan, collect, judge, move findings, give account. Everything observed is durable before it is judged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from auditor.collecting import AS_LISTED, collect_plan
from auditor.errors import UsageError
from auditor.evaluating import Evaluator
from auditor.ledger import Ledger
from auditor.model import Asset, AssetKind, AssetPlan, AssetResult, Catalogue, ObservationStatus, Plan, Reach, Run
from auditor.planning import Narrowing, make_plan
from auditor.text import _
from auditor.workflow.attestations import accepted_answers
from auditor.workflow.clocks import still_to_come
from auditor.workflow.frugal import frugally
from auditor.workflow.judging import Judge
from auditor.workflow.kinds import KindTable
from auditor.workflow.rounds import Night, Rest, rounds
from auditor.workflow.settling import settle_due
from auditor.workflow.summary import summarise
from auditor.workflow.waiting import precedence
from auditor.workflow.workspace import run_inputs

_DOWN = frozenset({Reach.UNREACHABLE, Reach.TIMED_OUT})  # what may be better later in the night


class Watcher(Protocol):
    """Who wants to know how the audit goes on; the terminal's progress display is one."""

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        """The run has begun, or goes on with ``done`` assets behind it."""

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        """An asset has been visited, recorded and judged."""

    def given_up(self, run: Run) -> None:
        """A run that was interrupted is given up for this one."""

    def clock_wrong(self, newest: datetime) -> None:
        """The ledger holds ``newest``, an instant still to come. The run goes on all the same."""


@dataclass
class _State:
    """What a run keeps in memory of each asset. What was observed is in the ledger, and read again where it is needed."""

    reaches: dict[str, tuple[Reach, str]] = field(default_factory=dict)
    kinds: KindTable = field(default_factory=KindTable)


def audit(
    catalogue: Catalogue,
    *,
    actor: str,
    watcher: Watcher,
    narrowing: Narrowing | None = None,
    resume: bool = False,
    cancelled: threading.Event | None = None,
    night: Night | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Run:
    """Run an audit to its end, or until ``cancelled``; the run that was recorded, with its summary.

    ``night`` bounds it by a window, so that who has waited longest comes first, and has hosts that were down tried again while
    it is open, and what was under maintenance visited when that is over.

    Raises UsageError when there is nothing to resume or the files have changed since, LockedError when another run is under
    way, LedgerError when the ledger cannot be written; what was observed until then is kept.
    """
    cancelled = cancelled or threading.Event()
    with Ledger.open(catalogue.settings.ledger) as ledger, ledger.lock(actor=actor, now=clock()), ExitStack() as ending:
        newest = still_to_come(ledger, clock())
        if newest is not None:
            watcher.clock_wrong(newest)
        run, plan, done = _begin(ledger, catalogue, watcher, narrowing, resume, actor, clock)
        rest = Rest(catalogue, clock)
        plans = {a.asset.uid: a for d in plan.departments for a in d.assets}
        # what was left alone before the interruption, and need not be any more
        awake = frozenset(uid for uid in ledger.skipped_assets(run.id) if done and not rest.why(plans[uid].asset))
        watcher.begun(run, plan, len(done - awake))
        evaluator = Evaluator.for_plan(plan, catalogue.checks)
        judge = Judge(ledger, run.id, plan, catalogue, evaluator, actor=actor, clock=clock)
        state = _State()
        order = precedence(ledger, plan) if night else AS_LISTED
        ending.enter_context(frugally())

        def take(asset_plan: AssetPlan, result: AssetResult) -> None:
            uid = asset_plan.asset.uid
            state.kinds.put(uid, judge.asset(asset_plan, result))
            state.reaches[uid] = (result.reach, result.detail)

        # Collected before a kill, perhaps not judged: judging again changes nothing where it was.
        for result in ledger.results(run.id) if done else ():
            take(plans[result.asset], result)

        def arrived(result: AssetResult) -> None:
            before = state.reaches.get(result.asset)
            if before is not None:
                if not _is_better(result.reach, before[0]):
                    return
                result = _with_what_was_seen(ledger.result(run.id, result.asset), result)
            ledger.record_result(run.id, result)
            take(plans[result.asset], result)
            watcher.visited(plans[result.asset], result)

        def collect(part: Plan) -> None:
            collect_plan(
                rest.without(part),
                catalogue.settings,
                on_result=arrived,
                cancelled=cancelled,
                window=night.window if night else None,
                precedence=order,
                left_alone=rest.why,
            )

        def skipped() -> tuple[Asset, ...]:
            return tuple(plans[uid].asset for uid, (reach, _why) in state.reaches.items() if reach is Reach.SKIPPED)

        def down() -> frozenset[str]:
            return frozenset(uid for uid, (reach, _why) in state.reaches.items() if reach in _DOWN and _is_host(plans[uid]))

        collect(_without(plan, done - awake))
        for chosen in rounds(night, rest, skipped, down, cancelled, clock) if night else ():
            collect(_only(plan, chosen))
        if cancelled.is_set():
            ledger.interrupt_run(run.id, actor=actor, now=clock())
            return ledger.run(run.id)
        for department in plan.departments:
            evaluator.forget()
            wanted = frozenset(call for task in department.checks for _, call in task.facts)
            seen = ((a.asset.uid, ledger.result(run.id, a.asset.uid, wanted)) for a in department.assets if wanted)
            kinds = judge.department(department, {uid: result for uid, result in seen if result is not None})
            state.kinds.put(department.asset.uid, kinds)
        if plan.of_record:
            settle_due(ledger, catalogue, clock())
        left = _left_inventory(ledger, catalogue)
        answers = accepted_answers(ledger, catalogue, clock())
        summary = summarise(catalogue, run, plan, state.kinds, state.reaches, left, answers)
        return ledger.finish_run(run.id, summary, actor=actor, now=clock())


def _is_better(now: Reach, before: Reach) -> bool:
    """Whether a second visit takes the place of the first: that may have seen a part, and closed findings, if it was one."""
    return now is Reach.REACHED or (before is Reach.SKIPPED and now is not Reach.SKIPPED)


def _with_what_was_seen(before: AssetResult | None, now: AssetResult) -> AssetResult:
    """A second visit with what the first had seen and it did not: SSH comes through at last, and the window cuts the scan."""
    seen = {o.probe: o for o in (before.observations if before else ()) if o.status is ObservationStatus.OK}
    kept = (o if o.status is ObservationStatus.OK else seen.get(o.probe, o) for o in now.observations)
    return replace(now, observations=tuple(kept))


def _is_host(plan: AssetPlan) -> bool:
    return plan.asset.kind is AssetKind.HOST


def _begin(
    ledger: Ledger,
    catalogue: Catalogue,
    watcher: Watcher,
    narrowing: Narrowing | None,
    resume: bool,
    actor: str,
    clock: Callable[[], datetime],
) -> tuple[Run, Plan, frozenset[str]]:
    unfinished = ledger.unfinished_run()
    if resume:
        if unfinished is None:
            raise UsageError(_("there is no unfinished run to resume; run `auditor audit` without --resume"))
        stored = ledger.plan(unfinished.id)
        if is_reevaluation(stored):
            message = _(
                "run {run} was `auditor reevaluate --apply`, which visits no host: repeat that, or audit without --resume"
            )
            raise UsageError(message.format(run=unfinished.id))
        plan = make_plan(catalogue, now=stored.now, policy_id=stored.policy, narrowing=_narrowing_of(stored))
        if plan.sha256 != stored.sha256 or plan.of_record is not stored.of_record:
            message = _(
                "run {run} cannot be resumed: policy, checks or inventory have changed since it began; "
                "run `auditor audit` without --resume"
            )
            raise UsageError(message.format(run=unfinished.id))
        return ledger.resume_run(unfinished.id, actor=actor, now=clock()), stored, ledger.done_assets(unfinished.id)
    plan = make_plan(catalogue, now=clock(), narrowing=narrowing)
    if not any(d.assets for d in plan.departments) and not plan.set_aside:
        raise UsageError(_("there is nothing to audit: the inventories list no asset; see `auditor inventory import --help`"))
    if unfinished is not None:
        watcher.given_up(ledger.abandon_run(unfinished.id, actor=actor, now=clock()))
    return ledger.begin_run(plan, run_inputs(catalogue), actor=actor, now=plan.now), plan, frozenset()


def is_reevaluation(plan: Plan) -> bool:
    """Whether a run's plan is of stored observations that were judged anew; see ``reevaluate``."""
    return bool(plan.scope.get("reevaluation"))


def _narrowing_of(plan: Plan) -> Narrowing:
    def names(key: str) -> tuple[str, ...]:
        value = plan.scope.get(key, [])
        return tuple(str(v) for v in value) if isinstance(value, list) else ()

    return Narrowing(names("departments"), names("hosts"), names("checks"))


def _only(plan: Plan, uids: frozenset[str]) -> Plan:
    departments = tuple(replace(d, assets=tuple(a for a in d.assets if a.asset.uid in uids)) for d in plan.departments)
    return replace(plan, departments=departments)


def _without(plan: Plan, done: frozenset[str]) -> Plan:
    if not done:
        return plan
    departments = tuple(replace(d, assets=tuple(a for a in d.assets if a.asset.uid not in done)) for d in plan.departments)
    return replace(plan, departments=departments)


def _left_inventory(ledger: Ledger, catalogue: Catalogue) -> tuple[str, ...]:
    """Assets with open findings that no inventory lists any more; those of departments set aside are not among them."""
    listed = {a.uid for d in catalogue.inventory.departments for a in d.assets}
    aside = {name for name, _ in catalogue.inventory.set_aside}
    gone = {asset for asset, department in ledger.assets_with_open_findings() if department not in aside} - listed
    return tuple(sorted(uid for uid in gone if not uid.startswith("department:")))
