"""Which host is visited next: departments in turn, none beyond its share, no network faster than it may be."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from auditor.model import AssetPlan

_LOOK = 50  # hosts of a department that are looked through for one that may be visited now
_PATIENCE = 0.5  # seconds after which closing is noticed by whoever waits
_NETWORKS = {4: 24, 6: 64}  # prefixes that count as one network


class Turns:
    """Hands out hosts to many workers, each host once.

    ``first`` are hosts that come before the others of their department; ``per_department`` is how many of one department may
    be visited at a time and ``per_second`` how many new visits one network (/24, /64) sees in a second, 0 for no limit. Once
    ``closed`` is true, what is left is handed out at once: it is not to be visited, only accounted for.
    """

    def __init__(
        self,
        plans: Iterable[AssetPlan],
        *,
        first: frozenset[str] = frozenset(),
        per_department: int = 0,
        per_second: float = 0.0,
        closed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting: dict[str, deque[AssetPlan]] = {}
        for plan in sorted(plans, key=lambda p: p.asset.uid not in first):
            self._waiting.setdefault(plan.asset.department, deque()).append(plan)
        self._order = deque(self._waiting)
        self._running = dict.fromkeys(self._waiting, 0)
        self._free_at: dict[str, float] = {}  # by network
        self._per_department, self._per_second = per_department, per_second
        self._closed, self._clock = closed, clock
        self._changed = threading.Condition()

    def take(self) -> AssetPlan | None:
        """The next host, as soon as there is one that may be visited; None when none is left."""
        with self._changed:
            while any(self._waiting.values()):
                found = self._next()
                if found is not None:
                    self._running[found.asset.department] += 1
                    return found
                self._changed.wait(_PATIENCE)
            return None

    def done(self, plan: AssetPlan) -> None:
        """The host's visit has ended."""
        with self._changed:
            self._running[plan.asset.department] -= 1
            self._changed.notify()

    def _next(self) -> AssetPlan | None:
        closed = self._closed()
        for _n in range(len(self._order)):
            department = self._order[0]
            self._order.rotate(-1)
            waiting = self._waiting[department]
            full = self._per_department and self._running[department] >= self._per_department
            if waiting and (closed or not full):
                found = waiting.popleft() if closed or not self._per_second else self._unhurried(waiting)
                if found is not None:
                    return found
        return None

    def _unhurried(self, waiting: deque[AssetPlan]) -> AssetPlan | None:
        """The first whose network may see another visit now."""
        now = self._clock()
        for place in range(min(_LOOK, len(waiting))):
            network = network_of(waiting[place].asset.address)
            if self._free_at.get(network, 0.0) <= now:
                self._free_at[network] = now + 1 / self._per_second
                found = waiting[place]
                del waiting[place]
                return found
        return None


def network_of(address: str) -> str:
    """The network that an address counts to; a name stands for itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, _NETWORKS[found.version]), strict=False))
