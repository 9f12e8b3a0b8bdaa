"""What every way of observing hosts has in common: the promise that it keeps, and how it says what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from auditor.collecting.script import HostCall
from auditor.model import AssetPlan, AssetResult, Observation, ObservationStatus, Reach

STOPPED = "Stopped by the operator."


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
