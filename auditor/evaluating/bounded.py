"""A bound on what it may cost to read and judge what one asset says: a host writes it, and all others wait meanwhile.

A parser or a check that takes the square of an output's length, or what names itself over and over, is a mistake of ours; a
hostile host that finds it must not stop the night. Signals reach Python between two steps, within a search by ``re`` and between
two evaluations of an expression, in the main thread alone, which is the one that judges; elsewhere nothing is bounded.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from auditor.errors import ExpressionError, ParseError

SECONDS = 5.0  # of the thread's CPU, for one output or one check; what hosts print without malice takes a tenth of one at most
OF_ASSET = 30.0  # for all that one asset says
MEGABYTES = 500  # by which the process may grow meanwhile
_FIRST, _AGAIN = 0.5, 0.1  # seconds of CPU between looks
T = TypeVar("T")


class _TooMuch(BaseException):
    """Nothing that a parser makes of its own errors may catch it."""


class _Bound:
    """What is being worked on, and since when; one at a time, as there is one main thread."""

    def __init__(self) -> None:
        self._installed = False
        self._armed = False
        self._working = False
        self.cut = False  # whether what is being worked on was told to stop; the library of expressions takes no notice
        self._ends = self._ends_all = float("inf")  # by the thread's CPU clock
        self._seconds = self._seconds_all = 0.0
        self._peak = 0

    @property
    def busy(self) -> bool:
        """Whether something is being worked on already: its own bound holds for what is part of it."""
        return self._working

    @property
    def armed(self) -> bool:
        """Whether the timer runs."""
        return self._armed

    @property
    def exhausted(self) -> bool:
        """Whether nothing more may be done for the asset."""
        return time.thread_time() > self._ends_all

    def arm(self, seconds: float = float("inf")) -> None:
        """Look from time to time from now on; ``seconds`` are for everything until ``disarm``."""
        if not self._installed:
            signal.signal(signal.SIGVTALRM, self._look)
            self._installed = True
        self._armed, self._peak = True, _peak()
        self._ends_all, self._seconds_all = time.thread_time() + seconds, seconds
        signal.setitimer(signal.ITIMER_VIRTUAL, _FIRST, _AGAIN)

    def disarm(self) -> None:
        """Look no more."""
        self._working = self._armed = False  # before the timer: one that goes off just now must find nothing to do
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def begin(self, seconds: float) -> None:
        """Work begins; cut it after so many seconds of CPU."""
        now = time.thread_time()
        self._ends, self._seconds, self.cut = now + seconds, seconds, False
        self._refuse_after(now)
        self._working = True

    def end(self) -> None:
        """It is over."""
        self._working = False

    def refuse(self, why: str) -> None:
        """Stop what is being worked on."""
        self.cut = True
        raise _TooMuch(why)

    def _look(self, _signal: int, _frame: object) -> None:
        if not self._working:
            return
        if (peak := _peak()) - self._peak > MEGABYTES:
            self._peak = peak
            self.refuse(f" takes more than {MEGABYTES} MB of memory")
        self._refuse_after(time.thread_time())

    def _refuse_after(self, now: float) -> None:
        if now > self._ends:
            self.refuse(f" takes more than {self._seconds:g} seconds")
        if now > self._ends_all:
            self.refuse(f": all that the asset says takes more than {self._seconds_all:g} seconds")


def _peak() -> int:
    """The most memory that the process has had, in MB. No file is opened for it: there may be none left to open."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


_bound = _Bound()


@contextlib.contextmanager
def allowance() -> Iterator[None]:
    """All that is ``bounded`` within is bounded together too, as one asset's."""
    if threading.current_thread() is not threading.main_thread() or _bound.armed:
        yield
        return
    try:
        _bound.arm(OF_ASSET)
        yield
    finally:
        _bound.disarm()


def cut_short() -> bool:
    """Whether what is being worked on was told to stop: what comes of it is nothing to remember."""
    return _bound.cut


def exhausted() -> bool:
    """Whether the asset has taken all that it is allowed: what is not decided of it now may be decided of another."""
    return _bound.armed and _bound.exhausted


def bounded(
    work: Callable[[], T],
    name: str,
    *,
    seconds: float | None = None,
    raises: type[ParseError | ExpressionError] = ParseError,
) -> T:
    """What ``work`` gives. Raises ``raises`` where that takes too much time or memory. ``name`` says what is done.

    ``seconds`` of CPU are allowed; None: ``SECONDS``.
    """
    if threading.current_thread() is not threading.main_thread() or _bound.busy:
        return work()
    alone = not _bound.armed
    try:
        if alone:
            _bound.arm()
        try:
            _bound.begin(SECONDS if seconds is None else seconds)
            done = work()
            if _bound.cut:
                _bound.refuse(" was cut short")
            return done
        finally:
            _bound.end()
            if alone:
                _bound.disarm()
    except _TooMuch as error:
        _bound.end()  # it may have come when the work was just over, and nobody had ended it
        if alone:
            _bound.disarm()
        raise raises(f"{name}{error}") from None
