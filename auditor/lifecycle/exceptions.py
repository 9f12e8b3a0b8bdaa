"""Exceptions and false positives: proposed by a department, approved by both ministries, ended by time, people or change.

An excepted finding is still scanned, shown and counted, apart; a pass closes it like any other.
"""

from __future__ import annotations

import unicodedata
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

from auditor.errors import DeniedMoveError, UsageError
from auditor.lifecycle.permissions import told
from auditor.lifecycle.table import LIVE, move
from auditor.model import (
    SPARED,
    Approval,
    Event,
    EventKind,
    ExceptionKind,
    ExceptionState,
    Finding,
    FindingState,
    Json,
    Person,
    RiskException,
)
from auditor.model.codec import digest, to_json
from auditor.text import _
from auditor.text.labels import label

MINISTRIES = 2
"""How many ministries must agree."""

STANDING = frozenset({ExceptionState.PROPOSED, ExceptionState.APPROVED, ExceptionState.ACTIVE})
SYSTEM = "auditor"
"""The actor of what time does."""

_LAST = timezone(timedelta(hours=-12))  # of all zones on earth the last in which a day ends

TIME, CHECK, OBSERVED, SEVERITY = "time", "check", "observed", "severity"
"""Why the auditor itself ended one: its last day has passed; or it must be looked at again, because the check has changed,
something else is observed than what was agreed on, or what it covers has become more severe.
"""

_NEXT: dict[EventKind, tuple[frozenset[ExceptionState], ExceptionState]] = {
    EventKind.EXCEPTION_REJECTED: (frozenset({ExceptionState.PROPOSED}), ExceptionState.REJECTED),
    EventKind.EXCEPTION_WITHDRAWN: (frozenset({ExceptionState.PROPOSED, ExceptionState.APPROVED}), ExceptionState.WITHDRAWN),
    EventKind.EXCEPTION_REVOKED: (frozenset({ExceptionState.APPROVED, ExceptionState.ACTIVE}), ExceptionState.REVOKED),
    EventKind.EXCEPTION_EXPIRED: (STANDING, ExceptionState.EXPIRED),
}


@dataclass(frozen=True, slots=True)
class Settling:
    """What the world is when exceptions are settled: zones by department, tags by asset. A department whose file is wrong is in
    neither, and an asset that has left its inventory is not among the tags."""

    now: datetime
    zones: Mapping[str, str]
    tags: Mapping[str, tuple[str, ...]]

    def today(self, department: str) -> date:
        """The day in the department's zone."""
        return self.now.astimezone(zoneinfo.ZoneInfo(self.zones.get(department, "UTC"))).date()

    def reached(self, department: str) -> date:
        """The same for what begins and ends by itself: where no file tells the zone, the day that it is everywhere by now. So a
        wrong file ends nothing too early, and keeps nothing alive."""
        return self.today(department) if department in self.zones else self.now.astimezone(_LAST).date()


def propose(request: RiskException, most_days: int | None, by: Person, now: datetime) -> Event:
    """Ask for one. Raises UsageError where an end, a reason or a compensating control is missing, or the end is too far."""
    if not request.reason.strip():
        raise UsageError(_("an exception needs its reason"))
    if request.kind is ExceptionKind.RISK:
        if request.ends is None:
            raise UsageError(_("an exception needs the day on which it ends"))
        if not request.control.strip():
            raise UsageError(_("an exception needs the control that compensates for the risk meanwhile"))
        if request.ends < request.starts:
            raise UsageError(_("the exception would end before it starts"))
        last = request.starts + timedelta(days=(most_days or 0) - 1)
        if most_days is not None and request.ends > last:
            message = _("the policy allows {days} days for this severity: it may end on {last} at the latest")
            raise UsageError(message.format(days=most_days, last=last.isoformat()))
    return recorded(EventKind.EXCEPTION_PROPOSED, request, by, now)


def approve(held: RiskException, by: Person, now: datetime) -> Event:
    """Agree for one's ministry. The last of the ministries makes it approved; settling makes it active on its first day."""
    if held.state is not ExceptionState.PROPOSED:
        message = _("exception {id} is {state}; only one that is proposed can be approved")
        raise UsageError(message.format(id=held.id, state=label(held.state)))
    if by.user == held.requested_by:
        raise DeniedMoveError(_("{user} asked for this exception and cannot approve it").format(user=by.user))
    if not by.ministry:
        raise DeniedMoveError(_("{user} has no ministry in auditor.toml, and approves for one").format(user=by.user))
    if any(a.person == by.user for a in held.approvals):  # for whatever ministry: people move from one to another
        raise DeniedMoveError(_("{user} has approved already; a member for another ministry must do so").format(user=by.user))
    if any(_same(a.ministry, by.ministry) for a in held.approvals):
        message = _("{ministry} has approved already; a member for another ministry must do so")
        raise DeniedMoveError(message.format(ministry=by.ministry))
    approvals = (*held.approvals, Approval(by.user, by.ministry, now))
    state = ExceptionState.APPROVED if len(approvals) >= MINISTRIES else ExceptionState.PROPOSED
    return recorded(EventKind.EXCEPTION_APPROVED, replace(held, approvals=approvals, state=state), by, now)


def _same(one: str, other: str) -> bool:
    """Whether two spellings name one ministry: blanks, letters' case and forms of one letter make no second."""
    return _spelt(one) == _spelt(other)


def _spelt(name: str) -> str:
    visible = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.casefold().split())


