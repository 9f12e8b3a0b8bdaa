"""The fleet as it runs: start it, ask how it stands, plant and mend defects, take it down again."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import LabError
from auditor.lab import network, start
from auditor.lab.base import SUDOERS_OF_AUDITOR, SYSCTLS
from auditor.lab.build import Layout, background, build, sysctl_path
from auditor.lab.defects import DEFECTS, Defect
from auditor.lab.machine import capabilities, end_processes, lab_processes, run, start_time
from auditor.lab.network import SPACE, Network
from auditor.lab.spec import HOSTS, RELEASE_HOSTS, HostSpec, Login, host_spec
from auditor.lab.tree import Tree
from auditor.text import _

_MARK = ".auditor-lab"

# What any login leaves behind on a host: whoever compares file trees before and after an audit leaves these out.
LOGIN_RECORDS = ("/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog", "/var/log/auth.log", "/var/log/sudo.log", "/run/utmp",
                 "/run/sudo", "/var/lib/sudo", "/run/faillock")  # fmt: skip
_COMPARED = ("etc", "var", "home", "root", "tmp", "run", "srv", "boot", "usr/local")


@dataclass(frozen=True, slots=True)
class HostStatus:
    """How one host stands: ``up``, ``stopped`` (its cable is out), ``absent`` (never existed) or ``dead``."""

    uid: str
    department: str
    address: str
    state: str
    pid: int
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file is, near enough to tell any change: the kernel moves ``ctime_ns`` with each, and nobody can set it."""

    mode: int
    uid: int
    gid: int
    size: int
    ctime_ns: int


@dataclass(slots=True)
class _Running:
    pid: int
    started: int
    defects: list[str] = field(default_factory=list)


