"""Random small rule sets, of the forms that people write and of those that they should not."""

from __future__ import annotations

from random import Random

from tests.lab.two_spaces import HOST, PEER

PORTS = (22, 25, 80, 443, 8080)
_CHAINS = ("c0", "c1")
_RANGES = (
    "20-30",
    "{ 22, 79-90 }",
    "1-1023",
    "0-65535",
    "1024-65535",
    "!= { 22, 80 }",
    "!= 20-30",
    "@services",
    "> 79",
    "< 80",
    "!= @services",
)
_INTERFACES = ('iifname "lo"', 'iifname != "lo"', 'iifname "eth0"', 'iifname "eth1"', 'iifname != "eth1"', 'iifname "eth*"')
_STATES = (
    "new", "established", "established,related", "new,untracked", "invalid", "!= new", "!= established", "{ new }",
    "untracked", "! established,related", "! new", "!= { established, related }", "{ established, related }",
)  # fmt: skip
_FLAGS = (
    "syn", "& (fin | syn | rst | ack) == syn", "& (fin | syn | rst | ack) != syn", "& syn == syn", "& syn != 0", "!= syn",
    "syn / fin,syn,rst,ack", "!= syn / fin,syn,rst,ack", "& (fin | syn) == fin | syn",
    "& (fin | syn | rst | psh | ack | urg) == 0", "syn,ack", "& (ack | rst) == 0", "{ syn, ack }",
    "& (syn | ack) == syn | ack",
)  # fmt: skip
_PLAIN = (
    'iifname "lo"', 'iifname != "lo"', 'iifname "eth0"', 'iifname { "lo", "eth0" }', 'iif "lo"', 'iif != "lo"',
    'iifname "eth*"', 'iifname "l*"', "iiftype loopback", "iiftype != loopback", "meta l4proto tcp",
    "meta l4proto { tcp, udp }", "meta l4proto udp", "meta l4proto != tcp", "meta l4proto != udp",
    "meta l4proto { icmp, ipv6-icmp }", "meta nfproto ipv4", "meta nfproto ipv6", "meta nfproto != ipv6", "meta protocol ip",
    "meta protocol ip6", "meta protocol { ip, ip6 }", "meta protocol != ip", "udp dport 22", "udp dport != 22",
    "udp sport 53", "icmp type echo-request", "icmpv6 type { nd-neighbor-solicit, nd-router-advert }",
    "fib daddr type local", "fib daddr type != local", "fib daddr type { local, broadcast }",
    "fib daddr type { broadcast, multicast }", "fib saddr . iif oif missing", "fib saddr . iif oif exists",
    "fib saddr oif missing", "fib saddr . mark . iif oif missing", "fib daddr . iif type local", "meta pkttype host",
    "meta pkttype unicast", "meta pkttype { broadcast, multicast }", "meta pkttype != host", "meta mark 0x1",
    "meta mark 0x0", "meta mark != 0x0", "meta length > 10", "meta length < 10", "limit rate 10/minute",
    "limit rate over 1000/second", "tcp sport 1024-65535", "tcp sport 22", "tcp sport != 22",
    "tcp option maxseg size 1-1460", "tcp option maxseg exists", "tcp option sack-perm missing", "ct status dnat",
    "ct status snat", "ct status != dnat", "ct status expected", "ct direction original", "ct direction reply",
    "ct mark 0x0", "ct mark 0x1", "ct l3proto ipv4", "ct expiration < 1h", "@th,16,16 22", "@th,0,16 22", "th dport 22",
    "ct original proto-src 22", "tcp dport . tcp sport { 22 . 1024-65535 }",
    "meta l4proto . th dport { tcp . 22, udp . 53 }", "meta l4proto . th dport { tcp . 25 }",
    "iifname . tcp dport { lo . 22 }", "meta cpu 0-255", "meta skuid 0", "meta iifgroup 0", "meta iifgroup 1",
    "meta day 0-6", "ct count over 100", "ct count 100", "exthdr frag exists", "exthdr frag missing", "socket transparent 1",
    "socket wildcard 0", "tcp window > 0", "tcp doff > 4", "tcp sequence > 0", "rt classid 0", "meta sdif 0", "ct zone 0",
    "ct label 1", "quota over 1 mbytes", "quota until 1 mbytes", "meta priority 0", "osf name unknown",
)  # fmt: skip
_FOUR = (
    "ip protocol tcp", "ip protocol { tcp, udp }", "ip protocol != tcp", "ip protocol icmp", "ip ttl 64", "ip ttl < 10",
    "ip length > 10", "ip frag-off & 0x1fff != 0", "ip frag-off & 8191 == 0", "ip dscp cs0", "ip dscp != cs0",
    "ip version 4", "ip saddr & 255.0.0.0 == 10.0.0.0", f"ip daddr {HOST['ipv4']}", f"ip daddr != {HOST['ipv4']}",
    "ip daddr 224.0.0.0/4", "ip daddr 10.0.0.0/8", f"ip daddr {{ {HOST['ipv4']}, 1.1.1.1 }}",
    f"ip saddr . tcp dport {{ {PEER['ipv4']} . 22 }}", f"ip saddr . ip daddr {{ {PEER['ipv4']} . {HOST['ipv4']} }}",
    f"ct original ip saddr {PEER['ipv4']}", "ip id 0-65535", "ip ecn not-ect",
    f"ip saddr . tcp dport != {{ {PEER['ipv4']} . 22 }}", "ip saddr vmap @sources", "ip option lsrr exists",
    "ip option ra missing",
)  # fmt: skip
_SIX = (
    "ip6 nexthdr tcp", "ip6 nexthdr != tcp", "ip6 nexthdr { tcp, udp }", "ip6 nexthdr icmpv6", "ip6 hoplimit > 1",
    "ip6 hoplimit 255", f"ip6 daddr {HOST['ipv6']}", "ip6 daddr fe80::/10", f"ip6 daddr != {HOST['ipv6']}", "ip6 version 6",
    "ip6 length > 1", "ip6 saddr fe80::/10", f"ip6 saddr . tcp dport {{ {PEER['ipv6']} . 22 }}",
)  # fmt: skip
_NEUTRAL = (
    "counter", "counter packets 3 bytes 4", 'log prefix "accept "', 'log prefix "drop: " level info', "log flags all",
    "meta mark set 0x1", "ct mark set 0x1", "meta nftrace set 1", "log group 2", "log", "counter name hits",
    "meta priority set 1", "ct mark set meta mark", "meta mark set ct mark", "log flags tcp sequence,options",
    'log prefix "tcp dport 22 accept" flags skuid flags ether',
)  # fmt: skip


