"""Checks judge readings. Everything that is not a clear yes is something other than a pass."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from auditor.errors import ExpressionError
from auditor.evaluating.basis import Bases
from auditor.evaluating.items import Items, error, listed, subject_of, verdict_of
from auditor.evaluating.memory import Decided, Key
from auditor.evaluating.outcomes import WORST_FIRST, outcome_of, with_doubts
from auditor.evaluating.reading import (
    Missing,
    Output,
    Reading,
    forget_values,
    may_be_short,
    outputs_of,
    proven_items,
    read,
    read_result,
)
from auditor.expressions import Binding, CompiledCheck, Value, bind_asset, compile_check
from auditor.facts import is_volatile
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Check,
    CheckTask,
    DepartmentPlan,
    Json,
    ObservationStatus,
    Outcome,
    Plan,
    ProbeCall,
    Reason,
    Verdict,
    VerdictKind,
)

_CHANGING = frozenset({"department", "inventory", "now", "observed_at"})
_SILENT = "it did not answer, which is no proof that it is gone"
_UNSEEN = "it was not seen this time, which is no proof that it is gone"

Outputs = Mapping[ProbeCall, Output | Missing]
Readings = Mapping[ProbeCall, Reading | Missing]


class Evaluator:
    """Judges assets under one plan's checks; compiles each check once."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        now: datetime,
        addresses: Iterable[str] = (),
        hosts: Mapping[str, Iterable[Asset]] | None = None,
    ) -> None:
        self._checks = checks
        self._compiled: dict[str, CompiledCheck | str] = {}
        self._items = Items()
        self._decided = Decided()
        self._bases = Bases()
        self._steady: dict[str, bool] = {}
        self._now = now
        self._inventory: Json = {"addresses": list(addresses)}
        self._hosts: dict[str, Json] = {
            department: [{"uid": a.uid, "name": a.name, "address": a.address} for a in assets if a.kind is AssetKind.HOST]
            for department, assets in (hosts or {}).items()
        }

    @classmethod
    def for_plan(cls, plan: Plan, checks: Mapping[str, Check]) -> Evaluator:
        """An evaluator with a plan's instant, addresses and hosts."""
        hosts = {d.asset.department: [a.asset for a in d.assets] for d in plan.departments}
        return cls(checks, now=plan.now, addresses=plan.addresses, hosts=hosts)

    def judge_asset(
        self, plan: AssetPlan, result: AssetResult | None, failing: Mapping[str, Collection[str]] | None = None
    ) -> tuple[Outcome, ...]:
        """One outcome for every check planned on the asset, whatever became of it.

        ``failing`` are the subjects with an open finding, by check: where silence may hide them they are judged unknown.
        """
        outputs = outputs_of(result, plan.probes)
        outcomes = (self._judge_outputs(task, plan.asset, outputs) for task in plan.checks)
        known = failing or {}
        return tuple(
            self._doubt(task, plan.asset, outputs, outcome, known[task.check]) if task.check in known else outcome
            for task, outcome in zip(plan.checks, outcomes, strict=True)
        )

    def basis(self, plan: AssetPlan) -> bytes:
        """The digest of what verdicts on the asset rest on beside outputs, the inventory and clocks."""
        return self._bases(plan)

    def settled(self, plan: AssetPlan, result: AssetResult, changed: Container[ProbeCall]) -> dict[str, datetime]:
        """The checks that rest on nothing but outputs, all of them there and none ``changed``: when those were observed.

        On the same basis they can only be decided as they were. Left out are checks that look at a clock or the inventory, those
        over volatile facts, and those over lists that silence may shorten, of which findings decide what is doubtful.
        """
        seen = {
            o.probe: o.observed_at for o in result.observations if o.status is ObservationStatus.OK and o.probe not in changed
        }
        found = {}
        for task in plan.checks:
            instants = [seen.get(call) for _, call in task.facts]
            if instants and None not in instants and self._is_steady(task):
                found[task.check] = min(at for at in instants if at is not None)
        return found

    def _is_steady(self, task: CheckTask) -> bool:
        if task.check not in self._steady:
            compiled = self._compile(task.check)
            self._steady[task.check] = (
                not isinstance(compiled, str)
                and not compiled.names & _CHANGING
                and not any(is_volatile(call) or may_be_short(call) for _, call in task.facts)
            )
        return self._steady[task.check]

    def judge_department(
        self, plan: DepartmentPlan, results: Mapping[str, AssetResult], failing: Mapping[str, Collection[str]] | None = None
    ) -> tuple[Outcome, ...]:
        """One outcome for every check of department scope. ``results`` by asset uid; ``failing`` as in ``judge_asset``."""
        if not plan.checks:
            return ()
        wanted = {call for task in plan.checks for _, call in task.facts}
        readings = {
            asset_plan.asset.uid: (
                asset_plan.asset,
                read_result(results.get(asset_plan.asset.uid), tuple(p for p in asset_plan.probes if p in wanted)),
            )
            for asset_plan in plan.assets
        }
        known = failing or {}
        return tuple(
            self._missed(task, self._judge_over(task, plan.asset, readings), known.get(task.check, ())) for task in plan.checks
        )

    def forget(self) -> None:
        """Let go of what was remembered of single assets: a department's lists, which come last, want the room."""
        self._items, self._decided = Items(), Decided()
        forget_values()

    def judge_readings(self, task: CheckTask, asset: Asset, readings: Readings) -> Outcome:
        """One check on one asset, from readings of all its facts."""
        values: dict[str, Value] = {}
        instants: list[datetime] = []
        for variable, call in task.facts:
            reading = readings[call]
            if isinstance(reading, Missing):
                verdict = Verdict("", reading.kind, reason=reading.reason, detail=reading.detail)
                return outcome_of(task, asset, [verdict], complete=False)
            values[variable] = reading.value
            instants.append(reading.observed_at)
        return self._decide(task, asset, values, min(instants, default=self._now))

    def _judge_outputs(self, task: CheckTask, asset: Asset, outputs: Outputs) -> Outcome:
        """One check on one asset. Hosts of one fleet mostly print the same: equal outputs under one definition are decided once.

        What a check looks at of the asset counts with the outputs; one that looks at the inventory or a clock is decided anew.
        """
        found = [outputs[call] for _, call in task.facts]
        compiled = self._compile(task.check)
        if (
            isinstance(compiled, str)
            or compiled.names & _CHANGING
            or compiled.asset_fields is None
            or not all(isinstance(o, Output) for o in found)
        ):
            return self._judge_anew(task, asset, outputs)
        shown = bind_asset(asset) if compiled.asset_fields else {}
        own = repr([shown[name] for name in sorted(compiled.asset_fields & shown.keys())])
        key: Key = (task.definition, own, *(o.digest for o in found if isinstance(o, Output)))
        known = self._decided.get(key)
        if known is None:
            known = self._judge_anew(task, asset, outputs)
            self._decided.put(key, known)
            return known
        observed_at = min((o.observed_at for o in found if isinstance(o, Output)), default=self._now)
        # an output that could not be read was decided without an instant
        return replace(known, asset=asset.uid, observed_at=observed_at if known.observed_at is not None else None)

    def _judge_anew(self, task: CheckTask, asset: Asset, outputs: Outputs) -> Outcome:
        return self.judge_readings(task, asset, {call: read(outputs[call]) for _, call in task.facts})

    def _doubt(self, task: CheckTask, asset: Asset, outputs: Outputs, outcome: Outcome, failing: Collection[str]) -> Outcome:
        """The outcome with UNKNOWN for each of ``failing`` that is merely silent: an absence that nothing proves."""
        compiled = self._compile(task.check)
        seen = [proven_items(o) for _, call in task.facts if isinstance(o := outputs[call], Output)]
        items = [item for found in seen if found is not None for item in found]
        settled = not outcome.complete or any(v.reason is Reason.DOES_NOT_APPLY for v in outcome.verdicts)
        if isinstance(compiled, str) or settled or all(found is None for found in seen):
            return outcome
        if compiled.for_each is None:
            return replace(outcome, complete=False)
        proven = set(_subjects(compiled, task, asset, items))
        proven |= {v.subject for v in outcome.verdicts if v.kind in (VerdictKind.FAIL, VerdictKind.ERROR)}
        return with_doubts(outcome, dict.fromkeys({*failing} - {*proven, ""}, _SILENT))

    def _missed(self, task: CheckTask, outcome: Outcome, failing: Collection[str]) -> Outcome:
        """The outcome with UNKNOWN for each of ``failing`` that it says nothing of, where silence may have shortened a list.

        A host that answered has a verdict of its own, which is proof enough.
        """
        compiled = self._compile(task.check)
        settled = not outcome.complete or any(v.reason is Reason.DOES_NOT_APPLY for v in outcome.verdicts)
        if isinstance(compiled, str) or settled or not any(may_be_short(call) for _, call in task.facts):
            return outcome
        if compiled.for_each is None:
            return replace(outcome, complete=False) if failing else outcome
        told = {v.subject for v in outcome.verdicts} | {*outcome.excluded}
        return with_doubts(outcome, dict.fromkeys({*failing} - {*told, ""}, _UNSEEN))

    def judge_rows(self, task: CheckTask, asset: Asset, rows: Mapping[str, list[Json]]) -> Outcome:
        """One check of department scope, from the rows of each of its variables, all assets being observed."""
        return self._decide(task, asset, dict(rows), self._now)

    def _judge_over(self, task: CheckTask, asset: Asset, readings: Mapping[str, tuple[Asset, Readings]]) -> Outcome:
        values: dict[str, Value] = {}
        instants: list[datetime] = []
        planned = seen = 0
        for variable, call in task.facts:
            rows: list[Json] = []
            for member, of_member in readings.values():
                if call not in of_member:
                    continue
                planned += 1
                reading = of_member[call]
                if isinstance(reading, Reading):
                    seen += 1
                    instants.append(reading.observed_at)
                    observed_at = int(reading.observed_at.timestamp())
                    rows.append({"asset": bind_asset(member), "value": reading.value, "observed_at": observed_at})
            values[variable] = rows
        partly = f"{seen} of {planned}"
        if not seen:
            verdict = Verdict("", VerdictKind.UNKNOWN, reason=Reason.PARTLY_OBSERVED, detail=partly)
            return outcome_of(task, asset, [verdict], complete=False)
        outcome = self._decide(task, asset, values, min(instants))
        if seen == planned:
            return outcome
        # Offenders that were seen still fail; nothing else can be known of those that were not.
        failing = [v for v in outcome.verdicts if v.kind in (VerdictKind.FAIL, VerdictKind.ERROR)]
        if not any(v.subject == "" for v in failing):
            failing.append(Verdict("", VerdictKind.UNKNOWN, reason=Reason.PARTLY_OBSERVED, detail=partly))
        return outcome_of(task, asset, failing, complete=False, observed_at=outcome.observed_at)

    def _decide(self, task: CheckTask, asset: Asset, facts: dict[str, Value], observed_at: datetime) -> Outcome:
        compiled = self._compile(task.check)
        if isinstance(compiled, str):
            return outcome_of(task, asset, [error("", compiled)], complete=False)
        values: dict[str, Value] = {
            **facts,
            "params": dict(task.params),
            "asset": bind_asset(asset),
            "department": {"id": asset.department, "hosts": self._hosts.get(asset.department, [])},
            "inventory": self._inventory,
            "now": self._now,
            "observed_at": observed_at,
        }
        values = {name: value for name, value in values.items() if name in compiled.names}
        try:
            if compiled.applies is not None and not compiled.applies.holds(Binding(values)):
                verdict = Verdict("", VerdictKind.NOT_APPLICABLE, reason=Reason.DOES_NOT_APPLY)
                return outcome_of(task, asset, [verdict], complete=True, observed_at=observed_at)
            if compiled.for_each is None:
                verdict = verdict_of(compiled, "", Binding(values))
                complete = verdict.kind is not VerdictKind.ERROR
                return outcome_of(task, asset, [verdict], complete=complete, observed_at=observed_at)
            items = listed(compiled.for_each, values)
        except ExpressionError as raised:
            return outcome_of(task, asset, [error("", str(raised))], complete=False, observed_at=observed_at)
        if not isinstance(items, list):
            return outcome_of(task, asset, [error("", "for_each did not give a list")], complete=False)
        return self._judge_items(compiled, task, asset, values, items, observed_at)

    def _judge_items(
        self,
        compiled: CompiledCheck,
        task: CheckTask,
        asset: Asset,
        values: dict[str, Value],
        items: list[Json],
        observed_at: datetime,
    ) -> Outcome:
        verdicts: dict[str, Verdict] = {}
        excluded: dict[str, None] = {}
        complete = True
        for item in items:
            said = self._items.judge(compiled, task.definition, values, item)
            # an item without a name could be any of the subjects known so far
            complete = complete and said.named
            if said.verdict is None:
                excluded[said.subject] = None
                continue
            known = verdicts.get(said.subject)
            # Two items may bear one name (an account listed twice): the worse of them speaks for the subject.
            if known is None or WORST_FIRST.index(said.verdict.kind) < WORST_FIRST.index(known.kind):
                verdicts[said.subject] = said.verdict
        if not verdicts:
            verdicts[""] = Verdict("", VerdictKind(compiled.check.empty), reason=Reason.NOTHING_TO_EXAMINE)
        left_out = tuple(sorted(excluded.keys() - verdicts.keys()))  # a map's keys come in no order
        return outcome_of(task, asset, verdicts.values(), complete=complete, observed_at=observed_at, excluded=left_out)

    def _compile(self, check_id: str) -> CompiledCheck | str:
        if check_id not in self._compiled:
            if check_id not in self._checks:
                return f"the check {check_id} is not among the checks loaded"
            compiled, mistakes = compile_check(self._checks[check_id])
            self._compiled[check_id] = compiled or "; ".join(f"{m.key}: {m.message}" for m in mistakes)
        return self._compiled[check_id]


def _subjects(compiled: CompiledCheck, task: CheckTask, asset: Asset, items: Iterable[Json]) -> Iterable[str]:
    """The subjects that the items are; an item that the check does not iterate over is none."""
    for item in items:
        values: dict[str, Value] = {"params": dict(task.params), "asset": bind_asset(asset), "item": item}
        with contextlib.suppress(ExpressionError):
            yield subject_of(compiled.subject, Binding(values))
