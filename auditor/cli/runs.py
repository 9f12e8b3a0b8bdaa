"""``auditor runs``: what was audited when, and how it went."""

from __future__ import annotations

import click

from auditor.cli.base import App, Group, output_option, pass_app
from auditor.cli.summaries import show_summary
from auditor.model import RunStatus
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, instant, percent, points
from auditor.text.labels import label
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.queries import list_runs, one_run
from auditor.workflow.summary import told_coverage
from auditor.workflow.workspace import open_workspace


@click.group(cls=Group, help=N_("The runs: what was audited, and how it went."))
def runs() -> None:
    """Group."""


@runs.command("list", help=N_("List the runs, the newest first."))
@output_option
@pass_app
def runs_list(app: App, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    found = {run.id: run for run in list_runs(catalogue)}
    rows = [
        {
            "id": run.id,
            "status": run.status.value,
            "started": run.started.isoformat(),
            "ended": run.ended.isoformat() if run.ended else None,
            "policy": run.policy,
            "policy_version": run.policy_version,
            "narrowed": run.narrowed,
            "actor": run.actor,
            "coverage": told_coverage(run.summary) or None,
            "index": None if run.narrowed else run.summary.get("index"),
            "complete": run.summary.get("complete"),
        }
        for run in found.values()
    ]
    columns = [
        Column(_("Run"), field("id"), right=True, whole=True),
        Column(_("State"), lambda r: label(RunStatus(r["status"])), whole=True),
        Column(_("Started"), lambda r: instant(found[r["id"]].started), whole=True),
        Column(_("Policy"), lambda r: f"{r['policy']} {r['policy_version']}"),
        Column(_("Narrowed"), lambda r: _("yes") if r["narrowed"] else _("no")),
        Column(_("Coverage"), _coverage),
        Column(_("Index"), lambda r: points(r["index"]) if r["index"] is not None else "", right=True),
        Column(_("By"), field("actor"), spare=1),
    ]
    app.emit(Table(columns, rows), output)


def _coverage(row: Row) -> str:
    share = (row["coverage"] or {}).get("share")
    return percent(share, 1) if share is not None else ""


@runs.command("show", help=N_("Show one run: its number, or `latest` for the newest whole one."))
@click.argument("run", default="latest", metavar="[RUN]")
@output_option
@pass_app
def runs_show(app: App, run: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    found = one_run(catalogue, run)
    if found.summary.get("reevaluation"):
        told = _("Run {run} was `auditor reevaluate --apply`: it judged anew what had been seen before, and has no summary.")
        app.say(told.format(run=found.id))
        return
    if not found.summary:
        app.say(_("Run {run} is {state}; it has no summary.").format(run=found.id, state=label(found.status)))
        return
    show_summary(app, catalogue, found, output)
