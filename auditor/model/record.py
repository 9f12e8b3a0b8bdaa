"""What people decide, as records that the journal carries whole: exceptions, answers, campaigns, circulars."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from auditor.model.common import Severity, Text


class ExceptionKind(StrEnum):
    """Why a failure may stand."""

    RISK = "risk"  # the risk is accepted until an end date
    FALSE_POSITIVE = "false_positive"  # the check is wrong about this subject, as it is defined now


class ExceptionState(StrEnum):
    """Where an exception stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"  # by both ministries; its first day is still to come
    ACTIVE = "active"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """That a member of the committee agreed, for which ministry."""

    person: str
    ministry: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RiskException:
    """An approved acceptance of findings: those of ``department`` and ``check``, on ``asset`` or on assets with ``tag`` where
    given, and of ``subject`` where it is not None. ``starts`` and ``ends`` are days of the department, both included;
    ``definition`` is the check's definition that a false positive was found under, and ``observed`` the digest of what was
    observed then; ``severity`` is the worst that an accepted risk was asked for.
    """

    id: str
    kind: ExceptionKind
    state: ExceptionState
    department: str
    check: str
    reason: str
    requested_by: str
    requested_at: datetime
    starts: date
    ends: date | None = None
    asset: str = ""
    tag: str = ""
    subject: str | None = None
    control: str = ""  # what compensates for the risk meanwhile
    definition: str = ""
    observed: str = ""
    severity: Severity | None = None
    approvals: tuple[Approval, ...] = ()
    ended_by: str = ""
    ended_at: datetime | None = None
    ended_why: str = ""


class Answer(StrEnum):
    """How far a department has put a control into effect."""

    IMPLEMENTED = "implemented"
    PARTLY = "partly"
    NOT_IMPLEMENTED = "not_implemented"
    NOT_APPLICABLE = "not_applicable"


class AnswerState(StrEnum):
    """Where an answer stands."""

    ANSWERED = "answered"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    LAPSED = "lapsed"  # its review date has passed; it counts as no answer


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file kept in the ledger, by its SHA-256; ``dated`` is the day that it speaks of."""

    name: str
    sha256: str
    size: int
    dated: date | None = None


@dataclass(frozen=True, slots=True)
class AttestedAnswer:
    """A department's newest answer to a control. ``id`` is ``department:control``."""

    id: str
    department: str
    control: str
    state: AnswerState
    answer: Answer
    justification: str
    review: date
    answered_by: str
    answered_at: datetime
    evidence: tuple[EvidenceFile, ...] = ()
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A committee's audit of departments over a period. ``frozen`` is the SHA-256 of what was kept when it was closed."""

    id: str
    title: Text
    departments: tuple[str, ...]
    starts: date
    ends: date
    policy: str
    policy_version: str
    opened_by: str
    opened_at: datetime
    closed_by: str = ""
    closed_at: datetime | None = None
    frozen: str = ""


@dataclass(frozen=True, slots=True)
class Circular:
    """A numbered recommendation. ``acknowledged`` tells which departments have read it, by whom and when."""

    id: str
    title: Text
    body: Text
    checks: tuple[str, ...]
    due: dict[str, date]  # by department addressed
    issued_by: str
    issued_at: datetime
    acknowledged: dict[str, Approval] = field(default_factory=dict)
