"""The filled form of attestations: an answer is kept as it was meant, or its place is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from auditor.loading import load_workspace, stock_root
from auditor.loading.forms import COLUMNS, Question, read_form, write_form
from auditor.loading.importing.template import write_template
from auditor.model import Language

ROWS = (
    ("A.5.1", "implemented", "signed", "2027-01-01"),
    ("A.5.2", "partly", "half done", "2027-01-01"),
    ("A.5.1 ", "not_implemented", "not yet", "2027-01-01"),
)


def test_a_control_answered_twice_is_a_mistake_in_xlsx(tmp_path: Path) -> None:
    """Regression: the last answer was kept in silence, though nobody can tell which of the two is meant."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Department", "health"])
    sheet.append([english for english, _arabic in COLUMNS.values()])
    for control, answer, justification, review in (*ROWS, ("A.5.1", "", "", "")):
        sheet.append([control, "", "", "", answer, justification, review])
    book.save(tmp_path / "form.xlsx")
    department, _filled, mistakes = read_form(tmp_path / "form.xlsx")

    assert department == "health"
    assert [str(mistake) for mistake in mistakes] == ["form.xlsx:5:1: A5: the control A.5.1 stands twice; keep one"]


def test_a_control_answered_twice_is_a_mistake_in_yaml(tmp_path: Path) -> None:
    """Regression: as in XLSX."""
    answers = "".join(
        f'  - {{control: "{control}", answer: {answer}, justification: {why}, review: "{review}"}}\n'
        for control, answer, why, review in ROWS
    )
    (tmp_path / "form.yaml").write_text(f"department: health\nanswers:\n{answers}")
    assert [str(mistake) for mistake in read_form(tmp_path / "form.yaml")[2]] == [
        "form.yaml:5:15: control: the control A.5.1 stands twice; keep one"
    ]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_form_that_asks_nothing_is_a_form(tmp_path: Path, language: Language) -> None:
    """Regression: where a policy leaves nothing to be attested, the form ended with an internal error (ValueError)."""
    write_form(tmp_path / "form.xlsx", "health", (), language)
    assert read_form(tmp_path / "form.xlsx") == ("health", (), ())


@pytest.mark.parametrize("language", ["ar", "en"])
def test_both_blanks_are_laid_out_alike(tmp_path: Path, language: Language) -> None:
    """From the right in Arabic, the coloured heading in sight, every cell below it a text, and choices to be picked."""
    catalogue = load_workspace(stock_root()).catalogue
    assert catalogue is not None
    control = next(c for c in catalogue.framework.controls if c.attestation)
    write_form(tmp_path / "form.xlsx", "health", (Question(control),), language)
    write_template(tmp_path / "hosts.xlsx", "xlsx", language)
    for name, heading, offered in (("form.xlsx", 2, "E3"), ("hosts.xlsx", 1, "F2:F2000")):
        sheet = load_workbook(tmp_path / name).worksheets[0]
        assert (bool(sheet.sheet_view.rightToLeft), sheet.freeze_panes) == (language == "ar", f"B{heading + 1}")
        assert {cell.fill.fgColor.rgb for cell in sheet[heading]} == {"00DDE7F0"}
        assert {cell.number_format for cell in sheet[heading + 1]} == {"@"}
        assert offered in {str(rule.sqref) for rule in sheet.data_validations.dataValidation}


FORM = """\
# answer: one of ...
department: health
answers:
- control: A.5.1
  title: Policies
  question: Is there a policy?
  examples: ""
  answer: implemente
  justification: signed
  review: 2027-13-01
  files:
  - a.txt
  - sub/b.txt
- control: A.5.2
  answer: partly
  justification: =half done
- A.5.3
"""


def test_a_mistake_in_yaml_is_at_its_own_line(tmp_path: Path) -> None:
    """Regression: every mistake was at the first line of its item, in the column of a spreadsheet, which no line of YAML had."""
    (tmp_path / "form.yaml").write_text(FORM)
    _department, filled, mistakes = read_form(tmp_path / "form.yaml")
    assert [given.line for given in filled] == [4, 14]
    places = {(m.line, m.column): m.message.partition(":")[0] for m in mistakes}
    assert places == {
        (17, 3): "expected an answer with control, answer, justification and review",
        (8, 11): "answer",
        (10, 11): "review",
        (12, 3): "files",
        (14, 3): "review",  # missing: where its item stands
        (16, 18): "justification",
    }
    lines = FORM.split("\n")
    assert all(1 <= column <= len(lines[line - 1]) for line, column in places)
