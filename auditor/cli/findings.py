"""``auditor findings``: what is wrong, where, since when, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from auditor.cli.base import App, Group, option, output_option, pass_app
from auditor.cli.pairs import Code, show_pairs
from auditor.lifecycle import LIVE, WORKED, has_passed, is_overdue, legal
from auditor.model import Catalogue, EventKind, Finding, FindingState, Severity
from auditor.model.codec import to_json
from auditor.planning import run_by_policy
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, current, day, instant, values
from auditor.text.bidi import safe
from auditor.text.commands import pasteable
from auditor.text.labels import label
from auditor.text.sentences import retell
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.missing import unseen_since
from auditor.workflow.queries import FindingFilter, attached_files, finding_history, list_findings, one_finding, save_kept
from auditor.workflow.workspace import open_workspace

STYLES = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: ""}
_MOVES = {
    EventKind.FINDING_ACKNOWLEDGED: "acknowledge {id}",
    EventKind.FINDING_STARTED: "start {id}",
    EventKind.FINDING_CLAIMED: "claim {id} --note TEXT",
    EventKind.FINDING_ASSIGNED: "assign {id} --to USER",
    EventKind.FINDING_PLANNED: "plan {id} --date YYYY-MM-DD --steps TEXT",
}
_STATES = {"to_mend": tuple(s for s in FindingState if s in WORKED), "all": tuple(FindingState)}
"""Names of several states at once."""


@click.group(cls=Group, help=N_("The findings: what is wrong, where and since when."))
def findings() -> None:
    """Group."""


def filter_of(options: Mapping[str, Any]) -> FindingFilter:
    """The filter that the options of ``with_filters`` say."""
    states = options["states"]
    return FindingFilter(
        departments=options["departments"],
        assets=options["assets"],
        checks=options["checks"],
        controls=options["controls"],
        severities=tuple(Severity(s) for s in options["severities"]),
        states=tuple(dict.fromkeys(state for name in states for state in _STATES.get(name) or (FindingState(name),))),
        assignee=options["assignee"],
        overdue=options["overdue"],
        due_soon=options["due_soon"],
    )


def with_filters(function: Any) -> Any:
    """The options that choose findings."""
    function = option("--overdue", is_flag=True, help=N_("Only findings whose time has run out."))(function)
    function = option("--due-soon", is_flag=True, help=N_("Only findings whose time runs out soon."))(function)
    function = option("--assignee", default="", metavar="USER", help=N_("Only findings given to this person."))(function)
    for name, text in (
        ("control", N_("Only findings of this control. May be repeated.")),
        ("check", N_("Only findings of this check. May be repeated.")),
        ("asset", N_("Only findings on this asset, by uid. May be repeated.")),
        ("department", N_("Only findings of this department. May be repeated.")),
    ):
        function = option(f"--{name}", f"{name}s", multiple=True, metavar=name.upper(), help=text)(function)
    severities = click.Choice([s.value for s in Severity])
    states = click.Choice([*(s.value for s in FindingState), *_STATES])
    function = option("--severity", "severities", multiple=True, type=severities, help=N_("Only of this severity."))(function)
    return option(
        "--state",
        "states",
        multiple=True,
        type=states,
        help=N_("Only in this state; `to_mend`: all in which somebody has work to do. Default: all that are not closed."),
    )(function)


@findings.command("list", help=N_("List findings, the worst first."))
@with_filters
@output_option
@pass_app
def findings_list(
    app: App,
    /,
    output: str,
    **filters: Any,
) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    found = list_findings(catalogue, filter_of(filters))
    app.emit(Table(finding_columns(catalogue), finding_rows(catalogue, found)), output)


@findings.command("show", help=N_("Show one finding: why it matters, what was seen, how to remedy it, and its history."))
@click.argument("finding_id", metavar="FINDING")
@output_option
@pass_app
def findings_show(app: App, finding_id: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    found = one_finding(catalogue, finding_id)
    history = finding_history(catalogue, found.id)
    if output == "json":
        app.emit(Table([], []), output, {**finding_rows(catalogue, [found])[0], "history": to_json(history)})
        return
    check = catalogue.checks.get(found.check)
    zone = zone_of(catalogue, found)
    moves = next_moves(found, provable=found.check in run_by_policy(catalogue))
    pairs = [
        (_("Finding"), found.id),
        (_("State"), _state(found)),
        (_("Not looked at"), _unseen(catalogue, found, zone)),
        (_("Severity"), label(found.severity)),
        (_("Department"), found.department),
        (_("Asset"), safe(found.asset)),
        (_("Check"), f"{found.check}: {check.title.to(current())}" if check else found.check),
        (_("Subject"), safe(found.subject)),
        (_("Observed"), values.shown(found.observed)),
        (_("Expected"), values.shown(found.expected)),
        (_("Controls"), " ".join(found.controls)),
        (_("First seen"), instant(found.first_seen, zone)),
        (_("Last seen"), instant(found.last_seen, zone)),
        (_("Due"), _marked(instant(found.due, zone), late=is_overdue(found, datetime.now(UTC))) if found.due else ""),
        (_("Given to"), found.assignee),
        (_("Plan"), f"{found.plan.date.isoformat()}: {safe(found.plan.steps)}" if found.plan else ""),
        (_("Exception"), found.exception),
        (_("Why it matters"), check.rationale.to(current()).strip() if check else ""),
        (_("Remedy"), check.remediation.to(current()).strip() if check else ""),
        (_("Commands"), Code(check.remediation_shell if check else "")),
        (_("What may be done next"), Code(pasteable("\n".join(moves)))),
    ]
    events = [(instant(e.at, zone), f"{label(e.kind)} ({safe(e.actor)}){_noted(e.note)}") for e in history]
    show_pairs(app, [*pairs, *events] if output == "csv" else pairs, output)  # a file of CSV is one table
    if output == "table":
        app.say()
        columns = [
            Column(_("When"), lambda r: r["when"], whole=True),
            Column(_("What happened"), lambda r: r["what"], wide=True),
        ]
        app.emit(Table(columns, [{"when": when, "what": what} for when, what in events], _("History")), output)


@findings.command("files", help=N_("List the files attached to a finding, or save them into a folder."))
@click.argument("finding_id", metavar="FINDING")
@option("--save", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=N_("Where to save them."))
@output_option
@pass_app
def findings_files(app: App, finding_id: str, folder: Path | None, output: str) -> None:
    """List or save."""
    catalogue = open_workspace(app.root)
    held = attached_files(catalogue, finding_id)
    for one in held if folder else ():
        app.say(str(save_kept(catalogue, one.name, one.sha256, folder or Path())))
    columns = [
        Column(_("File"), lambda r: safe(r["name"])),
        Column(_("Bytes"), lambda r: str(r["size"]), right=True),
        Column("SHA-256", field("sha256")),
        Column(_("Attached by"), lambda r: safe(r["by"])),
    ]
    if not folder:
        app.emit(Table(columns, to_json(list(held))), output)


def _noted(note: str) -> str:
    return f": {safe(note)}" if note else ""


def finding_rows(catalogue: Catalogue, found: Sequence[Finding]) -> list[Row]:
    """Findings as JSON objects, with the check's title and remedy in both languages."""
    rows: list[Row] = []
    for finding in found:
        check = catalogue.checks.get(finding.check)
        rows.append(
            {
                **to_json(finding),
                "title": to_json(check.title) if check else None,
                "remediation": to_json(check.remediation) if check else None,
            }
        )
    return rows


