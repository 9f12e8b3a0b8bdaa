"""How a page holds what it is given: nothing runs out of it or is broken in a word, and both languages stand in order."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from auditor.model import Catalogue, ReportFormat, ReportKind, Text, Tongue
from auditor.reporting.document import Cell, Column, Shape, Table, without_spare
from auditor.reporting.html import _breakable, _shares, lies_across

from .made import of_pdf, parsed, report

_MARKS = dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), 0x2068, 0x2069))


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
    assert _shares(table) == [27, 73]  # 6, and 12 with the room beside a badge


def test_the_plan_lies_across_and_breaks_neither_ids_nor_dates(seeded: Catalogue) -> None:
    """Regression: on an upright page the plan's badges overprinted the next column, ids stood on three lines, and dates were
    broken within the day ("2026-12-0 / 3"), which in Arabic looked negative."""
    for tongue in (Tongue.EN, Tongue.AR):
        made = report(seeded, ReportKind.PLAN, ReportFormat.PDF, tongue, departments=("health",))
        (plan,) = (t for t in made.document.tables() if t.id == "plan")
        assert lies_across(without_spare(plan))
        words = of_pdf(made.content).translate(_MARKS).split()
        for row in plan.rows:
            for cell in (row[2], row[7], row[9]):  # controls, date, evidence
                assert set(str(cell.shown).translate(_MARKS).split()) <= set(words)


def test_what_is_not_to_be_broken_has_its_room_first() -> None:
    """Where columns ask for more than a page has, texts of several lines give way."""
    columns = (Column("id", "Id", Shape.CODE, 2), Column("day", "Day", Shape.DAY, 2), *[Column("t", "T", width=90)] * 2)
    table = Table("t", "", columns, ((Cell("F-XQSQH6J37F"), Cell("2026-12-03"), Cell("a"), Cell("b")),))
    first, second, *_others = _shares(table)
    assert first >= 100 * 15 / 195 - 1
    assert second >= 100 * 13 / 195 - 1


def test_no_line_breaks_within_a_control(seeded: Catalogue) -> None:
    """Regression: of two in a cell the second was broken behind its letter ("A.5.16 A. / 8.2")."""
    found = page(seeded, ReportKind.PLAN, departments=("health",))
    assert '<bdi class="code"><span class="word">A.5.16</span> <span class="word">A.8.2</span></bdi>' in found


def test_an_overdue_day_may_break_before_the_remark_alone(seeded: Catalogue) -> None:
    """Regression: the column of due dates was cut off by the edge of the page."""
    assert '<span class="word">2026-11-11</span> (overdue)' in page(seeded, ReportKind.FINDINGS)
