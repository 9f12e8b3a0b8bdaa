"""A snapshot with what every kind of report asks of it: titles in the reader's language, zones, what is open, what costs most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from auditor.model import (
    SPARED,
    Asset,
    Check,
    Control,
    ControlScore,
    Department,
    DepartmentScore,
    FindingState,
    Json,
    Point,
    Policy,
    Resolution,
    Severity,
    Snapshot,
    Standing,
    VerdictKind,
)
from auditor.reporting.document import Cell, Column
from auditor.text import _, current, day
from auditor.text.bidi import safe
from auditor.text.labels import person


@dataclass(frozen=True, slots=True)
class Gap:
    """A control that costs points: how many, of a hundred of the whole index, where, and by how many open findings."""

    control: Control
    lost: float
    share: float
    departments: tuple[str, ...]
    findings: int


@dataclass(frozen=True, slots=True)
class Adherence:
    """How many findings were closed by proof within their time, of those whose time has been used or has run out."""

    kept: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None when no deadline has come yet."""
        return self.kept / self.of if self.of else None


@dataclass(slots=True)
class Tally:
    """Findings that are not closed, counted: all that reports of many departments tell of them. ``spared`` are the excepted; the
    others are open, and what is said of severities, controls and checks is said of those alone."""

    open: int = 0
    spared: int = 0
    overdue: int = 0
    due_soon: int = 0
    severities: Counter[Severity] = field(default_factory=Counter)
    controls: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    def count(self, standing: Standing) -> None:
        """Add a finding."""
        finding = standing.finding
        if finding.state is FindingState.CLOSED:
            return
        if finding.state in SPARED:
            self.spared += 1
            return
        self.open += 1
        self.overdue += standing.overdue
        self.due_soon += standing.due_soon
        self.severities[finding.severity] += 1
        self.controls.update(finding.controls)
        self.checks[finding.check] += 1


