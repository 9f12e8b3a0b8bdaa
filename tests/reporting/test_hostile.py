"""Nothing that a host says or a person types can run in a report, or make it read as something else."""

from __future__ import annotations

import csv
import io
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue

from .made import all_made, report
from .seed import HOSTILE

KINDS = (ReportKind.FINDINGS, ReportKind.PLAN, ReportKind.ANNEX, ReportKind.SOA)
TEXTS = (
    ReportFormat.HTML,
    ReportFormat.CSV,
    ReportFormat.JSON,
    ReportFormat.SARIF,
    ReportFormat.JUNIT,
    ReportFormat.OSCAL,
    ReportFormat.HDF,
)
STEERING = "\x1b\x07\x08\x9b\u202a\u202b\u202d\u202e\u2028"


class _Page(HTMLParser):
    """Every element with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_html_holds_no_element_or_handler_but_ours(seeded: Catalogue, kind: ReportKind, tongue: Tongue) -> None:
    """One script and one style, which the policy names by hash; pictures are ours; no event handler, no style attribute."""
    page = _Page()
    page.feed(report(seeded, kind, ReportFormat.HTML, tongue).content.decode())
    tags = [tag for tag, _attrs in page.elements]
    assert (tags.count("script"), tags.count("style"), tags.count("iframe"), tags.count("form")) == (1, 1, 0, 0)
    for _tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert not [
            v for k, v in attrs.items() if k in ("src", "href") and not (v or "").startswith(("data:image/svg+xml;", "#"))
        ]
    shown = "<script>alert(1)</script>" in "".join(page.text).casefold()  # as text
    assert shown == (kind is not ReportKind.SOA)


@pytest.mark.parametrize(("kind", "written", "tongue"), [m for m in all_made() if m[1] in TEXTS], ids=lambda value: value.value)
def test_nothing_steers_a_reader(seeded: Catalogue, kind: ReportKind, written: ReportFormat, tongue: Tongue) -> None:
    """No escape sequence, no override of direction, no separator that a program would take for the end of a line."""
    content = report(seeded, kind, written, tongue).content.decode()
    assert not [c for c in STEERING if c in content]


@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
def test_no_cell_of_csv_begins_a_formula(seeded: Catalogue, kind: ReportKind) -> None:
    """Whatever a spreadsheet would take for a formula is quoted."""
    rows = list(csv.reader(io.StringIO(report(seeded, kind, ReportFormat.CSV).content.decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.lstrip("\u200e\u2068").startswith(("=", "+", "-", "@", "\t"))]


@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(seeded: Catalogue, kind: ReportKind) -> None:
    """Every hostile text is a quoted text."""
    content = report(seeded, kind, ReportFormat.XLSX).content
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert not [c for c in cells if c.data_type == "f" or c.hyperlink]
    hostile = [c for c in cells if isinstance(c.value, str) and c.value.startswith("=")]
    assert all(c.quotePrefix for c in hostile)
    assert bool(hostile) == (kind in (ReportKind.FINDINGS, ReportKind.PLAN, ReportKind.ANNEX))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert not [name for name in archive.namelist() if "external" in name.casefold() or name.endswith(".bin")]


def test_a_template_in_a_text_stays_a_text(seeded: Catalogue) -> None:
    """``{{7*7}}`` from a host is never filled in."""
    assert "{{7*7}}" in HOSTILE
    page = report(seeded, ReportKind.ANNEX, ReportFormat.HTML).content.decode()
    assert "{{7*7}}" in page


def test_xml_is_well_formed(seeded: Catalogue) -> None:
    """Whatever a host says."""
    root = ET.fromstring(report(seeded, ReportKind.FINDINGS, ReportFormat.JUNIT).content)
    assert [suite.get("name") for suite in root] == [
        "finance-app-1",
        "finance-db-1",
        "health-db-1",
        "health-down-1",
        "health-web-1",
    ]


def test_a_pdf_fetches_nothing_and_runs_nothing(seeded: Catalogue) -> None:
    """No action, no script, no link to the outside."""
    content = report(seeded, ReportKind.FINDINGS, ReportFormat.PDF).content
    assert not [word for word in (b"/JavaScript", b"/JS ", b"/Launch", b"/URI", b"/OpenAction") if word in content]
