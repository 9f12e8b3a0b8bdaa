"""``auditor report``: what the committee sends and officers work from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from auditor.cli.base import App, Command, Exit, Group, option, pass_app
from auditor.errors import UsageError
from auditor.model import Grouping, ReportFormat, ReportKind, ReportOptions, Tongue
from auditor.text import N_, _, current, instant, ngettext, number
from auditor.text.bidi import isolate
from auditor.workflow.belonging import lent_folder
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.workspace import open_workspace

_HELP = {
    ReportKind.SUMMARY: N_("One page for ministers: the index, what it rests on, what presses, the worst gaps."),
    ReportKind.SCORECARD: N_("Each department's controls, who decided them, whether deadlines are kept, and the trend."),
    ReportKind.FINDINGS: N_("What officers work from: each finding with why, what was seen, the remedy and the due date."),
    ReportKind.PLAN: N_("The corrective-action plan, in the columns that regulators ask for."),
    ReportKind.CIRCULAR: N_("Circulars as they are sent out, with the departments addressed."),
    ReportKind.SOA: N_("Statements of applicability."),
    ReportKind.ANNEX: N_("What the figures rest on: scope, coverage, what was not reached, exceptions, hashes."),
    ReportKind.DELTA: N_("What changed between two audits or days: new, fixed, reopened, still there, not looked at."),
    ReportKind.LEAGUE: N_("Departments side by side, with a heat map of the themes."),
}
_BINARY = frozenset({ReportFormat.PDF, ReportFormat.XLSX})


_LANGUAGE = option(
    "--language",
    type=click.Choice([t.value for t in Tongue]),
    default=None,
    help=N_("Arabic, English, or both side by side. Default: the language of what is shown."),
)
_RUN = option("--run", default="", metavar="RUN", help=N_("As it stood at the end of this run. Default: as it stands now."))
_CAMPAIGN = option(
    "--campaign", default="", metavar="CAMPAIGN", help=N_("Only a campaign's departments; of a closed one, as it was frozen.")
)
_TEMPLATE = option(
    "--template",
    "templates",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=N_("Templates of your own, which take the place of ours."),
)


@click.group(cls=Group, help=N_("The reports: for ministers, for the committee, for officers."))
def report() -> None:
    """Group."""


def _own_options(kind: ReportKind) -> list[Callable[[Any], Any]]:
    """What only this kind can be asked."""
    if kind is ReportKind.CIRCULAR:
        return [option("--circular", default="", metavar="CIRCULAR", help=N_("Only this circular."))]
    if kind is ReportKind.DELTA:
        return [
            option("--since", default="", metavar="RUN|DAY", help=N_("The earlier run or day. Default: the run before.")),
            option("--until", default="", metavar="RUN|DAY", help=N_("The later run or day. Default: the newest run.")),
        ]
    if kind is ReportKind.FINDINGS:
        grouping = click.Choice([g.value for g in Grouping])
        return [option("--by", "grouping", type=grouping, default="fix", help=N_("Put findings together by remedy or by host."))]
    return []


def _with(command: Any, *options: Callable[[Any], Any]) -> Any:
    """A command with options, shown in this order."""
    for decorate in reversed(options):
        command = decorate(command)
    return command


def _lent(templates: Path | None) -> Path | None:
    """The folder as whoever calls us may read it, until the command ends."""
    return click.get_current_context().with_resource(lent_folder(templates))


def _command(kind: ReportKind) -> None:
    from auditor.workflow.reports import FORMATS

    def make(app: App, /, output: str, file: Path | None, language: str | None, templates: Path | None, **chosen: Any) -> int:
        from auditor.workflow.reports import make_report
        from auditor.workflow.writing import refuse_no_folder, refuse_own, write_file

        wanted = ReportFormat(output)
        tongue = Tongue(language or current())
        grouping = Grouping(chosen.pop("grouping", "fix"))
        catalogue = open_workspace(app.root)
        settle_if_due(catalogue)
        options = ReportOptions(kind=kind, tongue=tongue, grouping=grouping, **chosen)
        if wanted is ReportFormat.TERMINAL and file is not None:
            raise UsageError(_("say how the file is to be written: --format html, pdf, xlsx, csv or json"))
        if wanted in _BINARY and file is None and sys.stdout.isatty():
            raise UsageError(_("name the file to write: --output FILE"))
        if file is not None:
            refuse_own(catalogue.settings, file)
            refuse_no_folder(file)
        made = make_report(catalogue, options, wanted, templates=_lent(templates))
        app.warn_set_aside(d for d, _mistakes in catalogue.inventory.set_aside)
        if wanted is ReportFormat.TERMINAL:
            from auditor.reporting.plain import show

            show(app.terminal, made.document, made.stamp, current())
        elif file is None:
            sys.stdout.buffer.write(made.content)
        else:
            write_file(file, made.content)
            app.say(_("Written: {path}").format(path=isolate(str(file))))
        return Exit.OK

    formats = click.Choice([f.value for f in FORMATS[kind]])
    path = click.Path(path_type=Path, dir_okay=False)
    named = N_("Only this department. May be repeated.")
    command = _with(
        pass_app(make),
        option("--format", "output", type=formats, default="terminal", help=N_("How it is written.")),
        option("--output", "file", type=path, metavar="FILE", help=N_("The file to write.")),
        _LANGUAGE,
        option("--department", "departments", multiple=True, metavar="DEPARTMENT", help=named),
        _RUN,
        _CAMPAIGN,
        *_own_options(kind),
        _TEMPLATE,
    )
    report.command(kind.value, cls=Command, help=_HELP[kind])(command)


for _kind in ReportKind:
    _command(_kind)


@report.command("all", help=N_("Everything in one folder or zip, a folder in it for each department."))
@option(
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.zip",
    help=N_("A new folder, or a file that ends with .zip."),
)
@_LANGUAGE
@_RUN
@_CAMPAIGN
@_TEMPLATE
@pass_app
def report_all(app: App, target: Path, language: str | None, campaign: str, run: str, templates: Path | None) -> None:
    """All."""
    from auditor.workflow.bundles import make_bundle

    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    app.warn_set_aside(d for d, _mistakes in catalogue.inventory.set_aside)
    tongue = Tongue(language or current())
    made = make_bundle(catalogue, target, tongue=tongue, campaign=campaign, run=run, templates=_lent(templates), written=app.say)
    told = ngettext("{n} report is in {path}.", "{n} reports are in {path}.", len(made.files))
    app.say(told.format(n=number(len(made.files)), path=isolate(str(target))), "bold")


@report.command("schema", help=N_("Print the JSON Schema that reports in JSON follow."))
def report_schema() -> None:
    """Schema."""
    from auditor.reporting.plain import schema
    from auditor.reporting.tabular import as_json

    sys.stdout.write(as_json(schema()))


@report.command("verify", help=N_("Say whether a report matches the ledger: it is made again and every byte compared."))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@option(
    "--template",
    "templates",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=N_("The templates it was made with."),
)
@pass_app
def report_verify(app: App, file: Path, templates: Path | None) -> int:
    """Verify."""
    from auditor.workflow.reports import verify_report

    found = verify_report(open_workspace(app.root), file, _lent(templates))
    if found.ok:
        told = _("{path} matches the ledger: audit {run}, entry {seq} of the journal, as of {instant}.")
        app.say(
            told.format(path=isolate(str(file)), run=found.stamp.run, seq=found.stamp.seq, instant=instant(found.stamp.as_of)),
            "green",
        )
        return Exit.OK
    app.say(_("{path} does not match: {problem}").format(path=isolate(str(file)), problem=found.problem), "bold red")
    return Exit.INTERNAL
