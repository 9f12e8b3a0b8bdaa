"""Modules as the auditor needs them: without what they load for others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(name: str, *loaders: str) -> Iterator[None]:
    """Let what is imported within find no module ``name``, unless that, or one of ``loaders``, which may have it, is there."""
    hidden = not any(module in sys.modules for module in (name, *loaders))
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python is told that there is no such module
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]
