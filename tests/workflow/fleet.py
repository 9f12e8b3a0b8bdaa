"""A nation whose hosts answer as a test says, and its nights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from auditor.collecting import STOPPED
from auditor.collecting.interface import Flag, not_reached, utcnow
from auditor.collecting.script import host_calls
from auditor.model import AssetPlan, AssetResult, Catalogue, Nightly, Observation, ObservationStatus, Reach, Run
from auditor.workflow.nightly import nightly
from tests.builders import SSHD_NO_ROOT, catalogue, host


class Fleet:
    """A fleet that answers as a test says: by uid, what each visit brings."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag
        self.visits: list[str] = []
        self.down: dict[str, int] = {}  # how many visits fail before one succeeds
        self.shellless: set[str] = set()
        self.on_visit: Callable[[str], None] = lambda _uid: None

    def collect(self, plan: AssetPlan) -> AssetResult:
        uid = plan.asset.uid
        self.visits.append(uid)
        self.on_visit(uid)
        calls = host_calls(plan.probes, plan.asset.platform)
        if self.flag.is_set():
            return not_reached(plan, calls, Reach.UNREACHABLE, utcnow(), STOPPED)
        if self.down.get(uid, 0) > 0:
            self.down[uid] -= 1
            return not_reached(plan, calls, Reach.UNREACHABLE, utcnow(), "no answer")
        if uid in self.shellless:
            return not_reached(plan, calls, Reach.NO_SHELL, utcnow(), "no shell")
        now = utcnow()
        seen = tuple(Observation(uid, call, ObservationStatus.OK, now, SSHD_NO_ROOT, "", 0) for call in (c.call for c in calls))
        return AssetResult(uid, Reach.REACHED, seen, now, now)

    def close(self) -> None:
        """Nothing is held."""


class Quiet:
    def begun(self, run: Run, plan: object, done: int) -> None:
        self.done = done

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        pass

    def given_up(self, run: Run) -> None:
        self.gone = run.id

    def clock_wrong(self, newest: datetime) -> None:
        self.newest = newest


def nation(root: Path, hosts: int = 6, **night: object) -> Catalogue:
    made = catalogue(assets=tuple(host(f"health-{n}", address=f"127.0.0.{n + 1}") for n in range(hosts)))
    settings = replace(
        made.settings,
        root=root,
        ledger=root / "findings" / "ledger.db",
        concurrency=1,
        nightly=Nightly(**{"window": 3600.0, "grace": 0.0, "retries": 0, "retry_after": 0.0, **night}),  # type: ignore[arg-type]
    )
    return replace(made, settings=settings)


def run_of(found: Catalogue, **more: object) -> Run:
    done = nightly(found, actor="cron", watcher=Quiet(), **more)  # type: ignore[arg-type]
    return done.runs[-1]


def missed(run: Run) -> dict[str, str]:
    rows = run.summary["not_reached"]
    assert isinstance(rows, list)
    return {row["asset"]: row["detail"] for row in rows if isinstance(row, dict)}  # type: ignore[misc]
