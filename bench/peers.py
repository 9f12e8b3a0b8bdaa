"""Beside the peers: the same 40 read-only commands on 20 real sshd hosts (``python -m bench.peers [--peers none] [--json]``).

ansible-core (pipelining, 16 forks), pytest-testinfra and pyinfra are each installed into an environment of its own, kept in
``$AUDITOR_PEERS`` or ``~/.cache/auditor/peers``. Ours reads the 40 files, judges each by a check and records all of it: once as
``ours``, within this process as the floor is, and once as ``command``, the whole ``auditor audit`` with start, loading and
validation, as the peers are measured. The floor is one bare paramiko session a host that runs the same 40 commands, as many
hosts at a time as ours. All in one run, taken in turn; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import paramiko
import yaml

from auditor.loading import stock_root
from auditor.model import Catalogue, FactUse, Mapping, Text
from auditor.workflow.setup import init_workspace
from bench.collect import HOSTS, Lab, addresses, auditing, lab, real_catalogue

COMMANDS = tuple(
    f"cat {path}"
    for path in (
        *(
            f"/proc/sys/kernel/{n}"
            for n in ("hostname", "osrelease", "ostype", "version", "pid_max", "threads-max", "panic", "tainted")
        ),
        *(f"/proc/sys/vm/{n}" for n in ("swappiness", "overcommit_memory", "dirty_ratio", "max_map_count", "min_free_kbytes")),
        *(f"/proc/sys/fs/{n}" for n in ("file-max", "nr_open", "inode-nr", "aio-max-nr", "pipe-max-size")),
        *(f"/proc/{n}" for n in ("uptime", "loadavg", "version", "cmdline", "filesystems", "cgroups", "stat", "meminfo")),
        *(f"/etc/{n}" for n in ("hostname", "passwd", "group", "shells", "debian_version", "os-release", "issue", "fstab")),
        *(f"/etc/{n}" for n in ("profile", "bash.bashrc", "nsswitch.conf", "login.defs", "services", "protocols")),
    )
)
PACKAGES = {"ansible": "ansible-core==2.19.3", "testinfra": "pytest-testinfra[paramiko]==10.2.2", "pyinfra": "pyinfra==3.5.1"}
Way = Callable[[Lab, Path], None]


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure ours and the peers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=",".join(PACKAGES), help="those to measure beside ours, or none")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    given = parser.parse_args(argv)
    peers = set() if given.peers == "none" else set(given.peers.split(","))
    if peers - set(PACKAGES):
        parser.error(f"not a peer: {', '.join(sorted(peers - set(PACKAGES)))}")
    home = Path(
        os.environ.get("AUDITOR_PEERS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor" / "peers"
    )
    for name in peers:
        _install(home / name, PACKAGES[name])
    ways: dict[str, Way] = {
        "floor": floor,
        "ours": lambda _server, folder: ours(prepared, folder),
        "command": lambda _server, folder: command(workspace, folder),
        "ansible": lambda server, folder: ansible(server, folder, home / "ansible"),
        "testinfra": lambda server, folder: testinfra(server, folder, home / "testinfra"),
        "pyinfra": lambda server, folder: pyinfra(server, folder, home / "pyinfra"),
    }
    ways = {name: way for name, way in ways.items() if name in peers or name not in PACKAGES}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with lab() as server, tempfile.TemporaryDirectory(prefix="bench-ours-") as own:
        prepared, workspace = _catalogue(server), _workspace(server, Path(own) / "workspace")
        for _round in range(given.rounds):
            for name, way in ways.items():
                with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
                    started = time.perf_counter()
                    way(server, Path(folder))
                    seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    told = {name: {"seconds": round(value, 3), "ratio": round(value / medians["floor"], 2)} for name, value in medians.items()}
    if given.json:
        print(json.dumps({"hosts": HOSTS, "commands": len(COMMANDS), **told}))
        return 0
    print(f"{len(COMMANDS)} commands on {HOSTS} hosts, median of {given.rounds} rounds")
    for name, figures in told.items():
        print(f"{name:10} {figures['seconds']:8.2f} s  {figures['ratio']:6.2f} × the floor")
    return 0


def _install(folder: Path, package: str) -> None:
    stamp = folder / ".made"
    if not stamp.exists() or stamp.read_text() != package:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", package], check=True)
        stamp.write_text(package)


def floor(server: Lab, _folder: Path) -> None:
    """One session a host, one shell, all commands; nothing is looked at but that all came back."""
    key = paramiko.Ed25519Key.from_private_key_file(str(server.key))
    script = "".join(f"{command}; echo mark $?\n" for command in COMMANDS).encode()

    def visit(address: str) -> int:
        client = paramiko.SSHClient()
        client.load_host_keys(str(server.settings.known_hosts))
        client.connect(address, port=server.port, username="root", pkey=key, allow_agent=False, look_for_keys=False)
        stdin, stdout, _stderr = client.exec_command("exec /bin/sh")
        stdin.write(script)
        stdin.channel.shutdown_write()
        found = stdout.read().count(b"mark 0")
        client.close()
        return found

    with ThreadPoolExecutor(HOSTS) as pool:
        _all_came(sum(pool.map(visit, addresses())))


def ours(prepared: Catalogue, folder: Path) -> None:
    """A whole audit: collected by the fact that reads a file, judged by a check for each, recorded in a ledger."""
    settings = replace(prepared.settings, ledger=folder / "ledger.db")
    _all_came(auditing(replace(prepared, settings=settings)))


def _catalogue(server: Lab) -> Catalogue:
    found = real_catalogue(server)
    model = next(iter(found.checks.values()))
    checks = {}
    for name, path in _named().items():
        use = FactUse("file", "file_text", (("path", path),))
        checks[name] = replace(
            model, id=name, facts=(use,), for_each=None, where=None, subject=None, applies=None, params=(),
            expect="file.exists", observed=None, expected=None, sha256=name,
        )  # fmt: skip
    control = replace(found.framework.controls[0], checks=tuple(Mapping(name, Text("", "")) for name in checks))
    return replace(found, checks=checks, framework=replace(found.framework, controls=(control,)))


def _named() -> dict[str, str]:
    """A check's id for each file."""
    return {f"bench-{number}": command.removeprefix("cat ") for number, command in enumerate(COMMANDS)}


