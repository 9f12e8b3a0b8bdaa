"""Addresses of a listed network that answer, so that hosts which no inventory lists are found."""

from __future__ import annotations

import ipaddress

from auditor.errors import ParseError
from auditor.facts._nmap_output import slice_of
from auditor.facts.interface import Arguments, Fact, NetworkProbe
from auditor.facts.shape import STR, ListOf, record
from auditor.model import AssetKind, Json, Text


def parse(output: str, _args: Arguments) -> Json:
    """A network's slice of nmap's XML: each address that answered, with the names by which inventories list it."""
    hosts: list[Json] = []
    for host in slice_of(output, "hosts"):
        address = host.find("address")
        if host.tag != "host" or address is None:
            raise ParseError("the slice holds something that is no host with an address")
        names: list[Json] = [name.get("name", "") for name in host.iter("hostname")]
        hosts.append({"address": str(ipaddress.ip_address(address.get("addr", ""))), "names": names})
    return hosts


def proven(output: str, args: Arguments) -> list[Json]:
    """The hosts that answered: of one that is silent nothing is known, it may be switched off or its answer lost."""
    value = parse(output, args)
    return value if isinstance(value, list) else []


FACT = Fact(
    name="live_hosts",
    title=Text(en="Hosts that answer on a network", ar="المضيفات التي تستجيب على الشبكة"),
    shape=ListOf(record(address=STR, names=ListOf(STR))),
    parse=parse,
    example=[{"address": "10.20.0.7", "names": ["db.health.example"]}],
    network=NetworkProbe(what="discover"),
    asset_kind=AssetKind.NETWORK,
    proven=proven,
)
