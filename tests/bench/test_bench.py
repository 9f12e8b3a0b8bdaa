"""Every measurement can be started: documents name these commands, and a fresh clone has nothing but what was committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stacks import tree

ROOT = Path(__file__).parents[2]
MEASUREMENTS = sorted(
    path.stem
    for path in (ROOT / "bench").glob("*.py")
    if "argparse" in path.read_text(encoding="utf-8") and path.stem != "__init__"
)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_tells_how_it_is_run(name: str) -> None:
    """Regression: bench.network and bench.discovery rested on a module that had never been committed."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--" in done.stdout


def test_measurements_that_documents_name_are_there() -> None:
    """``python -m bench.X`` in a document leads to a file."""
    documents = (*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "README.ar.md")
    told = {name for path in documents for name in re.findall(r"-m bench\.(\w+)", path.read_text(encoding="utf-8"))}
    assert told
    assert told <= set(MEASUREMENTS)


def test_stacks_are_told_as_shares_of_all_samples() -> None:
    """From the function named downwards, the largest first, and nothing that is too small."""
    seen = [
        "main (bench/fleet.py:9);asset (auditor/judge.py:5);read (auditor/read.py:7) 6",
        "main (bench/fleet.py:9);asset (auditor/judge.py:6);write (auditor/write.py:7) 3",
        "main (bench/fleet.py:9);other (x.py:1) 1",
    ]
    assert list(tree(seen, "asset", 0)) == [" 90.0% asset (judge.py)", "   60.0% read (read.py)", "   30.0% write (write.py)"]
    assert list(tree(seen, "", 50)) == ["100.0% main (bench/fleet.py)", "   90.0% asset (judge.py)", "     60.0% read (read.py)"]
