"""Asking a check's expressions: of one set of values, or of many items at once, which copies all else only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from auditor.errors import ExpressionError
from auditor.expressions import Binding, Program, Value
from auditor.model import Json

AT_ONCE = 100
"""Items that are asked about together. All of them iterate as often as one may, and what they give is copied for each."""

_FEW = 8  # items that are asked about one by one where they cannot be together

_ALONE: Final = object()  # in the place of an answer: to be asked for by itself


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
    """Asks of up to ``AT_ONCE`` items beside the same other values.

    An expression is evaluated when the first item asks, for all that have not been left out by then. Where that gives an error,
    which is perhaps that of one of them, it is evaluated for fewer at a time, in the end for those alone that ask.
    """

    def __init__(self, values: Mapping[str, Value], items: list[Json]) -> None:
        self._values = values
        self._items = items
        self._among: Sequence[int] = range(len(items) if len(items) > 1 else 0)  # one has nothing to share
        self._binding: Binding | None = None
        self._answers: dict[int, dict[int, object]] = {}  # by the id of the program, which the check keeps

    def each(self) -> list[Asking]:
        """One for each item, in their order."""
        return [_Item(self, n) for n in range(len(self._items))]

    def keep(self, wanted: Iterable[int]) -> None:
        """Evaluate for these items alone from now on."""
        self._among = [*wanted] if self._among else ()
        self._binding = None

    def ask(self, program: Program, n: int) -> object:
        """What the expression says of an item; ``_ALONE`` where it has to be asked by itself."""
        answers = self._answers.get(id(program))
        if answers is None:
            answers = self._answers[id(program)] = dict(zip(self._among, self._all(program), strict=True))
        return answers.get(n, _ALONE)

    def alone(self, n: int) -> Binding:
        """What one item is asked with by itself."""
        return Binding({**self._values, "item": self._items[n]})

    def _all(self, program: Program) -> list[object]:
        items = [self._items[n] for n in self._among]
        if self._binding is None:
            self._binding = Binding(self._values, items)
        try:
            return [*program.values(self._binding)] if items else []
        except ExpressionError:
            return self._some(program, items)

    def _some(self, program: Program, items: list[Json]) -> list[object]:
        """Of items that could not be asked about together, a half after the other."""
        if len(items) <= _FEW:
            return [_ALONE] * len(items)
        found: list[object] = []
        for half in (items[: len(items) // 2], items[len(items) // 2 :]):
            try:
                found += program.values(Binding(self._values, half))
            except ExpressionError:
                found += self._some(program, half)
        return found


class _Item:
    """One of several."""

    def __init__(self, together: Together, n: int) -> None:
        self._together = together
        self._n = n
        self._binding: Binding | None = None

    def value(self, program: Program) -> Value:
        """Its value."""
        found = self._together.ask(program, self._n)
        return program.value(self._alone()) if found is _ALONE else found  # type: ignore[return-value]

    def holds(self, program: Program) -> bool:
        """Whether it is true."""
        found = self._together.ask(program, self._n)
        return found if isinstance(found, bool) else program.holds(self._alone())

    def _alone(self) -> Binding:
        if self._binding is None:
            self._binding = self._together.alone(self._n)
        return self._binding
