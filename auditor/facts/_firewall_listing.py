"""What the probe printed, line by line, as chains, sets and the ends of the session."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from auditor.errors import ParseError
from auditor.facts._firewall_ports import Ports, written
from auditor.facts._firewall_walk import Chain

AGAIN = "iptables-nft"


@dataclass(slots=True)
class Listing:
    """``again``: chains of nft's tables as iptables shows them.

    ``partial``: the tables that redirect were not asked for, as before version 4 of the fact where iptables answered.
    """

    tools: list[str] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    again: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, bool] = field(default_factory=dict)
    ports: dict[str, Ports | None] = field(default_factory=dict)
    client: str = ""
    server: str = ""
    ipv6: str = ""
    partial: bool = False

    @property
    def readings(self) -> tuple[dict[str, Chain], ...]:
        """The chains in force; twice where two tools show the same tables, each of which may miss what the other shows."""
        if not self.again:
            return (self.chains,)
        shown = {chain.table.replace(f" {AGAIN}", "") for chain in self.again.values()}
        rest = {name: chain for name, chain in self.chains.items() if chain.iptables or chain.table not in shown}
        return (self.chains, {**rest, **self.again})


def read(lines: Iterable[str]) -> Listing:
    """``tool=``; nft's ``chain=``, ``base=``, ``rule=``, ``set=`` and ``ports=``; what iptables saves after ``ip=`` or ``ip6=``.

    ``client=`` holds the session's two ends; ``ipv6=`` is yes or no. Raises ParseError.
    """
    found = Listing()
    current = table = ""
    for line in lines:
        key, sign, text = line.partition("=")
        if key == "tool" and sign:
            found.tools.append(text)
            table = ""
        elif key == "chain" and (words := text.split()) and len(words) == 3:
            current = text
            found.chains[current] = Chain(words[0], f"{words[0]} {words[1]}")
        elif key == "base" and current:
            _hooked(text, found.chains[current])
        elif key == "rule" and current:
            found.chains[current].rules.append(text)
        elif key == "set" and text.endswith((" holds", " lacks")):
            found.sets[text[:-6]] = text.endswith("holds")
        elif key == "ports" and (words := text.split()) and len(words) >= 3:
            found.ports[" ".join(words[:3])] = written(words[3:])
        elif key in ("ip", "ip6") and text.startswith("*") and found.tools:
            table = text[1:]
        elif key in ("ip", "ip6") and sign and found.tools:
            found.partial = found.partial or not table
            _iptables(
                text,
                Chain(key, f"{key} {found.tools[-1]} {table or 'filter'}", iptables=True),
                found.again if found.tools[-1] == AGAIN else found.chains,
            )
        elif key == "client" and len(text.split()) == 2:
            found.client, found.server = text.split()
        elif key == "ipv6" and text in ("yes", "no"):
            found.ipv6 = text
        else:
            raise ParseError(f"firewall: a line that does not belong there: {line[:80]!r}")
    if not found.ipv6:
        raise ParseError("firewall: whether the host has an IPv6 address is missing")
    return found


def _hooked(text: str, chain: Chain) -> None:
    """Where an nft chain is called, and its policy; those hooked elsewhere see no incoming packet and are no matter here."""
    hook = re.search(r"\bhook (input|prerouting|ingress)\b", text)
    if not hook:
        return
    policy = re.search(r"\bpolicy (accept|drop)\b", text)
    chain.hook, chain.policy = hook[1], policy[1] if policy else "accept"
    # the kernel asks chains of the type nat only about connections that it tracks
    number = re.search(r"\bpriority (-?\d+);", text)
    chain.early = hook[1] == "ingress" or "priority raw" in text or "mangle -" in text or bool(number and int(number[1]) < -150)
    chain.sometimes = bool(re.search(r"\bdevices? |\btype nat\b", text))


def _iptables(text: str, empty: Chain, chains: dict[str, Chain]) -> None:
    words = text.split()
    if len(words) < 2 or words[0] not in ("-P", "-N", "-A"):
        raise ParseError(f"firewall: a line that iptables does not save: {text[:80]!r}")
    chain = chains.setdefault(f"{empty.table} {words[1]}", empty)
    if words[0] == "-P" and words[1] in ("INPUT", "PREROUTING"):
        chain.hook, chain.policy = words[1].lower(), words[2].lower()
        chain.early = chain.table.endswith(" raw")
    if words[0] == "-A":
        chain.rules.append(text)
