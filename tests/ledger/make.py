"""Small model values for the ledger's tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auditor.ledger import Ledger, RunInput
from auditor.ledger.schema import RUN_BASE
from auditor.lifecycle import Deadline, reconcile
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    CheckTask,
    DepartmentPlan,
    Event,
    Observation,
    ObservationStatus,
    Outcome,
    Plan,
    ProbeCall,
    Reach,
    Severity,
    Verdict,
    VerdictKind,
)

T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
INPUTS = (RunInput("policy", "national", "id: national"), RunInput("check", "ssh-root-login", "سياسة"))


def plan(now: datetime = T0, hosts: int = 2, *, narrowed: bool = False, of_record: bool = True) -> Plan:
    probes = (ProbeCall("sshd"), ProbeCall("file_text", (("path", "/etc/issue"),)))
    task = CheckTask("ssh-root-login", Severity.HIGH, {"allowed": ["no"]}, (("sshd", probes[0]),), ("A.8.9",), "d1")
    assets = tuple(
        AssetPlan(Asset(f"h{n}", AssetKind.HOST, "health", f"h{n}", f"10.0.0.{n}"), probes, (task,)) for n in range(hosts)
    )
    whole = Asset("health", AssetKind.DEPARTMENT, "health", "health", "")
    return Plan("national", "1", of_record, now, (DepartmentPlan("health", whole, assets),), narrowed, sha256=f"plan{now}")


def result(
    asset: str = "h0", at: datetime = T0, outputs: Sequence[str] = ("a", "b"), reach: Reach = Reach.REACHED
) -> AssetResult:
    seen = tuple(
        Observation(
            asset, ProbeCall("file_text", (("path", str(n)),)), ObservationStatus.OK, at + timedelta(microseconds=n * 1234), text
        )
        for n, text in enumerate(outputs)
    )
    return AssetResult(asset, reach, seen, at, at + timedelta(seconds=1))


def outcome(
    asset: str = "h0", at: datetime | None = T0, check: str = "ssh-root-login", definition: str = "d1", **kinds: str
) -> Outcome:
    verdicts = tuple(
        Verdict(subject.strip("_"), VerdictKind(kind), kind, "x") for subject, kind in (kinds or {"_": "fail"}).items()
    )
    order = ["fail", "error", "unknown", "pass", "not_applicable"]
    kind = min((v.kind for v in verdicts), key=lambda k: order.index(k.value))
    return Outcome(asset, check, definition, kind, verdicts, True, at)


def events(ledger: Ledger, run_id: int, now: datetime, outcomes: Sequence[Outcome]) -> list[Event]:
    """What workflow reasons from the findings so far."""
    return [
        event
        for o in outcomes
        for event in reconcile(
            o,
            ledger.findings_by_asset(o.asset, (o.check,)),
            now=now,
            run_id=run_id,
            actor="cron",
            severity=Severity.HIGH,
            controls=("A.8.9", "A.8.2"),
            department="health",
            deadline=Deadline(30),
        )
    ]


def judge(ledger: Ledger, run_id: int, now: datetime, outcomes: Sequence[Outcome]) -> None:
    """Move findings as workflow does."""
    with ledger.transaction():
        ledger.record_outcomes(run_id, outcomes, events(ledger, run_id, now, outcomes))


def night(
    ledger: Ledger,
    at: datetime,
    outcomes: Sequence[Outcome],
    results: Sequence[AssetResult] = (),
    *,
    narrowed: bool = False,
    of_record: bool = True,
) -> int:
    """One whole run."""
    with ledger.lock(actor="cron", now=at):
        run = ledger.begin_run(plan(at, narrowed=narrowed, of_record=of_record), INPUTS, actor="cron", now=at)
        for r in results:
            ledger.record_result(run.id, r)
        if of_record:
            judge(ledger, run.id, at, outcomes)
        else:
            ledger.record_outcomes(run.id, outcomes, ())
        ledger.finish_run(run.id, {"run": run.id}, actor="cron", now=at + timedelta(minutes=5))
    return run.id


def aged(path: Path, version: int, *statements: str) -> None:
    """Make a ledger one of an older schema, before the fourth: ``statements`` take out what later steps brought, beside these."""
    other = sqlite3.connect(path)
    later = ("DROP INDEX journal_by_asset", "DROP TABLE bases", f"UPDATE verdicts SET run = run - {RUN_BASE}")
    for statement in (*statements, *later):
        other.execute(statement)
    other.execute("DELETE FROM _sqlite_migrations WHERE CAST(substr(name, 1, 4) AS INTEGER) > ?", (version,))
    other.execute(f"PRAGMA user_version = {version}")
    other.commit()
    other.close()
