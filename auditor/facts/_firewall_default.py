"""What the filter does with incoming packets that no rule names: the verdict for every packet, through unconditional jumps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auditor.errors import ParseError
from auditor.facts._firewall_walk import FAMILIES, Chain

_UNDECIDED = "?"
_STRICTNESS = ("none", "accept", "reject", "drop")
_OF_IPTABLES = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}


def default(protocol: str, readings: Iterable[Mapping[str, Chain]]) -> str:
    """What is done at least, by all readings of the chains."""
    return min((_strictest(protocol, chains) for chains in readings), key=_STRICTNESS.index)


def _strictest(protocol: str, chains: Mapping[str, Chain]) -> str:
    """The strictest of the input chains' defaults; ``none`` where no chain looks at this protocol."""
    rules = {name: [_simple(rule, chain) for rule in chain.rules] for name, chain in chains.items()}
    known: dict[str, str] = {}
    answers = [
        _verdict(name, rules, known) or chain.policy
        for name, chain in chains.items()
        if chain.hook == "input" and protocol in FAMILIES.get(chain.family, ())
    ]
    return max(["none", *answers], key=_STRICTNESS.index)


def _simple(text: str, chain: Chain) -> str:
    """A rule in one form for both tools: ``accept``, ``jump <chain>``…, or ``?`` for one with conditions."""
    if chain.iptables:
        return _simple_iptables(text, chain.table)
    text = re.sub(r'(?<!\s)\s*comment "[^"]*"$', "", text.strip())
    text = re.sub(r"^(counter( packets \d+ bytes \d+)?\s*|log( prefix \"[^\"]*\"| level \w+| flags \w+)*\s+(?=\w))+", "", text)
    if match := re.fullmatch(r"(accept|drop|return)|(reject)( with .*)?", text):
        return match[1] or match[2]
    if match := re.fullmatch(r"(jump|goto) (\S+)", text):
        return f"{match[1]} {chain.table} {match[2]}"
    return "?"


def _simple_iptables(text: str, table: str) -> str:
    words = re.sub(r' -m comment --comment ("(?:[^"\\]|\\.)*"|\S+)', "", text).split()
    if len(words) >= 4 and words[2] in ("-j", "-g"):
        if words[3] in _OF_IPTABLES:
            return _OF_IPTABLES[words[3]]
        if len(words) == 4:
            return f"{'jump' if words[2] == '-j' else 'goto'} {table} {words[3]}"
    return "?"


def _verdict(name: str, rules: dict[str, list[str]], known: dict[str, str]) -> str:
    """What befalls every packet that enters the chain; "" when it comes back. ``known`` keeps the answers given so far."""
    if name not in known:
        known[name] = _UNDECIDED
        known[name] = _first(name, rules, known)
    if known[name] == _UNDECIDED:
        raise ParseError("firewall: the chains jump to each other without an end")
    return known[name]


def _first(name: str, rules: dict[str, list[str]], known: dict[str, str]) -> str:
    for rule in rules[name]:
        if rule in ("accept", "drop", "reject"):
            return rule
        if rule == "return":
            return ""
        kind, _, target = rule.partition(" ")
        if kind in ("jump", "goto") and target in rules:
            verdict = _verdict(target, rules, known)
            if verdict or kind == "goto":
                return verdict
    return ""
