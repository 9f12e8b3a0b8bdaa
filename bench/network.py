"""How much a network audit costs over bare nmap: ``python -m bench.network [--json] [--hosts 200] [--rounds 3]``.

A /22 in a namespace of its own, reached from another that leads nowhere else: ``--hosts`` of its addresses are live, with an SSH
server and a web server each, and the others stay silent. One department lists the network and the live hosts, and is audited
(scanned, judged, recorded in a ledger) by all stock checks that read the network. A wrapper before nmap on the PATH writes down
each command line. The floor, taken in turn with the audits, is those very command lines alone with their output thrown away:
those of one profile (hosts, or looking through networks) one after the other, the profiles side by side, as the audit has them.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from auditor.facts import by_name
from auditor.ledger import Ledger
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    Catalogue,
    Connection,
    Department,
    Inventory,
    Mapping,
    ObservationStatus,
    Settings,
    Text,
)
from auditor.workflow.audit import audit
from bench.collect import ROOT, Quiet
from bench.wired import wired

NETWORK = ipaddress.ip_network("10.213.20.0/22")
AUDITOR, ROUTER = "10.213.19.1", "10.213.19.2"
AIM = 1.15
_WEB = """
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words): pass
class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    def handle_error(self, *words): pass
Server(("0.0.0.0", 8080), Page).serve_forever()
"""


def live(hosts: int) -> list[str]:
    """The addresses that answer, spread over the network."""
    step = (NETWORK.num_addresses - 2) // hosts
    return [str(NETWORK.network_address + 1 + n * step) for n in range(hosts)]


@contextlib.contextmanager
def lab(hosts: int) -> Iterator[str]:
    """The network and its servers, which go whatever happens; the auditor's namespace. Needs root."""
    with contextlib.ExitStack() as stack:
        outside, inside = stack.enter_context(wired("bench", (AUDITOR, ROUTER), NETWORK, live(hosts)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-network-")))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        ssh = ["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-h", str(folder / "key"), "-o", "PidFile=none", "-o", "LogLevel=QUIET"]
        for command in ([*ssh, "-o", "MaxStartups=2000"], [sys.executable, "-c", _WEB]):
            server = subprocess.Popen(["ip", "netns", "exec", inside, *command], stdin=subprocess.DEVNULL)
            stack.callback(server.wait)
            stack.callback(server.terminate)
        yield outside


def catalogue_for(hosts: int, root: Path) -> Catalogue:
    """All stock checks that read nothing but the network, for one department."""
    loaded = load_workspace(ROOT)
    if loaded.catalogue is None:
        raise SystemExit("\n".join(str(m) for m in loaded.mistakes))
    catalogue = loaded.catalogue
    checks = {name: c for name, c in catalogue.checks.items() if all(from_network(use.fact) for use in c.facts)}
    control = replace(catalogue.framework.controls[0], checks=tuple(Mapping(name, Text("", "")) for name in checks))
    nowhere = Connection(method="none")
    assets = [Asset(f"bench-{a}", AssetKind.HOST, "bench", a, a, connection=nowhere) for a in live(hosts)]
    assets.append(Asset("bench-net", AssetKind.NETWORK, "bench", "net", str(NETWORK)))
    return replace(
        catalogue,
        settings=Settings(root=root, ledger=root / "ledger.db", policy_of_record="national-2026"),
        checks=checks,
        framework=replace(catalogue.framework, controls=(control,)),
        policies={p.id: replace(p, controls={control.id: ""}) for p in catalogue.policies.values()},
        overlays={},
        inventory=Inventory((Department("bench", Text("Bench", "قياس"), tuple(assets)),)),
    )


def from_network(name: str) -> bool:
    """Whether the fact is read from the network."""
    fact = by_name(name)
    return fact is not None and fact.network is not None


@contextlib.contextmanager
def writing_down(folder: Path) -> Iterator[list[list[str]]]:
    """A wrapper before nmap on the PATH; the list holds its command lines at the end."""
    log, path = folder / "commands", os.environ["PATH"]
    log.unlink(missing_ok=True)
    (folder / "nmap").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {shlex.quote(str(shutil.which("nmap")))} "$@"\n')
    (folder / "nmap").chmod(0o755)
    os.environ["PATH"] = f"{folder}:{path}"
    commands: list[list[str]] = []
    try:
        yield commands
        commands += [words for line in log.read_text().splitlines() if (words := line.split()) != ["-V"]]
    finally:
        os.environ["PATH"] = path


def audited(hosts: int) -> tuple[float, list[list[str]], int, int]:
    """One audit: its seconds, nmap's command lines, how many hosts have all results, how many were seen in the network."""
    with tempfile.TemporaryDirectory(prefix="bench-network-") as name:
        catalogue = catalogue_for(hosts, Path(name))
        with writing_down(Path(name)) as commands:
            began = time.perf_counter()
            run = audit(catalogue, actor="bench", watcher=Quiet())
            seconds = time.perf_counter() - began
        with Ledger.open(catalogue.settings.ledger, readonly=True) as ledger:
            results = list(ledger.results(run.id))
    whole = [r for r in results if r.observations and all(o.status is ObservationStatus.OK for o in r.observations)]
    discovered = [o.stdout.count("<host>") for r in results if r.asset == "bench-net" for o in r.observations]
    return seconds, commands, sum(r.asset != "bench-net" for r in whole), max(discovered, default=0)


def profiles(commands: list[list[str]]) -> dict[str, list[list[str]]]:
    """The command lines by what they are for."""
    made: dict[str, list[list[str]]] = {"networks": [], "hosts": []}
    for command in commands:
        made["networks" if "-sn" in command else "hosts"].append(command)
    return made


def bare(command: list[str]) -> None:
    """One command line of nmap, its output thrown away."""
    nothing = subprocess.DEVNULL
    subprocess.run(["nmap", *command], check=True, stdin=nothing, stdout=nothing, stderr=nothing)


def alone(commands: list[list[str]]) -> float:
    """The floor."""

    def run(one_profile: list[list[str]]) -> None:
        for command in one_profile:
            bare(command)

    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, profiles(commands).values()))
    return time.perf_counter() - began


