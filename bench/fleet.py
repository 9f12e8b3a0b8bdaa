"""Nights over a fleet: ``python -m bench.fleet [--hosts 10000] [--departments 24] [--quiet 3] [--network] [--profile FOLDER]
[--json]``.

Nights by the stock policy with all checks that hosts answer, against ``bench.replay``: the first, ``--quiet`` many on which
nothing has changed, one on which two hosts in a hundred have. What each adds to the ledger is told by table. The floor, in the
same run and with as many sessions at a time, is bare paramiko: the same logins, the same script, both streams read, nothing
judged or recorded; it meets the same dead hosts. Each is a process of its own, so that CPU and memory are its alone. With
``--network`` (as root) nmap looks at the hosts too, in a network namespace that has nothing but the server; the floor then runs
the last night's command lines of nmap beside its sessions, as many at a time. Without, the network is not scanned: loopback
addresses are one machine, and scans have their own measurement (``bench.network``). With ``--profile`` py-spy, which has to be
installed, writes for each night what held Python's lock; ``bench.stacks`` reads it. What it costs is in the figures then.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry

from auditor.collecting.known_hosts import HostKey, host_name, trust
from auditor.collecting.script import build_script, host_calls
from auditor.model import AssetPlan, AssetResult, Catalogue, ObservationStatus, Plan, Run
from auditor.planning import make_plan
from auditor.workflow.nightly import nightly
from auditor.workflow.workspace import open_workspace
from bench.addresses import address_of
from bench.collect import bare_session, on_host
from bench.growth import grown, size_of
from bench.network import bare, from_network, writing_down
from bench.report import prepare

MEGABYTE = 1 << 20
_GROWN = "ledger "
Figures = dict[str, float]


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure nights over a fleet.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--departments", type=int, default=24)
    parser.add_argument("--dead", type=float, default=0.05, help="share of hosts that do not answer")
    parser.add_argument("--quiet", type=int, default=3, help="nights on which nothing has changed")
    parser.add_argument("--network", action="store_true", help="have nmap look at the hosts too; needs root")
    parser.add_argument("--profile", type=Path, help="a folder for what py-spy sees of each night")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("--part", choices=("floor", "night"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.part:
        print(json.dumps((floor if given.part == "floor" else night)(given.root, given.network)))
        return 0
    if given.network and "FLEET_ALONE" not in os.environ:
        alone = 'ip link set lo up && exec "$0" -m bench.fleet "$@"'
        command = ["unshare", "--net", "sh", "-c", alone, sys.executable, *argv]
        return subprocess.run(command, env={**os.environ, "FLEET_ALONE": "1"}, check=False).returncode
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as name, serving(Path(name)) as port, silent() as mute:
        root = Path(name) / "workspace"
        settle(Path(name), root, given, port, mute)
        told: dict[str, Figures] = {}
        quiet = [f"unchanged {n}" if n > 1 else "unchanged" for n in range(1, given.quiet + 1)]
        for n, (title, share) in enumerate([("first", 0.0), *((title, 0.0) for title in quiet), ("changed", 0.02)]):
            (Path(name) / "night").write_text(json.dumps([n, share]))
            told[title] = part("night", root, given, spied(given.profile, title))
            # a large fleet takes an hour: what is known by then is not lost with the rest
            print(json.dumps({title: told[title]}), file=sys.stderr, flush=True)
        told["floor"] = part("floor", root, given)
    answer = {"hosts": given.hosts, "dead": given.dead, **told}
    print(json.dumps(answer) if given.json else as_text(answer))
    return 0


def as_text(answer: dict[str, object]) -> str:
    """For people."""
    lines = [f"{answer['hosts']} hosts"]
    alone = answer["floor"]
    for title, figures in answer.items():
        if isinstance(figures, dict) and isinstance(alone, dict):
            lines.append(
                f"{title:11}: {figures['seconds']} s ({figures['seconds'] / alone['seconds']:.2f} × the floor, aim 1.3), "
                f"CPU {figures['cpu_ms_per_host']} ms a host (aim 25), {figures['memory_mb']} MB (aim 300; at a quarter of the "
                f"hosts {figures['quarter_mb']}, when all were visited {figures['visited_mb']}), "
                f"{figures['observed']} hosts observed"
                + (f", {figures['scanned']} seen from the network" if "scanned" in figures else "")
            )
            grew = {name.removeprefix(_GROWN): held for name, held in figures.items() if name.startswith(_GROWN)}
            if grew:
                lines.append(f"{'':11}  ledger, bytes a host: {', '.join(f'{held:+} {name}' for name, held in grew.items())}")
    return "\n".join(lines)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The replaying server as a process of its own; its port."""
    for file in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / file)], check=True)
    (folder / "night").write_text("[0, 0]")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen([sys.executable, "-m", "bench.replay", str(folder), str(port)], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        if server.stdout.readline() != b"ready\n":
            raise SystemExit("the replaying server did not start")
        yield port
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port on which connecting gets no answer, as with a host that is switched off."""
    with socket.socket() as mute, contextlib.ExitStack() as kept:
        mute.bind(("0.0.0.0", 0))
        mute.listen(0)
        port = int(mute.getsockname()[1])
        for _n in range(4):  # fill the queue of those waiting, which nobody takes from
            waiting = kept.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


def settle(folder: Path, root: Path, given: argparse.Namespace, port: int, mute: int) -> None:
    """Write the workspace."""
    every = round(1 / given.dead) if given.dead else given.hosts + 1
    kind, blob = (folder / "host.pub").read_text().split()[:2]
    known: list[HostKey] = []

    def host(n: int) -> dict[str, object]:
        at = mute if n % every == every - 1 else port
        known.append(HostKey(host_name(address_of(n), at), kind, blob))
        login = {"user": "root", "key": str(folder / "login"), "agent": False, "ssh_config": "none"}
        return {"address": address_of(n), "port": at, **login}

    trust(prepare(root, given.hosts, given.departments, host).settings.known_hosts, tuple(known))


def spied(folder: Path | None, title: str) -> list[str]:
    """The beginning of a command line that has py-spy look at the rest; nothing where it shall not."""
    if folder is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{title.replace(' ', '-')}.txt"
    return ["py-spy", "record", "--gil", "--format", "raw", "--output", str(file), "--"]


def part(name: str, root: Path, given: argparse.Namespace, before: list[str] | None = None) -> Figures:
    """Run one part as a process of its own, its command line beginning with ``before``."""
    command = [
        *(before or []),
        sys.executable,
        "-m",
        "bench.fleet",
        "--part",
        name,
        "--root",
        str(root),
        *(["--network"] if given.network else []),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: Figures = json.loads(next(line for line in done.stdout.splitlines() if line.startswith(b"{")))
    figures["cpu_ms_per_host"] = round(figures.pop("cpu") / given.hosts * 1000, 2)
    return figures


def prepared(root: Path, *, network: bool) -> Catalogue:
    """The workspace, with all its checks or those that hosts answer."""
    catalogue = open_workspace(root)
    catalogue = replace(catalogue, settings=replace(catalogue.settings, nightly=replace(catalogue.settings.nightly, retries=0)))
    return catalogue if network else without_network(catalogue)


def without_network(catalogue: Catalogue) -> Catalogue:
    """The checks that hosts answer."""
    checks = {name: check for name, check in catalogue.checks.items() if all(on_host(use) for use in check.facts)}
    controls = tuple(replace(c, checks=tuple(m for m in c.checks if m.check in checks)) for c in catalogue.framework.controls)
    return replace(catalogue, checks=checks, framework=replace(catalogue.framework, controls=controls))


class Counter:
    """Counts hosts that were observed, and looks at the memory on the way."""

    def __init__(self) -> None:
        self.planned = self.visits = self.observed = self.scanned = 0
        self.quarter = self.last = 0.0

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        """How many there will be."""
        del run, done
        self.planned = sum(len(d.assets) for d in plan.departments)

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        """One more."""
        del plan
        self.visits += 1
        self.observed += any(o.status is ObservationStatus.OK and not from_network(o.probe.fact) for o in result.observations)
        self.scanned += any(o.status is ObservationStatus.OK and from_network(o.probe.fact) for o in result.observations)
        if self.visits == self.planned // 4:
            self.quarter = peak()
        if self.visits == self.planned:
            self.last = peak()

    def given_up(self, run: Run) -> None:
        """No run is given up here."""
        raise AssertionError(run)

    def clock_wrong(self, newest: datetime) -> None:
        """No clock is wrong here."""
        raise AssertionError(newest)


def peak() -> float:
    """Most memory so far, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def night(root: Path, network: bool) -> Figures:
    """One night; what it took."""
    catalogue = prepared(root, network=network)
    ledger, counter = catalogue.settings.ledger, Counter()
    before = size_of(ledger)
    cpu, began = time.process_time(), time.perf_counter()
    with writing_down(root) if network else contextlib.nullcontext([]) as commands:
        nightly(catalogue, actor="bench", watcher=counter)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    (root / "commands.json").write_text(json.dumps(commands))
    after = size_of(ledger)
    return {
        "seconds": round(seconds, 1),
        "cpu": cpu,
        "memory_mb": peak(),
        "quarter_mb": counter.quarter,
        "visited_mb": counter.last,
        "observed": counter.observed,
        **({"scanned": counter.scanned} if network else {}),
        "ledger_mb": round(after.pages / MEGABYTE, 1),
        **{_GROWN + name: held for name, held in grown(before, after, counter.planned).items()},
    }


def floor(root: Path, network: bool) -> Figures:
    """The same sessions, bare, and beside them nmap."""
    catalogue = prepared(root, network=network)
    commands: list[list[str]] = json.loads((root / "commands.json").read_text()) if network else []
    settings = catalogue.settings
    plan = make_plan(catalogue, now=datetime.now(UTC))
    assets = [a for d in plan.departments for a in d.assets]
    script = build_script(assets[0].probes, "linux", secrets.token_hex(16)).encode()
    wanted = len(host_calls(assets[0].probes, "linux"))
    key = paramiko.Ed25519Key.from_private_key_file(str(assets[0].asset.connection.key))
    entries = [HostKeyEntry.from_line(line) for line in settings.known_hosts.read_text().splitlines()]
    keys = {name: entry.key for entry in entries if entry is not None for name in entry.hostnames or ()}
    paramiko.util.logging.getLogger("paramiko").setLevel("CRITICAL")

    def visit(asset: AssetPlan) -> bool:
        client = paramiko.SSHClient()
        # paramiko looks through all that it has loaded, which with ten thousand would be no floor
        name = host_name(asset.asset.address, asset.asset.connection.port or 22)
        client.get_host_keys().add(name, keys[name].get_name(), keys[name])
        try:
            return bare_session(client, asset, key, script, settings.connect_timeout) >= wanted
        except OSError:
            return False

    cpu, began = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(settings.concurrency) as pool, ThreadPoolExecutor(settings.network_concurrency) as scans:
        looking = scans.map(bare, commands)
        observed = sum(pool.map(visit, assets))
        list(looking)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "seconds": round(seconds, 1),
        "cpu": cpu,
        "memory_mb": peak(),
        "quarter_mb": 0.0,
        "visited_mb": peak(),
        "observed": observed,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
