"""A mistake in a file that people wrote, with the exact place: an editor can jump to it, a person can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.text import _


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. ``line`` and ``column`` count from 1; ``department`` is set when the file is that department's own."""

    file: str
    line: int
    column: int
    message: str
    department: str | None = None
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def in_order(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """Each mistake once, in the order in which a person reads the files."""
    return tuple(sorted(dict.fromkeys(mistakes), key=lambda m: (m.file, m.line, m.column, m.message)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the nearest of the known words, or nothing when none is near."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return _("; did you mean {word}?").format(word=by_lower[near[0]]) if near else ""
