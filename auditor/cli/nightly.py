"""``auditor nightly``, ``schedule``, ``status`` and ``doctor``: the audit that nobody watches, and looking after it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

import click

from auditor.cli.audit import audit_exit, interruptible
from auditor.cli.base import App, Command, Exit, Group, option, output_option, pass_app, telling_option
from auditor.cli.clocks import clock_warning
from auditor.cli.logs import Told, logging_to, tell
from auditor.errors import AuditorError, LedgerError, UsageError
from auditor.loading import account_of, load_settings
from auditor.model import Catalogue, EventKind, Run, RunStatus
from auditor.model.codec import to_json
from auditor.planning import Narrowing
from auditor.reporting.tabular import Column, Table
from auditor.text import N_, NP_, _, instant, number, percent, pgettext, points
from auditor.text.bidi import isolate, safe, unmarked
from auditor.text.labels import label
from auditor.workflow import schedules
from auditor.workflow.belonging import refuse_run
from auditor.workflow.digests import due_letters, put_out
from auditor.workflow.doctor import Health, examine
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.nightly import nightly as run_nightly
from auditor.workflow.outbox import Sent, count, send_all
from auditor.workflow.policies import idle_overlays
from auditor.workflow.secrets import GIVING, variables
from auditor.workflow.status import Status
from auditor.workflow.status import status as status_of
from auditor.workflow.summary import recounted
from auditor.workflow.workspace import open_workspace, workspace_root
from auditor.workflow.writing import write_file

_HEALTH = {
    Health.WELL: (NP_("health", "well"), "green"),
    Health.WARNING: (NP_("health", "warning"), "yellow"),
    Health.BAD: (NP_("health", "bad"), "bold red"),
}
_WHY_NOT = {
    "no_run": NP_("status", "nothing has been audited yet"),
    "old": NP_("status", "there was no audit last night"),
    "to_come": NP_("status", "it begins at an instant that is still to come; look at this machine's clock"),
    "unfinished": NP_("status", "the last audit did not finish; `auditor audit --resume` goes on with it, or the next night"),
    "given_up": NP_("status", "the last audit was given up; `auditor audit` begins a new one"),
    "incomplete": NP_("status", "the last audit is incomplete"),
    "under_way": NP_("status", "an audit is under way; ask again when it has ended"),
}


@click.command(cls=Command, help=N_("The night's audit, unattended: finishes what was left, within a window; for cron."))
@option("--department", "departments", multiple=True, metavar="DEPARTMENT", help=N_("Only this department. May be repeated."))
@option(
    "--log",
    "log",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=N_("Where it tells how it goes; rotated."),
)
@pass_app
def nightly(app: App, departments: tuple[str, ...], log: Path | None) -> int:
    """Audit, and say by the exit code how it went."""
    cancelled = threading.Event()
    with logging_to(log):
        try:
            catalogue = open_workspace(app.root)
            refuse_run(catalogue.settings, app.actor)
            for department in idle_overlays(catalogue):
                tell("overlay not in force", logging.WARNING, department=department)
            with interruptible(cancelled):
                done = run_nightly(
                    catalogue, actor=app.actor, watcher=Told(), narrowing=Narrowing(departments), cancelled=cancelled
                )
        except AuditorError as error:
            tell("failed", logging.ERROR, why=safe(str(error)))
            raise
        if done.not_resumed:
            tell("not resumed", logging.WARNING, why=safe(done.not_resumed))
        if done.not_measured:
            tell("no metrics", logging.WARNING, why=safe(done.not_measured))
        for run in done.runs:  # told before the letters: servers may be slow
            tell("run ended", run=run.id, status=run.status.value, complete=bool(run.summary.get("complete")))
        letters = digest_after(catalogue, done.runs[-1]) if done.runs else None
        for problem in letters.problems if letters else ():
            tell("not sent", logging.WARNING, why=safe(problem))
        if letters:
            tell("digest", sent=letters.sent, waiting=letters.waiting, dropped=letters.dropped)
        if done.cut_short:
            tell("interrupted", logging.WARNING)
            return Exit.INTERRUPTED
    if letters and letters.fault:
        return Exit.INTERNAL
    return audit_exit(catalogue, done.runs[-1])


def digest_after(catalogue: Catalogue, run: Run) -> Sent | None:
    """Write the letters of a finished run and send what waits; None where nobody is to be told. It raises nothing.

    What waits is sent although new letters cannot be written. A fault of ours is told with its traceback, and by ``Sent.fault``:
    what cannot be written or sent fails no night, but a letter that is never written must not end as a night that went well.
    """
    notify = catalogue.settings.notify
    if not (notify.host or notify.webhook):
        return None
    problems, fault = [], False
    try:
        if run.status is RunStatus.FINISHED:
            put_out(catalogue, night=run)
    except Exception as error:
        problems.append(str(error))
        fault = _is_fault(error)
    try:
        done = send_all(catalogue)
    except Exception as error:
        done = Sent(0, _waiting(catalogue), (str(error),), fault=_is_fault(error))
    return replace(done, problems=tuple(dict.fromkeys((*problems, *done.problems))), fault=fault or done.fault)


def _is_fault(error: Exception) -> bool:
    """Whether an error is one of the auditor itself, which is then told where it was raised: nobody sits before it to see."""
    if isinstance(error, AuditorError | OSError):
        return False
    tell("internal error", logging.ERROR, kind=type(error).__name__, trace=safe("".join(format_exception(error)), lines=True))
    return True


def _waiting(catalogue: Catalogue) -> int:
    """How many letters wait; none where nobody may look, which is told already."""
    try:
        return count(catalogue)
    except LedgerError:
        return 0


@click.command(cls=Command, help=N_("The morning's letters: show who would be told what, or send what waits."))
@option("--send", "send", is_flag=True, help=N_("Send everything that waits in the outbox."))
@telling_option
@pass_app
def digest(app: App, send: bool, output: str) -> int:
    """Show or send."""
    catalogue = open_workspace(app.root)
    if send:
        refuse_run(catalogue.settings, app.actor)
        done = send_all(catalogue)
        app.say(_("Sent: {sent}; waiting: {waiting}.").format(sent=number(done.sent), waiting=number(done.waiting)))
        if done.dropped:
            told = _("Taken out, because auditor.toml no longer names their readers for what they tell: {n}.")
            app.say(told.format(n=number(done.dropped)), "yellow")
        for problem in done.problems:
            app.say(safe(problem), "yellow")
        return Exit.INCOMPLETE if done.problems else Exit.OK
    settle_if_due(catalogue)
    written = due_letters(catalogue)
    if output == "json":
        app.emit(Table([], []), "json", to_json(list(written)))
        return Exit.OK
    if not written:
        app.say(_("There is nothing new to tell, or nobody to tell it to: people in auditor.toml have no email."))
    for letter in written:
        app.say(_("To {to}: {subject}").format(to=isolate(letter.to), subject=letter.subject), "bold")
        app.say(letter.text)
    return Exit.OK


@click.group(cls=Group, help=N_("The schedule: the nightly audit in cron, or as a systemd timer."))
def schedule() -> None:
    """Group."""


@schedule.command("install", help=N_("Have the audit run every night. Done again, it takes the place of what it did before."))
@option("--at", "at", required=True, metavar="HH:MM", help=N_("When, by this machine's clock."))
@option("--department", "departments", multiple=True, metavar="DEPARTMENT", help=N_("Only this department. May be repeated."))
@option(
    "--systemd",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=N_("Write a service and a timer into this folder instead, such as /etc/systemd/system."),
)
@pass_app
def schedule_install(app: App, at: str, departments: tuple[str, ...], folder: Path | None) -> None:
    """Install."""
    catalogue = open_workspace(app.root)
    refuse_run(catalogue.settings, app.actor)
    known = {d.id for d in catalogue.inventory.departments}
    strange = next((d for d in departments if d not in known), None)
    if strange is not None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=strange))
    hour, minute = schedules.parse_time(at)
    job = schedules.Job(catalogue.settings.root.resolve(), hour, minute, departments)
    if folder is not None:
        seconds = schedules.longest(catalogue.settings.nightly)
        for name, content in schedules.systemd_units(job, account_of(catalogue.settings), seconds).items():
            write_file(folder / name, content.encode(), folders=True)
            app.say(_("Written: {path}").format(path=isolate(str(folder / name))))
        app.say(_("Now: systemctl daemon-reload && systemctl enable --now auditor-nightly.timer"))
        environment = schedules.service_environment(folder)
    else:
        app.say(schedules.install(job))
        environment = schedules.read_crontab()
    lacking = schedules.not_given(variables(catalogue), environment)
    if lacking:
        told = _("Where it runs, these variables with secrets are not set: {names}; {mend}")
        app.say(told.format(names=isolate(", ".join(lacking)), mend=_(GIVING)), "yellow")


_UNITS = option(
    "--systemd",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=N_("Look for a service and a timer in this folder too, beside those of systemd."),
)


@schedule.command("show", help=N_("Show the entry of this workspace, or its timer."))
@_UNITS
@pass_app
def schedule_show(app: App, folder: Path | None) -> None:
    """Show."""
    root = workspace_root(app.root).resolve()
    units = schedules.units_of(root, folder)
    for unit in units:
        app.say(_("{path}: every day at {time}").format(path=isolate(str(unit.timer)), time=isolate(unit.at)))
    try:
        entry = schedules.entry_of(schedules.read_crontab(), root) if schedules.has_crontab() else ""
    except UsageError:
        if not units:
            raise
        entry = ""
    if entry or not units:
        nothing = _("Nothing audits this workspace every night. Install it: {command}")
        app.say(entry or nothing.format(command=schedules.advice()))


@schedule.command("remove", help=N_("Take the entry of this workspace out."))
@_UNITS
@pass_app
def schedule_remove(app: App, folder: Path | None) -> None:
    """Remove. Of the workspace only who may is asked: an entry is taken out of one whose other files are wrong, too."""
    root = workspace_root(app.root)
    refuse_run(load_settings(root), app.actor)
    units = schedules.units_of(root.resolve(), folder)
    for unit in units:  # which only who may command systemd can end
        app.say(_("A timer audits this workspace. End it so:"))
        app.terminal.code(unit.ending)
    try:
        gone = schedules.has_crontab() and schedules.remove(root.resolve())
    except UsageError:
        if not units:
            raise
        return
    if units and not gone:
        return
    app.say(_("The entry is taken out.") if gone else _("There was no entry of this workspace."))


@click.command(cls=Command, help=N_("Whether last night was well, in five lines."))
@telling_option
@pass_app
def status(app: App, output: str) -> int:
    """Status."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    found = status_of(catalogue)
    if output == "json":
        app.emit(Table([], []), "json", {**to_json(found), "well": found.well})
    else:
        _show(app, found)
    return Exit.OK if found.well else Exit.INCOMPLETE


