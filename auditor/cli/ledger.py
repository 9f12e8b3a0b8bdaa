"""``auditor ledger``: whether the record can be trusted."""

from __future__ import annotations

import click

from auditor.cli.base import App, Exit, Group, output_option, pass_app
from auditor.model.codec import to_json
from auditor.reporting.tabular import Table
from auditor.text import N_, _
from auditor.workflow.queries import verify_ledger
from auditor.workflow.workspace import open_workspace


@click.group(cls=Group, help=N_("The ledger: the record of runs, findings and events."))
def ledger() -> None:
    """Group."""


@ledger.command("verify", help=N_("Check that nobody has changed the record behind the auditor's back."))
@output_option
@pass_app
def ledger_verify(app: App, output: str) -> int:
    """Verify; exit 4 when the record contradicts itself."""
    report = verify_ledger(open_workspace(app.root))
    if output != "table":
        app.emit(Table([], []), "json", to_json(report))
    elif report.ok:
        app.say(_("The ledger is whole. Head of the journal: {head}").format(head=report.head), "green")
    else:
        app.say(_("The ledger contradicts itself: {problem}").format(problem=report.problem), "bold red")
    return Exit.OK if report.ok else Exit.INTERNAL
