"""Workbooks that people fill in: a coloured heading that stays in sight, cells that remain texts, and what may be chosen."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from auditor.model import Language


class Blank:
    """A workbook of one sheet; ``heading`` is the number of the row below which it is filled in."""

    def __init__(self, title: str, rows: Iterable[list[str]], widths: Sequence[int], *, heading: int, language: Language) -> None:
        # Imported here because it costs more than the rest of a short command.
        from openpyxl import Workbook
        from openpyxl.styles import Font, PatternFill
        from openpyxl.utils import get_column_letter

        self._book = Workbook()
        self._first = heading + 1
        self.sheet: Any = self._book.worksheets[0]
        self.sheet.title = title
        self.sheet.sheet_view.rightToLeft = language == "ar"
        for row in rows:
            self.sheet.append(row)
        self.sheet.freeze_panes = f"B{self._first}"
        self._letters = [get_column_letter(index) for index in range(1, len(widths) + 1)]
        for letter, width in zip(self._letters, widths, strict=True):
            cell = self.sheet[f"{letter}{heading}"]
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE7F0")
            self.sheet.column_dimensions[letter].width = width

    def keep_texts(self, last: int) -> list[Any]:
        """Keep the cells below the heading, down to a row, texts: a spreadsheet must not make a date of 10-1 or cut 22.10."""
        rows = self.sheet.iter_rows(min_row=self._first, max_row=last, max_col=len(self._letters))
        cells = [cell for row in rows for cell in row]
        for cell in cells:
            cell.number_format = "@"
        return cells

    def offer(self, column: int, choices: Iterable[str], last: int) -> None:
        """Offer what may be chosen in a column, counted from 0, down to a row."""
        from openpyxl.worksheet.datavalidation import DataValidation

        if last < self._first:  # nothing is asked
            return
        rule = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True)
        self.sheet.add_data_validation(rule)
        rule.add(f"{self._letters[column]}{self._first}:{self._letters[column]}{last}")

    def content(self) -> bytes:
        """The file."""
        buffer = io.BytesIO()
        self._book.save(buffer)
        return buffer.getvalue()
