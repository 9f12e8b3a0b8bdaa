"""What is grouped over a whole department, made from some hosts at a time.

``rows.map(row, …).flatten().group()`` over all rows at once has the library copy all that every host has told, and an evaluation
may iterate 10,000 times only: a department of some thousand hosts would fill the memory and end in an error. Up to ``group()``
rows know nothing of each other, so that the same list comes out of any parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from auditor.errors import ExpressionError
from auditor.expressions.cel import Binding, Program, Value
from auditor.expressions.functions import group
from auditor.model import Json

_AT_ONCE = 50  # rows
_BEGINNING = re.compile(r"\s*([A-Za-z_]\w*)\.map\(")
_ENDING = ".flatten().group()"
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_HARD = re.compile(r"\\|\"\"\"|'''|//")  # what makes it hard to tell where a text ends


@dataclass(frozen=True, slots=True)
class Gathering:
    """``pairs`` is the expression up to ``group()``, which maps over ``variable``."""

    variable: str
    pairs: Program

    @classmethod
    def of(cls, source: str | None, compiled: Callable[[str], Program | None]) -> Gathering | None:
        """The gathering that an expression is; None where it has another form."""
        text = (source or "").rstrip()
        begun = _BEGINNING.match(text)
        if begun is None or _HARD.search(text) or not text.endswith(_ENDING):
            return None
        inside = _TEXT.sub('""', text[begun.end() : -len(_ENDING)])
        if not _is_rest_of_call(inside) or re.search(rf"\b{begun[1]}\b", inside):  # one that looks at all rows from each
            return None
        pairs = compiled(text.removesuffix(".group()"))
        return None if pairs is None else cls(begun[1], pairs)

    def value(self, values: Mapping[str, Value]) -> list[Json]:
        """What the whole expression gives. Raises ExpressionError."""
        rows = values[self.variable]
        if not isinstance(rows, list):
            raise ExpressionError(f"`{self.variable}` is no list")
        found: list[Value] = []
        for start in range(0, len(rows), _AT_ONCE):
            some = self.pairs.value(Binding({**values, self.variable: rows[start : start + _AT_ONCE]}))
            if not isinstance(some, list):
                raise ExpressionError(f"`{self.pairs.source}` did not give a list")
            found += some
        if not all(map(_is_pair, found)):
            raise ExpressionError(f"`{self.pairs.source}` did not give pairs of texts")
        return [*group(found)]


def _is_pair(value: Value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)


def _is_rest_of_call(text: str) -> bool:
    """Whether the parenthesis that a call opened before it closes with the last character, and not before."""
    depth = 1
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return place == len(text) - 1
    return False
