"""The night's audit, unattended: what was left is finished first, a window bounds it, and its figures are left for who looks."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from auditor.collecting import Window
from auditor.errors import LedgerError, UsageError
from auditor.ledger import Ledger
from auditor.lifecycle import WORKED, is_overdue
from auditor.model import Catalogue, Json, Run, RunStatus, Severity
from auditor.model.codec import to_json
from auditor.planning import Narrowing
from auditor.reporting.metrics import Sample, exposition
from auditor.text import _
from auditor.workflow.audit import Watcher, audit
from auditor.workflow.queries import reading
from auditor.workflow.rounds import Night
from auditor.workflow.summary import told_coverage
from auditor.workflow.writing import write_file

_ANOTHER_NIGHT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Nights:
    """What a night did: the runs that it finished, the resumed one first, why an unfinished one was not resumed, and why the
    figures could not be left. ``cut_short``: it was cancelled before its own audit began, or while that was under way.
    """

    runs: tuple[Run, ...]
    resumed: bool
    not_resumed: str = ""
    not_measured: str = ""
    cut_short: bool = False


def nightly(
    catalogue: Catalogue,
    *,
    actor: str,
    watcher: Watcher,
    narrowing: Narrowing | None = None,
    cancelled: threading.Event | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Nights:
    """Finish the run that was killed or interrupted, if there is one, then audit; all within one window.

    A run of this very night that was resumed is the night's audit: no other follows it. Raises LockedError while another run is
    under way.
    """
    settings = catalogue.settings.nightly
    _bring_up_to_date(catalogue)
    started = clock()
    window = Window(settings.window, settings.grace)
    cancelled = cancelled or threading.Event()

    def go(*, resume: bool) -> Run:
        night = Night(window, settings.retries, settings.retry_after)
        own = None if resume else narrowing
        return audit(
            catalogue, actor=actor, watcher=watcher, narrowing=own, resume=resume, cancelled=cancelled, night=night, clock=clock
        )

    runs: list[Run] = []
    unfinished, why_not = _unfinished(catalogue), ""
    if unfinished is not None:
        try:
            runs.append(go(resume=True))
        except UsageError as error:
            why_not = str(error)
    # a rescan of one host that was interrupted in the evening is finished too, and is not the night's audit
    of_everything = bool(runs) and _scope(runs[0]) == {k: v for k, v in to_json(narrowing or Narrowing()).items() if v}
    # abs, as the clock may have been wrong when it was begun
    this_night = of_everything and unfinished is not None and abs(started - unfinished.started) < _ANOTHER_NIGHT
    missing = not this_night
    if missing and not cancelled.is_set():
        runs.append(go(resume=False))
        missing = False
    cut_short = missing or runs[-1].status is RunStatus.INTERRUPTED
    not_measured = _left_figures(catalogue, runs[-1]) if runs else ""
    return Nights(tuple(runs), unfinished is not None and not why_not, why_not, not_measured, cut_short)


def _left_figures(catalogue: Catalogue, run: Run) -> str:
    """Leave the figures of a finished run; why they could not be. The audit is done: its letters and its exit code go on."""
    path = catalogue.settings.nightly.metrics
    if path is not None and run.status is RunStatus.FINISHED:
        try:
            write_metrics(catalogue, run, path)
        except UsageError as error:
            return str(error)
    return ""


def _bring_up_to_date(catalogue: Catalogue) -> None:
    """Open the ledger for writing once: what only reads refuses the older schema that an upgrade of the auditor leaves."""
    if Ledger.exists(catalogue.settings.ledger):
        Ledger.open(catalogue.settings.ledger, create=False).close()


def _scope(run: Run) -> Json:
    """What a run that has ended was narrowed to; None where it has not."""
    told = run.summary.get("run")
    return told.get("scope") if isinstance(told, dict) else None


def _unfinished(catalogue: Catalogue) -> Run | None:
    if not Ledger.exists(catalogue.settings.ledger):
        return None
    with reading(catalogue) as ledger:
        return ledger.unfinished_run()


def write_metrics(catalogue: Catalogue, run: Run, path: Path, *, now: datetime | None = None) -> None:
    """Write a run's figures for Prometheus' node exporter (its textfile collector), whole or not at all."""
    with reading(catalogue) as ledger:
        samples = list(_samples(catalogue, ledger, run, now or datetime.now(UTC)))
    write_file(path, exposition(samples).encode(), folders=True)


def _samples(catalogue: Catalogue, ledger: Ledger, run: Run, now: datetime) -> list[Sample]:
    if run.ended is None:
        raise LedgerError(_("run {run} is not finished: there is no report of it").format(run=run.id))
    found = [
        Sample("auditor_run_started_timestamp_seconds", run.started.timestamp(), "When the newest run began."),
        Sample("auditor_run_duration_seconds", (run.ended - run.started).total_seconds(), "How long it took."),
        Sample("auditor_run_complete", float(bool(run.summary.get("complete"))), "Whether everything planned was judged."),
        Sample("auditor_ledger_bytes", float(ledger.path.stat().st_size), "Size of the ledger."),
    ]
    for department in _rows(run.summary.get("departments")):
        labels = {"department": str(department["id"])}
        share = told_coverage(department).get("share")
        for name, value, told in (
            ("auditor_coverage_ratio", share, "Passed or failed, of planned checks that apply or might apply."),
            ("auditor_index", department.get("index"), "Compliance index, absent where it is withheld."),
        ):
            if isinstance(value, int | float):
                found.append(Sample(name, float(value), told, labels))
        hosts = department.get("hosts")
        for reach, n in (hosts if isinstance(hosts, dict) else {}).items():
            if reach != "planned" and isinstance(n, int):
                found.append(Sample("auditor_hosts", float(n), "Hosts by how they were reached.", {**labels, "reach": reach}))
    live = [f for f in ledger.findings() if f.state in WORKED]
    by_severity = Counter((f.department, f.severity) for f in live)
    overdue = Counter(f.department for f in live if is_overdue(f, now))
    # none is 0: a series that ends at its last figure reads as if that still held
    planned = {str(d["id"]) for d in _rows(run.summary.get("departments"))} | {d.id for d in catalogue.inventory.departments}
    names = sorted(planned | {f.department for f in live})
    for name, severity in product(names, Severity):
        labels, n = {"department": name, "severity": severity.value}, float(by_severity[name, severity])
        found.append(Sample("auditor_findings_open", n, "Findings that somebody must mend.", labels))
    for name in names:
        labels, n = {"department": name}, float(overdue[name])
        found.append(Sample("auditor_findings_overdue", n, "Findings whose time has run out.", labels))
    return found


def _rows(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
