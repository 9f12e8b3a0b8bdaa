"""What py-spy saw: ``python -m bench.stacks FILE [--under NAME] [--least 2]``.

Reads stacks as ``py-spy record --format raw`` writes them (``python -m bench.fleet --profile FOLDER`` has it do so) and prints,
as a tree, each function's share of all samples, from the one named ``--under`` downwards.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_Calls = tuple[str, ...]


def main(argv: list[str]) -> int:
    """Read and print."""
    parser = argparse.ArgumentParser(description="Print what py-spy saw as a tree of shares.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--under", default="", help="a function, such as 'Judge.asset'; all where none is given")
    parser.add_argument("--least", type=float, default=2.0, help="percent below which nothing is printed")
    given = parser.parse_args(argv)
    for line in tree(given.file.read_text().splitlines(), given.under, given.least):
        print(line)
    return 0


def tree(lines: Iterable[str], under: str, least: float) -> Iterator[str]:
    """Each function with its share of all samples in percent, its callees below it, the largest first."""
    samples: Counter[_Calls] = Counter()
    total = 0
    for line in lines:
        stack, _space, many = line.rpartition(" ")
        frames = [_short(frame) for frame in stack.split(";")]
        total += int(many)
        start = next((n for n, frame in enumerate(frames) if frame.startswith(under)), None)
        if start is not None:
            for end in range(start + 1, len(frames) + 1):
                samples[tuple(frames[start:end])] += int(many)
    below: dict[_Calls, list[_Calls]] = {}
    for path in samples:
        below.setdefault(path[:-1], []).append(path)

    def show(parent: _Calls) -> Iterator[str]:
        for path in sorted(below.get(parent, ()), key=lambda p: (-samples[p], p)):
            share = 100 * samples[path] / total
            if share >= least:
                yield f"{'  ' * len(parent)}{share:5.1f}% {path[-1]}"
                yield from show(path)

    yield from show(())


def _short(frame: str) -> str:
    """A frame without its line, and its file without the package: ``Judge.asset (workflow/judging.py)``."""
    name, colon, _line = frame.rpartition(":")
    return f"{name})".replace("(auditor/", "(") if colon else frame


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
