"""What the host's packet filter does with incoming traffic that no rule names: the one thing that makes it a firewall.

A filter that only bans some addresses (fail2ban) lets in everything else; therefore the rules of the input chains are followed,
through unconditional jumps, to the first verdict that applies to every packet, else to the chain's policy. A conditional
rule decides nothing here. A packet must pass every chain, so that one that drops is enough.

``ports`` tells for a connection to each TCP port whether all the rules on its way accept it, refuse it, or cannot be decided.
The source is known where the session comes from it: the network is looked through from the same machine.
"""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import replace

from auditor.facts import _firewall_listing as listing
from auditor.facts import _firewall_ports as ports
from auditor.facts._budget import Budget
from auditor.facts._firewall_default import default
from auditor.facts._firewall_packet import Packet
from auditor.facts._firewall_probe import PRIVILEGED, SCRIPT
from auditor.facts._firewall_walk import Chain, agreed, decide, redirected, untracks
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_MOST = 400_000
_NO_SOCKET = "UNKNOWN"  # sshd's word for the ends of a session that comes through a pipe or a socket without addresses


def parse(output: str, _args: Arguments) -> Json:
    """What the input chains do with what no rule names, and what befalls a connection to each port."""
    found = listing.read(whole_lines("firewall", output))
    inputs = [chain for chain in found.chains.values() if chain.hook == "input"]
    return {
        "tools": [*found.tools],
        "active": any(chain.policy != "accept" or chain.rules for chain in inputs),
        "rules": sum(len(chain.rules) for chain in inputs),
        "input_policy": default("ipv4", found.readings),
        "input_policy_ipv6": default("ipv6", found.readings),
        "ipv6": found.ipv6 == "yes",
        "redirections_seen": not found.partial,
        "ports": _ports(found.readings, [_packet(family, found) for family in ("ipv4", "ipv6")]),
    }


def _packet(family: str, found: listing.Listing) -> Packet:
    """What is known of the auditor's packets; of those of the other family than the session's, whether they come from afar."""
    if found.client in ("", _NO_SOCKET) or found.server == _NO_SOCKET:
        return Packet(family, ports=found.ports)
    source, destination = (ipaddress.ip_address(end.partition("%")[0]) for end in (found.client, found.server))
    loopback = source.is_loopback or source == destination
    if family != f"ipv{source.version}":
        return Packet(family, loopback=loopback, ports=found.ports)
    return Packet(family, source, destination, loopback, sets=found.sets, ports=found.ports)


def _ports(readings: tuple[dict[str, Chain], ...], packets: list[Packet]) -> list[Json]:
    """Every TCP port in ranges, with what befalls a connection over either protocol."""
    budget = Budget("firewall: the rules, as often as they are read and followed,", _MOST)
    taken = [functools.reduce(ports.join, (redirected(chains, packet) for chains in readings)) for packet in packets]
    bare = any(untracks(chains) for chains in readings)
    sure = [replace(packet, redirected=away, untracked=bare) for packet, away in zip(packets, taken, strict=True)]
    decided = [agreed(decide(chains, packet, budget) for chains in readings) for packet in sure]
    found: list[dict[str, Json]] = []
    for first, last in ports.pieces(*decided[0], *decided[1], *taken):
        said: dict[str, Json] = {"redirected": ports.holds(taken[0], first), "redirected_ipv6": ports.holds(taken[1], first)}
        for packet, answer in zip(packets, decided, strict=True):
            accepted, dropped = ports.holds(answer.accepted, first), ports.holds(answer.dropped, first)
            said[packet.family] = "accepted" if accepted else "dropped" if dropped else "undecided"
        if found and said == {key: found[-1][key] for key in said}:
            found[-1]["last"] = last
        else:
            found.append({"first": first, "last": last, **said})
    return [*found]


def _range(first: int, last: int, said: str) -> Json:
    return {"first": first, "last": last, "ipv4": said, "ipv6": said, "redirected": False, "redirected_ipv6": False}


FACT = Fact(
    name="firewall",
    title=Text(en="Packet filter and its default for incoming traffic", ar="مرشّح الحزم ومعاملته الافتراضية للحركة الواردة"),
    shape=record(
        tools=ListOf(STR),
        active=BOOL,
        rules=INT,
        input_policy=STR,
        input_policy_ipv6=STR,
        ipv6=BOOL,
        redirections_seen=BOOL,
        ports=ListOf(record(first=INT, last=INT, ipv4=STR, ipv6=STR, redirected=BOOL, redirected_ipv6=BOOL)),
    ),
    parse=parse,
    example={
        "tools": ["nftables"],
        "active": True,
        "rules": 6,
        "input_policy": "drop",
        "input_policy_ipv6": "drop",
        "ipv6": True,
        "redirections_seen": True,
        "ports": [
            _range(0, 21, "dropped"),
            _range(22, 22, "accepted"),
            _range(23, 65535, "dropped"),
        ],
    },
    probes={"linux": HostProbe(script=SCRIPT, privileged=PRIVILEGED)},
    version=5,
)
