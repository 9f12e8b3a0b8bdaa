"""The lab is what it says it is, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor import lab
from auditor.errors import LabError
from auditor.lab.defects import DEFECTS
from auditor.lab.machine import lab_processes
from auditor.lab.network import Network
from tests.lab.conftest import Login

pytestmark = pytest.mark.lab

FEW = ("health-web-1", "health-legacy-1")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for a lab of the test's own, which is down afterwards however the test ends."""
    yield tmp_path / "a lab"
    lab.down(tmp_path / "a lab")


def machine() -> tuple[str, set[str]]:
    """What of this machine a lab could leave changed: mounts, and cards, addresses and routes of labs."""
    shown = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    cards = {line for line in shown.splitlines() if "alab" in line}
    return Path("/proc/self/mountinfo").read_text(), cards


def open_ports(address: str, ports: tuple[int, ...]) -> set[int]:
    """Those of the ports that accept a connection."""
    found = set()
    for port in ports:
        with socket.socket() as client:
            client.settimeout(1)
            if client.connect_ex((address, port)) == 0:
                found.add(port)
    return found


def files(fleet: lab.Fleet, uid: str, paths: tuple[str, ...]) -> dict[str, tuple[int, int, int, str]]:
    """Mode, owner and text of those files of a host that are there."""
    top = f"/proc/{fleet.host(uid).pid}/root"
    there = {path: Path(top + path) for path in paths if Path(top + path).exists()}
    return {
        p: (f.stat().st_mode, f.stat().st_uid, f.stat().st_gid, "" if f.is_dir() else f.read_text()) for p, f in there.items()
    }


def test_every_host_answers_as_built(fleet: lab.Fleet, login: Login) -> None:
    """Each host that gives access shows its own name by its own sshd; those that must not give access do not."""
    names = {}
    for spec in lab.HOSTS:
        if spec.absent or spec.jump or spec.uid == lab.HOSTILE_HOST or spec.trust is lab.Trust.UNLISTED:
            continue
        result = login(spec.uid, "hostname")
        names[spec.uid] = result.stdout.strip() if result.returncode == 0 else "refused"
    silent = {uid for uid, name in names.items() if name == "refused"}
    assert silent == {"interior-changed-1", "interior-refused-1"}
    assert all(name == lab.host_spec(uid).name for uid, name in names.items() if uid not in silent)


def test_changed_key_and_refused_login_say_why(login: Login) -> None:
    """The two refusals are of different kinds: one is the auditor's own, for the host key; the other is the host's."""
    assert "Host key verification failed" in login("interior-changed-1", "true", "-o", "LogLevel=INFO").stderr
    assert "Permission denied" in login("interior-refused-1", "true").stderr


def test_sudo_is_what_each_host_allows(login: Login) -> None:
    """The ordinary host allows sudo, the host without sudo refuses it."""
    assert login("health-web-1", "sudo -n id -u").stdout == "0\n"
    assert login("finance-nosudo-1", "sudo -n id -u").returncode != 0


def test_permitted_sudo_is_all_there_is(state: Path) -> None:
    """After ``permit`` just the permitted command runs by sudo; a wrong text is refused; a defect outlasts it."""
    fleet = lab.up(state, ("finance-limited-1", "health-db-1"))

    def allowed(uid: str, command: str) -> bool:
        return "yes" in fleet.shell(uid, f"su auditor -c 'sudo -n {command}' >/dev/null 2>&1 && echo yes || echo no")

    assert not allowed("finance-limited-1", "/usr/bin/id")
    with pytest.raises(LabError, match="syntax error"):
        fleet.permit("auditor may do as it likes\n")
    fleet.permit("auditor ALL=(root) NOPASSWD: /usr/bin/id\n")
    assert allowed("finance-limited-1", "/usr/bin/id")
    assert not allowed("finance-limited-1", "/usr/bin/whoami")
    assert allowed("health-db-1", "/usr/bin/whoami")
    fleet.mend("health-db-1", "sudo-all")
    assert not allowed("health-db-1", "/usr/bin/whoami")


def test_inner_host_is_reached_only_through_the_jump_host(fleet: lab.Fleet, login: Login) -> None:
    """No route leads from here to the inner network; the jump host leads there."""
    routes = subprocess.run(
        ["ip", "route", "get", fleet.address("interior-inner-1")], capture_output=True, text=True, check=False
    ).stdout
    assert fleet.net.bridge not in routes
    jump = fleet.address("interior-jump-1")
    careless = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    proxy = f"ProxyCommand=ssh -F none -i {fleet.key} {careless} -W %h:%p auditor@{jump}"
    assert login("interior-inner-1", "hostname", "-o", proxy).stdout == "inner-1\n"


