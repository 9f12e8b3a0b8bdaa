"""Whether this machine's clock can be right, by what the ledger holds: nothing in it can be of an instant still to come."""

from __future__ import annotations

from datetime import datetime, timedelta

from auditor.ledger import Ledger

SLACK = timedelta(minutes=5)
"""By how much a clock that is well may have been set back since."""


def still_to_come(ledger: Ledger, now: datetime) -> datetime | None:
    """The newest instant in the ledger where it is later than ``now``: this clock is slow, or was fast then. None where it is
    not."""
    newest = ledger.newest_instant()
    return newest if newest is not None and newest > now + SLACK else None
