"""How many live hosts a look through a network misses on a bad line: ``python -m bench.discovery [--loss 20] [--times 3]``.

A /24 in a namespace of its own, reached from another that leads nowhere else. Thirty of its addresses are live and answer on one
port alone, as behind a firewall; the others are silent. Of 100 packets ``--loss`` are dropped each way, at random. The floor is
the auditor's command line with one round, which is how it was; what is missed is printed for each number of rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from auditor.collecting.nmap_xml import is_up, read_scan
from auditor.collecting.targets import ROUNDS, Target, network_arguments
from auditor.model import Asset, AssetKind
from bench.wired import wired

NETWORK = ipaddress.ip_network("10.213.24.0/24")
LIVE = frozenset(NETWORK.network_address + 5 + 8 * n for n in range(30))
AUDITOR, ROUTER = "10.213.23.1", "10.213.23.2"
_FIREWALL = (
    "add table ip few; add chain ip few in { type filter hook input priority 0; }; add rule ip few in tcp dport != 443 drop"
)


@contextlib.contextmanager
def lab(loss: int) -> Iterator[str]:
    """The network behind a firewall and a bad line; the auditor's namespace. Needs root."""
    with wired("find", (AUDITOR, ROUTER), NETWORK, map(str, sorted(LIVE))) as (outside, inside):
        rules = [_FIREWALL]
        for hook in ("prerouting", "postrouting") if loss else ():
            rules.append(f"add table ip {hook}; add chain ip {hook} lost {{ type filter hook {hook} priority 0; }}")
            rules.append(f"add rule ip {hook} lost numgen random mod 100 < {loss} drop")
        subprocess.run(["ip", "netns", "exec", inside, "nft", "; ".join(rules)], check=True)
        yield outside


def look(space: str, rounds: int) -> tuple[int, float]:
    """How many live hosts were missed, and in how many seconds."""
    target = Target(Asset("net", AssetKind.NETWORK, "bench", "net", str(NETWORK)), (), NETWORK)
    words = ["ip", "netns", "exec", space, "nmap", "-oX", "-", *network_arguments([target], rounds)]
    began = time.perf_counter()
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    found = {address for address, host in read_scan(done.stdout).hosts.items() if is_up(host)}
    return len(LIVE - found), seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what looking through a network misses when packets are lost.")
    parser.add_argument("--loss", type=int, default=20, help="how many of a hundred packets are dropped each way")
    parser.add_argument("--times", type=int, default=3, help="how often each number of rounds is tried")
    given = parser.parse_args()
    if os.geteuid() != 0:
        print("bench.discovery makes network namespaces and therefore needs root", file=sys.stderr)
        return 2
    with lab(given.loss) as space:
        for rounds in range(1, ROUNDS + 1):
            seen = [look(space, rounds) for _ in range(given.times)]
            missed = ", ".join(str(number) for number, _ in seen)
            seconds = ", ".join(f"{took:.1f}" for _, took in seen)
            print(f"{rounds} round(s), {given.loss}% lost each way: of {len(LIVE)} live hosts missed {missed}; {seconds} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
