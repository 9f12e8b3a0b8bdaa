"""What an audit costs a target: CPU and time of the one script that all stock checks need, and of each probe in it.

``python -m bench.target [--root DIR] [--json]`` runs the script on this machine, or in an unpacked system with processes of its
own; as root, so that nothing is denied. The floor is the same script with probes that do nothing. The walk of the file systems,
which is bounded and niced, is told apart. CPU is of the shell and everything that it started.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.collecting.script import Lookup, build_script
from auditor.facts import Fact, HostProbe, by_name
from auditor.loading import load_workspace
from auditor.model import ProbeCall, Scope

ROOT = Path(__file__).resolve().parent.parent
WALKS = ("file_walk",)
AIM = 2.0  # seconds of CPU for all but the walk
_ENTER = 'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$1" /bin/sh -s'


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU and of the clock."""

    cpu: float
    wall: float


def probes() -> tuple[ProbeCall, ...]:
    """Every probe that a stock check rests on, with its parameters' defaults as arguments."""
    catalogue = load_workspace(ROOT).catalogue
    assert catalogue is not None
    found: dict[ProbeCall, None] = {}
    for check in catalogue.checks.values():
        defaults = {f"params.{p.name}": p.default for p in check.params}
        for use in check.facts:
            args = tuple((name, defaults.get(value, value) if isinstance(value, str) else value) for name, value in use.args)
            fact = by_name(use.fact)
            if fact is not None and fact.network is None and check.scope in (Scope.ASSET, Scope.DEPARTMENT):
                found[ProbeCall(use.fact, args)] = None  # type: ignore[arg-type]  # defaults of arguments are scalars
    return tuple(sorted(found))


def cost(calls: tuple[ProbeCall, ...], root: Path | None, lookup: Lookup = by_name) -> Cost:
    """Run the script once."""
    script = build_script(calls, "linux", "0" * 32, lookup=lookup)
    command = ["/bin/sh", "-s"]
    if root is not None:
        command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _ENTER, "enter", str(root)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, input=script.encode(), capture_output=True, check=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def _idle(name: str) -> Fact | None:
    fact = by_name(name)
    return None if fact is None else replace(fact, probes={"linux": HostProbe("echo end")})


def measure(root: Path | None) -> dict[str, object]:
    """The whole script, its floor, and the dearest probes alone."""
    calls = probes()
    rest = tuple(call for call in calls if call.fact not in WALKS)
    cost(rest, root)  # what is read for the first time comes from the disk
    ours, floor = min((cost(rest, root) for _ in range(3)), key=lambda c: c.cpu), cost(rest, root, _idle)
    alone = {call.key: round(max(0.0, cost((call,), root).cpu - cost((call,), root, _idle).cpu), 3) for call in calls}
    return {
        "probes": len(calls),
        "floor_s": round(floor.cpu, 3),
        "ours_s": round(ours.cpu, 3),
        "ratio": round(ours.cpu / floor.cpu, 2),
        "wall_s": round(ours.wall, 3),
        "aim_s": AIM,
        "walks_s": {key: seconds for key, seconds in alone.items() if key.split("(")[0] in WALKS},
        "dearest_s": dict(sorted(alone.items(), key=lambda pair: -pair[1])[:10]),
    }


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What an audit costs a target.")
    parser.add_argument("--root", type=Path, help="an unpacked system; without it this machine")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    if os.geteuid() != 0:
        sys.stderr.write("bench.target needs root: it measures what a privileged audit runs\n")
        return 2
    told = measure(given.root)
    if given.json:
        print(json.dumps(told))
        return 0
    print(f"{told['probes']} probes: {told['ours_s']} s of CPU (aim {AIM}), floor {told['floor_s']} s, wall {told['wall_s']} s")
    for heading in ("walks_s", "dearest_s"):
        print(f"{heading}: {told[heading]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
