"""Which TCP ports a rule of a packet filter may let a new connection into, from its text.

Always at least what it lets in: what is not understood counts as every port. A host may then be called open where it is not, and
is never called closed where it is not known to be.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import TypeAlias

Ports: TypeAlias = tuple[tuple[int, int], ...]  # ranges, each first and last
NONE: Ports = ()
ALL: Ports = ((0, 65535),)

_NFT_PORTS = re.compile(r"\btcp dport (\{[^}]*\}|[0-9-]+)(?= |$)")
_NFT_STATES = re.compile(r"\bct state (vmap )?(\{[^}]*\}|[a-z,]+)")
_OTHER_PROTOCOL = re.compile(
    r"\b(udp|udplite|sctp|dccp|icmp|icmpv6|igmp|esp|ah|comp) (sport|dport|type|code|spi|id|mtu)\b"
    r"|\b(meta l4proto|ip protocol|ip6 nexthdr) (\{[^}]*\}|[a-z0-9-]+)"
)
_OTHERS = {"udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "ipv6-icmp", "igmp", "esp", "ah", "comp", "ospf", "vrrp", "gre"}
_LOOPBACK = re.compile(r'\biif(name)? "?lo"?(?= |$)')
_RANGE = re.compile(r"([0-9]{1,5})(?:[-:]([0-9]{1,5}))?")


def nft(text: str, verdict: str) -> Ports:
    """Those that a rule, as ``nft list`` prints it, gives this verdict: ``accept`` or ``return``. Jumps are not followed here."""
    states = _NFT_STATES.search(text)
    if states and states[1]:
        taken = [part for part in states[2].strip("{} ").split(",") if verdict in part]
        if all(part.split(":")[0].strip() in ("established", "related") for part in taken):
            return NONE
    if not re.search(rf"\b({verdict}|queue)\b", text):
        return NONE
    if "!=" in text or "vmap" in text:
        return ALL
    if states and not states[1] and not {"new", "untracked", "invalid"} & set(re.findall(r"[a-z]+", states[2])):
        return NONE
    if _LOOPBACK.search(text) or any(_of_others(match) for match in _OTHER_PROTOCOL.finditer(text)):
        return NONE
    match = _NFT_PORTS.search(text)
    return _ranges(match[1].strip("{} ").split(",")) if match else ALL


def _of_others(match: re.Match[str]) -> bool:
    """Whether a rule with this condition never sees TCP."""
    return not match[3] or set(re.findall(r"[a-z0-9-]+", match[4])) <= _OTHERS


def iptables(words: list[str], verdict: str) -> Ports:
    """Those that a rule, as ``iptables -S`` prints it, gives this verdict: ``ACCEPT`` or ``RETURN``. Jumps are left out."""
    if not {verdict, "NFQUEUE", "QUEUE"} & set(words):
        return NONE
    if "!" in words:
        return ALL
    options = dict(itertools.pairwise(words))
    protocol = options.get("-p", "tcp")
    states = options.get("--ctstate") or options.get("--state") or "NEW"
    if options.get("-i") == "lo" or protocol not in ("tcp", "6", "all"):
        return NONE
    if not {"NEW", "UNTRACKED", "INVALID"} & set(states.split(",")):
        return NONE
    ports = options.get("--dport") or options.get("--dports")
    return _ranges(ports.split(",")) if ports and protocol != "all" else ALL


def meet(one: Ports, other: Ports) -> Ports:
    """The ports in both."""
    return join((max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) <= min(b, d))


def join(ranges: Iterable[tuple[int, int]]) -> Ports:
    """The ranges in order, those that touch made one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _ranges(texts: Iterable[str]) -> Ports:
    """The numbers as ranges; every port where one is a name, a set or no port."""
    found: list[tuple[int, int]] = []
    for text in texts:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            return ALL
        found.append((int(match[1]), int(match[2] or match[1])))
    return join(found)
