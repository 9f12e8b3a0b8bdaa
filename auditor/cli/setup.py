"""``auditor init`` and ``auditor validate``: a new workspace, and whether one's files are right."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.base import App, Command, Exit, option, pass_app
from auditor.loading import load_workspace, stock_root
from auditor.model.codec import to_json
from auditor.reporting.tabular import as_json
from auditor.text import N_, _, current, ngettext
from auditor.workflow.setup import init_workspace
from auditor.workflow.workspace import workspace_root


@click.command(cls=Command, help=N_("Lay out a new workspace, with the stock policies and checks in it."))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@pass_app
def init(app: App, folder: Path) -> None:
    """Lay out a workspace and say what to do next."""
    written = init_workspace(folder, stock=stock_root(), language=current())
    app.say(
        ngettext("{n} file was written to {folder}.", "{n} files were written to {folder}.", len(written)).format(
            n=len(written), folder=folder
        )
    )
    app.say(_("Next: list your hosts in inventories/, then run auditor validate and auditor audit in that folder."))


@click.command(cls=Command, help=N_("Check every file of the workspace and name each mistake with file, line and column."))
@option(
    "--format", "output", type=click.Choice(["table", "json"]), default="table", help=N_("Lines for people, JSON for editors.")
)
@pass_app
def validate(app: App, output: str) -> int:
    """Validate; exit 2 when anything is wrong."""
    loaded = load_workspace(workspace_root(app.root), thorough=True)
    if output == "json":
        click.echo(as_json(to_json((*loaded.mistakes, *loaded.notes))), nl=False)
        return Exit.USAGE if loaded.mistakes else Exit.OK
    for told in (*loaded.mistakes, *loaded.notes):
        app.terminal.point(str(told))
    if loaded.mistakes:
        n = len(loaded.mistakes)
        app.say(ngettext("There is {n} mistake.", "There are {n} mistakes.", n).format(n=n), "red")
    elif loaded.catalogue is not None:
        app.say(
            _("All files are right. Controls: {controls}, checks: {checks}, departments: {departments}.").format(
                controls=len(loaded.catalogue.framework.controls),
                checks=len(loaded.catalogue.checks),
                departments=len(loaded.catalogue.inventory.departments),
            ),
            "green",
        )
    return Exit.USAGE if loaded.mistakes else Exit.OK
