"""Gives stored observations back as if they had just come in, so that judging can be repeated without touching a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from auditor.collecting.interface import utcnow
from auditor.model import AssetPlan, AssetResult, Observation, ObservationStatus, Plan, Reach


class ReplayTransport:
    """Answers every probe, of the host or of the network, from what ``stored`` has of the asset."""

    def __init__(self, stored: Callable[[str], AssetResult | None]) -> None:
        self._stored = stored

    def collect(self, plan: AssetPlan) -> AssetResult:
        """The stored result, cut to the probes of the plan; what was not stored has not run."""
        result = self._stored(plan.asset.uid)
        if result is None:
            now = utcnow()
            result = AssetResult(plan.asset.uid, Reach.SKIPPED, (), now, now, "There is no stored observation of this asset.")
        found = {o.probe: o for o in result.observations}
        missing = (
            Observation(plan.asset.uid, call, ObservationStatus.NOT_RUN, result.ended)
            for call in plan.probes
            if call not in found
        )
        return replace(result, observations=(*(found[call] for call in plan.probes if call in found), *missing))

    def close(self) -> None:
        """Nothing is held."""


def replay_plan(plan: Plan, stored: Callable[[str], AssetResult | None], on_result: Callable[[AssetResult], None]) -> None:
    """Give ``on_result`` one result for each asset of the plan, from what is stored."""
    transport = ReplayTransport(stored)
    for department in plan.departments:
        for asset in department.assets:
            on_result(transport.collect(asset))
