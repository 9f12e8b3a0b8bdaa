"""What the sheets of a workbook are called."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.reporting.tongues import flat

from .made import report

_MARKS = dict.fromkeys((0x200E, 0x200F, 0x2068, 0x2069))


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
@pytest.mark.parametrize("kind", [ReportKind.SCORECARD, ReportKind.ANNEX, ReportKind.PLAN], ids=lambda kind: kind.value)
def test_names_of_sheets_end_with_a_word(seeded: Catalogue, kind: ReportKind, tongue: Tongue) -> None:
    """Regression: a spreadsheet takes 31 characters, and names were cut within a word ("Controls by theme and lev")."""
    made = report(seeded, kind, ReportFormat.XLSX, tongue)
    whole = " ".join(flat(table.title, " ").translate(_MARKS) for table in made.document.tables())
    names = openpyxl.load_workbook(io.BytesIO(made.content)).sheetnames[:-1]
    assert max(map(len, names)) <= 31
    assert {word for name in names for word in re.findall(r"[^\W\d]+", name)} <= set(re.findall(r"[^\W\d]+", whole))
