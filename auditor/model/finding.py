"""The lasting record of a failed check, and the events that move it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from auditor.model.common import Json, Severity


class FindingState(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    REOPENED = "reopened"
    CLOSED = "closed"


class Resolution(StrEnum):
    """Why a finding was closed."""

    FIXED = "fixed"
    GONE = "gone"
    NOT_APPLICABLE = "not_applicable"
    POLICY_CHANGED = "policy_changed"
    RETIRED = "retired"


class EventKind(StrEnum):
    """What the journal records. The first four are about findings."""

    FINDING_OPENED = "finding_opened"
    FINDING_CHANGED = "finding_changed"  # still failing, with another observed value, severity, control or due date
    FINDING_CLOSED = "finding_closed"
    FINDING_REOPENED = "finding_reopened"
    RUN_STARTED = "run_started"
    RUN_RESUMED = "run_resumed"
    RUN_FINISHED = "run_finished"
    RUN_INTERRUPTED = "run_interrupted"
    RUN_ABANDONED = "run_abandoned"
    REEVALUATED = "reevaluated"


@dataclass(frozen=True, slots=True)
class Finding:
    """Identity is ``asset``, ``check`` and ``subject``; ``id`` is derived from them. All else are attributes.

    ``last_seen`` is when it last was observed to fail; ``definition`` the check's definition under which it did.
    """

    id: str
    department: str
    asset: str
    check: str
    subject: str
    severity: Severity
    state: FindingState
    controls: tuple[str, ...]
    observed: Json
    expected: Json
    first_seen: datetime
    last_seen: datetime
    definition: str
    due: datetime | None = None
    resolution: Resolution | None = None
    closed_at: datetime | None = None
    reopened: int = 0  # how many times
    reopened_at: datetime | None = None  # when it was last seen to fail again; its deadline counts from then


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the journal, before the ledger gives it a number and a hash.

    ``data`` holds, for a finding event, the finding's attributes as they are after it (JSON), so that replaying the journal
    gives the findings again.
    """

    kind: EventKind
    at: datetime
    actor: str
    subject: str  # finding id, or run id
    data: dict[str, Json] = field(default_factory=dict)
