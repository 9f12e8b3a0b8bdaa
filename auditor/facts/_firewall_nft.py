"""What a rule, as ``nft list ruleset`` prints it, does to a packet that asks for a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from auditor.facts import _firewall_flags as flags
from auditor.facts._firewall_iptables import GO_ON
from auditor.facts._firewall_packet import MAYBE, NO, YES, Act, Holds, Packet
from auditor.facts._firewall_ports import NONE

_Reader: TypeAlias = Callable[[Packet, list[str]], Holds]

_VALUE = r"(?P<negated>!= )?(?P<value>\{[^}]*\}|@\S+|\"[^\"]*\"|\S+)"
_OTHERS = "udp|udplite|sctp|dccp|icmp|icmpv6|igmp|esp|ah|comp"
_VMAP = re.compile(r"vmap (\{[^}]*\}|@\S+)")
_WORD = re.compile(r'"[^"]*"|\{[^}]*\}|\S+')
# What changes nothing about whether the packet may pass.
_NEUTRAL = re.compile(
    r'counter name \S+|counter( packets \d+ bytes \d+)?|notrack|comment "[^"]*"|(meta|ct) (mark|nftrace|priority) set \S+'
    r'|log( (prefix "[^"]*"|level [a-z]+|group \d+|snaplen \d+|queue-threshold \d+'
    r"|flags (all|skuid|ether|tcp [a-z,]+|ip options)))*(?=\s|$)"
)
_SPOOFED = re.compile(r"fib saddr \. (mark \. )?iif oif (missing|0|eq 0)(?= |$)")
_FRAGMENT = re.compile(r"ip frag-off & (0x1fff|8191) (?P<sign>!=|==) (0x0|0)(?= |$)")
_EXTENSION = re.compile(rf"(rt (type|seg-left|nexthdr|hdrlength)|(hbh|frag|dst|mh|srh) [a-z0-9-]+) {_VALUE}(?= |$)")
_METER = re.compile(r"meter \S+ (size \d+ )?\{[^}]*\}")
_NOT_STATE = re.compile(r"ct state ! (?P<states>[a-z,]+)(?= |$)")
_REDIRECTS = re.compile(r'\b(dnat|redirect)\b|\btproxy\b|TPROXY|# to:|xt target "?(DNAT|REDIRECT|NETMAP)\b')
_MOST_PARTS = 200
_FAMILIES = {"ipv4": "ipv4", "ip": "ipv4", "ipv6": "ipv6", "ip6": "ipv6", "arp": "arp"}


def _ports(packet: Packet, values: list[str]) -> Holds:
    return packet.port(values)


def _protocol(packet: Packet, values: list[str]) -> Holds:
    return packet.protocol(values)


def _state(packet: Packet, values: list[str]) -> Holds:
    return packet.state(values)


def _status(packet: Packet, values: list[str]) -> Holds:
    return Holds(NONE, packet.redirected) if values == ["dnat"] else MAYBE


def _interface(packet: Packet, values: list[str]) -> Holds:
    return packet.interface(values)


def _family(packet: Packet, values: list[str]) -> Holds:
    if not {*values} <= _FAMILIES.keys():
        return MAYBE
    return YES if packet.family in (_FAMILIES[value] for value in values) else NO


def _destination_type(_packet: Packet, values: list[str]) -> Holds:
    return YES if "local" in values else NO


def _packet_type(packet: Packet, values: list[str]) -> Holds:
    if packet.loopback:
        return MAYBE
    return YES if {"host", "unicast"} & {*values} else NO


def _source(packet: Packet, values: list[str]) -> Holds:
    return packet.address(packet.source, values)


def _destination(packet: Packet, values: list[str]) -> Holds:
    return packet.address(packet.destination, values)


_READERS: dict[str, _Reader] = {
    "tcp dport": _ports,
    "th dport": _ports,
    "meta l4proto": _protocol,
    "ip protocol": _protocol,
    "ip6 nexthdr": _protocol,
    "ct state": _state,
    "ct status": _status,
    "iif": _interface,
    "iifname": _interface,
    "meta nfproto": _family,
    "meta protocol": _family,
    "fib daddr type": _destination_type,
    "meta pkttype": _packet_type,
    "pkttype": _packet_type,
    "ip saddr": _source,
    "ip6 saddr": _source,
    "ip daddr": _destination,
    "ip6 daddr": _destination,
}
_CONDITION = re.compile(rf"(?P<key>{'|'.join(_READERS)}) (?!vmap |\.){_VALUE}(?= |$)")
_OTHER_PROTOCOL = re.compile(rf"({_OTHERS}) [a-z-]+ {_VALUE}(?= |$)")
_OTHER_FIELD = re.compile(rf"(?P<key>ip6?) [a-z0-9]+ {_VALUE}(?= |$)")
_KEY_OF_VMAP = re.compile(rf"(?P<key>{'|'.join(_READERS)}) (?=vmap )")


def redirects(text: str) -> bool:
    """Whether the rule sends packets elsewhere before the filter."""
    return bool(_REDIRECTS.search(re.sub(r'(comment|prefix) "[^"]*"', "", text)))


def interfaces(text: str) -> list[str]:
    """The interfaces that the rule names."""
    return re.findall(r'"([^"]*)"', text) if "iif" in text else []


def untracks(text: str) -> bool:
    """Whether the rule takes packets out of the connection tracking."""
    return bool(re.search(r'\bnotrack\b|xt target "?(CT|NOTRACK)\b', text))


def acts(text: str, packet: Packet, table: str) -> list[Act]:
    """What the rule does; a rule that decides nothing does nothing. ``table`` is the family and the name of its table."""
    holds, key = YES, ""
    text = text.strip()
    count = 0
    joined = " . " in _SPOOFED.sub("", text)  # of fields that are compared together no part is understood
    while text:
        count += 1
        if count > _MOST_PARTS:  # no rule has so many: each takes the rest of the text anew
            return [Act("any", Holds(NONE, holds.possible))]
        if neutral := _NEUTRAL.match(text):
            text = text[neutral.end() :].lstrip()
            continue
        if (vmap := _VMAP.match(text)) is not None:
            return [*_mapped(vmap[1], "" if joined else key, holds, packet, table)]
        if found := _KEY_OF_VMAP.match(text):
            key, text = found["key"], text[found.end() :]
            continue
        if text.startswith("#"):  # where nft has no words for what iptables wrote, old ones print iptables' own from here on
            return [Act("any", Holds(NONE, holds.possible))]
        if verdict := _verdict(text, holds, table):
            return verdict
        if re.match(r"(continue|masquerade|snat)\b", text):
            return []
        condition, length = _condition(text, packet, table)
        holds = holds.also(MAYBE if joined else condition)
        text = text[length:].lstrip()
    return []


def _condition(text: str, packet: Packet, table: str) -> tuple[Holds, int]:
    """What the first condition of the text says, and its length; of what is not understood, the first word is one."""
    if (told := flags.condition(text)) is not None:
        return told
    if found := _SPOOFED.match(text):
        return NO, found.end()  # an answer came back, so that there is a way to the source
    if found := _FRAGMENT.match(text):  # whoever asks for a connection fits into one packet
        return _of_family("ip", packet, YES if found["sign"] == "==" else NO), found.end()
    if found := _NOT_STATE.match(text):
        return packet.state(found["states"].split(",")).but_not(True), found.end()
    if found := _METER.match(text):
        return MAYBE, found.end()
    if found := _OTHER_PROTOCOL.match(text) or _EXTENSION.match(text):
        return NO, found.end()
    if found := _CONDITION.match(text):
        return _read(found["key"], found["value"], packet, table, negated=bool(found["negated"])), found.end()
    if found := _OTHER_FIELD.match(text):
        return _of_family(found["key"], packet, MAYBE), found.end()
    word = _WORD.match(text)
    return MAYBE, word.end() if word else len(text)


def _read(key: str, value: str, packet: Packet, table: str, *, negated: bool = False) -> Holds:
    if value.startswith("@"):
        holds = _named(key, f"{table} {value[1:]}", packet)
    else:
        # a name in quotes may hold a comma
        values = [value] if value.startswith('"') else [part.strip() for part in value.strip("{} ").split(",")]
        holds = _READERS[key](packet, values)
    return _of_family(key, packet, holds.but_not(negated))


def _named(key: str, name: str, packet: Packet) -> Holds:
    """What a named set, whose elements may be known, says of the packet."""
    if _READERS[key] is _ports and name in packet.ports:
        return packet.named_port(name)
    if key == "ip saddr" and packet.source is not None and name in packet.sets:
        return YES if packet.sets[name] else NO
    return MAYBE


def _of_family(key: str, packet: Packet, holds: Holds) -> Holds:
    """``ip`` and ``ip6`` conditions, negated ones too, hold for packets of their own family alone."""
    wanted = {"ip": "ipv4", "ip6": "ipv6"}.get(key.partition(" ")[0], packet.family)
    return holds if packet.family == wanted else NO


def _verdict(text: str, holds: Holds, table: str) -> list[Act]:
    if found := re.match(r"(accept|drop|return|reject|dnat|redirect)\b", text):
        kind = {"reject": "drop", "dnat": "accept", "redirect": "accept"}.get(found[1], found[1])
        return [Act(kind, holds)]
    if found := re.match(r"(jump|goto) (\S+)", text):
        return [Act(found[1], holds, f"{table} {found[2]}")]
    if found := re.match(r'xt target "?([A-Za-z0-9_]+)', text):
        if found[1] in GO_ON:
            return [Act("nothing", holds)]
        kind = {"REJECT": "drop", "DNAT": "accept", "REDIRECT": "accept", "NETMAP": "accept"}.get(found[1], "any")
        return [Act(kind, holds)]
    return [Act("any", holds)] if re.match(r"(queue|fwd|synproxy|tproxy)\b", text) else []


def _mapped(value: str, key: str, holds: Holds, packet: Packet, table: str) -> Iterator[Act]:
    """The acts of a verdict map, entry by entry; of a named map, whose entries stay on the target, anything."""
    if value.startswith("@"):
        yield Act("any", Holds(NONE, holds.possible))
        return
    for entry in value.strip("{} ").split(","):
        left, _, right = entry.strip().rpartition(" : ")
        own = MAYBE
        if key and left and " " not in left and not left.startswith("@"):
            own = _read(key, left, packet, table)
        both = holds.also(own)
        yield from _verdict(right.strip(), both, table) or ([] if right.strip() == "continue" else [Act("any", both)])
