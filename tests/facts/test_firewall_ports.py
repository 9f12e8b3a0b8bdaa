"""What a packet filter does with a connection to each port: decided where the rules decide it, and never by guess."""

import functools
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.facts import _firewall_ports as ports
from tests.facts.hosts import fact

AFAR = "client=10.0.0.9 10.0.0.5\n"
HEAD = "tool=nftables\nchain=inet f i\nbase=type filter hook input priority filter; policy {policy};\n"
IN, OUT, UNSURE = "accepted", "dropped", "undecided"


def decided(text: str, port: int = 22, family: str = "ipv4") -> str:
    """What the filter in the probe's output does with a connection to the port."""
    value = fact("firewall").value(f"{text}ipv6=yes\nend\n", {})
    return next(str(r[family]) for r in value["ports"] if r["first"] <= port <= r["last"])


def nft(*rules: str, policy: str = "drop", more: str = "", ends: str = AFAR) -> str:
    """The probe's output of one nft input chain, and ``more``."""
    return ends + HEAD.format(policy=policy) + "".join(f"rule={rule}\n" for rule in rules) + more


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("tcp dport 22 accept", IN),
        ("tcp dport { 22, 443, 8000-8080 } ct state new counter packets 0 bytes 0 accept", IN),
        ("tcp dport 20-30 accept", IN),
        ("tcp dport 23 accept", OUT),
        ("tcp dport != 22 accept", OUT),
        ("tcp dport != 23 accept", IN),
        ("tcp dport @services accept", UNSURE),
        ("tcp dport vmap { 22 : accept, 23 : drop }", IN),
        ("tcp dport vmap @services", UNSURE),
        ("th dport 22 accept", IN),
        ("ip saddr 10.0.0.0/24 tcp dport 22 accept", IN),
        ("ip saddr 10.0.0.1-10.0.0.8 accept", OUT),
        ("ip saddr != 10.0.0.0/24 accept", OUT),
        ("ip saddr @admins tcp dport 22 accept", UNSURE),
        ("ip saddr & 255.0.0.0 == 10.0.0.0 accept", UNSURE),
        ("ip daddr 10.0.0.5 accept", IN),
        ("ip6 saddr != fd00::/8 accept", OUT),
        ("ip saddr . tcp dport { 10.0.0.9 . 22 } accept", UNSURE),
        ("ip saddr . tcp dport vmap { 10.0.0.9 . 22 : accept }", UNSURE),
        ("ct state vmap { established : accept, related : accept, invalid : drop }", OUT),
        ("ct state vmap { new : accept }", IN),
        ("ct state established,related accept", OUT),
        ("ct state & (established | related) == 0 accept", UNSURE),
        ("ct status dnat accept", OUT),
        ('iifname "lo" accept', OUT),
        ('iifname != "lo" accept', IN),
        ('iifname { "lo", "eth0" } accept', UNSURE),
        ('iifname "eth0" accept', UNSURE),
        ("iif vmap { 2 : accept }", UNSURE),
        ("udp dport 22 accept", OUT),
        ("meta l4proto { icmp, ipv6-icmp } accept", OUT),
        ("meta l4proto { tcp, udp } accept", IN),
        ("meta l4proto != tcp accept", OUT),
        ("meta nfproto ipv6 accept", OUT),
        ("tcp flags & (fin | syn | rst | ack) == syn accept", IN),
        ("tcp flags != syn / fin,syn,rst,ack accept", OUT),
        ("tcp flags fin accept", UNSURE),
        ("limit rate 3/minute accept", UNSURE),
        ('tcp dport 22 log prefix "accept " level info drop', OUT),
        ('tcp dport 22 drop comment "accept"', OUT),
        ("tcp dport 22 queue to 3", UNSURE),
        ('xt match "set" counter accept', UNSURE),
        ('tcp dport 22 xt target "NFQUEUE"', UNSURE),
        ("meta mark 0x1 accept", UNSURE),
        ("fib daddr type local accept", IN),
        ("fib saddr . iif oif missing accept", OUT),
    ],
)
def test_rule_of_nft(rule: str, expected: str) -> None:
    """Where policy is to drop, a rule lets port 22 in, does not, or cannot be decided: as when its condition is not known."""
    assert decided(nft(rule)) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-p tcp -m tcp --dport 22 -j ACCEPT", IN),
        ("-p tcp -m multiport --dports 21:23,80 -j ACCEPT", IN),
        ("-p tcp -m tcp ! --dport 22 -j ACCEPT", OUT),
        ("-s 10.0.0.0/24 -j ACCEPT", IN),
        ("! -s 10.0.0.0/24 -j ACCEPT", OUT),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", OUT),
        ("-m state --state NEW -p tcp --dport 22 -j ACCEPT", IN),
        ("-i lo -j ACCEPT", OUT),
        ("! -i lo -j ACCEPT", IN),
        ("-i eth0 -j ACCEPT", UNSURE),
        ("-p udp --dport 22 -j ACCEPT", OUT),
        ("-m set --match-set admins src -j ACCEPT", UNSURE),
        ("-m recent --update --seconds 30 --hitcount 6 --name DEFAULT -j ACCEPT", UNSURE),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", IN),
        ('-m comment --comment "-j ACCEPT" -j DROP', OUT),
        ('-m comment --comment "-j" -j DROP', OUT),
        ("-j NFQUEUE --queue-num 1", UNSURE),
        ('-j LOG --log-prefix "ACCEPT "', OUT),
        ("-m addrtype --dst-type LOCAL -j ACCEPT", IN),
    ],
)
def test_rule_of_iptables(rule: str, expected: str) -> None:
    """The older tool's words say the same."""
    assert decided(f"{AFAR}tool=iptables\nip=-P INPUT DROP\nip=-A INPUT {rule}\n") == expected


