"""What the host's packet filter does with incoming traffic that no rule names: the one thing that makes it a firewall.

A filter that only bans some addresses (fail2ban) lets in everything else; therefore the rules of the input chains are followed,
through unconditional jumps, to the first verdict that applies to every packet, else to the chain's policy. A conditional
rule decides nothing here. A packet must pass every chain, so that one that drops is enough.

``ports`` tells for a connection to each TCP port whether all the rules on its way accept it, refuse it, or cannot be decided.
The source is known where the session comes from it: the network is looked through from the same machine.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from auditor.errors import ParseError
from auditor.facts import _firewall_ports as ports
from auditor.facts._firewall_packet import Packet
from auditor.facts._firewall_walk import FAMILIES, Chain, decide, redirected
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_UNDECIDED = "?"
_NO_SOCKET = "UNKNOWN"  # sshd's word for the ends of a session that comes through a pipe or a socket without addresses
_STRICTNESS = ("none", "accept", "reject", "drop")

# Elements of sets (banned addresses) change nightly: they stay on the target, which tells of a set of addresses only whether it
# holds the one that the session comes from. Tables that see no incoming packets stay there too.
# nft shows what iptables-nft wrote; the old tables, which it does not see, are asked for only where they are in use already,
# because to ask for them loads kernel modules. They are saved, not listed: `iptables-legacy -S` leaves a lock file behind.
_SCRIPT = r"""
told() {
  printf '%s\n' "$out" | sed -e '/^#/d' -e '/^\*filter$/d' -e '/^COMMIT$/d' -e 's/^:\([^ ]*\) - .*/-N \1/' \
    -e 's/^:\([^ ]*\) \([A-Z]*\) .*/-P \1 \2/' -e '/^$/d' -e "s/^/$1=/" || exit 1
}
client=
if [ -n "${SSH_CONNECTION-}" ]; then
  set -- $SSH_CONNECTION
  client=$1
  echo "client=$1 $3"
fi
if [ -x /usr/sbin/nft ]; then
  echo tool=nftables
  out=$(as_root /usr/sbin/nft -s list ruleset) || exit 1
  printf '%s\n' "$out" | awk -v client="$client" '
    function number(text, part) { split(text, part, "."); return ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4] }
    function within(text, part, size) {
      if (text ~ /-/) { split(text, part, "-"); return number(part[1]) <= me && me <= number(part[2]) }
      if (text ~ /\//) {
        split(text, part, "/"); size = 2 ^ (32 - part[2])
        return int(number(part[1]) / size) == int(me / size)
      }
      return number(text) == me
    }
    function finish(n, i, all, word) {
      if (!typed || client !~ /^[0-9.]+$/) return
      me = number(client); found = "lacks"
      sub(/.*elements = \{/, "", elements); sub(/\}.*/, "", elements)
      n = split(elements, all, ",")
      for (i = 1; i <= n; i++) { split(all[i], word, " "); if (word[1] != "" && within(word[1])) found = "holds" }
      text = text "set=" table " " name " " found "\n"
    }
    $1 == "table" && $NF == "{" { table = $2 " " $3; text = ""; wanted = 0; asleep = 0; depth = 0; next }
    !depth && $1 == "flags" && /dormant/ { asleep = 1; next }
    !depth && $1 == "chain" && $NF == "{" { text = text "chain=" table " " $2 "\n"; depth = 1; next }
    !depth && /\{/ && !/\}/ { depth = 2; name = $2; typed = 0; elements = ""; isset = $1 == "set"; next }
    !depth && $1 == "}" { if (wanted && !asleep) printf "%s", text; next }
    depth == 2 && $1 == "}" && NF == 1 { if (isset) finish(); depth = 0; next }
    depth == 2 && /^[ \t]*(type ipv4_addr|typeof ip saddr)$/ { typed = 1; next }
    depth == 2 { if (/elements = / || elements != "") elements = elements $0 " "; next }
    depth == 1 && $1 == "}" && NF == 1 { depth = 0; next }
    depth == 1 && $1 == "type" && /hook (input|prerouting|ingress)/ { wanted = 1 }
    depth == 1 && $1 == "type" { sub(/^[ \t]*/, ""); text = text "base=" $0 "\n" }
    depth == 1 && $1 == "type" { next }
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


