"""What is told of one thing: names and values, one below the other."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.cli.base import App
from auditor.reporting.tabular import Column, Table
from auditor.text import _


class Code(str):
    """A value that is to be copied into a shell: its lines are not wrapped, nor put in a column."""

    __slots__ = ()


def show_pairs(app: App, pairs: Iterable[tuple[str, str]], output: str) -> None:
    """A table of names and values; those without a value are left out."""
    columns = [Column(_("Field"), lambda r: r["name"], style="bold"), Column(_("Value"), lambda r: r["value"], wide=True)]
    rows = [{"name": name, "value": value} for name, value in pairs if value]
    start = 0
    for end, row in enumerate(rows if output == "table" else ()):
        if isinstance(row["value"], Code):
            if start < end:
                app.emit(Table(columns, rows[start:end]), output)
            app.say(row["name"], "bold")
            app.terminal.code(row["value"])
            start = end + 1
    if start < len(rows) or not rows:
        app.emit(Table(columns, rows[start:]), output)
