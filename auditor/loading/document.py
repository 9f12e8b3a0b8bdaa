"""A file as it was read: its value beside the place of every key and value, so that any mistake can be pointed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    """One file's content. ``file`` is its path as shown to people; ``department`` as in ``Mistake``.

    ``shipped``: it came with the program, and has no mistake.
    """

    file: str
    text: str
    value: Json
    place: Place
    department: str | None = None
    shipped: bool = False

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
        text = self._text_at(keys)
        offset = sum(len(before) + 1 for before in text.split("\n")[: line - 1]) + column - 1
        for row, start, piece in _pieces(self.place_of(keys), self.text.splitlines(), text):
            if offset <= len(piece):
                return Mistake(self.file, row, start + offset, message, self.department)
            offset -= len(piece) + 1
        return self.mistake(keys, message)

    def _text_at(self, keys: Keys) -> str:
        value = self.value
        for key in keys:
            value = value[key]  # type: ignore[index]
        return value if isinstance(value, str) else ""


def _pieces(place: Place, lines: list[str], text: str) -> list[tuple[int, int, str]]:
    """The lines of the file that a text is made of, each with its line and column; none when they do not add up to it."""
    block, text = place.style in ("|", ">"), text.rstrip("\n")
    row = place.line + 1 if block else place.line
    source = lines[row - 1] if row <= len(lines) else ""
    start = len(source) - len(source.lstrip()) if block else place.column - 1 + len(place.style)
    if source.startswith(text, start):
        return [(row, start + 1, text)]
    pieces: list[tuple[int, int, str]] = []
    joint = "\n" if place.style == "|" else " "
    while row <= len(lines) and len(joint.join(piece for _, _, piece in pieces)) < len(text):
        source = lines[row - 1]
        if not block and pieces:
            start = len(source) - len(source.lstrip())
        pieces.append((row, start + 1, source[start:].rstrip()))
        row += 1
    return pieces if joint.join(piece for _, _, piece in pieces) == text else []


@dataclass(slots=True)
class Report:
    """Gathers the mistakes of all files, so that a person sees them in one go; and notes, which keep nobody from going on."""

    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[Mistake] = field(default_factory=list)

    def add(self, document: Document, keys: Keys, message: str, *, at_key: bool = False) -> None:
        """Note a mistake at the value under ``keys``, or at its key."""
        self.mistakes.append(document.mistake(keys, message, at_key=at_key))

    def note(self, document: Document, keys: Keys, message: str) -> None:
        """Note at the value under ``keys`` what is right, and may not do what its writer believes."""
        self.notes.append(replace(document.mistake(keys, message), severity="warning"))
