"""What the host's packet filter does with incoming traffic that no rule names: the one thing that makes it a firewall.

A filter that only bans some addresses (fail2ban) lets in everything else; therefore the rules of the input chains are followed,
through unconditional jumps, to the first verdict that applies to every packet, else to the chain's policy. A conditional
rule decides nothing here. A packet must pass every chain, so that one that drops is enough.

``lets_in`` are the TCP ports that the rules may let somebody into, at least: what is not understood counts as every port.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from auditor.errors import ParseError
from auditor.facts import _firewall_ports as ports
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_FAMILIES = {"ip": ("ipv4",), "ip6": ("ipv6",), "inet": ("ipv4", "ipv6")}
_UNDECIDED = "?"
_STRICTNESS = ("none", "accept", "reject", "drop")

# Elements of sets (banned addresses) change nightly and decide nothing here: they stay on the target, as do other tables' rules.
# nft shows what iptables-nft wrote; the old tables, which it does not see, are asked for only where they are in use already,
# because to ask for them loads kernel modules. They are saved, not listed: `iptables-legacy -S` leaves a lock file behind.
_SCRIPT = r"""
told() {
  printf '%s\n' "$out" | sed -e '/^#/d' -e '/^\*filter$/d' -e '/^COMMIT$/d' -e 's/^:\([^ ]*\) - .*/-N \1/' \
    -e 's/^:\([^ ]*\) \([A-Z]*\) .*/-P \1 \2/' -e '/^$/d' -e "s/^/$1=/" || exit 1
}
if [ -x /usr/sbin/nft ]; then
  echo tool=nftables
  out=$(as_root /usr/sbin/nft -s list ruleset) || exit 1
  printf '%s\n' "$out" | awk '
    $1 == "table" && $NF == "{" { table = $2 " " $3; text = ""; wanted = 0; asleep = 0; depth = 0; next }
    !depth && $1 == "flags" && /dormant/ { asleep = 1; next }
    !depth && $1 == "chain" && $NF == "{" { text = text "chain=" table " " $2 "\n"; depth = 1; next }
    !depth && /\{/ && !/\}/ { depth = 2; next }
    !depth && $1 == "}" { if (wanted && !asleep) printf "%s", text; next }
    depth == 2 { if (/\}[ \t]*$/ && !/\{/) depth = 0; next }
    depth == 1 && $1 == "}" && NF == 1 { depth = 0; next }
    depth == 1 && $1 == "type" { sub(/^[ \t]*/, ""); text = text "base=" $0 "\n"; if (/hook input/) wanted = 1; next }
    depth == 1 { sub(/^[ \t]*/, ""); text = text "rule=" $0 "\n" }
  ' || exit 1
fi
if [ -x /usr/sbin/nft ]; then
  if [ -e /proc/net/ip_tables_names ] && [ -x /usr/sbin/iptables-legacy ]; then
    echo tool=iptables-legacy
    out=$(as_root /usr/sbin/iptables-legacy-save -t filter) || exit 1
    told ip
  fi
  if [ -e /proc/net/ip6_tables_names ] && [ -x /usr/sbin/ip6tables-legacy ]; then
    echo tool=ip6tables-legacy
    out=$(as_root /usr/sbin/ip6tables-legacy-save -t filter) || exit 1
    told ip6
  fi
else
  if [ -x /usr/sbin/iptables ]; then
    echo tool=iptables
    out=$(as_root /usr/sbin/iptables-save -t filter) || exit 1
    told ip
  fi
  if [ -x /usr/sbin/ip6tables ]; then
    echo tool=ip6tables
    out=$(as_root /usr/sbin/ip6tables-save -t filter) || exit 1
    told ip6
  fi
fi
if [ -e /proc/net/if_inet6 ]; then
  out=$(cat /proc/net/if_inet6) || exit 1
  if printf '%s\n' "$out" | grep -qv -e '[[:space:]]lo$' -e '^$'; then echo ipv6=yes; else echo ipv6=no; fi
else
  echo ipv6=no
