"""``auditor findings``: what is wrong, where, since when, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from auditor.cli.base import App, Group, option, output_option, pass_app
from auditor.cli.pairs import Code, show_pairs
from auditor.lifecycle import WORKED, has_passed
from auditor.model import Catalogue, Finding, FindingState, Severity
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, current, day, instant, values
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.queries import FindingFilter, attached_files, finding_history, list_findings, one_finding, save_kept
from auditor.workflow.workspace import open_workspace

STYLES = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: ""}


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
        states=tuple(FindingState) if "all" in states else tuple(FindingState(s) for s in states),
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
    states = click.Choice([*(s.value for s in FindingState), "all"])
    function = option("--severity", "severities", multiple=True, type=severities, help=N_("Only of this severity."))(function)
    return option(
        "--state", "states", multiple=True, type=states, help=N_("Only in this state. Default: all that are not closed.")
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
    pairs = [
        (_("Finding"), found.id),
        (_("State"), _state(found)),
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
        (_("Due"), instant(found.due, zone) if found.due else ""),
        (_("Given to"), found.assignee),
        (_("Plan"), f"{found.plan.date.isoformat()}: {safe(found.plan.steps)}" if found.plan else ""),
        (_("Exception"), found.exception),
        (_("Why it matters"), check.rationale.to(current()).strip() if check else ""),
        (_("Remedy"), check.remediation.to(current()).strip() if check else ""),
        (_("Commands"), Code(check.remediation_shell if check else "")),
        *((instant(e.at, zone), f"{label(e.kind)} ({safe(e.actor)}){_noted(e.note)}") for e in history),
    ]
    show_pairs(app, pairs, output)


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
        Column(_("Due"), lambda r: _day(r["due"], zones.get(r["department"], "UTC")), style=_urgency, whole=True),
    ]


def _urgency(row: Row) -> str:
    late = row["due"] and row["state"] in WORKED and has_passed(datetime.fromisoformat(row["due"]), datetime.now(UTC))
    return "bold red" if late else ""


def _day(instant: str | None, zone: str) -> str:
    return day(datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)).date()) if instant else ""


def _title(row: Row) -> str:
    return str(row["title"][current()]) if row["title"] else str(row["check"])


def _state(finding: Finding) -> str:
    return f"{label(finding.state)} ({label(finding.resolution)})" if finding.resolution else label(finding.state)


def zone_of(catalogue: Catalogue, finding: Finding) -> str:
    """The time zone of a finding's department."""
    return next((d.timezone for d in catalogue.inventory.departments if d.id == finding.department), "UTC")
