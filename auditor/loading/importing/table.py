"""Rows of cells with a heading, in either language, as hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from auditor.loading.importing.host import Imported, Row, clean, gather
from auditor.loading.mistake import Mistake, did_you_mean
from auditor.model import Json
from auditor.text import _

COLUMNS: dict[str, str] = {
    "name": "الاسم",
    "address": "العنوان",
    "ipv6": "عنوان IPv6",
    "role": "الدور",
    "zone": "المنطقة",
    "criticality": "الأهمية",
    "tags": "الوسوم",
    "ports": "المنافذ المصرح بها",
    "public": "عنوان عام",
    "platform": "المنصة",
    "connection": "طريقة الاتصال",
    "user": "المستخدم",
    "port": "منفذ SSH",
    "key": "مسار المفتاح",
    "sudo": "استخدام sudo",
    "jump": "المضيفات الوسيطة",
    "password_env": "متغير كلمة المرور",
    "uid": "المعرف الثابت",
}
"""The columns in the template's order, with their Arabic headings."""

CHOICES: dict[str, dict[str, str]] = {
    "criticality": {"high": "عالية", "medium": "متوسطة", "low": "منخفضة"},
    "connection": {"ssh": "ssh", "local": "local", "none": "بدون"},
    "platform": {"linux": "linux", "windows": "windows", "network": "جهاز شبكة", "other": "أخرى"},
    "public": {"yes": "نعم", "no": "لا"},
    "sudo": {"yes": "نعم", "no": "لا"},
}
"""What may be chosen in a column, as written in English and in Arabic."""

_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "true", "1", "نعم"), True),
    **dict.fromkeys(("no", "n", "false", "0", "لا"), False),
}
_UNKNOWN = ""
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_SEPARATORS = re.compile(r"[,;،؛\n]+")
_ALIASES = {
    "hostname": "name",
    "host": "name",
    "ip": "address",
    "ip address": "address",
    "عنوان ip": "address",
    "declared ports": "ports",
}

Line = tuple[int, Sequence[str]]
"""A row's number, counted from 1, and the text of its cells."""


def hosts_of(file: str, lines: Iterable[Line], mistakes: Iterable[Mistake] = ()) -> Imported:
    """The hosts in a table whose first filled row names the columns. Rows that begin with ``#`` are remarks."""
    found = list(mistakes)
    columns: dict[int, str] | None = None
    rows: list[Row] = []
    for number, cells in lines:
        texts = [clean(cell) for cell in cells]
        filled = [text for text in texts if text]
        if not filled or filled[0].startswith("#"):
            continue
        if columns is None:
            columns = _heading(file, number, texts, found)
            continue
        rows.append(_row(file, number, texts, columns, found))
    if columns is None and not found:
        message = _("the table is empty; its first row must name the columns, such as name and address")
        found.append(Mistake(file, 1, 1, message))
    broken = {mistake.line for mistake in found}
    # Rows with a broken cell are judged with the others, so that a person hears of all mistakes at once.
    judged = gather(file, rows, found)
    return replace(judged, hosts=tuple(host for host in judged.hosts if host.line not in broken))


def _heading(file: str, line: int, texts: list[str], found: list[Mistake]) -> dict[int, str]:
    columns: dict[int, str] = {}
    known = {name: name for name in COLUMNS} | {arabic.lower(): name for name, arabic in COLUMNS.items()} | _ALIASES
    for index, text in enumerate(texts):
        if not text:
            continue
        parts = [" ".join(part.split()).lower() for part in re.split(r"\s/\s|\n", text)]
        name = next((known[part] for part in parts if part in known), None)
        if name is None:
            hint = did_you_mean(parts[0], known) or _("; known are {names}").format(names=", ".join(COLUMNS))
            message = _("unknown column {name!r}{hint}").format(name=text[:60], hint=hint)
            found.append(Mistake(file, line, index + 1, message))
            columns[index] = _UNKNOWN
        elif name in columns.values():
            message = _("the column {name} stands twice; keep one").format(name=name)
            found.append(Mistake(file, line, index + 1, message))
        else:
            columns[index] = name
    if not {"name", "address", _UNKNOWN} & set(columns.values()):
        message = _("the first row names neither the column name nor the column address; see the template")
        found.append(Mistake(file, line, 1, message))
    return columns


def _row(file: str, line: int, texts: list[str], columns: dict[int, str], found: list[Mistake]) -> Row:
    row = Row(line)
    told = {mistake.column for mistake in found if mistake.line == line}
    for index, text in enumerate(texts):
        if not text or columns.get(index) == _UNKNOWN or index + 1 in told:
            continue
        if index not in columns:
            message = _("this cell stands under no heading; name its column or empty it")
            found.append(Mistake(file, line, index + 1, message))
        elif text.startswith("="):
            message = _("this cell holds a formula; write the value itself")
            found.append(Mistake(file, line, index + 1, message))
        else:
            row.put(columns[index], _value(columns[index], text), line, index + 1)
    _complete(file, row, columns, found)
    return row


def _complete(file: str, row: Row, columns: dict[int, str], found: list[Mistake]) -> None:
    """A list may know its hosts by name or by address alone; in one that has both columns, both are to be filled in."""
    told = {mistake.column for mistake in found if mistake.line == row.line}
    for name, other in (("name", "address"), ("address", "name")):
        if name in row.values:
            continue
        at = next((index + 1 for index, known in columns.items() if known == name), None)
        if at is None and other in row.values:
            row.put(name, row.values[other], *row.at[other])
        elif at is not None:
            if at not in told:
                message = _("this cell is empty; every host needs its {name}")
                found.append(Mistake(file, row.line, at, message.format(name=name)))
            row.put(name, f"row-{row.line}.invalid", row.line, at)  # stands in, for the rest of the row to be judged


def _value(name: str, text: str) -> Json:
    """A cell as its field takes it; what it does not understand stays text, for the schema to refuse by name."""
    lower = text.lower()
    if name in ("public", "sudo"):
        return _BOOLEANS.get(lower, text)
    if name == "port":
        digits = text.translate(_DIGITS)
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 9 else text
    if name in ("address", "ipv6"):
        return text.translate(_DIGITS)
    if name in ("tags", "jump"):
        return list(_items(text))
    if name == "ports":
        return [
            f"{port}/tcp" if port.isdecimal() else port.lower() for port in _items(re.sub(r"\s+", ",", text.translate(_DIGITS)))
        ]
    if name in CHOICES:
        return next((value for value, arabic in CHOICES[name].items() if lower in (value, arabic)), text)
    return text


def _items(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in _SEPARATORS.split(text) if part.strip()))
