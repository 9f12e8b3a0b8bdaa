"""How much an audit costs over one raw paramiko session per host that runs the same script with the same concurrency.

``python -m bench.collect [--json]`` starts one sshd, reached as 20 hosts at 127.0.1.1 to 127.0.1.20. Two rounds: the whole audit
(collect, judge, record in a ledger) with 40 of the real probes, and collecting and recording 40 probes that do nothing, so
that slow probes do not hide the overhead. CPU is this process's alone.
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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import paramiko

from auditor.collecting import SshTransport, collect_plan
from auditor.collecting.known_hosts import HostKey, host_name, trust
from auditor.collecting.script import Lookup, build_script
from auditor.facts import Fact, HostProbe, by_name
from auditor.facts.shape import STR
from auditor.ledger import Ledger
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Catalogue,
    Connection,
    Department,
    DepartmentPlan,
    FactUse,
    Inventory,
    Mapping,
    Plan,
    ProbeCall,
    Run,
    Scope,
    Settings,
    Text,
)
from auditor.planning import make_plan
from auditor.workflow.audit import audit

ROOT = Path(__file__).resolve().parent.parent
HOSTS = 20
PROBES = 40
Way = Callable[[], int]


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
            settings = Settings(
                root=root,
                known_hosts=root / "known_hosts",
                ledger=root / "ledger.db",
                concurrency=HOSTS,
                policy_of_record="national-2026",
            )
            kind, blob = (root / "host.pub").read_text().split()[:2]
            trust(settings.known_hosts, tuple(HostKey(host_name(a, port), kind, blob) for a in addresses()))
            yield Lab(port, root / "login", settings)
        finally:
            server.terminate()
            server.wait()


def addresses() -> list[str]:
    """The hosts."""
    return [f"127.0.1.{i}" for i in range(1, HOSTS + 1)]


def hosts_of(server: Lab) -> tuple[Asset, ...]:
    """All hosts, of one department."""
    connection = Connection(user="root", port=server.port, key=str(server.key), agent=False, ssh_config="none")
    return tuple(Asset(f"bench-{a}", AssetKind.HOST, "bench", a, a, connection=connection) for a in addresses())


def real_catalogue(server: Lab) -> Catalogue:
    """The project's own checks over 40 of the probes that hosts answer, none of which may take long: those go through the whole
    disk, which here are twenty hosts'.
    """
    loaded = load_workspace(ROOT)
    if loaded.catalogue is None:
        raise SystemExit("\n".join(str(m) for m in loaded.mistakes))
    catalogue = loaded.catalogue
    own = {name: c for name, c in catalogue.checks.items() if c.scope is Scope.ASSET and all(on_host(u) for u in c.facts)}
    known = sorted({(use.fact, use.args) for c in own.values() for use in c.facts}, key=lambda p: (_longest(p[0]), p))
    chosen = set(known[:PROBES])
    checks = {name: c for name, c in own.items() if {(use.fact, use.args) for use in c.facts} <= chosen}
    control = replace(catalogue.framework.controls[0], checks=tuple(Mapping(name, Text("", "")) for name in checks))
    return replace(
        catalogue,
        settings=server.settings,
        checks=checks,
        framework=replace(catalogue.framework, controls=(control,)),
        policies={p.id: replace(p, controls={control.id: ""}) for p in catalogue.policies.values()},
        overlays={},
        inventory=Inventory((Department("bench", Text("Bench", "قياس"), hosts_of(server)),)),
    )


def _longest(name: str) -> float:
    """Seconds for which a fact's probe may run."""
    fact = by_name(name)
    return fact.probes["linux"].timeout if fact is not None else 0.0


def on_host(use: FactUse) -> bool:
    """Whether the fact is read on a host rather than from the network."""
    fact = by_name(use.fact)
    return fact is not None and "linux" in fact.probes


class Quiet:
    """Watches nothing."""

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        """Say nothing."""

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        """Say nothing."""

    def given_up(self, run: Run) -> None:
        """Say nothing."""

    def clock_wrong(self, newest: datetime) -> None:
        """Say nothing."""


def auditing(catalogue: Catalogue) -> int:
    """Ours: the whole audit. Returns how many observations are good."""
    run = audit(catalogue, actor="bench", watcher=Quiet())
    with Ledger.open(catalogue.settings.ledger, readonly=True) as ledger:
        return sum(o.status.value == "ok" for r in ledger.results(run.id) for o in r.observations)


