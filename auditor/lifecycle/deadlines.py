"""When a finding must be remedied, so that every officer is given the same time for the same severity."""

from __future__ import annotations

import functools
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from auditor.model import Calendar, Criticality, Finding, FindingState, Severity, Terms

EVERY_WEEK = Calendar()
"""The weekend and nothing else."""

SETTLED = frozenset({FindingState.CLOSED, FindingState.EXCEPTED, FindingState.FALSE_POSITIVE})
"""States in which no deadline runs out."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time that one severity is given on one asset. ``days`` None: no deadline. Days are those of the department's zone."""

    days: int | None
    working: bool = False
    restarts: bool = False
    calendar: Calendar = EVERY_WEEK
    zone: str = "UTC"

    def due(self, first_seen: datetime, reopened_at: datetime | None = None) -> datetime | None:
        """The last instant, from when the failure was first seen, or seen again where the policy says that it starts anew."""
        since = reopened_at if reopened_at is not None and self.restarts else first_seen
        if self.days is None:
            return None
        if not self.working:
            return since + timedelta(days=self.days)
        local = since.astimezone(zoneinfo.ZoneInfo(self.zone))
        spread = _spread(local.date(), self.days, self.calendar)
        return (local + timedelta(days=spread) if spread else local).astimezone(UTC)


@functools.lru_cache(maxsize=4096)  # each finding that fails again asks for it, each night
def _spread(start: date, days: int, calendar: Calendar) -> int:
    """How many days of the calendar it takes until so many working days after ``start`` have passed."""
    spread, left = 0, days
    while left:
        spread += 1
        day = start + timedelta(days=spread)
        left -= day.weekday() not in calendar.weekend and day not in calendar.holidays
    return spread


def deadline(
    terms: Terms, severity: Severity, criticality: Criticality, calendar: Calendar = EVERY_WEEK, zone: str = "UTC"
) -> Deadline:
    """What the policy gives a finding of this severity on an asset of this criticality."""
    days = terms.by_criticality.get(criticality, {}).get(severity, terms.days.get(severity))
    return Deadline(days, terms.working_days, terms.restart_on_reopening, calendar, zone)


def is_overdue(finding: Finding, now: datetime) -> bool:
    """Whether its time has run out. What is closed or excepted is never overdue."""
    return finding.due is not None and finding.state not in SETTLED and finding.due < now


def is_due_soon(finding: Finding, now: datetime, days: int) -> bool:
    """Whether its time runs out within so many days."""
    return finding.due is not None and finding.state not in SETTLED and now <= finding.due <= now + timedelta(days=days)
