"""Who comes first in a night: who has waited longest, by what the nights before made of each host and network.

What a window left over has waited longer than what was visited in it, and so comes first the next night.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from auditor.collecting import CLOSED, CUT, Precedence
from auditor.errors import IntegrityError
from auditor.facts import by_name
from auditor.ledger import Ledger
from auditor.model import AssetPlan, AssetResult, DepartmentPlan, Observation, ObservationStatus, Plan, ProbeCall, Reach

# The number of the run comes before the instant: a clock that was set back mixes up no nights.
_When: TypeAlias = tuple[int, datetime]
_Since: TypeAlias = tuple[bool, _When]
_NEVER: _When = (0, datetime.min.replace(tzinfo=UTC))


@dataclass
class _Turns:
    """The nights in which somebody was to have a turn, the turns that came, and which of them the end of the window cut."""

    nights: set[int] = field(default_factory=set)
    came: dict[int, _When] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)

    def add(self, when: _When, *, came: bool, cut: bool) -> None:
        run = when[0]
        self.nights.add(run)
        if came:
            self.came[run] = max(when, self.came.get(run, _NEVER))
        self.cut |= {run} if cut else set()

    def known(self, *, beyond: bool) -> bool:
        """Whether no older night matters; ``beyond`` where the one before the last turn does in any case."""
        newest = max(self.came, default=None)
        return newest is not None and (not (beyond or newest in self.cut) or min(self.nights) < newest)

    def since(self) -> _Since:
        """Whether it is not owed a turn, and when it had the last.

        Owed is one that was cut, as it may have begun late; but not if the night before had cut it too. Who outlasts every
        window would otherwise come first each night, and the others never.
        """
        newest = max(self.came, default=None)
        if newest is None:
            return (True, _NEVER)
        before = max((run for run in self.nights if run < newest), default=0)
        return (newest not in self.cut or before in self.cut, self.came[newest])


@dataclass
class _Past:
    """What became of an asset: the visits, the scans, and when anything was seen of it from the network."""

    visits: _Turns = field(default_factory=_Turns)
    scans: _Turns = field(default_factory=_Turns)
    seen: _When = _NEVER

    def add(self, run: int, result: AssetResult) -> None:
        begun = result.reach is not Reach.SKIPPED
        cut = not begun and result.detail == CUT
        self.visits.add((run, result.started), came=begun or cut, cut=cut)
        seen = max((o.observed_at for o in result.observations if _was_made(o)), default=None)
        cut = any(o.stderr == CUT for o in result.observations)
        self.scans.add((run, seen or result.ended), came=cut or seen is not None, cut=cut)
        if seen is not None:
            self.seen = max(self.seen, (run, seen))


def precedence(ledger: Ledger, plan: Plan) -> Precedence:
    """The order in which a run's hosts and networks have their turn."""
    visits: dict[str, _Since] = {}
    scans: dict[str, _Since] = {}
    seen: dict[str, _Since] = {}
    for department in plan.departments:
        pasts = _pasts(ledger, department, beyond=False)
        settled, when = _together(pasts).since()
        if not settled:
            # any asset may tell that the night before had cut the scan too
            settled, when = _together(_pasts(ledger, department, beyond=True)).since()
        scans[department.department] = settled, when
        for uid, past in pasts.items():
            visits[uid], seen[uid] = past.visits.since(), (True, past.seen)
    return Precedence(_ranks(visits), _ranks(scans), _ranks(seen))


def _pasts(ledger: Ledger, department: DepartmentPlan, *, beyond: bool) -> dict[str, _Past]:
    return {a.asset.uid: _past(ledger, a, beyond=beyond) for a in department.assets if not a.skipped}


def _past(ledger: Ledger, plan: AssetPlan, *, beyond: bool) -> _Past:
    """As far back as it matters. What cannot be read costs the asset its place in the order, and nobody the night."""
    calls = frozenset(call for call in plan.probes if _is_from_network(call))
    past = _Past()
    try:
        for run, result in ledger.attempts(plan.asset.uid, calls, (CLOSED, CUT)):
            past.add(run, result)
            scans = not calls or (past.scans.known(beyond=beyond) and past.seen > _NEVER)
            if scans and past.visits.known(beyond=False):
                break
    except IntegrityError:
        pass
    return past


def _together(pasts: Mapping[str, _Past]) -> _Turns:
    """The scans of a department: one in which any asset was cut was cut."""
    turns = _Turns()
    for past in pasts.values():
        for run in past.scans.nights:
            when = past.scans.came.get(run)
            turns.add(when or (run, _NEVER[1]), came=when is not None, cut=run in past.scans.cut)
    return turns


def _is_from_network(call: ProbeCall) -> bool:
    fact = by_name(call.fact)
    return fact is not None and fact.network is not None


def _was_made(observation: Observation) -> bool:
    return observation.status is not ObservationStatus.NOT_RUN and observation.stderr not in (CLOSED, CUT)


def _ranks(since: Mapping[str, _Since]) -> dict[str, int]:
    """Negative where a turn is owed."""
    order = sorted(set(since.values()))
    owed = sum(not settled for settled, _when in order)
    ranks = {when: place - owed for place, when in enumerate(order)}
    return {name: ranks[when] for name, when in since.items()}