def command(workspace: Path, folder: Path) -> None:
    """The same audit by the command, in a workspace of its own on disk."""
    told = _run([sys.executable, "-m", "auditor", "-C", str(workspace), "audit", "--format", "json"], folder, okay=(0, 1, 3))
    _all_came(json.loads(told)["verdicts"]["pass"])


def _workspace(server: Lab, root: Path) -> Path:
    init_workspace(root, stock=stock_root())
    shutil.rmtree(root / "checks")
    (root / "checks" / "bench").mkdir(parents=True)
    both = {"en": "A file", "ar": "ملف"}
    for name, path in _named().items():
        check = {
            "id": name,
            "title": both,
            "severity": "low",
            "rationale": both,
            "facts": {"file": {"file_text": {"path": path}}},
        }
        check |= {"expect": "file.exists", "remediation": both}
        check["cases"] = [
            {"name": verdict, "given": {"file": {"path": path, "exists": verdict == "pass"}}, "verdict": verdict}
            for verdict in ("pass", "fail")
        ]
        (root / "checks" / "bench" / f"{name}.yaml").write_text(yaml.safe_dump(check, allow_unicode=True), encoding="utf-8")
    for path in (root / "policies" / "iso27001-2022").glob("A.*.yaml"):
        control = yaml.safe_load(path.read_text(encoding="utf-8"))
        control.pop("checks", None)
        if path.stem == "A.8.9":
            control["checks"] = [{"check": name, "why": both} for name in _named()]
        path.write_text(yaml.safe_dump(control, allow_unicode=True), encoding="utf-8")
    policy = next((root / "policies").glob("*.yaml"))
    policy.write_text(yaml.safe_dump({**yaml.safe_load(policy.read_text(encoding="utf-8")), "params": {}}, allow_unicode=True))
    hosts = [{"uid": f"h{n}", "name": f"h{n}", "address": a} for n, a in enumerate(addresses())]
    login = {"user": "root", "port": server.port, "key": str(server.key), "agent": False, "ssh_config": "none"}
    inventory = {"department": "bench", "title": both, "defaults": login, "hosts": hosts}
    for old in (root / "inventories").glob("*.yaml"):
        old.unlink()
    (root / "inventories" / "bench.yaml").write_text(yaml.safe_dump(inventory, allow_unicode=True), encoding="utf-8")
    shutil.copy(server.settings.known_hosts, root / "known_hosts")
    return root