def nft_ruleset(random: Random) -> str:
    """One to three tables; few of what is made nft refuses."""
    tables = (_table(random, number) for number in range(random.choice((1, 2, 2, 3))))
    return "flush ruleset\n" + "\n".join(tables) + "\n"


def _table(random: Random, number: int) -> str:
    family = random.choice(("inet", "inet", "inet", "ip", "ip6", "netdev"))
    hook = "ingress" if family == "netdev" else random.choice(("input", "input", "input", "raw", "nat"))
    lines = [f"table {family} t{number} {{", *(["flags dormant;"] if random.random() < 0.05 else []), *_sets(random)]
    for place, name in enumerate(_CHAINS):
        inner = [_rule(random, family, _CHAINS[place + 1 :], hook) for _ in range(random.randrange(4))]
        lines += [f"chain {name} {{", *inner, "}"]
    where = {
        "ingress": 'type filter hook ingress device "eth0" priority',
        "input": "type filter hook input priority",
        "raw": "type filter hook prerouting priority raw +",
        "nat": "type nat hook prerouting priority dstnat +",
    }[hook]
    for count in range(random.choice((1, 1, 2))):
        # what mostly lets through leaves something to be decided by the other tables
        policy = "accept" if hook == "nat" or random.random() < 0.6 else "drop"
        lines += [f"chain base{count} {{", f"{where} {random.randrange(10)}; policy {policy};"]
        lines += [_rule(random, family, _CHAINS, hook) for _ in range(random.randrange(6))]
        lines.append("}")
    return "\n".join([*lines, "}"])


def _sets(random: Random) -> list[str]:
    banned = random.choice((PEER["ipv4"], "10.99.0.1, 10.98.0.0/16", "10.214.0.0/16, 10.99.0.1", "10.214.7.0-10.214.7.5"))
    banned6 = random.choice((PEER["ipv6"], "fd99::1", "fd00::/16"))
    services = random.choice((
        "type inet_service; elements = { 22, 80 };", "type inet_service; flags interval; elements = { 20-30, 443 };",
        'type inet_service; elements = { 80 comment "not 443, 22 } is" };', "type inet_service;",
        "type inet_service; flags dynamic; elements = { 22 };", "type inet_service; counter; elements = { 22, 8080 };",
        "typeof tcp dport; flags interval; auto-merge; elements = { 22-25, 24-80 };",
        "type inet_service; flags timeout; elements = { 22 timeout 1h };",
    ))  # fmt: skip
    note = random.choice(("", "", ' comment "not 10.99.9.9, 10.214.7.1 } is, fine"'))
    return [
        f"set banned {{ type ipv4_addr; flags interval; elements = {{ {banned}{note} }}; }}",
        f"set banned6 {{ type ipv6_addr; flags interval; elements = {{ {banned6} }}; }}",
        "set everybody { type ipv4_addr; elements = { * }; }",
        "set nobody { type ipv4_addr; flags dynamic,timeout; timeout 1h; }",
        f"set services {{ {services} }}",
        "map verdicts { type inet_service : verdict; elements = { 22 : accept, 80 : drop }; }",
        "map sources { type ipv4_addr : verdict; elements = { 10.214.7.1 : accept }; }",
        "counter hits { }",
    ]


