"""Scanning from the network: what was not seen is never clean, nothing outside the inventory is touched, slices do not waver."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting import answers, nmap_ports, nmap_run
from auditor.collecting import network as network_room
from auditor.collecting.network import scan
from auditor.collecting.nmap_run import NmapOutput, run_nmap
from auditor.collecting.nmap_xml import _host_slice, host_slice, ports_of, read_scan
from auditor.collecting.presence import gone
from auditor.collecting.targets import HOSTS_AT_ONCE, ROUNDS
from auditor.errors import CollectionError, ParseError
from auditor.facts import NetworkProbe, by_name
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    CheckTask,
    Connection,
    DepartmentPlan,
    Observation,
    ObservationStatus,
    ProbeCall,
    Settings,
    Severity,
)

pytestmark = pytest.mark.alone

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
PORTS = ("open_ports",)
needs_nmap = pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")


def host(uid: str, address: str, **changes: Any) -> Asset:
    return Asset(uid, AssetKind.HOST, "health", uid, address, **changes)


def network(uid: str, address: str, **changes: Any) -> Asset:
    return Asset(uid, AssetKind.NETWORK, "health", uid, address, **changes)


def plan(*assets: Asset, facts: tuple[str, ...] = PORTS, skipped: str = "") -> DepartmentPlan:
    def probes(asset: Asset) -> tuple[ProbeCall, ...]:
        names = ("live_hosts",) if asset.kind is AssetKind.NETWORK else ("sshd", *facts)
        return tuple(ProbeCall(name) for name in names)

    whole = Asset("health", AssetKind.DEPARTMENT, "health", "health", "")
    return DepartmentPlan("health", whole, tuple(AssetPlan(a, probes(a), (), skipped) for a in assets))


def look(department: DepartmentPlan, **changes: Any) -> dict[tuple[str, str], Observation]:
    """Scan; prove that nothing is answered twice."""
    seen: dict[tuple[str, str], Observation] = {}

    def keep(observation: Observation) -> None:
        key = (observation.asset, observation.probe.fact)
        assert key not in seen
        seen[key] = observation

    given: dict[str, Any] = {"on_result": keep, "cancelled": lambda: False, "clock": lambda: NOW, "resolve": no_dns}
    if "run" in changes:
        given["gone"] = lambda _, **_cancelled: frozenset()  # the hosts that a made-up nmap tells of are nowhere
    scan(department, Settings(Path("/")), **{**given, **changes})
    return seen


def no_dns(name: str) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, name)


class Nmap:
    """Stands for nmap: remembers what it was asked, answers with the XML it was given, one text per run."""

    def __init__(self, *xml: str, stopped: bool = False, error: str = "") -> None:
        self.runs: list[list[str]] = []
        self._xml = list(xml)
        self._stopped, self._error = stopped, error

    def __call__(self, arguments: list[str], *, seconds: float, cancelled: Callable[[], bool]) -> NmapOutput:
        self.runs.append(list(arguments))
        return NmapOutput(self._xml.pop(0) if self._xml else "", self._stopped, self._error, 1.0)


def answer(address: str, *ports: tuple[int, str], extra: str = "closed", attributes: str = "") -> str:
    listed = "".join(
        f'<port protocol="tcp" portid="{n}"><state state="{s}" reason="syn-ack" reason_ttl="7"/></port>' for n, s in ports
    )
    return (
        f'<host {attributes}><status state="up" reason="conn-refused"/><address addr="{address}" addrtype="ipv4"/>'
        f'<ports><extraports state="{extra}" count="900"/>{listed}</ports><times srtt="41" rttvar="12"/></host>'
    )


def document(*hosts: str, end: str = '<runstats><finished exit="success"/></runstats></nmaprun>') -> str:
    return '<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun start="17">' + "".join(hosts) + end


def test_hosts_share_one_run_and_each_gets_its_own_slice() -> None:
    """Ten hosts with three facts cost one run of nmap; facts read on the host itself are left to others."""
    hosts = [host(f"h{n}", f"10.0.0.{n}") for n in range(1, 11)]
    nmap = Nmap(document(*(answer(f"10.0.0.{n}", (n + 20, "open")) for n in range(1, 11))))
    seen = look(plan(*hosts, facts=("open_ports", "ssh_algorithms", "tls")), run=nmap)
    assert len(nmap.runs) == 1
    assert len(seen) == 30
    assert 'portid="23"' in seen["h3", "open_ports"].stdout
    assert 'portid="24"' not in seen["h3", "open_ports"].stdout
    assert "ssh2-enum-algos,ssl-cert,ssl-enum-ciphers" in nmap.runs[0]


def test_hosts_that_answer_alike_give_one_text() -> None:
    """Each slice told its host's address: what a thousand hosts showed alike was read, judged and kept a thousand times."""
    ports = {"10.0.0.1": (22, "open"), "10.0.0.2": (22, "open"), "10.0.0.3": (23, "open")}
    nmap = Nmap(document(*(answer(address, port) for address, port in ports.items())))
    seen = look(plan(*(host(f"h{n}", f"10.0.0.{n}") for n in (1, 2, 3)), facts=("open_ports",)), run=nmap)
    told = [seen[f"h{n}", "open_ports"].stdout for n in (1, 2, 3)]
    assert told[0] == told[1] != told[2]
    assert told[0] is told[1]  # regression: each host of a department held its own until the scan's end
    assert "10.0.0." not in told[0]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["22", "25"]),
            st.sampled_from(["OpenSSH", "Dropbear"]),
            st.sampled_from(["weak", "strong", ""]),
            st.sampled_from(["", '<hostscript><script id="a" output="x"/></hostscript>']),
            st.sampled_from(["closed", "filtered"]),
        ),
        max_size=8,
    ),
    st.sampled_from([(), ("a",), ("a", "b")]),
    st.booleans(),
)
def test_a_slice_that_is_known_is_that_of_the_host(hosts: list[tuple[str, ...]], scripts: tuple[str, ...], service: bool) -> None:
    """Whatever hosts came before: ports, services, what scripts said of a port or the host, and what refused all count."""
    probe = NetworkProbe("scripts", scripts=scripts, service_detection=service)
    for port, product, said, of_host, rest in hosts:
        xml = (
            f'<host><ports><extraports state="{rest}" count="9"/><port protocol="tcp" portid="{port}"><state state="open"/>'
            f'<service name="ssh" product="{product}"/><script id="b" output="{said}"/></port></ports>{of_host}</host>'
        )
        element = fromstring(xml)
        ports = ports_of(element, frozenset({22, 25, 80}))
        assert host_slice(element, probe, ports) == _host_slice(element, probe, ports, {})


