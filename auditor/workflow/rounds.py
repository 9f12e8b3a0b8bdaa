"""Who is tried again in a night, and when: hosts that were down after a while, those under maintenance once it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from auditor.collecting import Window
from auditor.model import Asset, AssetPlan, Catalogue, Plan
from auditor.planning import maintenance_over, why_left_alone


@dataclass(frozen=True, slots=True)
class Night:
    """How an unattended audit is bounded. ``first`` are the assets that the last one did not come to."""

    window: Window
    first: frozenset[str] = frozenset()
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
    over, and once: what then keeps from them is not waited for, unless it is another maintenance.
    """
    tried: set[str] = set()
    tries, again_at = 0, clock() + timedelta(seconds=night.retry_after)
    while True:
        now = clock()
        free = {a.uid: at for a in skipped() if (at := rest.over(a, now)) is not None and (at > now or a.uid not in tried)}
        free = {uid: at for uid, at in free.items() if at < night.window.closes}
        missed = down() if tries < night.retries else frozenset()
        moment = min([*free.values(), *([again_at] if missed else [])], default=None)
        if moment is None or not _waited((moment - now).total_seconds(), night.window, cancelled):
            return
        chosen = {uid for uid, at in free.items() if at <= moment}
        tried |= chosen
        if missed and again_at <= moment:
            yield frozenset(chosen | missed)
            tries, again_at = tries + 1, clock() + timedelta(seconds=night.retry_after)
        else:
            yield frozenset(chosen)


def _waited(seconds: float, window: Window, cancelled: threading.Event) -> bool:
    """Wait before assets are visited again; whether there is still time for it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if cancelled.wait(min(left, 1.0)) or window.closed():
            return False
    return not (cancelled.is_set() or window.closed())
