"""The filled form of attestations: an answer is kept as it was meant, or its place is named."""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook

from auditor.loading.forms import COLUMNS, read_form

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
        "form.yaml:5:1: control: the control A.5.1 stands twice; keep one"
    ]
