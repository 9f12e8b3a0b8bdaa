"""What answers on each open port, as the service itself shows it, so that services without encryption are found on any port."""

from __future__ import annotations

from auditor.facts._nmap_output import as_items, closed_ports, elem, identified, number, open_ports, protocol, script
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: each open port with its service.

    ``identified`` is false where nothing told what it is: ``service`` then is the name usual for the port, or ``unknown``.
    ``tls`` is true when it is spoken from the first byte; ``redirects_to_tls`` when the front page sends browsers to HTTPS.
    """
    services: list[Json] = []
    for port in open_ports(output):
        service = port.find("service")
        known = identified(service)
        attributes = {} if service is None else service.attrib
        services.append(
            {
                "port": number(port),
                "protocol": protocol(port),
                "service": attributes.get("name", "unknown"),
                "product": attributes.get("product", "") if known else "",
                "version": attributes.get("version", "") if known else "",
                "identified": known,
                "tls": known and attributes.get("tunnel") == "ssl",
                "redirects_to_tls": elem(script(port, "http-title"), "redirect_url").lower().startswith("https://"),
            }
        )
    return services


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports whose service said what it is, and those that refused: an open one that says nothing may be what it was."""
    return as_items(port for port in open_ports(output) if identified(port.find("service"))) + closed_ports(output)


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
            tls=BOOL,
            redirects_to_tls=BOOL,
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
    network=NetworkProbe(what="scripts", scripts=("http-title",), service_detection=True),
    proven=proven,
)
