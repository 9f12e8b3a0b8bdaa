"""How long files take to load: ``python -m bench.load [--hosts 10000] [--departments 24]``.

The whole workspace (the stock policy, controls and checks, and inventories of so many hosts) is loaded and validated, as by
``auditor validate``, and loaded as by the other commands, which do not look for mistakes in the files that come with the program.
The floor, in the same run, is reading the same files with PyYAML's C loader and nothing made of them. Beside it,
``auditor --help`` as a process of its own, against the start of Python alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from auditor.loading import load_workspace
from bench.report import prepare

ROUNDS = 3


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure loading.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--departments", type=int, default=24)
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bench-load-") as folder:
        root = Path(folder) / "workspace"
        prepare(root, given.hosts, given.departments)
        files = [*root.rglob("*.yaml")]
        loaded = best(lambda: load_workspace(root, thorough=True))
        known = best(lambda: load_workspace(root))
        floor = best(lambda: [yaml.load(path.read_bytes(), yaml.CSafeLoader) for path in files])
    help_page = best(lambda: subprocess.run([sys.executable, "-m", "auditor", "--help"], capture_output=True, check=True))
    python = best(lambda: subprocess.run([sys.executable, "-c", "pass"], capture_output=True, check=True))
    told = {
        "hosts": given.hosts,
        "files": len(files),
        "seconds": round(loaded, 2),
        "known_seconds": round(known, 2),
        "floor_seconds": round(floor, 2),
        "ratio": round(loaded / floor, 2),
        "help_seconds": round(help_page, 3),
        "python_seconds": round(python, 3),
    }
    if given.json:
        print(json.dumps(told))
        return 0
    print(f"{given.hosts} hosts, {len(files)} files: loaded and validated in {loaded:.2f} s (aim: 3 s)")
    print(f"loaded by other commands: {known:.2f} s")
    print(f"floor, YAML alone: {floor:.2f} s; ratio {loaded / floor:.2f}")
    print(f"auditor --help: {help_page:.3f} s (aim: 0.3 s); Python alone: {python:.3f} s")
    return 0


def best(work: Callable[[], object]) -> float:
    """The fewest seconds of a few rounds: the machine is shared."""
    seconds = []
    for _n in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
