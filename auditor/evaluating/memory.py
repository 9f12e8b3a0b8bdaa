"""Remembers what was decided and read, within bounds: what only one host shows is not kept in the place of what hundreds do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
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


class Remembered(Generic[K, V]):
    """Values by what they rest on, each of some size. Where there is no room, those that came once go first, then those that were
    not asked for the longest.
    """

    def __init__(self, room: int) -> None:
        self._all = room
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._room = self._all
        self._once: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._again: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._seen = Seen()

    def get(self, key: K) -> V | None:
        """What is remembered."""
        found = self._again.get(key)
        if found is not None:
            self._again.move_to_end(key)
        elif (found := self._once.pop(key, None)) is not None:
            self._again[key] = found
        return found[0] if found is not None else None

    def put(self, key: K, value: V, size: int) -> None:
        """Take note of a value, unless it is larger than all the room."""
        if (before := self._again.pop(key, None) or self._once.pop(key, None)) is not None:
            self._room += before[1]
        if size > self._all:
            return
        where = self._again if self._seen.before(key) else self._once
        where[key] = (value, size)
        self._room -= size
        while self._room < 0:
            _key, (_value, old) = (self._once or self._again).popitem(last=False)
            self._room += old
