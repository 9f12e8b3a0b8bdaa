"""When a finding must be remedied, so that every officer is given the same time for the same severity.

A deadline is a day, as people read it: it has passed when that day is over in the department's time zone, not at the minute of it
at which a scan once saw the failure.
"""

from __future__ import annotations

import functools
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from auditor.model import SPARED, Calendar, Criticality, Finding, FindingState, Severity, Terms

EVERY_WEEK = Calendar()
"""The weekend and nothing else."""

_LAST = time(23, 59, 59)

SETTLED = frozenset({FindingState.CLOSED, *SPARED})
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
        """The last second of the last day, counted from the day on which the failure was first seen, or seen again where the
        policy says that it starts anew."""
        since = reopened_at if reopened_at is not None and self.restarts else first_seen
        if self.days is None:
            return None
        start = since.astimezone(zoneinfo.ZoneInfo(self.zone)).date()
        last = start + timedelta(days=_spread(start, self.days, self.calendar) if self.working else self.days)
        return _end(last, self.zone)


@functools.lru_cache(maxsize=4096)
def _end(day: date, zone: str) -> datetime:
    """The last second of a day. Where clocks are set back at midnight the last hour comes twice: the second of them ends it."""
    return datetime.combine(day, _LAST, zoneinfo.ZoneInfo(zone)).replace(fold=1).astimezone(UTC)


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


def has_passed(due: datetime, now: datetime) -> bool:
    """Whether a deadline has passed, to the second in which it is kept."""
    return due < now.replace(microsecond=0)


def is_overdue(finding: Finding, now: datetime) -> bool:
    """Whether its last day is over. What is closed or excepted is never overdue."""
    return finding.due is not None and finding.state not in SETTLED and has_passed(finding.due, now)


def is_due_soon(finding: Finding, now: datetime, days: int) -> bool:
    """Whether its last day is today, or one of so many days to come."""
    if finding.due is None or finding.state in SETTLED or has_passed(finding.due, now):
        return False
    return finding.due < now + timedelta(days=days + 1)
