"""A host as an import found it, and the one gate through which every import passes.

The gate is the loader's own schema and rules, so that what is imported is what the loader accepts.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.errors import UsageError
from auditor.loading.callers import open_as_caller
from auditor.loading.document import Document, Place, Report
from auditor.loading.expected import expected
from auditor.loading.inventories import load_department
from auditor.loading.mistake import Mistake, in_order
from auditor.loading.schema import check_schema
from auditor.loading.secrets import find_secrets
from auditor.model import Json
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.reasons import reason_of

MAX_HOSTS = 20_000
# Not in a text that is quoted from the file, as far as it can be told.
_WAY = re.compile(r"(?<![\w.\"'])hosts\[\d+\](\.)?")
# Marks that spreadsheets in Arabic leave in cells; nobody sees or means them.
_MARKS = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class ImportedHost:
    """A host in an inventory's words; None and empty where the import says nothing. ``file`` and ``line`` tell its origin."""

    name: str
    address: str
    uid: str | None = None
    platform: str | None = None
    role: str | None = None
    zone: str | None = None
    criticality: str | None = None
    tags: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    public: bool | None = None
    connection: str | None = None
    user: str | None = None
    port: int | None = None
    key: str | None = None
    agent: bool | None = None
    sudo: bool | None = None
    jump: tuple[str, ...] = ()
    password_env: str | None = None
    ipv6: str | None = None
    file: str = ""
    line: int = 0

    def entry(self) -> dict[str, Json]:
        """What is known of it, as an inventory writes it."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v not in (None, ())}


FIELDS = tuple(f.name for f in dataclasses.fields(ImportedHost) if f.name not in ("file", "line"))


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave: whole hosts, the mistakes that kept others out, and notes on what was left out on purpose."""

    hosts: tuple[ImportedHost, ...]
    mistakes: tuple[Mistake, ...] = ()
    notes: tuple[Mistake, ...] = ()


@dataclass(slots=True)
class Row:
    """One host's values before they are judged, each with its line and column."""

    line: int
    column: int = 1
    values: dict[str, Json] = field(default_factory=dict)
    at: dict[str, tuple[int, int]] = field(default_factory=dict)

    def put(self, name: str, value: Json, line: int, column: int) -> None:
        """Set a value and remember where it stands."""
        self.values[name], self.at[name] = value, (line, column)


def read_bytes(path: Path, most: int) -> bytes:
    """A file's content. Raises UsageError when it cannot be read or is larger than any inventory would be."""
    try:
        with open_as_caller(path) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    if len(data) > most:
        message = _("{path} is larger than {most} MB, the most that is read; split it")
        raise UsageError(message.format(path=path, most=most // 1_000_000))
    return data


def clean(text: str) -> str:
    """Text without invisible marks and the spaces around it; no-break spaces become plain ones."""
    return _MARKS.sub("", text).replace("\u00a0", " ").strip()


def gather(file: str, rows: Iterable[Row], mistakes: Iterable[Mistake] = (), notes: Iterable[Mistake] = ()) -> Imported:
    """Judge the rows; a row with any mistake gives no host."""
    kept = list(rows)
    found = list(mistakes)
    if len(kept) > MAX_HOSTS:
        message = _("more than {most} hosts; split the file by department").format(most=MAX_HOSTS)
        found.append(Mistake(file, kept[MAX_HOSTS].line, 1, message))
        kept = kept[:MAX_HOSTS]
    document = _document(file, kept)
    schema = check_schema(document, "inventory")
    own = [*schema.mistakes, *find_secrets(document), *_characters(document, kept), *_repeated(document, kept)]
    report = Report()
    load_department(document, report, schema.unusable)
    own = [_told_of_row(mistake) for mistake in (*own, *report.mistakes)]
    # A mistake stands at a value of its row or at the row itself; several hosts of one line stand or fall together.
    wrong = {mistake.line for mistake in own}
    hosts = tuple(_host(file, row) for row in kept if not ({row.line, *(line for line, _ in row.at.values())} & wrong))
    return Imported(hosts, in_order(map(_printable, [*found, *own])), in_order(map(_printable, notes)))


def _printable(mistake: Mistake) -> Mistake:
    """What a file says is repeated in mistakes, and may have been written to steer the terminal that shows them."""
    return dataclasses.replace(mistake, message=safe(mistake.message))


def _told_of_row(mistake: Mistake) -> Mistake:
    """The loader names a value by its way through an inventory that the person has not seen; the line is enough."""
    told = _WAY.sub(lambda way: "" if way[1] else _("this host"), mistake.message)
    # the template's lists offer these two words
    told = told.replace(expected("true or false"), _("yes or no"))
    return dataclasses.replace(mistake, department=None, message=told)


def _document(file: str, rows: list[Row]) -> Document:
    """The rows as the inventory that they will become, every value at its own place."""
    places: dict[str | int, Place] = {}
    for index, row in enumerate(rows):
        inner: dict[str | int, Place] = {name: Place(*row.at[name]) for name in row.values}
        places[index] = Place(row.line, row.column, "", row.at, inner)
    # A host without a uid is given one when the inventory is written; until then any will do.
    hosts: list[Json] = [{"uid": f"row-{index}", **row.values} for index, row in enumerate(rows)]
    value: Json = {"department": "import", "title": {"en": "Import", "ar": "استيراد"}, "hosts": hosts}
    return Document(file, "", value, Place(1, 1, "", {}, {"hosts": Place(1, 1, "", {}, places)}), "import")


def _host(file: str, row: Row) -> ImportedHost:
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in row.values.items()}
    return ImportedHost(**values, file=file, line=row.line)


def _characters(document: Document, rows: list[Row]) -> list[Mistake]:
    """Characters that no terminal should be sent; the loader refuses them as well."""
    found = []
    for index, row in enumerate(rows):
        for name, value in row.values.items():
            texts = value if isinstance(value, list) else [value]
            bad = next((c for text in texts if isinstance(text, str) for c in text if not c.isprintable()), None)
            if bad is not None:
                message = _("{name} holds the invisible character {character}; type the value anew")
                told = message.format(name=name, character=f"U+{ord(bad):04X}")
                found.append(document.mistake(("hosts", index, name), told))
    return found


def _repeated(document: Document, rows: list[Row]) -> list[Mistake]:
    """Two rows that would be one asset: nobody could tell whose findings are whose."""
    found = []
    seen: dict[tuple[str, object], int] = {}
    for index, row in enumerate(rows):
        for name, identity in _identities(row.values):
            if (name, identity) in seen:
                message = _("this {name} stands in line {line} already; keep one")
                told = message.format(name=name, line=seen[name, identity])
                found.append(document.mistake(("hosts", index, name), told))
            seen.setdefault((name, identity), row.line)
    return found


def _identities(values: Mapping[str, Json]) -> Iterable[tuple[str, object]]:
    uid, name, address = (str(values.get(key) or "").casefold() for key in ("uid", "name", "address"))
    if uid:
        yield "uid", uid
    if name:
        yield "name", name
    if address:
        yield "address", (address, str(values.get("port")))
    if values.get("ipv6"):
        yield "ipv6", _one_spelling(str(values["ipv6"]))


def _one_spelling(address: str) -> str:
    try:
        return ipaddress.ip_address(address).compressed
    except ValueError:
        return address.casefold()
