"""The label of every value that people see, in the current language.

The words are the regulators' own; ``docs/glossary.md`` lists them and says why each was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auditor.model import (
    AssetKind,
    Criticality,
    EventKind,
    Evidence,
    FindingState,
    ObservationStatus,
    Reach,
    Reason,
    Resolution,
    RunStatus,
    ScoreState,
    Severity,
    VerdictKind,
)
from auditor.text.catalogue import NP_, pgettext

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
        Reason.PARTLY_OBSERVED: NP_("reason", "only part was observed"),
    },
    ScoreState: {
        ScoreState.AUTOMATED: NP_("score", "decided by checks"),
        ScoreState.PARTLY: NP_("score", "decided in part by checks"),
        ScoreState.MANUAL: NP_("score", "awaiting attestation"),
        ScoreState.NOT_APPLICABLE: NP_("score", "not applicable"),
        ScoreState.NOT_KNOWN: NP_("score", "not known"),
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
        EventKind.RUN_STARTED: NP_("event", "run started"),
        EventKind.RUN_RESUMED: NP_("event", "run resumed"),
        EventKind.RUN_FINISHED: NP_("event", "run finished"),
        EventKind.RUN_INTERRUPTED: NP_("event", "run interrupted"),
        EventKind.RUN_ABANDONED: NP_("event", "run abandoned"),
        EventKind.REEVALUATED: NP_("event", "reevaluated"),
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
    "nothing": NP_("withheld", "no check gave a result that counts"),
    "set_aside": NP_("withheld", "the department was set aside because its files are wrong"),
}


def label(value: StrEnum) -> str:
    """The label of a value of any of the model's enums that people see."""
    return pgettext(*_LABELS[type(value)][value])


def withheld(reason: str) -> str:
    """Why a department's index is not shown, as ``DepartmentScore.withheld`` codes it; "" when it is shown."""
    return pgettext(*_WITHHELD[reason]) if reason else ""
