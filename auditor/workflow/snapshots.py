"""What reports are made from: everything that stood in the ledger at one point, gathered in one view of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.loading import SETTINGS_FILE
from auditor.model import (
    Campaign,
    Catalogue,
    Circular,
    EventKind,
    Json,
    Missed,
    Outcome,
    Plan,
    Point,
    Reach,
    ReportKind,
    ReportOptions,
    Run,
    RunStatus,
    Settings,
    Snapshot,
)
from auditor.model.codec import digest, to_json
from auditor.scoring import overall_index, theme_scores
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.campaigns import refuse_other_figures
from auditor.workflow.comparing import Seen, compared
from auditor.workflow.exceptions import expiring
from auditor.workflow.judged import as_judged
from auditor.workflow.queries import reading
from auditor.workflow.scores import applicable, kinds_of, score_plan
from auditor.workflow.standings import Shelved
from auditor.workflow.state import State, after, moved_since

_MOST_PICTURE = 500_000


@dataclass(frozen=True, slots=True)
class _At:
    """A point in the ledger's history: a run that had ended, and the journal's last entry then."""

    run: Run
    seq: int
    as_of: datetime


def gather(catalogue: Catalogue, options: ReportOptions, *, now: datetime, verdicts: bool = False, seq: int = 0) -> Snapshot:
    """The snapshot that a report asks for. ``seq`` other than 0 takes the ledger as it stood after that entry of the journal, for
    a report that is made again; ``verdicts`` brings every verdict too.

    Raises UsageError for a department, run, campaign, circular or day that is not there.
    """
    with archive(catalogue, options, now=now, seq=seq) as held:
        return held.snapshot(options, verdicts=verdicts)


@contextmanager
def archive(catalogue: Catalogue, options: ReportOptions, *, now: datetime, seq: int = 0) -> Iterator[Archive]:
    """The point that the options name, from which snapshots are cut for as many reports as are wanted."""
    with reading(catalogue) as ledger, ledger.view():
        campaign = ledger.record(Campaign, options.campaign) if options.campaign else None
        yield Archive(catalogue, ledger, campaign, _point(ledger, options, campaign, now, seq))


class Archive:
    """One point of the ledger's history, scored once."""

    def __init__(self, catalogue: Catalogue, ledger: Ledger, campaign: Campaign | None, at: _At) -> None:
        self._ledger, self._at, self.campaign = ledger, at, campaign
        self._plan = ledger.plan(at.run.id)
        self.catalogue = catalogue = as_judged(ledger, catalogue, at.run.id, self._plan)
        self._state = after(ledger, at.seq)
        self._scores = score_plan(
            catalogue, self._plan, kinds_of(ledger, at.run.id), self._state.answers, self._state.findings, at.as_of
        )
        refuse_other_figures(ledger, campaign, self._scores)
        self._missed = tuple(_missed(ledger, at.run))
        self._expiring = frozenset(e.id for e in expiring(catalogue, self._state.exceptions, at.as_of))
        self._inputs = input_hashes(catalogue)

    @property
    def departments(self) -> tuple[str, ...]:
        """Those that were audited or set aside, of a campaign those that are in it."""
        wanted = self.campaign.departments if self.campaign else ()
        return tuple(d for d in self.planned if not wanted or d in wanted)

    @property
    def planned(self) -> tuple[str, ...]:
        """Those that the run was to look at and that are still there: audited, or set aside."""
        wanted = {d.department for d in self._plan.departments} | {d.department for d in self._plan.set_aside}
        return tuple(d for d in _known(self.catalogue, self._state) if d in wanted)

    @cached_property
    def trend(self) -> tuple[Point, ...]:
        """The whole audits up to this one, oldest first."""
        return _trend(self._ledger, self._at.run)

    @property
    def circulars(self) -> tuple[Circular, ...]:
        """Those issued by then."""
        return self._state.circulars

    def snapshot(self, options: ReportOptions, *, verdicts: bool = False, trend: bool = True) -> Snapshot:
        """What one report shows, with earlier audits if ``trend``. Raises UsageError for a department or circular not there."""
        scope = _scope(self.catalogue, options, self.campaign, self._state)
        outcomes = self._outcomes(scope) if verdicts else ()
        made = self._cut(scope, _circulars(self._state, options, scope), outcomes, self.trend if trend else ())
        if options.kind is ReportKind.SOA:
            by_name = {s.department: s for s in made.scores}
            listed = [d.id for d in self.catalogue.inventory.departments if d.id in scope]
            answers, now = self._state.answers, self._at.as_of
            statements = {d: applicable(self.catalogue, d, by_name.get(d), answers, now) for d in listed}
            return replace(made, applicability=statements)
        if options.kind is not ReportKind.DELTA:
            return made
        return _compared(self._ledger, options, made, self._state, self._plan)

    def _outcomes(self, scope: tuple[str, ...]) -> tuple[Outcome, ...]:
        judged = [d for d in self._plan.departments if d.department in scope]
        names = {d.asset.uid for d in judged} | {a.asset.uid for d in judged for a in d.assets}
        return tuple(o for o in self._ledger.verdicts(self._at.run.id) if o.asset in names)

    def _cut(
        self, scope: tuple[str, ...], circulars: tuple[Circular, ...], outcomes: tuple[Outcome, ...], trend: tuple[Point, ...]
    ) -> Snapshot:
        state, at = self._state, self._at
        policy = self.catalogue.policies[self._plan.policy]
        scores = tuple(s for s in self._scores if s.department in scope)
        whole = len(scores) == len(self._scores) and not (self._plan.set_aside or self._plan.narrowed)
        left = [str(uid) for uid in _listed(at.run, "left_inventory")]
        own = {f.asset for f in state.findings.of(scope)} if left else set()
        return Snapshot(
            catalogue=self.catalogue,
            as_of=at.as_of,
            seq=state.seq,
            head=state.head,
            run=at.run,
            departments=scope,
            scores=scores,
            index=overall_index(scores) if whole else None,
            themes={s.department: theme_scores(s, self.catalogue.framework, policy.coverage_floor) for s in scores},
            trend=trend,
            standings=Shelved(state.findings, scope, at.as_of, policy.terms.due_soon),
            exceptions=tuple(e for e in state.exceptions if e.department in scope),
            answers=tuple(a for a in state.answers if a.department in scope),
            circulars=circulars,
            campaign=self.campaign,
            missed=tuple(m for m in self._missed if m.department in scope),
            left_inventory=tuple(uid for uid in left if uid in own),
            expiring=self._expiring,
            outcomes=outcomes,
            inputs=self._inputs,
        )


