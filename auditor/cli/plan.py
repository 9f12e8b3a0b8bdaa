"""``auditor plan``: what would run where, without touching a host."""

from __future__ import annotations

import sys

import click

from auditor.cli.base import App, Command, narrowing_options, option, output_option, pass_app
from auditor.errors import UsageError
from auditor.model import AssetKind, AssetPlan, Plan
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _, number
from auditor.text.bidi import isolate, safe
from auditor.text.labels import label
from auditor.workflow.costs import ProbeCost, probe_costs
from auditor.workflow.inspection import plan_now, script_of, sudoers_of, without_login
from auditor.workflow.workspace import open_workspace

_SHOWN = 20  # names of hosts


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
        _print_sudoers(app, planned)
        return
    if cost:
        _show_costs(app, probe_costs(catalogue, planned), output)
        return
    own = [AssetPlan(d.asset, (), d.checks) for d in planned.departments if d.checks]  # what is judged of a department as a whole
    assets = {a.asset.uid: a for a in (*(a for d in planned.departments for a in d.assets), *own)}
    rows = [
        {
            "department": a.asset.department,
            "asset": uid,
            "kind": a.asset.kind.value,
            "address": a.asset.address,
            "connection": "" if a.asset.kind is AssetKind.DEPARTMENT else a.asset.connection.method,
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


def _print_sudoers(app: App, planned: Plan) -> None:
    """The lines, and on standard error for which hosts there are none. An empty file would be taken for the whole of it."""
    lines, unnamed = sudoers_of(planned), without_login(planned)
    if unnamed:
        told = _("the inventory names no user who logs in to: {hosts}; add user: to them, or to the defaults of the department")
        named = ", ".join([*map(safe, unnamed[:_SHOWN]), *(["…"] if len(unnamed) > _SHOWN else [])])
        if not lines:
            raise UsageError(told.format(hosts=isolate(named)))
        app.warn(told.format(hosts=isolate(named)))
    elif not lines:
        if not any(a.asset.kind is AssetKind.HOST for d in planned.departments for a in d.assets):
            raise UsageError(_("this plan has no host to log in to: networks are looked at from outside, without sudo"))
        app.warn(_("Sudo need permit nothing: whoever logs in is root, or nothing that is read needs root."))
    sys.stdout.write(lines)


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
