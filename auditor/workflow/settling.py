"""What time does to exceptions, and exceptions to findings, written down."""

from __future__ import annotations

from datetime import datetime

from auditor.ledger import Ledger
from auditor.lifecycle.exceptions import Settling, settle
from auditor.model import Catalogue, Event, RiskException


def settle_exceptions(ledger: Ledger, catalogue: Catalogue, now: datetime) -> tuple[Event, ...]:
    """Begin and end exceptions whose day has come, cover findings and bring them back; what happened."""
    with ledger.transaction():
        events = _due(ledger, catalogue, now)
        ledger.apply(events)
    return events


def needs_settling(ledger: Ledger, catalogue: Catalogue, now: datetime) -> bool:
    """Whether something has come due since the last time."""
    return bool(_due(ledger, catalogue, now))


def _due(ledger: Ledger, catalogue: Catalogue, now: datetime) -> tuple[Event, ...]:
    exceptions = ledger.records(RiskException)
    if not exceptions:
        return ()
    return settle(exceptions, ledger.findings(open_only=True), world_of(catalogue, now))


def world_of(catalogue: Catalogue, now: datetime) -> Settling:
    """What the inventories say of zones and tags."""
    departments = catalogue.inventory.departments
    tags = {a.uid: a.tags for d in departments for a in d.assets}
    return Settling(now, {d.id: d.timezone for d in departments}, tags)
