"""``auditor campaign`` and ``auditor circular``: what the committee does as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from auditor.cli.base import App, Day, Group, option, output_option, pass_app
from auditor.cli.catalogue import department_of
from auditor.model import Campaign, Catalogue, Person, Severity, Text
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _, current, day, ngettext, percent, points
from auditor.text.bidi import safe
from auditor.text.labels import label, person, withheld
from auditor.workflow.campaigns import close_campaign, frozen_campaign, list_campaigns, one_campaign, open_campaign, progress
from auditor.workflow.circulars import (
    acknowledge_circular,
    issue_circular,
    list_circulars,
    one_circular,
    repeated_failures,
)
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.workspace import open_workspace

_LESSER = {Severity.MEDIUM: 3, Severity.LOW: 4}
"""Severities that a narrow screen leaves out, the highest first."""


@click.group(cls=Group, help=N_("The campaigns: the committee's audits of departments over a period."))
def campaign() -> None:
    """Group."""


@campaign.command("open", help=N_("Open a campaign over departments, or over all."))
@option("--title-en", required=True, metavar="TITLE", help=N_("Its title in English."))
@option("--title-ar", required=True, metavar="TITLE", help=N_("Its title in Arabic."))
@option("--department", "departments", multiple=True, metavar="DEPARTMENT", help=N_("Only this department. May be repeated."))
@option("--from", "start", type=Day(), metavar="YYYY-MM-DD", help=N_("The first day. Default: today."))
@option("--until", "end", required=True, type=Day(), metavar="YYYY-MM-DD", help=N_("The last day."))
@pass_app
def campaign_open(
    app: App, title_en: str, title_ar: str, departments: tuple[str, ...], start: datetime | None, end: datetime
) -> None:
    """Open."""
    catalogue = open_workspace(app.root)
    zone = catalogue.inventory.zone_of(departments or [d.id for d in catalogue.inventory.departments])
    first = start.date() if start else datetime.now(ZoneInfo(zone)).date()
    made = open_campaign(catalogue, app.actor, Text(title_en, title_ar), departments, first, end.date())
    n = len(made.departments)
    told = ngettext("Campaign {id} is open over {n} department.", "Campaign {id} is open over {n} departments.", n)
    app.say(told.format(id=made.id, n=n))


@campaign.command("list", help=N_("List the campaigns."))
@output_option
@pass_app
def campaign_list(app: App, output: str) -> None:
    """List."""
    rows: list[dict[str, Any]] = to_json(list(list_campaigns(open_workspace(app.root))))
    columns = [
        Column(_("Campaign"), field("id"), whole=True),
        Column(_("Title"), lambda r: safe(r["title"][current()]), wide=True),
        Column(_("First day"), field("starts"), whole=True),
        Column(_("Last day"), field("ends"), whole=True),
        Column(_("Departments"), lambda r: str(len(r["departments"]))),
        Column(_("State"), lambda r: _("closed") if r["closed_at"] else _("open"), whole=True),
    ]
    app.emit(Table(columns, rows), output)


@campaign.command("status", help=N_("Show how each department of a campaign stands; of a closed one, as it stood at its end."))
@click.argument("name", metavar="CAMPAIGN")
@output_option
@pass_app
def campaign_status(app: App, name: str, output: str) -> None:
    """Status."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    held = one_campaign(catalogue, name)
    frozen: Any = frozen_campaign(catalogue, held) if held.frozen else None
    rows: list[dict[str, Any]] = frozen["progress"] if frozen else to_json(list(progress(catalogue, held)))
    if output == "table":
        app.say(_about(held), "bold")
    app.emit(Table(_progress_columns(catalogue), rows), output, frozen or {"campaign": to_json(held), "progress": rows})


def _about(held: Campaign) -> str:
    told = _("{id}: {title}, {first} to {last}, policy {policy} {version}")
    title = safe(held.title.to(current()))
    text = told.format(
        id=held.id, title=title, first=held.starts, last=held.ends, policy=held.policy, version=held.policy_version
    )
    return text if not held.frozen else text + " " + _("(closed; SHA-256 of what was kept: {sha256})").format(sha256=held.frozen)


def _progress_columns(catalogue: Catalogue) -> list[Column]:
    return [
        Column(_("Department"), lambda r: department_of(catalogue, r["department"])),
        Column(_("Index"), lambda r: points(r["index"]) if r["index"] is not None else withheld(r["withheld"])),
        Column(_("Coverage"), lambda r: percent(r["coverage"], 1) if r["coverage"] is not None else ""),
        *(
            Column(label(s), lambda r, s=s: str(r["open"].get(s.value, 0)), spare=_LESSER.get(s, 0))  # type: ignore[misc]
            for s in Severity
        ),
        Column(_("Excepted"), lambda r: str(r["excepted"]), spare=2),
        Column(_("Overdue"), lambda r: str(r["overdue"]), style=lambda r: "bold red" if r["overdue"] else ""),
        Column(_("Closed"), lambda r: str(r["closed"]), spare=1),
        Column(_("Answers accepted"), lambda r: f"{r['accepted']}/{r['asked']}"),
    ]


@campaign.command("close", help=N_("Close a campaign and freeze all that it rests on."))
@click.argument("name", metavar="CAMPAIGN")
@pass_app
def campaign_close(app: App, name: str) -> None:
    """Close."""
    closed = close_campaign(open_workspace(app.root), app.actor, name)
    app.say(_("Campaign {id} is closed. SHA-256 of what was kept: {sha256}").format(id=closed.id, sha256=closed.frozen))


@click.group(cls=Group, help=N_("The circulars: numbered recommendations to departments."))
def circular() -> None:
    """Group."""