def _show(app: App, found: Status) -> None:
    if found.well:
        app.say(_("Last night was well."), "green")
    elif found.why_not == ("under_way",):
        app.say(_("An audit is under way; ask again when it has ended."), "yellow")
    else:
        why = _("; ").join(pgettext(*_WHY_NOT[code]) for code in found.why_not)
        # a run of an hour ago, perhaps by hand, was no night; what was last of all is, where there was none
        of_a_night = {"no_run", "old"} & set(found.why_not)
        told = _("Last night was not well: {why}.") if of_a_night else _("The newest audit was not well: {why}.")
        app.say(told.format(why=why), "bold red")
    if found.newest is not None:
        app.say(clock_warning(found.newest), "bold yellow")
    run = found.run
    if run is None:
        return
    took = number(((run.ended or run.started) - run.started).total_seconds() / 60, 1)
    told = _("Run {run}, begun {instant}, minutes: {minutes}, {status}.")
    app.say(told.format(run=run.id, instant=instant(run.started), minutes=took, status=label(run.status)))
    if run.summary:
        summary: dict[str, Any] = recounted(run.summary)
        reached, planned = summary["hosts"].get("reached", 0), summary["hosts"].get("planned", 0)
        share = summary["coverage"]["share"]
        told = _("Hosts reached: {reached} of {planned}; coverage: {coverage}; index when the audit ended: {index}.")
        coverage = percent(share) if share is not None else "—"
        index = points(summary["index"]) if summary["index"] is not None else "—"
        app.say(told.format(reached=number(reached), planned=number(planned), coverage=coverage, index=index))
    told = _("Findings opened: {opened}, reopened: {reopened}, closed: {closed}; open now: {open}, overdue: {overdue}.")
    moves = {name: number(found.moves.get(kind, 0)) for name, kind in _MOVES.items()}
    app.say(told.format(open=number(found.open), overdue=number(found.overdue), **moves))
    told = _(
        "Waiting: claims to prove {claimed}, exceptions to decide {proposed}, answers to decide {answers}; ending soon {ending}."
    )
    counts = {name: number(getattr(found, name)) for name in ("claimed", "proposed", "answers", "ending")}
    app.say(told.format(**counts))


_MOVES = {
    "opened": EventKind.FINDING_OPENED,
    "reopened": EventKind.FINDING_REOPENED,
    "closed": EventKind.FINDING_CLOSED,
}


@click.command(cls=Command, help=N_("Look whether all that an audit needs is there, and say how to mend what is not."))
@output_option
@pass_app
def doctor(app: App, output: str) -> int:
    """Examine."""
    found = list(examine(app.root))
    # a cell by itself needs no marks of direction, and programs none at all
    rows = [{name: unmarked(str(value)) for name, value in to_json(d).items()} for d in found]
    columns = [
        Column(_("Part"), lambda r: r["part"]),
        Column(
            _("State"),
            lambda r: pgettext(*_HEALTH[Health(r["health"])][0]),
            style=lambda r: _HEALTH[Health(r["health"])][1],
            whole=True,
        ),
        Column(_("Seen"), lambda r: safe(r["told"]), wide=True),
        Column(_("To mend it"), lambda r: safe(r["mend"]), wide=True, told=True),
    ]
    app.emit(Table(columns, rows), output)
    return Exit.INCOMPLETE if any(d.health is Health.BAD for d in found) else Exit.OK
