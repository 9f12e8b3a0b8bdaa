"""Who is tried again in a night, and when: hosts that were down after a while, those under maintenance once it is over."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.collecting import Window, ticks
from auditor.model import Asset, AssetPlan, Catalogue, Plan
from auditor.planning import maintenance_over, why_left_alone

_PATIENCE = 30.0  # seconds after which it is noticed that the machine's time was set


@dataclass(frozen=True, slots=True)
class Night:
    """How an unattended audit is bounded."""

    window: Window
    retries: int = 0
    retry_after: float = 0.0


class Rest:
    """Which assets are left alone at the moment, and until when."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], datetime]) -> None:
        self._catalogue, self._clock = catalogue, clock
        self._departments = {d.id: d for d in catalogue.inventory.departments}

    def why(self, asset: Asset) -> str:
        """Why an asset is left alone now; "" when it is not."""
        return self._why(asset, self._clock())

    def over(self, asset: Asset, now: datetime) -> datetime | None:
        """From when on nothing keeps from an asset: the end of its maintenance, now where there is none; None for never."""
        free = maintenance_over(self._departments[asset.department], asset, now) or now
        return None if self._why(asset, free) else free

    def without(self, plan: Plan) -> Plan:
        """A plan that leaves alone what is left alone now, and not what was when the plan was made."""

        def awake(asset: AssetPlan) -> AssetPlan:
            return replace(asset, skipped=self.why(asset.asset)) if asset.skipped else asset

        departments = tuple(replace(d, assets=tuple(awake(a) for a in d.assets)) for d in plan.departments)
        return replace(plan, departments=departments)

    def _why(self, asset: Asset, at: datetime) -> str:
        return why_left_alone(self._catalogue, self._departments[asset.department], asset, at)


def rounds(
    night: Night,
    rest: Rest,
    skipped: Callable[[], Iterable[Asset]],
    down: Callable[[], frozenset[str]],
    cancelled: threading.Event,
    clock: Callable[[], datetime],
) -> Iterator[frozenset[str]]:
    """The assets to be visited again, round by round, each when its time has come and while the window is open.

    ``down`` are those that did not answer, ``skipped`` those that were left alone. These are visited when their maintenance is
    over, and once: what then keeps from them is not waited for, unless it is another maintenance. Maintenance is over by
    ``clock``, the machine's time, which may be set meanwhile; all else is counted in seconds.
    """
    awaited: set[str] = set()
    visited: set[str] = set()
    tries, again_at = 0, ticks() + night.retry_after
    while not cancelled.is_set():
        waits = _waits(rest, skipped(), clock(), night.window.left())
        awaited |= {uid for uid, seconds in waits.items() if seconds > 0}
        free = {uid for uid, seconds in waits.items() if seconds <= 0 and (uid in awaited or uid not in visited)}
        missed = down() if tries < night.retries else frozenset()
        again = again_at - ticks() if missed else math.inf
        soonest = 0.0 if free else min([again, *(seconds for seconds in waits.values() if seconds > 0)])
        if soonest >= (left := night.window.left()):
            return
        if soonest > 0:
            cancelled.wait(min(soonest, left, _PATIENCE))
            continue
        awaited -= free
        visited |= free
        yield frozenset(free | missed) if again <= 0 else frozenset(free)
        if again <= 0:
            tries, again_at = tries + 1, ticks() + night.retry_after


def _waits(rest: Rest, skipped: Iterable[Asset], now: datetime, left: float) -> dict[str, float]:
    """In how many seconds nothing keeps from an asset any more, where that is while the window is open."""
    free = ((asset.uid, rest.over(asset, now)) for asset in skipped)
    waits = {uid: (at - now).total_seconds() for uid, at in free if at is not None}
    return {uid: seconds for uid, seconds in waits.items() if seconds < left}
