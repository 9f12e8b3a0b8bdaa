"""Reports of the seeded ledger, and their content as text that people can compare."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import openpyxl

from auditor.model import Catalogue, ReportFormat, ReportKind, ReportOptions, Tongue
from auditor.reporting.plain import show
from auditor.reporting.stamps import colophon
from auditor.reporting.terminal import Terminal
from auditor.text import use
from auditor.workflow.reports import Made, make_report

from .seed import NOW

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def report(catalogue: Catalogue, kind: ReportKind, written: ReportFormat, tongue: Tongue = Tongue.EN, **options: Any) -> Made:
    """A report as of NOW."""
    return make_report(catalogue, ReportOptions(kind=kind, tongue=tongue, **options), written, now=NOW)


def golden(catalogue: Catalogue, kind: ReportKind, written: ReportFormat, tongue: Tongue) -> str:
    """What a reader of the report sees. Its hashes are the same ones each time: by their digits pdftotext guesses at how a
    page is laid out, and another hash made it another guess."""
    with patch("auditor.reporting.html.colophon", lambda stamp: tuple((name, _fixed(value)) for name, value in colophon(stamp))):
        return as_text(report(catalogue, kind, written, tongue))


def _fixed(value: str) -> str:
    return "0123456789abcdef" * 4 if _HASH.fullmatch(value) else value


def as_text(made: Made) -> str:
    """What a reader of the report sees, without what differs between versions of our own files."""
    written, tongue = made.stamp.format, made.stamp.options.tongue
    if written is ReportFormat.TERMINAL:
        text = at_terminal(made, tongue)
    elif written is ReportFormat.HTML:
        text = of_html(made.content.decode())
    elif written is ReportFormat.PDF:
        text = of_pdf(made.content)
    elif written is ReportFormat.XLSX:
        text = of_workbook(made.content)
    else:
        text = made.content.decode().replace("\r\n", "\n")
    return _UUID.sub("<uuid>", re.sub(r'"head": ?"?[^,}]*|value": "[0-9a-f]{16}"', "<head>", _HASH.sub("<sha256>", text)))


def at_terminal(made: Made, tongue: Tongue) -> str:
    """Without colours, 160 columns wide."""
    out = io.StringIO()
    language = "en" if tongue is Tongue.EN else "ar"
    use(language)
    try:
        show(Terminal(out, bidi="terminal", environ={}), made.document, made.stamp, language)
    finally:
        use("en")
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


class _Reader(HTMLParser):
    """Text with what surrounds it, one element a line; style and script left out."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in ("style", "script")
        told = dict(attrs)
        kept = {k: v for k, v in told.items() if k in ("id", "lang", "dir", "class", "alt", "href", "aria-label", "data-value")}
        shown = "".join(f" {k}={v}" for k, v in kept.items())
        self.lines.append(f"<{tag}{shown}>")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.lines.append(f"  {' '.join(data.split())}")


def of_html(page: str) -> str:
    """Elements and texts of a page; where a line may break within a text is none of either."""
    reader = _Reader()
    reader.feed(page.replace("<wbr>", ""))
    return "\n".join(reader.lines)


def of_pdf(content: bytes) -> str:
    """The words of every page, as pdftotext finds them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        path.write_bytes(content)
        done = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True, timeout=60)
    return "\n".join(" ".join(line.split()) for line in done.stdout.decode().split("\n"))


def of_workbook(content: bytes) -> str:
    """Every sheet with its direction, its frozen panes, filters, validations and cells."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    parts = []
    for sheet in book.worksheets:
        rules = [f"{rule.sqref} {rule.formula1}" for rule in sheet.data_validations.dataValidation]
        rtl = bool(sheet.sheet_view.rightToLeft)
        parts.append(f"== {sheet.title} rtl={rtl} frozen={sheet.freeze_panes} filter={sheet.auto_filter.ref}")
        parts += rules
        parts += [
            " | ".join("" if c.value is None else str(c.value).replace("\n", "⏎") for c in row) for row in sheet.iter_rows()
        ]
    return "\n".join(parts)


def all_made() -> list[tuple[ReportKind, ReportFormat, Tongue]]:
    """Every kind, in every format that it has, in every language."""
    from auditor.workflow.reports import FORMATS

    return [(kind, written, tongue) for kind, formats in FORMATS.items() for written in formats for tongue in Tongue]


def parsed(made: Made) -> Any:
    """A JSON report's value."""
    return json.loads(made.content)