class Fleet:
    """A lab that is up. Made by ``up``; every change is recorded, so another process may go on with it."""

    def __init__(self, state: Path, net: Network, specs: tuple[HostSpec, ...], running: dict[str, _Running]) -> None:
        self.state = state
        self.net = net
        self.specs = specs
        self._running = running

    @property
    def key(self) -> Path:
        """The private key that the auditor logs in with."""
        return Layout(self.state).keys / "lab"

    def address(self, uid: str) -> str:
        """A host's address."""
        spec = self._spec(uid)
        return self.net.address(spec.subnet, spec.number)

    def host_key(self, uid: str) -> str:
        """The public host key that the host shows, as ``type base64``."""
        spec = self._spec(uid)
        text = (Layout(self.state).keys / f"{spec.twin or uid}.pub").read_text(encoding="utf-8")
        return " ".join(text.split()[:2])

    def host(self, uid: str) -> HostStatus:
        """How one host stands."""
        spec = self._spec(uid)
        running = self._running.get(uid)
        defects = tuple(running.defects) if running else ()
        return HostStatus(uid, spec.department, self.address(uid), self._state(uid), running.pid if running else 0, defects)

    def status(self) -> tuple[HostStatus, ...]:
        """How all hosts stand, in the fleet's order."""
        return tuple(self.host(spec.uid) for spec in self.specs)

    def break_(self, uid: str, defect: str) -> None:
        """Plant a defect in a running host."""
        running, what = self._live(uid), _defect(defect)
        if defect in running.defects:
            return
        if what.plant is not None:
            what.plant(self._tree(uid))
        for name, value in what.sysctls:
            self._sysctl(running.pid, name, value)
        for command in what.services:
            start.run_inside(running.pid, background(command))
        if what.firewall:
            run("nsenter", "-t", str(running.pid), "-n", "nft", what.firewall)
        running.defects.append(defect)
        self._settle(uid, what)

    def mend(self, uid: str, defect: str) -> None:
        """Repair a defect in a running host; the others stay."""
        running, what = self._live(uid), _defect(defect)
        if defect not in running.defects:
            return
        running.defects.remove(defect)
        tree, pristine = self._tree(uid), Layout(self.state).pristine(uid)
        for path in what.paths:
            tree.restore(path, pristine)
        for other in map(_defect, running.defects):
            if other.plant is not None and set(other.paths) & set(what.paths):
                other.plant(tree)
        for name, _value in what.sysctls:
            self._sysctl(running.pid, name, SYSCTLS[name])
        for command in what.services:
            start.end_service(running.pid, command)
        if what.firewall:
            run("nsenter", "-t", str(running.pid), "-n", "nft", "-f", str(Layout(self.state).base / "etc/nftables.conf"))
        self._settle(uid, what)

    def permit(self, sudoers: str) -> None:
        """Let the auditor's sudo do just what a sudoers text says, on every host where it has any.

        A host with the defect ``sudo-all`` goes on allowing everything until that is mended. Raises LabError when sudo would
        not take the text.
        """
        draft = self.state / "sudoers"
        draft.write_text(sudoers, encoding="utf-8")
        run("visudo", "--check", "--strict", f"--file={draft}")
        for spec in self.specs:
            if spec.absent or spec.login not in (Login.SUDO, Login.LIMITED):
                continue
            Layout(self.state).pristine(spec.uid).write(SUDOERS_OF_AUDITOR, sudoers, 0o440)
            if not any(SUDOERS_OF_AUDITOR in _defect(d).paths for d in self._live(spec.uid).defects):
                self._tree(spec.uid).write(SUDOERS_OF_AUDITOR, sudoers, 0o440)

    def stop(self, uid: str) -> None:
        """Pull a host's cable: nothing at its address answers any more."""
        run("nsenter", "-t", str(self._live(uid).pid), "-n", "ip", "link", "set", "eth0", "down")

    def start(self, uid: str) -> None:
        """Plug a host's cable in again."""
        lines = "link set eth0 up\n" + ("" if self._spec(uid).jump else f"route replace {self.net.auditor} dev eth0\n")
        run("nsenter", "-t", str(self._live(uid).pid), "-n", "ip", "-batch", "-", stdin=lines)

    def snapshot(self, uid: str) -> dict[str, FileState]:
        """Every file of a host by path, login records (``LOGIN_RECORDS``) included; what dpkg keeps of each package apart."""
        top = f"/proc/{self._live(uid).pid}/root"
        found: dict[str, FileState] = {}
        for part in _COMPARED:
            for folder, folders, files in os.walk(f"{top}/{part}"):
                if folder.endswith("/var/lib/dpkg"):
                    folders.remove("info")  # nine files in ten, and no change there without one in dpkg's status
                for name in (*folders, *files):
                    path = f"{folder}/{name}"
                    found[path.removeprefix(top)] = _file_state(path)
        return found

    def shell(self, uid: str, command: str) -> str:
        """What a command prints as root inside a host; for tests that look behind the auditor's back."""
        return run("nsenter", "-t", str(self._live(uid).pid), "-a", "/bin/sh", "-c", command).stdout

    def _spec(self, uid: str) -> HostSpec:
        for spec in self.specs:
            if spec.uid == uid:
                return spec
        message = _("this lab has no host {name}; it has {names}")
        raise LabError(message.format(name=uid, names=", ".join(s.uid for s in self.specs)))

    def _state(self, uid: str) -> str:
        if self._spec(uid).absent:
            return "absent"
        running = self._running.get(uid)
        if running is None or start_time(running.pid) != running.started:
            return "dead"
        try:
            routes = Path(f"/proc/{running.pid}/net/route").read_text(encoding="ascii")
        except OSError:  # it died just now
            return "dead"
        return "up" if "eth0" in routes else "stopped"

    def _live(self, uid: str) -> _Running:
        state = self._state(uid)
        if state in ("absent", "dead"):
            raise LabError(_("the lab's host {name} is {state}; run: auditor lab up").format(name=uid, state=state))
        return self._running[uid]

    def _tree(self, uid: str) -> Tree:
        return Tree(Path(f"/proc/{self._live(uid).pid}/root"))

    def _sysctl(self, pid: int, name: str, value: str) -> None:
        run("nsenter", "-t", str(pid), "-n", "sh", "-c", f"echo {shlex.quote(value)} > {shlex.quote(sysctl_path(name))}")

    def _settle(self, uid: str, what: Defect) -> None:
        """Wait until the change shows, then record it."""
        running = self._running[uid]
        if what.reloads_sshd:
            start.reload_sshd(running.pid)
        for command in what.services:
            start.wait_for_port(running.pid, start.service_port(command), listening=what.name in running.defects)
        self._save()

    def _save(self) -> None:
        hosts = {uid: {"pid": r.pid, "started": r.started, "defects": r.defects} for uid, r in self._running.items()}
        record = {"slot": self.net.slot, "base": self.net.base, "order": [s.uid for s in self.specs], "hosts": hosts}
        record_path = Layout(self.state).record
        draft = record_path.with_suffix(".new")
        draft.write_text(json.dumps(record, indent=1), encoding="utf-8")
        draft.replace(record_path)


