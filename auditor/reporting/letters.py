"""A document as a letter: plain text, and HTML as mail programs show it (no script, no style sheet, nothing from outside)."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import escape

from auditor.model import Language
from auditor.reporting.document import Cell, Column, Document, Figures, Heading, Paragraph, Phrase, Shape, Table, Tone
from auditor.reporting.tongues import flat

_COLOURS = {Tone.BAD: "#8c1d18", Tone.GRAVE: "#7a1410", Tone.FAIR: "#6b4300", Tone.GOOD: "#14532d"}
_CELL = "padding:4px 8px;border-bottom:1px solid #c9d2db;text-align:start;vertical-align:top"


def as_text(document: Document) -> str:
    """Lines that are read in any mail program."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield flat(document.title)
    if document.subject:
        yield flat(document.subject)
    for block in document.blocks:
        yield ""
        if isinstance(block, Paragraph | Heading):
            yield flat(block.text)
        elif isinstance(block, Figures):
            for item in block.items:
                yield f"{flat(item.label)}: {flat(item.cell.shown)}"
        elif isinstance(block, Table):
            yield flat(block.title)
            for row in block.rows:
                yield "- " + " | ".join(
                    _field(column, cell) for column, cell in zip(block.columns, row, strict=True) if cell.shown
                )
            if block.more:
                yield flat(block.more)


def _field(column: Column, cell: Cell) -> str:
    """A value as a line shows it. A day says of what it is: there are no headings above it."""
    return f"{flat(column.title)}: {flat(cell.shown)}" if column.shape is Shape.DAY else flat(cell.shown)


def as_html(document: Document, language: Language) -> str:
    """One page with its styles in its elements: mail programs take away every other kind."""
    body = "".join(_elements(document))
    direction = "rtl" if language == "ar" else "ltr"
    font = "font-family:'Segoe UI',Tahoma,'Noto Sans Arabic',sans-serif;font-size:15px;line-height:1.6;color:#1b2430"
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f'<title>{_said(document.title)}</title></head><body style="{font}">{body}</body></html>\n'
    )


def _elements(document: Document) -> Iterator[str]:
    yield f'<h1 style="font-size:20px;color:#0b4f6c;margin:0">{_said(document.title)}</h1>'
    if document.subject:
        yield f'<p style="margin:0 0 12px">{_said(document.subject)}</p>'
    for block in document.blocks:
        if isinstance(block, Paragraph):
            yield f"<p>{_said(block.text)}</p>"
        elif isinstance(block, Heading):
            yield f'<h2 style="font-size:16px;margin:16px 0 4px">{_said(block.text)}</h2>'
        elif isinstance(block, Figures):
            items = (f"<li>{_said(f.label)}: <b>{_said(f.cell.shown)}</b></li>" for f in block.items)
            yield f"<ul>{''.join(items)}</ul>"
        elif isinstance(block, Table):
            yield f'<h2 style="font-size:16px;margin:16px 0 4px">{_said(block.title)}</h2>'
            yield _table(block)
            if block.more:
                yield f"<p>{_said(block.more)}</p>"


def _said(phrase: Phrase) -> str:
    return str(escape(flat(phrase)))


def _table(table: Table) -> str:
    head = "".join(f'<th style="{_CELL};background:#f1f4f7">{_said(c.title)}</th>' for c in table.columns)
    rows = []
    for row in table.rows:
        shown = []
        for cell, column in zip(row, table.columns, strict=True):
            text = _said(cell.shown)
            inner = f'<bdi style="font-family:Consolas,monospace">{text}</bdi>' if column.shape is Shape.CODE else text
            shown.append(f'<td style="{_CELL};color:{_COLOURS.get(cell.tone, "inherit")}">{inner}</td>')
        rows.append(f"<tr>{''.join(shown)}</tr>")
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
