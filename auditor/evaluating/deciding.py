"""One check on one set of values: compile, decide, item by item."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from auditor.errors import ExpressionError
from auditor.evaluating.asking import Alone
from auditor.evaluating.bounded import bounded
from auditor.evaluating.items import Items, error, listed, verdict_of
from auditor.evaluating.outcomes import WORST_FIRST, outcome_of
from auditor.expressions import Binding, CompiledCheck, Value, bind_asset, compile_check
from auditor.model import Asset, AssetKind, Check, CheckTask, Json, Outcome, Reason, Verdict, VerdictKind

OF_HOST = 10_000
"""Items of one check on one host. More say that the host, or what speaks for it, makes them up: each would have a finding."""

TOO_MANY = f"the host tells of more than {OF_HOST:,} of what the check looks at one by one"

OF_DEPARTMENT = 60.0
"""Seconds of CPU for a check on all of a department's hosts together."""


class Deciding:
    """Decides by one plan's checks, each compiled once. ``hosts`` are the assets of each department."""

    def __init__(
        self, checks: Mapping[str, Check], *, now: datetime, addresses: Iterable[str], hosts: Mapping[str, Iterable[Asset]]
    ) -> None:
        self._checks = checks
        self._compiled: dict[str, CompiledCheck | str] = {}
        self._items = Items()
        self._now = now
        self._inventory: Json = {"addresses": list(addresses)}
        self._hosts: dict[str, Json] = {
            department: [{"uid": a.uid, "name": a.name, "address": a.address} for a in assets if a.kind is AssetKind.HOST]
            for department, assets in hosts.items()
        }

    def forget(self) -> None:
        """Let go of what was decided of single items."""
        self._items = Items()

    def decide(
        self,
        task: CheckTask,
        asset: Asset,
        facts: dict[str, Value],
        observed_at: datetime,
        *,
        shown: bool = True,
        missing: int = 0,
    ) -> Outcome:
        """One check on an asset, from the values of its facts; ERROR where an expression has none, never a pass.

        Not ``shown``: what was observed would be too long a list. ``missing``: how many readings of a department there are not.
        """
        compiled = self.compiled(task.check)
        if isinstance(compiled, str):
            return outcome_of(task, asset, [error("", compiled)], complete=False)
        if not shown:
            compiled = replace(compiled, observed=None, expected=None)
        values = self._values(compiled, task, asset, facts, observed_at, missing)
        try:
            return bounded(
                lambda: self._decide(compiled, task, asset, values, observed_at),
                "deciding it",
                seconds=OF_DEPARTMENT if asset.kind is AssetKind.DEPARTMENT else None,
                raises=ExpressionError,
            )
        except ExpressionError as raised:
            return outcome_of(task, asset, [error("", str(raised))], complete=False, observed_at=observed_at)

    def hidden(
        self, task: CheckTask, asset: Asset, facts: Mapping[str, Value], observed_at: datetime, gone: Collection[str]
    ) -> set[str]:
        """Of the subjects that are ``gone`` from what a check says those that an item which it does not judge may hide.

        All of them where that cannot be told.
        """
        compiled = self.compiled(task.check)
        if isinstance(compiled, str) or compiled.for_each is None or compiled.hides is None:
            return set()
        for_each, where, decidable, hides = compiled.for_each, compiled.where, compiled.decidable, compiled.hides
        values = self._values(compiled, task, asset, facts, observed_at)

        def told() -> set[str]:
            found: set[str] = set()
            items = listed(for_each, values, compiled.gathering)
            for item in items if isinstance(items, list) else []:
                asked = {**values, "item": item}
                alone = Alone(asked)
                if not all(alone.holds(judged) for judged in (where, decidable) if judged is not None):
                    found |= {subject for subject in {*gone} - found if Alone({**asked, "gone": subject}).holds(hides)}
            return found

        try:
            return bounded(told, "telling what it hides", raises=ExpressionError)
        except ExpressionError:
            return {*gone}

    def _values(
        self,
        compiled: CompiledCheck,
        task: CheckTask,
        asset: Asset,
        facts: Mapping[str, Value],
        observed_at: datetime,
        missing: int = 0,
    ) -> dict[str, Value]:
        """What the check's expressions mention, of all that they may see."""
        values: dict[str, Value] = {
            **facts,
            "params": dict(task.params),
            "asset": bind_asset(asset),
            "department": {"id": asset.department, "hosts": self._hosts.get(asset.department, []), "missing": missing},
            "inventory": self._inventory,
            "now": self._now,
            "observed_at": observed_at,
        }
        return {name: value for name, value in values.items() if name in compiled.names}

    def _decide(
        self, compiled: CompiledCheck, task: CheckTask, asset: Asset, values: dict[str, Value], observed_at: datetime
    ) -> Outcome:
        """Raises ExpressionError where that keeps the whole from being decided."""
        if compiled.applies is not None and not compiled.applies.holds(Binding(values)):
            verdict = Verdict("", VerdictKind.NOT_APPLICABLE, reason=Reason.DOES_NOT_APPLY)
            return outcome_of(task, asset, [verdict], complete=True, observed_at=observed_at)
        if compiled.for_each is None:
            verdict = verdict_of(compiled, "", Alone(values))
            complete = verdict.kind is not VerdictKind.ERROR
            return outcome_of(task, asset, [verdict], complete=complete, observed_at=observed_at)
        items = listed(compiled.for_each, values, compiled.gathering)
        if not isinstance(items, list):
            raise ExpressionError("for_each did not give a list")
        if asset.kind is AssetKind.HOST and len(items) > OF_HOST:
            raise ExpressionError(TOO_MANY)
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
        known_as = task.definition if compiled.observed is not None else f"{task.definition} unshown"
        for said in self._items.judge(compiled, known_as, values, items):
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

    def compiled(self, check_id: str) -> CompiledCheck | str:
        """A check with its expressions compiled, or what is wrong with it."""
        if check_id not in self._compiled:
            if check_id not in self._checks:
                return f"the check {check_id} is not among the checks loaded"
            compiled, mistakes = compile_check(self._checks[check_id])
            self._compiled[check_id] = compiled or "; ".join(f"{m.key}: {m.message}" for m in mistakes)
        return self._compiled[check_id]
