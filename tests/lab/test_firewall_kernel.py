"""The firewall fact against the kernel: what it says of a port is what a connection to the port meets."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from tests.lab.rulesets import PORTS, nft_ruleset
from tests.lab.two_spaces import Spaces, two_spaces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(name) is None for name in ("ip", "nft", "nsenter")), reason="needs root, ip, nft"
    ),
]

# The same rule sets each time; AUDITOR_RULESETS=1000:500 tries 500 others, from seed 1000 on.
FIRST, MANY = map(int, os.environ.get("AUDITOR_RULESETS", "0:120").split(":"))
SESSIONS = ("ipv4", "ipv6", "")
BRIEF, PATIENT = 0.05, 3.0  # seconds to wait for an answer, and before it counts that there is none


@pytest.fixture(scope="module")
def spaces() -> Iterator[Spaces]:
    """A host where five ports listen for either protocol, and a peer."""
    with two_spaces(PORTS) as made:
        yield made


def contradictions(spaces: Spaces, seen: Counter[str], root: str = "", sessions: tuple[str, ...] = SESSIONS) -> list[str]:
    """Where the fact, read in a session of either protocol or in none, says other than what the kernel does."""
    answers = spaces.answers(BRIEF)
    wrong = []
    for session in sessions:
        value = spaces.told(session, root)
        for (family, port), answered in answers.items():
            (said,) = (r for r in value["ports"] if r["first"] <= port <= r["last"])
            if said["redirected" if family == "ipv4" else "redirected_ipv6"]:  # it is the other port's rules that count then
                continue
            seen[said[family]] += 1
            if said[family] == "accepted" and not answered:
                answered = answers[family, port] = spaces.answers(PATIENT, [(family, port)])[family, port]
            if said[family] != "undecided" and (said[family] == "accepted") != answered:
                wrong.append(f"{family} {port} {said[family]} in a session over {session or 'nothing'}, answered: {answered}")
    return wrong


def test_rules_decide_as_the_kernel_does(spaces: Spaces) -> None:
    """Rule sets at random: a port that the fact calls accepted or dropped is, and it dares to say so of most."""
    seen: Counter[str] = Counter()
    refused = 0
    for seed in range(FIRST, FIRST + MANY):
        text = nft_ruleset(Random(seed))
        if spaces.inside("nft", "-f", "-", stdin=text).returncode != 0:
            refused += 1
            continue
        assert contradictions(spaces, seen) == [], f"seed {seed}\n{text}"
    told = sum(seen.values())
    assert refused < MANY / 2
    assert min(seen["accepted"], seen["dropped"]) > told / 10
    assert seen["undecided"] < told / 2


EDGES = (
    # every address is in a set that holds the catch-all
    "set s { type ipv4_addr; elements = { * }; }\n"
    "chain i { type filter hook input priority 0; policy drop;\nip saddr @s accept\n}",
    "set s { type ipv4_addr; elements = { * }; }\nchain i { type filter hook input priority 0;\nip saddr @s drop\n}",
    # what people note beside an element is no element, nor the end of them
    'set s { type ipv4_addr; elements = { 10.9.9.9 comment "not 10.1.1.1, 10.214.7.1 } is" }; }\n'
    "chain i { type filter hook input priority 0;\nip saddr @s drop\n}",
    'set s { type ipv4_addr; elements = { 10.9.9.9 comment "a } b", 10.214.7.1 }; }\n'
    "chain i { type filter hook input priority 0;\nip saddr @s drop\n}",
    'comment "table of {"\nchain i { type filter hook input priority 0; policy drop;\ntcp dport 22 accept\n}',
    # firewalld 2 asks for the interface twice
    "chain open {\ntcp dport 22 accept\n}\nchain i { type filter hook input priority 0;\n"
    'iifname "eth0" jump open\niifname "eth0" reject\njump open\nreject\n}',
    "chain i { type filter hook input priority 0; policy drop;\ntcp dport 80 accept\n}\n"
    "chain p { type nat hook prerouting priority dstnat;\ntcp dport 22 redirect to :80\n}",
    "chain i { type filter hook input priority 0; policy drop;\nct state new accept\n}\n"
    "chain p { type filter hook prerouting priority raw;\ntcp dport 22 notrack\n}",
    "flags dormant\nchain i { type filter hook input priority 0; policy drop;\n}",
)


@pytest.mark.parametrize("table", EDGES)
def test_edges_are_as_the_kernel_sees_them(spaces: Spaces, table: str) -> None:
    """What once was read wrongly, or nearly: catch-alls, notes, interfaces asked for twice, redirections, untracked packets."""
    loaded = spaces.inside("nft", "-f", "-", stdin=f"flush ruleset\ntable inet t {{\n{table}\n}}\n")
    assert loaded.returncode == 0, loaded.stderr
    assert contradictions(spaces, Counter()) == []
