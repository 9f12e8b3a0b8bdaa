"""What a rule, as ``iptables-save`` prints it, does to a packet that asks for a connection."""

from __future__ import annotations

import functools
import re
import shlex

from auditor.facts._firewall_flags import compare
from auditor.facts._firewall_packet import MAYBE, NO, YES, Act, Holds, Packet
from auditor.facts._firewall_ports import NONE

_LONGEST = 2048
_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return"}
_SENDS = {"DNAT": "accept", "REDIRECT": "accept", "NETMAP": "accept", "TPROXY": "any"}
GO_ON = frozenset(
    {"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "SET", "TRACE", "CT", "NOTRACK", "AUDIT", "CLASSIFY", "TCPMSS", "DSCP", "TOS",
     "TTL", "HL", "ECN", "CHECKSUM", "IDLETIMER", "CONNSECMARK", "SECMARK", "TEE", "HMARK", "RATEEST", "LED", "TCPOPTSTRIP"}
)  # fmt: skip
"""Targets after which the next rule is asked."""
_SILENT = frozenset({"tcp", "udp", "multiport", "conntrack", "state", "addrtype", "pkttype", "comment"})
"""Modules that match by their options alone."""
_EXTENSIONS = frozenset({"rt", "hbh", "frag", "dst", "mh", "ah"})
"""Modules that look at headers which a packet that asks for a TCP connection does not carry; ufw refuses some of them."""


def redirects(text: str) -> bool:
    """Whether the rule sends packets elsewhere before the filter."""
    return bool(re.search(rf" -j ({'|'.join(_SENDS)})\b", text))


def interfaces(text: str) -> list[str]:
    """The interfaces that the rule names."""
    return re.findall(r" -i (\S+)", text)


def untracks(text: str) -> bool:
    """Whether the rule takes packets out of the connection tracking."""
    return bool(re.search(r" -j (CT|NOTRACK)\b", text))


def acts(text: str, packet: Packet, table: str) -> list[Act]:
    """What the rule does, from its ``-A CHAIN …``; ``table`` stands before the names of its chains."""
    try:
        words = _words(text)[2:]
    except ValueError:
        return [Act("any", MAYBE)]
    holds, negated, at = YES, False, 0
    while at < len(words):
        word, argument = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in ("-j", "-g"):
            return _target(argument, holds, table, goes=word == "-g")
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


@functools.lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    """The rule's words, which are asked for again for each interface. Raises ValueError."""
    if len(text) > _LONGEST:
        raise ValueError("longer than what iptables saves")
    return tuple(shlex.split(text))


def _target(name: str, holds: Holds, table: str, *, goes: bool) -> list[Act]:
    if name in _VERDICTS:
        return [Act(_VERDICTS[name], holds)]
    if name in _SENDS:
        return [Act(_SENDS[name], holds)]
    if name in GO_ON:
        return [Act("nothing", holds)]
    return [Act("goto" if goes else "jump", holds, f"{table} {name}")]  # of a chain that is not there: anything


def _condition(option: str, arguments: tuple[str, ...], packet: Packet) -> Holds:
    values = arguments[0].split(",") if arguments else []
    match option:
        case "-m" if values and values[0] in _EXTENSIONS:
            return NO
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
        case "--tcp-flags" if len(arguments) == 2:
            mask, wanted = (frozenset(text.lower().replace("none", "").split(",")) - {""} for text in arguments)
            return compare(mask, wanted)
        case "-f":  # whoever asks for a connection fits into one packet
            return NO
    return MAYBE
