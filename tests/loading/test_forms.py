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
        "form.yaml:5:15: control: the control A.5.1 stands twice; keep one"
    ]


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