def recording(plan: Plan, settings: Settings, lookup: Lookup) -> int:
    """Ours without judging, which nothing calls for here: collect and record. Returns how many observations are good."""
    good = 0
    with Ledger.open(settings.ledger) as ledger, ledger.lock(actor="bench", now=datetime.now(UTC)):
        run = ledger.begin_run(plan, (), actor="bench", now=datetime.now(UTC))

        def take(result: AssetResult) -> None:
            nonlocal good
            ledger.record_result(run.id, result)
            good += sum(o.status.value == "ok" for o in result.observations)

        collect_plan(plan, settings, on_result=take, transport_factory=lambda _: SshTransport(settings, lookup=lookup))
        ledger.finish_run(run.id, {}, actor="bench", now=datetime.now(UTC))
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
        return bare_session(client, asset, key, script)

    with ThreadPoolExecutor(settings.concurrency) as pool:
        return sum(pool.map(visit, assets))


def bare_session(client: paramiko.SSHClient, asset: AssetPlan, key: paramiko.PKey, script: bytes, timeout: float = 10.0) -> int:
    """One session by paramiko alone: how many probes came to their end. Raises what paramiko and the socket raise."""
    connection = asset.asset.connection
    try:
        client.connect(
            asset.asset.address,
            port=connection.port or 22,
            username=connection.user,
            pkey=key,
            timeout=timeout,
            allow_agent=False,
            look_for_keys=False,
        )
        stdin, stdout, stderr = client.exec_command("exec /bin/sh")
        stdin.write(script)
        stdin.channel.shutdown_write()
        output = stdout.read()
        stderr.read()
    finally:
        client.close()
    return output.count(b" e ")


def measure(floor: Way, ours: Way, rounds: int, wanted: int) -> dict[str, float]:
    """The medians of both ways of doing it, taken in turn so that a busy machine hurts both alike."""
    walls: dict[str, list[float]] = {"floor": [], "ours": []}
    cpus: dict[str, list[float]] = {"floor": [], "ours": []}
    for turn in range(rounds + 1):
        for name, way in (("floor", floor), ("ours", ours)):
            cpu, wall = time.process_time(), time.perf_counter()
            good = way()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if good < wanted:
                raise SystemExit(f"{name}: only {good} of {wanted} probes answered")
            if turn:  # the first is for warming up
                walls[name].append(wall)
                cpus[name].append(cpu)
    least, mine = statistics.median(walls["floor"]), statistics.median(walls["ours"])
    return {
        "floor_s": round(least, 3),
        "ours_s": round(mine, 3),
        "ratio": round(mine / least, 3),
        "client_cpu_ms_per_host": round(statistics.median(cpus["ours"]) / HOSTS * 1000, 2),
        "floor_cpu_ms_per_host": round(statistics.median(cpus["floor"]) / HOSTS * 1000, 2),
    }


def measure_audit(server: Lab, rounds: int) -> dict[str, float]:
    """The whole audit with real probes."""
    catalogue = real_catalogue(server)
    plan = make_plan(catalogue, now=datetime.now(UTC))
    probes = plan.departments[0].assets[0].probes
    # a probe may rightly fail on this machine (no SSH server that `sshd -T` accepts, say): nearly all must answer
    wanted = HOSTS * (len(probes) - 4)
    figures = measure(lambda: raw(plan, server.settings, by_name), lambda: auditing(catalogue), rounds, wanted)
    return {**figures, "probes": len(probes)}


def measure_nothing(server: Lab, rounds: int) -> dict[str, float]:
    """Collecting and recording probes that do nothing."""
    probe = {"linux": HostProbe(":")}
    facts = {f"probe_{i}": Fact(f"probe_{i}", Text("", ""), STR, lambda out, _: out, "", probe) for i in range(PROBES)}
    calls = tuple(ProbeCall(name) for name in facts)
    assets = tuple(AssetPlan(host, calls, ()) for host in hosts_of(server))
    plan = Plan("bench", "1", False, datetime.now(UTC), (DepartmentPlan("bench", assets[0].asset, assets),))
    settings = replace(server.settings, ledger=server.settings.root / "nothing.db")
    return measure(lambda: raw(plan, settings, facts.get), lambda: recording(plan, settings, facts.get), rounds, HOSTS * PROBES)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured; the median counts")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("bench.collect starts an sshd and therefore needs root", file=sys.stderr)
        return 2
    with lab() as server:
        reading = measure_audit(server, arguments.rounds)
        nothing = measure_nothing(server, arguments.rounds)
    answer = {**reading, "hosts": HOSTS, "doing_nothing": nothing}
    if arguments.json:
        print(json.dumps(answer))
        return 0
    rows = {f"whole audit, {reading['probes']:.0f} real probes": reading, f"{PROBES} probes that do nothing": nothing}
    for title, figures in rows.items():
        print(
            f"{title}: floor {figures['floor_s']} s, ours {figures['ours_s']} s, ratio {figures['ratio']} (aim 1.3); "
            f"client CPU {figures['client_cpu_ms_per_host']} ms a host (aim 25; raw paramiko {figures['floor_cpu_ms_per_host']})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