def test_slices_are_made_host_by_host_as_they_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the slices of all hosts of a department, a thousand ports in each, were held until its scan had ended."""
    made: list[str] = []

    def counted(*args: Any) -> str:
        made.append("")
        return host_slice(*args)

    monkeypatch.setattr(answers, "host_slice", counted)
    taken: list[tuple[str, int]] = []
    nmap = Nmap(document(*(answer(f"127.88.0.{n}", (22, "open")) for n in (1, 2, 3))))
    hosts = [host(f"h{n}", f"127.88.0.{n}") for n in (1, 2, 3)]
    department = plan(*hosts, facts=("open_ports", "ssh_algorithms", "ldap_service"))
    look(department, run=nmap, on_result=lambda seen: taken.append((seen.asset, len(made))))
    assert [uid for uid, _ in taken] == ["h1"] * 3 + ["h2"] * 3 + ["h3"] * 3
    assert [many for uid, many in taken if uid == "h1"] == [1, 2, 2]  # what was spoken is no slice of nmap's alone


def test_an_observation_is_as_old_as_the_scan_it_comes_from() -> None:
    """It does not get newer while the one who takes it is busy with other hosts: proof must be no younger than it looks."""
    times = iter(NOW + timedelta(minutes=n) for n in range(9))
    nmap = Nmap(document(*(answer(f"10.0.0.{n}", (22, "open")) for n in (1, 2))))
    seen = look(
        plan(host("a", "10.0.0.1"), host("b", "10.0.0.2"), facts=("open_ports", "tls")), run=nmap, clock=lambda: next(times)
    )
    assert {NOW} == {o.observed_at for o in seen.values()}


def test_what_nmap_saw_counts_also_where_speaking_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in what comes afterwards does not make ports unseen that were seen."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(network_room, "converse", broken)
    seen: list[Observation] = []
    nmap = Nmap(document(answer("127.88.0.1", (22, "open"))))
    with pytest.raises(RuntimeError, match="new thread"):
        look(plan(host("h", "127.88.0.1"), facts=("open_ports", "ldap_service")), run=nmap, on_result=seen.append)
    assert ["open_ports"] == [o.probe.fact for o in seen]


def test_a_large_department_costs_one_run_with_more_time() -> None:
    """Each group of hosts that nmap scans side by side adds to the run's limit."""
    limits: list[float] = []

    def run(_arguments: list[str], *, seconds: float, **_: Any) -> NmapOutput:
        limits.append(seconds)
        return NmapOutput(document(), False, "", 1.0)

    look(plan(*(host(f"h{n}", f"10.0.{n // 200}.{n % 200 + 1}") for n in range(HOSTS_AT_ONCE + 1))), run=run)
    assert limits == [2 * Settings(Path("/")).network_timeout]


def test_hosts_are_looked_at_in_the_order_that_is_asked_for() -> None:
    """Regression: nmap was given them by their addresses, so that a scan which the window cut saw the same ones every night."""
    nmap = Nmap(document())
    look(plan(host("a", "10.0.0.3"), host("b", "10.0.0.1"), host("c", "10.0.0.2"), host("d", "10.0.0.3")), run=nmap)
    assert nmap.runs[0][-3:] == ["10.0.0.3", "10.0.0.1", "10.0.0.2"]