def up(state: Path, hosts: tuple[str, ...] | None = None, space: str = SPACE) -> Fleet:
    """Start the fleet, or the named hosts of it, with everything it needs kept in ``state``; a fleet that is up stays as it is.

    ``space`` is the private network that the lab takes its addresses from. Raises LabError.
    """
    state = state.resolve()
    specs = _choose(hosts)
    fleet = attach(state)
    if fleet is not None and fleet.specs == specs and not any(h.state == "dead" for h in fleet.status()):
        return fleet
    able, why = capabilities()
    if not able:
        raise LabError(why)
    if any(c in str(state) for c in '":,\\\n'):
        message = _("the lab's folder must not have quotes, colons, commas or backslashes in its path: {path}")
        raise LabError(message.format(path=state))
    if state.exists() and any(state.iterdir()) and not (state / _MARK).exists():
        message = _("{path} is not empty and is no lab of ours; give the lab a folder of its own")
        raise LabError(message.format(path=state))
    down(state)
    state.mkdir(parents=True, mode=0o700, exist_ok=True)
    (state / _MARK).touch()
    try:
        net = network.reserve(state, space)
        build(Layout(state), net, specs)
        pids = start.start_hosts(Layout(state), net, specs)
        fleet = Fleet(state, net, specs, {})
        for spec in specs:
            if not spec.absent:
                pid = pids[spec.uid]
                fleet._running[spec.uid] = _Running(pid, start_time(pid) or 0, list(spec.defects))
        fleet._save()
        _wait_until_up(fleet)
    except BaseException:
        down(state)
        raise
    return fleet


def attach(state: Path) -> Fleet | None:
    """The fleet that was started in ``state``, by whichever process; None when there is none."""
    state = state.resolve()
    try:
        record = json.loads(Layout(state).record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    net = Network(record["slot"], record["base"])
    if not network.exists(net, state):
        return None
    running = {uid: _Running(h["pid"], h["started"], h["defects"]) for uid, h in record["hosts"].items()}
    return Fleet(state, net, tuple(host_spec(uid) for uid in record["order"]), running)


def status(state: Path) -> tuple[HostStatus, ...]:
    """How the hosts of the lab in ``state`` stand; empty when no lab is up."""
    fleet = attach(state)
    return fleet.status() if fleet is not None else ()


def down(state: Path) -> bool:
    """End the lab in ``state``: processes, namespaces, mounts, bridge and files, also after an ``up`` that was killed. Whether
    there was one."""
    state = state.resolve()
    found = (state / _MARK).exists() or bool(lab_processes(state))
    end_processes(state)
    network.release(state)
    if not (state / _MARK).exists():  # these files are not ours, whatever runs in their name was
        return found
    for entry in state.iterdir():
        if entry.name == _MARK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (state / _MARK).unlink()
    state.rmdir()
    return found


def _choose(hosts: tuple[str, ...] | None) -> tuple[HostSpec, ...]:
    if hosts is None:
        return HOSTS
    known = {spec.uid: spec for spec in (*HOSTS, *RELEASE_HOSTS)}
    unknown = [uid for uid in hosts if uid not in known]
    if unknown:
        message = _("the lab has no host {name}; it has {names}")
        raise LabError(message.format(name=", ".join(unknown), names=", ".join(known)))
    wanted = {*hosts, *(known[u].jump for u in hosts), *(known[u].twin for u in hosts)}
    return tuple(spec for spec in known.values() if spec.uid in wanted)


def _wait_until_up(fleet: Fleet) -> None:
    deadline = time.monotonic() + start.PATIENCE
    for spec in fleet.specs:
        if not spec.absent:
            ports = [22, *(start.service_port(c) for d in spec.defects for c in DEFECTS[d].services)]
            for port in ports:
                start.wait_for_port(fleet.host(spec.uid).pid, port, patience=deadline - time.monotonic())


def _defect(name: str) -> Defect:
    if name not in DEFECTS:
        raise LabError(_("the lab has no defect {name}; it has {names}").format(name=name, names=", ".join(DEFECTS)))
    return DEFECTS[name]


def _file_state(path: str) -> FileState:
    found = os.lstat(path)
    return FileState(found.st_mode, found.st_uid, found.st_gid, found.st_size, found.st_ctime_ns)
