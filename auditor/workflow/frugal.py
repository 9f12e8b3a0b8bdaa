"""A night over a nation in little memory and time: what Python and the C library do by themselves suits smaller jobs."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_BETWEEN_COLLECTIONS = 5_000  # values that were made and not let go since the garbage collector last looked
_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


@contextmanager
def frugally() -> Iterator[None]:
    """Look less often for what only the garbage collector could free: a host brings thousands of values, none in a circle.

    What is there already (plan, checks, programs) stays until the end, and is not looked at. Threads share two of the C library's
    arenas: with one for each, what a hundred sessions have let go of stays spread over all of them (glibc; others have none).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
