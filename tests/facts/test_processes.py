"""Whose processes count as the host's services, and whose only as running."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auditor.facts.services import PROCESSES
from tests.facts.hosts import ALLOWED, SHELLS, fact, run, script

each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
SYSTEM, PERSON = "0::/system.slice/x.service", "0::/user.slice/user-1000.slice/session-3.scope"


class Processes:
    """A folder that holds what /proc holds of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.add("init")

    def add(self, name: str, uid: str = "0 0 0 0", *, group: str = SYSTEM, inner: str = "", state: str = "S") -> None:
        """One more process, which has the next number."""
        number = len([*self.folder.glob("[0-9]*")]) + 1
        place = self.folder / str(number)
        place.mkdir()
        lines = (f"Name:\t{name}", f"State:\t{state} (x)", f"Pid:\t{number}", "PPid:\t1", f"Uid:\t{uid}".replace(" ", "\t"))
        (place / "status").write_text("\n".join((*lines, f"NSpid:\t{number}{inner}", "VmSize:\t9 kB", "")))
        (place / "cgroup").write_text(f"1:name=x:/\n{group}\n")

    def told(self, shell: list[str]) -> set[str]:
        """What the fragment says, of a host whose people have numbers from 500 on."""
        (self.folder / "login.defs").write_text("#UID_MIN 9\nUID_MIN\t\t\t  500\n")
        (self.folder / "dynamic").mkdir(exist_ok=True)
        (self.folder / "dynamic" / "61200").touch()
        text = PROCESSES.replace("/proc/", f"{self.folder}/").replace("/etc/login.defs", f"{self.folder}/login.defs")
        text = text.replace("/run/systemd/dynamic-uid", f"{self.folder}/dynamic")
        return set(run(shell, text + "printf '%s\\n' \"$processes\"\n").stdout.split("\n")) - {"", "daemon=init", "other=init"}


@each_shell
def test_a_person_s_program_is_no_service_whatever_its_name(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: anybody's ./auditd, and that of a container, made audit-daemon-active and its like pass."""
    host = Processes(tmp_path)
    person, boxed = "1000 1000 1000 1000", "\t7"
    host.add("auditd", person)
    host.add("chronyd", "600 600 600 600")  # a person, where UID_MIN is 500
    host.add("clamd", "1000 0 0 0")  # a program of root that a person runs under another name
    host.add("rsyslogd", "0 0 0 0", inner=boxed)
    host.add("smartd", "0 0 0 0", group=PERSON)  # sudo under another name, which waits for a password
    host.add("ntpd", "100000 100000 100000 100000", inner=boxed)
    host.add("upsmon", "61201 61201 61201 61201")  # of the numbers that systemd lends, but not lent
    host.add("falcon-sensor", "0 0 0 0", state="Z")
    names = ("auditd", "chronyd", "clamd", "rsyslogd", "smartd", "ntpd", "upsmon")
    assert host.told(shell) == {f"other={name}" for name in names}


@each_shell
def test_root_s_and_service_accounts_programs_are_services(shell: list[str], tmp_path: Path) -> None:
    """Those of accounts below UID_MIN, of ``nobody`` and of accounts that systemd lends; a namesake takes nothing from them."""
    host = Processes(tmp_path)
    host.add("auditd")
    host.add("chronyd", "111 111 111 111")
    host.add("dnsmasq", "65534 65534 65534 65534")
    host.add("my agent", "61200 61200 61200 61200")
    host.add("nut", "0 111 111 111")
    host.add("auditd", "1000 1000 1000 1000")
    host.add("Pid: 9\\nName", "111 111 111 111")
    daemons = {f"daemon={name}" for name in ("auditd", "chronyd", "dnsmasq", "my agent", "nut", "Pid: 9\\nName")}
    assert host.told(shell) == daemons | {"other=auditd"}


@each_shell
def test_a_host_that_somebody_started_as_a_container_has_services(shell: list[str], tmp_path: Path) -> None:
    """Its first process is in that person's session, and so are all its services."""
    host = Processes(tmp_path)
    (tmp_path / "1" / "cgroup").write_text(f"{PERSON}\n")
    host.add("auditd", group=PERSON)
    assert host.told(shell) == {"daemon=auditd"}


@each_shell
def test_a_kernel_that_does_not_tell_number_spaces_leaves_the_user_ids(shell: list[str], tmp_path: Path) -> None:
    host = Processes(tmp_path)
    host.add("auditd")
    host.add("chronyd", "1000 1000 1000 1000")
    host.add("odd", "0")  # ids that cannot be read are nobody's service
    for status in tmp_path.glob("*/status"):
        status.write_text("".join(line for line in status.read_text().splitlines(True) if not line.startswith("NSpid")))
    assert host.told(shell) == {"daemon=auditd", "other=chronyd", "other=odd"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a namespace of its own")
@each_shell
def test_the_kernel_s_own_files_tell_whose_a_process_is(shell: list[str], tmp_path: Path) -> None:
    """Regression, as above, on the running kernel: root's own process, a person's, a setuid program's and a container's."""
    tmp_path.chmod(0o755)
    for name in ("auditd", "chronyd", "rsyslogd", "clamd", "vsftpd"):
        shutil.copy(shutil.which("sleep") or "", tmp_path / name)
    (tmp_path / "clamd").chmod(0o4755)
    stand_ins = f"""\
{tmp_path}/auditd 60 &
setpriv --reuid 1000 --clear-groups {tmp_path}/chronyd 60 &
setpriv --reuid 1000 --clear-groups {tmp_path}/clamd 60 &
setpriv --reuid 1000 --clear-groups {tmp_path}/vsftpd 60 &
unshare --pid --fork {tmp_path}/rsyslogd 60 &
sleep 1
"""
    apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]

    def value(name: str) -> Any:
        return fact(name).value(run([*apart, *shell], stand_ins + ALLOWED + script(name)).stdout, {})

    told = value("services")
    names = {"auditd", "chronyd", "rsyslogd", "clamd", "vsftpd"}
    assert (names & {*told["running"]}, names & {*told["daemons"]}) == (names, {"auditd"})
    assert value("auditd")["running"] is True
    assert value("time_sync")["running"] == value("logging_config")["running"] == []


@each_shell
def test_a_program_with_a_line_end_in_its_name_blinds_nothing(shell: list[str]) -> None:
    """Regression: anybody's program could keep all sockets and all stale programs of the host from being read."""
    socket = 'tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("a\\nb",pid=7,fd=3))'
    done = run(shell, f"as_root() {{ printf '{socket}\\n'; }}\n" + script("listening_sockets"))
    found: Any = fact("listening_sockets").value(done.stdout, {})
    assert [item["port"] for item in found] == [8080]
    name = "import sys; open('/proc/self/comm', 'w').write('a\\nb\\tc'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        maps = f"/proc/1/maps:0 [stack]\\n/proc/{process.pid}/maps:7f r-xp 0 0:0 1 /usr/lib/x.so (deleted)\\n"
        done = run(shell, f"as_root() {{ printf '{maps}'; }}\n" + script("stale_processes"))
        process.communicate(b"")
    assert fact("stale_processes").value(done.stdout, {}) == [{"name": "a?b?c", "files": ["/usr/lib/x.so"]}]
