"""Which ports a packet filter lets somebody into: never fewer than it does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.facts import _firewall_ports as ports
from tests.facts.hosts import fact

ALL = [(0, 65535)]
HEAD = "tool=nftables\nchain=inet f i\nbase=type filter hook input priority filter; policy {policy};\n"


def lets_in(rules: list[str], policy: str = "drop", more: str = "") -> list[tuple[int, int]]:
    """The ranges that these rules of one nft input chain let in."""
    text = HEAD.format(policy=policy) + "".join(f"rule={rule}\n" for rule in rules) + more + "ipv6=no\nend\n"
    return [(entry["first"], entry["last"]) for entry in fact("firewall").value(text, {})["lets_in"]]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("tcp dport 22 accept", [(22, 22)]),
        ("tcp dport { 80, 443, 8000-8080 } ct state new accept", [(80, 80), (443, 443), (8000, 8080)]),
        ("ip saddr 10.0.0.0/8 tcp dport 22 counter packets 0 bytes 0 accept", [(22, 22)]),
        ("ip saddr 10.0.0.0/8 accept", ALL),
        ("tcp dport != 22 accept", ALL),
        ("tcp dport @services accept", ALL),
        ("tcp dport vmap { 22 : accept, 23 : drop }", ALL),
        ("ct state vmap { established : accept, related : accept, invalid : drop }", []),
        ("ct state vmap { new : accept }", ALL),
        ("ct state established,related accept", []),
        ("ct state established,related,new accept", ALL),
        ('iifname "lo" accept', []),
        ('iifname "lo0" accept', ALL),
        ("udp dport 53 accept", []),
        ("icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept", []),
        ("meta l4proto { icmp, ipv6-icmp } accept", []),
        ("meta l4proto { tcp, udp } accept", ALL),
        ("meta l4proto { tcp, udp } th dport 53 accept", ALL),
        ("tcp dport 22 drop", []),
        ('tcp dport 25 log prefix "accept" drop', [(25, 25)]),
        ("tcp dport 22 queue to 3", [(22, 22)]),
        ('tcp dport 22 drop comment "accept"', []),
    ],
)
def test_rule_of_nft(rule: str, expected: list[tuple[int, int]]) -> None:
    """Conditions that are understood narrow the ports; every other leaves them all."""
    assert lets_in([rule]) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", [(22, 22)]),
        ("-A INPUT -p tcp -m multiport --dports 80,443,8000:8080 -j ACCEPT", [(80, 80), (443, 443), (8000, 8080)]),
        ("-A INPUT -p tcp -m tcp ! --dport 22 -j ACCEPT", ALL),
        ("-A INPUT -s 10.0.0.0/8 -j ACCEPT", ALL),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", []),
        ("-A INPUT -m state --state NEW -p tcp --dport 25 -j ACCEPT", [(25, 25)]),
        ("-A INPUT -i lo -j ACCEPT", []),
        ("-A INPUT -p udp --dport 53 -j ACCEPT", []),
        ("-A INPUT -p icmp -j ACCEPT", []),
        ("-A INPUT -p tcp --dport 22 -j DROP", []),
    ],
)
def test_rule_of_iptables(rule: str, expected: list[tuple[int, int]]) -> None:
    """The older tool's words say the same."""
    text = f"tool=iptables\nip=-P INPUT DROP\nip={rule}\nipv6=no\nend\n"

    assert [(e["first"], e["last"]) for e in fact("firewall").value(text, {})["lets_in"]] == expected


def test_ports_behind_a_jump_count() -> None:
    """ufw and firewalld keep their ports in chains that are reached under conditions."""
    more = "chain=inet f open\nrule=tcp dport 443 accept\n"

    assert lets_in(['iifname "eth0" jump open'], more=more) == [(443, 443)]
    assert lets_in(["ct state vmap { new : jump open, established : accept }"], more=more) == [(443, 443)]


def test_return_to_a_policy_that_accepts_lets_in() -> None:
    """Regression: what leaves an input chain before its last reject was taken for refused."""
    assert lets_in(["tcp dport 25 return", "reject"], policy="accept") == [(25, 25)]
    assert lets_in(["tcp dport 25 return", "reject"]) == []
    assert lets_in(["goto open", "reject"], policy="accept", more="chain=inet f open\nrule=tcp dport 25 drop\n") == ALL


def test_two_input_chains_must_both_let_in() -> None:
    """A packet passes every chain hooked to input."""
    second = "chain=inet g i\nbase=type filter hook input priority 10; policy drop;\nrule=tcp dport { 22, 80 } accept\n"

    assert lets_in(["tcp dport { 22, 443 } accept"], more=second) == [(22, 22)]


RANGES = st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: (min(pair), max(pair))), max_size=5)


@given(RANGES, RANGES)
def test_ranges_are_sets_of_ports(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    """Joined and met ranges hold the ports that the sets do, and no two touch."""
    a, b = ({port for first, last in ranges for port in (first, last)} for ranges in (one, other))
    joined, met = ports.join([*one, *other]), ports.meet(ports.join(one), ports.join(other))
    for port in a | b:
        inside = [any(first <= port <= last for first, last in ranges) for ranges in (one, other)]
        assert any(first <= port <= last for first, last in joined) is any(inside)
        assert any(first <= port <= last for first, last in met) is all(inside)
    assert all(right[0] > left[1] + 1 for left, right in itertools.pairwise(joined))