def _rule(random: Random, family: str, targets: tuple[str, ...], hook: str) -> str:
    versions = {"ip": "4", "ip6": "6"}.get(family) or random.choice("46")  # a rule that asks for both is refused
    words = [_condition(random, family, versions) for _ in range(random.choice((0, 1, 1, 1, 2, 2)))]
    if hook == "nat" and random.random() < 0.4:
        return " ".join(["tcp dport", str(random.choice(PORTS)), *words, f"redirect to :{random.choice(PORTS)}"])
    if random.random() < 0.2 and family != "netdev":
        words.append(random.choice(_NEUTRAL))
    if hook == "raw" and random.random() < 0.1:
        words.append("notrack")
    words.append(_verdict(random, family, targets))
    words.append(random.choice(("", "", "", 'comment "tcp dport 22 accept"', 'comment "a } b { c, d"')))
    return " ".join(word for word in words if word) or "counter"


def _condition(random: Random, family: str, version: str) -> str:
    port, kind = random.choice(PORTS), random.randrange(12)
    if kind < 3:
        some = ", ".join(map(str, random.sample(PORTS, 2)))
        return f"tcp dport {random.choice((str(port), f'{{ {some} }}', f'!= {port}', *random.sample(_RANGES, 2)))}"
    if kind < 5:
        return random.choice(_sources(version) if random.random() < 0.6 else _FOUR if version == "4" else _SIX)
    if kind == 5:
        return f"tcp flags {random.choice(_FLAGS)}"
    if kind < 8:
        return random.choice(_INTERFACES)
    if family == "netdev":  # which sees packets before they are tracked
        return f"meta l4proto tcp th dport {port}"
    return f"ct state {random.choice(_STATES)}" if kind == 8 else random.choice(_PLAIN)


def _sources(version: str) -> tuple[str, ...]:
    peer = PEER[f"ipv{version}"]
    if version == "6":
        forms = (peer, "fd00:214:7::/64", "fd99::/16", f"!= {peer}", "!= fd99::/16", "fd00:214:7::-fd00:214:7::9", "@banned6")
        return tuple(f"ip6 saddr {form}" for form in forms)
    forms = (
        *(peer, "10.214.7.0/24", "10.99.0.0/16", f"!= {peer}", "!= 10.99.0.0/16", f"{{ {peer}, 10.99.0.0/16 }}"),
        *("10.214.7.0-10.214.7.9", "!= 10.214.7.0-10.214.7.9", "@banned", "!= @banned", "@everybody", "@nobody"),
    )
    return tuple(f"ip saddr {form}" for form in forms)


def _verdict(random: Random, family: str, targets: tuple[str, ...]) -> str:
    if random.random() < 0.75 or family == "netdev":
        # no reject: of the packet after the first it looks to whoever connects like one of the first
        plain = ["accept", "accept", "drop", "return", "continue", ""]
        return random.choice([*plain, *(f"{kind} {name}" for kind in ("jump", "goto") for name in targets)])
    jump = f"jump {targets[0]}" if targets else "return"
    mapped = (
        "tcp dport vmap { 22 : accept, 80 : drop }",
        f"tcp dport vmap {{ 22-80 : accept, 443 : {jump}, 8080 : return }}",
        "tcp dport vmap { 22 : accept, * : drop }",
        f"tcp dport vmap {{ 25 : continue, * : {jump} }}",
        "tcp dport vmap @verdicts",
        "ct state vmap { established : accept, related : accept, invalid : drop }",
        f"ct state vmap {{ established : accept, new : {jump} }}",
        f"meta l4proto vmap {{ tcp : {jump}, udp : drop }}",
        "meta l4proto . th dport vmap { tcp . 22 : accept, tcp . 80 : drop }",
        f'iifname vmap {{ "lo" : accept, "eth0" : {jump} }}',
        f"meta protocol vmap {{ ip : {jump}, ip6 : drop }}",
        "fib daddr type vmap { local : accept, broadcast : drop }",
        "meta pkttype vmap { host : accept, multicast : drop }",
        "tcp flags vmap { syn : accept, ack : drop }",
        "meta mark vmap { 0 : accept, 1 : drop }",
    )
    return random.choice(mapped)
