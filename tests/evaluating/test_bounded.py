"""What one host prints must not stop the night for the others."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable

import pytest

from auditor.errors import ParseError
from auditor.evaluating import bounded as rooms
from auditor.evaluating.bounded import bounded


def spin() -> str:
    """Python's own steps, whose mistakes are caught, as parsers do."""
    while True:
        try:
            int("no number")
        except Exception:
            continue


def search() -> str:
    """One search that takes longer than the world will last."""
    return str(re.match(r"(a+)+$", "a" * 60 + "b"))


@pytest.mark.parametrize("read", [spin, search])
def test_what_takes_too_long_to_read_is_an_error(read: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: outputs of a few kilobytes kept the one thread that judges busy for minutes, and the night with it."""
    monkeypatch.setattr(rooms, "SECONDS", 0.2)
    with pytest.raises(ParseError, match=r"^reading it takes more than 0.2 seconds$"):
        bounded(read, "reading it")
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0


def test_what_fills_the_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: sixteen kilobytes that name each other over and over took three gigabytes."""
    monkeypatch.setattr(rooms, "MEGABYTES", 30)

    def grow() -> list[bytes]:
        held = []
        while True:
            held.append(b"x" * 100_000)
            sum(range(20_000))

    with pytest.raises(ParseError, match="more than 30 MB"):
        bounded(grow, "reading it")


def test_what_is_read_in_time_is_given_and_its_errors_are_its_own() -> None:
    """Also after one that was cut; and nothing goes off afterwards."""
    assert bounded(lambda: "value", "reading it") == "value"
    with pytest.raises(KeyError):
        bounded(lambda: {}["missing"], "reading it")
    until = time.thread_time() + 0.8  # longer than a look waits for
    while time.thread_time() < until:
        sum(range(1000))


def test_another_thread_reads_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals go to the main thread alone."""
    monkeypatch.setattr(rooms, "SECONDS", 0.0)
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(bounded(lambda: "value", "reading it")))
    thread.start()
    thread.join()
    assert told == ["value"]


def test_one_that_is_cut_when_it_was_just_over_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next look would cut whatever is done by then, such as writing the ledger, and end the night."""
    first = iter([True])
    end = rooms._Bound.end

    def late(bound: rooms._Bound) -> None:
        if next(first, False):
            raise rooms._TooMuch(": too long")
        end(bound)

    monkeypatch.setattr(rooms._Bound, "end", late)
    with pytest.raises(ParseError, match="reading it: too long"):
        bounded(lambda: "value", "reading it")
    assert (signal.getitimer(signal.ITIMER_VIRTUAL)[0], rooms._bound.busy) == (0, False)