fi
echo end
"""

_PRIVILEGED = (
    "/usr/sbin/nft -s list ruleset",
    "/usr/sbin/iptables-save -t filter",
    "/usr/sbin/ip6tables-save -t filter",
    "/usr/sbin/iptables-legacy-save -t filter",
    "/usr/sbin/ip6tables-legacy-save -t filter",
)


@dataclass(slots=True)
class _Chain:
    """A chain while its lines are read; ``policy`` is "" for a chain that is only jumped to."""

    family: str
    policy: str = ""
    rules: list[str] = field(default_factory=list)
    lets_in: list[tuple[int, int]] = field(default_factory=list)  # by its own rules
    ends: list[tuple[int, int]] = field(default_factory=list)  # what its rules hand back to the caller, or to the policy
    leads_to: list[str] = field(default_factory=list)  # chains that any of its rules jumps or goes to
    goes_to: list[str] = field(default_factory=list)


def parse(output: str, _args: Arguments) -> Json:
    """``tool=``; nft's ``chain=``, ``base=`` and ``rule=``; iptables' lines after ``ip=`` or ``ip6=``; ``ipv6=`` yes or no."""
    tools: list[Json] = []
    chains: dict[str, _Chain] = {}
    current, ipv6 = "", ""
    for line in whole_lines("firewall", output):
        key, sign, text = line.partition("=")
        if key == "tool" and sign:
            tools.append(text)
        elif key == "chain" and (words := text.split()) and len(words) == 3:
            current = text
            chains[current] = _Chain(words[0])
        elif key == "base" and current:
            chains[current].policy = _nft_policy(text)
        elif key == "rule" and current:
            chains[current].rules.append(_nft_rule(text, current))
            _nft_ports(text, chains[current], current.rpartition(" ")[0])
        elif key in ("ip", "ip6") and sign:
            _iptables(key, text, chains)
        elif key == "ipv6" and text in ("yes", "no"):
            ipv6 = text
        else:
            raise ParseError(f"firewall: a line that does not belong there: {line[:80]!r}")
    if not ipv6:
        raise ParseError("firewall: whether the host has an IPv6 address is missing")
    inputs = [chain for chain in chains.values() if chain.policy]
    policies = {protocol: _default(protocol, chains) for protocol in ("ipv4", "ipv6")}
    rules = sum(len(chain.rules) for chain in inputs)
    return {
        "tools": tools,
        "active": any(chain.policy != "accept" or chain.rules for chain in inputs),
        "rules": rules,
        "input_policy": policies["ipv4"],
        "input_policy_ipv6": policies["ipv6"],
        "ipv6": ipv6 == "yes",
        "lets_in": [{"first": first, "last": last} for first, last in _lets_in(chains, ipv6 == "yes")],
    }


def _nft_policy(text: str) -> str:
    """The policy of an input chain; "" for chains hooked elsewhere, which are no matter here."""
    if not re.search(r"\bhook input\b", text):
        return ""
    match = re.search(r"\bpolicy (accept|drop)\b", text)
    return match[1] if match else "accept"


def _nft_rule(text: str, chain: str) -> str:
    """A rule in one form for both tools: ``accept``, ``jump <chain>``…, or ``?`` for one with conditions."""
    text = re.sub(r'\s*comment "[^"]*"$', "", text.strip())
    text = re.sub(r"^(counter( packets \d+ bytes \d+)?\s*|log( prefix \"[^\"]*\"| level \w+| flags \w+)*\s+(?=\w))+", "", text)
    if match := re.fullmatch(r"(accept|drop|return)|(reject)( with .*)?", text):
        return match[1] or match[2]
    if match := re.fullmatch(r"(jump|goto) (\S+)", text):
        return f"{match[1]} {chain.rpartition(' ')[0]} {match[2]}"
    return "?"


def _nft_ports(text: str, chain: _Chain, table: str) -> None:
    text = re.sub(r'"[^"]*"$', "", text)
    chain.lets_in += ports.nft(text, "accept")
    chain.ends += ports.nft(text, "return")
    for word, name in re.findall(r"\b(jump|goto) ([^\s,}]+)", text):
        chain.leads_to.append(f"{table} {name}")
        if word == "goto":
            chain.goes_to.append(f"{table} {name}")


def _iptables(family: str, text: str, chains: dict[str, _Chain]) -> None:
    text = re.sub(r' -m comment --comment ("[^"]*"|\S+)', "", text)
    words = text.split()
    if len(words) < 2 or words[0] not in ("-P", "-N", "-A"):
        raise ParseError(f"firewall: a line that iptables -S does not print: {text[:80]!r}")
    chain = chains.setdefault(f"{family} iptables {words[1]}", _Chain(family))
    if words[0] == "-P" and words[1] == "INPUT":
        chain.policy = words[2].lower()
    if words[0] != "-A":
        return
    verdict = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}
    rule = "?"
    if len(words) >= 4 and words[2] in ("-j", "-g"):
        if words[3] in verdict:
            rule = verdict[words[3]]
        elif len(words) == 4:
            rule = f"{'jump' if words[2] == '-j' else 'goto'} {family} iptables {words[3]}"
    chain.rules.append(rule)
    chain.lets_in += ports.iptables(words, "ACCEPT")
    chain.ends += ports.iptables(words, "RETURN")
    for option, target in itertools.pairwise(words):
        if option in ("-j", "-g"):
            chain.leads_to.append(f"{family} iptables {target}")
        if option == "-g":
            chain.goes_to.append(f"{family} iptables {target}")


def _lets_in(chains: dict[str, _Chain], ipv6: bool) -> ports.Ports:
    """What may come in over the protocols the host has: what every input chain that looks at one lets through."""
    found: list[tuple[int, int]] = []
    for protocol in ("ipv4", "ipv6") if ipv6 else ("ipv4",):
        through = ports.ALL
        for name, chain in chains.items():
            if chain.policy and protocol in _FAMILIES.get(chain.family, ()):
                own = _reached(name, chains, set())
                if chain.policy == "accept":
                    own = ports.join([*own, *_ended(name, chains)])
                passes = (_verdict(name, chains, {}) or chain.policy) == "accept"
                through = ports.meet(through, ports.ALL if passes else own)
        found += through
    return ports.join(found)


def _reached(name: str, chains: dict[str, _Chain], seen: set[str]) -> ports.Ports:
    """What the chain and those that it leads to let in, whatever the conditions of the jumps."""
    if name in seen or name not in chains:
        return ports.NONE
    seen.add(name)
    further = [part for target in chains[name].leads_to for part in _reached(target, chains, seen)]
    return ports.join([*chains[name].lets_in, *further])


def _ended(name: str, chains: dict[str, _Chain]) -> ports.Ports:
    """What an input chain hands to its policy before its last rule; all of it where a goto leaves the chain."""
    away = any(target in chains for target in chains[name].goes_to)
    return ports.ALL if away else ports.join(chains[name].ends)


def _default(protocol: str, chains: dict[str, _Chain]) -> str:
    """The strictest of the input chains' defaults; ``none`` where no chain looks at this protocol."""
    known: dict[str, str] = {}
    answers = [
        _verdict(name, chains, known) or chain.policy
        for name, chain in chains.items()
        if chain.policy and protocol in _FAMILIES.get(chain.family, ())
    ]
    return max(["none", *answers], key=_STRICTNESS.index)


