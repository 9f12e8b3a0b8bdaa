"""Verdicts held against an asset's findings: what happens to them, and whether there is anything left to happen."""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from auditor.facts import is_volatile
from auditor.ledger import Ledger
from auditor.lifecycle import LIVE, deadline, reconcile
from auditor.model import CLEAR, Asset, Catalogue, CheckTask, Confirmed, Event, Finding, Outcome, Plan, VerdictKind
from auditor.model.codec import canonical


class Decide(Protocol):
    """What an outcome means for the findings of its check; as if it were ``now``, where that is given."""

    def __call__(self, outcome: Outcome, findings: Sequence[Finding], now: datetime | None = None, /) -> tuple[Event, ...]:
        """The events."""


_LATER = datetime(9000, 1, 1, tzinfo=UTC)  # later than all that was seen, claimed or closed


class Held(NamedTuple):
    """What follows. ``settled``: the same verdicts, observed again at whatever later instant, would move nothing.

    All live findings of a check that fails do then fail, and one that does not has none.
    """

    events: tuple[Event, ...]
    settled: bool


class Rules:
    """What verdicts mean for findings under a plan."""

    def __init__(self, plan: Plan, catalogue: Catalogue) -> None:
        self._terms = catalogue.policies[plan.policy].terms
        self._homes = {d.id: (d.calendar, d.timezone) for d in catalogue.inventory.departments}
        self.taken: dict[str, tuple[str, str, str]] = {}  # ids that would be given twice, and the findings that bear them
        self._known: dict[int, tuple[Collection[CheckTask], bytes]] = {}  # by id, which lasts as long as the tasks are held here

    def digest(self, tasks: Collection[CheckTask], asset: Asset) -> bytes:
        """Of all that ``decider`` takes from the plan and the catalogue: 32 bytes."""
        _tasks, digest = self._known.get(id(tasks), ((), b""))
        if not digest:
            told = [[task.check, task.severity, task.controls] for task in tasks]
            digest = hashlib.sha256(canonical([told, self._terms])).digest()
            self._known[id(tasks)] = (tasks, digest)
        calendar, zone = self._homes.get(asset.department, (None, ""))
        own = canonical([asset.department, asset.criticality, calendar, zone])
        return hashlib.sha256(digest + own + _clock_changes(zone)).digest()

    def decider(self, tasks: Iterable[CheckTask], asset: Asset, *, run_id: int, actor: str, now: datetime) -> Decide:
        """What outcomes of an asset mean for its findings, as a function of an outcome and the findings of its check."""
        when = self._homes.get(asset.department, ())
        by_check = {task.check: task for task in tasks}

        def decide(outcome: Outcome, findings: Sequence[Finding], at: datetime | None = None, /) -> tuple[Event, ...]:
            task = by_check[outcome.check]
            return reconcile(
                outcome,
                findings,
                now=at or now,
                run_id=run_id,
                actor=actor,
                severity=task.severity,
                controls=task.controls,
                department=asset.department,
                deadline=deadline(self._terms, task.severity, asset.criticality, *when),
                volatile=any(is_volatile(call) for _, call in task.facts),
                taken=self.taken,
            )

        return decide


@cache
def _clock_changes(zone: str) -> bytes:
    """What the system knows of a zone, b"" where the package tzdata knows it, whose version is in the basis of verdicts."""
    files = (Path(folder, zone) for folder in zoneinfo.TZPATH)
    return next((file.read_bytes() for file in files if file.is_file()), b"")


def hold(
    ledger: Ledger,
    decide: Decide,
    outcomes: Iterable[Outcome],
    confirmed: Iterable[Confirmed] = (),
    *,
    may_stand: Container[str] = (),
) -> Held:
    """Hold outcomes and what stands, of one asset, each against the findings of its check.

    Whether findings are settled is told of the checks that ``may_stand``, and of those whose verdict is clear: others are judged
    anew each time.
    """
    judged: list[Outcome | Confirmed] = [*outcomes, *confirmed]
    assets = {one.asset for one in judged}
    if len(assets) > 1:  # the findings of another would be opened again over those that are there
        raise ValueError(f"outcomes of {len(assets)} assets, to be held against the findings of one")
    findings: dict[str, list[Finding]] = {}
    for asset in assets:
        for finding in ledger.findings_by_asset(asset, [one.check for one in judged]):
            findings.setdefault(finding.check, []).append(finding)
    events: list[Event] = []
    settled = True
    for one in judged:
        own = findings.get(one.check, [])
        live = {finding.subject for finding in own if finding.state in LIVE}
        # what does not fail can only close, and there must be something to close
        if one.kind is not VerdictKind.FAIL and not live:
            continue
        outcome = ledger.whole(one) if isinstance(one, Confirmed) else one
        if own and outcome.observed_at is not None and not decide(replace(outcome, observed_at=_LATER), own, _LATER):
            # what moves nothing then moves nothing now, whatever the clock is
            calm = live == {verdict.subject for verdict in outcome.verdicts if verdict.kind is VerdictKind.FAIL}
        else:
            events += decide(outcome, own)
            calm = not own  # all that failed was opened
        if not calm and one.kind in CLEAR and one.check in may_stand:
            settled = False
    return Held(tuple(events), settled)
