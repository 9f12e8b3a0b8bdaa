"""Coverage and the index, with every term that made them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.model.verdict import VerdictKind


class ScoreState(StrEnum):
    """How a control is decided in a department."""

    AUTOMATED = "automated"  # by checks alone
    PARTLY = "partly"  # checks decide part; people must attest the rest
    MANUAL = "manual"  # only people can answer
    NOT_APPLICABLE = "not_applicable"  # every check said it does not apply
    NOT_KNOWN = "not_known"  # checks were planned, none was judged


@dataclass(frozen=True, slots=True)
class Coverage:
    """Judged ÷ planned asset × check."""

    planned: int
    judged: int

    @property
    def share(self) -> float | None:
        """From 0 to 1, or None when nothing was planned."""
        return self.judged / self.planned if self.planned else None


@dataclass(frozen=True, slots=True)
class ControlScore:
    """One control in one department. ``share`` is the weighted share of passing outcomes, None when nothing counts."""

    control: str
    state: ScoreState
    weight: int
    share: float | None
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    errors: int = 0
    not_applicable: int = 0


@dataclass(frozen=True, slots=True)
class DepartmentScore:
    """One department. ``index`` is 0 to 100, or None; then ``withheld`` says why: coverage, narrowed, nothing or set_aside."""

    department: str
    coverage: Coverage
    index: float | None
    withheld: str
    automated_share: float  # weight of controls that checks decided at least in part ÷ weight of all in force
    attested_share: float  # weight of controls decided by an accepted attestation ÷ weight of all in force
    verdicts: dict[VerdictKind, int]  # outcomes, counted per asset × check
    controls: tuple[ControlScore, ...]
