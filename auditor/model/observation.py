"""What was seen: the raw, redacted output of one probe on one asset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from auditor.model.plan import ProbeCall


class ObservationStatus(StrEnum):
    """How the attempt ended. Only ``OK`` is ever parsed; every other one judges nothing."""

    OK = "ok"
    FAILED = "failed"  # the probe's own exit status is not 0
    DENIED = "denied"  # sudo was needed and not permitted
    TIMED_OUT = "timed_out"
    TRUNCATED = "truncated"  # more output than the cap, or the stream ended inside it
    UNSUPPORTED = "unsupported"  # no probe for the asset's platform
    NOT_RUN = "not_run"  # the asset's session ended before it came to this probe


class Reach(StrEnum):
    """How an asset was reached."""

    REACHED = "reached"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    UNTRUSTED = "untrusted"
    NO_SHELL = "no_shell"  # it was logged in to, and nothing can be asked of it
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Observation:
    """One probe's output on one asset. ``observed_at`` is the auditor's clock, UTC, when the probe's output had come in."""

    asset: str
    probe: ProbeCall
    status: ObservationStatus
    observed_at: datetime
    stdout: str = ""
    stderr: str = ""
    exit_status: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AssetResult:
    """All that one attempt on one asset brought. ``detail`` says in one English sentence why it was not reached."""

    asset: str
    reach: Reach
    observations: tuple[Observation, ...]
    started: datetime
    ended: datetime
    detail: str = ""
    host_key: str = ""  # SHA256:… fingerprint that was verified, "" when none
