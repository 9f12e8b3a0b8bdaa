"""Remembers what was decided, within bounds: what only one host shows is not kept in the place of what hundreds do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeAlias

from auditor.model import Outcome

Key: TypeAlias = tuple[str | bytes, ...]
_VERDICTS = 50_000  # in the outcomes that are kept
_SEEN = 50_000  # keys that were seen once


class Seen:
    """Tells what comes the second time. What is forgotten meanwhile, or looks alike, costs nothing but room."""

    def __init__(self) -> None:
        self._marks: set[int] = set()

    def before(self, key: Hashable) -> bool:
        """Whether ``key`` was asked for before; from now on it was."""
        mark = hash(key)
        if mark in self._marks:
            return True
        if len(self._marks) >= _SEEN:
            self._marks.clear()
        self._marks.add(mark)
        return False


class Decided:
    """Outcomes by what they rest on. One is kept from the second time on; those not asked for the longest go first."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[Key, Outcome] = OrderedDict()
        self._verdicts = 0
        self._seen = Seen()

    def get(self, key: Key) -> Outcome | None:
        """What was decided."""
        found = self._outcomes.get(key)
        if found is not None:
            self._outcomes.move_to_end(key)
        return found

    def put(self, key: Key, outcome: Outcome) -> None:
        """Take note of an outcome that ``get`` did not have."""
        if not self._seen.before(key):
            return
        self._outcomes[key] = outcome
        self._verdicts += 1 + len(outcome.verdicts)
        while self._verdicts > _VERDICTS:
            _key, old = self._outcomes.popitem(last=False)
            self._verdicts -= 1 + len(old.verdicts)
