"""Which host is visited next: departments in turn, none beyond its share, no network faster than it may be."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from auditor.model import AssetPlan

_LOOK = 50  # hosts of a department that are looked through for one that may be visited now
_PATIENCE = 0.5  # seconds after which closing is noticed by whoever waits
_NETWORKS = {4: 24, 6: 64}  # prefixes that count as one network


@dataclass(frozen=True, slots=True)
class Precedence:
    """Who has waited longest: the lower the number, the longer ago the last turn was; who is not named has never had one.

    Where it is negative the turn was cut by the end of the window, and is made up for before all others.
    """

    visits: Mapping[str, int] = field(default_factory=dict)  # by host
    scans: Mapping[str, int] = field(default_factory=dict)  # by department
    seen: Mapping[str, int] = field(default_factory=dict)  # from the network, by asset


AS_LISTED = Precedence()


class Turns:
    """Hands out hosts to many workers, each host once.

    Who has waited longest by ``precedence`` comes first, departments and the hosts of each; ``per_department`` is how many of
    one department may be visited at a time and ``per_second`` how many new visits one network (/24, /64) sees in a second, 0
    for no limit. Once ``closed`` is true, what is left is handed out at once: it is not to be visited, only accounted for.
    """

    def __init__(
        self,
        plans: Iterable[AssetPlan],
        *,
        precedence: Precedence = AS_LISTED,
        per_department: int = 0,
        per_second: float = 0.0,
        closed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting: dict[str, deque[AssetPlan]] = {}

        def turn(plan: AssetPlan) -> int:
            return precedence.visits.get(plan.asset.uid, 0)

        ordered = sorted(plans, key=turn)
        for plan in ordered:
            self._waiting.setdefault(plan.asset.department, deque()).append(plan)
        # By the newest visit of each: by the oldest a large department, which always has an old one, would come first for weeks.
        rotation = sorted(self._waiting, key=lambda d: turn(self._waiting[d][-1]))
        owed = [plan.asset.department for plan in ordered if turn(plan) < 0]
        self._order = [*owed, *rotation]  # of those twice in it, only the last is put back at its end
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
        for place, department in enumerate(self._order):
            waiting = self._waiting[department]
            full = self._per_department and self._running[department] >= self._per_department
            if waiting and (closed or not full):
                found = waiting.popleft() if closed or not self._per_second else self._unhurried(waiting)
                if found is not None:
                    del self._order[place]
                    if department not in self._order:
                        self._order.append(department)
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
