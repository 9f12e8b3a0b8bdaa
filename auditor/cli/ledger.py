"""``auditor ledger``: whether the record can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from auditor.cli.base import App, Exit, Group, option, pass_app, telling_option
from auditor.errors import UsageError
from auditor.model.codec import to_json
from auditor.reporting.tabular import Table, as_json
from auditor.text import N_, _
from auditor.text.bidi import isolate
from auditor.text.reasons import reason_of
from auditor.workflow.copies import make_copy, put_back
from auditor.workflow.queries import seal_ledger, verify_ledger
from auditor.workflow.workspace import open_workspace
from auditor.workflow.writing import refuse_own

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group, help=N_("The ledger: the record of runs, findings and events."))
def ledger() -> None:
    """Group."""


@ledger.command("verify", help=N_("Check that nobody has changed the record behind the auditor's back."))
@option("--seal", type=FILE, metavar="FILE", help=N_("Hold it against this seal too, which was kept elsewhere."))
@telling_option
@pass_app
def ledger_verify(app: App, seal: Path | None, output: str) -> int:
    """Verify; exit 4 when the record contradicts itself."""
    report = verify_ledger(open_workspace(app.root), seal)
    if output == "json":
        app.emit(Table([], []), "json", to_json(report))
    elif report.ok:
        app.say(_("The ledger is whole. Head of the journal: {head}").format(head=report.head), "green")
    else:
        app.say(_("The ledger contradicts itself: {problem}").format(problem=report.problem), "bold red")
    return Exit.OK if report.ok else Exit.INTERNAL


@ledger.command("seal", help=N_("Sign the head of the journal, so that nobody can write the record anew unseen."))
@option("--key", required=True, type=FILE, metavar="FILE", help=N_("The private key (Ed25519, PEM); keep it off this machine."))
@option("--new-key", is_flag=True, help=N_("Make the key first."))
@option("--output", required=True, type=FILE, metavar="FILE", help=N_("Where to write the seal; keep it elsewhere too."))
@pass_app
def ledger_seal(app: App, key: Path, new_key: bool, output: Path) -> None:
    """Seal."""
    catalogue = open_workspace(app.root)
    for path in (key, output) if new_key else (output,):
        refuse_own(catalogue.settings, path)
    with _fresh(output) as file:
        made = seal_ledger(catalogue, app.actor, key, new=new_key)
        file.write(as_json(to_json(made)))
    app.say(_("The journal is sealed up to entry {number}.").format(number=made.seq))
    app.say(_("For the minutes: {short}").format(short=made.short), "bold")
    app.say(_("Public key, for seal_key under [ledger] in auditor.toml: {key}").format(key=made.key))


@ledger.command("copy", help=N_("Write a whole copy of the ledger, also while an audit is under way."))
@click.argument("file", type=FILE, metavar="FILE")
@pass_app
def ledger_copy(app: App, file: Path) -> None:
    """Copy."""
    make_copy(open_workspace(app.root), app.actor, file)
    app.say(_("Written: {path}").format(path=isolate(str(file))))


@ledger.command("restore", help=N_("Put a copy in the ledger's place, if it is whole; what was there is kept beside it."))
@click.argument("file", type=FILE, metavar="FILE")
@pass_app
def ledger_restore(app: App, file: Path) -> None:
    """Restore."""
    before = put_back(open_workspace(app.root), app.actor, file)
    app.say(_("The ledger is now as {path} has it.").format(path=isolate(str(file))), "green")
    if before is not None:
        app.say(_("What was in its place is kept: {path}").format(path=isolate(str(before))))


@contextmanager
def _fresh(path: Path) -> Iterator[TextIO]:
    """A new file, opened before anything is made that is to go into it, and gone again where nothing does. Raises UsageError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                yield file
            except BaseException:
                path.unlink()
                raise
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error
