"""Agents of SNMP that leave communities without an answer: one of our making, and a real snmpd behind a limit and a firewall."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from auditor.collecting.datagrams import Unasked, ask
from auditor.collecting.nmap_xml import Address
from auditor.collecting.witnesses import witnessed
from auditor.facts import by_name
from auditor.facts._ber import NULL, SEQUENCE, STRING, elements, integer, tlv
from auditor.facts._datagrams import ANSWERED, Reply, write
from auditor.loading import load_workspace
from tests.collecting.servers import lacking, program
from tests.collecting.spaces import inside, run, space

PUBLIC = [("public", "1"), ("private", "1"), ("public", "2c"), ("private", "2c")]
NONE = [(*one, "none") for one in PUBLIC]


def asked(address: str, port: int = 161, *, pause: float = 1.2, patience: float = 0.3) -> str | list[tuple[str, str, str]]:
    """What the fact makes of an agent; the reason, when it was not observed."""
    fact = by_name("snmp")
    assert fact is not None
    assert fact.network is not None
    questions = tuple(replace(q, port=port) for q in fact.network.questions)
    quick = partial(ask, patience=patience)
    where: Address = ipaddress.ip_address(address)
    replies = quick([(where, q) for q in questions], cancelled=lambda: False)
    replies = witnessed(replies, [(where, questions)], cancelled=lambda: False, ask=quick, pause=pause)
    told = [(q.name, replies[where, q]) for q in questions]
    if failed := [reply.reason for _, reply in told if isinstance(reply, Unasked)]:
        return failed[0]
    value: Any = fact.value(write((name, reply) for name, reply in told if isinstance(reply, Reply)), {})
    return [(item["community"], item["version"], item["answer"]) for item in value]


class Agent:
    """Answers version 3, and those who know ``community`` by version 2c; but no sooner than ``gap`` seconds after the last."""

    def __init__(self, community: bytes, gap: float) -> None:
        self._community = community
        self._gap = gap
        self._last = 0.0

    def answer(self, data: bytes) -> bytes | None:
        last, self._last = self._last, time.monotonic()
        if self._last - last < self._gap:
            return None
        ((_, message),) = elements(data)
        (_, version), *rest = elements(message)
        if version == b"\x03":
            return tlv(SEQUENCE, integer(3), tlv(*rest[0]), tlv(STRING), tlv(SEQUENCE))
        (_, community), (_, body) = rest
        if version != b"\x01" or community != self._community:
            return None
        (_, number), *_others = elements(body)
        name = tlv(SEQUENCE, tlv(SEQUENCE, tlv(6, b"\x2b"), tlv(NULL)))
        response = tlv(0xA2, tlv(2, number), integer(0), integer(0), name)
        return tlv(SEQUENCE, integer(1), tlv(STRING, community), response)


@contextmanager
def agent(community: bytes, gap: float = 0.0) -> Iterator[int]:
    """Such an agent's port on loopback."""
    made = Agent(community, gap)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (come := server.recvfrom(1000))[0] != b"stop":
                if answer := made.answer(come[0]):
                    server.sendto(answer, come[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.sendto(b"stop", server.getsockname())
        thread.join()


def test_an_agent_with_a_community_of_its_own_passes_by_its_witness() -> None:
    with agent(b"of-its-own") as port:
        assert asked("127.0.0.1", port, pause=0.1) == NONE


def test_an_agent_that_limits_its_answers_hides_no_community() -> None:
    """Regression, false pass: what the limit dropped passed for refused, because version 3 had been answered."""
    with agent(b"private", gap=0.5) as port:
        assert asked("127.0.0.1", port, pause=0.7, patience=0.2) == [*NONE[:3], ("private", "2c", "given")]


def test_an_agent_that_answers_too_seldom_is_unknown() -> None:
    """Regression, false pass and closed without proof, as above: no witness answered, so nothing is known."""
    with agent(b"private", gap=5) as port:
        assert "something limits how often it answers" in asked("127.0.0.1", port, pause=0.2, patience=0.1)


def test_a_port_on_which_nothing_listens_passes() -> None:
    with agent(b"") as port:
        pass
    assert asked("127.0.0.1", port) == [(*one, "refused") for one in PUBLIC]


NEAR, FAR = "10.213.9.1", "10.213.9.2"
WHY_NOT = lacking("ip", "nft", "snmpd") if os.geteuid() == 0 else "needs root"
real = [pytest.mark.lab, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


@contextmanager
def snmpd(folder: Path, *lines: str) -> Iterator[str]:
    """A real agent with that configuration, in a namespace of its own, once it answers."""
    config = folder / "snmpd.conf"
    config.write_text("".join(f"{line}\n" for line in (*lines, "sysDescr audited")))
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder)}
    with space(f"{NEAR}/30", f"{FAR}/30") as (name, _):
        words = inside(name, program("snmpd"), "-f", "-Ln", "-C", "-c", str(config), f"udp:{FAR}:161")
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)
        try:
            fact = by_name("snmp")
            assert fact is not None
            assert fact.network is not None
            pair = (ipaddress.ip_address(FAR), fact.network.questions[0])
            end = time.monotonic() + 10
            while ask([pair], cancelled=lambda: False, patience=0.2).get(pair) != Reply(ANSWERED):
                assert time.monotonic() < end, "snmpd does not answer"
            yield name
        finally:
            process.terminate()
            process.wait(10)