class Scene:
    """Read-only; made once per report and language."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.catalogue = snapshot.catalogue
        self.departments: dict[str, Department] = {d.id: d for d in snapshot.catalogue.inventory.departments}
        self.scores: dict[str, DepartmentScore] = {s.department: s for s in snapshot.scores}
        self.controls: dict[str, Control] = {c.id: c for c in snapshot.catalogue.framework.controls}
        self._newest: tuple[str, tuple[Standing, ...]] = "", ()  # a department's findings: one at a time is held

    @property
    def policy(self) -> Policy:
        """The policy that the run was judged by."""
        return self.catalogue.policies[self.snapshot.run.policy]

    @property
    def policy_name(self) -> str:
        """That policy with its version, as ``Point.policy`` has it."""
        return f"{self.policy.id} {self.policy.version}"

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """Every asset of the inventories, by uid."""
        return {a.uid: a for d in self.departments.values() for a in d.assets}

    @cached_property
    def live(self) -> tuple[Standing, ...]:
        """Findings that are not closed, excepted ones included."""
        return tuple(s for s in self.snapshot.standings if s.finding.state is not FindingState.CLOSED)

    @cached_property
    def open(self) -> tuple[Standing, ...]:
        """Findings that somebody must still mend."""
        return tuple(s for s in self.live if s.finding.state not in SPARED)

    @cached_property
    def _audited(self) -> tuple[dict[str, Json], ...]:
        """What the run's own account tells of each department."""
        listed = self.snapshot.run.summary.get("departments")
        return tuple(r for r in (listed if isinstance(listed, list) else []) if isinstance(r, dict))

    @cached_property
    def set_aside(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Departments in scope whose own files were wrong, with the mistakes: nothing of them was looked at."""
        rows = [r for r in self._audited if r.get("set_aside")]
        found = ((str(r["id"]), r["set_aside"]) for r in rows if r["id"] in self.snapshot.departments)
        return tuple((name, tuple(str(m) for m in why)) for name, why in found if isinstance(why, list))

    def mistakes(self, department: str) -> tuple[str, ...]:
        """Those in the files of a department that was set aside, by the run or since."""
        return dict(self.set_aside).get(department) or dict(self.catalogue.inventory.set_aside).get(department, ())

    @cached_property
    def not_audited(self) -> tuple[str, ...]:
        """Departments in scope of which the run has nothing at all: what is missing from a list must not read as clean."""
        return tuple(name for name in self.snapshot.departments if name not in self.scores)

    @cached_property
    def planned(self) -> int:
        """How many hosts and networks of the departments in scope the run was to reach."""
        rows = [row for row in self._audited if row["id"] in self.snapshot.departments]
        kinds = [held for row in rows for kind in ("hosts", "networks") if isinstance(held := row.get(kind), dict)]
        return sum(n for held in kinds if isinstance(n := held.get("planned"), int))

    @cached_property
    def unanswered(self) -> int:
        """How many of the planned checks came to no verdict."""
        return sum(s.verdicts.get(k, 0) for s in self.snapshot.scores for k in (VerdictKind.UNKNOWN, VerdictKind.ERROR))

    def withheld(self, department: str) -> str:
        """Why a department in scope has no index, as ``text.labels.withheld`` takes it; "" where it has one."""
        score = self.scores.get(department)
        if score is not None:
            return score.withheld
        return "set_aside" if department in dict(self.set_aside) else "not_in_run"

    @cached_property
    def earlier(self) -> tuple[Point, ...]:
        """The whole audits before this one, which need not be one of them."""
        return tuple(p for p in self.snapshot.trend if p.run != self.snapshot.run.id)

    @cached_property
    def of_all(self) -> bool:
        """Whether every department that the audit was of is in scope."""
        return all(r["id"] in self.snapshot.departments for r in self._audited)

    @cached_property
    def tallies(self) -> dict[str, Tally]:
        """Findings that are not closed, counted for each department."""
        tallies: dict[str, Tally] = defaultdict(Tally)
        for standing in self.snapshot.standings:
            tallies[standing.finding.department].count(standing)
        return tallies

    def of(self, department: str) -> tuple[Standing, ...]:
        """All findings of a department, closed ones too."""
        if self._newest[0] != department:
            self._newest = department, tuple(self.snapshot.standings.of(department))
        return self._newest[1]

    def open_of(self, department: str) -> tuple[Standing, ...]:
        """Open findings of a department."""
        settled = {FindingState.CLOSED, *SPARED}
        return tuple(s for s in self.of(department) if s.finding.state not in settled)

    def zone(self, department: str) -> str:
        """A department's time zone."""
        return self.catalogue.inventory.zone_of((department,))

    @property
    def own_zone(self) -> str:
        """The zone of a report's own dates: that of its departments."""
        return self.catalogue.inventory.zone_of(self.snapshot.departments)

    def day(self, moment: datetime, zone: str) -> str:
        """The day of an instant, as clocks in the zone showed it."""
        return day(moment.astimezone(ZoneInfo(zone)).date())

    def department(self, name: str) -> str:
        """A department's title."""
        found = self.departments.get(name)
        return safe(found.title.to(current()).strip()) if found else safe(name)

    def department_column(self, width: int) -> Column:
        """The column that names a row's department; a report of one alone names it in its title."""
        return Column("department", _("Department"), width=width, spare=len(self.snapshot.departments) == 1)

    def person(self, user: str) -> Cell:
        """Who somebody is, by name."""
        return Cell(person(self.catalogue.settings.people, user), user)

    def check(self, name: str) -> Check | None:
        """A check that is still there."""
        return self.catalogue.checks.get(name)

    def check_title(self, name: str) -> str:
        """What a check demands; of one that is gone, its id."""
        found = self.check(name)
        return " ".join(found.title.to(current()).split()) if found else name

    def control_title(self, name: str) -> str:
        """What a control is called."""
        found = self.controls.get(name)
        return " ".join(found.title.to(current()).split()) if found else name

    def theme(self, name: str) -> str:
        """A theme's label."""
        terms = dict(self.catalogue.framework.vocabulary).get("theme", ())
        return next((t.title.to(current()) for t in terms if t.id == name), name)

    def themes(self) -> tuple[str, ...]:
        """The framework's themes, in its order."""
        return tuple(dict.fromkeys(c.theme for c in self.catalogue.framework.controls))

    def gaps(self, departments: Iterable[str]) -> tuple[Gap, ...]:
        """Controls that cost the index most, the dearest first."""
        wanted = tuple(departments)
        lost: Counter[str] = Counter()
        shares: dict[str, list[float]] = defaultdict(list)
        where: dict[str, list[str]] = defaultdict(list)
        for name in wanted:
            scored = self._scored(name)
            whole = sum(c.weight for c in scored)
            for one in scored if whole else ():  # a policy may weigh every control 0, and nothing costs a point then
                missing = 1 - (one.share or 0.0)
                shares[one.control].append(one.share or 0.0)
                if missing > 0:
                    lost[one.control] += 100 * one.weight * missing / whole / len(wanted)  # type: ignore[assignment]  # floats
                    where[one.control].append(name)
        found = sum((self.tallies[name].controls for name in wanted), Counter[str]())
        gaps = (
            Gap(self.controls[c], points, sum(shares[c]) / len(shares[c]), tuple(where[c]), found[c])
            for c, points in lost.items()
        )
        return tuple(sorted(gaps, key=lambda g: (-g.lost, g.control.id)))

    def _scored(self, department: str) -> tuple[ControlScore, ...]:
        score = self.scores.get(department)
        return tuple(c for c in score.controls if c.share is not None) if score else ()

    def adherence(self, department: str) -> Adherence:
        """Whether a department keeps its deadlines."""
        kept = late = 0
        for standing in self.of(department):
            finding = standing.finding
            if finding.due is None:
                continue
            if finding.closed_at is not None and finding.resolution in (Resolution.FIXED, Resolution.GONE):
                kept += finding.closed_at <= finding.due
                late += finding.closed_at > finding.due
            late += standing.overdue
        return Adherence(kept, kept + late)

    def weighed(self, department: str) -> tuple[int, int]:
        """How many controls are decided by checks and how many by an accepted answer, of a department."""
        score = self.scores.get(department)
        if score is None:
            return 0, 0
        return sum(c.by_checks for c in score.controls), sum(c.attested is not None for c in score.controls)
