"""One execution of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from auditor.model.common import Json


class RunStatus(StrEnum):
    """How far a run has come."""

    COLLECTING = "collecting"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # Ctrl-C; may be resumed
    ABANDONED = "abandoned"  # another run was started instead of resuming it


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the ledger keeps it. ``summary`` is what ``runs show --format json`` prints, filled when it is finished."""

    id: int
    status: RunStatus
    started: datetime
    ended: datetime | None
    policy: str
    policy_version: str
    plan_sha256: str
    narrowed: bool
    actor: str
    summary: dict[str, Json] = field(default_factory=dict)
