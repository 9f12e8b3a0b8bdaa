"""When a finding must be remedied, so that every officer is given the same time for the same severity."""

from __future__ import annotations

from datetime import datetime, timedelta


def due(since: datetime, days: int | None) -> datetime | None:
    """``days`` calendar days after ``since``; None when the policy sets no deadline for the severity."""
    return None if days is None else since + timedelta(days=days)
