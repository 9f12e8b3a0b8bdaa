"""Follows a packet that asks for a connection through the chains in force: for which ports it is let in, refused, or either.

What a rule may do without being certain counts both ways: such a port is then undecided, never let in or refused by guess.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from auditor.errors import ParseError
from auditor.facts import _firewall_iptables, _firewall_nft
from auditor.facts._budget import Budget
from auditor.facts._firewall_packet import Act, Packet
from auditor.facts._firewall_ports import ALL, NONE, Ports, join, meet, minus

FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6"), "netdev": ("ipv4", "ipv6")}
_MOST_READ = 20_000  # rules, long ones counted as several, each as often as there are interfaces
_DEEPEST = 64  # nft and iptables allow fewer jumps into one another


class _Language(Protocol):
    """What reads the rules of one tool."""

    def acts(self, text: str, packet: Packet, table: str) -> list[Act]:
        """What the rule does."""

    def redirects(self, text: str) -> bool:
        """Whether it may send packets elsewhere before the filter sees them."""

    def interfaces(self, text: str) -> list[str]:
        """The interfaces that the rule names."""

    def untracks(self, text: str) -> bool:
        """Whether it may take packets out of the connection tracking."""


@dataclass(slots=True)
class Chain:
    """A chain as it is written. ``hook`` and ``policy`` are "" for one that is only jumped to.

    ``sometimes``: it does not see every packet. ``early``: it sees them before they are tracked.
    ``iptables``: its rules are as iptables saves them.
    """

    family: str
    table: str  # what stands before the names of its chains
    hook: str = ""
    policy: str = ""
    sometimes: bool = False
    early: bool = False
    iptables: bool = False
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


def decide(chains: Mapping[str, Chain], packet: Packet, budget: Budget) -> Decided:
    """What becomes of the packet in all the chains that it passes, whichever interface it comes in at.

    At each hook that may be another: a card, then the bond, the bridge or the VRF that it belongs to.
    """
    names = _interfaces(chains, packet)
    accepted, dropped = ALL, NONE
    for hook in {chain.hook for chain in chains.values() if chain.hook}:
        one = agreed(_decide(chains, replace(packet, arrives=name), hook, budget) for name in names)
        accepted, dropped = meet(accepted, one.accepted), join(dropped, one.dropped)
    return Decided(accepted, dropped)


def agreed(answers: Iterable[Decided]) -> Decided:
    """What all the answers say; there is at least one."""
    accepted, dropped = ALL, ALL
    for one in answers:
        accepted, dropped = meet(accepted, one.accepted), meet(dropped, one.dropped)
    return Decided(accepted, dropped)


def _interfaces(chains: Mapping[str, Chain], packet: Packet) -> list[str | None]:
    """The interfaces that rules name, and "" for all others; where that are too many to go through, None alone.

    firewalld asks for the interface again and again, so that the answers must be those of one interface at a time.
    """
    own = [chain for chain in chains.values() if packet.family in FAMILIES.get(chain.family, ())]
    named = {name for chain in own for rule in chain.rules for name in _language(chain).interfaces(rule)}
    names = {"", *named, *(["lo"] if packet.loopback else [])} - (set() if packet.loopback else {"lo"})
    if len(names) * sum(_weight(rule) for chain in own for rule in chain.rules) > _MOST_READ:
        return [None]
    return [*sorted(names)]


def _decide(chains: Mapping[str, Chain], packet: Packet, hook: str, budget: Budget) -> Decided:
    walks = {early: _Walk(chains, replace(packet, untracked=packet.untracked or early), budget) for early in (False, True)}
    accepted, dropped = ALL, NONE
    for name, chain in chains.items():
        if chain.hook == hook and packet.family in FAMILIES.get(chain.family, ()):
            fate = walks[chain.early].through(name, ALL, 0)
            ended = fate.back if chain.policy == "accept" else NONE
            accepted = meet(accepted, ALL if chain.sometimes else join(fate.accepted, ended))
            dropped = join(join(dropped, fate.dropped), fate.back if chain.policy != "accept" else NONE)
    return Decided(minus(accepted, dropped), minus(dropped, accepted))


def redirected(chains: Mapping[str, Chain], packet: Packet) -> Ports:
    """The ports whose packets a rule may send elsewhere before the filter sees them."""
    own = [chain for chain in chains.values() if packet.family in FAMILIES.get(chain.family, ())]
    rules = [(rule, chain) for chain in own for rule in chain.rules if _language(chain).redirects(rule)]
    taken = [act.holds.possible for rule, chain in rules for act in _language(chain).acts(rule, packet, chain.table)]
    return functools.reduce(join, taken, NONE)


def _weight(rule: str) -> int:
    return 1 + len(rule) // 200


def untracks(chains: Mapping[str, Chain]) -> bool:
    """Whether a rule may take packets out of the connection tracking."""
    return any(_language(chain).untracks(rule) for chain in chains.values() for rule in chain.rules)


def _language(chain: Chain) -> _Language:
    return _firewall_iptables if chain.iptables else _firewall_nft


class _Walk:
    """One packet's way; what a chain does to the same ports is worked out once."""

    def __init__(self, chains: Mapping[str, Chain], packet: Packet, budget: Budget) -> None:
        self._chains = chains
        self._packet = packet
        self._acts: dict[str, list[Act]] = {}
        self._fates: dict[tuple[str, Ports], _Fate] = {}
        self._budget = budget

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
            self._budget.spend()
            here = meet(alive, act.holds.possible)
            if not here or act.kind == "nothing":
                continue
            left = minus(alive, act.holds.certain)
            fate = self._fate(act, here, depth)
            accepted = join(accepted, fate.accepted)
            dropped = join(dropped, fate.dropped)
            if act.kind in ("return", "goto"):
                back = join(back, fate.back)
                alive = left
            else:
                alive = join(left, fate.back)
        return _Fate(accepted, dropped, join(back, alive))

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
            read = _language(chain).acts
            self._budget.spend(sum(map(_weight, chain.rules)))
            self._acts[name] = [act for rule in chain.rules for act in read(rule, self._packet, chain.table)]
        return self._acts[name]
