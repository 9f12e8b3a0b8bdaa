"""A bound on what it may cost to read one output: a host writes it, and all others wait while it is read.

A parser that takes the square of an output's length, or what it names over and over, is a mistake of ours; a hostile host that
finds it must not stop the night. Signals reach Python between two steps and within a search by ``re``, in the main thread alone,
which is the one that judges; elsewhere nothing is bounded.
"""

from __future__ import annotations

import resource
import signal
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from auditor.errors import ParseError

SECONDS = 5.0  # of the thread's CPU; what hosts print without malice takes a tenth of one at most
MEGABYTES = 500  # by which the process may grow
_FIRST, _AGAIN = 0.5, 0.1  # seconds of CPU between looks
T = TypeVar("T")


class _TooMuch(BaseException):
    """Nothing that a parser makes of its own errors may catch it."""


class _Bound:
    """What is being read, and since when; one at a time, as there is one main thread."""

    def __init__(self) -> None:
        self._installed = False
        self._reading = False
        self._began = 0.0
        self._peak = 0

    def begin(self) -> None:
        """Look from time to time from now on."""
        if not self._installed:
            signal.signal(signal.SIGVTALRM, self._look)
            self._installed = True
        self._began, self._peak, self._reading = time.thread_time(), _peak(), True
        signal.setitimer(signal.ITIMER_VIRTUAL, _FIRST, _AGAIN)

    def end(self) -> None:
        """Look no more."""
        self._reading = False  # before the timer: one that goes off just now must find nothing to do
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _look(self, _signal: int, _frame: object) -> None:
        if not self._reading:
            return
        if _peak() - self._peak > MEGABYTES:
            raise _TooMuch(f"reading it takes more than {MEGABYTES} MB of memory")
        if time.thread_time() - self._began > SECONDS:
            raise _TooMuch(f"reading it takes more than {SECONDS:g} seconds")


def _peak() -> int:
    """The most memory that the process has had, in MB. No file is opened for it: there may be none left to open."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


_bound = _Bound()


def bounded(read: Callable[[], T], name: str) -> T:
    """What ``read`` gives. Raises ParseError where that takes too much time or memory. ``name`` is what is read."""
    if threading.current_thread() is not threading.main_thread():
        return read()
    try:
        _bound.begin()
        try:
            return read()
        finally:
            _bound.end()
    except _TooMuch as error:
        _bound.end()  # it may have come when the reading was just over, and nobody had ended it
        raise ParseError(f"{name}: {error}") from None
