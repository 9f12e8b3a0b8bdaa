"""The empty table that a department fills in, as CSV or as a workbook that offers what may be chosen."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from auditor.errors import UsageError
from auditor.loading.importing.table import CHOICES, COLUMNS
from auditor.loading.workbooks import Blank
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
_ROWS, _TEXTS = 2_000, 199


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
    from openpyxl.styles import Alignment, Font

    title, rows = "الأصول" if language == "ar" else "Hosts", (_heading(language), _example(language), [_REMARK[language]])
    blank = Blank(title, rows, [22] * len(COLUMNS), heading=1, language=language)
    for heading in blank.sheet[1]:
        heading.alignment = Alignment(wrap_text=True, vertical="center")
    blank.keep_texts(_TEXTS)
    for place, column in enumerate(COLUMNS):
        if column in CHOICES:
            blank.offer(place, (_choice(column, value, language) for value in CHOICES[column]), _ROWS)
    blank.sheet["A2"].font = blank.sheet["A3"].font = Font(italic=True, color="777777")
    return blank.content()
