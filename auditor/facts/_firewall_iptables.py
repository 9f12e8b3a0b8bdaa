"""What a rule, as ``iptables-save`` prints it, does to a packet that asks for a connection."""

from __future__ import annotations

import shlex

from auditor.facts._firewall_packet import MAYBE, NO, YES, Act, Holds, Packet
from auditor.facts._firewall_ports import NONE

_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_GO_ON = frozenset(
    {"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "SET", "TRACE", "CT", "NOTRACK", "AUDIT", "CLASSIFY", "TCPMSS", "DSCP", "TOS"}
)
_SILENT = frozenset({"tcp", "udp", "multiport", "conntrack", "state", "addrtype", "pkttype", "comment"})
"""Modules that match by their options alone."""


def acts(text: str, packet: Packet, family: str) -> list[Act]:
    """What the rule does, from its ``-A CHAIN …``; ``family`` is ``ip`` or ``ip6``, before the names of its chains."""
    try:
        words = shlex.split(text)[2:]
    except ValueError:
        return [Act("any", MAYBE)]
    holds, negated, at = YES, False, 0
    while at < len(words):
        word, argument = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in ("-j", "-g"):
            return _target(argument, holds, family, goes=word == "-g")
        if word == "!":
            negated, at = True, at + 1
            continue
        if word == "--comment":  # which may read like an option
            at += 2
            continue
        end = at + 1
        while end < len(words) and not words[end].startswith("-") and words[end] != "!":
            end += 1
        holds = holds.also(_condition(word, words[at + 1 : end], packet).but_not(negated))
        negated, at = False, end
    return []


def _target(name: str, holds: Holds, family: str, *, goes: bool) -> list[Act]:
    if name in _VERDICTS:
        return [Act(_VERDICTS[name], holds)]
    if name in _GO_ON:
        return []
    return [Act("goto" if goes else "jump", holds, f"{family} iptables {name}")]  # of a chain that is not there: anything


def _condition(option: str, arguments: list[str], packet: Packet) -> Holds:
    values = arguments[0].split(",") if arguments else []
    match option:
        case "-m":
            return YES if values and values[0] in _SILENT else MAYBE
        case "-p":
            return packet.protocol(values)
        case "-i":
            return packet.interface(values)
        case "-s":
            return packet.address(packet.source, values)
        case "-d":
            return packet.address(packet.destination, values)
        case "--dport" | "--dports":
            return packet.port(values)
        case "--ctstate" | "--state":
            return packet.state(values)
        case "--ctstatus":
            return Holds(NONE, packet.redirected) if values == ["DNAT"] else MAYBE
        case "--dst-type":
            return YES if "LOCAL" in values else NO
        case "--pkt-type" if not packet.loopback:
            return YES if {"unicast", "host"} & {*values} else NO
        case "--tcp-flags" if len(arguments) == 2 and "SYN" in values:
            return YES if arguments[1] == "SYN" else NO
    return MAYBE
