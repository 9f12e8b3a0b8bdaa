"""A file as it was read: its value beside the place of every key and value, so that any mistake can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from auditor.loading.mistake import Mistake
from auditor.model import Json

Keys: TypeAlias = tuple[str | int, ...]
"""The way from the top of a file to a value: keys of mappings and indexes of lists."""


class Place(NamedTuple):
    """Where a value starts, counted from 1, and where the keys and values inside it are.

    ``style`` is the scalar's quote (``'`` or ``"``), ``|`` or ``>`` for a block, and "" for a plain one or a collection.
    """

    line: int
    column: int
    style: str = ""
    keys: Mapping[str, tuple[int, int]] = {}
    children: Mapping[str | int, Place] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content. ``file`` is its path as shown to people; ``department`` as in ``Mistake``."""

    file: str
    text: str
    value: Json
    place: Place
    department: str | None = None

    def place_of(self, keys: Keys) -> Place:
        """Where the value under ``keys`` starts; the nearest value around it when there is none."""
        place = self.place
        for key in keys:
            inner = place.children.get(key)
            if inner is None:
                break
            place = inner
        return place

    def mistake(self, keys: Keys, message: str, *, at_key: bool = False) -> Mistake:
        """A mistake at the value under ``keys``, or at its key."""
        place = self.place_of(keys)
        line, column = place.line, place.column
        if at_key and keys:
            line, column = self.place_of(keys[:-1]).keys.get(str(keys[-1]), (line, column))
        return Mistake(self.file, line, column, message, self.department)

    def mistake_within(self, keys: Keys, line: int, column: int, message: str) -> Mistake:
        """A mistake at a line and column, counted from 1, of the text under ``keys``.

        Where escapes or folding hide which character of the file is meant, the start of the text is named.
        """
        place, lines = self.place_of(keys), self.text.splitlines()
        text = self._text_at(keys).splitlines()
        row = place.line + line - (0 if place.style == "|" else 1)
        if line > len(text) or row > len(lines) or place.style == ">":
            return self.mistake(keys, message)
        source, wanted = lines[row - 1], text[line - 1]
        start = len(source) - len(source.lstrip()) if place.style == "|" else place.column - 1 + len(place.style)
        if place.style == "|":
            wanted = wanted.lstrip()
            column -= len(text[line - 1]) - len(wanted)
        if not wanted or source[start : start + len(wanted)] != wanted or (len(text) > 1 and place.style != "|"):
            return self.mistake(keys, message)
        return Mistake(self.file, row, start + column, message, self.department)

    def _text_at(self, keys: Keys) -> str:
        value = self.value
        for key in keys:
            value = value[key]  # type: ignore[index]
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Report:
    """Gathers the mistakes of all files, so that a person sees them in one go."""

    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, document: Document, keys: Keys, message: str, *, at_key: bool = False) -> None:
        """Note a mistake at the value under ``keys``, or at its key."""
        self.mistakes.append(document.mistake(keys, message, at_key=at_key))
