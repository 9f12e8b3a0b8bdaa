"""A committee's audit of departments over a period: opened, watched, closed and frozen so that it can be shown again exactly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.lifecycle import LIVE, is_overdue
from auditor.lifecycle.permissions import allow, told
from auditor.model import (
    Action,
    AnswerState,
    AttestedAnswer,
    Campaign,
    Catalogue,
    DepartmentScore,
    Event,
    EventKind,
    Finding,
    FindingState,
    Json,
    Person,
    RiskException,
    Severity,
    Text,
)
from auditor.model.codec import canonical, digest, to_json
from auditor.text import _
from auditor.workflow.attestations import asked_of
from auditor.workflow.queries import reading
from auditor.workflow.scores import scores


@dataclass(frozen=True, slots=True)
class Progress:
    """How a department stands in a campaign. ``closed`` are findings closed since it was opened."""

    department: str
    index: float | None
    withheld: str
    coverage: float | None
    open: dict[Severity, int]
    excepted: int
    overdue: int
    closed: int
    asked: int
    answered: int
    accepted: int


def open_campaign(
    catalogue: Catalogue,
    user: str,
    title: Text,
    departments: tuple[str, ...],
    starts: date,
    ends: date,
    *,
    now: datetime | None = None,
) -> Campaign:
    """Open one over these departments, or over all."""
    moment = now or datetime.now(UTC)
    known = [d.id for d in catalogue.inventory.departments]
    unknown = next((d for d in departments if d not in known), None)
    if unknown is not None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=unknown))
    if ends <= starts:
        raise UsageError(_("the campaign would end before it starts"))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    by = allow(catalogue.settings.people, user, Action.CAMPAIGN)
    with Ledger.open(catalogue.settings.ledger) as ledger, ledger.transaction():
        made = Campaign(
            id=f"C-{ledger.next_number(Campaign)}",
            title=title,
            departments=departments or tuple(known),
            starts=starts,
            ends=ends,
            policy=policy.id,
            policy_version=policy.version,
            opened_by=by.user,
            opened_at=moment,
        )
        ledger.apply([_event(EventKind.CAMPAIGN_OPENED, made, by, moment)])
        return made


def list_campaigns(catalogue: Catalogue) -> tuple[Campaign, ...]:
    """All of them, in the order in which they were opened."""
    with reading(catalogue) as ledger:
        return ledger.records(Campaign)


def one_campaign(catalogue: Catalogue, name: str) -> Campaign:
    """One of them."""
    with reading(catalogue) as ledger:
        return ledger.record(Campaign, name)


def progress(catalogue: Catalogue, campaign: Campaign, *, now: datetime | None = None) -> tuple[Progress, ...]:
    """How each of its departments stands."""
    moment = now or datetime.now(UTC)
    scored = {d.department: d for d in scores(catalogue, now=moment).departments}
    with reading(catalogue) as ledger:
        findings = ledger.findings(department=campaign.departments)
    return tuple(
        _progress(
            catalogue, campaign, department, scored.get(department), [f for f in findings if f.department == department], moment
        )
        for department in campaign.departments
    )


def _progress(
    catalogue: Catalogue,
    campaign: Campaign,
    department: str,
    one: DepartmentScore | None,
    findings: Iterable[Finding],
    now: datetime,
) -> Progress:
    found = list(findings)
    spared = (FindingState.EXCEPTED, FindingState.FALSE_POSITIVE)
    asked = asked_of(catalogue, department, now=now) if any(d.id == department for d in catalogue.inventory.departments) else ()
    given = [a.answer for a in asked if a.answer is not None]
    standing = (AnswerState.ANSWERED, AnswerState.ACCEPTED)
    return Progress(
        department=department,
        index=one.index if one else None,
        withheld=one.withheld if one else "nothing",
        coverage=one.coverage.share if one else None,
        open=dict(Counter(f.severity for f in found if f.state in LIVE and f.state not in spared)),
        excepted=sum(f.state in spared for f in found),
        overdue=sum(is_overdue(f, now) for f in found),
        closed=sum(f.closed_at is not None and f.closed_at >= campaign.opened_at for f in found),
        asked=len(asked),
        answered=sum(a.state in standing for a in given),
        accepted=sum(a.state is AnswerState.ACCEPTED for a in given),
    )


def close_campaign(catalogue: Catalogue, user: str, name: str, *, now: datetime | None = None) -> Campaign:
    """Close it, and keep all that it rests on as one file that its hash vouches for."""
    moment = now or datetime.now(UTC)
    by = allow(catalogue.settings.people, user, Action.CAMPAIGN)
    held = one_campaign(catalogue, name)
    if held.closed_at is not None:
        raise UsageError(_("campaign {id} is closed already").format(id=held.id))
    content = _frozen(catalogue, held, moment)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        kept = ledger.keep_file(content)
        closed = replace(held, closed_by=by.user, closed_at=moment, frozen=kept)
        ledger.apply([_event(EventKind.CAMPAIGN_CLOSED, closed, by, moment)])
        return closed


def frozen_campaign(catalogue: Catalogue, campaign: Campaign) -> Json:
    """What was kept when it was closed. Raises UsageError for one that is open."""
    if not campaign.frozen:
        raise UsageError(_("campaign {id} is open: nothing is frozen yet").format(id=campaign.id))
    with reading(catalogue) as ledger:
        found: Json = json.loads(ledger.kept_file(campaign.frozen))
        return found


def _frozen(catalogue: Catalogue, campaign: Campaign, now: datetime) -> bytes:
    """Figures and the records that they were made of, with the hashes of policy, plan and files; one state, one text."""
    scored = scores(catalogue, now=now)
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    with reading(catalogue) as ledger:
        entries = list(ledger.journal())[-1:]
        whole = {
            "campaign": to_json(campaign),
            "closed_at": to_json(now),
            "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
            "run": {"id": scored.run.id, "plan_sha256": scored.run.plan_sha256, "ended": to_json(scored.run.ended)},
            "files": {name: digest(content) for name, content in catalogue.sources},
            "journal": {"seq": entries[0].seq, "head": entries[0].hash} if entries else {},
            "progress": to_json(progress(catalogue, campaign, now=now)),
            "scores": to_json([d for d in scored.departments if d.department in campaign.departments]),
            "findings": to_json(ledger.findings(department=campaign.departments)),
            "exceptions": to_json([e for e in ledger.records(RiskException) if e.department in campaign.departments]),
            "answers": to_json([a for a in ledger.records(AttestedAnswer) if a.department in campaign.departments]),
        }
    return canonical(whole)


def _event(kind: EventKind, campaign: Campaign, by: Person, now: datetime) -> Event:
    data: dict[str, Json] = {"record": to_json(campaign), "by": told(by)}
    return Event(kind, now, by.user, campaign.id, data)
