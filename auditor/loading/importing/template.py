"""The empty table that a department fills in, as CSV or as a workbook that offers what may be chosen."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading.importing.table import CHOICES, COLUMNS
from auditor.model import Language
from auditor.text import _
from auditor.text.reasons import reason_of

_EXAMPLE = {
    "name": "# web-01",
    "address": "192.0.2.10",
    "ipv6": "2001:db8::10",
    "role": "web",
    "zone": "dmz",
    "criticality": "high",
    "tags": "portal",
    "ports": "22/tcp, 443/tcp",
    "public": "no",
    "platform": "linux",
    "connection": "ssh",
    "user": "auditor",
    "port": "22",
    "key": "~/.ssh/id_ed25519",
    "sudo": "yes",
}
_REMARK = {
    "en": "# Rows that begin with # are not imported. Fill in name and address at least. Never write a password here.",
    "ar": "# لا تُستورد الصفوف التي تبدأ بالعلامة #. يلزم ملء الاسم والعنوان على الأقل. لا تُكتب كلمة مرور هنا أبدًا.",
}
_ROWS = 2_000


def write_template(path: Path, format: str, language: Language) -> None:
    """Write the template, ``csv`` or ``xlsx``. Raises UsageError rather than write over a file."""
    data = {"csv": _csv, "xlsx": _xlsx}[format](language)
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        message = _("{path} exists already; name another file, or move it away")
        raise UsageError(message.format(path=path)) from error
    except OSError as error:
        message = _("{path} cannot be written: {reason}")
        raise UsageError(message.format(path=path, reason=reason_of(error))) from error


def _heading(language: Language) -> list[str]:
    return [f"{arabic} / {name}" if language == "ar" else f"{name} / {arabic}" for name, arabic in COLUMNS.items()]


def _choice(column: str, value: str, language: Language) -> str:
    return CHOICES.get(column, {}).get(value, value) if language == "ar" else value


def _example(language: Language) -> list[str]:
    return [_choice(column, _EXAMPLE.get(column, ""), language) for column in COLUMNS]


def _csv(language: Language) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([_heading(language), _example(language), [_REMARK[language]]])
    return buffer.getvalue().encode("utf-8-sig")  # the mark tells spreadsheets that it is UTF-8


def _xlsx(language: Language) -> bytes:
    # Imported here because it costs more than the rest of a short command.
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "الأصول" if language == "ar" else "Hosts"
    sheet.sheet_view.rightToLeft = language == "ar"
    for row in (_heading(language), _example(language), [_REMARK[language]]):
        sheet.append(row)
    sheet.freeze_panes = "B2"
    for index, column in enumerate(COLUMNS, start=1):
        letter = get_column_letter(index)
        heading = sheet.cell(1, index)
        heading.font, heading.fill = Font(bold=True), PatternFill("solid", fgColor="DDE7F0")
        heading.alignment = Alignment(wrap_text=True, vertical="center")
        sheet.column_dimensions[letter].width = 22
        for number in range(2, 200):
            sheet.cell(number, index).number_format = "@"  # text: a spreadsheet must not make a date of 10-1 or cut 22.10
        if column in CHOICES:
            chosen = ",".join(_choice(column, value, language) for value in CHOICES[column])
            rule = DataValidation(type="list", formula1=f'"{chosen}"', allow_blank=True)
            sheet.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{_ROWS}")
    sheet.cell(2, 1).font = sheet.cell(3, 1).font = Font(italic=True, color="777777")
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
