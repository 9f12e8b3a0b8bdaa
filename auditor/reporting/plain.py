"""A document for programs: its tables as JSON after a published schema, its main table as CSV; and for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from auditor.model import Language, Stamp
from auditor.model.codec import to_json
from auditor.reporting import tabular
from auditor.reporting.document import (
    Cell,
    Chart,
    Code,
    Document,
    Facts,
    Figures,
    Heading,
    Paragraph,
    Shape,
    Table,
    Tone,
    without_spare,
)
from auditor.reporting.stamps import MARK, colophon, stamp_text
from auditor.reporting.terminal import Terminal
from auditor.reporting.tongues import flat, pick
from auditor.text import _, number, using

_STYLES = {Tone.GOOD: "green", Tone.FAIR: "yellow", Tone.BAD: "red", Tone.GRAVE: "bold red", Tone.MUTED: "dim"}
_MOST_ROWS = 50
# Columns that a narrow screen can do without, the last first.
_SPARE = (
    *("subject", "check", "evidence", "verifier", "observed", "expected", "first_seen", "assignee", "controls"),
    *("attested", "automated"),
)
_ISOLATES = "\u200e\u200f\u2068\u2069"  # our own, around names and numbers inside Arabic


def schema() -> dict[str, Any]:
    """The JSON Schema that every report in JSON follows."""
    return dict(json.loads(files("auditor.reporting").joinpath("report.schema.json").read_text(encoding="utf-8")))


def as_json(document: Document, stamp: Stamp) -> str:
    """Figures, facts and tables with values for programs; texts as they are shown beside them."""
    tables = {t.id: [dict(_pairs(t, row)) for row in t.rows] for t in document.tables()}
    figures = {f.id: _value(f.cell) for b in document.blocks if isinstance(b, Figures) for f in b.items}
    facts = {b.id: {name: _value(cell) for name, _title, cell in b.items} for b in document.blocks if isinstance(b, Facts)}
    whole = {
        "kind": document.kind,
        "title": to_json(document.title),
        "subject": to_json(document.subject),
        "main": document.main,
        "figures": figures,
        "facts": facts,
        "tables": tables,
        "stamp": to_json(stamp),
    }
    return visible(json.dumps(whole, ensure_ascii=False, indent=1)) + "\n"


def visible(text: str) -> str:
    """JSON with every character that steers a terminal, or hides, written as an escape: the same value, for any reader."""
    return "".join(c if c in "\n" or c.isprintable() or c in _ISOLATES else json.dumps(c)[1:-1] for c in text)


def _pairs(table: Table, row: tuple[Cell, ...]) -> Mapping[str, Any]:
    return {column.id: _value(cell) for column, cell in zip(table.columns, row, strict=True)}


def _value(cell: Cell) -> Any:
    return {"value": to_json(cell.raw), "shown": to_json(cell.whole)}


def as_csv(document: Document, stamp: Stamp, *, marked: bool = False) -> str:
    """The main table: UTF-8 with BOM, CRLF, formulas neutralised; the stamp is the last row. ``marked`` as in ``tabular``."""
    table = next(t for t in document.tables() if t.id == document.main)
    columns = [
        tabular.Column(flat(column.title), lambda row, i=i: flat(row["cells"][i].whole))  # type: ignore[misc]  # bound by default
        for i, column in enumerate(table.columns)
    ]
    body = tabular.as_csv(tabular.Table(columns, [{"cells": row} for row in table.rows]), marked=marked)
    stamped = stamp_text(stamp).replace('"', '""')
    return f'{body}{MARK},"{stamped}"\r\n'


def show(terminal: Terminal, document: Document, stamp: Stamp, language: Language) -> None:
    """The document at a terminal: long tables are cut, and say how to have the rest."""
    with using(language):
        terminal.say(pick(document.title, language), "bold")
        if document.subject:
            terminal.say(pick(document.subject, language))
        for block in document.blocks:
            terminal.say()
            _show(terminal, block, language)
        terminal.say()
        for name, value in colophon(stamp):
            terminal.say(f"{name}: {value}", "dim")


def _show(terminal: Terminal, block: Any, language: Language) -> None:
    if isinstance(block, Heading):
        terminal.say(pick(block.text, language), "bold underline" if block.level == 2 else "bold")
    elif isinstance(block, Paragraph):
        terminal.say(pick(block.text, language), _STYLES.get(block.tone, ""))
    elif isinstance(block, Code):
        terminal.say(pick(block.label, language), "bold")
        terminal.console.file.write("".join(f"    {line}\n" for line in block.text.split("\n")))
    elif isinstance(block, Figures):
        for item in block.items:
            note = f" ({pick(item.note, language)})" if item.note else ""
            shown = f"{pick(item.label, language)}: {pick(item.cell.shown, language)}{note}"
            terminal.say(shown, _STYLES.get(item.cell.tone, ""))
    elif isinstance(block, Facts):
        for _id, name, cell in block.items:
            if cell.shown:
                terminal.say(f"{pick(name, language)}: {pick(cell.shown, language)}", _STYLES.get(cell.tone, ""))
    elif isinstance(block, Chart):
        terminal.say(f"{pick(block.title, language)}: {pick(block.told, language)}")
    elif isinstance(block, Table):
        _show_table(terminal, block, language)


def _show_table(terminal: Terminal, table: Table, language: Language) -> None:
    if not table.rows:
        terminal.say(pick(table.empty, language))
        return
    table = without_spare(table)
    columns = [
        tabular.Column(
            pick(column.title, language),
            lambda row, i=i: pick(row["cells"][i].shown, language),  # type: ignore[misc]  # bound by default
            style=lambda row, i=i: _STYLES.get(row["cells"][i].tone, ""),  # type: ignore[misc]
            wide=column.width > 24,
            right=column.shape is Shape.NUMBER,
            whole=column.shape in (Shape.DAY, Shape.BADGE) or (i == 0 and column.shape is Shape.CODE),
            spare=_SPARE.index(column.id) + 1 if i and column.id in _SPARE else 0,  # by the first, rows are told apart
            told=column.shape is Shape.TEXT,
        )
        for i, column in enumerate(table.columns)
    ]
    rows = [{"cells": row} for row in table.rows[:_MOST_ROWS]]
    terminal.table(tabular.Table(columns, rows, pick(table.title, language)))
    for note in table.notes:
        terminal.say(pick(note, language), "dim")
    if (more := len(table.rows) - _MOST_ROWS) > 0:
        terminal.say(_("{n} more rows are in the spreadsheet: --format xlsx").format(n=number(more)), "dim")