def parse(output: str, _args: Arguments) -> Json:
    """``tool=``; nft's ``chain=``, ``base=``, ``rule=`` and ``set=``; iptables' lines after ``ip=`` or ``ip6=``.

    ``client=`` holds the session's two ends; ``ipv6=`` is yes or no.
    """
    tools: list[Json] = []
    chains: dict[str, Chain] = {}
    sets: dict[str, bool] = {}
    current, ipv6, client, server = "", "", "", ""
    for line in whole_lines("firewall", output):
        key, sign, text = line.partition("=")
        if key == "tool" and sign:
            tools.append(text)
        elif key == "chain" and (words := text.split()) and len(words) == 3:
            current = text
            chains[current] = Chain(words[0], f"{words[0]} {words[1]}")
        elif key == "base" and current:
            _hooked(text, chains[current])
        elif key == "rule" and current:
            chains[current].rules.append(text)
        elif key == "set" and text.endswith((" holds", " lacks")):
            sets[text[:-6]] = text.endswith("holds")
        elif key in ("ip", "ip6") and sign:
            _iptables(key, text, chains)
        elif key == "client" and len(text.split()) == 2:
            client, server = text.split()
        elif key == "ipv6" and text in ("yes", "no"):
            ipv6 = text
        else:
            raise ParseError(f"firewall: a line that does not belong there: {line[:80]!r}")
    if not ipv6:
        raise ParseError("firewall: whether the host has an IPv6 address is missing")
    inputs = [chain for chain in chains.values() if chain.hook == "input"]
    simple = {name: [_simple(rule, chain) for rule in chain.rules] for name, chain in chains.items()}
    policies = {protocol: _default(protocol, chains, simple) for protocol in ("ipv4", "ipv6")}
    return {
        "tools": tools,
        "active": any(chain.policy != "accept" or chain.rules for chain in inputs),
        "rules": sum(len(chain.rules) for chain in inputs),
        "input_policy": policies["ipv4"],
        "input_policy_ipv6": policies["ipv6"],
        "ipv6": ipv6 == "yes",
        "redirections_seen": all("iptables" not in str(tool) and "ip6tables" not in str(tool) for tool in tools),
        "ports": _ports(chains, [_packet(family, client, server, sets) for family in ("ipv4", "ipv6")]),
    }


def _packet(family: str, client: str, server: str, sets: dict[str, bool]) -> Packet:
    """What is known of the auditor's packets; of those of the other family than the session's, whether they come from afar."""
    if client in ("", _NO_SOCKET) or server == _NO_SOCKET:
        return Packet(family)
    source, destination = (ipaddress.ip_address(end.partition("%")[0]) for end in (client, server))
    loopback = source.is_loopback or source == destination
    if family != f"ipv{source.version}":
        return Packet(family, loopback=loopback)
    return Packet(family, source, destination, loopback, sets=sets)


def _ports(chains: dict[str, Chain], packets: list[Packet]) -> list[Json]:
    """Every TCP port in ranges, with what befalls a connection over either protocol."""
    taken = [redirected(chains, packet) for packet in packets]
    bare = any(re.search(r'\bnotrack\b|xt target "(CT|NOTRACK)"', rule) for chain in chains.values() for rule in chain.rules)
    decided = [
        decide(chains, replace(packet, redirected=away, untracked=bare)) for packet, away in zip(packets, taken, strict=True)
    ]
    found: list[dict[str, Json]] = []
    for first, last in ports.pieces(*decided[0], *decided[1], *taken):
        said: dict[str, Json] = {"redirected": _holds(taken[0], first), "redirected_ipv6": _holds(taken[1], first)}
        for packet, answer in zip(packets, decided, strict=True):
            accepted, dropped = _holds(answer.accepted, first), _holds(answer.dropped, first)
            said[packet.family] = "accepted" if accepted else "dropped" if dropped else "undecided"
        if found and said == {key: found[-1][key] for key in said}:
            found[-1]["last"] = last
        else:
            found.append({"first": first, "last": last, **said})
    return [*found]