def test_a_host_that_stops_answering_half_way_is_unobserved() -> None:
    """Bug: what such a host no longer said about its ports was taken for silent ports, and checks of open ports passed."""
    nmap = Nmap(document(answer("10.0.0.1", (22, "open")), answer("10.0.0.2")))
    asked: list[Any] = []

    def gone(answered: Any, **_: Any) -> frozenset[Any]:
        asked.append({str(address): ports[:1] for address, ports in answered.items()})
        return frozenset({ipaddress.ip_address("10.0.0.2")})

    seen = look(plan(host("there", "10.0.0.1"), host("gone", "10.0.0.2")), run=nmap, gone=gone)
    assert asked[0] == {"10.0.0.1": [22], "10.0.0.2": [1]}  # an open port where there is one
    assert seen["there", "open_ports"].status is ObservationStatus.OK
    assert (seen["gone", "open_ports"].status, seen["gone", "open_ports"].stdout) == (ObservationStatus.FAILED, "")


def test_what_a_neighbour_declares_is_no_answer_of_this_host() -> None:
    """Regression, false pass: silent on all its ports, it was judged because it answered on one that another host declares."""
    open_there = answer("10.0.0.1", (40404, "open"), extra="filtered")
    hosts = [host("silent", "10.0.0.1"), host("b", "10.0.0.2", ports=("40404/tcp",))]
    seen = look(plan(*hosts), run=Nmap(document(open_there, answer("10.0.0.2", (22, "open")))))
    assert (seen["silent", "open_ports"].status, seen["silent", "open_ports"].stdout) == (ObservationStatus.FAILED, "")
    assert "every port was silent" in seen["silent", "open_ports"].stderr
    own = look(plan(host("own", "10.0.0.1", ports=("40404/tcp",))), run=Nmap(document(open_there)))
    assert own["own", "open_ports"].status is ObservationStatus.OK


def test_two_assets_at_one_address_are_asked_on_the_ports_of_both() -> None:
    """Regression: those of the last alone were asked at the end, and where it had none the address was not asked at all."""
    asked: list[dict[str, list[int]]] = []

    def gone(answered: Any, **_: Any) -> frozenset[Any]:
        asked.append({str(address): list(ports) for address, ports in answered.items()})
        return frozenset()

    assets = (host("a", "10.0.0.1", ports=("40404/tcp",)), host("b", "10.0.0.1"))
    look(plan(*assets), run=Nmap(document(answer("10.0.0.1", (40404, "open"), extra="filtered"))), gone=gone)
    assert asked[0] == {"10.0.0.1": [40404]}


def test_a_host_that_stops_answering_after_nmap_is_unobserved_over_udp() -> None:
    """Bug: the silence of a host that went down after nmap was told as silence of its services."""
    answers = [frozenset[Any](), frozenset({ipaddress.ip_address("127.88.0.3")})]
    nmap = Nmap(document(answer("127.88.0.3")))
    facts = ("udp_services", "ldap_service", "open_ports")
    seen = look(plan(host("h", "127.88.0.3"), facts=facts), run=nmap, gone=lambda _, **_cancelled: answers.pop(0))
    assert {name: seen["h", name].status for name in facts} == {
        "udp_services": ObservationStatus.FAILED,
        "ldap_service": ObservationStatus.FAILED,
        "open_ports": ObservationStatus.OK,
    }


