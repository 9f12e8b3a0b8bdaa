"""Deadlines: the same time for the same severity, counted on days on which people work where the policy says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.lifecycle import Deadline, deadline, is_due_soon, is_overdue
from auditor.model import Calendar, Criticality, FindingState, Severity, Terms

from .make import DAY, T0, end_of, one, outcome

WEDNESDAY = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "weekend", "holidays", "expected"),
    [
        (1, (4, 5), (), "2026-03-05"),
        (2, (4, 5), (), "2026-03-08"),  # Friday and Saturday are left out
        (2, (5, 6), (), "2026-03-06"),
        (2, (4, 5), (date(2026, 3, 8),), "2026-03-09"),
        (7, (4, 5), (), "2026-03-15"),
    ],
)
def test_working_days(days: int, weekend: tuple[int, ...], holidays: tuple[date, ...], expected: str) -> None:
    """A week of work from Wednesday ends on a Sunday where Friday and Saturday are free."""
    due = Deadline(days, working=True, calendar=Calendar(weekend, holidays)).due(WEDNESDAY)
    assert due is not None
    assert due.date().isoformat() == expected


def test_days_are_those_of_the_department() -> None:
    """Late on Thursday in London it is Friday already in Riyadh."""
    late = datetime(2026, 3, 5, 22, 0, tzinfo=UTC)
    due = Deadline(1, working=True, zone="Asia/Riyadh").due(late)
    assert due == datetime(2026, 3, 8, 20, 59, 59, tzinfo=UTC)  # Sunday's last second in Riyadh


def test_an_asset_that_matters_more_is_given_less_time() -> None:
    """What the policy does not shorten stays as it is for everyone."""
    terms = Terms(dict.fromkeys(Severity, 30), {Criticality.HIGH: {Severity.HIGH: 7}})
    assert deadline(terms, Severity.HIGH, Criticality.HIGH).days == 7
    assert deadline(terms, Severity.LOW, Criticality.HIGH).days == 30
    assert deadline(terms, Severity.HIGH, Criticality.LOW).days == 30


def test_a_deadline_is_kept_through_reopening_unless_the_policy_restarts_it() -> None:
    """Otherwise a fault that is mended for a night would never be late."""
    again = T0 + 5 * DAY
    assert Deadline(30).due(T0, again) == end_of(T0 + 30 * DAY)
    assert Deadline(30, restarts=True).due(T0, again) == end_of(again + 30 * DAY)
    assert Deadline(None).due(T0) is None


def test_overdue_and_due_soon() -> None:
    """What is closed or excepted is neither."""
    finding = one(outcome({"": "fail"}))
    due = end_of(T0 + 30 * DAY)
    assert finding.due == due
    assert is_overdue(finding, due + DAY)
    assert not is_overdue(finding, due)
    assert is_due_soon(finding, due - 7 * DAY, 7)
    assert not is_due_soon(finding, due - 8 * DAY, 7)
    assert not is_due_soon(finding, due + DAY, 7)
    for state in (FindingState.CLOSED, FindingState.EXCEPTED, FindingState.FALSE_POSITIVE):
        assert not is_overdue(replace(finding, state=state), due + DAY)


@given(st.integers(1, 60), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sets(st.integers(0, 6), max_size=6))
def test_a_deadline_never_ends_on_a_free_day(days: int, since: datetime, weekend: set[int]) -> None:
    """And never gives fewer calendar days than working days."""
    aware = since.replace(tzinfo=UTC)
    due = Deadline(days, working=True, calendar=Calendar(tuple(sorted(weekend)))).due(aware)
    assert due is not None
    assert due.weekday() not in weekend
    assert due.date() - aware.date() >= timedelta(days=days)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    st.integers(0, 40),
    st.sets(st.integers(0, 6), max_size=5),
    st.lists(st.dates(date(2026, 1, 1), date(2027, 3, 1)), max_size=10),
    st.sampled_from(["UTC", "Asia/Riyadh", "Africa/Cairo"]),
)
def test_working_days_are_counted_one_by_one(since: datetime, days: int, weekend: set[int], free: list[date], zone: str) -> None:
    """What is remembered of a calendar gives what counting day by day does, daylight saving time included."""
    calendar = Calendar(tuple(sorted(weekend)), tuple(free))
    local, left = since.astimezone(ZoneInfo(zone)), days
    while left:
        local += timedelta(days=1)
        left -= local.weekday() not in calendar.weekend and local.date() not in calendar.holidays
    assert Deadline(days, working=True, calendar=calendar, zone=zone).due(since) == end_of(local)


def test_a_deadline_is_a_day_to_its_end() -> None:
    """Regression, overdue on the very day that was shown as the last: the deadline was the minute at which a scan had seen the
    failure, so that a finding due on 1 December was late from 04:30 that morning, and its day another in another zone."""
    seen = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)  # half past midnight on the 25th in Riyadh
    due = Deadline(7, zone="Asia/Riyadh").due(seen)
    assert due == datetime(2026, 12, 2, 20, 59, 59, tzinfo=UTC)
    finding = replace(one(outcome({"": "fail"})), due=due)
    riyadh = ZoneInfo("Asia/Riyadh")
    for hour, late in ((0, False), (4, False), (23, False)):
        assert is_overdue(finding, datetime(2026, 12, 2, hour, 59, 59, 999999, tzinfo=riyadh)) is late
    assert is_overdue(finding, datetime(2026, 12, 3, tzinfo=riyadh))
    assert is_due_soon(finding, datetime(2026, 11, 25, tzinfo=riyadh), 7)  # the first minute of the seventh day before
    assert not is_due_soon(finding, datetime(2026, 11, 24, 23, 59, 59, tzinfo=riyadh), 7)
    assert is_due_soon(finding, datetime(2026, 12, 2, 23, 59, 59, tzinfo=riyadh), 0)


def test_a_day_that_ends_twice() -> None:
    """In Beirut clocks go back at midnight: the last hour of that day comes twice."""
    due = Deadline(1, zone="Asia/Beirut").due(datetime(2026, 10, 23, 9, 0, tzinfo=UTC))
    assert due == datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC)
