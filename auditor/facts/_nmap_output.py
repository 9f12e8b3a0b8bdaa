"""Reads nmap's XML, which quotes what hostile hosts said, and the slices of it that network facts parse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from auditor.errors import ParseError
from auditor.model import Json

# Banners reach the XML as text: what steers a terminal, reorders a line or cannot be encoded must not travel further.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_CHARACTER_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_DEEPEST = 40
_UNTOLD = frozenset({"ssl", "tcpwrapped", "unknown"})  # what nmap calls a service that told nothing of itself
_TLS = frozenset({"https", "ssl"})


def clean(text: str) -> str:
    """The text with each unsafe character, also one written as a character reference, replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", _CHARACTER_REFERENCE.sub(_reference, text))


def read(text: str, top: str) -> tuple[list[Element], bool]:
    """The whole elements directly under the root ``top``, and whether the document itself is whole.

    A document that ends early gives the elements that came before. Raises ParseError on entity declarations, on another
    root, and on nesting that no nmap writes.
    """
    reader = _Reader(top)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(clean(text).encode(), True)
    except expat.ExpatError:
        return reader.elements, False
    return reader.elements, True


def slice_of(output: str, top: str) -> list[Element]:
    """The elements under the root of a whole slice. Raises ParseError."""
    elements, whole = read(output, top)
    if not whole:
        raise ParseError(f"the output of nmap is not one whole <{top}> element")
    return elements


def open_ports(output: str) -> Iterator[Element]:
    """Each open port of a host's slice. Raises ParseError when the slice does not say that the host answered."""
    elements = slice_of(output, "host")
    if not any(e.tag == "status" and e.get("state") == "up" for e in elements):
        raise ParseError("the slice does not say that the host answered")
    for element in elements:
        for port in element.iter("port"):
            state = port.find("state")
            if state is not None and state.get("state") == "open":
                yield port


def closed_ports(output: str) -> list[Json]:
    """The ports of a host's slice that refused a connection; of one that is neither open nor among them nothing is known."""
    written = ",".join(e.get("closed", "") for e in slice_of(output, "host") if e.tag == "ports")
    closed: list[Json] = []
    for part in filter(None, written.split(",")):
        first, _, last = part.partition("-")
        closed += [{"port": port, "protocol": "tcp"} for port in range(int(first), int(last or first) + 1)]
    return closed


def as_items(ports: Iterable[Element]) -> list[Json]:
    """The ports as ``proven`` names them."""
    return [{"port": number(port), "protocol": protocol(port)} for port in ports]


def number(port: Element) -> int:
    """The port's number. Raises ParseError."""
    text = port.get("portid", "")
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ParseError(f"{text[:20]!r} is no port")
    return int(text)


def protocol(port: Element) -> str:
    """``tcp`` or what else nmap names. Raises ParseError when it names none."""
    name = port.get("protocol", "")
    if name not in ("tcp", "udp", "sctp"):
        raise ParseError(f"{name[:20]!r} is no protocol")
    return name


def identified(service: Element | None) -> bool:
    """Whether a service said something that tells what it is; a name from the table of ports is only a guess."""
    return service is not None and service.get("method") == "probed" and service.get("name") not in _UNTOLD


def in_tls(service: Element | None) -> bool:
    """Whether nmap found TLS from the first byte, also where it could not tell what is inside."""
    if service is None:
        return False
    return service.get("tunnel") == "ssl" or (service.get("method") == "probed" and service.get("name") in _TLS)


def script(port: Element, name: str) -> Element | None:
    """What the NSE script of that name said of the port, or None."""
    return next((s for s in port.iter("script") if s.get("id") == name), None)


def table(parent: Element | None, key: str) -> Element | None:
    """The table of that key directly under ``parent``, or None."""
    if parent is None:
        return None
    return next((t for t in parent if t.tag == "table" and t.get("key") == key), None)


def elem(parent: Element | None, key: str) -> str:
    """The text of the element of that key directly under ``parent``, "" when there is none."""
    if parent is None:
        return ""
    return next((e.text or "" for e in parent if e.tag == "elem" and e.get("key") == key), "")


def texts(parent: Element | None) -> list[Json]:
    """The texts of a list's elements."""
    return [] if parent is None else [e.text or "" for e in parent if e.tag == "elem"]


class _Reader:
    """Builds the elements under the root one by one, so that those before a break are kept."""

    def __init__(self, top: str) -> None:
        self.elements: list[Element] = []
        self._top = top
        self._depth = 0
        self._builder = TreeBuilder()
        self._shared: dict[
            str, str
        ] = {}  # what elements say, by itself: each of a department's hosts lists the same thousand ports

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._depth == 0 and tag != self._top:
            raise ParseError(f"expected <{self._top}>, got <{tag[:40]}>")
        if self._depth > _DEEPEST:
            raise ParseError("the XML nests too deeply")
        if self._depth == 1:
            self._builder = TreeBuilder()
        if self._depth >= 1:
            self._builder.start(tag, {name: self._shared.setdefault(told, told) for name, told in attributes.items()})
        self._depth += 1

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._depth >= 1:
            self._builder.end(tag)
        if self._depth == 1:
            self.elements.append(self._builder.close())

    def data(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)


def _refuse_entities(*_declaration: object) -> None:
    raise ParseError("the XML declares entities, which nmap never does")


def _reference(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    legal = code in (9, 10, 13) or 32 <= code <= 0x10FFFF
    return match[0] if legal and not _UNSAFE.match(chr(code)) else "\ufffd"
