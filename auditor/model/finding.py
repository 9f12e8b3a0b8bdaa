"""The lasting record of a failed check, and the events that move it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from auditor.model.common import Json, Severity


class FindingState(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    FIX_CLAIMED = "fix_claimed"
    REOPENED = "reopened"
    EXCEPTED = "excepted"
    FALSE_POSITIVE = "false_positive"
    CLOSED = "closed"


SPARED = (FindingState.EXCEPTED, FindingState.FALSE_POSITIVE)
"""States in which an exception covers it: it fails, and nobody need mend it."""


class Resolution(StrEnum):
    """Why a finding was closed."""

    FIXED = "fixed"
    GONE = "gone"
    NOT_APPLICABLE = "not_applicable"
    POLICY_CHANGED = "policy_changed"
    RETIRED = "retired"


class EventKind(StrEnum):
    """What the journal records: of findings (see ``MOVING`` and ``SPOKEN``), of runs, and of records (see ``Record``)."""

    FINDING_OPENED = "finding_opened"
    FINDING_CHANGED = "finding_changed"  # still failing, with another observed value, severity, control or due date
    FINDING_CLOSED = "finding_closed"
    FINDING_REOPENED = "finding_reopened"
    FINDING_ACKNOWLEDGED = "finding_acknowledged"
    FINDING_STARTED = "finding_started"
    FINDING_CLAIMED = "finding_claimed"
    FINDING_REFUTED = "finding_refuted"  # claimed fixed, and seen to fail afterwards
    FINDING_ASSIGNED = "finding_assigned"
    FINDING_PLANNED = "finding_planned"
    FINDING_EXCEPTED = "finding_excepted"
    FINDING_DISPUTED = "finding_disputed"  # covered by an approved false positive
    FINDING_RESTORED = "finding_restored"  # what covered it has ended

    FINDING_COMMENTED = "finding_commented"
    FINDING_ATTACHED = "finding_attached"

    RUN_STARTED = "run_started"
    RUN_RESUMED = "run_resumed"
    RUN_FINISHED = "run_finished"
    RUN_INTERRUPTED = "run_interrupted"
    RUN_ABANDONED = "run_abandoned"
    REEVALUATED = "reevaluated"

    EXCEPTION_PROPOSED = "exception_proposed"
    EXCEPTION_APPROVED = "exception_approved"
    EXCEPTION_ACTIVATED = "exception_activated"
    EXCEPTION_REJECTED = "exception_rejected"
    EXCEPTION_WITHDRAWN = "exception_withdrawn"
    EXCEPTION_REVOKED = "exception_revoked"
    EXCEPTION_EXPIRED = "exception_expired"
    ATTESTATION_ANSWERED = "attestation_answered"
    ATTESTATION_ACCEPTED = "attestation_accepted"
    ATTESTATION_RETURNED = "attestation_returned"
    ATTESTATION_LAPSED = "attestation_lapsed"
    CAMPAIGN_OPENED = "campaign_opened"
    CAMPAIGN_CLOSED = "campaign_closed"
    CIRCULAR_ISSUED = "circular_issued"
    CIRCULAR_ACKNOWLEDGED = "circular_acknowledged"
    ASSET_RETIRED = "asset_retired"
    CHECK_RETIRED = "check_retired"
    LEDGER_SEALED = "ledger_sealed"


SPOKEN = (EventKind.FINDING_COMMENTED, EventKind.FINDING_ATTACHED)
"""The kinds that speak about a finding and leave it as it is."""

MOVING = tuple(kind for kind in EventKind if kind.value.startswith("finding_") and kind not in SPOKEN)
"""The kinds that move a finding and carry it whole."""


@dataclass(frozen=True, slots=True)
class RemedyPlan:
    """What a department means to do about a finding, and by when."""

    date: date
    steps: str


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
    reopened_at: datetime | None = None  # when it was last seen to fail again
    assignee: str = ""
    plan: RemedyPlan | None = None
    claimed_at: datetime | None = None  # while a fix is claimed: only an observation after it refutes or proves it
    exception: str = ""  # id of the exception that covers it


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the journal, before the ledger gives it a number and a hash.

    ``data`` holds, for a finding event, the finding's attributes as they are after it (JSON), so that replaying the journal
    gives the findings again.
    """

    kind: EventKind
    at: datetime
    actor: str
    subject: str  # id of a finding, a run or a record
    data: dict[str, Json] = field(default_factory=dict)
