"""Asking a check's expressions: of one set of values, or of many items at once, which copies all else only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from auditor.errors import ExpressionError
from auditor.expressions import Binding, Program, Value, longest, makes_lists
from auditor.model import Json

AT_ONCE = 100
"""Items that are asked about together at most: what they give is held for all of them."""

_STEPS = 5_000  # through lists, for all items together: half of what one evaluation may take, as one may be gone through twice
_SQUARES = 1_000_000  # of the lengths of lists of which others are made, which take the square of it in memory: 30 MB
_CHARACTERS = 100  # of a text that count as an entry of a list
_FEW = 8  # items that are asked about one by one where they cannot be together, or where there is room for no more

_ALONE: Final = object()  # in the place of an answer: to be asked for by itself


def room(values: Iterable[Value]) -> int:
    """How many items may be asked about together beside these values."""
    entries = 1
    for value in values:
        parts: Iterable[object] = value.values() if isinstance(value, dict) else ()
        entries = max(entries, _entries(value), *map(_entries, parts))
    many = min(AT_ONCE, _STEPS // entries)
    return many if many >= _FEW else 1


def _entries(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _CHARACTERS
    return len(value) if isinstance(value, list | dict) else 1


class Asking(Protocol):
    """What an expression says. Both raise ExpressionError where it says nothing."""

    def value(self, program: Program) -> Value:
        """Its value."""

    def holds(self, program: Program) -> bool:
        """Whether it is true; an error where it is neither true nor false."""


class Alone:
    """Asks of one set of values."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._binding = Binding(values)

    def value(self, program: Program) -> Value:
        """Its value."""
        return program.value(self._binding)

    def holds(self, program: Program) -> bool:
        """Whether it is true."""
        return program.holds(self._binding)


class Together:
    """Asks of items beside the same other values, for which there is ``room``; of one after the other.

    An expression is evaluated when the first item asks, for all that have not been left out by then. Where that gives an error,
    which is perhaps that of one of them, it is evaluated for fewer at a time, in the end for those alone that ask.

    The library keeps what an evaluation took for as long as there is what was bound for it, which is therefore let go of soon.
    """

    def __init__(self, values: Mapping[str, Value], items: list[Json]) -> None:
        self._values = values
        self._items = items
        self._among: Sequence[int] = range(len(items) if len(items) > 1 else 0)  # one has nothing to share
        self._alone: tuple[int, Binding] | None = None
        self._answers: dict[int, dict[int, object]] = {}  # by the id of the program, which the check keeps

    def each(self) -> list[Asking]:
        """One for each item, in their order."""
        return [_Item(self, n) for n in range(len(self._items))]

    def keep(self, wanted: Iterable[int]) -> None:
        """Evaluate for these items alone from now on."""
        self._among = [*wanted] if self._among else ()

    def ask(self, program: Program, n: int) -> object:
        """What the expression says of an item; ``_ALONE`` where it has to be asked by itself."""
        answers = self._answers.get(id(program))
        if answers is None:
            answers = self._answers[id(program)] = dict(zip(self._among, self._all(program), strict=True))
        return answers.get(n, _ALONE)

    def alone(self, n: int) -> Binding:
        """What one item is asked with by itself."""
        if self._alone is None or self._alone[0] != n:
            self._alone = n, Binding({**self._values, "item": self._items[n]})
        return self._alone[1]

    def _all(self, program: Program) -> list[object]:
        items = [self._items[n] for n in self._among]
        at_once = self._making() if makes_lists(program.source) else AT_ONCE
        parts = [items[start : start + at_once] for start in range(0, len(items), at_once)]
        return [answer for part in parts for answer in self._some(program, part)]

    def _making(self) -> int:
        """How many items may be asked about together by an expression that makes lists."""
        return max(1, _SQUARES // longest([self._items, *self._values.values()]) ** 2)

    def _some(self, program: Program, items: list[Json]) -> list[object]:
        """Together, or a half after the other where that gives an error."""
        if len(items) > 1:
            try:
                return [*program.values(Binding(self._values, items))]
            except ExpressionError:
                if len(items) > _FEW:
                    half = len(items) // 2
                    return self._some(program, items[:half]) + self._some(program, items[half:])
        return [_ALONE] * len(items)


class _Item:
    """One of several."""

    def __init__(self, together: Together, n: int) -> None:
        self._together = together
        self._n = n

    def value(self, program: Program) -> Value:
        """Its value."""
        found = self._together.ask(program, self._n)
        return program.value(self._together.alone(self._n)) if found is _ALONE else found  # type: ignore[return-value]

    def holds(self, program: Program) -> bool:
        """Whether it is true."""
        found = self._together.ask(program, self._n)
        return found if isinstance(found, bool) else program.holds(self._together.alone(self._n))
