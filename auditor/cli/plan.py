"""``auditor plan``: what would run where, without touching a host."""

from __future__ import annotations

import sys

import click

from auditor.cli.base import App, Command, narrowing_options, option, output_option, pass_app
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _, number
from auditor.text.labels import label
from auditor.workflow.costs import ProbeCost, probe_costs
from auditor.workflow.inspection import plan_now, script_of, sudoers_of
from auditor.workflow.workspace import open_workspace


@click.command(cls=Command, help=N_("Show what would run where, without touching a host."))
@narrowing_options
@option("--script", "script", metavar="HOST", help=N_("Print the exact shell script that would run on this host."))
@option("--sudoers", "sudoers", is_flag=True, help=N_("Print the least that sudo must permit the login users."))
@option("--cost", "cost", is_flag=True, help=N_("Show the probes by the time that they took when hosts were last audited."))
@output_option
@pass_app
def plan(
    app: App,
    departments: tuple[str, ...],
    hosts: tuple[str, ...],
    checks: tuple[str, ...],
    script: str | None,
    sudoers: bool,
    cost: bool,
    output: str,
) -> None:
    """Show the plan, one host's script, the sudoers lines, or what the probes cost."""
    catalogue = open_workspace(app.root)
    if script is not None:
        sys.stdout.write(script_of(catalogue, script))
        return
    planned = plan_now(catalogue, departments, hosts, checks)
    app.warn_set_aside(aside.department for aside in planned.set_aside)
    if sudoers:
        sys.stdout.write(sudoers_of(planned))
        return
    if cost:
        _show_costs(app, probe_costs(catalogue, planned), output)
        return
    assets = {a.asset.uid: a for d in planned.departments for a in d.assets}
    rows = [
        {
            "department": a.asset.department,
            "asset": uid,
            "kind": a.asset.kind.value,
            "address": a.asset.address,
            "connection": a.asset.connection.method,
            "probes": [p.key for p in a.probes],
            "checks": [t.check for t in a.checks],
            "skipped": a.skipped,
        }
        for uid, a in assets.items()
    ]
    columns = [
        Column(_("Department"), field("department")),
        Column(_("Asset"), field("asset")),
        Column(_("Kind"), lambda r: label(assets[r["asset"]].asset.kind)),
        Column(_("Address"), field("address"), whole=True),
        Column(_("Connection"), field("connection")),
        Column(_("Probes"), lambda r: number(len(r["probes"])), right=True),
        Column(_("Checks"), lambda r: number(len(r["checks"])), right=True),
        Column(_("Skipped because"), field("skipped"), wide=True),
    ]
    app.emit(Table(columns, rows), output, to_json(planned) if output == "json" else None)


def _show_costs(app: App, costs: tuple[ProbeCost, ...], output: str) -> None:
    columns = [
        Column(_("Probe"), field("probe")),
        Column(_("Hosts"), lambda r: number(r["hosts"]), right=True),
        Column(_("Median, s"), lambda r: number(r["median"], 3), right=True),
        Column(_("Longest, s"), lambda r: number(r["longest"], 3), right=True),
        Column(_("Longest on"), field("slowest")),
        Column(_("Checks"), lambda r: number(r["checks"]), right=True),
    ]
    app.emit(Table(columns, [to_json(c) for c in costs]), output)
