"""A document as a letter: plain text, and HTML as mail programs show it (no script, no style sheet, nothing from outside)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from markupsafe import escape

from auditor.model import Language
from auditor.reporting.document import Cell, Column, Document, Figures, Heading, Paragraph, Phrase, Shape, Table, Tone
from auditor.reporting.tongues import flat, set_apart
from auditor.text.bidi import isolate, passages

_COLOURS = {Tone.BAD: "#8c1d18", Tone.GRAVE: "#7a1410", Tone.FAIR: "#6b4300", Tone.GOOD: "#14532d"}
_RLM = "\u200f"
_CELL = "padding:4px 8px;border-bottom:1px solid #c9d2db;text-align:start;vertical-align:top"


def as_text(document: Document, language: Language) -> str:
    """Lines that are read in any mail program. An Arabic one begins with a mark that says so: many take its direction from its
    first letter, and a Latin name would turn the line round."""
    mark = _RLM if language == "ar" else ""
    return "".join(f"{mark if line else ''}{line}\n" for text in _lines(document, language) for line in text.split("\n"))


def _lines(document: Document, language: Language) -> Iterator[str]:
    say = _apart if language == "ar" else flat
    yield say(document.title)
    if document.subject:
        yield say(document.subject)
    for block in document.blocks:
        yield ""
        if isinstance(block, Paragraph | Heading):
            yield say(block.text)
        elif isinstance(block, Figures):
            for item in block.items:
                yield f"{say(item.label)}: {say(item.cell.shown)}"
        elif isinstance(block, Table):
            yield say(block.title)
            for row in block.rows:
                yield "- " + " | ".join(
                    _field(column, cell, say) for column, cell in zip(block.columns, row, strict=True) if cell.shown
                )
            if block.more:
                yield say(block.more)


def _apart(phrase: Phrase) -> str:
    """An Arabic text whose Latin passages keep their direction. Of a whole line it would be the fields' order too."""
    return "".join(isolate(piece) if latin else piece for piece, latin in passages(flat(phrase)))


def _field(column: Column, cell: Cell, say: Callable[[Phrase], str]) -> str:
    """A value as a line shows it. A day says of what it is: there are no headings above it."""
    return f"{say(column.title)}: {say(cell.shown)}" if column.shape is Shape.DAY else say(cell.shown)


def as_html(document: Document, language: Language) -> str:
    """One page with its styles in its elements: mail programs take away every other kind."""
    say = _html_of if language == "ar" else _escaped
    body = "".join(_elements(document, say))
    direction = "rtl" if language == "ar" else "ltr"
    font = "font-family:'Segoe UI',Tahoma,'Noto Sans Arabic',sans-serif;font-size:15px;line-height:1.6;color:#1b2430"
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        f'<title>{_escaped(document.title)}</title></head><body style="{font}">{body}</body></html>\n'
    )


def _elements(document: Document, say: Callable[[Phrase], str]) -> Iterator[str]:
    yield f'<h1 style="font-size:20px;color:#0b4f6c;margin:0">{say(document.title)}</h1>'
    if document.subject:
        yield f'<p style="margin:0 0 12px">{say(document.subject)}</p>'
    for block in document.blocks:
        if isinstance(block, Paragraph):
            yield f"<p>{say(block.text)}</p>"
        elif isinstance(block, Heading):
            yield f'<h2 style="font-size:16px;margin:16px 0 4px">{say(block.text)}</h2>'
        elif isinstance(block, Figures):
            items = (f"<li>{say(f.label)}: <b>{say(f.cell.shown)}</b></li>" for f in block.items)
            yield f"<ul>{''.join(items)}</ul>"
        elif isinstance(block, Table):
            yield f'<h2 style="font-size:16px;margin:16px 0 4px">{say(block.title)}</h2>'
            yield _table(block, say)
            if block.more:
                yield f"<p>{say(block.more)}</p>"


def _escaped(phrase: Phrase) -> str:
    return str(escape(flat(phrase)))


def _html_of(phrase: Phrase) -> str:
    return str(set_apart(flat(phrase)))


def _table(table: Table, say: Callable[[Phrase], str]) -> str:
    head = "".join(f'<th style="{_CELL};background:#f1f4f7">{say(c.title)}</th>' for c in table.columns)
    rows = []
    for row in table.rows:
        shown = []
        for cell, column in zip(row, table.columns, strict=True):
            text = say(cell.shown)
            inner = f'<bdi style="font-family:Consolas,monospace">{text}</bdi>' if column.shape is Shape.CODE else text
            shown.append(f'<td style="{_CELL};color:{_COLOURS.get(cell.tone, "inherit")}">{inner}</td>')
        rows.append(f"<tr>{''.join(shown)}</tr>")
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
