"""What every report says, in every format and language, as it was last read and found right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.workflow.reports import FORMATS

from .made import all_made, golden

FOLDER = Path(__file__).parents[1] / "golden" / "reports"


@pytest.mark.parametrize(("kind", "written", "tongue"), all_made(), ids=lambda value: value.value)
def test_a_report_says_what_it_said(seeded: Catalogue, kind: ReportKind, written: ReportFormat, tongue: Tongue) -> None:
    """Record anew with ``python -m tests.golden.record_reports`` and read what has changed."""
    path = FOLDER / f"{kind.value}.{tongue.value}.{written.value}.txt"
    assert path.read_text(encoding="utf-8") == golden(seeded, kind, written, tongue)


def test_no_golden_is_left_over() -> None:
    """A report that is no longer made leaves none behind."""
    expected = {f"{kind.value}.{tongue.value}.{written.value}.txt" for kind, written, tongue in all_made()}
    assert expected == {path.name for path in FOLDER.iterdir()}


def test_every_kind_has_every_format_for_people() -> None:
    """A new kind or format must be thought of in FORMATS."""
    assert set(FORMATS) == set(ReportKind)
    assert {f for formats in FORMATS.values() for f in formats} == set(ReportFormat)


def test_the_columns_of_a_table_fill_its_page_and_no_more() -> None:
    """Widths that are rounded one by one may add up to 101 hundredths, and the table stood out of the page."""
    for path in FOLDER.glob("*.html.txt"):
        for table in path.read_text(encoding="utf-8").split("<colgroup")[1:]:
            assert sum(map(int, re.findall(r"<col class=w-(\d+)", table.partition("<thead")[0]))) == 100, path.name