def measure(hosts: int, rounds: int) -> dict[str, float | int]:
    """Both ways in turn, in the namespace that leads to the network."""
    for port in (22, 8080):
        _wait_for(live(hosts)[0], port)
    ours, floor, answered, seen = [], [], [], []
    commands: list[list[str]] = []
    for _ in range(rounds):
        seconds, commands, whole, discovered = audited(hosts)
        ours.append(seconds)
        answered.append(whole)
        seen.append(discovered)
        floor.append(alone(commands))
    return {
        "hosts": hosts,
        "addresses": NETWORK.num_addresses,
        "rounds": rounds,
        "floor_s": round(statistics.median(floor), 2),
        "ours_s": round(statistics.median(ours), 2),
        "ratio": round(statistics.median(o / f for o, f in zip(ours, floor, strict=True)), 3),
        "nmap_runs_for_hosts": len(profiles(commands)["hosts"]),
        "nmap_runs_for_networks": len(profiles(commands)["networks"]),
        "hosts_with_results": min(answered),
        "hosts_seen_in_network": min(seen),
    }


def _wait_for(address: str, port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {address} port {port}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure network scans beside bare nmap.")
    parser.add_argument("--hosts", type=int, default=200, help="how many addresses of the /22 are live")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is measured; the median counts")
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not 1 <= given.hosts <= NETWORK.num_addresses - 2:
        parser.error(f"--hosts must be between 1 and {NETWORK.num_addresses - 2}")
    if given.inside:
        print(json.dumps(measure(given.hosts, given.rounds)))
        return 0
    if os.geteuid() != 0:
        print("bench.network makes network namespaces and therefore needs root", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the namespaces go then too
    again = [sys.executable, "-m", "bench.network", "--inside", f"--hosts={given.hosts}", f"--rounds={given.rounds}"]
    with lab(given.hosts) as outside:
        # from a namespace without any other route, so that nothing leaves this machine also when something goes wrong
        done = subprocess.run(["ip", "netns", "exec", outside, *again], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return done.returncode
    figures = json.loads(done.stdout)
    if given.json:
        print(json.dumps(figures))
        return 0
    print(
        f"/22 with {figures['hosts']} live hosts: floor {figures['floor_s']} s, ours {figures['ours_s']} s, "
        f"ratio {figures['ratio']} (aim {AIM})"
    )
    print(
        f"nmap runs of the department: {figures['nmap_runs_for_hosts']} for hosts, {figures['nmap_runs_for_networks']} for "
        f"networks (aim 1 and 1)"
    )
    print(
        f"hosts with all results: {figures['hosts_with_results']}; seen in the network: {figures['hosts_seen_in_network']} "
        f"of {figures['hosts']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
