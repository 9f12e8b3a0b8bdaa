"""``auditor lab``: the demonstration fleet."""

from __future__ import annotations

from pathlib import Path

import click

from auditor import lab as fleet
from auditor.cli.base import App, Group, option, output_option, pass_app
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _
from auditor.text.bidi import isolate
from auditor.workflow.inspection import plan_now, sudoers_of
from auditor.workflow.workspace import open_workspace

_STATE = Path("demo")


@click.group(cls=Group, help=N_("The lab: real hosts in namespaces of this machine, to try the auditor on."))
def lab() -> None:
    """Group."""


def _folder(function: click.decorators.FC) -> click.decorators.FC:
    return option(
        "--workspace-dir",
        "folder",
        type=click.Path(path_type=Path),
        default=_STATE,
        show_default=True,
        help=N_("The lab's own workspace."),
    )(function)


@lab.command("up", help=N_("Start the lab and write a workspace that audits it. Needs root."))
@_folder
@pass_app
def lab_up_command(app: App, folder: Path) -> None:
    """Start."""
    started = fleet.up(folder / "lab")
    fleet.write_workspace(started, folder)
    # One host permits the auditor just what the plan says it needs; the plan needs the workspace, which needs the addresses.
    started.permit(sudoers_of(plan_now(open_workspace(folder))))
    up = sum(status.state == "up" for status in started.status())
    app.say(_("{n} hosts are up. Audit them: auditor --workspace {folder} audit").format(n=up, folder=folder))


@lab.command("down", help=N_("End the lab: processes, namespaces and addresses. The workspace and its ledger stay."))
@_folder
@pass_app
def lab_down(app: App, folder: Path) -> None:
    """End."""
    if fleet.down(folder / "lab"):
        app.say(_("The lab is down."))
    else:
        _say_none(app, folder)


def _say_none(app: App, folder: Path) -> None:
    told = _("There is no lab in {folder}: name the folder that it was started for, by --workspace-dir.")
    app.say(told.format(folder=isolate(str(folder.resolve()))), "yellow")


@lab.command("status", help=N_("Show the lab's hosts and what is wrong with each on purpose."))
@_folder
@output_option
@pass_app
def lab_status(app: App, folder: Path, output: str) -> None:
    """Show."""
    rows = [to_json(status) for status in fleet.status(folder / "lab")]
    if not rows and output == "table":
        _say_none(app, folder)
        return
    states = {"up": _("up"), "stopped": _("stopped"), "dead": _("dead"), "absent": _("absent on purpose")}
    columns = [
        Column(_("Department"), field("department")),
        Column(_("Asset"), field("uid")),
        Column(_("Address"), field("address"), whole=True),
        Column(_("State"), lambda r: states[r["state"]], whole=True),
        Column(_("Planted defects"), lambda r: " ".join(r["defects"]), wide=True),
    ]
    app.emit(Table(columns, rows), output)
