"""``auditor audit`` and ``auditor reevaluate``."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

import click

from auditor.cli.base import App, Command, Exit, narrowing_options, nobody_reads, option, output_option, pass_app
from auditor.cli.progress import progress_display
from auditor.cli.summaries import show_summary
from auditor.model import Catalogue, Run, RunStatus, Severity
from auditor.planning import Narrowing, refuse_idle
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _
from auditor.text.labels import label
from auditor.workflow.audit import audit as run_audit
from auditor.workflow.belonging import refuse_run
from auditor.workflow.queries import worst_open
from auditor.workflow.reevaluate import reevaluate as run_reevaluate
from auditor.workflow.workspace import open_workspace


@click.command(cls=Command, help=N_("Audit the departments' hosts and networks, and move the findings."))
@narrowing_options
@option("--resume", is_flag=True, help=N_("Finish the run that was interrupted, repeating only what was not done."))
@output_option
@pass_app
def audit(
    app: App, departments: tuple[str, ...], hosts: tuple[str, ...], checks: tuple[str, ...], resume: bool, output: str
) -> int:
    """Audit, show the summary, and say by the exit code how it went."""
    catalogue = open_workspace(app.root)
    refuse_run(catalogue.settings, app.actor)
    refuse_idle(catalogue, checks)
    narrowing = Narrowing(departments, hosts, checks)
    cancelled = threading.Event()
    with interruptible(cancelled), progress_display(app, quiet=output != "table") as watcher:
        run = run_audit(
            catalogue,
            actor=app.actor,
            watcher=watcher,
            narrowing=narrowing,
            resume=resume,
            cancelled=cancelled,
        )
    if run.status is RunStatus.INTERRUPTED:
        app.say(_("Interrupted. What was observed is kept; `auditor audit --resume` finishes the run."))
        return Exit.INTERRUPTED
    try:
        show_summary(app, catalogue, run, output)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()
    return audit_exit(catalogue, run)


@click.command(cls=Command, help=N_("Judge stored observations by the policy as it is now, without touching a host."))
@option(
    "--run",
    "run_id",
    type=int,
    metavar="RUN",
    help=N_("Observations of this run. Default: the newest of each asset."),
)
@option("--policy", "policy_id", metavar="POLICY", help=N_("By this policy. Default: the policy of record."))
@option("--apply", "apply", is_flag=True, help=N_("Move the findings too: by the policy of record, on the newest observations."))
@output_option
@pass_app
def reevaluate(app: App, run_id: int | None, policy_id: str | None, apply: bool, output: str) -> int:
    """Show what would change, or change it."""
    catalogue = open_workspace(app.root)
    if apply:
        refuse_run(catalogue.settings, app.actor)
    changes = run_reevaluate(catalogue, actor=app.actor, run_id=run_id, policy_id=policy_id, apply=apply)
    columns = [
        Column(_("Asset"), field("asset")),
        Column(_("Check"), field("check")),
        Column(_("Subject"), field("subject"), wide=True),
        Column(_("Before"), lambda r: r["before_label"]),
        Column(_("After"), lambda r: r["after_label"]),
        Column(_("Finding"), lambda r: r["event_label"], whole=True),
    ]
    rows = [
        {
            "asset": c.asset,
            "check": c.check,
            "subject": c.subject,
            "before": c.before.value if c.before else None,
            "after": c.after.value,
            "event": c.event.value if c.event else None,
            "before_label": label(c.before) if c.before else "",
            "after_label": label(c.after),
            "event_label": label(c.event) if c.event else "",
        }
        for c in changes
    ]
    if output == "json":
        rows = [{k: v for k, v in row.items() if not k.endswith("_label")} for row in rows]
    app.emit(Table(columns, rows), output)
    if output == "table":
        app.say(_("The findings were moved.") if apply else _("Nothing was changed: this is what would be."))
    return Exit.OK


def audit_exit(catalogue: Catalogue, run: Run) -> Exit:
    """3 when the audit is incomplete, else 1 when a finding at or above the threshold is open, else 0."""
    if not run.summary.get("complete"):
        return Exit.INCOMPLETE
    worst = worst_open(catalogue, run)
    threshold = Severity(catalogue.settings.fail_severity)
    return Exit.FINDINGS if worst is not None and worst.rank <= threshold.rank else Exit.OK


class interruptible:  # noqa: N801 — used as a function
    """Ctrl-C and SIGTERM ask the audit to stop; a second one stops at once."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled

    def __enter__(self) -> None:
        self._before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._cancelled.is_set():
            raise KeyboardInterrupt
        self._cancelled.set()
