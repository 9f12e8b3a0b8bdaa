"""How much one reading may come to: a host's few lines that include, name or repeat one another can stand for any number.

What real hosts say comes to a small part of it. Where it is used up nothing is told of the host: a part could pass for the whole.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from pathlib import PurePosixPath

from auditor.errors import ParseError

MOST = 200_000
_WIDTH = 80  # characters; what is longer counts as several lines
_LONGEST_NAME = 255  # of a file, and so of what may stand for one


class Budget:
    """What is left to one reading, in lines or another ``unit``; ``what`` begins the message: ``sshd: the files``."""

    def __init__(self, what: str, most: int = MOST, unit: str = "lines") -> None:
        self._what, self._unit = what, unit
        self._most = self._left = most

    def spend(self, lines: int = 1) -> None:
        """Take so many of them. Raises ParseError when there are not as many left."""
        self._left -= lines
        if self._left < 0:
            raise ParseError(f"{self._what} come to more than {self._most:,} {self._unit}")

    def line(self, *texts: str) -> None:
        """Take one for these texts, and more where they are many or long."""
        self.spend(1 + sum(map(len, texts)) // _WIDTH + len(texts) // 8)


class Folders:
    """The paths that a probe printed, by their folders, for files that include others by a pattern."""

    def __init__(self, fact: str, paths: Iterable[str], budget: Budget) -> None:
        self._fact, self._budget = fact, budget
        self._known: dict[str, list[str]] = {}
        self._in: dict[str, dict[str, str]] = {}
        for path in sorted(paths):
            place = PurePosixPath(path)
            self._in.setdefault(str(place.parent), {})[place.name] = path

    def inside(self, folder: str) -> list[str]:
        """The paths directly in a folder, in order."""
        return [*self._in.get(folder, {}).values()]

    def matching(self, pattern: str) -> list[str]:
        """The paths that an absolute pattern stands for, in order; it is none for folders. Raises ParseError."""
        found = self._known.get(pattern)
        if found is None:
            found = self._known[pattern] = self._matching(PurePosixPath(pattern))
        return found

    def _matching(self, pattern: PurePosixPath) -> list[str]:
        names = self._in.get(str(pattern.parent), {})
        if not any(c in pattern.name for c in "*?["):
            return [names[pattern.name]] if pattern.name in names else []
        if len(pattern.name) > _LONGEST_NAME:
            raise ParseError(f"{self._fact}: includes a pattern of more than {_LONGEST_NAME} characters: {pattern.name[:60]!r}")
        # a bracket is sought to the end of the pattern, and a star tries each place in a name
        self._budget.spend(len(names) * (1 + len(pattern.name) // 8) + pattern.name.count("[") * len(pattern.name) // _WIDTH)
        return [path for name, path in names.items() if fnmatch.fnmatchcase(name, pattern.name)]