def test_a_host_is_gone_when_none_of_its_ports_answers() -> None:
    """A refusal is an answer, and so is one port of several."""
    refusing, silent = (ipaddress.ip_address(a) for a in ("127.88.0.9", "127.88.0.10"))
    with socket.create_server((str(silent), 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        port = full.getsockname()[1]
        for filling in (first, second):  # the kernel drops what finds the queue of connections full
            filling.setblocking(False)
            filling.connect_ex((str(silent), port))
        assert gone({refusing: [1], silent: [port]}, patience=0.2) == {silent}
        assert gone({silent: [port, 1]}, patience=0.2) == frozenset()


def test_whether_hosts_are_gone_is_not_waited_for_by_who_cancels() -> None:
    """Who answers at once is there; of the others nothing is said. Regression: a cancelled scan waited for each of them."""
    there, silent = (ipaddress.ip_address(a) for a in ("127.88.0.9", "127.88.0.11"))
    stop: list[bool] = []

    def run(*_arguments: Any, **_limits: Any) -> NmapOutput:
        stop.append(True)
        return NmapOutput(document(answer("127.88.0.9"), answer("127.88.0.11")), False, "", 1.0)

    with socket.create_server((str(silent), 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        port = full.getsockname()[1]
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex((str(silent), port))

        def both_asked(_answered: Any, *, cancelled: Callable[[], bool]) -> frozenset[Any]:
            return gone({there: [1], silent: [port, port, port]}, cancelled=cancelled)

        began = time.monotonic()
        department = plan(host("there", str(there)), host("silent", str(silent)))
        seen = look(department, run=run, gone=both_asked, cancelled=lambda: bool(stop))
    assert time.monotonic() - began < 1
    assert set(seen) == {("there", "open_ports")}


def test_scripts_and_service_detection_only_when_a_check_needs_them() -> None:
    """Open ports alone cost a plain port scan."""
    nmap = Nmap(document(answer("10.0.0.1", (22, "open"))))
    look(plan(host("h", "10.0.0.1", ports=("40404/tcp", "53/udp", "99999/tcp"))), run=nmap)
    arguments = nmap.runs[0]
    assert "-sV" not in arguments
    assert "--script" not in arguments
    assert {22, 23, 8080, 40404} <= nmap_ports.expand(arguments[arguments.index("-p") + 1])
    assert {"--unprivileged", "-sT", "-n"} <= set(arguments)


@pytest.mark.parametrize(
    ("xml", "status"),
    [
        (document(), ObservationStatus.FAILED),
        (document('<host><status state="down"/><address addr="10.0.0.1" addrtype="ipv4"/></host>'), ObservationStatus.FAILED),
        (document(answer("10.0.0.1", (22, "filtered"), extra="filtered")), ObservationStatus.FAILED),
        (document(answer("10.0.0.1", attributes='timedout="true"')), ObservationStatus.TIMED_OUT),
        (document(end=""), ObservationStatus.TRUNCATED),
        (document(end='<runstats><finished exit="error"/></runstats></nmaprun>'), ObservationStatus.TRUNCATED),
        ("", ObservationStatus.TRUNCATED),
        (document(answer("10.0.0.1", (22, "open"))[:-9], end=""), ObservationStatus.TRUNCATED),
    ],
)
def test_what_was_not_seen_is_not_clean(xml: str, status: ObservationStatus) -> None:
    """Dead, silent, slow and half-scanned hosts are each unobserved with a reason, never without open ports."""
    observation = look(plan(host("h", "10.0.0.1")), run=Nmap(xml))["h", "open_ports"]
    assert (observation.status, observation.stdout) == (status, "")
    assert observation.stderr


def test_a_host_that_refuses_everything_is_observed_without_open_ports() -> None:
    """A refusal is an answer."""
    observation = look(plan(host("h", "10.0.0.1")), run=Nmap(document(answer("10.0.0.1"))))["h", "open_ports"]
    assert observation.status is ObservationStatus.OK
    fact = by_name("open_ports")
    assert fact is not None
    assert fact.value(observation.stdout, {}) == []


def test_questions_over_udp_are_put_only_to_a_host_that_was_there() -> None:
    """Silence of a host that is down is no answer: it is unobserved for UDP as it is for TCP."""
    up = Nmap(document(answer("127.88.0.3")))
    seen = look(plan(host("h", "127.88.0.3"), facts=("udp_services", "open_ports")), run=up)
    assert seen["h", "udp_services"].stdout == (
        "rpcbind refused\nnetbios-ns refused\ncldap refused\nssdp refused\nmdns refused\nmemcached refused\nend\n"
    )
    down = look(plan(host("h", "127.88.0.3"), facts=("udp_services",)), run=Nmap(document()))
    assert down["h", "udp_services"].status is ObservationStatus.FAILED


def test_conversations_are_held_only_on_ports_that_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without such a port costs no connection; one that closed it since is not one whose directory shows nothing."""
    asked: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    nmap = Nmap(document(answer("127.88.0.5", (22, "open")), answer("127.88.0.6", (389, "open"), (3389, "closed"))))
    seen = look(plan(host("a", "127.88.0.5"), host("b", "127.88.0.6"), facts=("ldap_service", "rdp_service")), run=nmap)
    assert {("127.88.0.6", 389)} == set(asked)
    directory = by_name("ldap_service")
    assert directory is not None
    assert [] == directory.value(seen["a", "ldap_service"].stdout, {})
    with pytest.raises(ParseError, match="the connection was closed"):
        directory.value(seen["b", "ldap_service"].stdout, {})
    assert "<script" not in seen["b", "rdp_service"].stdout


@needs_nmap
def test_a_host_is_looked_at_on_both_its_addresses() -> None:
    """Each address gives its own ports: what is open over IPv6 alone is seen there and not on the other."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as open6:
        port = open6.getsockname()[1]
        both = host("h", "127.88.0.4", ipv6="::1", ports=(f"{port}/tcp",))
        seen = look(plan(both, facts=("open_ports", "open_ports_ipv6")))
    values = {
        name: fact.value(seen["h", name].stdout, {}) for name in ("open_ports", "open_ports_ipv6") if (fact := by_name(name))
    }
    item = {"port": port, "protocol": "tcp"}
    assert item in values["open_ports_ipv6"]
    assert item not in values["open_ports"]


def test_a_public_second_address_is_not_scanned_unasked() -> None:
    """The rule for addresses holds for each of a host's."""
    nmap = Nmap(document(answer("10.0.0.1")))
    seen = look(plan(host("h", "10.0.0.1", ipv6="2001:4860:4860::8888"), facts=("open_ports", "open_ports_ipv6")), run=nmap)
    assert seen["h", "open_ports_ipv6"].status is ObservationStatus.FAILED
    assert "public" in seen["h", "open_ports_ipv6"].stderr
    assert seen["h", "open_ports"].status is ObservationStatus.OK
    assert not any("2001:" in word for run in nmap.runs for word in run)


def test_what_a_stopped_run_had_finished_counts() -> None:
    """At the deadline the hosts that nmap had finished are observed, the others timed out."""
    xml = document(answer("10.0.0.1", (22, "open")), end="<host>")
    seen = look(plan(host("a", "10.0.0.1"), host("b", "10.0.0.2")), run=Nmap(xml, stopped=True))
    assert seen["a", "open_ports"].status is ObservationStatus.OK
    assert seen["b", "open_ports"].status is ObservationStatus.TIMED_OUT


def test_a_host_that_breaks_nmap_takes_no_other_with_it() -> None:
    """After a crash each unfinished host is scanned alone, so that only the breaker is unobserved."""
    nmap = Nmap(document(end=""), document(end=""), document(answer("10.0.0.2", (22, "open"))), error="Segmentation fault")
    seen = look(plan(host("bad", "10.0.0.1"), host("good", "10.0.0.2")), run=nmap)
    assert seen["bad", "open_ports"].status is ObservationStatus.TRUNCATED
    assert "Segmentation fault" in seen["bad", "open_ports"].stderr
    assert seen["good", "open_ports"].status is ObservationStatus.OK


def test_a_cancelled_scan_answers_only_for_what_is_finished() -> None:
    """What Ctrl-C interrupted is left for the run that resumes."""
    stop: list[bool] = []

    def run(*_arguments: Any, **_limits: Any) -> NmapOutput:
        stop.append(True)
        return NmapOutput(document(answer("10.0.0.1", (22, "open")), end=""), True, "", 1.0)

    seen = look(plan(host("a", "10.0.0.1"), host("b", "10.0.0.2")), run=run, cancelled=lambda: bool(stop))
    assert set(seen) == {("a", "open_ports")}


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "224.0.0.1", "0.0.0.0", "public.example"])
def test_public_and_odd_addresses_are_refused(address: str) -> None:
    """Nothing is sent to a public address that the inventory does not call public, also when a name leads to it."""
    nmap = Nmap()
    seen = look(plan(host("h", address)), run=nmap, resolve=lambda _name: ["8.8.4.4"])
    assert seen["h", "open_ports"].status is ObservationStatus.FAILED
    assert nmap.runs == []


def test_a_public_asset_is_scanned_when_the_inventory_says_so() -> None:
    """`public: true` is the permission."""
    nmap = Nmap(document())
    look(plan(host("h", "8.8.8.8", public=True)), run=nmap)
    assert nmap.runs[0][-2:] == ["--", "8.8.8.8"]


@pytest.mark.parametrize(
    "address",
    ["--script=evil", "-iL", "10.0.0.1 -oN x", "10.0.0.0/8", "10.0.0.1-50,60", "fe80::1%--x", "$(id)", "a" * 300, "\0", ""],
)
def test_no_address_becomes_an_option_or_a_range(address: str) -> None:
    """Only canonical addresses reach nmap's command line, after `--`."""
    nmap = Nmap(document())
    seen = look(plan(host("h", address)), run=nmap, resolve=lambda _name: ["10.0.0.7", "10.0.0.5"])
    assert seen["h", "open_ports"].status is ObservationStatus.FAILED
    assert nmap.runs == []


def test_a_name_leads_to_the_same_address_whatever_the_order_of_the_answer() -> None:
    """The name is resolved before nmap starts; nmap never sees it."""
    nmap = Nmap(document(), document())
    for found in (["10.0.0.9", "10.0.0.5", "fd00::1"], ["fd00::1", "10.0.0.5", "10.0.0.9"]):
        look(plan(host("h", "db.health.example")), run=nmap, resolve=lambda _name, found=found: found)
    assert [run[-1] for run in nmap.runs] == ["10.0.0.5", "10.0.0.5"]


def test_hosts_behind_a_jump_host_are_not_judged_from_here() -> None:
    """What the auditor sees of such an address is not what the network there sees."""
    nmap = Nmap()
    seen = look(plan(host("h", "10.0.0.1", connection=Connection(jump=("gate",)))), run=nmap)
    assert "jump host" in seen["h", "open_ports"].stderr
    assert nmap.runs == []


def test_skipped_assets_are_left_alone() -> None:
    """An asset that the plan skips gets neither packets nor observations."""
    nmap = Nmap()
    assert look(plan(host("h", "10.0.0.1"), skipped="retired"), run=nmap) == {}
    assert nmap.runs == []


def test_an_unchanged_host_gives_the_same_bytes() -> None:
    """Times, order and reasons of nmap leave no trace in a slice."""
    first = document(answer("10.0.0.1", (443, "open"), (22, "open"), attributes='starttime="1" endtime="2"'))
    second = document(answer("10.0.0.1", (22, "open"), (443, "open")).replace("41", "97").replace("syn-ack", "x"))
    slices = {look(plan(host("h", "10.0.0.1")), run=Nmap(xml))["h", "open_ports"].stdout for xml in (first, second)}
    assert len(slices) == 1


def test_a_port_that_only_another_host_declares_is_not_reported() -> None:
    """What is reported of a host depends on its own entry: else another's edit would close its findings."""
    xml = document(answer("10.0.0.1", (40404, "open"), (22, "open")))
    nmap = Nmap(xml)
    seen = look(plan(host("a", "10.0.0.1"), host("b", "10.0.0.2", ports=("40404/tcp",))), run=nmap)
    assert "40404" not in seen["a", "open_ports"].stdout


GROUPS = (
    '<extraports state="closed" count="3"><extrareasons reason="conn-refused" count="3" proto="tcp" ports="21-23"/></extraports>'
    '<extraports state="filtered" count="1"><extrareasons reason="no-response" count="1" proto="tcp" ports="80"/></extraports>'
)


@pytest.mark.parametrize(
    ("told", "closed"),
    [
        ('<extraports state="closed" count="900"/>', {21, 22, 23, 80}),
        ('<extraports state="filtered" count="900"/>', set()),
        ('<extraports state="closed" count="3"/><extraports state="filtered" count="1"/>', set()),
        (GROUPS, {21, 22, 23}),
    ],
)
def test_a_silent_port_is_not_told_as_closed(told: str, closed: set[int]) -> None:
    """A slice names the ports that refused; of a silent one, or where nmap does not say which were silent, it says nothing."""
    xml = document(
        answer("10.0.0.1", (443, "open"), (8080, "filtered")).replace('<extraports state="closed" count="900"/>', told)
    )
    text = look(plan(host("h", "10.0.0.1")), run=Nmap(xml))["h", "open_ports"].stdout
    fact = by_name("open_ports")
    assert fact is not None
    assert fact.proven is not None
    proven = {item["port"] for item in fact.proven(text, {}) if isinstance(item, dict)}
    assert proven & {21, 22, 23, 80, 443, 8080} == closed | {443}


def test_a_port_that_is_no_longer_declared_is_not_told_as_closed() -> None:
    """A port is asked because it is declared; once it is not, nothing says that what ran there has ended."""
    fact = by_name("open_ports")
    assert fact is not None
    assert fact.proven is not None
    proven = []
    for ports in (("40404/tcp",), ()):
        seen = look(plan(host("h", "10.0.0.1", ports=ports)), run=Nmap(document(answer("10.0.0.1", (22, "open")))))
        proven.append({"port": 40404, "protocol": "tcp"} in fact.proven(seen["h", "open_ports"].stdout, {}))
    assert proven == [True, False]


def test_networks_are_discovered_in_one_run_and_known_by_listed_names() -> None:
    """Each network gets its own addresses, in order, with the inventory names that lead to them."""
    up = '<host><status state="up"/><address addr="{}" addrtype="ipv4"/></host>'
    xml = document(up.format("10.0.0.10"), up.format("10.0.0.9"), up.format("10.0.1.1"))
    nmap = Nmap(xml)
    seen = look(
        plan(network("n1", "10.0.0.0/24"), network("n2", "10.0.1.0/24")),
        run=nmap,
        listed=("10.0.1.1", "db.health.example"),
        resolve=lambda _name: ["10.0.0.9"],
    )
    fact = by_name("live_hosts")
    assert fact is not None
    assert len(nmap.runs) == 1
    assert fact.value(seen["n1", "live_hosts"].stdout, {}) == [
        {"address": "10.0.0.9", "names": ["db.health.example"]},
        {"address": "10.0.0.10", "names": []},
    ]
    assert fact.value(seen["n2", "live_hosts"].stdout, {}) == [{"address": "10.0.1.1", "names": []}]


def test_a_listed_host_that_answers_on_its_own_port_alone_is_there() -> None:
    """Regression, false failure: a host whose SSH is on 2222, and whose firewall drops all else, was silent on its network."""
    asked: list[Any] = []

    def gone(answered: Any, **_: Any) -> frozenset[Any]:
        asked.append({str(address): list(ports) for address, ports in answered.items()})
        return frozenset({ipaddress.ip_address("10.0.0.8")})

    ssh = Connection(port=2222)
    assets = (
        network("n", "10.0.0.0/24"),
        host("there", "10.0.0.7", connection=ssh, ports=("22/tcp", "700/tcp")),
        host("away", "10.0.0.8", connection=ssh),
        host("seen", "10.0.0.9", connection=ssh),
        host("plain", "10.0.0.10"),
        host("elsewhere", "10.0.1.7", connection=ssh),
    )
    nmap = {"-sn": document(answer("10.0.0.9")), "-sT": document()}
    seen = look(plan(*assets), run=lambda arguments, **_: NmapOutput(nmap[arguments[0]], False, "", 1.0), gone=gone)
    assert {"10.0.0.7": [2222, 700], "10.0.0.8": [2222]} in asked
    assert ["10.0.0.7" in seen["n", "live_hosts"].stdout, "10.0.0.8" in seen["n", "live_hosts"].stdout] == [True, False]


def test_the_auditor_s_own_machine_is_there_where_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, false failure: left out lest it be a stranger, it was silent. Not listed, it is still none."""
    monkeypatch.setattr(network_room, "own_addresses", lambda: frozenset({ipaddress.ip_address("10.0.0.9")}))
    for listed, there in ((("10.0.0.9",), True), (("auditor.health.example",), True), ((), False)):
        nmap = Nmap(document(answer("10.0.0.9")))
        seen = look(plan(network("n", "10.0.0.0/24")), run=nmap, listed=listed, resolve=lambda _name: ["10.0.0.9"])
        assert there is ("10.0.0.9" in seen["n", "live_hosts"].stdout)


def test_networks_are_gone_through_in_rounds() -> None:
    """Regression, hosts unseen: a host whose two answers were lost was on no list. Each round adds to the run's time limit."""
    limits: list[float] = []
    asked: list[list[str]] = []

    def run(arguments: list[str], *, seconds: float, **_: Any) -> NmapOutput:
        limits.append(seconds)
        asked.append(arguments[arguments.index("--") + 1 :])
        return NmapOutput(document(answer("10.0.0.9"), answer("10.0.0.7"), answer("10.0.0.9")), False, "", 1.0)

    seen = look(plan(network("n1", "10.0.0.0/24"), network("n2", "10.0.1.0/24")), run=run)
    assert [seen[n, "live_hosts"].stdout.count("<address") for n in ("n1", "n2")] == [2, 0]
    assert asked == [["10.0.0.0/24", "10.0.1.0/24"] * ROUNDS]
    assert ROUNDS > 1
    assert limits == [ROUNDS * Settings(Path("/")).network_timeout]


def test_hosts_listed_by_name_are_no_strangers_while_dns_is_down() -> None:
    """A name that DNS gives no answer for could lead to any address seen: who is a stranger is then not known."""

    def down(name: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    nmap = Nmap(document(answer("10.0.0.9")), document(answer("10.0.0.1", (22, "open"))))
    assets = (network("n", "10.0.0.0/24"), host("h", "10.0.0.1"), host("named", "db.health.example"))
    seen = look(plan(*assets), run=nmap, listed=("db.health.example",), resolve=down)
    assert seen["n", "live_hosts"].status is ObservationStatus.FAILED
    assert "DNS" in seen["named", "open_ports"].stderr
    assert ("h", "open_ports") in seen


@pytest.mark.parametrize("address", ["10.0.0.0/8", "8.8.8.0/24", "0.0.0.0/0", "224.0.0.0/24", "nonsense", "-sS"])
def test_networks_too_large_or_public_are_refused(address: str) -> None:
    """A slip of the pen in an inventory does not scan a country."""
    nmap = Nmap()
    assert look(plan(network("n", address)), run=nmap)["n", "live_hosts"].status is ObservationStatus.FAILED
    assert nmap.runs == []


def test_a_discovery_that_was_cut_observes_no_network() -> None:
    """Addresses that were not reached yet may be the strangers."""
    xml = document(answer("10.0.0.9"), end="")
    seen = look(plan(network("n", "10.0.0.0/24")), run=Nmap(xml, stopped=True))
    assert seen["n", "live_hosts"].status is ObservationStatus.TIMED_OUT


def test_output_that_declares_entities_is_refused() -> None:
    """Such output is not nmap's."""
    with pytest.raises(CollectionError, match="entities"):
        read_scan('<!DOCTYPE nmaprun [<!ENTITY a "b">]><nmaprun>&a;</nmaprun>')


def test_ports_are_written_as_nmap_reads_them() -> None:
    """Collapsing and expanding a list gives the list."""
    assert nmap_ports.collapse(nmap_ports.expand("22,80-82,81,443")) == "22,80-82,443"
    assert nmap_ports.expand(nmap_ports.collapse(nmap_ports.ALWAYS)) == nmap_ports.ALWAYS


def test_a_script_that_broke_said_nothing() -> None:
    """Regression, false pass: a web server of which nmap's script broke was one without version and without a login."""
    broken = 'output="ERROR: Script execution failed (use -d to debug)"'
    service = f'<service name="http" method="probed"/><script id="http-headers" {broken}/><script id="http-title" {broken}/>'
    listed = f'<port protocol="tcp" portid="5800"><state state="open"/>{service}</port>'
    seen = fromstring(f'<host><status state="up"/><ports>{listed}</ports></host>')
    for name, said in (("web_headers", "were not read"), ("network_services", "")):
        fact = by_name(name)
        assert fact is not None
        assert fact.network is not None
        text = host_slice(seen, fact.network, ports_of(seen, frozenset({5800})))
        assert "<script" not in text
        if said:
            with pytest.raises(ParseError, match=said):
                fact.value(text, {})
        else:
            assert "redirects_to_tls" not in fact.value(text, {})[0]


def test_every_port_that_a_check_names_is_looked_at() -> None:
    """Regression, false pass: thirteen ports of the shipped lists (MQTT, ZooKeeper, Proxmox, Docker's 4243) were never asked."""
    loaded = load_workspace(Path(__file__).parents[2])
    assert loaded.catalogue is not None
    for check in (check for name, check in loaded.catalogue.checks.items() if name.startswith("net-")):
        lists = [p.default for p in check.params if p.type == "ints" and isinstance(p.default, list | tuple)]
        unseen = {port for ports in lists for port in ports} - nmap_ports.ALWAYS
        assert (check.id, unseen) == (check.id, set())


def test_a_port_that_the_policy_adds_is_looked_at() -> None:
    """Regression, false pass: a check passed on a port of the policy's own list that nmap was not asked for."""
    tasks = [
        CheckTask("net-database-ports", Severity.HIGH, {"ports": [5433, 3306], "roles": ["db"]}, facts, (), "")
        for facts in ((("open_ports", ProbeCall("open_ports")),), (("sshd", ProbeCall("sshd")),))
    ]
    asked = plan(host("a", "10.0.0.1"), host("b", "10.0.0.2"))
    named = replace(asked, assets=tuple(replace(a, checks=(task,)) for a, task in zip(asked.assets, tasks, strict=True)))
    nmap = Nmap(document(answer("10.0.0.1", (5433, "open")), answer("10.0.0.2", (5433, "open"), (22, "open"))))
    seen = look(named, run=nmap)
    ports = nmap_ports.expand(nmap.runs[0][nmap.runs[0].index("-p") + 1])
    assert 5433 in ports
    assert 'portid="5433"' in seen["a", "open_ports"].stdout
    assert 'portid="5433"' not in seen["b", "open_ports"].stdout  # no check of its own names it


def test_nmap_that_dies_leaves_what_it_had_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through python-nmap itself: the XML before the death is kept, and the complaint with it."""
    fake = tmp_path / "nmap"
    fake.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -V ] && { echo "Nmap version 7.93 ( https://nmap.org )"; exit; }\n'
        f"printf '%s' '{document(answer('10.0.0.1', (22, 'open')), end='<host>')}'; echo broken >&2; kill -9 $$\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    output = run_nmap(["-sT"], seconds=10, cancelled=lambda: False)
    assert (output.stopped, output.error) == (False, "broken")
    result = read_scan(output.xml)
    assert (len(result.hosts), result.whole) == (1, False)


def test_a_missing_nmap_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do."""
    import nmap

    def missing() -> None:
        raise nmap.PortScannerError("nmap program was not found in path")

    monkeypatch.setattr(nmap_run, "_Scanner", missing)
    with pytest.raises(CollectionError, match="apt install nmap"):
        run_nmap(["-sT"], seconds=1, cancelled=lambda: False)


class Greeter(socketserver.BaseRequestHandler):
    """Greets as an FTP server does."""

    def handle(self) -> None:
        self.request.sendall(b"220 (vsFTPd 3.0.3)\r\n")
        self.request.recv(100)


@pytest.fixture(scope="module")
def ftp_server() -> Iterator[str]:
    address = "127.88.0.1"
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((address, 2121), Greeter) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield address
        server.shutdown()
        thread.join()


@needs_nmap
def test_a_real_scan_twice_gives_the_same_bytes(ftp_server: str) -> None:
    """Real nmap sees the server that the test started, by name and product, and sees it the same way twice."""
    department = plan(host("h", ftp_server), facts=("network_services", "open_ports"))
    first, second = (look(department) for _ in range(2))
    fact = by_name("network_services")
    assert fact is not None
    services: Any = fact.value(first["h", "network_services"].stdout, {})
    assert ("ftp", "vsftpd", True) in [(s["service"], s["product"], s["identified"]) for s in services if s["port"] == 2121]
    assert {k: o.stdout for k, o in first.items()} == {k: o.stdout for k, o in second.items()}


@needs_nmap
def test_a_real_discovery_finds_what_answers() -> None:
    """On loopback every address answers: four of a network of four are found."""
    seen = look(plan(network("n", "127.88.1.0/30")))
    fact = by_name("live_hosts")
    assert fact is not None
    value: Any = fact.value(seen["n", "live_hosts"].stdout, {})
    assert [h["address"] for h in value] == [str(a) for a in ipaddress.ip_network("127.88.1.0/30")]


@needs_nmap
@pytest.mark.parametrize("how", ["deadline", "cancelled"])
def test_a_real_nmap_is_stopped(how: str) -> None:
    """At the deadline and on Ctrl-C nmap ends soon, and what it wrote is recognised as cut."""
    slow = ["-sT", "-Pn", "-n", "--unprivileged", "--scan-delay", "1s", "-p", "1-60000", "127.88.0.2"]
    output = run_nmap(slow, seconds=0.5 if how == "deadline" else 60, cancelled=lambda: how == "cancelled")
    assert output.stopped
    assert output.seconds < 10
    assert not read_scan(output.xml).whole
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "127.88.0.2" not in running


@needs_nmap
def test_a_real_nmap_gives_way() -> None:
    """It takes what processor others leave: judging waits for nothing else, and answers wait for nmap in the kernel."""
    slow = ["-sT", "-Pn", "-n", "--unprivileged", "--scan-delay", "1s", "-p", "1-60000", "127.88.0.3"]
    own, seen = os.getpriority(os.PRIO_PROCESS, 0), set[int]()

    def looked() -> bool:
        told = subprocess.run(["ps", "-eo", "ni,args"], capture_output=True, text=True, check=True).stdout
        seen.update(int(line.split()[0]) for line in told.splitlines() if "127.88.0.3" in line)
        return any(nice > own for nice in seen)

    output = run_nmap(slow, seconds=20, cancelled=looked)
    assert output.seconds < 20
    assert max(seen) == min(own + 10, 19)
