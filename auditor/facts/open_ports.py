"""TCP ports that accept a connection from where the auditor stands, so that they can be held against those declared."""

from __future__ import annotations

from auditor.facts._nmap_output import as_items, closed_ports, open_ports
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice of nmap's XML: its open ports."""
    return as_items(open_ports(output))


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports that are open and those that refused: a silent one may be open to others, or again tomorrow."""
    return as_items(open_ports(output)) + closed_ports(output)


FACT = Fact(
    name="open_ports",
    title=Text(en="Open ports seen from the network", ar="المنافذ المفتوحة كما تُرى من الشبكة"),
    shape=ListOf(record(port=INT, protocol=STR)),
    parse=parse,
    example=[{"port": 22, "protocol": "tcp"}, {"port": 443, "protocol": "tcp"}],
    network=NetworkProbe(what="ports"),
    proven=proven,
)
