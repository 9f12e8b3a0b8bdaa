"""``auditor plan``: what would run where, without touching a host."""

from __future__ import annotations

import sys

import click

from auditor.cli.base import App, Command, narrowing_options, option, output_option, pass_app
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _, number
from auditor.text.labels import label
from auditor.workflow.inspection import plan_now, script_of, sudoers_of
from auditor.workflow.workspace import open_workspace


@click.command(cls=Command, help=N_("Show what would run where, without touching a host."))
@narrowing_options
@option("--script", "script", metavar="HOST", help=N_("Print the exact shell script that would run on this host."))
@option("--sudoers", "sudoers", is_flag=True, help=N_("Print the least that sudo must permit the login users."))
@output_option
@pass_app
def plan(
    app: App,
    departments: tuple[str, ...],
    hosts: tuple[str, ...],
    checks: tuple[str, ...],
    script: str | None,
    sudoers: bool,
    output: str,
) -> None:
    """Show the plan, one host's script, or the sudoers lines."""
    catalogue = open_workspace(app.root)
    if script is not None:
        sys.stdout.write(script_of(catalogue, script))
        return
    planned = plan_now(catalogue, departments, hosts, checks)
    app.warn_set_aside(aside.department for aside in planned.set_aside)
    if sudoers:
        sys.stdout.write(sudoers_of(planned))
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
        Column(_("Address"), field("address")),
        Column(_("Connection"), field("connection")),
        Column(_("Probes"), lambda r: number(len(r["probes"])), right=True),
        Column(_("Checks"), lambda r: number(len(r["checks"])), right=True),
        Column(_("Skipped because"), field("skipped"), wide=True),
    ]
    app.emit(Table(columns, rows), output, to_json(planned) if output == "json" else None)
