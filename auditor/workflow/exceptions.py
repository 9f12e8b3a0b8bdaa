"""Asking for exceptions, deciding them, and ending them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.lifecycle import LIVE
from auditor.lifecycle import exceptions as rules
from auditor.lifecycle.permissions import allow
from auditor.model import (
    Action,
    Catalogue,
    Event,
    EventKind,
    ExceptionKind,
    ExceptionState,
    Finding,
    Person,
    RiskException,
    Severity,
)
from auditor.model.codec import digest
from auditor.text import _
from auditor.workflow.queries import FindingFilter, matching, may_write, reading, reading_now
from auditor.workflow.settling import due_events, settle_due, world_of


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. ``finding`` fills in department, check, asset and subject; ``subject`` None means every one."""

    kind: ExceptionKind
    reason: str
    control: str = ""
    starts: date | None = None
    ends: date | None = None
    finding: str = ""
    department: str = ""
    check: str = ""
    asset: str = ""
    tag: str = ""
    subject: str | None = None


def propose_exception(catalogue: Catalogue, user: str, request: Request, *, now: datetime | None = None) -> RiskException:
    """Propose; the exception as it was written down. Raises UsageError where something is missing, or asks too much."""
    moment = now or datetime.now(UTC)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        asked, finding = _asked(ledger, catalogue, request)
        by = allow(catalogue.settings.people, user, Action.PROPOSE, asked.department)
        world = world_of(catalogue, moment)
        starts = request.starts or world.today(asked.department)
        if starts < world.today(asked.department):
            raise UsageError(_("{day} is past; an exception starts today or later").format(day=starts.isoformat()))
        held = RiskException(
            id=f"E-{ledger.next_number(RiskException)}",
            kind=request.kind,
            state=ExceptionState.PROPOSED,
            department=asked.department,
            check=asked.check,
            reason=request.reason.strip(),
            requested_by=by.user,
            requested_at=moment,
            starts=starts,
            ends=request.ends,
            asset=asked.asset,
            tag=asked.tag,
            subject=asked.subject,
            control=request.control.strip(),
            definition=finding.definition if finding else "",
            observed=digest(finding.observed) if finding and request.kind is ExceptionKind.FALSE_POSITIVE else "",
        )
        worst = _worst(ledger, catalogue, held)
        if held.kind is ExceptionKind.RISK:
            held = replace(held, severity=worst)
        terms = catalogue.policies[catalogue.settings.policy_of_record].terms
        ledger.apply([rules.propose(held, terms.exceptions.get(worst) if worst else None, by, moment)])
        return held


def _asked(ledger: Ledger, catalogue: Catalogue, request: Request) -> tuple[Request, Finding | None]:
    """The request with its finding's identity filled in; every name in it is one that is known."""
    if request.kind is ExceptionKind.FALSE_POSITIVE and request.ends is not None:
        message = _("a false positive has no last day: it ends when its check changes, or what is observed; leave out --until")
        raise UsageError(message)
    if request.finding:
        finding = ledger.finding(request.finding)
        if finding.state not in LIVE:
            raise UsageError(_("{finding} is closed already").format(finding=finding.id))
        whole = replace(request, department=finding.department, check=finding.check, asset=finding.asset, subject=finding.subject)
        return whole, finding
    if request.kind is ExceptionKind.FALSE_POSITIVE:
        raise UsageError(_("a false positive is said of one finding: name it"))
    if not request.department or not request.check:
        raise UsageError(_("name the finding, or the department and the check that the exception is for"))
    assets = (request.asset,) if request.asset else ()
    matching(ledger, catalogue, FindingFilter(departments=(request.department,), checks=(request.check,), assets=assets))
    return request, None


def nobody_tagged(catalogue: Catalogue, held: RiskException) -> bool:
    """Whether an exception is for a tag that no asset of its department carries: most likely a misspelt one. Of a department that
    is set aside nobody knows."""
    home = next((d for d in catalogue.inventory.departments if d.id == held.department), None)
    return bool(held.tag) and home is not None and not any(held.tag in a.tags for a in home.assets)


def _worst(ledger: Ledger, catalogue: Catalogue, asked: RiskException) -> Severity | None:
    """The worst severity that the exception may cover: the policy bounds how long it may last by that."""
    check = catalogue.checks.get(asked.check)
    held = [f.severity for f in ledger.findings(check=(asked.check,)) if f.department == asked.department]
    severities = [*held, *([check.severity] if check else [])]
    return min(severities, key=lambda s: s.rank, default=None)


def approve_exception(catalogue: Catalogue, user: str, name: str, *, now: datetime | None = None) -> RiskException:
    """Approve for one's ministry, and let it begin if it may."""
    return _decide(catalogue, user, name, Action.DECIDE, lambda held, by, at: rules.approve(held, by, at), now)


def end_exception(
    catalogue: Catalogue, user: str, name: str, kind: EventKind, why: str, *, now: datetime | None = None
) -> RiskException:
    """Reject, withdraw or revoke; its findings come back at once."""
    action = Action.PROPOSE if kind is EventKind.EXCEPTION_WITHDRAWN else Action.DECIDE
    return _decide(catalogue, user, name, action, lambda held, by, at: rules.end(kind, held, by, at, why=why), now)


def _decide(
    catalogue: Catalogue,
    user: str,
    name: str,
    action: Action,
    make: Callable[[RiskException, Person, datetime], Event],
    now: datetime | None,
) -> RiskException:
    moment = now or datetime.now(UTC)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        settle_due(ledger, catalogue, moment)
        held = ledger.record(RiskException, name)
        by = allow(catalogue.settings.people, user, action, held.department)
        ledger.apply([make(held, by, moment)])
        settle_due(ledger, catalogue, moment)
        return ledger.record(RiskException, held.id)


def list_exceptions(catalogue: Catalogue) -> tuple[RiskException, ...]:
    """All of them, in the order in which they were asked for."""
    with reading_now(catalogue) as ledger:
        return ledger.records(RiskException)


def one_exception(catalogue: Catalogue, name: str) -> tuple[RiskException, tuple[Finding, ...]]:
    """One of them, with the open findings that it speaks of."""
    with reading_now(catalogue) as ledger:
        held = ledger.record(RiskException, name)
        tags = world_of(catalogue, datetime.now(UTC)).tags
        return held, tuple(f for f in ledger.findings(open_only=True) if rules.covers(held, f, tags))


def expiring(catalogue: Catalogue, held: Iterable[RiskException], now: datetime) -> tuple[RiskException, ...]:
    """Those in force that end within the policy's days of warning."""
    days = timedelta(days=catalogue.policies[catalogue.settings.policy_of_record].terms.due_soon)
    world = world_of(catalogue, now)

    def ends_soon(one: RiskException) -> bool:
        today = world.reached(one.department)  # what ended before has ended, written down or not
        return one.state is ExceptionState.ACTIVE and one.ends is not None and today <= one.ends <= today + days

    return tuple(filter(ends_soon, held))


def settle_if_due(catalogue: Catalogue, *, now: datetime | None = None) -> None:
    """Write down what has come due before anything is shown, so that nobody reads yesterday's state.

    Whoever may only read is shown the same by ``reading_now``; reports alone, which say of which entry of the journal they are,
    tell them what was written down.
    """
    if not may_write(catalogue):
        return
    moment = now or datetime.now(UTC)
    with reading(catalogue) as ledger:
        due = due_events(ledger, catalogue, moment)
    if due:
        with Ledger.open(catalogue.settings.ledger, create=False) as ledger:
            settle_due(ledger, catalogue, moment)