def test_undecided_is_not_let_in() -> None:
    """Regression: a rule for some sources, some interfaces or a named set alone counted as letting everybody in."""
    for rule in ("ip saddr 10.0.0.0/8 accept", 'iifname "eth1" accept', "tcp dport @services accept"):
        assert decided(nft(rule, ends="")) == UNSURE


def test_loopback_counts_where_the_session_does_not_come_from_afar() -> None:
    """A scan of the auditor's own machine goes through the loopback interface, whose rule then lets it in."""
    rule = 'iifname "lo" accept'

    assert decided(nft(rule, ends="")) == UNSURE
    assert decided(nft(rule, ends="client=10.0.0.5 10.0.0.5\n")) == UNSURE


def test_a_session_through_a_pipe_tells_nothing_of_its_ends() -> None:
    """Regression: sshd then calls both ends UNKNOWN, which broke the parser instead of leaving undecided what depends on them."""
    rule = "ip saddr 10.0.0.0/8 accept"
    assert decided(nft(rule, ends="client=UNKNOWN UNKNOWN\n")) == decided(nft(rule, ends=""))


def test_families_are_told_apart() -> None:
    """Regression: a port that rules let in over IPv6 alone passed at the host's IPv4 address."""
    six = nft("meta nfproto ipv6 tcp dport 22 accept")

    assert (decided(six), decided(six, family="ipv6")) == (OUT, IN)


def test_jumps_and_returns_are_followed() -> None:
    """ufw and firewalld keep their ports in chains of their own; a goto does not come back."""
    more = "chain=inet f open\nrule=tcp dport 22 return\nrule=tcp dport { 22, 23 } accept\n"

    assert decided(nft("jump open", policy="drop", more=more), 23) == IN
    assert decided(nft("jump open", "tcp dport 22 accept", more=more)) == IN
    assert decided(nft("goto open", "tcp dport 22 accept", more=more)) == OUT
    assert decided(nft("goto open", "reject", policy="accept", more=more)) == IN
    assert decided(nft('iifname "eth0" jump open', "reject", more=more), 23) == UNSURE
    assert decided(nft("jump elsewhere", "accept")) == UNSURE


def test_conditional_refusal_leaves_undecided() -> None:
    """What one interface is refused may be the way that the auditor's packets took."""
    assert decided(nft('iifname "eth0" tcp dport 22 drop', policy="accept")) == UNSURE


def test_interfaces_are_gone_through_one_by_one() -> None:
    """firewalld 2 asks for the interface twice: what is let in at it, and whether it is refused after that, is one question."""
    more = "chain=inet f open\nrule=tcp dport 22 accept\n"
    twice = ('iifname "eth0" jump open', 'iifname "eth0" reject', "jump open", "reject")

    assert (decided(nft(*twice, more=more), 22), decided(nft(*twice, more=more), 23)) == (IN, OUT)
    assert decided(nft('iifname "eth0" tcp dport 22 accept', 'iifname != "eth0" tcp dport 22 accept')) == IN
    assert decided(nft('iifname "eth*" accept', 'iifname "eth0" drop')) == UNSURE


def test_an_interface_is_another_at_another_hook() -> None:
    """A packet comes in at a card, and then at the bond that the card belongs to."""
    card = 'chain=netdev g n\nbase=type filter hook ingress device "eth0" priority 0; policy drop;\nrule=iifname "eth0" accept\n'

    assert decided(nft('iifname "bond0" accept', more=card)) == UNSURE


