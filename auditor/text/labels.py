"""The label of every value that people see, in the current language.

The words are the regulators' own; ``docs/glossary.md`` lists them and says why each was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from auditor.model import (
    Answer,
    AnswerState,
    Applicability,
    Approval,
    AssetKind,
    Basis,
    ChangeKind,
    Criticality,
    EventKind,
    Evidence,
    ExceptionKind,
    ExceptionState,
    FindingState,
    Level,
    ObservationStatus,
    Person,
    Reach,
    Reason,
    Resolution,
    Role,
    RunStatus,
    ScoreState,
    Severity,
    Terms,
    VerdictKind,
)
from auditor.text.bidi import isolate, safe
from auditor.text.catalogue import NP_, _, current, pgettext
from auditor.text.figures import number

_Message = tuple[str, str]

# By class first: values of different enums can be equal as strings (Reach.DENIED == ObservationStatus.DENIED).
_LABELS: Final[Mapping[type[StrEnum], Mapping[str, _Message]]] = {
    VerdictKind: {
        VerdictKind.PASS: NP_("verdict", "pass"),
        VerdictKind.FAIL: NP_("verdict", "fail"),
        VerdictKind.NOT_APPLICABLE: NP_("verdict", "not applicable"),
        VerdictKind.UNKNOWN: NP_("verdict", "unknown"),
        VerdictKind.ERROR: NP_("verdict", "error"),
    },
    Severity: {
        Severity.CRITICAL: NP_("severity", "critical"),
        Severity.HIGH: NP_("severity", "high"),
        Severity.MEDIUM: NP_("severity", "medium"),
        Severity.LOW: NP_("severity", "low"),
    },
    FindingState: {
        FindingState.OPEN: NP_("finding", "open"),
        FindingState.ACKNOWLEDGED: NP_("finding", "acknowledged"),
        FindingState.IN_PROGRESS: NP_("finding", "in progress"),
        FindingState.FIX_CLAIMED: NP_("finding", "fix claimed"),
        FindingState.EXCEPTED: NP_("finding", "excepted"),
        FindingState.FALSE_POSITIVE: NP_("finding", "false positive"),
        FindingState.REOPENED: NP_("finding", "reopened"),
        FindingState.CLOSED: NP_("finding", "closed"),
    },
    Resolution: {
        Resolution.FIXED: NP_("resolution", "fixed"),
        Resolution.GONE: NP_("resolution", "no longer there"),
        Resolution.NOT_APPLICABLE: NP_("resolution", "the check no longer applies"),
        Resolution.POLICY_CHANGED: NP_("resolution", "the policy changed"),
        Resolution.RETIRED: NP_("resolution", "the asset was retired"),
    },
    Reach: {
        Reach.REACHED: NP_("reach", "reached"),
        Reach.UNREACHABLE: NP_("reach", "unreachable"),
        Reach.DENIED: NP_("reach", "login refused"),
        Reach.UNTRUSTED: NP_("reach", "host key not trusted"),
        Reach.NO_SHELL: NP_("reach", "logged in, but no usable shell"),
        Reach.TIMED_OUT: NP_("reach", "timed out"),
        Reach.SKIPPED: NP_("reach", "skipped"),
    },
    Reason: {
        Reason.NONE: NP_("reason", "by comparison with what is expected"),
        Reason.DOES_NOT_APPLY: NP_("reason", "the check does not apply to this asset"),
        Reason.NOTHING_TO_EXAMINE: NP_("reason", "there is nothing to examine"),
        Reason.UNREACHABLE: NP_("reason", "the host could not be reached"),
        Reason.HOST_DENIED: NP_("reason", "the host refused the login"),
        Reason.UNTRUSTED: NP_("reason", "the host key is unknown or has changed"),
        Reason.NO_SHELL: NP_("reason", "the login succeeded, but gives no usable shell"),
        Reason.HOST_TIMED_OUT: NP_("reason", "the host did not answer in time"),
        Reason.SKIPPED: NP_("reason", "the host was skipped"),
        Reason.PROBE_FAILED: NP_("reason", "the probe failed"),
        Reason.PROBE_DENIED: NP_("reason", "sudo did not permit the probe"),
        Reason.PROBE_TIMED_OUT: NP_("reason", "the probe did not end in time"),
        Reason.PROBE_TRUNCATED: NP_("reason", "the probe's output was cut short"),
        Reason.PROBE_UNSUPPORTED: NP_("reason", "there is no probe for this platform"),
        Reason.PROBE_NOT_RUN: NP_("reason", "the session ended before the probe ran"),
        Reason.PARSE_ERROR: NP_("reason", "the probe's output could not be read"),
        Reason.EXPRESSION_ERROR: NP_("reason", "the check's expression gave an error"),
        Reason.UNDECIDED: NP_("reason", "what was observed does not decide it"),
        Reason.PARTLY_OBSERVED: NP_("reason", "only part was observed"),
    },
    ScoreState: {
        ScoreState.AUTOMATED: NP_("score", "decided by checks"),
        ScoreState.PARTLY: NP_("score", "by checks alone; awaiting attestation"),
        ScoreState.MANUAL: NP_("score", "awaiting attestation"),
        ScoreState.BOTH: NP_("score", "by checks and by attestation"),
        ScoreState.ATTESTED: NP_("score", "attested"),
        ScoreState.NOT_APPLICABLE: NP_("score", "not applicable"),
        ScoreState.NOT_KNOWN: NP_("score", "not known"),
    },
    Level: {
        Level.FULLY: NP_("level", "fully implemented"),
        Level.PARTLY: NP_("level", "partly implemented"),
        Level.NOT: NP_("level", "not implemented"),
        Level.NOT_APPLICABLE: NP_("level", "not applicable"),
        Level.NOT_KNOWN: NP_("level", "not known"),
    },
    Criticality: {
        Criticality.HIGH: NP_("criticality", "high"),
        Criticality.MEDIUM: NP_("criticality", "medium"),
        Criticality.LOW: NP_("criticality", "low"),
    },
    AssetKind: {
        AssetKind.HOST: NP_("asset", "host"),
        AssetKind.NETWORK: NP_("asset", "network"),
        AssetKind.DEPARTMENT: NP_("asset", "department"),
    },
    Evidence: {
        Evidence.TECHNICAL: NP_("evidence", "technical check"),
        Evidence.HYBRID: NP_("evidence", "technical check and attestation"),
        Evidence.ATTESTATION: NP_("evidence", "documented attestation"),
    },
    RunStatus: {
        RunStatus.COLLECTING: NP_("run", "collecting"),
        RunStatus.FINISHED: NP_("run", "finished"),
        RunStatus.INTERRUPTED: NP_("run", "interrupted"),
        RunStatus.ABANDONED: NP_("run", "abandoned"),
    },
    EventKind: {
        EventKind.FINDING_OPENED: NP_("event", "finding opened"),
        EventKind.FINDING_CHANGED: NP_("event", "finding changed"),
        EventKind.FINDING_CLOSED: NP_("event", "finding closed"),
        EventKind.FINDING_REOPENED: NP_("event", "finding reopened"),
        EventKind.FINDING_ACKNOWLEDGED: NP_("event", "finding acknowledged"),
        EventKind.FINDING_STARTED: NP_("event", "work begun"),
        EventKind.FINDING_CLAIMED: NP_("event", "fix claimed"),
        EventKind.FINDING_REFUTED: NP_("event", "claim refuted by a scan"),
        EventKind.FINDING_ASSIGNED: NP_("event", "finding assigned"),
        EventKind.FINDING_PLANNED: NP_("event", "remedy planned"),
        EventKind.FINDING_EXCEPTED: NP_("event", "finding excepted"),
        EventKind.FINDING_DISPUTED: NP_("event", "finding held to be a false positive"),
        EventKind.FINDING_RESTORED: NP_("event", "finding brought back"),
        EventKind.FINDING_COMMENTED: NP_("event", "comment"),
        EventKind.FINDING_ATTACHED: NP_("event", "file attached"),
        EventKind.EXCEPTION_PROPOSED: NP_("event", "exception proposed"),
        EventKind.EXCEPTION_APPROVED: NP_("event", "exception approved"),
        EventKind.EXCEPTION_ACTIVATED: NP_("event", "exception in force"),
        EventKind.EXCEPTION_REJECTED: NP_("event", "exception rejected"),
        EventKind.EXCEPTION_WITHDRAWN: NP_("event", "exception withdrawn"),
        EventKind.EXCEPTION_REVOKED: NP_("event", "exception revoked"),
        EventKind.EXCEPTION_EXPIRED: NP_("event", "exception expired"),
        EventKind.ATTESTATION_ANSWERED: NP_("event", "attestation answered"),
        EventKind.ATTESTATION_ACCEPTED: NP_("event", "attestation accepted"),
        EventKind.ATTESTATION_RETURNED: NP_("event", "attestation returned"),
        EventKind.ATTESTATION_LAPSED: NP_("event", "attestation lapsed"),
        EventKind.CAMPAIGN_OPENED: NP_("event", "campaign opened"),
        EventKind.CAMPAIGN_CLOSED: NP_("event", "campaign closed"),
        EventKind.CIRCULAR_ISSUED: NP_("event", "circular issued"),
        EventKind.CIRCULAR_ACKNOWLEDGED: NP_("event", "circular acknowledged"),
        EventKind.ASSET_RETIRED: NP_("event", "asset retired"),
        EventKind.CHECK_RETIRED: NP_("event", "check retired"),
        EventKind.LEDGER_SEALED: NP_("event", "ledger sealed"),
        EventKind.RUN_STARTED: NP_("event", "run started"),
        EventKind.RUN_RESUMED: NP_("event", "run resumed"),
        EventKind.RUN_FINISHED: NP_("event", "run finished"),
        EventKind.RUN_INTERRUPTED: NP_("event", "run interrupted"),
        EventKind.RUN_ABANDONED: NP_("event", "run abandoned"),
        EventKind.REEVALUATED: NP_("event", "reevaluated"),
    },
    ChangeKind: {
        ChangeKind.NEW: NP_("change", "new"),
        ChangeKind.REOPENED: NP_("change", "reopened"),
        ChangeKind.FIXED: NP_("change", "fixed"),
        ChangeKind.CLOSED: NP_("change", "closed otherwise"),
        ChangeKind.STILL: NP_("change", "still there"),
        ChangeKind.UNSEEN: NP_("change", "not looked at"),
    },
    ExceptionKind: {
        ExceptionKind.RISK: NP_("exception", "accepted risk"),
        ExceptionKind.FALSE_POSITIVE: NP_("exception", "false positive"),
    },
    ExceptionState: {
        ExceptionState.PROPOSED: NP_("exception", "proposed"),
        ExceptionState.APPROVED: NP_("exception", "approved"),
        ExceptionState.ACTIVE: NP_("exception", "active"),
        ExceptionState.REJECTED: NP_("exception", "rejected"),
        ExceptionState.WITHDRAWN: NP_("exception", "withdrawn"),
        ExceptionState.REVOKED: NP_("exception", "revoked"),
        ExceptionState.EXPIRED: NP_("exception", "expired"),
    },
    Answer: {
        Answer.IMPLEMENTED: NP_("answer", "implemented"),
        Answer.PARTLY: NP_("answer", "partly implemented"),
        Answer.NOT_IMPLEMENTED: NP_("answer", "not implemented"),
        Answer.NOT_APPLICABLE: NP_("answer", "not applicable"),
    },
    AnswerState: {
        AnswerState.ANSWERED: NP_("attestation", "awaiting the committee"),
        AnswerState.ACCEPTED: NP_("attestation", "accepted"),
        AnswerState.RETURNED: NP_("attestation", "returned"),
        AnswerState.LAPSED: NP_("attestation", "lapsed"),
    },
    Role: {
        Role.OPERATOR: NP_("role", "operator"),
        Role.OFFICER: NP_("role", "officer"),
        Role.COMMITTEE: NP_("role", "member of the committee"),
        Role.VIEWER: NP_("role", "viewer"),
    },
    ObservationStatus: {
        ObservationStatus.OK: NP_("observation", "complete"),
        ObservationStatus.FAILED: NP_("observation", "the probe failed"),
        ObservationStatus.DENIED: NP_("observation", "not permitted"),
        ObservationStatus.TIMED_OUT: NP_("observation", "timed out"),
        ObservationStatus.TRUNCATED: NP_("observation", "cut short"),
        ObservationStatus.UNSUPPORTED: NP_("observation", "not supported on this platform"),
        ObservationStatus.NOT_RUN: NP_("observation", "not run"),
    },
}

_WITHHELD: Final[Mapping[str, _Message]] = {
    "coverage": NP_("withheld", "coverage is below the floor that the policy sets"),
    "narrowed": NP_("withheld", "the run was narrowed to some hosts or checks"),
    "not_in_run": NP_("withheld", "the audit was not of this department"),
    "nothing": NP_("withheld", "no check gave a result that counts"),
    "set_aside": NP_("withheld", "the department was set aside because its files are wrong"),
    "theme": NP_("withheld", "too few of its controls are decided"),
}


def label(value: StrEnum) -> str:
    """The label of a value of any of the model's enums that people see."""
    return pgettext(*_LABELS[type(value)][value])