def _range(first: int, last: int, said: str) -> Json:
    return {"first": first, "last": last, "ipv4": said, "ipv6": said, "redirected": False, "redirected_ipv6": False}


def _holds(ranges: ports.Ports, port: int) -> bool:
    return any(first <= port <= last for first, last in ranges)


def _hooked(text: str, chain: Chain) -> None:
    """Where an nft chain is called, and its policy; those hooked elsewhere see no incoming packet and are no matter here."""
    hook = re.search(r"\bhook (input|prerouting|ingress)\b", text)
    if not hook:
        return
    policy = re.search(r"\bpolicy (accept|drop)\b", text)
    chain.hook, chain.policy = hook[1], policy[1] if policy else "accept"
    chain.bound = bool(re.search(r"\bdevices? ", text))


def _simple(text: str, chain: Chain) -> str:
    """A rule in one form for both tools: ``accept``, ``jump <chain>``…, or ``?`` for one with conditions."""
    if chain.table.endswith(" iptables"):
        return _simple_iptables(text, chain.family)
    text = re.sub(r'\s*comment "[^"]*"$', "", text.strip())
    text = re.sub(r"^(counter( packets \d+ bytes \d+)?\s*|log( prefix \"[^\"]*\"| level \w+| flags \w+)*\s+(?=\w))+", "", text)
    if match := re.fullmatch(r"(accept|drop|return)|(reject)( with .*)?", text):
        return match[1] or match[2]
    if match := re.fullmatch(r"(jump|goto) (\S+)", text):
        return f"{match[1]} {chain.table} {match[2]}"
    return "?"


def _simple_iptables(text: str, family: str) -> str:
    words = re.sub(r' -m comment --comment ("[^"]*"|\S+)', "", text).split()
    verdict = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}
    if len(words) >= 4 and words[2] in ("-j", "-g"):
        if words[3] in verdict:
            return verdict[words[3]]
        if len(words) == 4:
            return f"{'jump' if words[2] == '-j' else 'goto'} {family} iptables {words[3]}"
    return "?"


def _iptables(family: str, text: str, chains: dict[str, Chain]) -> None:
    words = text.split()
    if len(words) < 2 or words[0] not in ("-P", "-N", "-A"):
        raise ParseError(f"firewall: a line that iptables -S does not print: {text[:80]!r}")
    chain = chains.setdefault(f"{family} iptables {words[1]}", Chain(family, f"{family} iptables"))
    if words[0] == "-P" and words[1] == "INPUT":
        chain.hook, chain.policy = "input", words[2].lower()
    if words[0] == "-A":
        chain.rules.append(text)


def _default(protocol: str, chains: dict[str, Chain], rules: dict[str, list[str]]) -> str:
    """The strictest of the input chains' defaults; ``none`` where no chain looks at this protocol."""
    known: dict[str, str] = {}
    answers = [
        _verdict(name, rules, known) or chain.policy
        for name, chain in chains.items()
        if chain.hook == "input" and protocol in FAMILIES.get(chain.family, ())
    ]
    return max(["none", *answers], key=_STRICTNESS.index)


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
        redirections_seen=BOOL,
        ports=ListOf(record(first=INT, last=INT, ipv4=STR, ipv6=STR, redirected=BOOL, redirected_ipv6=BOOL)),
    ),
    parse=parse,
    example={
        "tools": ["nftables"],
        "active": True,
        "rules": 6,
        "input_policy": "drop",
        "input_policy_ipv6": "drop",
        "ipv6": True,
        "redirections_seen": True,
        "ports": [
            _range(0, 21, "dropped"),
            _range(22, 22, "accepted"),
            _range(23, 65535, "dropped"),
        ],
    },
    probes={"linux": HostProbe(script=_SCRIPT, privileged=_PRIVILEGED)},
    version=3,
)
