"""How a page holds what it is given: nothing runs out of it or is broken in a word, and both languages stand in order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from auditor.model import Catalogue, ReportFormat, ReportKind, Text, Tongue
from auditor.reporting.document import Cell, Column, Shape, Table
from auditor.reporting.html import _breakable, _shares

from .made import parsed, report


def page(catalogue: Catalogue, kind: ReportKind, tongue: Tongue = Tongue.EN, **options: object) -> str:
    return report(catalogue, kind, ReportFormat.HTML, tongue, **options).content.decode()


def test_each_language_dates_the_report_on_its_own_line(seeded: Catalogue) -> None:
    """Regression: Arabic and English were mixed into one line, "audit 1, policy national-2026 national-2026 2026.1 …"."""
    told = re.findall(r'<p class="dated"([^>]*)>(.*?)</p>', page(seeded, ReportKind.SCORECARD, Tongue.BOTH))
    assert [attributes for attributes, _text in told] == [' lang="ar" dir="rtl"', ' lang="en" dir="ltr"']
    assert ("As of" in told[0][1], "As of" in told[1][1], "policy national-2026 2026.1" in told[1][1]) == (False, True, True)


@pytest.mark.parametrize("kind", [ReportKind.FINDINGS, ReportKind.PLAN], ids=lambda kind: kind.value)
def test_a_page_of_one_department_does_not_name_it_in_each_row(seeded: Catalogue, kind: ReportKind) -> None:
    """Regression: the same department in each row took the room that the due date needed; programs are still told it."""
    assert ">Department</th>" not in page(seeded, kind, departments=("health",))
    assert ">Department</th>" in page(seeded, kind)
    rows = parsed(report(seeded, kind, ReportFormat.JSON, departments=("health",)))["tables"][kind.value]
    assert {row["department"]["value"] for row in rows} == {"health"}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60))
def test_breaks_change_no_character(text: str) -> None:
    """They are places, not text."""
    assert _breakable(text).replace("<wbr>", "") == str(escape(text))


def test_lines_break_after_signs() -> None:
    """Regression: "acquire::che/ck-date"."""
    assert _breakable("Acquire::Check-Valid-Until=false") == "Acquire::<wbr>Check-<wbr>Valid-<wbr>Until=<wbr>false"
    assert _breakable("F-JE8ACFRXDF") == "F-JE8ACFRXDF"
    assert _breakable("x" * 45) == f"{'x' * 18}<wbr>{'x' * 18}<wbr>{'x' * 9}"


def test_a_column_is_as_wide_as_its_longest_word() -> None:
    """Regression: labels on paper were broken within words, where a column asked for less room than its title takes."""
    badge = Column("b", Text("Level", "المستوى"), Shape.BADGE, 2)
    table = Table("t", "", (Column("a", "x", width=6), badge), ((Cell("1"), Cell(Text("acknowledged soon", "نعم"))),))
    assert _shares(table) == [29, 71]  # 6, and 12 with the room beside a text


def test_an_overdue_day_may_break_before_the_remark_alone(seeded: Catalogue) -> None:
    """Regression: the column of due dates was cut off by the edge of the page."""
    assert '<span class="word">2026-11-11</span> (overdue)' in page(seeded, ReportKind.FINDINGS)
