"""The window is counted in seconds, and nobody who sets the machine's time moves it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from auditor.collecting import Window, interface, ticks


def test_a_window_closes_and_is_over_after_the_grace() -> None:
    """By the seconds that went by."""
    now = [1_000.0]
    window = Window(60.0, grace=5.0, ticks=lambda: now[0])
    seen = []
    for at in (1_000.0, 1_059.0, 1_060.0, 1_064.0, 1_065.0):
        now[0] = at
        seen.append((window.left(), window.closed(), window.over()))
    assert seen == [(60.0, False, False), (1.0, False, False), (0.0, True, False), (-4.0, True, False), (-5.0, True, True)]


def test_a_clock_that_is_set_moves_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the window was held against the machine's time, so that one set back by a day or a year left the night under
    way, and its lock held, for as long."""
    window = Window(0.0)
    monkeypatch.setattr(interface, "utcnow", lambda: datetime.now(UTC) - timedelta(days=365))
    assert (window.closed(), window.over()) == (True, True)
    window = Window(3600.0)
    monkeypatch.setattr(interface, "utcnow", lambda: datetime.now(UTC) + timedelta(days=365))
    assert (window.closed(), window.over()) == (False, False)


def test_sleep_counts_where_the_system_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """By CLOCK_BOOTTIME on Linux; elsewhere by what there is."""
    assert ticks() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1.0)
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert ticks() == pytest.approx(time.monotonic(), abs=1.0)
