"""What people do with findings: one at a time or many by filter, seen before it is done, each move allowed and journalled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeAlias

from auditor.errors import LockedError, UsageError
from auditor.facts import by_name
from auditor.ledger import Ledger, under_way
from auditor.lifecycle import LIVE, work
from auditor.lifecycle.permissions import allow
from auditor.model import Action, AssetKind, Catalogue, Event, EventKind, Finding, Person, RemedyPlan, Resolution, Role
from auditor.planning import run_by_policy
from auditor.text import _
from auditor.workflow.evidence import Evidence, read_evidence
from auditor.workflow.queries import FindingFilter, matching
from auditor.workflow.settling import settle_due, today_in

DEPARTMENT = f"{AssetKind.DEPARTMENT.value}:"
Make: TypeAlias = Callable[[Finding, Person, datetime], Event]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be done with each finding: the leave it needs, how its event is made, and a file to keep with it."""

    action: Action
    make: Make
    file: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a step would do with one finding: its event, or why it cannot be done."""

    finding: Finding
    event: Event | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which findings: by id, and by filter."""

    names: tuple[str, ...] = ()
    wanted: FindingFilter = field(default_factory=FindingFilter)

    @property
    def by_filter(self) -> bool:
        """Whether findings are chosen by what they are like, so that nobody has seen each of them."""
        return self.wanted != FindingFilter()


def moving(kind: EventKind, note: str = "") -> Step:
    """Acknowledge, start or claim."""
    return Step(Action.WORK, lambda finding, by, now: work.act(kind, finding, by, now, note=note))


def assigning(catalogue: Catalogue, user: str) -> Step:
    """Give to an officer of the finding's department."""

    def make(finding: Finding, by: Person, now: datetime) -> Event:
        person = catalogue.settings.people.get(user)
        if person is None or Role.OFFICER not in person.roles or person.department != finding.department:
            message = _("{user} is no officer of {department} in auditor.toml")
            raise UsageError(message.format(user=user, department=finding.department))
        return work.assign(finding, user, by, now)

    return Step(Action.WORK, make)


def planning(catalogue: Catalogue, day: date, steps: str) -> Step:
    """Plan the remedy."""

    def make(finding: Finding, by: Person, now: datetime) -> Event:
        today = today_in(catalogue, (finding.department,), now)
        return work.plan(finding, RemedyPlan(day, steps.strip()), today, by, now)

    return Step(Action.WORK, make)


def commenting(text: str) -> Step:
    """Say something."""
    return Step(Action.SPEAK, lambda finding, by, now: work.comment(finding, text, by, now))


def attaching(path: Path) -> Step:
    """Attach a file. Raises UsageError for one that is too large or of a kind that is not kept."""
    held = read_evidence(path)
    return Step(
        Action.SPEAK,
        lambda finding, by, now: work.attach(finding, held.name, held.sha256, len(held.content), by, now),
        held,
    )


def propose(catalogue: Catalogue, user: str, step: Step, chosen: Chosen, *, now: datetime | None = None) -> list[Proposal]:
    """What the step would do, without doing it."""
    with Ledger.open(catalogue.settings.ledger, create=False, readonly=True) as ledger:
        return _proposals(ledger, catalogue, user, step, chosen, now or datetime.now(UTC))


def carry_out(catalogue: Catalogue, user: str, step: Step, chosen: Chosen, *, now: datetime | None = None) -> list[Proposal]:
    """Do it, all in one transaction; what was done, and what could not be.

    Raises UsageError, having done nothing, when a finding that was named by its id cannot be moved.
    """
    moment = now or datetime.now(UTC)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        settle_due(ledger, catalogue, moment)
        proposals = _proposals(ledger, catalogue, user, step, chosen, moment)
        refused = [p for p in proposals if p.event is None]
        if refused and not chosen.by_filter:
            raise UsageError("\n".join(f"{p.finding.id}: {p.why_not}" for p in refused))
        if step.file is not None and any(p.event for p in proposals):
            ledger.keep_file(step.file.content)
        ledger.apply([p.event for p in proposals if p.event is not None])
        return proposals


def _proposals(ledger: Ledger, catalogue: Catalogue, user: str, step: Step, chosen: Chosen, now: datetime) -> list[Proposal]:
    if user not in catalogue.settings.people:  # whatever is meant: one refusal, not one for each finding
        allow(catalogue.settings.people, user, step.action)
    found = {f.id: f for f in map(ledger.finding, chosen.names)}
    if chosen.by_filter:
        found |= {f.id: f for f in matching(ledger, catalogue, chosen.wanted)}
    if not found:
        raise UsageError(_("no finding is meant; name some, or choose them by filter"))
    return [_proposal(catalogue, user, step, finding, now) for finding in found.values()]


