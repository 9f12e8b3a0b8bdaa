"""``auditor inventory``: from the lists that a department already has."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auditor.cli.base import App, Exit, Group, option, pass_app
from auditor.errors import UsageError
from auditor.loading.importing import write_template
from auditor.model import Language, Text
from auditor.reporting.terminal import Terminal
from auditor.text import N_, _, current, ngettext, number
from auditor.text.bidi import isolate, safe
from auditor.workflow.belonging import refuse_run
from auditor.workflow.importing import ImportOutcome, import_inventory
from auditor.workflow.workspace import open_workspace

_FORMATS = ("csv", "xlsx", "ansible", "nmap")
_SHOWN = 20  # names of hosts


@click.group(cls=Group, help=N_("The inventories: bring in a list that you already have."))
def inventory() -> None:
    """Group."""


@inventory.command("import", help=N_("Make or update a department's inventory from CSV, XLSX, Ansible or nmap XML."))
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--department", required=True, metavar="ID", help=N_("The department's id: small letters, digits and hyphens."))
@option("--title-en", default="", metavar="TITLE", help=N_("The department's name in English."))
@option("--title-ar", default="", metavar="TITLE", help=N_("The department's name in Arabic."))
@option("--from", "kind", type=click.Choice(_FORMATS), help=N_("What the file is. Default: told by its name."))
@option("--ports", is_flag=True, help=N_("nmap: declare the ports found open as meant to be open. Look them over first."))
@option("--public", is_flag=True, help=N_("Public addresses are meant; without it they are refused."))
@pass_app
def inventory_import(
    app: App, source: Path, department: str, title_en: str, title_ar: str, kind: str | None, ports: bool, public: bool
) -> int:
    """Import; exit 2 when any row could not be read, and then nothing is written."""
    catalogue = open_workspace(app.root)
    refuse_run(catalogue.settings, app.actor)
    result = import_inventory(catalogue, source, department, Text(title_en, title_ar), kind=kind, ports=ports, public=public)
    aside = Terminal(sys.stderr, bidi=app.bidi)
    for told in (*result.notes, *result.mistakes):
        aside.point(str(told))
    if result.mistakes:
        app.say(_("Nothing was written: mend these places and import again."), "red")
        return Exit.USAGE
    _tell(app, result)
    return Exit.OK


def _tell(app: App, result: ImportOutcome) -> None:
    """What the file holds now, what the list changed in it, and what of it the list does not speak of."""
    n = result.hosts + len(result.others)
    told = ngettext("{n} host is in {file}.", "{n} hosts are in {file}.", n)
    app.say(told.format(n=number(n), file=isolate(str(result.path))), "green")
    same = result.hosts - result.new - result.changed
    counts = _("Of the list, new: {new}; changed: {changed}; unchanged: {same}.")
    app.say(counts.format(new=number(result.new), changed=number(result.changed), same=number(same)))
    if result.others:
        shown = isolate(", ".join(map(safe, result.others[:_SHOWN])))
        message = _(
            "In the file and not in the list, left as they were: {n}: {names}. Take out of the file what is out of service, then "
            "see: auditor retire --help"
        )
        names = shown if len(result.others) <= _SHOWN else f"{shown}, …"
        app.say(message.format(n=number(len(result.others)), names=names), "yellow")


@inventory.command("template", help=N_("Write an empty list to fill in, as CSV or XLSX."))
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@pass_app
def inventory_template(app: App, target: Path) -> None:
    """Write the template in the reader's language."""
    language: Language = current()
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("csv", "xlsx"):
        raise UsageError(_("{path}: a list is written as .csv or .xlsx; name it so").format(path=target))
    write_template(target, kind, language)
    app.say(_("The template was written to {file}.").format(file=target))
