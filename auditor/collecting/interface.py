"""What every way of observing hosts has in common: the promise that it keeps, and how it says what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


@dataclass(frozen=True, slots=True)
class Window:
    """When hosts may be visited: none is begun from ``closes`` on, and what is under way then has ``grace`` seconds more."""

    closes: datetime
    grace: float = 0.0

    def closed(self) -> bool:
        """Whether no host may be begun any more."""
        return utcnow() >= self.closes

    def over(self) -> bool:
        """Whether what is under way must be cut."""
        return utcnow() >= self.closes + timedelta(seconds=self.grace)


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
