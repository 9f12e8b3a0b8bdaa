"""What was not looked at is told at the head of what an officer works from: an empty list alone is not clean."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
import yaml

from auditor.model import Catalogue, ReportFormat, ReportKind
from auditor.reporting.document import Figures, Table
from auditor.workflow.reports import Made
from auditor.workflow.workspace import open_workspace

from .made import as_text
from .seed import SEEN, night
from .test_scope import TONIGHT, made, set_aside

BOTH = pytest.mark.parametrize("kind", [ReportKind.FINDINGS, ReportKind.PLAN], ids=lambda kind: kind.value)


@pytest.fixture
def silent(own: Catalogue) -> Catalogue:
    """A third department, both of whose hosts do not answer; nothing of it has ever been seen."""
    hosts = [{"uid": f"interior-{n}", "name": f"interior-{n}", "address": f"192.0.2.{n}"} for n in (90, 91)]
    value = {"department": "interior", "title": {"en": "Interior", "ar": "الداخلية"}, "hosts": hosts}
    path = own.settings.root / "inventories" / "interior.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    catalogue = open_workspace(own.settings.root)
    night(catalogue, TONIGHT, SEEN[2])
    return catalogue


def figures(report: Made) -> dict[str, tuple[Any, str]]:
    blocks = (b for b in report.document.blocks if isinstance(b, Figures))
    return {i.id: (i.cell.raw, str(i.note)) for b in blocks for i in b.items}


def table(report: Made, name: str) -> Table:
    return next(t for t in report.document.tables() if t.id == name)


@BOTH
def test_a_department_of_which_no_host_was_reached_is_not_clean(silent: Catalogue, kind: ReportKind) -> None:
    """Regression: it read "Nothing is open." and "There is nothing to be done.", with no word of the hosts never reached."""
    report = made(silent, kind, ReportFormat.TERMINAL, departments=("interior",))
    assert figures(report)["unreached"] == (2, "of 2 hosts and networks")
    assert figures(report)["coverage"][0] == 0.0
    assert [row[0].raw for row in table(report, "missed").rows] == ["interior-90", "interior-91"]
    known = "No finding is known. Hosts and networks not reached: 2 of 2. Planned checks without an answer: 10."
    assert table(report, report.document.main).empty == known
    assert (known in as_text(report)) is (kind is ReportKind.FINDINGS)  # the plan holds what people are to answer


@BOTH
def test_a_department_that_was_set_aside_is_not_clean(own: Catalogue, kind: ReportKind) -> None:
    """Regression: a new department with a mistake in its inventory read "Nothing is open."."""
    path = own.settings.root / "inventories" / "interior.yaml"
    path.write_text("department: interior\ntitle: {en: Interior, ar: الداخلية}\nbogus: 1\nhosts: []\n", encoding="utf-8")
    aside = open_workspace(own.settings.root)
    night(aside, TONIGHT, SEEN[2])
    report = made(aside, kind, ReportFormat.TERMINAL, departments=("interior",))
    assert "No finding is known. Not audited: interior." in as_text(report)
    assert "bogus" in as_text(report)
    written = made(aside, kind, ReportFormat.CSV, departments=("interior",)).content.decode()
    assert "interior,the department was set aside because its files are wrong" in written
    book = openpyxl.load_workbook(io.BytesIO(made(aside, kind, ReportFormat.XLSX, departments=("interior",)).content))
    assert "Not audited" in book.sheetnames
    about = [tuple(c.value for c in row) for row in book.worksheets[-1].iter_rows()]
    assert ("Coverage", "—") in about


@BOTH
def test_a_department_that_was_reached_in_part_says_how_far(seeded: Catalogue, kind: ReportKind) -> None:
    """Regression: its report did not say how many hosts had not been reached. Where all was judged, nothing is added."""
    report = made(seeded, kind, departments=("health",))
    assert figures(report)["unreached"] == (1, "of 3 hosts and networks")
    assert figures(report)["coverage"][0] == pytest.approx(2 / 3)
    assert [row[0].raw for row in table(report, "missed").rows] == ["health-down-1"]
    assert "unreached" not in figures(made(seeded, kind, departments=("finance",)))


def test_one_table_names_all_departments_of_which_nothing_is_known(own: Catalogue) -> None:
    """In a report of several, beside the findings of the others."""
    aside = set_aside(own)
    night(aside, TONIGHT, SEEN[2])
    report = made(aside, ReportKind.FINDINGS)
    assert [row[0].raw for row in table(report, "absent-health").rows] == ["health"]
    assert report.document.main == "findings"


def test_mistakes_stand_on_lines_of_their_own(own: Catalogue) -> None:
    """Regression: between two mistakes stood a backslash and an n."""
    path = own.settings.root / "inventories" / "health.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nbogus: 1\nfalse_too: 2\n", encoding="utf-8")
    aside = open_workspace(own.settings.root)
    night(aside, TONIGHT, SEEN[2])
    cell = table(made(aside, ReportKind.SCORECARD, departments=("health",)), "absent-health").rows[0][2]
    assert (str(cell.shown).count("\n"), "\\n" in str(cell.shown)) == (1, False)