def test_sets_are_told_by_the_target() -> None:
    """Of banned addresses the target says only whether the auditor's is among them."""
    rules = nft("ip saddr @banned drop", policy="accept")

    assert decided(f"{rules}set=inet f banned lacks\n") == IN
    assert decided(f"{rules}set=inet f banned holds\n") == OUT


def test_named_ports_are_told_whole() -> None:
    """Of a set of ports the target tells what is in it, unless packets change it; it was undecided whatever was in it."""
    rules = nft("tcp dport @web accept")

    assert (decided(f"{rules}ports=inet f web 22 80-90\n", 22), decided(f"{rules}ports=inet f web 22 80-90\n", 85)) == (IN, IN)
    assert (decided(f"{rules}ports=inet f web 80-90\n"), decided(f"{rules}ports=inet f web\n")) == (OUT, OUT)
    assert decided(f"{nft('tcp dport != @web accept')}ports=inet f web 80-90\n") == IN
    assert (decided(rules), decided(f"{rules}ports=inet g web 22\n")) == (UNSURE, UNSURE)
    assert decided(f"{nft('ip saddr @web accept')}ports=inet f web 22\n") == UNSURE


def test_every_chain_on_the_way_counts() -> None:
    """A packet passes all chains hooked to prerouting and input, and of one interface's chain only perhaps."""
    second = "chain=inet g p\nbase=type filter hook prerouting priority raw; policy accept;\nrule=tcp dport 22 drop\n"
    ingress = 'chain=netdev g n\nbase=type filter hook ingress device "eth0" priority 0; policy accept;\nrule=tcp dport 22 drop\n'

    assert decided(nft("tcp dport 22 accept", more=second)) == OUT
    assert decided(nft("tcp dport 22 accept", more=ingress)) == UNSURE


def test_untracked_packets_have_no_certain_state() -> None:
    """Where a rule takes packets out of the connection tracking, `ct state new` is no longer sure to hold."""
    raw = "chain=inet f r\nbase=type filter hook prerouting priority raw; policy accept;\nrule=tcp dport 80 notrack\n"

    assert decided(nft("tcp dport 22 ct state new accept", more=raw)) == UNSURE


def test_state_is_not_known_before_tracking() -> None:
    """Regression: at the priority raw no packet has the state new yet, and its rules were read as if it had."""
    raw = "chain=inet f r\nbase=type filter hook prerouting priority raw; policy drop;\nrule=ct state new accept\n"

    assert decided(nft("tcp dport 22 accept", more=raw)) == UNSURE
    assert decided(nft("tcp dport 22 accept", more=raw.replace("raw", "mangle"))) == IN


def test_redirections_are_of_their_family() -> None:
    """Regression: a rule for IPv4 excused the same port over IPv6."""
    nat = "chain=ip nat p\nbase=type nat hook prerouting priority dstnat; policy accept;\nrule=tcp dport 22 redirect to :2222\n"
    value = fact("firewall").value(f"{nft(more=nat)}ipv6=yes\nend\n", {})

    assert [r["first"] for r in value["ports"] if r["redirected"]] == [22]
    assert not any(r["redirected_ipv6"] for r in value["ports"])


def test_rules_without_an_end_are_refused() -> None:
    """Neither chains in a circle nor ones that multiply keep the parser."""
    circle = "chain=inet f a\nrule=tcp dport 1 jump b\nchain=inet f b\nrule=tcp dport 1 jump a\n"
    with pytest.raises(Exception, match="without an end"):
        decided(nft("jump a", more=circle))


RANGES = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: (min(pair), max(pair))), max_size=5)


@given(RANGES, RANGES)
def test_ranges_are_sets_of_ports(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    """Joined and met ranges hold the ports that the sets do, and the pieces of a set are whole."""
    a, b = ({port for first, last in ranges for port in (first, last)} for ranges in (one, other))
    these, those = (ports.written(f"{first}-{last}" for first, last in ranges) for ranges in (one, other))
    assert these is not None
    assert those is not None
    joined, met, left = ports.join(these, those), ports.meet(these, those), ports.minus(these, those)
    for port in a | b:
        inside = [any(first <= port <= last for first, last in ranges) for ranges in (one, other)]
        assert ports.holds(joined, port) is any(inside)
        assert ports.holds(met, port) is all(inside)
        assert ports.holds(left, port) is (inside == [True, False])
    cut = ports.pieces(joined)
    assert [port for first, last in cut for port in (first, last + 1)] == sorted([0, 65536, *[f for f, _ in cut[1:]] * 2])
    assert functools.reduce(ports.join, (ports.within(*piece) for piece in cut if ports.holds(joined, piece[0])), 0) == joined
    assert all(ports.holds(joined, left) is not ports.holds(joined, right) for (_, left), (right, _) in itertools.pairwise(cut))
