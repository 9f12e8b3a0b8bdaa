"""How people log on to a VNC server, and whether the screen and the keys then travel encrypted."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from auditor.errors import ParseError
from auditor.facts._nmap_output import as_items, closed_ports, identified, number, open_ports, script, table, texts
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_USUAL = frozenset({5900, 5901, 5902})
_NONE, _TIGHT, _TLS, _VENCRYPT = 1, 16, 18, 19
_BEHIND = {_VENCRYPT: "VeNCrypt auth subtypes", _TLS: "TLS auth subtypes", _TIGHT: "Tight auth subtypes"}
# Numbers from the RFB protocol's registry (RFC 6143 and IANA) and, from 256 on, VeNCrypt's subtypes.
_NAMES = {
    1: "None", 2: "VncAuth", 5: "RA2", 6: "RA2ne", 16: "Tight", 17: "Ultra", 18: "TLS", 19: "VeNCrypt", 20: "SASL",
    30: "Apple", 129: "RA2_256", 130: "RA2ne_256", 256: "Plain", 257: "TLSNone", 258: "TLSVnc", 259: "TLSPlain", 260: "X509None",
    261: "X509Vnc", 262: "X509Plain", 263: "TLSSASL", 264: "X509SASL",
}  # fmt: skip
_ENCRYPTED = frozenset({5, 129, *range(257, 265)})
_WITHOUT_LOGIN = frozenset({_NONE, 257, 260})


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: for each port that speaks VNC the ways to log on that it offers.

    ``types`` are their names in order, those behind VeNCrypt, TLS and Tight in place of these. ``encrypted`` and
    ``unencrypted``: at least one of them is; an unknown one is taken for unencrypted. ``no_login``: at least one asks for
    nothing; it is left out when what is behind TLS or Tight could not be read, so that no check passes on it. A VNC port whose
    types were not read: ParseError.
    """
    servers: list[Json] = []
    for port in open_ports(output):
        service = port.find("service")
        vnc = identified(service) and service is not None and service.get("name") == "vnc"
        said = script(port, "vnc-info")
        offered = _numbers(said, "Security types")
        if offered:
            servers.append({"port": number(port), **_ways(said, offered, number(port))})
        elif vnc or said is not None or (number(port) in _USUAL and not identified(service)):
            raise ParseError(f"port {number(port)} speaks VNC, or usually does, and did not tell how one logs on")
    return servers


def _ways(said: Element | None, offered: list[int], port: int) -> dict[str, Json]:
    names, encrypted, no_login, told = set[str](), set[bool](), False, True
    for way in offered:
        if way not in _BEHIND:
            names.add(_name(way))
            encrypted.add(way in _ENCRYPTED)
            no_login |= way in _WITHOUT_LOGIN
            continue
        behind = _numbers(said, _BEHIND[way])
        if not behind and way == _VENCRYPT:
            raise ParseError(f"port {port} speaks VNC over VeNCrypt and did not tell what is behind it")
        told &= bool(behind)
        names |= {_name(way)} if not behind else {f"{_name(way)} {_name(b)}" if way != _VENCRYPT else _name(b) for b in behind}
        encrypted |= {b in _ENCRYPTED for b in behind} if way == _VENCRYPT else {way == _TLS}
        no_login |= any(b in _WITHOUT_LOGIN for b in behind)
    value: dict[str, Json] = {"types": [*sorted(names)], "encrypted": True in encrypted, "unencrypted": False in encrypted}
    if told or no_login:
        value["no_login"] = no_login
    return value


def _numbers(said: Element | None, key: str) -> list[int]:
    """The numbers of a table, in order; ``None`` is that of asking for nothing. Raises ParseError on anything else."""
    found = ["1" if text == "None" else str(text) for text in texts(table(said, key))]
    if wrong := next((text for text in found if not re.fullmatch(r"[0-9]{1,10}", text)), None):
        raise ParseError(f"{wrong[:20]!r} is no security type of VNC")
    return sorted({int(text) for text in found})


def _name(way: int) -> str:
    return _NAMES.get(way, f"type {way}")


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports that told how one logs on, those that said they are something else, and those that refused."""
    told = [p for p in open_ports(output) if _numbers(script(p, "vnc-info"), "Security types") or _is_other(p)]
    return as_items(told) + closed_ports(output)


def _is_other(port: Element) -> bool:
    service = port.find("service")
    return identified(service) and service is not None and service.get("name") != "vnc"


FACT = Fact(
    name="vnc_service",
    title=Text(en="How people log on to a VNC server", ar="كيف يُسجَّل الدخول إلى خادم VNC"),
    shape=ListOf(record(port=INT, types=ListOf(STR), encrypted=BOOL, unencrypted=BOOL, no_login=optional(BOOL))),
    parse=parse,
    example=[{"port": 5900, "types": ["X509Vnc"], "encrypted": True, "unencrypted": False, "no_login": False}],
    network=NetworkProbe(what="scripts", scripts=("vnc-info",), service_detection=True),
    version=2,
    proven=proven,
)
