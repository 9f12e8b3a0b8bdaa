"""The sentence about a clock that cannot be right."""

from __future__ import annotations

from datetime import datetime

from auditor.text import _, instant


def clock_warning(newest: datetime) -> str:
    """That the ledger holds an instant which is still to come, and what to do."""
    told = _(
        "The ledger holds an entry of {instant}, which is still to come: this machine's clock is slow, or it was fast when that "
        "entry was made. Look at the clock, and keep it with chrony or systemd-timesyncd."
    )
    return told.format(instant=instant(newest))
