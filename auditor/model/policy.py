"""The policy: which controls apply, with which parameters, deadlines and scoring; and what departments overlay."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from auditor.model.common import Json, Severity, Text
from auditor.model.inventory import Criticality


@dataclass(frozen=True, slots=True)
class Scoring:
    """The weights of the index, by severity; see docs/scoring.md."""

    check_weights: dict[Severity, int]
    control_weights: dict[Severity, int]
    criticality_weights: dict[Criticality, int] = field(default_factory=lambda: dict.fromkeys(Criticality, 1))
    partly: float = 0.5  # what an answer of "partly implemented" counts
    attested: float = 0.5  # the answer's part in a control that checks decide as well


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take. Days by severity; ``by_criticality`` holds those that an asset's criticality shortens."""

    days: dict[Severity, int]
    by_criticality: dict[Criticality, dict[Severity, int]] = field(default_factory=dict)
    working_days: bool = False
    restart_on_reopening: bool = False
    due_soon: int = 7
    exceptions: dict[Severity, int] = field(default_factory=lambda: dict(zip(Severity, (30, 90, 180, 365), strict=True)))
    attestations: int = 365


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the national policy.

    ``controls`` maps control ids in force to the national article ("" when none is cited); ``params`` maps check id →
    parameter → value; ``terms`` are the days to remediate, to be excepted, to be attested; ``coverage_floor`` is a share from
    0 to 1.
    """

    id: str
    version: str
    title: Text
    framework: str
    of_record: bool
    controls: dict[str, str]
    terms: Terms
    coverage_floor: float
    scoring: Scoring
    params: dict[str, dict[str, Json]] = field(default_factory=dict)
    excluded_checks: tuple[str, ...] = ()
    sha256: str = ""  # of the policy file's content


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A department's leave to be judged less strictly, until its end date (inclusive, in the department's zone).

    Either ``check`` with ``params`` (looser values), ``check`` alone (excluded), or ``control`` (excluded).
    """

    justification: Text
    approver: str
    until: date
    check: str | None = None
    params: dict[str, Json] = field(default_factory=dict)
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """What one department changes: ``params`` only tighten; ``relaxations`` are bounded in time."""

    department: str
    policy: str
    params: dict[str, dict[str, Json]] = field(default_factory=dict)
    relaxations: tuple[Relaxation, ...] = ()
    sha256: str = ""
