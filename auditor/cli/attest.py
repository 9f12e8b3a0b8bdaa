"""``auditor attest``: the questions that only people can answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from auditor.cli.base import App, Exit, Group, option, output_option, pass_app
from auditor.model import Answer, AnswerState
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.reporting.terminal import Terminal
from auditor.text import N_, _, current, ngettext, pgettext
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.workflow.attestations import accept_answer, asked_of, import_answers, return_answer, write_questions
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.queries import save_kept
from auditor.workflow.workspace import open_workspace

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group, help=N_("The attestations: what departments answer where no machine can decide."))
def attest() -> None:
    """Group."""


@attest.command("template", help=N_("Write the form that a department fills in, as XLSX or YAML."))
@click.argument("target", metavar="FILE", type=FILE)
@option("--department", required=True, metavar="DEPARTMENT", help=N_("Whose form it is."))
@pass_app
def template(app: App, target: Path, department: str) -> None:
    """Write the form in the reader's language."""
    n = write_questions(open_workspace(app.root), department, target, current())
    told = ngettext("{n} question is in {file}.", "{n} questions are in {file}.", n)
    app.say(told.format(n=n, file=target))


@attest.command("import", help=N_("Read a filled form; what is wrong is named by its cell, and then nothing is kept."))
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_app
def import_(app: App, source: Path) -> int:
    """Import; exit 2 when any row could not be read."""
    kept, mistakes = import_answers(open_workspace(app.root), app.actor, source)
    aside = Terminal(sys.stderr, bidi=app.bidi)
    for mistake in mistakes:
        aside.point(str(mistake))
    if mistakes:
        app.say(_("Nothing was written: mend these places and import again."), "red")
        return Exit.USAGE
    told = ngettext("{n} answer is kept.", "{n} answers are kept.", len(kept))
    app.say(told.format(n=len(kept)), "green")
    return Exit.OK


@attest.command("list", help=N_("List what a department is asked, and how each answer stands."))
@option("--department", required=True, metavar="DEPARTMENT", help=N_("Whose answers."))
@output_option
@pass_app
def attest_list(app: App, department: str, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    rows: list[dict[str, Any]] = [
        {"control": a.control.id, "title": to_json(a.control.title), "answer": to_json(a.answer)}
        for a in asked_of(catalogue, department)
    ]
    columns = [
        Column(_("Control"), field("control"), whole=True),
        Column(_("Title"), lambda r: r["title"][current()], wide=True),
        Column(_("Answer"), lambda r: _answered(r["answer"])),
        Column(_("State"), lambda r: label(AnswerState(r["answer"]["state"])) if r["answer"] else _("not answered"), whole=True),
        Column(_("Review"), lambda r: r["answer"]["review"] if r["answer"] else "", whole=True),
        Column(pgettext("files", "Evidence"), lambda r: _files(r["answer"])),
    ]
    app.emit(Table(columns, rows), output)


def _files(answer: dict[str, Any] | None) -> str:
    return safe(", ".join(e["name"] for e in answer["evidence"])) if answer else ""


def _answered(answer: dict[str, Any] | None) -> str:
    return label(Answer(answer["answer"])) if answer else ""


@attest.command("files", help=N_("Save the evidence of a department's answer into a folder."))
@click.argument("department", metavar="DEPARTMENT")
@click.argument("control", metavar="CONTROL")
@option(
    "--save",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=N_("Where to save them."),
)
@pass_app
def attest_files(app: App, department: str, control: str, folder: Path) -> None:
    """Save."""
    catalogue = open_workspace(app.root)
    given = next((a.answer for a in asked_of(catalogue, department) if a.control.id == control and a.answer), None)
    for held in given.evidence if given else ():
        app.say(str(save_kept(catalogue, held.name, held.sha256, folder)))
    if not given or not given.evidence:
        app.say(_("Nothing to show."))


@attest.command("accept", help=N_("Accept a department's answer; from then on it counts."))
@click.argument("department", metavar="DEPARTMENT")
@click.argument("control", metavar="CONTROL")
@pass_app
def accept(app: App, department: str, control: str) -> None:
    """Accept."""
    held = accept_answer(open_workspace(app.root), app.actor, department, control)
    app.say(_("The answer of {department} to {control} is {state}.").format(**_told(held)))


@attest.command("return", help=N_("Return a department's answer, with a reason."))
@click.argument("department", metavar="DEPARTMENT")
@click.argument("control", metavar="CONTROL")
@option("--reason", required=True, metavar="TEXT", help=N_("Why; the department reads it."))
@pass_app
def return_(app: App, department: str, control: str, reason: str) -> None:
    """Return."""
    held = return_answer(open_workspace(app.root), app.actor, department, control, reason)
    app.say(_("The answer of {department} to {control} is {state}.").format(**_told(held)))


def _told(held: Any) -> dict[str, str]:
    return {"department": held.department, "control": held.control, "state": label(held.state)}
