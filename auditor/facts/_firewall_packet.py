"""The packet that asks a host for a TCP connection, as far as it is known, and what a condition of a rule says of it.

A condition that is not understood, or that turns on what is not known (interface, rate, mark), may or may not hold: it counts
as possible and never as certain.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from auditor.facts._firewall_ports import ALL, NONE, Ports, meet, minus, written

_STATES = frozenset({"new", "established", "related", "invalid", "untracked", "snat", "dnat"})
_PROTOCOL = re.compile(r"[a-z][a-z0-9-]*|[0-9]+")

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Holds:
    """The ports for which a condition certainly holds, and those for which it possibly does."""

    certain: Ports
    possible: Ports

    def but_not(self, negated: object) -> Holds:
        """Its opposite, if ``negated``."""
        return Holds(minus(ALL, self.possible), minus(ALL, self.certain)) if negated else self

    def also(self, other: Holds) -> Holds:
        """Both conditions together."""
        return Holds(meet(self.certain, other.certain), meet(self.possible, other.possible))


YES, NO, MAYBE = Holds(ALL, ALL), Holds(NONE, NONE), Holds(NONE, ALL)


@dataclass(frozen=True, slots=True)
class Act:
    """What a rule does: ``accept``, ``drop``, ``return``, ``jump`` or ``goto`` a chain, ``nothing``, or ``any`` of them."""

    kind: str
    holds: Holds
    target: str = ""


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection. ``source`` and ``destination`` are None where they are not known.

    ``loopback``: it may have come over the loopback interface. ``arrives``: the interface that it comes in at, None where that is
    not known. ``untracked``: a rule may have taken it out of the connection tracking. ``redirected`` are the ports whose
    destination may have been changed before the filter. ``sets``: whether a named set of addresses, by table and name, holds
    the source. ``ports``: what named sets of ports hold, by table and name, None where that is not understood.
    """

    family: str
    source: Address | None = None
    destination: Address | None = None
    loopback: bool = True
    arrives: str | None = None
    untracked: bool = False
    redirected: Ports = NONE
    sets: Mapping[str, bool] = field(default_factory=dict)
    ports: Mapping[str, Ports | None] = field(default_factory=dict)

    def state(self, states: Iterable[str]) -> Holds:
        """Whether it is in one of these states of the connection tracking."""
        told = {state.strip().lower() for state in states}
        if not told <= _STATES:
            return MAYBE
        if self.untracked:
            return MAYBE if told & {"new", "untracked", "invalid", "dnat"} else NO
        if "new" in told:
            return YES
        return Holds(NONE, self.redirected) if "dnat" in told else NO

    def interface(self, names: Iterable[str]) -> Holds:
        """Whether it came in at one of these interfaces; a name that ends in ``*`` or ``+`` stands for all that begin so."""
        told = {name.strip(' "') for name in names}
        if any(name.isdigit() for name in told):  # the number of one that is not there any more
            return MAYBE
        if self.arrives is not None:
            return YES if any(_named(self.arrives, name) for name in told) else NO
        return NO if told == {"lo"} and not self.loopback else MAYBE

    def protocol(self, names: Iterable[str]) -> Holds:
        """Whether its protocol, TCP, is among these."""
        told = {name.strip() for name in names}
        if {"tcp", "6", "all"} & told:
            return YES
        return NO if all(_PROTOCOL.fullmatch(name) for name in told) else MAYBE

    def port(self, texts: Iterable[str]) -> Holds:
        """Whether it asks for one of these ports."""
        return _asked_for(written(texts))

    def named_port(self, name: str) -> Holds:
        """The same of a named set of ports, whose elements are known."""
        return _asked_for(self.ports[name])

    def address(self, known: Address | None, texts: Iterable[str]) -> Holds:
        """Whether an address of it is among these addresses, networks and ranges."""
        if known is None:
            return MAYBE
        try:
            return YES if any(_within(known, text.strip()) for text in texts) else NO
        except ValueError:
            return MAYBE


def _asked_for(ports: Ports | None) -> Holds:
    return MAYBE if ports is None else Holds(ports, ports)


def _named(name: str, pattern: str) -> bool:
    return name == pattern or (pattern[-1:] in ("*", "+") and name.startswith(pattern[:-1]))


def _within(address: Address, text: str) -> bool:
    first, dash, last = text.partition("-")
    if dash:
        return int(ipaddress.ip_address(first)) <= int(address) <= int(ipaddress.ip_address(last))
    return address in ipaddress.ip_network(text, strict=False)
