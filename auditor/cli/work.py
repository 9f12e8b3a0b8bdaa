"""What officers do with findings: acknowledge, start, claim, assign, plan, comment, attach; ``verify`` and ``retire``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from auditor.cli.asking import agreed
from auditor.cli.base import App, Command, Day, Exit, option, pass_app
from auditor.cli.findings import filter_of, finding_columns, finding_rows, findings, with_filters, zone_of
from auditor.cli.progress import progress_display
from auditor.errors import UsageError
from auditor.model import Catalogue, EventKind, Finding, FindingState
from auditor.reporting.tabular import Table
from auditor.text import N_, _, ngettext
from auditor.text import day as shown_day
from auditor.text.labels import label
from auditor.workflow.remediation import (
    Chosen,
    Proposal,
    Step,
    assigning,
    attaching,
    carry_out,
    commenting,
    moving,
    planning,
    propose,
    retire_asset,
    retire_check,
)
from auditor.workflow.verification import verify_findings
from auditor.workflow.workspace import open_workspace


def _chosen(function: Any) -> Any:
    """``FINDING…``, the filters, and ``--yes``."""
    function = click.argument("names", nargs=-1, metavar="[FINDING]...")(function)
    function = with_filters(function)
    return option("--yes", is_flag=True, help=N_("Do it without asking, also for findings chosen by filter."))(function)


def _run(
    app: App,
    make: Callable[[Catalogue], Step],
    names: tuple[str, ...],
    yes: bool,
    filters: dict[str, Any],
    remark: Callable[[Catalogue, Finding], str] = lambda _catalogue, _finding: "",
) -> int:
    """Do it; ``remark`` is what is to be said of a finding besides."""
    catalogue = open_workspace(app.root)
    step = make(catalogue)
    chosen = Chosen(names, filter_of(filters))
    if chosen.by_filter and not yes:
        proposals = propose(catalogue, app.actor, step, chosen)
        _preview(app, catalogue, proposals)
        possible = sum(p.event is not None for p in proposals)
        if not possible:
            return Exit.USAGE
        if not sys.stdin.isatty():
            raise UsageError(_("findings were chosen by filter, and nobody can be asked here: look at them, then add --yes"))
        question = ngettext("Do this with {n} finding?", "Do this with {n} findings?", possible).format(n=possible)
        if not agreed(app, question):
            app.say(_("Nothing was changed."))
            return Exit.OK
    proposals = carry_out(catalogue, app.actor, step, chosen)
    _tell(app, proposals)
    for told in filter(None, (remark(catalogue, p.finding) for p in proposals if p.event is not None)):
        app.say(told, "yellow")
    return Exit.OK if any(p.event is not None for p in proposals) else Exit.USAGE


def _preview(app: App, catalogue: Catalogue, proposals: Sequence[Proposal]) -> None:
    able = [p.finding for p in proposals if p.event is not None]
    if able:
        app.emit(Table(finding_columns(catalogue), finding_rows(catalogue, able)), "table")
    for proposal in proposals:
        if proposal.event is None:
            _refuse(app, proposal)


def _refuse(app: App, proposal: Proposal) -> None:
    told = _("Not possible for {finding}: {reason}")
    app.say(told.format(finding=proposal.finding.id, reason=proposal.why_not), "yellow")


def _tell(app: App, proposals: Sequence[Proposal]) -> None:
    for proposal in proposals:
        if proposal.event is None:
            _refuse(app, proposal)
        else:
            app.say(f"{proposal.finding.id}: {label(proposal.event.kind)}", "green")


def _mover(name: str, kind: EventKind, help_text: str) -> None:
    @findings.command(name, help=help_text)
    @_chosen
    @option("--note", default="", metavar="TEXT", help=N_("Why, or what was done; kept in the finding's history."))
    @pass_app
    def command(app: App, /, names: tuple[str, ...], yes: bool, note: str, **filters: Any) -> int:
        return _run(app, lambda _catalogue: moving(kind, note), names, yes, filters)


_mover("acknowledge", EventKind.FINDING_ACKNOWLEDGED, N_("Say that you have seen findings and answer for them."))
_mover("start", EventKind.FINDING_STARTED, N_("Say that work on findings has begun."))
_mover("claim", EventKind.FINDING_CLAIMED, N_("Claim that findings are fixed; only a later scan closes them."))


@findings.command("assign", help=N_("Give findings to an officer of their department."))
@_chosen
@option("--to", "user", required=True, metavar="USER", help=N_("The officer's user name, as in auditor.toml."))
@pass_app
def assign(app: App, /, names: tuple[str, ...], yes: bool, user: str, **filters: Any) -> int:
    """Assign."""
    return _run(app, lambda catalogue: assigning(catalogue, user), names, yes, filters)


@findings.command("plan", help=N_("Say what will be done about findings, and by which day."))
@_chosen
@option("--date", "day", required=True, type=Day(), metavar="YYYY-MM-DD", help=N_("The day by which it will be done."))
@option("--steps", required=True, metavar="TEXT", help=N_("What will be done."))
@pass_app
def plan(app: App, /, names: tuple[str, ...], yes: bool, day: datetime, steps: str, **filters: Any) -> int:
    """Plan."""

    def late(catalogue: Catalogue, finding: Finding) -> str:
        due = finding.due and finding.due.astimezone(ZoneInfo(zone_of(catalogue, finding))).date()
        if due is None or day.date() <= due:
            return ""
        told = _("{finding} is due on {due}, before the day of this plan: it will be overdue until it is fixed.")
        return told.format(finding=finding.id, due=shown_day(due))

    return _run(app, lambda catalogue: planning(catalogue, day.date(), steps), names, yes, filters, late)


@findings.command("comment", help=N_("Say something about findings."))
@_chosen
@option("--text", required=True, metavar="TEXT", help=N_("What to say."))
@pass_app
def comment(app: App, /, names: tuple[str, ...], yes: bool, text: str, **filters: Any) -> int:
    """Comment."""
    return _run(app, lambda _catalogue: commenting(text), names, yes, filters)


@findings.command("attach", help=N_("Attach a file to findings; the ledger keeps it."))
@_chosen
@option(
    "--file",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=N_("PDF, picture, text or office document without macros, of 10 MB at most."),
)
@pass_app
def attach(app: App, /, names: tuple[str, ...], yes: bool, path: Path, **filters: Any) -> int:
    """Attach."""
    return _run(app, lambda _catalogue: attaching(path), names, yes, filters)


@click.command(cls=Command, help=N_("Rescan just what proves findings, now, and say which are closed, or why not."))
@click.argument("names", nargs=-1, required=True, metavar="FINDING...")
@pass_app
def verify(app: App, names: tuple[str, ...]) -> int:
    """Verify; exit 1 when any finding stays open."""
    catalogue = open_workspace(app.root)
    with progress_display(app, quiet=False) as watcher:
        verified = verify_findings(catalogue, names, actor=app.actor, watcher=watcher)
    for one in verified:
        if one.finding.state is FindingState.CLOSED and one.finding.resolution is not None:
            told = _("{finding} is closed: {resolution}")
            app.say(told.format(finding=one.finding.id, resolution=label(one.finding.resolution)), "green")
        else:
            app.say(_("{finding} stays open: {reason}").format(finding=one.finding.id, reason=one.why_not), "yellow")
    return Exit.FINDINGS if any(one.why_not for one in verified) else Exit.OK


@click.command(
    cls=Command,
    help=N_("Close the findings of an asset out of service, an unlisted address, or a check out of the policy."),
)
@click.argument("asset", metavar="[ASSET]", required=False)
@option("--check", metavar="CHECK", help=N_("A check that the policy no longer runs, in the place of an asset."))
@option("--reason", required=True, metavar="TEXT", help=N_("Why; of an asset also when it was taken out of service."))
@pass_app
def retire(app: App, asset: str | None, check: str | None, reason: str) -> None:
    """Retire."""
    if (asset is None) == (check is None):
        raise UsageError(_("name either an asset or, with --check, a check"))
    catalogue = open_workspace(app.root)
    if asset is not None:
        closed = len(retire_asset(catalogue, app.actor, asset, reason))
        told = ngettext("{n} finding of {asset} is closed.", "{n} findings of {asset} are closed.", closed)
    else:
        closed = len(retire_check(catalogue, app.actor, str(check), reason))
        told = ngettext("{n} finding of the check {check} is closed.", "{n} findings of the check {check} are closed.", closed)
    app.say(told.format(n=closed, asset=asset, check=check))
