"""A bound on what it may cost to read and judge what one asset says: a host writes it, and all others wait meanwhile.

A parser or a check that takes the square of an output's length, or what names itself over and over, is a mistake of ours; a
hostile host that finds it must not stop the night. Signals reach Python between two steps, within a search by ``re`` and between
two evaluations of an expression, in the main thread alone, which is the one that judges; elsewhere nothing is bounded.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NoReturn, TypeVar

from auditor.errors import ExpressionError, ParseError

SECONDS = 5.0  # of the thread's CPU, for one output or one check; what hosts print without malice takes a tenth of one at most
OF_ASSET = 30.0  # for all that one asset says
MEGABYTES = 500  # by which the process may grow over what it was when the asset began
_TICK = 0.1  # seconds of CPU between looks
T = TypeVar("T")


class _TooMuch(BaseException):
    """Nothing that a parser makes of its own errors may catch it."""


class _Bound:
    """What is being worked on; one at a time, as there is one main thread.

    All is noticed when the timer goes off, so that beginning and ending cost nothing: a work is as old as the first look at it.
    """

    def __init__(self) -> None:
        self._installed = False
        self.armed = False  # whether the timer runs
        self.busy = False  # whether something is being worked on: its bound holds for what is part of it
        self.cut = False  # whether that was told to stop; the library of expressions takes no notice
        self.spent = ""  # why nothing more may be done for the asset
        self.undeserved = 0  # how often something was cut for what had been done before it
        self._work = self._seen = 0
        self._seconds = self._seconds_all = float("inf")
        self._since = self._since_all = 0.0  # by the thread's CPU clock
        self._grown_from = 0

    def arm(self, seconds: float = float("inf")) -> None:
        """Look from time to time from now on; ``seconds`` are for everything until ``disarm``."""
        if not self._installed:
            signal.signal(signal.SIGVTALRM, self._look)
            self._installed = True
        self.armed, self.spent, self._seconds_all, self._since_all = True, "", seconds, 0.0
        signal.setitimer(signal.ITIMER_VIRTUAL, _TICK, _TICK)

    def disarm(self) -> None:
        """Look no more."""
        self.busy = self.armed = False  # before the timer: a look just now must find nothing to do
        self.spent = ""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def begin(self, seconds: float) -> None:
        """Work begins; cut it after so many seconds of CPU."""
        self._work += 1
        self._seconds, self.cut = seconds, False
        if self.spent:
            self._refuse_with_all()
        self.busy = True

    def end(self) -> None:
        """It is over."""
        self.busy = False

    def refuse(self, why: str) -> NoReturn:
        """Stop what is being worked on."""
        self.cut = True
        raise _TooMuch(why)

    def _refuse_with_all(self) -> NoReturn:
        self.undeserved += 1
        self.refuse(self.spent)

    def _look(self, _signal: int, _frame: object) -> None:
        now, held = time.thread_time(), _resident()
        if not self._since_all:
            self._since_all, self._grown_from = now, held
        if self.armed and not self.spent:
            if now - self._since_all >= self._seconds_all:
                self.spent = f": all that the asset says takes more than {self._seconds_all:g} seconds"
            elif held - self._grown_from > MEGABYTES:
                self.spent = f" takes more than {MEGABYTES} MB of memory"
        if not self.busy:
            return
        if self._seen != self._work:
            self._seen, self._since = self._work, now
        if now - self._since >= self._seconds:
            self.refuse(f" takes more than {self._seconds:g} seconds")
        if self.spent:
            self._refuse_with_all()


def _resident() -> int:
    """The memory that the process has, in MB. Its file is opened once: later there may be none left to open."""
    with contextlib.suppress(OSError):
        return int(os.pread(_statm(), 100, 0).split()[1]) * resource.getpagesize() >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10  # the most that it has had, where that is not told


@cache
def _statm() -> int:
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)


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


def undeserved() -> int:
    """How often so far something was cut for what was done before it, of the same asset: of another it may be decided."""
    return _bound.undeserved


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