def finding_columns(catalogue: Catalogue) -> list[Column]:
    """The columns in which findings are listed; days are those of the department."""
    zones = {d.id: d.timezone for d in catalogue.inventory.departments}
    return [
        Column(_("Finding"), field("id"), whole=True),
        Column(
            _("Severity"), lambda r: label(Severity(r["severity"])), style=lambda r: STYLES[Severity(r["severity"])], whole=True
        ),
        Column(_("Asset"), field("asset")),
        Column(_("Finding title"), _title, wide=True),
        Column(_("Subject"), field("subject"), spare=1),
        Column(_("Observed"), lambda r: values.shown(r["observed"]), spare=2),
        Column(_("State"), lambda r: label(FindingState(r["state"])), whole=True),
        Column(
            _("Due"),
            lambda r: _marked(_day(r["due"], zones.get(r["department"], "UTC")), late=_late(r)),
            style=lambda r: "bold red" if _late(r) else "",
            whole=True,
        ),
    ]


def next_moves(finding: Finding, *, provable: bool = True) -> Iterator[str]:
    """The commands of what people may do with a finding in its state; who may is asked of whoever does it.

    ``provable`` tells whether the policy runs the check still, so that a scan may close the finding.
    """
    for kind in legal(finding.state):
        yield f"auditor findings {_MOVES[kind].format(id=finding.id)}"
    if finding.state in LIVE and provable:
        yield f"auditor verify {finding.id}"
    elif finding.state in LIVE:
        yield f"auditor retire --check {finding.check} --reason TEXT"
    if finding.state in WORKED:
        yield f"auditor exceptions propose {finding.id} --reason TEXT --control TEXT --until YYYY-MM-DD"
    elif finding.state in LIVE:
        yield f"auditor exceptions show {finding.exception}"


def _unseen(catalogue: Catalogue, finding: Finding, zone: str) -> str:
    """That the newest audit did not reach its asset: what is shown is older than it seems."""
    missed = unseen_since(catalogue, finding)
    if missed is None:
        return ""
    why = f"{label(missed.reach)}: {pasteable(retell(safe(missed.detail)))}"
    if missed.last_reached is None:
        return _("never reached: {why}").format(why=why)
    return _("since {instant}: {why}").format(instant=instant(missed.last_reached, zone), why=why)


def _marked(day: str, *, late: bool) -> str:
    """A day by which something is to be done, with a word where it has passed: a colour alone is not seen by all."""
    return _("{day} (overdue)").format(day=day) if late else day


def _late(row: Row) -> bool:
    due = row["due"] and datetime.fromisoformat(row["due"])
    return bool(due) and row["state"] in WORKED and has_passed(due, datetime.now(UTC))


def _day(instant: str | None, zone: str) -> str:
    return day(datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)).date()) if instant else ""


def _title(row: Row) -> str:
    return str(row["title"][current()]) if row["title"] else str(row["check"])


def _state(finding: Finding) -> str:
    return f"{label(finding.state)} ({label(finding.resolution)})" if finding.resolution else label(finding.state)


def zone_of(catalogue: Catalogue, finding: Finding) -> str:
    """The time zone of a finding's department."""
    return next((d.timezone for d in catalogue.inventory.departments if d.id == finding.department), "UTC")