def input_hashes(catalogue: Catalogue, settings_text: str | None = None) -> tuple[tuple[str, str], ...]:
    """(path, SHA-256) of every file that a report is made from: those of the workspace, and the letterheads' pictures.

    Of auditor.toml it is the hash of what reports look like by it. People, timeouts and letters are in no report, and naming a
    person must not leave all earlier reports unverifiable. ``settings_text`` is a whole auditor.toml to be hashed instead, as it
    was for reports made before.
    """
    settings = catalogue.settings
    found = [(name, _sha256(content.encode())) for name, content in catalogue.sources if name != SETTINGS_FILE]
    if settings_text is None:
        found.append((f"{SETTINGS_FILE} [report]", digest(report_looks(settings))))
    else:
        found.append((SETTINGS_FILE, _sha256(settings_text.encode())))
    logos = {h.logo for h in (settings.letterhead, *settings.letterheads.values()) if h.logo is not None}
    found += [(str(path.relative_to(settings.root)), _sha256(picture_bytes(path))) for path in logos]
    return tuple(sorted(found))


def report_looks(settings: Settings) -> Json:
    """All of auditor.toml that can be seen in a report."""
    heads = {"": settings.letterhead, **settings.letterheads}
    shown: Json = {name: [to_json(h.text), str(h.logo.relative_to(settings.root)) if h.logo else ""] for name, h in heads.items()}
    return [settings.numerals, settings.dates, shown]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def picture_bytes(path: Path) -> bytes:
    """The content of a letterhead's picture. Raises UsageError for one that cannot be read or is too large for every page."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason_of(error))) from error
    if len(content) > _MOST_PICTURE:
        raise UsageError(
            _("{path} is larger than {most} bytes, which is too much for a letterhead").format(path=path, most=_MOST_PICTURE)
        )
    return content


def _circulars(state: State, options: ReportOptions, scope: tuple[str, ...]) -> tuple[Circular, ...]:
    wanted = options.circular.casefold()
    found = tuple(c for c in state.circulars if set(c.due) & set(scope) and wanted in ("", c.id.casefold()))
    if wanted and not found:
        message = _("nothing is named {name!r} among the {kind}{hint}")
        raise UsageError(message.format(name=options.circular, kind=_("circulars"), hint=""))
    return found


def _point(ledger: Ledger, options: ReportOptions, campaign: Campaign | None, now: datetime, seq: int) -> _At:
    head = seq or ledger.head()[0]
    if campaign is not None and campaign.frozen:
        kept = json.loads(ledger.kept_file(campaign.frozen))
        return _At(ledger.run(int(kept["run"]["id"])), int(kept["journal"]["seq"]), campaign.closed_at or now)
    if options.kind is ReportKind.DELTA and options.until:
        return _named(ledger, options.until, now)
    if options.run not in ("", "latest"):
        return _named(ledger, options.run, now)
    if seq:
        return _At(_last_run(ledger, seq), seq, now)
    return _At(ledger.run("latest"), head, now)


def _named(ledger: Ledger, name: str, now: datetime) -> _At:
    """The point that a run's number or a day means: the end of that run, or of that day."""
    if name.isdecimal() or name == "latest":
        run = ledger.run(name)
        if run.status is not RunStatus.FINISHED or run.ended is None:
            raise UsageError(_("run {run} is not finished: there is no report of it").format(run=run.id))
        if run.summary.get("reevaluation"):
            message = _(
                "run {run} was `auditor reevaluate --apply`, which visits no host: there is no report of it; name an audit, or a "
                "day: --run"
            )
            raise UsageError(message.format(run=run.id))
        return _At(run, _end_of(ledger, run.id), run.ended)
    try:
        day = date.fromisoformat(name)
    except ValueError:
        message = _("{name!r} is neither the number of a run nor a day written as YYYY-MM-DD")
        raise UsageError(message.format(name=name)) from None
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC)
    seq = ledger.last_before(midnight)
    return _At(_last_run(ledger, seq), seq, min(now, midnight))