@circular.command("suggest", help=N_("Show what fails in several departments."))
@option("--least", type=click.IntRange(1), default=2, show_default=True, metavar="N", help=N_("In so many departments."))
@output_option
@pass_app
def circular_suggest(app: App, least: int, output: str) -> None:
    """Suggest."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    rows: list[dict[str, Any]] = to_json(list(repeated_failures(catalogue, least)))
    columns = [
        Column(_("Check"), field("check")),
        Column(_("Title"), lambda r: _title(catalogue, r["check"]), wide=True),
        Column(_("Findings"), lambda r: str(r["findings"])),
        Column(_("Departments"), lambda r: " ".join(r["departments"])),
    ]
    app.emit(Table(columns, rows), output)


def _title(catalogue: Any, name: str) -> str:
    check = catalogue.checks.get(name)
    return str(check.title.to(current())) if check else name


@circular.command(
    "issue", help=N_("Issue a circular about checks; its text is theirs, in both languages, unless you give your own.")
)
@option("--check", "checks", multiple=True, required=True, metavar="CHECK", help=N_("What it is about. May be repeated."))
@option(
    "--department", "departments", multiple=True, metavar="DEPARTMENT", help=N_("To this department. Default: all that fail.")
)
@option("--due", required=True, type=Day(), metavar="YYYY-MM-DD", help=N_("The day by which departments are to have acted."))
@option("--title-en", default="", metavar="TITLE", help=N_("Its title in English."))
@option("--title-ar", default="", metavar="TITLE", help=N_("Its title in Arabic."))
@option("--text-en", default="", metavar="TEXT", help=N_("Its text in English."))
@option("--text-ar", default="", metavar="TEXT", help=N_("Its text in Arabic."))
@pass_app
def circular_issue(
    app: App,
    checks: tuple[str, ...],
    departments: tuple[str, ...],
    due: datetime,
    title_en: str,
    title_ar: str,
    text_en: str,
    text_ar: str,
) -> None:
    """Issue."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    made = issue_circular(
        catalogue,
        app.actor,
        checks,
        departments,
        due.date(),
        title=_both(title_en, title_ar),
        body=_both(text_en, text_ar),
    )
    told = _("Circular {id} is issued to: {departments}")
    app.say(told.format(id=made.id, departments=", ".join(made.due)))


def _both(english: str, arabic: str) -> Text | None:
    if bool(english) != bool(arabic):
        raise click.UsageError(_("give the text in both languages, or in neither"))
    return Text(english, arabic) if english else None


@circular.command("acknowledge", help=N_("Say that your department has read a circular."))
@click.argument("name", metavar="CIRCULAR")
@pass_app
def circular_acknowledge(app: App, name: str) -> None:
    """Acknowledge."""
    held = acknowledge_circular(open_workspace(app.root), app.actor, name)
    app.say(_("Circular {id} is acknowledged.").format(id=held.id))


@circular.command("list", help=N_("List the circulars."))
@output_option
@pass_app
def circular_list(app: App, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    rows: list[dict[str, Any]] = to_json(list(list_circulars(catalogue)))
    columns = [
        Column(_("Circular"), field("id"), whole=True),
        Column(_("Issued"), lambda r: _day(r["issued_at"], catalogue.inventory.zone_of(r["due"])), whole=True),
        Column(_("Title"), lambda r: safe(r["title"][current()]), wide=True),
        Column(_("Acknowledged"), lambda r: f"{len(r['acknowledged'])}/{len(r['due'])}"),
        Column(_("Due"), lambda r: min(r["due"].values()), whole=True),
    ]
    app.emit(Table(columns, rows), output)


@circular.command("show", help=N_("Show a circular, and how each department addressed stands."))
@click.argument("name", metavar="CIRCULAR")
@output_option
@pass_app
def circular_show(app: App, name: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    held, open_ones = one_circular(catalogue, name)
    people, inventory = catalogue.settings.people, catalogue.inventory
    rows: list[dict[str, Any]] = [
        {
            "department": department,
            "due": due.isoformat(),
            "acknowledged": to_json(held.acknowledged.get(department)),
            "open": open_ones[department],
            "late": due < datetime.now(ZoneInfo(inventory.zone_of((department,)))).date() and open_ones[department] > 0,
        }
        for department, due in held.due.items()
    ]
    if output == "table":
        issued = _day(to_json(held.issued_at), inventory.zone_of(held.due))
        app.say(f"{held.id} ({issued}): {safe(held.title.to(current()))}", "bold")
        app.say(_("Issued by: {person}").format(person=person(people, held.issued_by)))
        for line in held.body.to(current()).splitlines():
            app.say(safe(line))
    columns = [
        Column(_("Department"), lambda r: department_of(catalogue, r["department"])),
        Column(
            _("Due"),
            lambda r: _("{day} (overdue)").format(day=r["due"]) if r["late"] else r["due"],
            style=lambda r: "bold red" if r["late"] else "",
            whole=True,
        ),
        Column(
            _("Acknowledged"),
            lambda r: _read(people, r["acknowledged"], inventory.zone_of((r["department"],))) if r["acknowledged"] else _("no"),
        ),
        Column(_("Findings still open"), lambda r: str(r["open"])),
    ]
    app.emit(Table(columns, rows), output, {**to_json(held), "departments": rows})


def _read(people: Mapping[str, Person], given: Mapping[str, str], zone: str) -> str:
    return f"{person(people, given['person'])} {_day(given['at'], zone)}"


def _day(moment: str, zone: str) -> str:
    """The day of an instant as the department's clocks showed it, which is what its papers say too."""
    return day(datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date())
