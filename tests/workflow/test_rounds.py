"""Waiting in the night, while somebody sets the machine's time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.model import Catalogue, Maintenance, Text
from auditor.workflow import rounds

from .fleet import Fleet, missed, nation, run_of

HOUR = timedelta(hours=1)


class _Clock:
    """The machine's time, and by how much it was set."""

    def __init__(self) -> None:
        self.set_by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.set_by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    monkeypatch.setattr(rounds, "_PATIENCE", 0.05)
    return _Clock()


def under_maintenance(found: Catalogue, ends: datetime) -> Catalogue:
    times = (Maintenance(ends - 2 * HOUR, ends, Text("New disks.", "أقراص جديدة."), hosts=("health-1",)),)
    departments = tuple(replace(d, maintenance=times) for d in found.inventory.departments)
    return replace(found, inventory=replace(found.inventory, departments=departments))


def test_a_clock_that_was_set_back_keeps_nobody_from_being_tried_again(fleet: Fleet, tmp_path: Path, clock: _Clock) -> None:
    """Regression: when to try again was an instant of the machine's time; set back by a year, the run waited for it, and held
    the lock."""
    fleet.down = {"health-1": 2}

    def back(_uid: str) -> None:
        clock.set_by -= timedelta(days=365)

    fleet.on_visit = back
    run = run_of(nation(tmp_path, hosts=2, retries=2, retry_after=0.2), clock=clock)
    assert fleet.visits == ["health-0", "health-1", "health-1", "health-1"]
    assert missed(run) == {}


def test_a_maintenance_that_a_clock_set_back_puts_off_is_not_waited_for(fleet: Fleet, tmp_path: Path, clock: _Clock) -> None:
    """Regression: it was visited in the middle of its maintenance, which is by the machine's time, and the night waited on."""
    found = under_maintenance(nation(tmp_path, hosts=2), clock() + timedelta(seconds=0.6))

    def later() -> None:
        clock.set_by = -timedelta(hours=1)

    timer = threading.Timer(0.3, later)
    fleet.on_visit = lambda _uid: timer.start()
    found = replace(found, settings=replace(found.settings, nightly=replace(found.settings.nightly, window=1800.0)))
    run = run_of(found, clock=clock)
    timer.join()
    assert fleet.visits == ["health-0"]
    assert set(missed(run)) == {"health-1"}


def test_a_maintenance_that_a_clock_set_forward_ends_is_over(fleet: Fleet, tmp_path: Path, clock: _Clock) -> None:
    """Regression: the seconds until its end were waited for, though by the machine's time it was over."""
    found = under_maintenance(nation(tmp_path, hosts=2), clock() + HOUR / 2)

    def later() -> None:
        clock.set_by = HOUR

    timer = threading.Timer(0.2, later)
    fleet.on_visit = lambda uid: timer.start() if uid == "health-0" else None
    assert missed(run_of(found, clock=clock)) == {}
    timer.join()
    assert fleet.visits == ["health-0", "health-1"]


def test_nobody_waits_for_what_comes_after_the_window(fleet: Fleet, tmp_path: Path) -> None:
    """Regression: the run went on, and held the lock, until the window closed, though nobody could be tried again in it."""
    fleet.down = {"health-1": 1}
    began = datetime.now(UTC)
    run_of(nation(tmp_path, hosts=2, window=60.0, retries=1, retry_after=900.0))
    assert datetime.now(UTC) - began < timedelta(seconds=30)