def _end_of(ledger: Ledger, run: int) -> int:
    ends = (e.seq for e in ledger.journal(subject=str(run)) if e.event.kind is EventKind.RUN_FINISHED)
    return max(ends, default=0)


def _last_run(ledger: Ledger, seq: int) -> Run:
    """The newest whole run of the policy of record that had ended by an entry of the journal."""
    for run in reversed(ledger.counted_runs()):
        if _end_of(ledger, run) <= seq:
            return ledger.run(run)
    raise UsageError(_("no audit had ended by then"))


def _scope(catalogue: Catalogue, options: ReportOptions, campaign: Campaign | None, state: State) -> tuple[str, ...]:
    """Departments in scope, in the order of ``_known``."""
    known = _known(catalogue, state)
    wanted = options.departments or (campaign.departments if campaign else ())
    strange = next((d for d in wanted if d not in known), None)
    if strange is not None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=strange))
    return tuple(d for d in known if d in wanted) if wanted else known


def _known(catalogue: Catalogue, state: State) -> tuple[str, ...]:
    """Departments in the order of the inventories; those of which only findings are left come last."""
    inventory = catalogue.inventory
    held = sorted(state.findings.names)
    return tuple(dict.fromkeys((*(d.id for d in inventory.departments), *(d for d, _m in inventory.set_aside), *held)))


def _trend(ledger: Ledger, last: Run) -> tuple[Point, ...]:
    return tuple(_point_of(run, indices) for run, indices in ledger.indices(last.id))


def _point_of(run: Run, departments: dict[str, Json]) -> Point:
    coverage = run.summary.get("coverage")
    indices = {name: _number(index) for name, index in departments.items()}
    share = _number(coverage.get("share")) if isinstance(coverage, dict) else None
    policy = f"{run.policy} {run.policy_version}"
    return Point(run.id, run.ended or run.started, policy, _number(run.summary.get("index")), share, indices)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _listed(run: Run, key: str) -> list[object]:
    value = run.summary.get(key)
    return list(value) if isinstance(value, list) else []


def _missed(ledger: Ledger, run: Run) -> Iterator[Missed]:
    rows = [m for m in _listed(run, "not_reached") if isinstance(m, dict)]
    last = ledger.reaches(run.id) if rows else {}
    for row in rows:
        uid = str(row["asset"])
        yield Missed(uid, str(row["name"]), str(row["department"]), Reach(row["reach"]), str(row["detail"]), last.get(uid))


def _compared(ledger: Ledger, options: ReportOptions, snapshot: Snapshot, state: State, plan: Plan) -> Snapshot:
    """The same, with what has changed since an earlier point: by default the run before."""
    earlier = [p for p in snapshot.trend if p.run != snapshot.run.id]
    if not options.since and not earlier:
        raise UsageError(_("there is no earlier audit to compare with; name a run or a day: --since"))
    first = _named(ledger, options.since or str(earlier[-1].run), snapshot.as_of)
    if first.seq > state.seq:
        raise UsageError(_("the later point lies before the earlier one"))
    by_day = "-" in options.since  # between two days a fix may have been proved without an audit
    if first.run.id == snapshot.run.id and not (by_day and first.seq < state.seq):
        message = _(
            "audit {run} is the earlier and the later point: there is nothing to compare; name an earlier run or day: --since"
        )
        raise UsageError(message.format(run=first.run.id))
    before = moved_since(ledger, first.seq, state.seq)
    seen = Seen.by(ledger, snapshot, plan)
    changes = compared(((before.get(f.id, f), f) for f in state.findings.of(snapshot.departments)), seen)
    indices = {str(d["id"]): d.get("index") for d in _listed(first.run, "departments") if isinstance(d, dict)}
    return replace(snapshot, since=_point_of(first.run, indices), changes=changes)
