"""Starts hosts and what runs in them, and waits until they answer."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import LabError
from auditor.lab import network
from auditor.lab.build import Layout
from auditor.lab.machine import PATH, run, start_time
from auditor.lab.network import Network
from auditor.lab.spec import HostSpec
from auditor.text import _

PATIENCE = 120.0  # seconds; far more than even a busy machine needs, whose kernel makes and ends networks one at a time
_CONFINED = "--bounding-set=-sys_admin,-mknod,-sys_module,-sys_rawio,-sys_time,-sys_boot,-syslog"


def start_hosts(layout: Layout, net: Network, specs: tuple[HostSpec, ...]) -> dict[str, int]:
    """Start all hosts at once and give them their network; their first process's id by uid."""
    (layout.state / "log").mkdir()
    starting = {spec.uid: _spawn(layout, spec.uid) for spec in specs if not spec.absent}
    try:
        pids = {uid: _read_pid(layout, uid, said) for uid, (said, _) in starting.items()}
        cards = {i: pids[s.uid] for i, s in enumerate(specs) if not s.absent and not s.jump}
        network.connect(net, cards)
        for spec in specs:
            if spec.jump:
                network.connect_inner(pids[spec.uid], pids[spec.jump])
        for _, go in starting.values():
            with contextlib.suppress(BrokenPipeError):  # a host that died meanwhile is named by whoever waits for it
                os.write(go, b"go\n")
    finally:
        for ends in starting.values():
            for end in ends:
                os.close(end)
    return pids


def _spawn(layout: Layout, uid: str) -> tuple[int, int]:
    """Start one host; the ends of the pipes on which it speaks and listens."""
    said, says = os.pipe()
    hears, go = os.pipe()
    log = layout.state / "log" / uid
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    command = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--"]
    command += ["sh", str(layout.state / "host.sh"), str(layout.state), str(layout.host(uid))]
    try:
        os.posix_spawn(
            "/usr/bin/unshare",
            command,
            {"PATH": PATH, "LC_ALL": "C"},
            file_actions=(
                (os.POSIX_SPAWN_DUP2, hears, 0),
                (os.POSIX_SPAWN_DUP2, says, 1),
                (os.POSIX_SPAWN_OPEN, 2, str(log), flags, 0o600),
            ),
            setsid=True,
        )
    finally:
        os.close(says)
        os.close(hears)
    return said, go


def _read_pid(layout: Layout, uid: str, said: int) -> int:
    ready, _writable, _failed = select.select([said], [], [], PATIENCE)
    line = os.read(said, 64) if ready else b""
    if not line.endswith(b"\n"):
        log = (layout.state / "log" / uid).read_text(encoding="utf-8", errors="replace").strip()
        silent = _("it ended without a word") if ready else _("it said nothing for {seconds} s").format(seconds=f"{PATIENCE:.0f}")
        message = _("the lab's host {name} did not start: {problem}")
        raise LabError(message.format(name=uid, problem=log or silent))
    return int(line)


def _poll(what: str, pid: int, patience: float) -> Iterator[None]:
    """Yield until the caller is content; LabError when the host dies or patience ends."""
    deadline = time.monotonic() + patience
    while True:
        yield
        if start_time(pid) is None:
            message = _("a host of the lab died while the lab waited for {what} (process {pid})")
            raise LabError(message.format(what=what, pid=pid))
        if time.monotonic() > deadline:
            message = _("the lab waited {seconds} s in vain for {what} (process {pid})")
            raise LabError(message.format(seconds=f"{patience:.0f}", what=what, pid=pid))
        time.sleep(0.004)


def wait_for_port(pid: int, port: int, *, listening: bool = True, patience: float = PATIENCE) -> None:
    """Wait until a host listens on a port, or no longer does."""
    for _waited in _poll(_("port {port}").format(port=port), pid, patience):
        if listens(pid, port) is listening:
            return


def listens(pid: int, port: int) -> bool:
    """Whether anything listens on a TCP port in a process's network namespace."""
    return bool(listening_sockets(pid, port))


def reload_sshd(pid: int) -> None:
    """Tell sshd to read its settings again and wait until it listens anew."""
    before = listening_sockets(pid, 22)
    os.kill(pid, signal.SIGHUP)
    for _waited in _poll(_("sshd to listen again"), pid, PATIENCE):
        now = listening_sockets(pid, 22)
        if len(now) == len(before) and not set(now) & set(before):
            return


def listening_sockets(pid: int, port: int) -> tuple[str, ...]:
    """The inodes of the sockets that listen on a port: others after a restart."""
    end = f":{port:04X}"
    rows = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):  # no IPv6, or the host just died
            rows += [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]]
    return tuple(row[9] for row in rows if row[3] == "0A" and row[1].endswith(end))


def run_inside(pid: int, line: str) -> None:
    """Run a line of shell in a host, confined as everything in it is."""
    run("nsenter", "-t", str(pid), "-a", "setpriv", _CONFINED, "/bin/sh", "-c", line)


def service_port(command: tuple[str, ...]) -> int:
    """The port a service's command listens on: the only number among its arguments."""
    return next(int(word) for word in command if word.isdigit())


def end_service(pid: int, command: tuple[str, ...]) -> None:
    """End the service of that very command in the host of process ``pid``."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    wanted = b"\0".join(word.encode() for word in command) + b"\0"
    for entry in (path.name for path in Path("/proc").iterdir()):
        with contextlib.suppress(OSError):
            same = entry.isdigit() and Path(f"/proc/{entry}/ns/pid").readlink() == namespace
            if same and Path(f"/proc/{entry}/cmdline").read_bytes() == wanted:
                os.kill(int(entry), signal.SIGKILL)
