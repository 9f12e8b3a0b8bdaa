"""What reports are made from: everything that stood in the ledger at one point, gathered in one view of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import (
    Campaign,
    Catalogue,
    Circular,
    Json,
    Outcome,
    Plan,
    Point,
    ReportKind,
    ReportOptions,
    Run,
    Snapshot,
)
from auditor.reporting.kinds.burn import LOOKED_BACK
from auditor.scoring import overall_index, theme_scores
from auditor.text import _
from auditor.workflow.campaigns import refuse_other_figures
from auditor.workflow.comparing import Seen, compared
from auditor.workflow.exceptions import expiring
from auditor.workflow.judged import as_judged
from auditor.workflow.missing import missed_of
from auditor.workflow.moments import Moment, is_past, named, point
from auditor.workflow.queries import reading
from auditor.workflow.scores import applicable, kinds_of, score_plan
from auditor.workflow.settling import standing_answers
from auditor.workflow.stamped import input_hashes
from auditor.workflow.standings import Shelved
from auditor.workflow.state import State, after, moved_since, spells
from auditor.workflow.summary import told_coverage


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
        yield Archive(catalogue, ledger, campaign, point(ledger, options, campaign, now, seq))


class Archive:
    """One point of the ledger's history, scored once."""

    def __init__(self, catalogue: Catalogue, ledger: Ledger, campaign: Campaign | None, at: Moment) -> None:
        self._ledger, self._at, self.campaign = ledger, at, campaign
        self._plan = ledger.plan(at.run.id)
        self.catalogue = catalogue = as_judged(ledger, catalogue, at.run.id, self._plan)
        state = after(ledger, at.seq)
        self._state = replace(state, answers=standing_answers(state.answers, catalogue, at.as_of))
        self._scores = score_plan(
            catalogue, self._plan, kinds_of(ledger, at.run.id), self._state.answers, self._state.findings, at.as_of
        )
        refuse_other_figures(ledger, campaign, self._scores)
        self._missed = tuple(missed_of(ledger, at.run))
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
        made = replace(made, past=is_past(options, self.campaign))
        if options.kind is ReportKind.SOA:
            by_name = {s.department: s for s in made.scores}
            listed = [d.id for d in self.catalogue.inventory.departments if d.id in scope]
            answers, now = self._state.answers, self._at.as_of
            statements = {d: applicable(self.catalogue, d, by_name.get(d), answers, now) for d in listed}
            return replace(made, applicability=statements)
        if options.kind is ReportKind.SCORECARD:
            since = self._at.as_of - LOOKED_BACK
            back = [f.id for f in self._state.findings.of(scope) if f.reopened_at is not None and f.reopened_at >= since]
            return replace(made, spells={name: spells(self._ledger, name, self._state.seq) for name in back})
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


def _circulars(state: State, options: ReportOptions, scope: tuple[str, ...]) -> tuple[Circular, ...]:
    wanted = options.circular.casefold()
    found = tuple(c for c in state.circulars if set(c.due) & set(scope) and wanted in ("", c.id.casefold()))
    if wanted and not found:
        message = _("nothing is named {name!r} among the {kind}{hint}")
        raise UsageError(message.format(name=options.circular, kind=_("circulars"), hint=""))
    return found


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
    indices = {name: _number(index) for name, index in departments.items()}
    share = _number(told_coverage(run.summary).get("share"))
    policy = f"{run.policy} {run.policy_version}"
    return Point(run.id, run.ended or run.started, policy, _number(run.summary.get("index")), share, indices)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _listed(run: Run, key: str) -> list[object]:
    value = run.summary.get(key)
    return list(value) if isinstance(value, list) else []


def _compared(ledger: Ledger, options: ReportOptions, snapshot: Snapshot, state: State, plan: Plan) -> Snapshot:
    """The same, with what has changed since an earlier point: by default the run before."""
    earlier = [p for p in snapshot.trend if p.run != snapshot.run.id]
    if not options.since and not earlier:
        raise UsageError(_("there is no earlier audit to compare with; name a run or a day: --since"))
    first = named(ledger, options.since or str(earlier[-1].run), snapshot.as_of)
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
