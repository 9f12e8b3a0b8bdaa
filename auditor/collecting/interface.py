"""What every way of observing hosts has in common: the promise that it keeps, and how it says what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from auditor.collecting.script import HostCall
from auditor.model import AssetPlan, AssetResult, Observation, ObservationStatus, Reach

STOPPED = "Stopped by the operator."
CLOSED = "The window closed before its turn came."
CUT = "The window closed while it was being visited."


class Flag(Protocol):
    """Something that becomes true once, such as a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether it has."""
        ...


def ticks() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps where the system has such a one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Window:
    """When hosts may be visited: for some ``seconds`` from now on; what is under way then has ``grace`` seconds more.

    The machine's own time is not asked: set back by a day, it would hold the window open, and the run lock with it.
    """

    def __init__(self, seconds: float, grace: float = 0.0, *, ticks: Callable[[], float] = ticks) -> None:
        self._ticks, self._grace = ticks, grace
        self._closes = ticks() + seconds

    def left(self) -> float:
        """For how many seconds hosts may still be begun; negative once it has closed."""
        return self._closes - self._ticks()

    def closed(self) -> bool:
        """Whether no host may be begun any more."""
        return self.left() <= 0

    def over(self) -> bool:
        """Whether what is under way must be cut."""
        return self.left() <= -self._grace


class Stop:
    """True when somebody asked to stop, or when the window is over."""

    def __init__(self, cancelled: Flag, window: Window | None) -> None:
        self._cancelled, self._window = cancelled, window

    def is_set(self) -> bool:
        """Whether to stop now."""
        return self._cancelled.is_set() or (self._window is not None and self._window.over())


class Transport(Protocol):
    """A way to observe the hosts of a plan."""

    def collect(self, plan: AssetPlan) -> AssetResult:
        """Observe one host. Never raises for what the host does or is.

        Every probe that is read on the host ends in exactly one observation, whatever happened. Safe to call from several
        threads at once.
        """
        ...

    def close(self) -> None:
        """Let go of what is shared between hosts."""
        ...


class Cancelled(Exception):  # noqa: N818 — not an error: a person asked for it
    """Ctrl-C came while a host was being observed."""


def utcnow() -> datetime:
    """The auditor's clock."""
    return datetime.now(UTC)


def to_millisecond(moment: datetime) -> datetime:
    """Rounded down, as proof must not look newer than it is: a ledger keeps such instants in few bytes."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unseen(
    asset: str, calls: Sequence[HostCall], status: ObservationStatus, at: datetime, why: str = ""
) -> tuple[Observation, ...]:
    """An observation with ``status`` for each probe; those without a probe for the platform are unsupported in any case."""
    return tuple(
        Observation(
            asset, item.call, status if item.probe else ObservationStatus.UNSUPPORTED, at, stderr=why if item.probe else ""
        )
        for item in calls
    )


def not_reached(
    plan: AssetPlan, calls: Sequence[HostCall], reach: Reach, started: datetime, detail: str, host_key: str = ""
) -> AssetResult:
    """The result of an attempt that came to no probe at all."""
    ended = utcnow()
    return AssetResult(
        plan.asset.uid, reach, unseen(plan.asset.uid, calls, ObservationStatus.NOT_RUN, ended), started, ended, detail, host_key
    )
