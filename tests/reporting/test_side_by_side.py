"""Departments side by side: each row names its own, figures stand where they are looked for, and reasons below them."""

from __future__ import annotations

import io

import pytest
import yaml
from rich.cells import cell_len

from auditor.model import Catalogue, Language, ReportFormat, ReportKind, Tongue
from auditor.reporting.plain import show
from auditor.reporting.terminal import Terminal
from auditor.text import using
from auditor.workflow.reports import Made
from auditor.workflow.workspace import open_workspace

from .made import as_text, parsed, report
from .seed import SEEN, night
from .test_scope import TONIGHT, made

_MARKS = dict.fromkeys((0x200E, 0x2068, 0x2069))
LOW = "coverage is below the floor that the policy sets"
FEW = "too few of its controls are decided"


@pytest.fixture
def unequal(own: Catalogue) -> Catalogue:
    """A third department, with a long name, that has no index since its host did not answer."""
    host = {"uid": "interior-1", "name": "interior-1", "address": "192.0.2.90"}
    title = {"en": "Ministry of the Interior and Municipal Affairs", "ar": "وزارة الداخلية وشؤون البلديات"}
    path = own.settings.root / "inventories" / "interior.yaml"
    path.write_text(yaml.safe_dump({"department": "interior", "title": title, "hosts": [host]}, allow_unicode=True))
    catalogue = open_workspace(own.settings.root)
    night(catalogue, TONIGHT, SEEN[2])
    return catalogue


def lines(report: Made, language: Language, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    with using(language):
        show(Terminal(out, bidi="terminal", environ={"COLUMNS": str(width)}), report.document, report.stamp, language)
    return out.getvalue().translate(_MARKS).split("\n")


@pytest.mark.parametrize("width", [80, 100, 126])
@pytest.mark.parametrize("kind", [ReportKind.LEAGUE, ReportKind.SUMMARY], ids=lambda kind: kind.value)
def test_each_row_names_its_department(unequal: Catalogue, kind: ReportKind, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the column of departments was left out, and rows told nobody of whom they were; a reason in a column of
    figures was never wrapped, so that no table fitted 126 columns."""
    shown = lines(made(unequal, kind, ReportFormat.TERMINAL), "en", width, monkeypatch)
    assert {"65.2", "43.5"} <= {word for line in shown if line.startswith("Ministry of") for word in line.split()}
    assert max(cell_len(line.rstrip()) for line in shown if "SHA-256" not in line) <= width
    told = " ".join(" ".join(shown).split())
    assert f"No index: Ministry of the Interior and Municipal Affairs. Reason: {LOW}." in told


@pytest.mark.parametrize("width", [80, 100, 126])
def test_the_first_column_stays_in_arabic_too(unequal: Catalogue, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever side it stands on."""
    arabic = report(unequal, ReportKind.LEAGUE, ReportFormat.TERMINAL, Tongue.AR)
    shown = lines(arabic, "ar", width, monkeypatch)
    assert any("وزارة المالية" in line and "65.2" in line for line in shown)
    assert max(cell_len(line.rstrip()) for line in shown if "SHA-256" not in line) <= width


def test_a_report_of_one_department_does_not_name_it_in_each_row(seeded: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: at a terminal it stood in each row of a wide screen, though the title names it."""
    alone = report(seeded, ReportKind.FINDINGS, ReportFormat.TERMINAL, departments=("health",))
    assert not any(line.startswith("Finding ") and "Department" in line for line in lines(alone, "en", 300, monkeypatch))
    assert any(
        "Department" in line for line in lines(report(seeded, ReportKind.FINDINGS, ReportFormat.TERMINAL), "en", 300, monkeypatch)
    )


def test_the_page_says_a_reason_once_below_the_table(unequal: Catalogue) -> None:
    """Regression: each cell of a theme held the whole reason, and the figures were scrolled out of sight."""
    page = as_text(made(unequal, ReportKind.LEAGUE, ReportFormat.HTML))
    assert page.count(FEW) == 1
    assert "  — 1 of 2" in page
    rows = parsed(made(unequal, ReportKind.LEAGUE))["tables"]["league"]
    assert rows[0]["organizational"]["shown"] == f"{FEW} (1 of 2 controls)"  # in a row that stands alone
    assert f"interior,{LOW}," in made(unequal, ReportKind.LEAGUE, ReportFormat.CSV).content.decode().replace(
        "Ministry of the Interior and Municipal Affairs", "interior"
    )
