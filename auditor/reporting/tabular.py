"""Rows with named columns, as JSON for programs and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from auditor.model.codec import to_json
from auditor.text.bidi import safe, unmarked

Row: TypeAlias = Mapping[str, Any]

CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x0A}
"""For ``str.translate``: the last line of defence, should a column show a host's text without ``field`` or ``safe``."""

_BOM = "\ufeff"  # without it, spreadsheets take UTF-8 Arabic for something else
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title in the reader's language, and how a row is shown in it.

    ``style`` is a rich style or a function of the row that gives one; only the terminal uses it. A ``wide`` column takes the
    room that is left; a ``whole`` one is never wrapped or cut; on a narrow screen columns whose ``spare`` is not 0 are left out,
    the highest first. What is ``told`` is in our own words, and may name commands.
    """

    title: str
    show: Callable[[Row], str]
    style: str | Callable[[Row], str] = ""
    wide: bool = False
    right: bool = False
    whole: bool = False
    spare: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as JSON values, and the columns in which people see them."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    title: str = ""


def field(key: str) -> Callable[[Row], str]:
    """Show a value that may come from a host, with whatever steers a terminal made visible; None and "" as nothing."""

    def show(row: Row) -> str:
        value = row.get(key)
        if value is None or value == "":
            return ""
        return safe(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    return show


def as_json(value: Any) -> str:
    """``value`` (model values included) as indented JSON, ending with a line break."""
    return json.dumps(to_json(value), ensure_ascii=False, indent=2) + "\n"


def as_csv(table: Table, *, marked: bool = False) -> str:
    """The table's columns as CSV: UTF-8 with BOM, CRLF, formulas neutralised, titles and labels in the reader's language.

    ``marked``: with marks of direction, which programs took for a part of dates, as reports once had them.
    """
    plain = (lambda text: text) if marked else unmarked
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([neutral(column.title) for column in table.columns])
    for row in table.rows:
        writer.writerow([neutral(plain(column.show(row))) for column in table.columns])
    return _BOM + out.getvalue()


def neutral(text: str) -> str:
    """``text`` so that no spreadsheet takes it for a formula, without control characters."""
    text = text.translate(CONTROLS)
    return f"'{text}" if text.lstrip("\u200e\u200f ").startswith(_FORMULA) else text
