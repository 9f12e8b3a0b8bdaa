"""What the lab asks of this machine: rights, tools, and the processes it must find again to end them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from auditor.errors import LabError
from auditor.text import _

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

TOOLS = (
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("sshd", "openssh-server"),
    ("ssh-keygen", "openssh-client"),
    ("sudo", "sudo"),
    ("openssl", "openssl"),
    ("busybox", "busybox"),
    ("perl", "perl-base"),
)


def capabilities() -> tuple[bool, str]:
    """Whether the lab can be had on this machine, and if not why."""
    if os.geteuid() != 0:
        return False, _("the lab needs root: it makes namespaces and mounts; run it as root or by sudo")
    missing = sorted({package for tool, package in TOOLS if shutil.which(tool, path=PATH) is None})
    if missing:
        message = _("the lab needs packages that are not installed; run: {command}")
        return False, message.format(command=f"apt-get install {' '.join(missing)}")
    if not any(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        message = _("the lab needs packages that are not installed; run: {command}")
        return False, message.format(command="apt-get install libfaketime")
    trial = "mount -t tmpfs t /tmp && mkdir /tmp/u /tmp/w /tmp/m"
    trial += " && mount -t overlay -o lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w o /tmp/m"
    trial += " && ip link add lab0 type veth peer name lab1 && ip link add lab2 type bridge"
    result = run("unshare", "--mount", "--net", "--uts", "--pid", "--fork", "sh", "-c", trial, check=False)
    if result.returncode != 0:
        detail = (result.stderr or result.stdout).strip().splitlines()
        message = _("this machine does not allow the namespaces the lab needs: {problem}")
        return False, message.format(problem=detail[-1] if detail else _("unshare failed"))
    return True, ""


def run(*command: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command by the system's own path, in the C locale; LabError with its own words when it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, env={"PATH": PATH, "LC_ALL": "C"}, check=False)
    if check and result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        message = _("{command} failed ({code}): {problem}")
        raise LabError(message.format(command=" ".join(command[:3]), code=result.returncode, problem=said))
    return result


def start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks since boot; None when there is none (or it waits to be reaped)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def lab_processes(state: Path) -> set[int]:
    """Every living process of the lab in ``state``: by its command line while it starts, by its mounts from then on."""
    own, seen, found = _mount_namespace("self"), {}, set()
    mark = f"upperdir={_escaped(state)}/mnt/"
    for entry in (path.name for path in Path("/proc").iterdir()):
        if not entry.isdigit() or start_time(int(entry)) is None:
            continue
        with contextlib.suppress(OSError):
            namespace = _mount_namespace(entry)
            if namespace == own:
                continue
            if namespace not in seen:
                seen[namespace] = mark in Path(f"/proc/{entry}/mountinfo").read_text()
            if seen[namespace] or _starts_host(entry, state):
                found.add(int(entry))
    return found


def _mount_namespace(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())


def _escaped(path: Path) -> str:
    """A path as mountinfo writes it."""
    return str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")


def _starts_host(pid: str, state: Path) -> bool:
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return os.fsencode(state) in arguments and any(a.endswith(b"/host.sh") for a in arguments)


def end_processes(state: Path, patience: float = 5.0) -> None:
    """Kill the lab's processes and wait until they are gone; LabError names those that stay."""
    deadline = time.monotonic() + patience
    killed: set[int] = set()
    while left := lab_processes(state):
        for pid in left - killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= left
        if time.monotonic() > deadline:
            message = _("these processes of the lab do not end: {numbers}")
            raise LabError(message.format(numbers=", ".join(map(str, sorted(left)))))
        time.sleep(0.005)
    for pid in killed:
        with contextlib.suppress(ChildProcessError):  # only those that this very process started are ours to reap
            os.waitpid(pid, 0)
