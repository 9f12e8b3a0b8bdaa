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
from auditor.lifecycle.attestations import STANDING
from auditor.lifecycle.permissions import allow, told
from auditor.model import (
    SPARED,
    Action,
    AnswerState,
    AttestedAnswer,
    Campaign,
    Catalogue,
    DepartmentScore,
    Event,
    EventKind,
    Finding,
    Json,
    Person,
    RiskException,
    Severity,
    Text,
)
from auditor.model.codec import canonical, digest, to_json
from auditor.text import _, number, percent
from auditor.workflow.attestations import Asked, asked_and
from auditor.workflow.queries import reading, reading_now
from auditor.workflow.scores import Scores, scores_of
from auditor.workflow.settling import settle_due

_SHOWN_ALIKE = 0.01  # points of an index; sums of the same terms differ by less


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
            departments=tuple(dict.fromkeys(departments)) or tuple(known),
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
    with reading_now(catalogue, moment) as ledger, ledger.view():
        return _progress_of(ledger, catalogue, campaign, scores_of(ledger, catalogue, now=moment), moment)


def _progress_of(ledger: Ledger, catalogue: Catalogue, campaign: Campaign, found: Scores, now: datetime) -> tuple[Progress, ...]:
    scored = {d.department: d for d in found.departments}
    findings = ledger.findings(department=campaign.departments)
    answers = ledger.records(AttestedAnswer)
    listed = {d.id for d in catalogue.inventory.departments}
    return tuple(
        _progress(
            campaign,
            department,
            scored.get(department),
            [f for f in findings if f.department == department],
            asked_and(answers, catalogue, department, now=now) if department in listed else (),
            now,
        )
        for department in campaign.departments
    )


def _progress(
    campaign: Campaign,
    department: str,
    one: DepartmentScore | None,
    found: list[Finding],
    asked: tuple[Asked, ...],
    now: datetime,
) -> Progress:
    given = [a.answer for a in asked if a.answer is not None]
    return Progress(
        department=department,
        index=one.index if one else None,
        withheld=one.withheld if one else "nothing",
        coverage=one.coverage.share if one else None,
        open=dict(Counter(f.severity for f in found if f.state in LIVE and f.state not in SPARED)),
        excepted=sum(f.state in SPARED for f in found),
        overdue=sum(is_overdue(f, now) for f in found),
        closed=sum(f.closed_at is not None and f.closed_at >= campaign.opened_at for f in found),
        asked=len(asked),
        answered=sum(a.state in STANDING for a in given),
        accepted=sum(a.state is AnswerState.ACCEPTED for a in given),
    )


def close_campaign(catalogue: Catalogue, user: str, name: str, *, now: datetime | None = None) -> Campaign:
    """Close it, and keep all that it rests on as one file that its hash vouches for."""
    moment = now or datetime.now(UTC)
    by = allow(catalogue.settings.people, user, Action.CAMPAIGN)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger:
        with ledger.transaction():  # what has run out by now must not be frozen as if it stood
            _open_one(ledger, name)
            settle_due(ledger, catalogue, moment)
        with ledger.view():  # all of one moment; a nation's figures take too long for the transaction, which others wait for
            content = _frozen(ledger, catalogue, _open_one(ledger, name), moment)
        with ledger.transaction():
            held = _open_one(ledger, name)
            kept = ledger.keep_file(content)
            closed = replace(held, closed_by=by.user, closed_at=moment, frozen=kept)
            ledger.apply([_event(EventKind.CAMPAIGN_CLOSED, closed, by, moment)])
            return closed


def _open_one(ledger: Ledger, name: str) -> Campaign:
    held = ledger.record(Campaign, name)
    if held.closed_at is not None:
        raise UsageError(_("campaign {id} is closed already").format(id=held.id))
    return held


def frozen_campaign(catalogue: Catalogue, campaign: Campaign) -> Json:
    """What was kept when it was closed. Raises UsageError for one that is open."""
    if not campaign.frozen:
        raise UsageError(_("campaign {id} is open: nothing is frozen yet").format(id=campaign.id))
    with reading(catalogue) as ledger:
        found: Json = json.loads(ledger.kept_file(campaign.frozen))
        return found


def refuse_other_figures(ledger: Ledger, campaign: Campaign | None, scores: Iterable[DepartmentScore]) -> None:
    """Raise UsageError where a closed campaign comes to other figures than those that were frozen: shown as its own they would be
    false. So it is where it was frozen by another policy than its run's, as auditors of before did, or by another formula."""
    if campaign is None or not campaign.frozen:
        return
    found = {s.department: (s.index, s.coverage.share) for s in scores}
    for row in json.loads(ledger.kept_file(campaign.frozen))["progress"]:
        name, was = row["department"], row["index"]
        now, covered = found.get(name, (None, None))
        if _other(now, was):
            message = _(
                "campaign {id} was closed with other figures than this auditor comes to ({department}: {frozen}, not {found}); "
                "what was frozen is shown by: auditor campaign status {id} --format json"
            )
            figures = [_("none") if index is None else number(index, 2) for index in (was, now)]
            raise UsageError(message.format(id=campaign.id, department=name, frozen=figures[0], found=figures[1]))
        if _other(_hundred(covered), _hundred(row["coverage"])):
            message = _(
                "campaign {id} was closed with another coverage than this auditor comes to ({department}: {frozen}, not {found});"
                " what was frozen is shown by: auditor campaign status {id} --format json"
            )
            shares = [_("none") if share is None else percent(share, 1) for share in (row["coverage"], covered)]
            raise UsageError(message.format(id=campaign.id, department=name, frozen=shares[0], found=shares[1]))


def _other(now: float | None, was: float | None) -> bool:
    return (now is None) != (was is None) or abs((now or 0.0) - (was or 0.0)) >= _SHOWN_ALIKE


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _frozen(ledger: Ledger, catalogue: Catalogue, campaign: Campaign, now: datetime) -> bytes:
    """Figures and the records that they were made of, with the hashes of policy, plan and files; one state, one text."""
    scored = scores_of(ledger, catalogue, now=now)
    policy = scored.policy
    seq, head = ledger.head()
    whole = {
        "campaign": to_json(campaign),
        "closed_at": to_json(now),
        "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
        "run": {"id": scored.run.id, "plan_sha256": scored.run.plan_sha256, "ended": to_json(scored.run.ended)},
        "files": {name: digest(content) for name, content in catalogue.sources},
        "journal": {"seq": seq, "head": head},
        "progress": to_json(_progress_of(ledger, catalogue, campaign, scored, now)),
        "scores": to_json([d for d in scored.departments if d.department in campaign.departments]),
        "findings": to_json(ledger.findings(department=campaign.departments)),
        "exceptions": to_json([e for e in ledger.records(RiskException) if e.department in campaign.departments]),
        "answers": to_json([a for a in ledger.records(AttestedAnswer) if a.department in campaign.departments]),
    }
    return canonical(whole)


def _event(kind: EventKind, campaign: Campaign, by: Person, now: datetime) -> Event:
    data: dict[str, Json] = {"record": to_json(campaign), "by": told(by)}
    return Event(kind, now, by.user, campaign.id, data)
