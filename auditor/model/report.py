"""What a report is made of: everything that stood in the ledger at one point, and the stamp that lets anybody check it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from auditor.model.common import Text
from auditor.model.control import Control
from auditor.model.finding import Finding
from auditor.model.observation import Reach
from auditor.model.record import AttestedAnswer, Campaign, Circular, RiskException
from auditor.model.run import Run
from auditor.model.score import ControlScore, DepartmentScore, ThemeScore
from auditor.model.shelf import Shelf
from auditor.model.verdict import Outcome
from auditor.model.workspace import Catalogue


class ReportKind(StrEnum):
    """What a report tells, and to whom."""

    SUMMARY = "summary"  # one page for ministers
    SCORECARD = "scorecard"  # one department's controls
    FINDINGS = "findings"  # an officer's work
    PLAN = "plan"  # the corrective-action plan
    CIRCULAR = "circular"  # numbered recommendations
    SOA = "soa"  # statements of applicability
    ANNEX = "annex"  # what the figures rest on
    DELTA = "delta"  # what changed between two points
    LEAGUE = "league"  # departments side by side


class ReportFormat(StrEnum):
    """How a report is written."""

    TERMINAL = "terminal"
    HTML = "html"
    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    OSCAL = "oscal"
    HDF = "hdf"


class Tongue(StrEnum):
    """In which language a report is written."""

    AR = "ar"
    EN = "en"
    BOTH = "both"


class Grouping(StrEnum):
    """How findings are put together."""

    FIX = "fix"  # what one remedy mends, wherever it is
    HOST = "host"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What was asked for. Names are "" and tuples empty where nothing was chosen: then it is everything there is.

    ``since`` and ``until`` are a run's number or a day (YYYY-MM-DD), for ``delta`` alone.
    """

    kind: ReportKind
    tongue: Tongue
    departments: tuple[str, ...] = ()
    run: str = ""
    campaign: str = ""
    circular: str = ""
    since: str = ""
    until: str = ""
    grouping: Grouping = Grouping.FIX


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a report rests on; whoever has the ledger can write the same report again from it.

    ``seq`` and ``head`` are the number and the hash of the journal's last entry; ``files_sha256`` covers every policy, check and
    inventory; ``templates_sha256`` is "" for the stock templates.
    """

    options: ReportOptions
    format: ReportFormat
    as_of: datetime
    run: int
    seq: int
    head: str
    policy: str
    policy_version: str
    policy_sha256: str
    plan_sha256: str
    files_sha256: str
    program: str
    templates_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A finding, and how its time stands."""

    finding: Finding
    overdue: bool
    due_soon: bool


class Standings(Protocol):
    """Findings of the departments in scope, the worst first. They may be unpacked each time that they are gone through."""

    def __iter__(self) -> Iterator[Standing]: ...

    def of(self, department: str) -> Iterable[Standing]:
        """Those of one department, in the same order."""


@dataclass(frozen=True, slots=True)
class Missed:
    """An asset that the run did not reach. ``last_reached`` None: never yet."""

    asset: str
    name: str
    department: str
    reach: Reach
    detail: str
    last_reached: datetime | None


@dataclass(frozen=True, slots=True)
class Point:
    """What one earlier run came to; ``index`` None where it was withheld. ``policy`` with its version."""

    run: int
    at: datetime
    policy: str
    index: float | None
    coverage: float | None
    departments: dict[str, float | None]


class ChangeKind(StrEnum):
    """What became of a finding between two points."""

    NEW = "new"
    REOPENED = "reopened"
    FIXED = "fixed"
    CLOSED = "closed"  # for another reason than a proven fix
    STILL = "still"
    UNSEEN = "unseen"  # still open, and the later run has no verdict on it


@dataclass(frozen=True, slots=True)
class Change:
    """One finding in a delta. Why it was not looked at: ``reach`` and ``detail`` of an asset that was not reached, or ``unseen``:
    its department was set_aside or not_in_run, its asset has left the inventory, or there was no_verdict."""

    kind: ChangeKind
    finding: Finding
    reach: Reach | None = None
    detail: str = ""
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class Applicability:
    """One line of a statement of applicability. A control that does not apply is outside the policy, or ``why_not`` says why."""

    control: Control
    article: str
    applies: bool
    outside_policy: bool
    why_not: Text | None
    score: ControlScore | None
    answer: AttestedAnswer | None


@dataclass(frozen=True, slots=True)
class Spell:
    """A time during which a finding that came back was closed."""

    closed: datetime
    reopened: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that reports show, as it stood at one point of the journal, for the departments in scope.

    ``themes`` holds an index per department and theme; ``trend`` the whole runs up to this one, oldest first; ``index`` is over
    all departments and None when only some are in scope. ``outcomes`` are filled only for formats that list every verdict,
    ``changes`` and ``since`` for a delta, ``applicability`` for statements of applicability, ``spells`` (by finding) for
    scorecards.
    """

    catalogue: Catalogue
    as_of: datetime
    seq: int
    head: str
    run: Run
    departments: tuple[str, ...]
    scores: tuple[DepartmentScore, ...]
    index: float | None
    themes: dict[str, dict[str, ThemeScore]]
    trend: tuple[Point, ...]
    standings: Standings
    exceptions: tuple[RiskException, ...]
    answers: tuple[AttestedAnswer, ...]
    circulars: tuple[Circular, ...]
    campaign: Campaign | None
    missed: tuple[Missed, ...]
    left_inventory: tuple[str, ...]
    expiring: frozenset[str] = frozenset()  # ids of exceptions that end soon
    applicability: dict[str, tuple[Applicability, ...]] = field(default_factory=dict)
    spells: dict[str, tuple[Spell, ...]] = field(default_factory=dict)
    since: Point | None = None
    changes: Shelf[Change] = field(default_factory=Shelf)  # under their kinds, in the order of those
    outcomes: tuple[Outcome, ...] = ()
    past: bool = False  # of another state than today's, of which commands know nothing
    inputs: tuple[tuple[str, str], ...] = ()  # (path, SHA-256) of every file of the workspace
