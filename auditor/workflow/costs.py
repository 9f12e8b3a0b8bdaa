"""What the probes cost: how long each took on the hosts that were audited, as the ledger holds it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from auditor.model import Catalogue, ObservationStatus, Plan
from auditor.workflow.queries import reading


@dataclass(frozen=True, slots=True)
class ProbeCost:
    """One probe over ``hosts`` that answered: seconds in the middle and at worst, and how many checks rest on it."""

    probe: str
    hosts: int
    median: float
    longest: float
    slowest: str
    checks: int


def probe_costs(catalogue: Catalogue, plan: Plan) -> tuple[ProbeCost, ...]:
    """The plan's host probes by what they last took, the dearest first; one that never ran is not among them.

    Seconds are of the wall clock, from the probe's first frame to its last. Raises LedgerError without a ledger.
    """
    planned = {a.asset.uid: {p.key for p in a.probes} for d in plan.departments for a in d.assets}
    checks: dict[str, set[str]] = {}
    for department in plan.departments:
        for asset in department.assets:
            for task in (*asset.checks, *department.checks):
                for _variable, call in task.facts:
                    checks.setdefault(call.key, set()).add(task.check)
    seconds: dict[str, list[tuple[float, str]]] = {}
    with reading(catalogue) as ledger:
        for result in ledger.newest_results():
            for seen in result.observations:
                wanted = seen.probe.key in planned.get(result.asset, ())
                if wanted and seen.status in (ObservationStatus.OK, ObservationStatus.TIMED_OUT):
                    seconds.setdefault(seen.probe.key, []).append((seen.seconds, result.asset))
    costs = (
        ProbeCost(key, len(found), statistics.median(s for s, _asset in found), *max(found), checks=len(checks.get(key, ())))
        for key, found in seconds.items()
    )
    return tuple(sorted(costs, key=lambda c: (-c.median, c.probe)))