def _verdict(name: str, chains: dict[str, _Chain], known: dict[str, str]) -> str:
    """What befalls every packet that enters the chain; "" when it comes back. ``known`` keeps the answers given so far."""
    if name not in known:
        known[name] = _UNDECIDED
        known[name] = _first(chains[name].rules, chains, known)
    if known[name] == _UNDECIDED:
        raise ParseError("firewall: the chains jump to each other without an end")
    return known[name]


def _first(rules: list[str], chains: dict[str, _Chain], known: dict[str, str]) -> str:
    for rule in rules:
        if rule in ("accept", "drop", "reject"):
            return rule
        if rule == "return":
            return ""
        kind, _, target = rule.partition(" ")
        if kind in ("jump", "goto") and target in chains:
            verdict = _verdict(target, chains, known)
            if verdict or kind == "goto":
                return verdict
    return ""


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
        lets_in=ListOf(record(first=INT, last=INT)),
    ),
    parse=parse,
    example={
        "tools": ["nftables"],
        "active": True,
        "rules": 6,
        "input_policy": "drop",
        "input_policy_ipv6": "drop",
        "ipv6": True,
        "lets_in": [{"first": 22, "last": 22}, {"first": 443, "last": 443}],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=_PRIVILEGED)},
    version=2,
)
