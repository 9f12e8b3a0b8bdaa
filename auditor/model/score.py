"""Coverage and the index, with every term that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    PARTLY = "partly"  # by checks alone so far; people must attest the rest, and have not
    MANUAL = "manual"  # only people can answer, and have not
    BOTH = "both"  # by checks and by an accepted answer beside them
    ATTESTED = "attested"  # by an accepted answer alone
    NOT_APPLICABLE = "not_applicable"  # every check said it does not apply
    NOT_KNOWN = "not_known"  # checks were planned, none was judged


@dataclass(frozen=True, slots=True)
class Coverage:
    """Judged ÷ planned asset × check, of those that apply or might apply.

    What is known not to apply counts on neither side, as in the index: it would make an audit that decided little look whole.
    """

    planned: int
    judged: int  # pass or fail
    not_applicable: int = 0

    @classmethod
    def of(cls, verdicts: Mapping[VerdictKind, int]) -> Coverage:
        """Of so many verdicts of each kind."""
        judged = verdicts.get(VerdictKind.PASS, 0) + verdicts.get(VerdictKind.FAIL, 0)
        return cls(sum(verdicts.values()), judged, verdicts.get(VerdictKind.NOT_APPLICABLE, 0))

    @classmethod
    def over(cls, parts: Iterable[Coverage]) -> Coverage:
        """Of several departments together."""
        held = tuple(parts)
        return cls(sum(c.planned for c in held), sum(c.judged for c in held), sum(c.not_applicable for c in held))

    @property
    def counted(self) -> int:
        """Those that apply, and those of which nobody knows whether they do."""
        return self.planned - self.not_applicable

    @property
    def share(self) -> float | None:
        """From 0 to 1, or None when nothing was planned that might apply."""
        return self.judged / self.counted if self.counted else None


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
        """How far it is put into effect. Never fully where people must answer too and have not, whatever checks say."""
        if self.state is ScoreState.NOT_APPLICABLE:
            return Level.NOT_APPLICABLE
        if self.share is None or self.state is ScoreState.NOT_KNOWN:
            return Level.NOT_KNOWN
        if self.share == 1 and self.state is not ScoreState.PARTLY:
            return Level.FULLY
        return Level.NOT if self.share == 0 else Level.PARTLY

    @property
    def by_checks(self) -> bool:
        """Whether checks decide it at least in part: one at least passed or failed."""
        return self.automated is not None and self.passed + self.failed > 0

    @property
    def decided(self) -> bool:
        """Whether checks or an accepted answer say how it stands."""
        return self.by_checks or self.attested is not None


@dataclass(frozen=True, slots=True)
class Basis:
    """What an index rests on: so many of the controls that apply are decided, and so much of their weight. ``unseen`` are counted
    beside those, as 0: checks speak for them, and nothing was seen."""

    decided: int
    controls: int
    share: float | None  # by weight, from 0 to 1; None where no control applies
    unseen: int = 0

    @classmethod
    def of(cls, controls: Iterable[ControlScore]) -> Basis:
        """Of these controls."""
        own = [c for c in controls if c.state is not ScoreState.NOT_APPLICABLE]
        decided = [c for c in own if c.decided]
        weight = sum(c.weight for c in own)
        share = sum(c.weight for c in decided) / weight if weight else None
        return cls(len(decided), len(own), share, sum(c.share is not None and not c.decided for c in own))


@dataclass(frozen=True, slots=True)
class ThemeScore:
    """The index of a theme in one department, None where it is withheld; ``withheld`` says why, as the department's does."""

    index: float | None
    basis: Basis
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class DepartmentScore:
    """One department. ``index`` is 0 to 100, or None.

    Then ``withheld`` says why: coverage, narrowed, nothing, set_aside, not_in_run or theme. The last is of a theme alone.
    """

    department: str
    coverage: Coverage
    index: float | None
    withheld: str
    automated_share: float  # weight of controls that checks decided at least in part ÷ weight of all in force
    attested_share: float  # weight of controls decided by an accepted attestation ÷ weight of all in force
    verdicts: dict[VerdictKind, int]  # outcomes, counted per asset × check
    controls: tuple[ControlScore, ...]

    @property
    def basis(self) -> Basis:
        """On how many of its controls the index rests."""
        return Basis.of(self.controls)