def person(people: Mapping[str, Person], user: str) -> str:
    """Who somebody is, with the name at the operating system; that alone of whoever auditor.toml does not name."""
    held = people.get(user)
    name = safe(held.name.to(current()).strip()) if held else ""
    return f"{name} ({isolate(safe(user))})" if name and name != user else safe(user)


def approvers(people: Mapping[str, Person], approvals: Iterable[Approval]) -> str:
    """Who approved, and for which ministry."""
    told = _("{person}, {ministry}")
    return _("; ").join(told.format(person=person(people, a.person), ministry=isolate(safe(a.ministry))) for a in approvals)


def why_not(line: Applicability) -> str:
    """Why a control does not apply to a department; "" where it does."""
    if line.outside_policy:
        return _("the policy does not require it")
    return line.why_not.to(current()) if line.why_not else ""


def rests_on(basis: Basis) -> str:
    """On how many controls an index rests."""
    return _("{n} of {all}").format(n=number(basis.decided), all=number(basis.controls))


def index_of(bases: Iterable[Basis]) -> str:
    """Of which controls an index is the mean, in one department or summed over several, and of which it is not."""
    own = list(bases)
    if unseen := sum(b.unseen for b in own):
        told = _(
            "rests on {n} of {all} controls; counted as 0, because nothing was seen of them: {unseen}; those that await an "
            "answer are left out"
        )
    else:
        told = _("rests on {n} of {all} controls; those that await an answer are left out")
    counts = {"n": sum(b.decided for b in own), "all": sum(b.controls for b in own), "unseen": unseen}
    return told.format(**{name: number(count) for name, count in counts.items()})


def days_counted(terms: Terms) -> str:
    """Which days the policy's deadlines count."""
    return _("working days of the department's calendar") if terms.working_days else _("days of the calendar")


def withheld(reason: str) -> str:
    """Why a department's index is not shown, as ``DepartmentScore.withheld`` codes it; "" when it is shown."""
    return pgettext(*_WITHHELD[reason]) if reason else ""