def _proposal(catalogue: Catalogue, user: str, step: Step, finding: Finding, now: datetime) -> Proposal:
    try:
        by = allow(catalogue.settings.people, user, step.action, finding.department)
        return Proposal(finding, step.make(finding, by, now))
    except UsageError as error:
        return Proposal(finding, None, str(error))


def retire_asset(catalogue: Catalogue, user: str, asset: str, reason: str, *, now: datetime | None = None) -> Sequence[Finding]:
    """Close the findings of an asset that was taken out of service; those that were closed. Raises UsageError while an
    inventory lists it, while the file that may list it is wrong, or where it has no open finding.

    ``asset`` is a uid, or the address of a host that no inventory ever listed. What the department's networks showed of it closes
    too: of a host that has left them no scan can prove it.
    """
    moment = now or datetime.now(UTC)
    if not reason.strip():
        raise UsageError(_("say why"))
    if any(asset in (a.uid, a.address, a.ipv6) for d in catalogue.inventory.departments for a in d.assets):
        message = _("{asset} is still in the inventory, and would be audited again tonight; take it out first")
        raise UsageError(message.format(asset=asset))
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        # a department is no asset that is taken out of service: its findings are those of many
        own = () if asset.startswith(DEPARTMENT) else ledger.findings_by_asset(asset)
        seen = [f for f in _on_networks(catalogue, ledger, asset) if f.state in LIVE]
        held = [*(f for f in own if f.state in LIVE), *seen]
        if not held:
            raise UsageError(_("{asset} has no open finding").format(asset=asset))
        departments = dict.fromkeys(f.department for f in held)
        # an address may be listed by any department, a uid by its own
        unread = [name for name, _why in catalogue.inventory.set_aside if seen or name in departments]
        refuse_unread(asset, unread)
        by, *_same = [allow(catalogue.settings.people, user, Action.RETIRE, d) for d in departments]
        told = Event(EventKind.ASSET_RETIRED, moment, by.user, asset, {"reason": reason.strip(), "findings": len(held)})
        ledger.apply([told, *(work.retire(f, reason.strip(), by, moment) for f in held)])
        return held


def retire_check(catalogue: Catalogue, user: str, check: str, reason: str, *, now: datetime | None = None) -> Sequence[Finding]:
    """Close the findings of a check that the policy of record no longer runs, as no scan can prove or refute them any more; those
    that were closed. The committee says so itself: that an entry is missing from a control may be a slip. Raises UsageError
    while the policy runs it, or where it has no open finding, LockedError while an audit is under way: its policy may be the old.
    """
    moment = now or datetime.now(UTC)
    if not reason.strip():
        raise UsageError(_("say why"))
    by = allow(catalogue.settings.people, user, Action.DROP)
    if busy := under_way(catalogue.settings.ledger):
        raise LockedError(busy)
    if check in run_by_policy(catalogue):
        raise UsageError(
            _("the policy of record runs the check {check}: what it finds closes when it is mended").format(check=check)
        )
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        held = [f for f in ledger.findings(check=(check,)) if f.state in LIVE]
        if not held:
            raise UsageError(_("the check {check} has no open finding").format(check=check))
        told = Event(EventKind.CHECK_RETIRED, moment, by.user, check, {"reason": reason.strip(), "findings": len(held)})
        ledger.apply([told, *(work.retire(f, reason.strip(), by, moment, Resolution.POLICY_CHANGED) for f in held)])
        return held


def refuse_unread(asset: str, departments: Sequence[str]) -> None:
    """Raise UsageError where departments that may list the asset are set aside: their files tell nothing of it."""
    if departments:
        message = _(
            "whether {asset} is still in the inventory cannot be told: the files of {departments} are wrong; mend them "
            "first: auditor validate"
        )
        raise UsageError(message.format(asset=asset, departments=", ".join(departments)))


def _on_networks(catalogue: Catalogue, ledger: Ledger, subject: str) -> list[Finding]:
    """The findings of departments that name a host by what was seen on their networks."""
    over = [c.id for c in catalogue.checks.values() if all(_of_network(use.fact) for use in c.facts)]
    return [f for f in ledger.findings(check=over) if f.asset.startswith(DEPARTMENT) and f.subject == subject] if over else []


def _of_network(name: str) -> bool:
    fact = by_name(name)
    return fact is not None and fact.asset_kind is AssetKind.NETWORK