def test_nothing_of_this_machine_shows_or_can_be_changed(login: Login) -> None:
    """Root in a host sees none of this machine's keys, and can reach neither its kernel settings nor its disks."""
    tries = (
        "echo 1 > /proc/sys/kernel/sysrq",
        "mount -o remount,rw /proc/sys",
        "mknod /root/disk b 254 0",
        "date -s @1000000000",
    )
    for command in tries:
        assert login("health-web-1", f"sudo -n sh -c '{command}'").returncode != 0, command
    assert login("health-web-1", "sudo -n ls /etc/ssh").stdout.split() == [
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "sshd_config",
    ]


def test_hosts_do_not_reach_one_another(fleet: lab.Fleet, login: Login) -> None:
    """A host can be reached from this machine, not from its neighbour."""
    neighbour = fleet.address("health-db-1")
    assert open_ports(neighbour, (22,)) == {22}
    assert login("health-web-1", f"busybox nc -w 1 {neighbour} 22 </dev/null").stdout == ""


def test_clock_is_wrong_where_it_should_be(login: Login) -> None:
    """Three hours behind on one host, right on the other."""
    now = time.time()
    assert abs(now - int(login("health-web-1", "date +%s").stdout)) < 60
    assert abs(now - 3 * 3600 - int(login("finance-clock-1", "date +%s").stdout)) < 60


def test_hostile_host_sends_what_no_terminal_should_see(fleet: lab.Fleet) -> None:
    """Escapes, NUL and bytes that are no UTF-8 come over the wire whatever was asked, and then nothing ends."""
    address = fleet.address(lab.HOSTILE_HOST)
    command = ["ssh", "-F", "none", "-i", str(fleet.key), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    command += ["-o", "UserKnownHostsFile=/dev/null", f"auditor@{address}", "true"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdout is not None
        said = b""
        while b"forged" not in said and (more := os.read(client.stdout.fileno(), 65536)):
            said += more
        assert client.poll() is None
        client.kill()
    assert b"\x1b[2J" in said
    assert b"\x00" in said
    assert b"\xff\xfe" in said


def test_snapshot_tells_a_change_and_only_a_change(fleet: lab.Fleet, login: Login) -> None:
    """A login that changes nothing leaves the file tree as it was, login records apart; one that writes shows."""

    def tree() -> dict[str, lab.FileState]:
        return {p: s for p, s in fleet.snapshot("health-web-1").items() if not p.startswith(lab.LOGIN_RECORDS)}

    before = tree()
    assert login("health-web-1", "sudo -n /usr/sbin/sshd -T >/dev/null").returncode == 0
    assert tree() == before
    login("health-web-1", "echo x > ~/trace")
    assert set(tree()) - set(before) == {"/home/auditor/trace"}
    login("health-web-1", "rm ~/trace")


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_defect_is_planted_and_mended_without_a_trace(fleet: lab.Fleet, name: str) -> None:
    """Every defect can come and go on a running host: what it changes is back as it was, and the host still answers."""
    uid = "finance-limited-1" if name == "sudo-all" else "health-shadow-it"
    paths = DEFECTS[name].paths
    before = files(fleet, uid, paths)
    others = fleet.host(uid).defects
    fleet.break_(uid, name)
    try:
        assert fleet.host(uid).defects == (*others, name)
        assert files(fleet, uid, paths) != before or not paths
    finally:
        fleet.mend(uid, name)
    assert files(fleet, uid, paths) == before
    assert open_ports(fleet.address(uid), (21, 22, 23, 80, 443, 8443, 9443)) == {22}


def test_mending_one_defect_leaves_the_other_in_the_same_file(fleet: lab.Fleet) -> None:
    """Of two accounts without password ageing, one is repaired and the other stays."""
    fleet.mend("finance-app-1", "no-ageing-omar")
    rows = {row.split(":")[0]: row.split(":")[4] for row in fleet.shell("finance-app-1", "cat /etc/shadow").splitlines()}
    assert (rows["omar"], rows["layla"]) == ("60", "99999")
    fleet.break_("finance-app-1", "no-ageing-omar")


def test_stopped_host_does_not_answer_and_comes_back(fleet: lab.Fleet) -> None:
    """Pulling the cable silences a host; plugging it in brings it back with its files."""
    fleet.stop("interior-twin-1")
    assert fleet.host("interior-twin-1").state == "stopped"
    assert open_ports(fleet.address("interior-twin-1"), (22,)) == set()
    fleet.start("interior-twin-1")
    assert open_ports(fleet.address("interior-twin-1"), (22,)) == {22}


def test_workspace_holds_no_secret_but_the_key(fleet: lab.Fleet, tmp_path: Path) -> None:
    """The inventories list every host but the unlisted one, and the key can be read by its owner only."""
    lab.write_workspace(fleet, tmp_path)
    lab.write_workspace(fleet, tmp_path)
    listed = [
        h["uid"] for d in lab.DEPARTMENTS for h in yaml.safe_load((tmp_path / f"inventories/{d.id}.yaml").read_text())["hosts"]
    ]
    assert listed == [
        s.uid for d in lab.DEPARTMENTS for s in lab.HOSTS if s.department == d.id and s.trust is not lab.Trust.UNLISTED
    ]
    assert (tmp_path / "keys/lab").stat().st_mode & 0o777 == 0o600


def test_down_leaves_nothing(fleet: lab.Fleet, state: Path) -> None:
    """Beside another lab that is up: mounts, cards, addresses and processes are afterwards what they were before."""
    before = machine()
    other = lab.up(state, FEW)
    assert other.net.slot != fleet.net.slot
    assert machine() != before
    assert lab_processes(state)
    assert lab.up(state, FEW).status() == other.status()
    lab.down(state)
    assert machine() == before
    assert lab_processes(state) == set()
    assert not state.exists()
    assert lab.status(state) == ()
    assert fleet.host("health-web-1").state == "up"


def test_killed_up_is_cleaned_by_down(state: Path) -> None:
    """SIGKILL in the midst of starting leaves nothing that down cannot find."""
    before = machine()
    program = "import sys, pathlib; from auditor import lab; lab.up(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", program, str(state)], stderr=subprocess.DEVNULL) as starter:
        while not lab_processes(state) and starter.poll() is None:
            pass
        starter.send_signal(signal.SIGKILL)
    lab.down(state)
    assert machine() == before
    assert lab_processes(state) == set()
    assert not state.exists()


