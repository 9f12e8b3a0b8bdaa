"""How long, and how much memory, all reports of a nation take: ``python -m bench.report [--hosts 10000] [--departments 24]``.

A ledger is made with the stock policy and checks, every host judged by every check that is planned for it, a dozen findings on
each. Then ``auditor report all`` runs as its own process. The floor, taken in the same run, is the reading alone: every finding
and every newest verdict, by the sqlite3 module, nothing made of them. Memory is the most that the command and its workers held
together, shared pages counted once (PSS). ``--nights 2`` sees all findings again, so that the bundle compares the two nights.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from auditor.ledger import Ledger
from auditor.lifecycle import finding_id
from auditor.loading import stock_root
from auditor.model import (
    AssetPlan,
    AssetResult,
    Catalogue,
    CheckTask,
    Event,
    EventKind,
    Finding,
    FindingState,
    Outcome,
    Reach,
    Verdict,
    VerdictKind,
)
from auditor.model.codec import to_json
from auditor.planning import make_plan
from auditor.workflow.setup import init_workspace
from auditor.workflow.summary import summarise
from auditor.workflow.workspace import open_workspace, run_inputs

FAILING = 12  # findings on each host
NIGHT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


def main(argv: list[str]) -> int:
    """Make the ledger, make the reports, print what they took."""
    parser = argparse.ArgumentParser(description="Measure `auditor report all`.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--departments", type=int, default=24)
    parser.add_argument("--nights", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print figures for programs")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bench-report-") as folder:
        root = Path(folder) / "workspace"
        made = time.perf_counter()
        catalogue = prepare(root, given.hosts, given.departments)
        findings = fill(catalogue, given.nights)
        made = time.perf_counter() - made
        floor = read_alone(catalogue.settings.ledger)
        seconds, memory, files, size = reports(root, Path(folder) / "out", given.nights)
    told = {
        "hosts": given.hosts,
        "departments": given.departments,
        "nights": given.nights,
        "findings": findings,
        "files": files,
        "megabytes_written": round(size / 1e6, 1),
        "seconds": round(seconds, 1),
        "floor_seconds": round(floor, 2),
        "ratio": round(seconds / floor, 1),
        "memory_mb": round(memory / 1e6),
        "seconds_to_make_the_ledger": round(made, 1),
    }
    if given.json:
        print(json.dumps(told))
        return 0
    print(f"{given.hosts} hosts in {given.departments} departments, {findings} findings (ledger made in {made:.0f} s)")
    print(f"report all: {files} files, {size / 1e6:.0f} MB, in {seconds:.1f} s with {memory / 1e6:.0f} MB (aim: 60 s, 500 MB)")
    print(f"floor, reading alone: {floor:.2f} s; ratio {seconds / floor:.1f}")
    return 0


def prepare(root: Path, hosts: int, departments: int, host: Callable[[int], dict[str, object]] | None = None) -> Catalogue:
    """A workspace of so many hosts; ``host`` gives what the inventory says of each beside its names."""
    host = host or (lambda n: {"address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"})
    init_workspace(root, stock=stock_root())
    shutil.rmtree(root / "inventories")
    (root / "inventories").mkdir()
    for d in range(departments):
        listed = [{"uid": f"d{d:02}-h{n:05}", "name": f"h{n:05}", **host(n)} for n in range(d, hosts, departments)]
        inventory = {"department": f"d{d:02}", "title": {"en": f"Department {d}", "ar": f"الجهة {d}"}, "hosts": listed}
        (root / "inventories" / f"d{d:02}.yaml").write_text(yaml.safe_dump(inventory, allow_unicode=True), encoding="utf-8")
    return open_workspace(root)


def fill(catalogue: Catalogue, nights: int) -> int:
    """Audits of everything, night after night; how many findings the first opened. The others see the same again."""
    opened = _audit(catalogue, NIGHT, opens=True)
    for night in range(1, nights):
        _audit(catalogue, NIGHT + timedelta(days=night), opens=False)
    return opened


def _audit(catalogue: Catalogue, now: datetime, *, opens: bool) -> int:
    opened = 0
    with Ledger.open(catalogue.settings.ledger) as ledger, ledger.lock(actor="bench", now=now):
        plan = make_plan(catalogue, now=now)
        run = ledger.begin_run(plan, run_inputs(catalogue), actor="bench", now=now)
        kinds, reaches = {}, {}
        for department in plan.departments:
            for place, asset in enumerate(department.assets):
                uid = asset.asset.uid
                outcomes = [
                    _outcome(uid, task, now, fails=(number + place) % len(asset.checks) < FAILING)
                    for number, task in enumerate(asset.checks)
                ]
                events = list(_opened(department.department, asset, outcomes)) if opens else []
                opened += len(events)
                result = AssetResult(uid, Reach.REACHED, (), now, now + timedelta(seconds=1))
                with ledger.transaction():
                    ledger.record_result(run.id, result)
                    ledger.record_outcomes(run.id, outcomes, events)
                kinds |= {(o.asset, o.check): o.kind for o in outcomes}
                reaches[uid] = (Reach.REACHED, "")
        summary = summarise(catalogue, run, plan, kinds, reaches, (), {})
        ledger.finish_run(run.id, summary, actor="bench", now=now + timedelta(hours=2))
    return opened


def _outcome(uid: str, task: CheckTask, now: datetime, *, fails: bool) -> Outcome:
    kind = VerdictKind.FAIL if fails else VerdictKind.PASS
    return Outcome(uid, task.check, task.definition, kind, (Verdict("", kind, "yes" if fails else "no", "no"),), True, now)


def _opened(department: str, plan: AssetPlan, outcomes: list[Outcome]) -> Iterator[Event]:
    tasks = {task.check: task for task in plan.checks}
    for outcome in outcomes:
        if outcome.kind is VerdictKind.FAIL:
            task = tasks[outcome.check]
            finding = Finding(
                id=finding_id(plan.asset.uid, outcome.check, ""),
                department=department,
                asset=plan.asset.uid,
                check=outcome.check,
                subject="",
                severity=task.severity,
                state=FindingState.OPEN,
                controls=task.controls,
                observed="yes",
                expected="no",
                first_seen=NIGHT,
                last_seen=NIGHT,
                definition=task.definition,
                due=NIGHT + timedelta(days=30),
            )
            yield Event(EventKind.FINDING_OPENED, NIGHT, "bench", finding.id, to_json(finding))


def read_alone(path: Path) -> float:
    """Seconds to read what reports are made of."""
    started = time.perf_counter()
    connection = sqlite3.connect(path)
    connection.execute("SELECT * FROM findings").fetchall()
    connection.execute("SELECT v.asset, v.check_id, w.kind FROM verdicts v JOIN verdict_changes w ON w.id = v.change").fetchall()
    connection.close()
    return time.perf_counter() - started


def reports(root: Path, out: Path, nights: int) -> tuple[float, int, int, int]:
    """Seconds, bytes of memory at the most, files and their size."""
    command = [sys.executable, "-m", "auditor", "-C", str(root), "report", "all", "--output", str(out), "--language", "ar"]
    started, most = time.perf_counter(), 0
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(NIGHT.timestamp()) + nights * 86400)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    while process.poll() is None:
        most = max(most, _memory(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"auditor report all ended with {process.returncode}")
    seconds = time.perf_counter() - started
    written = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    return seconds, most, len(written), sum(written)


def _memory(pid: int) -> int:
    """PSS of a process and its children, in bytes."""
    total = 0
    for name in (str(pid), *_children(pid)):
        try:
            rollup = Path(f"/proc/{name}/smaps_rollup").read_text()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
