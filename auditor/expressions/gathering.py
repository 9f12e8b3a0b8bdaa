"""Lists that a check makes of a fact, gathered piece by piece.

``rows.map(row, …).flatten().group()`` over all rows at once has the library copy all that every host has told, and an evaluation
may iterate 10,000 times only: a department of some thousand hosts would fill the memory and end in an error. What ``map`` and
``filter`` make takes the square of its length in memory besides: 10,000 accounts of one host take three gigabytes. Items know
nothing of each other up to ``group()``, so that the same list comes out of any pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from auditor.errors import ExpressionError
from auditor.expressions.cel import Binding, Program, Value
from auditor.expressions.functions import group
from auditor.expressions.lengths import without_texts
from auditor.model import Json

ROWS, ITEMS = 50, 500
"""How many are taken at once of a department's rows, each of which holds what a host told, and of a host's own list."""

_BEGINNING = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.(?:map|filter)\(")
_GROUPED, _FLATTENED = ".group()", ".flatten()"
_HARD = re.compile(r"\\|\"\"\"|'''|//")  # what makes it hard to tell where a text ends


@dataclass(frozen=True, slots=True)
class Part:
    """``pieces`` is an expression that maps or filters a list, which ``path`` leads to, and says nothing else of the variable.

    ``inside`` is what it says.
    """

    path: tuple[str, ...]
    inside: str
    pieces: Program

    def value(self, values: Mapping[str, Value], at_once: int) -> list[Json]:
        """What the expression gives. Raises ExpressionError."""
        found: list[Json] = []
        variable, *fields = self.path
        whole: Value = values[variable]
        for name in fields:
            whole = whole.get(name) if isinstance(whole, dict) else None
        for piece in _cut(self.path, whole, at_once):
            for name in reversed(fields):
                piece = {name: piece}
            some = self.pieces.value(Binding({**values, variable: piece}))
            if not isinstance(some, list):
                raise ExpressionError(f"`{self.pieces.source}` did not give a list")
            found += some
        return found


@dataclass(frozen=True, slots=True)
class Gathering:
    """The list is one part after the other; ``grouped`` where ``group()`` is made of it, which then is one part."""

    source: str
    parts: tuple[Part, ...]
    grouped: bool
    at_once: int

    @classmethod
    def of(cls, source: str | None, compiled: Callable[[str], Program | None], at_once: int) -> Gathering | None:
        """The gathering that an expression is; None where it has another form."""
        text = (source or "").strip()
        if _HARD.search(text):
            return None
        grouped = text.endswith(_GROUPED)
        terms = _terms(text.removesuffix(_GROUPED))
        if grouped and len(terms) > 1:
            return None
        parts: list[Part] = []
        for term in terms:
            path, inside = _gathered(term)
            program = compiled(term) if path else None
            if program is None:
                return None
            parts.append(Part(path, inside, program))
        return cls(text, tuple(parts), grouped, at_once)

    def value(self, values: Mapping[str, Value]) -> list[Json]:
        """What the whole expression gives. Raises ExpressionError."""
        found = [value for part in self.parts for value in part.value(values, self.at_once)]
        if not self.grouped:
            return found
        if not all(map(_is_pair, found)):
            raise ExpressionError(f"`{self.source}` did not find pairs of texts")
        return [*group(found)]


def _cut(path: tuple[str, ...], whole: Value, at_once: int) -> Iterator[Json]:
    if isinstance(whole, list):
        for start in range(0, len(whole), at_once):
            yield whole[start : start + at_once]
    elif isinstance(whole, dict):
        entries = iter(whole.items())
        while piece := dict(islice(entries, at_once)):
            yield piece
    else:
        raise ExpressionError(f"`{'.'.join(path)}` is no list")


def _is_pair(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)


def _terms(text: str) -> list[str]:
    """What stands between the plus signs outside all parentheses."""
    found, begun, depth = [], 0, 0
    for place, character in enumerate(without_texts(text)):
        depth += (character in "([{") - (character in ")]}")
        if character == "+" and depth == 0:
            found.append(text[begun:place].strip())
            begun = place + 1
    return [*found, text[begun:].strip()]


def _gathered(term: str) -> tuple[tuple[str, ...], str]:
    """A variable and fields that lead to what ``map`` or ``filter`` makes the list of, and what it is told to make.

    The first is empty where the term is another, or says something else of the variable.
    """
    blank = without_texts(term)
    begun = _BEGINNING.match(blank)
    if begun is None:
        return (), ""
    path = tuple(begun[1].split("."))
    inside = blank[begun.end() :].removesuffix(_FLATTENED)
    alone = _is_rest_of_call(inside) and not re.search(rf"\b{path[0]}\b", inside)
    return path if alone else (), inside


def _is_rest_of_call(text: str) -> bool:
    """Whether the parenthesis that a call opened before it closes with the last character, and not before."""
    depth = 1
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return place == len(text) - 1
    return False