def end(kind: EventKind, held: RiskException, by: Person, now: datetime, *, why: str) -> Event:
    """Reject, withdraw or revoke. Withdrawing is the requester's; the others' is not asked here but of ``permissions``."""
    before, after = _NEXT[kind]
    if held.state not in before:
        message = _("exception {id} is {state}; this can be done only while it is {states}")
        states = _(" or ").join(label(s) for s in ExceptionState if s in before)
        raise UsageError(message.format(id=held.id, state=label(held.state), states=states))
    if kind is EventKind.EXCEPTION_WITHDRAWN and by.user != held.requested_by:
        raise DeniedMoveError(_("only {user}, who asked for it, can withdraw it").format(user=held.requested_by))
    if not why.strip():
        raise UsageError(_("say why"))
    return recorded(kind, replace(held, state=after, ended_by=by.user, ended_at=now, ended_why=why.strip()), by, now)


def covers(held: RiskException, finding: Finding, tags: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether it speaks of this finding."""
    return (
        (held.department, held.check) == (finding.department, finding.check)
        and (not held.asset or held.asset == finding.asset)
        and (not held.tag or _tagged(held, finding, tags))
        and (held.subject is None or held.subject == finding.subject)
    )


def _tagged(held: RiskException, finding: Finding, tags: Mapping[str, tuple[str, ...]]) -> bool:
    own = tags.get(finding.asset)
    # That no inventory lists the asset, as its department's file is wrong or as it was taken out, says nothing of its tags. What
    # was covered stays so until time or people end it, and nothing more is covered. The tags that it had when last planned may
    # lie in any older run, and would be read through all of them whenever somebody lists findings.
    return finding.exception == held.id if own is None else held.tag in own


def settle(exceptions: Iterable[RiskException], findings: Iterable[Finding], world: Settling) -> tuple[Event, ...]:
    """What time and scans bring about: exceptions begin and expire, and findings are covered or come back.

    What was agreed on does not grow by itself: a false positive ends when its check, or what is observed, is another now, and an
    accepted risk when its severity is worse, so that it is looked at again.
    """
    live = [f for f in findings if f.state in LIVE]
    events: list[Event] = []
    active: list[RiskException] = []
    for held in exceptions:
        while (aged := _aged(held, live, world)) is not None:  # one that begins may end on the same day
            held = aged[0]
            events.append(aged[1])
        if held.state is ExceptionState.ACTIVE:
            active.append(held)
    events += [event for finding in live if (event := _covered(finding, active, world)) is not None]
    return tuple(events)


def _aged(held: RiskException, live: list[Finding], world: Settling) -> tuple[RiskException, Event] | None:
    today = world.reached(held.department)
    why = ""
    if held.state in STANDING and held.ends is not None and held.ends < today:
        why = TIME
    elif held.state is ExceptionState.ACTIVE:
        why = _outgrown(held, [f for f in live if covers(held, f, world.tags)])
    if why:
        after = replace(held, state=ExceptionState.EXPIRED, ended_by=SYSTEM, ended_at=world.now, ended_why=why)
        return after, _by_time(EventKind.EXCEPTION_EXPIRED, after, world.now)
    if held.state is ExceptionState.APPROVED and held.starts <= today:
        after = replace(held, state=ExceptionState.ACTIVE)
        return after, _by_time(EventKind.EXCEPTION_ACTIVATED, after, world.now)
    return None


def _outgrown(held: RiskException, covered: list[Finding]) -> str:
    """Why it is not what was agreed on any more; "" where it is. Older records say neither what was observed nor how severe."""
    if held.kind is ExceptionKind.FALSE_POSITIVE:
        if any(f.definition != held.definition for f in covered):
            return CHECK
        return OBSERVED if held.observed and any(digest(f.observed) != held.observed for f in covered) else ""
    return SEVERITY if held.severity is not None and any(f.severity.rank < held.severity.rank for f in covered) else ""


def _covered(finding: Finding, active: list[RiskException], world: Settling) -> Event | None:
    over = [e for e in active if covers(e, finding, world.tags)]
    false = next((e for e in over if e.kind is ExceptionKind.FALSE_POSITIVE), None)
    chosen = false or next(iter(over), None)
    if chosen is None:
        if finding.state not in SPARED:
            return None
        kind, name = EventKind.FINDING_RESTORED, ""
    else:
        wanted = FindingState.FALSE_POSITIVE if false else FindingState.EXCEPTED
        if finding.state is wanted and finding.exception == chosen.id:
            return None
        kind, name = (EventKind.FINDING_DISPUTED if false else EventKind.FINDING_EXCEPTED), chosen.id
        if finding.state is wanted:  # another exception covers it now
            return _moved(EventKind.FINDING_CHANGED, replace(finding, exception=name), world.now)
    after = replace(finding, state=move(kind, finding.state), exception=name, claimed_at=None)
    return _moved(kind, after, world.now)


def _moved(kind: EventKind, after: Finding, now: datetime) -> Event:
    return Event(kind, now, SYSTEM, after.id, to_json(after))


def _by_time(kind: EventKind, held: RiskException, now: datetime) -> Event:
    return Event(kind, now, SYSTEM, held.id, {"record": to_json(held)})


def recorded(kind: EventKind, record: RiskException, by: Person, now: datetime) -> Event:
    """The event that leaves the exception as ``record``."""
    data: dict[str, Json] = {"record": to_json(record), "by": told(by)}
    return Event(kind, now, by.user, record.id, data)
