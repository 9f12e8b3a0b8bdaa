"""Follows a packet that asks for a connection through the chains in force: for which ports it is let in, refused, or either.

What a rule may do without being certain counts both ways: such a port is then undecided, never let in or refused by guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from auditor.errors import ParseError
from auditor.facts import _firewall_iptables, _firewall_nft
from auditor.facts._firewall_packet import Act, Packet
from auditor.facts._firewall_ports import ALL, NONE, Ports, join, meet, minus

FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6"), "netdev": ("ipv4", "ipv6")}
_MOST_STEPS = 200_000
_DEEPEST = 64  # nft and iptables allow fewer jumps into one another


@dataclass(slots=True)
class Chain:
    """A chain as it is written. ``hook`` and ``policy`` are "" for one that is only jumped to.

    ``bound``: it sees the packets of some interface alone.
    """

    family: str
    table: str  # family and name; of iptables "" where nothing else is in it
    hook: str = ""
    policy: str = ""
    bound: bool = False
    rules: list[str] = field(default_factory=list)


class _Fate(NamedTuple):
    """The ports for which a packet may be accepted, may be dropped, and may come back to where the chain was called."""

    accepted: Ports
    dropped: Ports
    back: Ports


class Decided(NamedTuple):
    """The ports that are let in, those that are refused; of all others nothing is certain."""

    accepted: Ports
    dropped: Ports


def decide(chains: Mapping[str, Chain], packet: Packet) -> Decided:
    """What becomes of the packet in all the chains that it passes."""
    walk = _Walk(chains, packet)
    accepted, dropped = ALL, NONE
    for name, chain in chains.items():
        if chain.hook and packet.family in FAMILIES.get(chain.family, ()):
            fate = walk.through(name, ALL, 0)
            ended = fate.back if chain.policy == "accept" else NONE
            accepted = meet(accepted, ALL if chain.bound else join([*fate.accepted, *ended]))
            dropped = join([*dropped, *fate.dropped, *(fate.back if chain.policy != "accept" else NONE)])
    return Decided(minus(accepted, dropped), minus(dropped, accepted))


def redirected(chains: Mapping[str, Chain], packet: Packet) -> Ports:
    """The ports whose packets a rule may send elsewhere before the filter sees them."""
    own = [chain for chain in chains.values() if packet.family in FAMILIES.get(chain.family, ())]
    rules = [(rule, chain) for chain in own for rule in chain.rules if _firewall_nft.redirects(rule)]
    taken = [act.holds.possible for rule, chain in rules for act in _reader(chain)(rule, packet)]
    return join(part for ports in taken for part in ports)


def _reader(chain: Chain) -> Callable[[str, Packet], list[Act]]:
    if chain.table.endswith(" iptables"):
        return lambda rule, packet: _firewall_iptables.acts(rule, packet, chain.family)
    return lambda rule, packet: _firewall_nft.acts(rule, packet, chain.table)


class _Walk:
    """One packet's way; what a chain does to the same ports is worked out once."""

    def __init__(self, chains: Mapping[str, Chain], packet: Packet) -> None:
        self._chains = chains
        self._packet = packet
        self._acts: dict[str, list[Act]] = {}
        self._fates: dict[tuple[str, Ports], _Fate] = {}
        self._steps = 0

    def through(self, name: str, entering: Ports, depth: int) -> _Fate:
        """What the chain does to packets for the ports ``entering``."""
        if depth > _DEEPEST:
            raise ParseError("firewall: the chains jump to each other without an end")
        key = (name, entering)
        if key not in self._fates:
            self._fates[key] = self._follow(name, entering, depth)
        return self._fates[key]

    def _follow(self, name: str, alive: Ports, depth: int) -> _Fate:
        accepted, dropped, back = NONE, NONE, NONE
        for act in self._acts_of(name):
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise ParseError("firewall: the rules lead too many ways to follow them all")
            here = meet(alive, act.holds.possible)
            if not here or act.kind == "nothing":
                continue
            left = minus(alive, act.holds.certain)
            fate = self._fate(act, here, depth)
            accepted = join([*accepted, *fate.accepted])
            dropped = join([*dropped, *fate.dropped])
            if act.kind in ("return", "goto"):
                back = join([*back, *fate.back])
                alive = left
            else:
                alive = join([*left, *fate.back])
        return _Fate(accepted, dropped, join([*back, *alive]))

    def _fate(self, act: Act, here: Ports, depth: int) -> _Fate:
        match act.kind:
            case "accept":
                return _Fate(here, NONE, NONE)
            case "drop":
                return _Fate(NONE, here, NONE)
            case "return":
                return _Fate(NONE, NONE, here)
            case "jump" | "goto" if act.target in self._chains:
                return self.through(act.target, here, depth + 1)
        return _Fate(here, here, here)

    def _acts_of(self, name: str) -> list[Act]:
        if name not in self._acts:
            chain = self._chains[name]
            read = _reader(chain)
            self._acts[name] = [act for rule in chain.rules for act in read(rule, self._packet)]
        return self._acts[name]
