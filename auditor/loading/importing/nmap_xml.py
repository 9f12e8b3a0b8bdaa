"""The XML that ``nmap -oX`` writes: the hosts it found up become hosts of an inventory."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from auditor.loading.importing.host import MAX_HOSTS, Imported, Row, gather, read_bytes
from auditor.loading.mistake import Mistake
from auditor.model import Json
from auditor.text import _

MAX_BYTES = 50_000_000


class _RefusedError(Exception):
    """The file holds what nmap never writes."""


def read_nmap_xml(path: Path, *, ports: bool = False, public: bool = False) -> Imported:
    """The hosts that were up; ``public`` says that public addresses are meant.

    With ``ports``, those found open are declared as meant to be open: look them over first.
    """
    return parse_nmap_xml(read_bytes(path, MAX_BYTES), str(path), ports=ports, public=public)


def parse_nmap_xml(data: bytes, file: str, *, ports: bool = False, public: bool = False) -> Imported:
    """As ``read_nmap_xml``, of bytes."""
    scan = _Scan(ports, public)
    mistakes = []
    try:
        scan.parser.Parse(data, True)
    except expat.ExpatError as error:
        message = _("this is not sound XML: {problem}; was the scan ended before its time?")
        told = message.format(problem=expat.ErrorString(error.code))
        mistakes.append(Mistake(file, error.lineno, error.offset + 1, told))
    except _RefusedError as error:
        mistakes.append(Mistake(file, scan.parser.CurrentLineNumber, scan.parser.CurrentColumnNumber + 1, str(error)))
    except (ValueError, LookupError, RecursionError) as error:
        message = _("this XML cannot be read ({kind}); expected UTF-8, as nmap writes it")
        mistakes.append(Mistake(file, 1, 1, message.format(kind=type(error).__name__)))
    else:
        if not scan.is_nmap:
            mistakes.append(Mistake(file, 1, 1, _("this is not nmap's output; expected the file that nmap -oX wrote")))
    return gather(file, scan.rows, mistakes)


class _Scan:
    """Takes in elements as the parser meets them, so that a large scan is never held as a tree."""

    def __init__(self, ports: bool, public: bool) -> None:
        self.rows: list[Row] = []
        self.is_nmap = False
        self._ports, self._public = ports, public
        self._row: Row | None = None
        self._up = False
        self._open: list[Json] = []
        self._port = ""
        self.parser = expat.ParserCreate()
        # Refused where it is declared, so that none is ever expanded.
        self.parser.EntityDeclHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def _entity(self, *_declared: object) -> None:
        raise _RefusedError(_("the file declares an entity, which nmap never does; it is not read any further"))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        if tag == "nmaprun":
            self.is_nmap = True
        elif tag == "host" and self.is_nmap:
            self._row, self._up, self._open = Row(line, column), False, []
        elif self._row is None:
            return
        elif tag == "status":
            self._up = attributes.get("state") == "up"
        elif tag == "address" and attributes.get("addrtype") in ("ipv4", "ipv6") and "address" not in self._row.values:
            self._row.put("address", attributes.get("addr", ""), line, column)
        elif tag == "address" and attributes.get("addrtype") == "ipv6" and attributes.get("addr") != self._row.values["address"]:
            self._row.put("ipv6", attributes.get("addr", ""), line, column)
        elif tag == "hostname" and ("name" not in self._row.values or attributes.get("type") == "user"):
            self._row.put("name", attributes.get("name", ""), line, column)
        elif tag == "port":
            self._port = f"{attributes.get('portid')}/{attributes.get('protocol')}"
        elif tag == "state" and attributes.get("state") == "open" and self._port not in self._open:
            self._open.append(self._port)

    def _end(self, tag: str) -> None:
        if tag != "host" or self._row is None:
            return
        row, self._row = self._row, None
        if not self._up or not row.values:
            return
        if len(self.rows) > MAX_HOSTS:
            raise _RefusedError(_("more than {most} hosts are up; split the scan by department").format(most=MAX_HOSTS))
        if "address" in row.values:
            row.values.setdefault("name", row.values["address"])
            row.at.setdefault("name", row.at["address"])
        if self._ports and self._open:
            row.put("ports", self._open, row.line, row.column)
        if self._public:
            row.put("public", True, row.line, row.column)
        self.rows.append(row)
