"""A document as a workbook: a sheet for each table, from the right where Arabic is read, to be filtered, completed and printed.

Every text is written as a text, never as a formula, and is quoted, so that it stays one when it is edited or saved again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import xlsxwriter

from auditor.model import Stamp, Tongue
from auditor.reporting.document import Cell, Column, Document, Facts, Figures, Phrase, Shape, Table, Tone
from auditor.reporting.stamps import colophon, stamp_text
from auditor.reporting.tabular import CONTROLS
from auditor.reporting.tongues import flat, told
from auditor.text import _

_LONGEST = 32767  # characters that a cell holds
_SHEET = 31  # characters of a sheet's name
_INVISIBLE = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_FILLS = {Tone.GOOD: "#dcf3e3", Tone.FAIR: "#fdf0d0", Tone.BAD: "#fde4e1", Tone.GRAVE: "#f6b8b3", Tone.MUTED: "#eef1f4"}


@dataclass
class _Book:
    """The workbook with its formats, each made once."""

    book: Any
    tongue: Tongue
    names: set[str] = field(default_factory=set)
    formats: dict[tuple[str, Tone], Any] = field(default_factory=dict)

    def sheet(self, title: Phrase) -> Any:
        """A new sheet; its name is the title as far as a sheet's name may be."""
        bare = " ".join(re.sub(r"[\[\]:*?/\\']", " ", flat(title, " ").translate(_INVISIBLE).translate(CONTROLS)).split()) or "1"
        name, number = _shortened(bare, _SHEET), 1
        while name.casefold() in self.names:
            number += 1
            name = f"{_shortened(bare, _SHEET - 1 - len(str(number)))} {number}"
        self.names.add(name.casefold())
        sheet = self.book.add_worksheet(name)
        if self.tongue is not Tongue.EN:
            sheet.right_to_left()
        return sheet

    def format(self, kind: str, tone: Tone = Tone.PLAIN) -> Any:
        """How a cell of a kind looks."""
        if (kind, tone) not in self.formats:
            look: dict[str, Any] = {"valign": "top", "text_wrap": True, **_LOOKS.get(kind, {})}
            if tone in _FILLS:
                look["bg_color"] = _FILLS[tone]
            made = self.book.add_format(look)
            if kind in _QUOTED:
                made.set_quote_prefix()
            if kind == "code":
                made.set_reading_order(1)  # left to right
            self.formats[kind, tone] = made
        return self.formats[kind, tone]


def _shortened(name: str, most: int) -> str:
    """As many whole words as fit; a first word that alone is longer is cut."""
    if len(name) <= most:
        return name
    whole = name[: most + 1].rpartition(" ")[0].rstrip(" ,،;؛:-–—·(")
    return whole or name[:most]


_LOOKS: dict[str, dict[str, Any]] = {
    "head": {"bold": True, "bg_color": "#0b4f6c", "font_color": "#ffffff", "border": 1, "border_color": "#c9d2db"},
    "title": {"bold": True, "font_size": 16, "text_wrap": False},
    "number": {"num_format": "#,##0.##"},
    "share": {"num_format": "0.0%"},
    "day": {"num_format": "yyyy-mm-dd"},
}
_QUOTED = frozenset({"text", "code", "badge"})


def as_xlsx(document: Document, stamp: Stamp) -> bytes:
    """The workbook; the same bytes each time."""
    out = io.BytesIO()
    tongue = stamp.options.tongue
    with xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties(
            {
                "title": flat(document.title),
                "author": "auditor",
                "comments": stamp_text(stamp),
                "created": stamp.as_of.replace(tzinfo=None),
            }
        )
        whole = _Book(book, tongue)
        for table in sorted((t for t in document.tables() if not t.excerpt), key=lambda t: t.id != document.main):
            _sheet(whole, table)
        _about(whole, document, stamp)
    return out.getvalue()


def _sheet(book: _Book, table: Table) -> None:
    sheet = book.sheet(table.title)
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, _text(column.title), book.format("head"))
        sheet.set_column(place, place, max(8, min(60, column.width + 2)))
        if column.choices and table.rows:
            source = [_text(choice) for choice in column.choices]
            sheet.data_validation(1, place, len(table.rows), place, {"validate": "list", "source": source})
    for y, row in enumerate(table.rows, 1):
        for x, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            _write(book, sheet, y, x, cell, column)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    else:
        sheet.write_string(1, 0, _text(table.empty), book.format("text"))
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write(book: _Book, sheet: Any, y: int, x: int, cell: Cell, column: Column) -> None:
    if column.shape is Shape.DAY and isinstance(cell.raw, str):
        sheet.write_datetime(y, x, date.fromisoformat(cell.raw[:10]), book.format("day", cell.tone))
    elif column.shape is Shape.NUMBER and isinstance(cell.raw, int | float) and not isinstance(cell.raw, bool):
        kind = "share" if cell.share else "number"
        sheet.write_number(y, x, cell.raw, book.format(kind, cell.tone))
    else:
        kind = column.shape.value if column.shape.value in _QUOTED else "text"
        sheet.write_string(y, x, _text(cell.whole), book.format(kind, cell.tone))


def _text(phrase: Phrase) -> str:
    """As a cell holds it: both languages on lines of their own, marks of direction left out, since cells have a direction."""
    return flat(phrase, "\n").translate(_INVISIBLE).translate(CONTROLS)[:_LONGEST]


def _about(book: _Book, document: Document, stamp: Stamp) -> None:
    """The last sheet: what the report says beside its tables, and what it rests on."""
    sheet = book.sheet(told(book.tongue, lambda: _("About this report")))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 70)
    sheet.write_string(0, 0, _text(document.title), book.format("title"))
    sheet.write_string(1, 0, _text(document.subject), book.format("text"))
    rows: list[tuple[Phrase, Phrase]] = list(_said(document))
    rows += told(book.tongue, lambda: colophon(stamp))
    for y, (name, value) in enumerate(rows, 3):
        sheet.write_string(y, 0, _text(name), book.format("text"))
        sheet.write_string(y, 1, _text(value), book.format("text"))


def _said(document: Document) -> Iterable[tuple[Phrase, Phrase]]:
    for block in document.blocks:
        if isinstance(block, Figures):
            for item in block.items:
                yield item.label, item.cell.shown
        elif isinstance(block, Facts) and document.brief:
            for _id, name, cell in block.items:
                yield name, cell.shown
