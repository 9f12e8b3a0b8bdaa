"""Where assets are: one machine, whether SSH reaches it or the network; and who is no stranger there."""

from __future__ import annotations

import errno
import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from auditor.collecting import places
from auditor.model import Connection, ObservationStatus
from tests.collecting.test_network import Nmap, answer, document, host, look, network, plan

pytestmark = pytest.mark.alone


def test_the_network_is_looked_at_where_ssh_goes(tmp_path: Path) -> None:
    """Regression: what the SSH configuration leads elsewhere was scanned at the address that the inventory lists, and facts of
    two machines told of one; one behind ProxyJump was looked for in the auditor's own network.
    """
    config = tmp_path / "config"
    config.write_text("Host db1\n HostName 10.0.0.7\nHost 10.0.0.8\n ProxyJump bastion\nHost 10.0.0.9\n ProxyCommand nc %h %p\n")
    by = Connection(ssh_config=str(config))
    assets = [host(uid, address, connection=by) for uid, address in (("led", "db1"), ("far", "10.0.0.8"), ("odd", "10.0.0.9"))]
    nmap = Nmap(document(answer("10.0.0.7", (22, "open"))))
    seen = look(plan(*assets, host("plain", "10.0.0.8", connection=Connection(method="none"))), run=nmap)
    assert nmap.runs[0][nmap.runs[0].index("--") + 1 :] == ["10.0.0.7", "10.0.0.8"]
    assert {uid: seen[uid, "open_ports"].status.value for uid in ("led", "far", "odd")} == {
        "led": "ok",
        "far": "failed",
        "odd": "failed",
    }
    assert "behind a jump host" in seen["far", "open_ports"].stderr
    assert "ProxyCommand" in seen["odd", "open_ports"].stderr


def test_a_configuration_that_cannot_be_followed_costs_its_host_alone(tmp_path: Path) -> None:
    """One host's line of the SSH configuration must not cost its department what the network shows of the others."""
    config = tmp_path / "config"
    config.write_text("Host 10.0.0.8\n Port many\n")
    by = Connection(ssh_config=str(config))
    assets = [host(uid, address, connection=by) for uid, address in (("odd", "10.0.0.8"), ("plain", "10.0.0.7"))]
    seen = look(plan(*assets), run=Nmap(document(answer("10.0.0.7", (22, "open")))))
    assert {uid: seen[uid, "open_ports"].status.value for uid in ("odd", "plain")} == {"odd": "failed", "plain": "ok"}
    assert "where SSH reaches the host is not known" in seen["odd", "open_ports"].stderr


def test_a_second_address_behind_a_jump_host_is_not_looked_at(tmp_path: Path) -> None:
    """The SSH configuration names the first address; the second belongs to the same machine."""
    config = tmp_path / "config"
    config.write_text("Host 10.0.0.8\n ProxyJump bastion\n")
    far = host("far", "10.0.0.8", ipv6="fd00::8", connection=Connection(ssh_config=str(config)))
    nmap = Nmap()
    seen = look(plan(far, facts=("open_ports", "open_ports_ipv6")), run=nmap)
    assert not nmap.runs
    assert {o.status for o in seen.values()} == {ObservationStatus.FAILED}


def test_a_listed_host_is_known_however_its_address_is_written(tmp_path: Path) -> None:
    """Regression, false failure: one written in another form, or known by the SSH configuration alone, was a stranger."""
    config = tmp_path / "config"
    config.write_text("Host db1\n HostName fd00:10::12\n")
    led = host("led", "db1", connection=Connection(ssh_config=str(config)))
    told = "".join(f'<host><status state="up"/><address addr="fd00:10::{n}" addrtype="ipv6"/></host>' for n in ("11", "12", "13"))
    department = plan(network("n", "fd00:10::/112"), led)
    seen = look(department, run=Nmap(document(told), document(told)), listed=("FD00:10:0:0::11", "db1", "fd00:10::13"))
    by_address = dict(re.findall(r'addr="([^"]+)"[^/]*/>\s*(?:<hostname name="([^"]+)")?', seen["n", "live_hosts"].stdout))
    assert by_address == {"fd00:10::11": "FD00:10:0:0::11", "fd00:10::12": "db1", "fd00:10::13": ""}


def test_names_that_cannot_be_asked_for_now_make_nobody_a_stranger() -> None:
    """Regression, false failure: with no file left to open a name had no address, and its host was a stranger."""

    def exhausted(_name: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    seen = look(plan(network("n", "10.0.0.0/30")), run=Nmap(), resolve=exhausted, listed=("db1",))
    assert seen["n", "live_hosts"].status is ObservationStatus.FAILED
    assert "Too many open files" in seen["n", "live_hosts"].stderr


def test_own_addresses_are_those_that_the_machine_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Regression: where sockets may be bound to any address, as on load balancers, every host passed for the auditor's own, and
    no stranger was seen. A second address of a network is own too.
    """
    (tmp_path / "fib_trie").write_text(
        "Local:\n  +-- 10.0.0.0/24 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n"
        "     |-- 10.0.0.5\n        /32 host LOCAL\n"
        "     |-- 10.0.0.6\n        /31 link UNICAST\n        /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n"
        "     |-- 127.0.0.1\n        /32 host LOCAL\n"
    )
    (tmp_path / "if_inet6").write_text(f"fd{5:030x} 04 40 00 82 eth0\n{1:032x} 01 80 10 80 lo\n")
    monkeypatch.setattr(places, "_PROC", tmp_path)
    assert {str(address) for address in places.own_addresses()} == {"10.0.0.5", "10.0.0.6", "fd00::5"}


def test_this_machine_is_known_by_its_own_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is this machine's only where all of its addresses are; one that DNS does not know, or has none, is nobody's."""
    monkeypatch.setattr(places, "own_addresses", lambda: frozenset({ip_address("10.0.0.5"), ip_address("fd00::5")}))
    names = {"me": ["10.0.0.5", "fd00::5"], "shared": ["10.0.0.5", "10.0.0.6"], "none": []}

    def resolve(name: str) -> list[str]:
        if name not in names:
            raise OSError("no such name")
        return names[name]

    assert [places.is_this_machine(a, resolve) for a in ("10.0.0.5", "fd00::5", "me")] == [True, True, True]
    assert [places.is_this_machine(a, resolve) for a in ("10.0.0.6", "shared", "none", "other")] == [False] * 4
