"""Checks judge readings. Everything that is not a clear yes is something other than a pass."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeAlias

from auditor.evaluating.basis import Bases
from auditor.evaluating.bounded import allowance, undeserved
from auditor.evaluating.deciding import Deciding
from auditor.evaluating.doubting import concealed, doubted, missed
from auditor.evaluating.memory import Remembered
from auditor.evaluating.outcomes import outcome_of
from auditor.evaluating.reading import (
    Missing,
    Output,
    Reading,
    forget_values,
    may_be_short,
    not_too_long,
    outputs_of,
    read,
    read_result,
)
from auditor.expressions import LONGEST, Value, bind_asset
from auditor.facts import is_volatile
from auditor.model import (
    Asset,
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

# In the outcomes that are kept, with what they leave out: those of some fifty systems. Where a fleet has more than there is room
# for, each is forgotten just before its next host comes, and all is decided anew.
_VERDICTS = 150_000
_CHANGING = frozenset({"department", "inventory", "now", "observed_at"})  # what may differ the next night

_Key: TypeAlias = tuple[str | bytes, ...]
Outputs = Mapping[ProbeCall, Output | Missing]
Readings = Mapping[ProbeCall, Reading | Missing]


class _Standing(NamedTuple):
    """Of ``tasks``, which are held so that their id stays theirs, those that may stand: each with the first that it asks and the
    others; and their names.
    """

    tasks: tuple[CheckTask, ...]
    asks: list[tuple[str, ProbeCall, list[ProbeCall]]]
    checks: frozenset[str]


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
        self._deciding = Deciding(checks, now=now, addresses=addresses, hosts=hosts or {})
        self._decided = Remembered[_Key, Outcome](_VERDICTS)
        self._bases = Bases()
        self._standings: dict[int, _Standing] = {}  # by id, which lasts as long as the tasks are held here
        self._counting: dict[str, frozenset[str] | None] = {}
        self._now = now

    @classmethod
    def for_plan(cls, plan: Plan, checks: Mapping[str, Check]) -> Evaluator:
        """An evaluator with a plan's instant, addresses and hosts."""
        hosts = {d.asset.department: [a.asset for a in d.assets] for d in plan.departments}
        return cls(checks, now=plan.now, addresses=plan.addresses, hosts=hosts)

    def judge_asset(
        self, plan: AssetPlan, result: AssetResult | None, failing: Mapping[str, Collection[str]] | None = None
    ) -> tuple[Outcome, ...]:
        """One outcome for every check planned on the asset, whatever became of it.

        ``failing`` are the subjects with an open finding, by check: where something may hide them they are judged unknown.
        """
        outputs, asset = outputs_of(result, plan.probes), plan.asset
        known, shown = failing or {}, {**bind_asset(asset), "department": asset.department}
        outcomes = []
        with allowance():
            for task in plan.checks:
                outcome = self._judge_outputs(task, asset, outputs, shown)
                if task.check in known:
                    compiled = self._deciding.compiled(task.check)
                    outcome = doubted(compiled, task, asset, outputs, outcome, known[task.check])
                    outcome = concealed(self._deciding, task, asset, partial(_values, task, outputs), outcome, known[task.check])
                outcomes.append(outcome)
        return tuple(outcomes)

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
        for check, first, others in self._standing_of(plan.checks).asks:
            at = seen.get(first)
            for call in others:
                also = seen.get(call)
                at = None if at is None or also is None else min(at, also)
            if at is not None:
                found[check] = at
        return found

    def may_stand(self, plan: AssetPlan) -> frozenset[str]:
        """The checks on the asset that rest on nothing but outputs, which may be the same the next time; see ``settled``."""
        return self._standing_of(plan.checks).checks

    def _standing_of(self, tasks: tuple[CheckTask, ...]) -> _Standing:
        """Hosts mostly share their tasks, which are gone through once."""
        known = self._standings.get(id(tasks))
        if known is None:
            calls = [(t.check, [call for _, call in t.facts]) for t in tasks if t.facts and self._may_stand(t)]
            asks = [(check, first, others) for check, (first, *others) in calls]
            known = self._standings[id(tasks)] = _Standing(tasks, asks, frozenset(check for check, _ in calls))
        return known

    def _may_stand(self, task: CheckTask) -> bool:
        compiled = self._deciding.compiled(task.check)
        if isinstance(compiled, str) or compiled.names & _CHANGING:
            return False
        return not any(is_volatile(call) or may_be_short(call) for _, call in task.facts)

    def judge_department(
        self, plan: DepartmentPlan, results: Mapping[str, AssetResult], failing: Mapping[str, Collection[str]] | None = None
    ) -> tuple[Outcome, ...]:
        """One outcome for every check of department scope. ``results`` by asset uid; ``failing`` as in ``judge_asset``."""
        if not plan.checks:
            return ()
        known = failing or {}
        return tuple(
            missed(self._deciding.compiled(task.check), task, self._judge_over(task, plan, results), known.get(task.check, ()))
            for task in plan.checks
        )

    def forget(self) -> None:
        """Let go of what was remembered of single assets: a department's lists, which come last, want the room."""
        self._deciding.forget()
        self._decided.clear()
        forget_values()

    def judge_readings(self, task: CheckTask, asset: Asset, readings: Readings, failing: Collection[str] = ()) -> Outcome:
        """One check on one asset, from readings of all its facts; ``failing`` are its subjects with an open finding."""
        values: dict[str, Value] = {}
        instants: list[datetime] = []
        mapped, shown_of = self._mapped(task.check)
        shown = True
        for variable, call in task.facts:
            reading = readings[call]
            if isinstance(reading, Reading) and variable in mapped:
                reading = not_too_long(reading, variable)
            if isinstance(reading, Missing):
                verdict = Verdict("", reading.kind, reason=reading.reason, detail=reading.detail)
                return outcome_of(task, asset, [verdict], complete=False)
            values[variable] = reading.value
            instants.append(reading.observed_at)
            shown = shown and (variable not in shown_of or reading.longest <= LONGEST)
        outcome = self._deciding.decide(task, asset, values, min(instants, default=self._now), shown=shown)
        return concealed(self._deciding, task, asset, lambda: values, outcome, failing)

    def _judge_outputs(self, task: CheckTask, asset: Asset, outputs: Outputs, shown: Mapping[str, Json]) -> Outcome:
        """One check on one asset. Hosts of one fleet mostly print the same: a check decides equal outputs once.

        What a check looks at of the asset, as it is ``shown``, counts with the outputs; clock and inventory are one for a run. A
        check that looks at the instant of its outputs, or at the asset as a whole, is decided anew.
        """
        fields = self._counting[task.check] if task.check in self._counting else self._count(task.check)
        found = [output for _, call in task.facts if isinstance(output := outputs[call], Output)]
        if fields is None or len(found) < len(task.facts):
            return self._judge_anew(task, asset, outputs)
        # two checks may decide alike under two names: each has findings of its own
        own = repr([shown[name] for name in sorted(fields & shown.keys())]) if fields else ""
        key: _Key = (task.check, task.definition, own, *[output.digest for output in found])
        known = self._decided.get(key)
        if known is None:
            before = undeserved()
            known = self._judge_anew(task, asset, outputs)
            # else others, whose outputs these are too, would have an error that is not theirs
            if undeserved() == before and not any(output.unjust for output in found):
                self._decided.put(key, known, known.size)
            return known
        observed_at = min([output.observed_at for output in found], default=self._now)
        # an output that could not be read was decided without an instant
        return known.on(asset.uid, observed_at if known.observed_at is not None else None)

    def _count(self, check: str) -> frozenset[str] | None:
        """What counts of the asset beside a check's outputs: its fields and its ``department``; None for a check that is decided
        anew each time.
        """
        compiled = self._deciding.compiled(check)
        self._counting[check] = None
        if not isinstance(compiled, str) and "observed_at" not in compiled.names and compiled.asset_fields is not None:
            self._counting[check] = compiled.asset_fields | (compiled.names & {"department"})
        return self._counting[check]

    def _mapped(self, check: str) -> tuple[frozenset[str], frozenset[str]]:
        """The facts whose lists may not be long to decide the check, and to show what was observed."""
        compiled = self._deciding.compiled(check)
        return (frozenset(), frozenset()) if isinstance(compiled, str) else (compiled.mapped, compiled.shown_of)

    def _judge_anew(self, task: CheckTask, asset: Asset, outputs: Outputs) -> Outcome:
        return self.judge_readings(task, asset, {call: read(outputs[call]) for _, call in task.facts})

    def judge_rows(self, task: CheckTask, asset: Asset, rows: Mapping[str, list[Json]]) -> Outcome:
        """One check of department scope, from the rows of each of its variables, all assets being observed."""
        return self._deciding.decide(task, asset, dict(rows), self._now)

    def _judge_over(self, task: CheckTask, plan: DepartmentPlan, results: Mapping[str, AssetResult]) -> Outcome:
        """One check of department scope. What it looks at is read for it alone: lists of all hosts together fill the memory."""
        values: dict[str, Value] = {}
        instants: list[datetime] = []
        planned = seen = 0
        mapped, _shown_of = self._mapped(task.check)
        for variable, call in task.facts:
            rows: list[Json] = []
            for member in _asked(plan, call):
                planned += 1
                reading = read_result(results.get(member.asset.uid), (call,))[call]
                if isinstance(reading, Reading) and variable in mapped:
                    reading = not_too_long(reading, variable)
                if isinstance(reading, Reading):
                    seen += 1
                    instants.append(reading.observed_at)
                    observed_at = int(reading.observed_at.timestamp())
                    rows.append({"asset": bind_asset(member.asset), "value": reading.value, "observed_at": observed_at})
            values[variable] = rows
        asset = plan.asset
        partly = f"{seen} of {planned}"
        if not seen:
            verdict = Verdict("", VerdictKind.UNKNOWN, reason=Reason.PARTLY_OBSERVED, detail=partly)
            return outcome_of(task, asset, [verdict], complete=False)
        outcome = self._deciding.decide(task, asset, values, min(instants), missing=planned - seen)
        if seen == planned:
            return outcome
        # Offenders that were seen still fail; nothing else can be known of those that were not.
        failing = [v for v in outcome.verdicts if v.kind in (VerdictKind.FAIL, VerdictKind.ERROR)]
        if not any(v.subject == "" for v in failing):
            failing.append(Verdict("", VerdictKind.UNKNOWN, reason=Reason.PARTLY_OBSERVED, detail=partly))
        return outcome_of(task, asset, failing, complete=False, observed_at=outcome.observed_at)


def _values(task: CheckTask, outputs: Outputs) -> dict[str, Value]:
    """The values of a check's facts, of those that have one."""
    found = ((name, read(outputs[call])) for name, call in task.facts)
    return {name: reading.value for name, reading in found if isinstance(reading, Reading)}


def _asked(plan: DepartmentPlan, call: ProbeCall) -> Iterator[AssetPlan]:
    """The assets of which ``call`` is asked. Hosts mostly share their probes, which are looked through once."""
    among: dict[int, bool] = {}
    for member in plan.assets:
        shared = id(member.probes)
        if shared not in among:
            among[shared] = call in member.probes
        if among[shared]:
            yield member
