"""``auditor exceptions``: failures that may stand for a while, because both ministries said so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from auditor.cli.base import App, Day, Group, option, output_option, pass_app
from auditor.cli.pairs import show_pairs
from auditor.lifecycle.exceptions import CHECK, MINISTRIES, OBSERVED, SEVERITY, STANDING, TIME
from auditor.model import EventKind, ExceptionKind, ExceptionState, Person, RiskException
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, current, instant
from auditor.text.bidi import isolate, safe
from auditor.text.labels import approvers, label, person
from auditor.workflow.exceptions import (
    Request,
    approve_exception,
    end_exception,
    expiring,
    list_exceptions,
    nobody_tagged,
    one_exception,
    propose_exception,
    settle_if_due,
)
from auditor.workflow.workspace import open_workspace


@click.group(cls=Group, help=N_("The exceptions: failures that may stand for a while, and false positives."))
def exceptions() -> None:
    """Group."""


@exceptions.command("propose", help=N_("Ask for an exception: for a finding, or for a check in a department."))
@click.argument("finding", metavar="[FINDING]", default="")
@option("--false-positive", is_flag=True, help=N_("The check is wrong about this finding; it has no last day."))
@option("--reason", required=True, metavar="TEXT", help=N_("Why the failure cannot be mended now."))
@option("--control", default="", metavar="TEXT", help=N_("What compensates for the risk meanwhile."))
@option("--until", type=Day(), metavar="YYYY-MM-DD", help=N_("The last day."))
@option("--from", "start", type=Day(), metavar="YYYY-MM-DD", help=N_("The first day. Default: today."))
@option("--department", default="", metavar="DEPARTMENT", help=N_("For findings of this department, where none is named."))
@option("--check", default="", metavar="CHECK", help=N_("For findings of this check."))
@option("--asset", default="", metavar="ASSET", help=N_("Only on this asset, by uid."))
@option("--tag", default="", metavar="TAG", help=N_("Only on assets that carry this tag."))
@option("--subject", default=None, metavar="SUBJECT", help=N_("Only for this subject, such as an account."))
@pass_app
def propose(
    app: App,
    /,
    finding: str,
    false_positive: bool,
    reason: str,
    control: str,
    until: datetime | None,
    start: datetime | None,
    **scope: Any,
) -> None:
    """Propose."""
    kind = ExceptionKind.FALSE_POSITIVE if false_positive else ExceptionKind.RISK
    first, last = start and start.date(), until and until.date()
    request = Request(kind, reason, control, first, last, finding=finding, **scope)
    catalogue = open_workspace(app.root)
    held = propose_exception(catalogue, app.actor, request)
    told = _("Exception {id} is proposed. A member of the committee for each of the two ministries must approve it.")
    app.say(told.format(id=held.id))
    if held.tag and held.department in dict(catalogue.inventory.set_aside):
        app.warn_set_aside((held.department,))  # what it covers cannot be told
    elif nobody_tagged(catalogue, held):
        told = _("No asset of {department} carries the tag {tag}: as the inventory stands, the exception covers nothing.")
        app.say(told.format(department=held.department, tag=isolate(safe(held.tag))), "bold yellow")
    elif not one_exception(catalogue, held.id)[1]:
        app.say(_("It covers no finding that is open now, only what may be found later."), "yellow")


@exceptions.command("approve", help=N_("Approve an exception for your ministry."))
@click.argument("name", metavar="EXCEPTION")
@pass_app
def approve(app: App, name: str) -> None:
    """Approve."""
    held = approve_exception(open_workspace(app.root), app.actor, name)
    missing = MINISTRIES - len(held.approvals)
    told = _("Exception {id} is {state}.") if not missing else _("Exception {id} is {state}; another ministry must approve it.")
    app.say(told.format(id=held.id, state=label(held.state)))


def _ender(name: str, kind: EventKind, help_text: str) -> None:
    @exceptions.command(name, help=help_text)
    @click.argument("exception", metavar="EXCEPTION")
    @option("--reason", required=True, metavar="TEXT", help=N_("Why; kept with the exception."))
    @pass_app
    def command(app: App, exception: str, reason: str) -> None:
        held = end_exception(open_workspace(app.root), app.actor, exception, kind, reason)
        app.say(_("Exception {id} is {state}.").format(id=held.id, state=label(held.state)))


_ender("reject", EventKind.EXCEPTION_REJECTED, N_("Refuse an exception that was asked for."))
_ender("withdraw", EventKind.EXCEPTION_WITHDRAWN, N_("Take back what you asked for yourself."))
_ender("revoke", EventKind.EXCEPTION_REVOKED, N_("End an exception before its time; its findings come back at once."))


def _scope(row: Row) -> str:
    return safe(" ".join(filter(None, (row["asset"], row["tag"], row["subject"])))) or _("the whole department")


@exceptions.command("list", help=N_("List exceptions; without --all those that are asked for, approved or active."))
@option("--all", "everything", is_flag=True, help=N_("Also those that have ended."))
@output_option
@pass_app
def exceptions_list(app: App, everything: bool, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    listed = list_exceptions(catalogue)
    ending = {e.id for e in expiring(catalogue, listed, datetime.now(UTC))}
    rows: list[dict[str, Any]] = [
        {**to_json(held), "expiring": held.id in ending} for held in listed if everything or held.state in STANDING
    ]
    columns = [
        Column(_("Exception"), field("id"), whole=True),
        Column(_("State"), lambda r: label(ExceptionState(r["state"])), whole=True),
        Column(_("Kind"), lambda r: label(ExceptionKind(r["kind"])), spare=1),
        Column(_("Department"), field("department")),
        Column(_("Check"), field("check")),
        Column(_("Scope"), _scope),
        Column(
            _("Last day"),
            lambda r: _("{day} (soon)").format(day=r["ends"]) if r["expiring"] else r["ends"] or "",
            style=lambda r: "bold yellow" if r["expiring"] else "",
            whole=True,
        ),
        Column(_("Approved for"), lambda r: safe(", ".join(a["ministry"] for a in r["approvals"])), spare=2),
    ]
    app.emit(Table(columns, rows), output)


@exceptions.command("show", help=N_("Show one exception: who asked, why, who approved, and what it covers."))
@click.argument("name", metavar="EXCEPTION")
@output_option
@pass_app
def exceptions_show(app: App, name: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    held, covered = one_exception(catalogue, name)
    if output == "json":
        app.emit(Table([], []), output, {**to_json(held), "findings": [f.id for f in covered]})
        return
    zone, people = catalogue.inventory.zone_of((held.department,)), catalogue.settings.people
    check = catalogue.checks.get(held.check)
    pairs = [
        (_("Exception"), held.id),
        (_("State"), label(held.state)),
        (_("Kind"), label(held.kind)),
        (_("Department"), held.department),
        (_("Check"), f"{held.check}: {check.title.to(current())}" if check else held.check),
        (_("Asset"), safe(held.asset)),
        (_("Tag"), safe(held.tag)),
        (_("Subject"), safe(held.subject or "")),
        (_("Reason"), safe(held.reason)),
        (_("Compensating control"), safe(held.control)),
        (_("First day"), held.starts.isoformat()),
        (_("Last day"), held.ends.isoformat() if held.ends else ""),
        (_("Asked for by"), f"{person(people, held.requested_by)}: {instant(held.requested_at, zone)}"),
        *((_("Approved by"), f"{approvers(people, [a])}: {instant(a.at, zone)}") for a in held.approvals),
        (_("Ended"), _ended(held, zone, people)),
        (_("Findings covered"), " ".join(f.id for f in covered)),
    ]
    show_pairs(app, pairs, output)


def _ended(held: RiskException, zone: str, people: Mapping[str, Person]) -> str:
    if held.ended_at is None:
        return ""
    reasons = {
        TIME: _("its last day has passed"),
        CHECK: _("the check has changed, and must be looked at again"),
        OBSERVED: _("something else is observed now than what was agreed on, and must be looked at again"),
        SEVERITY: _("what it covers is more severe now, and must be looked at again"),
    }
    return f"{instant(held.ended_at, zone)}, {person(people, held.ended_by)}: {safe(reasons.get(held.ended_why, held.ended_why))}"
