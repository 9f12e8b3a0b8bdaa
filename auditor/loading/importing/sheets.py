"""CSV and XLSX files as tables, within bounds: a spreadsheet is a zip of XML that anybody may have sent."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from auditor.loading.importing.host import MAX_HOSTS, Imported, read_bytes
from auditor.loading.importing.table import Line, hosts_of
from auditor.loading.mistake import Mistake
from auditor.text import _

MAX_BYTES = 10_000_000
_MAX_UNPACKED = 50_000_000
_MAX_PARTS = 500
_MAX_COLUMNS = 64
_MAX_ROWS = MAX_HOSTS + 1_000
_DECLARATIONS = re.compile(rb"<!(DOCTYPE|ENTITY)|<\x00!\x00(D\x00O|E\x00N)|\x00<\x00!\x00(D|E)")


def read_csv(path: Path) -> Imported:
    """The hosts of a CSV file: UTF-8, or the UTF-16 that spreadsheets call Unicode text; commas, semicolons or tabs."""
    return parse_csv(read_bytes(path, MAX_BYTES), str(path))


def read_xlsx(path: Path) -> Imported:
    """The hosts of the first sheet of an XLSX workbook. Formulas are refused, not computed."""
    return parse_xlsx(read_bytes(path, MAX_BYTES), str(path))


def parse_csv(data: bytes, file: str) -> Imported:
    """As ``read_csv``, of bytes."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Imported((), (Mistake(file, line, 1, _("the file is not UTF-8 here; save it as «CSV UTF-8»")),))
    heading = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    mistakes: list[Mistake] = []
    return hosts_of(file, list(_csv_lines(text, delimiter, file, mistakes)), mistakes)


def _csv_lines(text: str, delimiter: str, file: str, mistakes: list[Mistake]) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = _("this line is not CSV: {problem}; the lines after it were not read").format(problem=error)
            mistakes.append(Mistake(file, line, 1, message))
            return
        yield line, cells


def parse_xlsx(data: bytes, file: str) -> Imported:
    """As ``read_xlsx``, of bytes."""
    mistakes: list[Mistake] = []
    lines = xlsx_lines(data, file, mistakes)
    return Imported((), tuple(mistakes)) if lines is None else hosts_of(file, lines, mistakes)


def xlsx_lines(data: bytes, file: str, mistakes: list[Mistake], *, dates: bool = False) -> list[Line] | None:
    """The first sheet's rows as texts; None, with the reason among the mistakes, for a file that is not fit to be opened.

    ``dates``: cells that a spreadsheet took for dates are read as such (YYYY-MM-DD); without it they are mistakes.
    """
    problem = _hostile(data)
    if problem:
        mistakes.append(Mistake(file, 1, 1, problem))
        return None
    try:
        return _sheet(data, file, mistakes, dates)
    except Exception as error:  # openpyxl documents no set of errors; whatever it trips over is the file's fault
        message = _("this is not a sound XLSX workbook ({kind}); save it anew").format(kind=type(error).__name__)
        mistakes.append(Mistake(file, 1, 1, message))
        return None


def _hostile(data: bytes) -> str:
    """What makes the archive unfit to be opened, or ""."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED:
                message = _("the workbook unpacks to more than {most} MB or {parts} parts; it is not opened")
                return message.format(most=_MAX_UNPACKED // 1_000_000, parts=_MAX_PARTS)
            for part in parts:
                # ZipFile stops at the size it checked above, so that a part which lies about it is found out, not unpacked.
                if part.filename.endswith((".xml", ".rels")) and _DECLARATIONS.search(archive.read(part)):
                    return _("the workbook's XML declares entities, which no spreadsheet needs; it is not opened")
    except Exception as error:  # zipfile lets zlib, struct and codec errors through
        return _("this is not an XLSX workbook ({kind}); save it as .xlsx").format(kind=type(error).__name__)
    return ""


def _sheet(data: bytes, file: str, mistakes: list[Mistake], dates: bool) -> list[Line]:
    # Imported here because it costs more than the rest of a short command.
    from openpyxl import load_workbook

    lines: list[Line] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on styles and extensions that play no part here
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        try:
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()
            for number, cells in enumerate(sheet.iter_rows(max_row=_MAX_ROWS, max_col=_MAX_COLUMNS), start=1):
                texts = [_text(cell.value) for cell in cells]
                for column, cell in enumerate(cells, start=1):
                    if dates and isinstance(cell.value, datetime | date):
                        texts[column - 1] = cell.value.strftime("%Y-%m-%d")
                    elif isinstance(cell.value, datetime | date | time | timedelta):
                        message = _(
                            "the spreadsheet took this cell for a date; format its column as text and type the value anew"
                        )
                        mistakes.append(Mistake(file, number, column, message))
                lines.append((number, texts))
        finally:
            book.close()
    return lines


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else f"={value}" if type(value).__name__.endswith("Formula") else str(value)
