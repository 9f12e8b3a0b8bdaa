"""What people do with a finding, as events. None of these closes one: only a later scan does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from auditor.errors import UsageError
from auditor.lifecycle.permissions import told
from auditor.lifecycle.table import LIVE, move
from auditor.model import Event, EventKind, Finding, Json, Person, RemedyPlan, Resolution
from auditor.model.codec import to_json
from auditor.text import _

_LONGEST = timedelta(days=3650)  # as a deadline of the policy


def act(kind: EventKind, finding: Finding, by: Person, now: datetime, *, note: str = "") -> Event:
    """Acknowledge, start or claim: a move that changes nothing but the state. Raises UsageError where it is not legal."""
    claimed = now if kind is EventKind.FINDING_CLAIMED else None
    after = replace(finding, state=move(kind, finding.state), claimed_at=claimed)
    return moved(kind, after, by, now, note=note)


def assign(finding: Finding, assignee: str, by: Person, now: datetime) -> Event:
    """Give it to a person of the department."""
    after = replace(finding, state=move(EventKind.FINDING_ASSIGNED, finding.state), assignee=assignee)
    return moved(EventKind.FINDING_ASSIGNED, after, by, now)


def plan(finding: Finding, remedy: RemedyPlan, today: date, by: Person, now: datetime) -> Event:
    """Say what will be done, and by when. ``today`` is the day in the finding's department."""
    if remedy.date < today:
        raise UsageError(_("{day} is past; a plan is for a day to come").format(day=remedy.date.isoformat()))
    if remedy.date > today + _LONGEST:
        raise UsageError(_("{day} is more than ten years away").format(day=remedy.date.isoformat()))
    if not remedy.steps.strip():
        raise UsageError(_("say what will be done: the steps are empty"))
    after = replace(finding, state=move(EventKind.FINDING_PLANNED, finding.state), plan=remedy)
    return moved(EventKind.FINDING_PLANNED, after, by, now)


def comment(finding: Finding, text: str, by: Person, now: datetime) -> Event:
    """Say something about it."""
    if not text.strip():
        raise UsageError(_("the comment is empty"))
    return Event(EventKind.FINDING_COMMENTED, now, by.user, finding.id, {"text": text.strip(), "by": told(by)})


def attach(finding: Finding, name: str, sha256: str, size: int, by: Person, now: datetime) -> Event:
    """Add a file that the ledger keeps."""
    data: dict[str, Json] = {"name": name, "sha256": sha256, "size": size, "by": told(by)}
    return Event(EventKind.FINDING_ATTACHED, now, by.user, finding.id, data)


def retire(finding: Finding, reason: str, by: Person, now: datetime, resolution: Resolution = Resolution.RETIRED) -> Event:
    """Close it because its asset was taken out of service, or its check out of the policy. Raises UsageError for one that is
    closed already.

    What the policy closes has no proof: should it run the check again, the very observation that failed reopens the finding.
    """
    if finding.state not in LIVE:
        raise UsageError(_("{finding} is closed already").format(finding=finding.id))
    state = move(EventKind.FINDING_CLOSED, finding.state, resolution)
    proof = finding.last_seen if resolution is Resolution.POLICY_CHANGED else now
    after = replace(finding, state=state, resolution=resolution, closed_at=proof, claimed_at=None, exception="")
    return moved(EventKind.FINDING_CLOSED, after, by, now, note=reason)


def moved(kind: EventKind, after: Finding, by: Person, now: datetime, *, note: str = "") -> Event:
    """The event that leaves the finding as ``after``."""
    data: dict[str, Json] = {**to_json(after), "by": told(by)}
    if note:
        data["note"] = note
    return Event(kind, now, by.user, after.id, data)
