"""What a hostile host put into a finding cannot act in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.reporting.tabular import Column, Table, as_csv, as_json, field, neutral

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "|x",
    "%x",
    " =1",
    "\u200f=1",
    "\u202e=1",
    "\x1b[31m=1",
]


def cells(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_formulas_are_neutralised(text: str):
    """Each subject that a spreadsheet would run begins with an apostrophe or with what made it harmless."""
    table = Table([Column("Subject", field("subject"))], [{"subject": text}])
    shown = cells(as_csv(table))[1][0]
    assert not shown.lstrip("\u200e\u200f ").startswith(("=", "+", "-", "@", "|", "%"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@given(st.text())
def test_no_text_becomes_a_formula_or_a_control(text: str):
    """Whatever comes, and even by a column that forgot to make it safe."""
    shown = neutral(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not any(ord(c) < 32 and c != "\n" for c in shown)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=4))
def test_every_row_stays_one_row(values: list[str]):
    """Quotes, commas and line breaks of a value do not make columns or rows."""
    columns = [Column(str(i), field(str(i))) for i in range(len(values))]
    read = cells(as_csv(Table(columns, [{str(i): v for i, v in enumerate(values)}])))
    assert [len(values)] * 2 == [len(row) for row in read]


def test_json_keeps_values_as_they_are():
    """Programs get what was observed, as JSON escapes it; Arabic stays readable."""
    value = [{"subject": HOSTILE[0], "title": "ملاحظة", "esc": "\x1b[31m"}]
    text = as_json(value)
    assert json.loads(text) == value
    assert "ملاحظة" in text
    assert "\x1b" not in text