def _all_came(found: int) -> None:
    if found < HOSTS * len(COMMANDS):
        raise SystemExit(f"only {found} of {HOSTS * len(COMMANDS)} commands answered")


def _run(command: list[str], folder: Path, *, okay: tuple[int, ...] = (0,), **environ: str) -> str:
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True)
    if done.returncode not in okay:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stdout[:1500]}{done.stderr[:1500]}")
    return done.stdout


def ansible(server: Lab, folder: Path, home: Path) -> None:
    """One play of 40 tasks of the command module."""
    hosts = "\n".join(f"h{n} ansible_host={a} ansible_port={server.port}" for n, a in enumerate(addresses()))
    common = f"ansible_user=root\nansible_ssh_private_key_file={server.key}\nansible_python_interpreter=/usr/bin/python3"
    (folder / "hosts").write_text(f"[all]\n{hosts}\n[all:vars]\n{common}\n")
    tasks = "".join(f"    - ansible.builtin.command: {json.dumps(command)}\n      changed_when: false\n" for command in COMMANDS)
    (folder / "play.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    options = f"-o UserKnownHostsFile={server.settings.known_hosts} -o ControlMaster=auto -o ControlPersist=60s"
    _run(
        [str(home / "bin" / "ansible-playbook"), "-i", "hosts", "play.yml"],
        folder,
        ANSIBLE_PIPELINING="1",
        ANSIBLE_FORKS="16",
        ANSIBLE_SSH_ARGS=options,
        ANSIBLE_CONTROL_PATH_DIR=str(folder / "cp"),
        ANSIBLE_LOCAL_TEMP=str(folder / "tmp"),
        ANSIBLE_NOCOLOR="1",
        LC_ALL="C.UTF-8",
    )


def testinfra(server: Lab, folder: Path, home: Path) -> None:
    """One test that runs the 40 commands, on each host, by its paramiko backend."""
    hosts = ",".join(f"paramiko://root@{a}:{server.port}" for a in addresses())
    (folder / "ssh_config").write_text(
        f"Host *\n  IdentityFile {server.key}\n  UserKnownHostsFile {server.settings.known_hosts}\n"
    )
    (folder / "test_commands.py").write_text(
        f"COMMANDS = {list(COMMANDS)!r}\n\ndef test_commands(host):\n"
        "    for command in COMMANDS:\n        assert host.run(command).rc == 0\n"
    )
    _run([str(home / "bin" / "py.test"), "-q", f"--hosts={hosts}", "--ssh-config=ssh_config", "-p", "no:cacheprovider"], folder)


def pyinfra(server: Lab, folder: Path, home: Path) -> None:
    """One deploy of 40 shell operations."""
    data = {"ssh_user": "root", "ssh_port": server.port, "ssh_key": str(server.key), "ssh_strict_host_key_checking": "yes"}
    hosts = [(a, {**data, "ssh_known_hosts_file": str(server.settings.known_hosts)}) for a in addresses()]
    (folder / "inventory.py").write_text(f"hosts = {hosts!r}\n")
    operations = "".join(f"server.shell(name={command!r}, commands=[{command!r}])\n" for command in COMMANDS)
    (folder / "deploy.py").write_text(f"from pyinfra.operations import server\n{operations}")
    _run([str(home / "bin" / "pyinfra"), "-y", "inventory.py", "deploy.py"], folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
