"""What time does to exceptions, findings and answers: written down, and known where nobody has written it down yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from auditor.ledger import Ledger
from auditor.lifecycle.attestations import lapse, lapsed
from auditor.lifecycle.exceptions import Settling, settle
from auditor.model import AttestedAnswer, Catalogue, Event, RiskException


def settle_due(ledger: Ledger, catalogue: Catalogue, now: datetime) -> tuple[Event, ...]:
    """Begin and end exceptions whose day has come, cover findings and bring them back, and lapse answers whose review date has
    passed; what happened."""
    with ledger.transaction():
        events = due_events(ledger, catalogue, now)
        ledger.apply(events)
    return events


def due_events(ledger: Ledger, catalogue: Catalogue, now: datetime) -> tuple[Event, ...]:
    """What has come due since the last time, and is not written down yet."""
    exceptions = ledger.records(RiskException)
    world = world_of(catalogue, now)
    ended = settle(exceptions, ledger.findings(open_only=True), world) if exceptions else ()
    return (*ended, *lapse(ledger.records(AttestedAnswer), todays(catalogue, now), now))


def standing_answers(answers: Iterable[AttestedAnswer], catalogue: Catalogue, now: datetime) -> tuple[AttestedAnswer, ...]:
    """Answers as they stand at an instant: one whose review date has passed has lapsed, recorded so or not."""
    today = todays(catalogue, now)
    return tuple(lapsed(held) if held.review < today.get(held.department, held.review) else held for held in answers)


def world_of(catalogue: Catalogue, now: datetime) -> Settling:
    """What the inventories say of zones and tags; of a department that is set aside, nothing."""
    departments = catalogue.inventory.departments
    tags = {a.uid: a.tags for d in departments for a in d.assets}
    return Settling(now, {d.id: d.timezone for d in departments}, tags)


def today_in(catalogue: Catalogue, departments: Iterable[str], now: datetime) -> date:
    """The day that it is in these departments: the later one where they have not the same."""
    zones = {catalogue.inventory.zone_of((department,)) for department in departments}
    return max(now.astimezone(ZoneInfo(zone)).date() for zone in zones)


def todays(catalogue: Catalogue, now: datetime) -> dict[str, date]:
    """The day that it is in each department of the inventories."""
    world = world_of(catalogue, now)
    return {d.id: world.today(d.id) for d in catalogue.inventory.departments}
