"""How much collecting costs over one raw paramiko session per host that runs the same script with the same concurrency.

``python -m bench.collect [--json]`` starts one sshd, reached as 20 hosts at 127.0.1.1 to 127.0.1.20. Two rounds: 40 probes that
read what audits read, and 40 that do nothing, so that slow probes do not hide the overhead. CPU is this process's alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import paramiko

from auditor.collecting import collect_plan
from auditor.collecting.known_hosts import HostKey, host_name, trust
from auditor.collecting.script import Lookup, build_script
from auditor.collecting.ssh import SshTransport
from auditor.facts import Fact, HostProbe
from auditor.facts.shape import STR
from auditor.model import Asset, AssetKind, AssetPlan, AssetResult, Connection, DepartmentPlan, Plan, ProbeCall, Settings, Text

HOSTS = 20
PROBES = 40
READING = (
    "cat /etc/passwd",
    "cat /proc/mounts",
    "ls -l /etc",
    "cat /etc/login.defs",
    "uname -a",
    "cat /proc/sys/kernel/randomize_va_space /proc/sys/net/ipv4/ip_forward",
    "stat -c '%a %U %G' /etc/passwd /etc/shadow /etc/group",
    "getent group",
)
Ours = Callable[[Plan, Settings, Lookup], int]


@dataclass(frozen=True, slots=True)
class Lab:
    """One sshd that answers at every address of 127.0.1.0/24."""

    port: int
    key: Path
    settings: Settings


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """Start the server; needs root, as sshd does."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file in ("host", "login"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / file)], check=True, stdin=subprocess.DEVNULL
            )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        config = root / "sshd_config"
        config.write_text(
            f"ListenAddress 0.0.0.0\nPort {port}\nHostKey {root}/host\nPidFile none\nAuthorizedKeysFile {root}/login.pub\n"
            "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nMaxStartups 500\nLogLevel QUIET\n"
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(config)], stdin=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            settings = Settings(root=root, known_hosts=root / "known_hosts", ledger=root / "ledger.db", concurrency=HOSTS)
            kind, blob = (root / "host.pub").read_text().split()[:2]
            trust(settings.known_hosts, tuple(HostKey(host_name(a, port), kind, blob) for a in addresses()))
            yield Lab(port, root / "login", settings)
        finally:
            server.terminate()
            server.wait()


def addresses() -> list[str]:
    """The hosts."""
    return [f"127.0.1.{i}" for i in range(1, HOSTS + 1)]


def facts_of(scripts: tuple[str, ...]) -> dict[str, Fact]:
    """Forty facts that run these fragments in turn."""
    made = {}
    for i in range(PROBES):
        name = f"probe_{i}"
        made[name] = Fact(
            name, Text(name, name), STR, lambda output, _: output, "", {"linux": HostProbe(scripts[i % len(scripts)])}
        )
    return made


def plan_of(server: Lab, facts: dict[str, Fact]) -> Plan:
    """All hosts in one department, every probe on each."""
    connection = Connection(user="root", port=server.port, key=str(server.key), agent=False, ssh_config="none")
    calls = tuple(ProbeCall(name) for name in facts)
    hosts = tuple(
        AssetPlan(Asset(f"bench/{a}", AssetKind.HOST, "bench", a, a, connection=connection), calls, ()) for a in addresses()
    )
    return Plan("bench", "1", False, datetime.now(UTC), (DepartmentPlan("bench", hosts[0].asset, hosts),))


def collecting(plan: Plan, settings: Settings, lookup: Lookup) -> int:
    """Ours: everything that ``collect_plan`` does. Returns how many observations are good."""
    good = 0

    def take(result: AssetResult) -> None:
        nonlocal good
        good += sum(o.status.value == "ok" for o in result.observations)

    collect_plan(plan, settings, on_result=take, transport_factory=lambda _: SshTransport(settings, lookup=lookup))
    return good


def raw(plan: Plan, settings: Settings, lookup: Lookup) -> int:
    """The floor: connect, run the script, read both streams, close; nothing is looked at."""
    assets = plan.departments[0].assets
    marker = secrets.token_hex(16)
    script = build_script(assets[0].probes, "linux", marker, lookup=lookup).encode()
    key = paramiko.Ed25519Key.from_private_key_file(str(assets[0].asset.connection.key))

    def visit(asset: AssetPlan) -> int:
        client = paramiko.SSHClient()
        client.load_host_keys(str(settings.known_hosts))
        connection = asset.asset.connection
        client.connect(
            asset.asset.address,
            port=connection.port or 22,
            username=connection.user,
            pkey=key,
            allow_agent=False,
            look_for_keys=False,
        )
        stdin, stdout, stderr = client.exec_command("exec /bin/sh")
        stdin.write(script)
        stdin.channel.shutdown_write()
        output = stdout.read()
        stderr.read()
        client.close()
        return output.count(b" e ")

    with ThreadPoolExecutor(settings.concurrency) as pool:
        return sum(pool.map(visit, assets))


def measure(server: Lab, scripts: tuple[str, ...], ours: Ours, rounds: int) -> dict[str, float]:
    """The medians of both ways of doing it, taken in turn so that a busy machine hurts both alike."""
    facts = facts_of(scripts)
    plan = plan_of(server, facts)
    walls: dict[str, list[float]] = {"floor": [], "ours": []}
    cpus: dict[str, list[float]] = {"floor": [], "ours": []}
    for turn in range(rounds + 1):
        for name, way in (("floor", raw), ("ours", ours)):
            cpu, wall = time.process_time(), time.perf_counter()
            good = way(plan, server.settings, facts.get)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if good < HOSTS * PROBES:
                raise SystemExit(f"{name}: only {good} of {HOSTS * PROBES} probes answered")
            if turn:  # the first is for warming up
                walls[name].append(wall)
                cpus[name].append(cpu)
    floor, mine = statistics.median(walls["floor"]), statistics.median(walls["ours"])
    return {
        "floor_s": round(floor, 3),
        "ours_s": round(mine, 3),
        "ratio": round(mine / floor, 3),
        "client_cpu_ms_per_host": round(statistics.median(cpus["ours"]) / HOSTS * 1000, 2),
        "floor_cpu_ms_per_host": round(statistics.median(cpus["floor"]) / HOSTS * 1000, 2),
    }


def main(ours: Ours = collecting) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured; the median counts")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("bench.collect starts an sshd and therefore needs root", file=sys.stderr)
        return 2
    with lab() as server:
        reading = measure(server, READING, ours, arguments.rounds)
        nothing = measure(server, (":",), ours, arguments.rounds)
    answer = {**reading, "hosts": HOSTS, "probes": PROBES, "doing_nothing": nothing}
    if arguments.json:
        print(json.dumps(answer))
        return 0
    for title, figures in (("40 probes that read", reading), ("40 probes that do nothing", nothing)):
        print(
            f"{title}: floor {figures['floor_s']} s, ours {figures['ours_s']} s, ratio {figures['ratio']} (aim 1.3); "
            f"client CPU {figures['client_cpu_ms_per_host']} ms a host (aim 25; raw paramiko {figures['floor_cpu_ms_per_host']})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