def test_a_dead_host_brings_the_lab_up_anew(state: Path) -> None:
    """When a host's first process is gone, up does not claim that the lab is up."""
    fleet = lab.up(state, FEW)
    os.kill(fleet.host("health-web-1").pid, signal.SIGKILL)
    while fleet.host("health-web-1").state != "dead":
        pass
    assert {h.state for h in lab.up(state, FEW).status()} == {"up"}


def test_down_ends_a_lab_whose_files_were_deleted(state: Path) -> None:
    """Whoever removes the folder first is still rid of processes and bridge."""
    before = machine()
    lab.up(state, FEW)
    shutil.rmtree(state)
    lab.down(state)
    assert machine() == before
    assert lab_processes(state) == set()


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    """Unknown hosts, public address space and a folder of somebody else's are refused by name."""
    with pytest.raises(LabError, match="no host nowhere"):
        lab.up(tmp_path / "state", ("nowhere",))
    with pytest.raises(LabError, match="private IPv4 space"):
        lab.up(tmp_path / "state", FEW, space="8.8.0.0/16")
    (tmp_path / "letter").write_text("mine")
    with pytest.raises(LabError, match="not empty"):
        lab.up(tmp_path, FEW)
    lab.down(tmp_path)
    assert (tmp_path / "letter").read_text() == "mine"


def test_space_that_is_in_use_is_refused(fleet: lab.Fleet, tmp_path: Path) -> None:
    """A lab never takes addresses that this machine already has a route to."""
    taken = Network(0, fleet.net.base)
    with pytest.raises(LabError, match="overlaps a route"):
        lab.up(tmp_path / "state", FEW, space=f"{taken.base}/22")
    assert not (tmp_path / "state").exists()


def test_every_planted_defect_is_expected_to_be_found() -> None:
    """The table of verdicts covers each defect of each host that gives access, and the hardened host passes what others fail."""
    for spec in lab.HOSTS:
        if spec.uid in lab.EXPECTED and spec.uid != lab.HARDENED:
            checks = {find.check for name in spec.defects for find in DEFECTS[name].finds}
            assert checks <= set(lab.EXPECTED[spec.uid])
    assert {e.verdict for e in lab.EXPECTED[lab.HARDENED].values()} == {"pass"}
