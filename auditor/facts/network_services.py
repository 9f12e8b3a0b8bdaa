"""What answers on each open port, as the service itself shows it, so that services without encryption are found on any port."""

from __future__ import annotations

import re
from collections.abc import Generator
from xml.etree.ElementTree import Element

from auditor.facts._nmap_output import as_items, closed_ports, elem, identified, in_tls, number, open_ports, protocol, script
from auditor.facts.interface import Arguments, Conversation, Fact, NetworkProbe, Told
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# The services whose front page nmap asks for, on whatever port; on some ports it asks each.
_WITH_PAGES = frozenset({
    "http", "https", "ipp", "http-alt", "https-alt", "vnc-http", "oem-agent", "soap", "http-proxy", "caldav", "carddav", "webdav",
})  # fmt: skip

_PLAIN = "plain-http"
# A server that speaks TLS alone answers plain words too, in the clear: with an error, or by sending browsers to HTTPS.
_CONTENT = re.compile(r"2[0-9]{2}|30[1278]|401|404|405")


def _ask() -> Generator[bytes | None, bytes, Told]:
    """Ask for the front page in plain words, and tell the status alone, where it does not send browsers to HTTPS."""
    said = yield b"GET / HTTP/1.0\r\n\r\n"
    while not (head := re.match(rb"HTTP/1[.][01] ([1-5][0-9]{2})\b(.*?)\n\r?\n", said, re.DOTALL)):
        said += yield b""
    return (("elsewhere" if re.search(rb"(?i)\nlocation:\s*https:", head[2]) else "status", head[1].decode()),)


# nmap names a web server by a header that many leave out, and reads a page from it over TLS where plain words fail, untold.
_PROBE = NetworkProbe(
    what="scripts",
    scripts=("http-title",),
    service_detection=True,
    conversations=(
        Conversation(
            _PLAIN,
            frozenset({80, 3000, 5000, 5800, 7080, 8000, 8008, 8080, 8081, 8088, 8180, 8888}),
            frozenset(),
            _ask,
            plain_only=True,
        ),
    ),
)


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: each open port with its service.

    ``identified`` is false where nothing told what it is: ``service`` then is the name usual for the port, or ``unknown``.
    ``tls`` is true when it is spoken from the first byte, left out where nmap found neither that nor what the service is, and no
    page came for plain words of our own; where one came, ``service`` is http;
    ``redirects_to_tls`` when the front page sends browsers to HTTPS, left out where there may be one and none was read.
    """
    services: list[Json] = []
    for port in open_ports(output):
        service = port.find("service")
        known = identified(service)
        attributes = {} if service is None else service.attrib
        value: dict[str, Json] = {
            "port": number(port),
            "protocol": protocol(port),
            "service": attributes.get("name", "unknown"),
            "product": attributes.get("product", "") if known else "",
            "version": attributes.get("version", "") if known else "",
            "identified": known,
        }
        if known or in_tls(service):
            value["tls"] = in_tls(service)
        elif _in_the_clear(port):
            value |= {"service": "http", "tls": False, "redirects_to_tls": False}
        page = script(port, "http-title")
        if page is not None or (known and value["service"] not in _WITH_PAGES):
            value["redirects_to_tls"] = elem(page, "redirect_url").lower().startswith("https://")
        services.append(value)
    return services


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports whose service said what it is, spoke TLS or showed a page, and those that refused; silence is no proof."""
    return as_items(port for port in open_ports(output) if _told(port)) + closed_ports(output)


def _in_the_clear(port: Element) -> bool:
    return _CONTENT.fullmatch(elem(script(port, _PLAIN), "status")) is not None


def _told(port: Element) -> bool:
    service = port.find("service")
    return identified(service) or in_tls(service) or _in_the_clear(port) or script(port, "http-title") is not None


FACT = Fact(
    name="network_services",
    title=Text(en="Services that answer on the open ports", ar="الخدمات التي تستجيب على المنافذ المفتوحة"),
    shape=ListOf(
        record(
            port=INT,
            protocol=STR,
            service=STR,
            product=STR,
            version=STR,
            identified=BOOL,
            tls=optional(BOOL),
            redirects_to_tls=optional(BOOL),
        )
    ),
    parse=parse,
    example=[
        {
            "port": 22,
            "protocol": "tcp",
            "service": "ssh",
            "product": "OpenSSH",
            "version": "9.2p1",
            "identified": True,
            "tls": False,
            "redirects_to_tls": False,
        }
    ],
    network=_PROBE,
    version=3,
    proven=proven,
)
