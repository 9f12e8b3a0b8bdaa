"""Coverage and the index, with every term that made them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auditor.model.verdict import VerdictKind


class Level(StrEnum):
    """How far a control is put into effect."""

    FULLY = "fully"
    PARTLY = "partly"
    NOT = "not"
    NOT_APPLICABLE = "not_applicable"
    NOT_KNOWN = "not_known"


class ScoreState(StrEnum):
    """How a control is decided in a department."""

    AUTOMATED = "automated"  # by checks alone
    PARTLY = "partly"  # checks decide part; people must attest the rest
    MANUAL = "manual"  # only people can answer, and have not
    ATTESTED = "attested"  # by an accepted answer, alone or beside checks
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
    """One control in one department. ``share`` is from 0 to 1, None when nothing counts: of ``automated``, the weighted share of
    passing outcomes, and of ``attested``, what an accepted answer counts. ``excepted`` are outcomes that failed by exception.
    """

    control: str
    state: ScoreState
    weight: int
    share: float | None
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    errors: int = 0
    not_applicable: int = 0
    automated: float | None = None
    attested: float | None = None
    excepted: int = 0

    @property
    def level(self) -> Level:
        """How far it is put into effect."""
        if self.state is ScoreState.NOT_APPLICABLE:
            return Level.NOT_APPLICABLE
        if self.share is None or self.state is ScoreState.NOT_KNOWN:
            return Level.NOT_KNOWN
        return Level.FULLY if self.share == 1 else Level.NOT if self.share == 0 else Level.PARTLY


@dataclass(frozen=True, slots=True)
class DepartmentScore:
    """One department. ``index`` is 0 to 100, or None.

    Then ``withheld`` says why: coverage, narrowed, nothing, set_aside or not_in_run.
    """

    department: str
    coverage: Coverage
    index: float | None
    withheld: str
    automated_share: float  # weight of controls that checks decided at least in part ÷ weight of all in force
    attested_share: float  # weight of controls decided by an accepted attestation ÷ weight of all in force
    verdicts: dict[VerdictKind, int]  # outcomes, counted per asset × check
    controls: tuple[ControlScore, ...]