def dropping(name: str, rule: str) -> None:
    """Have the namespace drop what the rule says."""
    rules = f"add table ip few; add chain ip few in {{ type filter hook input priority 0; }}; add rule ip few in {rule} drop"
    run(*inside(name, "nft", rules))


class TestSnmpd:
    """The real agent; what limits it is the firewall before it."""

    pytestmark = real

    @pytest.mark.parametrize("rate", ["", "udp dport 161 limit rate over 1/second burst 1 packets"])
    def test_a_community_of_its_own_passes(self, tmp_path: Path, rate: str) -> None:
        with snmpd(tmp_path, "rocommunity of-its-own") as name:
            if rate:
                dropping(name, rate)
            assert asked(FAR) == NONE

    @pytest.mark.parametrize("rate", ["", "udp dport 161 limit rate over 1/second burst 1 packets"])
    def test_the_community_that_it_answers_is_found(self, tmp_path: Path, rate: str) -> None:
        """Regression, false pass: behind the limit the agent was called silent to `private`."""
        with snmpd(tmp_path, "rwcommunity private") as name:
            if rate:
                dropping(name, rate)
            found = [(*one, "given" if one[0] == "private" else "none") for one in PUBLIC]
            assert asked(FAR) == found

    def test_an_agent_behind_a_stricter_limit_is_unknown(self, tmp_path: Path) -> None:
        """Regression, false pass and closed without proof: version 3 was answered, and the communities never came to it."""
        with snmpd(tmp_path, "rwcommunity private") as name:
            dropping(name, "udp dport 161 limit rate over 6/minute burst 1 packets")
            assert "something limits how often it answers" in asked(FAR)

    def test_communities_of_other_networks_are_left_out(self, tmp_path: Path) -> None:
        """The agent knows `public`, but not from here: it does not answer us, which is what is told."""
        with snmpd(tmp_path, "rocommunity public 10.99.0.0/16"):
            assert asked(FAR) == NONE

    def test_an_agent_behind_a_firewall_is_not_seen(self, tmp_path: Path) -> None:
        """Nothing answers and nothing refuses: no item, so neither a pass nor proof."""
        with snmpd(tmp_path, "rocommunity public") as name:
            dropping(name, "udp dport 161")
            assert asked(FAR) == []

    @pytest.mark.parametrize(
        "lines",
        [
            ("rocommunity public default -V systemonly", "rocommunity6 public", "view systemonly included .1.3.6.1.2.1.1"),
            (  # as the RHEL family's package has it
                "com2sec notConfigUser  default       public",
                "group   notConfigGroup v1           notConfigUser",
                "group   notConfigGroup v2c           notConfigUser",
                "view    systemview    included   .1.3.6.1.2.1.1",
                'access  notConfigGroup ""      any       noauth    exact  systemview none none',
            ),
        ],
    )
    def test_the_remedy_leaves_no_community(self, tmp_path: Path, lines: tuple[str, ...]) -> None:
        """Regression: where the community stood in `com2sec`, as on the RHEL family, the remedy left it."""
        with snmpd(tmp_path, *lines):
            assert ("public", "2c", "given") in asked(FAR)
        check = load_workspace(Path(__file__).parents[2])
        assert check.catalogue is not None
        shell = check.catalogue.checks["net-snmp-community"].remediation_shell
        loop = shell[shell.index("for file") : shell.index("done") + len("done")].replace("/etc/snmp", str(tmp_path))
        subprocess.run(["sh", "-euc", loop], check=True)
        with snmpd(tmp_path, *(tmp_path / "snmpd.conf").read_text().splitlines()):
            assert asked(FAR) == NONE
