"""A host for one remedy: a Debian 12 in namespaces of its own, into which the auditor logs in by SSH as it would anywhere."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path
from types import TracebackType

from auditor.collecting.session import Session
from auditor.lab.machine import PATH
from auditor.model import AssetPlan, AssetResult, Reach

HERE = Path(__file__).parent
_CONFINED = "-sys_module,-mknod,-sys_rawio,-sys_time,-sys_boot,-syslog,-audit_control"
# What programs leave behind whether or not they change anything: locks, and the copies that they make beforehand.
_RECORDS = ("etc/.pwd.lock", "etc/passwd-", "etc/shadow-", "etc/group-", "etc/gshadow-", "etc/audit/audit.rules.prev")


class Host:
    """One host; ends with the ``with`` block."""

    def __init__(self, root: Path, work: Path, key: Path, *, mounts: bool = False) -> None:
        self.work, self._key = work, key
        self._dropped = _CONFINED if mounts else f"{_CONFINED},-sys_admin"
        work.mkdir()
        command = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "--"]
        self._process = subprocess.Popen(
            [*command, "sh", str(HERE / "host.sh"), str(root), str(work), str(key.with_suffix(".pub"))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": PATH, "LC_ALL": "C"},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the host did not start: {self._process.stderr.read()}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self.pid = int(children[0])

    def __enter__(self) -> Host:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()
        self.work.rmdir()

    def run(self, shell: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Commands as root types them, ended by the first that fails; with the tight umask that hardened hosts give root."""
        return subprocess.run(
            [*self._inside(), "/bin/bash", "-e", "-c", f"umask 027; cd /root\n{shell}"],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
            env={
                "PATH": PATH,
                "HOME": "/root",
                "LOGNAME": "root",
                "USER": "root",
                "SUDO_USER": "amal",
                "DEBIAN_FRONTEND": "noninteractive",  # of debconf; apt-get asks all the same
                "LC_ALL": "C.UTF-8",
                **environment,
            },
        )

    def observe(self, plan: AssetPlan) -> AssetResult:
        """What the plan's probes tell, over SSH, as the auditor's own account."""
        session = Session(plan, 60)
        served = " ".join([*self._inside(), "/usr/sbin/sshd", "-i"])
        options = ("BatchMode=yes", "LogLevel=ERROR", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
        command = ["ssh", "-F", "none", "-i", str(self._key), *(f"-o{option}" for option in options), f"-oProxyCommand={served}"]
        started = subprocess.run(
            [*command, "auditor@debian", "exec /bin/sh"],
            input=session.script,
            capture_output=True,
            timeout=120,
            check=False,
            env={"PATH": PATH, "LC_ALL": "C"},
        )
        session.stdout(started.stdout)
        session.stderr(started.stderr)
        if not session.started:
            raise AssertionError(f"the auditor no longer gets in: {started.stderr.decode(errors='replace')[-400:]}")
        seen = session.observations()
        return AssetResult(plan.asset.uid, Reach.REACHED, seen, seen[0].observed_at, seen[0].observed_at)

    def files(self) -> dict[str, str]:
        """What people configure and own there: mode, owner and content by path."""
        top = Path(f"/proc/{self.pid}/root")
        found: dict[str, str] = {}
        for part in ("etc", "home", "root", "boot", "srv", "usr/local", "var/www"):
            for folder, folders, names in os.walk(top / part):
                for path in (Path(folder) / name for name in (*folders, *names)):
                    state, relative = path.lstat(), str(path.relative_to(top))
                    if relative in _RECORDS:
                        continue
                    content = ""
                    if path.is_symlink():
                        content = str(path.readlink())
                    elif path.is_file():
                        content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                    found[relative] = f"{stat.filemode(state.st_mode)} {state.st_uid}:{state.st_gid} {content}"
        return found

    def _inside(self) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-a", "setpriv", f"--bounding-set={self._dropped}"]
