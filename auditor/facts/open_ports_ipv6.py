"""TCP ports that accept a connection at a host's second, IPv6 address: a firewall is often set up for IPv4 alone."""

from __future__ import annotations

from auditor.facts.interface import Fact, NetworkProbe
from auditor.facts.open_ports import parse, proven
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Text

FACT = Fact(
    name="open_ports_ipv6",
    title=Text(en="Open ports seen at the host's IPv6 address", ar="المنافذ المفتوحة على عنوان IPv6 للمضيف"),
    shape=ListOf(record(port=INT, protocol=STR)),
    parse=parse,
    example=[{"port": 22, "protocol": "tcp"}],
    network=NetworkProbe(what="ports", second_address=True),
    proven=proven,
)
