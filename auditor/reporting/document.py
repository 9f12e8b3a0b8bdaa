"""A report as plain blocks, before anybody has said how it is to look: what every format is written from.

Texts are in one language, or hold both (``Text``) once two documents of the same shape are ``merged``. Whatever came
from a host or was typed by a person has been through ``safe`` when it gets here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias

from auditor.model import Json, Text

Phrase: TypeAlias = str | Text


class Tone(StrEnum):
    """How a value bodes. Never told by colour alone: the value itself, or a sign before it, says the same."""

    PLAIN = ""
    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"
    GRAVE = "grave"
    MUTED = "muted"


class Shape(StrEnum):
    """What a column holds, and so how it is aligned, ordered and filtered."""

    TEXT = "text"  # a text in the reader's language
    CODE = "code"  # a name or value of a machine, left to right
    NUMBER = "number"
    DAY = "day"
    BADGE = "badge"  # one of few words, with a tone


@dataclass(frozen=True, slots=True)
class Cell:
    """``shown`` is for people, ``raw`` for programs and for ordering. ``alone``, unless it is "", is shown instead where nothing
    stands below a table: in CSV, workbooks and JSON. ``share``: a part of 1, which workbooks show as a
    percentage."""

    shown: Phrase
    raw: Json = None
    tone: Tone = Tone.PLAIN
    alone: Phrase = ""
    share: bool = False

    @property
    def whole(self) -> Phrase:
        """What it says by itself."""
        return self.alone or self.shown


@dataclass(frozen=True, slots=True)
class Column:
    """``id`` names it in JSON. ``choices`` are the words that may be filled in, where a spreadsheet is to be completed;
    ``width`` is in characters. A ``spare`` one says the same in every row: pages leave it out, what programs read does not."""

    id: str
    title: Phrase
    shape: Shape = Shape.TEXT
    width: int = 12
    choices: tuple[Phrase, ...] = ()
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part. ``level`` 2 is a chapter and stands in the table of contents."""

    text: Phrase
    id: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text; ``tone`` other than plain makes it a notice."""

    text: Phrase
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Code:
    """Commands or output, shown as they are."""

    text: str
    label: Phrase


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that counts, what it says, and the command that shows where it comes from."""

    id: str
    label: Phrase
    cell: Cell
    note: Phrase = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers in a row."""

    items: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values; ``id`` names the whole in JSON."""

    id: str
    items: tuple[tuple[str, Phrase, Cell], ...]  # (id, name, value)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. ``empty`` is said where there is none; ``more`` where rows were left out, and where they are;
    ``notes`` stand below it.

    ``again`` marks a table whose rows all stand elsewhere in the document too: it is for sifting, and is left out on paper. An
    ``excerpt`` holds rows of another table: it is left out of workbooks.
    """

    id: str
    title: Phrase
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: Phrase = ""
    more: Phrase = ""
    notes: tuple[Phrase, ...] = ()
    again: bool = False
    excerpt: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers with a name; None is a gap."""

    label: Phrase
    values: tuple[float | None, ...]
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Lines:
    """Numbers over days. ``top`` is the highest that can be, None for as high as they go; ``today`` is marked."""

    days: tuple[date, ...]
    series: tuple[Series, ...]
    unit: Phrase
    top: float | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Heat:
    """A grid of shares from 0 to 100, each written in its field, and below it on what it rests."""

    rows: tuple[Phrase, ...]
    columns: tuple[Phrase, ...]
    values: tuple[tuple[float | None, ...], ...]
    notes: tuple[tuple[Phrase, ...], ...]
    unit: Phrase


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts in groups, one part of a bar per series."""

    groups: tuple[Phrase, ...]
    series: tuple[Series, ...]
    unit: Phrase


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, and in ``told`` what it shows, for whoever cannot see it."""

    id: str
    title: Phrase
    told: Phrase
    picture: Lines | Heat | Bars


Block: TypeAlias = Heading | Paragraph | Code | Figures | Facts | Table | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. ``subject`` says whom or what it is about; ``main`` is the id of the table that CSV holds."""

    kind: str
    title: Phrase
    subject: Phrase
    blocks: tuple[Block, ...]
    main: str
    brief: bool = False  # one page: no table of contents
    issuer: Phrase = ""  # who sends it, as the letterhead says
    logo: str = ""  # a data: address
    zone: str = "UTC"  # in which its instants are shown
    stamp: dict[str, Json] = field(default_factory=dict)

    def tables(self) -> tuple[Table, ...]:
        """Its tables, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Table))


def without_spare(table: Table) -> Table:
    """Without the columns that say nothing to a reader who has the title before him."""
    kept = [place for place, column in enumerate(table.columns) if not column.spare]
    if len(kept) == len(table.columns):
        return table
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)


def merged(ar: Any, en: Any) -> Any:
    """One value out of two of the same shape, the Arabic and the English: a text that differs holds both."""
    if isinstance(ar, str) and isinstance(en, str):
        # marks of direction alone make no other text
        return ar if ar.translate(_MARKS) == en.translate(_MARKS) else Text(en, ar)
    if isinstance(ar, tuple):
        return tuple(merged(a, e) for a, e in zip(ar, en, strict=True))
    if is_dataclass(ar) and not isinstance(ar, Text | type):
        values = {f.name: (getattr(ar, f.name), getattr(en, f.name)) for f in fields(ar)}
        return type(ar)(**{name: a if name in _FIXED else merged(a, e) for name, (a, e) in values.items()})
    return ar


_MARKS = dict.fromkeys((0x200E, 0x200F, 0x2068, 0x2069))
_FIXED = frozenset(
    {
        *("id", "raw", "tone", "share", "shape", "stamp", "kind", "main", "logo", "zone", "spare", "command", "level", "again"),
        "excerpt",
    }
)
"""Fields that are not read by people; the same in both languages."""


def chapters(blocks: Iterable[Block]) -> tuple[Heading, ...]:
    """What a table of contents lists."""
    return tuple(b for b in blocks if isinstance(b, Heading) and b.level == 2)
