"""Killed at any moment, an audit is gone on with: nothing lost, nothing twice, in the end as if nobody had killed it."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.ledger import Ledger
from auditor.model import RunStatus
from auditor.model.codec import to_json

from .conftest import COMMAND, Workspace, environment

HOSTS, KILLS = 200, 50


def fleet(workspace: Workspace) -> Workspace:
    """Two hundred hosts, each of them this machine."""
    (workspace.root / "inventories" / "example.yaml").unlink()
    listed = "".join(
        f"  - {{uid: h-{n:03}, name: h-{n:03}, address: 127.0.1.{n + 1}, connection: local}}\n" for n in range(HOSTS)
    )
    workspace.inventory("fleet", f"department: fleet\ntitle: {{en: Fleet, ar: أسطول}}\nhosts:\n{listed}")
    workspace.guarded.chmod(0o644)
    return workspace


def outcome(workspace: Workspace) -> dict[str, Any]:
    """All that the ledger holds, bar times and what counts interruptions."""
    with Ledger.open(workspace.ledger, create=False, readonly=True) as ledger:
        report = ledger.verify()
        (run,) = ledger.runs()
        moved = Counter(
            (e.event.kind.value, e.event.subject) for e in ledger.journal() if e.event.kind.value.startswith("finding_")
        )
        told = to_json(run.summary)
        told["run"].pop("started")
        root = str(workspace.root)
        return json.loads(
            json.dumps(
                {
                    "verified": report.ok,
                    "status": run.status.value,
                    "summary": told,
                    "moved": sorted([*key, n] for key, n in moved.items()),
                    "findings": [
                        {k: v for k, v in to_json(f).items() if k not in ("first_seen", "last_seen", "due", "definition")}
                        for f in ledger.findings()
                    ],
                    "verdicts": sorted([o.asset, o.check, o.kind.value] for o in ledger.verdicts(run.id)),
                    "results": sorted(r.asset for r in ledger.results(run.id)),
                }
            ).replace(root, "ROOT")
        )


def ended(workspace: Workspace) -> bool:
    """Whether the run had come to its end, and only the program after it was killed: the next start begins another run."""
    if not workspace.ledger.exists():
        return False
    with Ledger.open(workspace.ledger, create=False, readonly=True) as ledger:
        return any(run.status is RunStatus.FINISHED for run in ledger.runs())


@pytest.mark.slow
def test_killed_fifty_times_it_ends_as_if_never_killed(make: Callable[[Path], Workspace], tmp_path: Path) -> None:
    """SIGKILL at random moments, until the night is through; then every row is as of a night that nobody disturbed."""
    calm, killed = fleet(make(tmp_path / "calm")), fleet(make(tmp_path / "killed"))
    assert subprocess.run([*COMMAND, "nightly"], cwd=calm.root, env=environment(), capture_output=True).returncode == 1
    seed = random.randrange(1 << 32)
    dice, kills = random.Random(seed), 0
    while True:
        process = subprocess.Popen([*COMMAND, "nightly"], cwd=killed.root, env=environment(), stderr=subprocess.DEVNULL)
        try:
            # early moments too: while files are loaded, while the run is begun; then long enough that something is done
            process.wait(dice.uniform(0.05, 1.6) if kills < KILLS else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            if ended(killed):
                shutil.rmtree(killed.root / "findings")
            continue
        assert process.returncode == 1, f"seed {seed}"
        if kills >= KILLS:
            break
        # through before it was killed often enough: begin anew
        shutil.rmtree(killed.root / "findings")
        time.sleep(0.01)
    assert outcome(killed) == outcome(calm), f"seed {seed}"
