"""What became of each finding between two points: to be open still is one thing, to have been seen failing again another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from auditor.ledger import Ledger
from auditor.model import Change, ChangeKind, Finding, FindingState, Missed, Plan, Resolution, Shelf, Snapshot, VerdictKind
from auditor.workflow.scores import kinds_of


@dataclass(frozen=True, slots=True)
class Seen:
    """What the later run saw of findings that are still open: those that fail again, by asset and check, and why no others do."""

    failing: frozenset[tuple[str, str]]
    missed: dict[str, Missed]
    left: frozenset[str]
    audited: frozenset[str]
    set_aside: frozenset[str]

    @classmethod
    def by(cls, ledger: Ledger, snapshot: Snapshot, plan: Plan) -> Seen:
        """By the run that a snapshot is of, in the departments that are in its scope."""
        kinds = kinds_of(ledger, snapshot.run.id)
        own = [d for d in plan.departments if d.department in snapshot.departments]
        return cls(
            frozenset(at for d in own for at, kind in kinds(d).items() if kind is VerdictKind.FAIL),
            {m.asset: m for m in snapshot.missed},
            frozenset(snapshot.left_inventory),
            frozenset(d.department for d in own),
            frozenset(d.department for d in plan.set_aside),
        )

    def of(self, finding: Finding) -> Change:
        """Still there where it fails again; else not looked at, and why."""
        if (finding.asset, finding.check) in self.failing:
            return Change(ChangeKind.STILL, finding)
        if finding.asset in self.missed:
            missed = self.missed[finding.asset]
            return Change(ChangeKind.UNSEEN, finding, missed.reach, missed.detail)
        if finding.asset in self.left:
            return Change(ChangeKind.UNSEEN, finding, unseen="left")
        if finding.department not in self.audited:
            aside = finding.department in self.set_aside
            return Change(ChangeKind.UNSEEN, finding, unseen="set_aside" if aside else "not_in_run")
        return Change(ChangeKind.UNSEEN, finding, unseen="no_verdict")


def compared(found: Iterable[tuple[Finding | None, Finding]], seen: Seen) -> Shelf[Change]:
    """The changes of findings, given as each was at the earlier point (None where it was not there yet) and at the later."""
    changes = (_change(before, now, seen) for before, now in found)
    return Shelf(_by_kind(c for c in changes if c is not None), tuple(ChangeKind))


def _by_kind(changes: Iterable[Change]) -> Iterator[tuple[ChangeKind, list[Change]]]:
    """In packets of one kind, and of one department, so that few are held at a time."""
    for _of, group in groupby(changes, key=lambda c: (c.finding.severity, c.finding.department)):
        packets: dict[ChangeKind, list[Change]] = defaultdict(list)
        for change in group:
            packets[change.kind].append(change)
        yield from packets.items()


def _change(before: Finding | None, now: Finding, seen: Seen) -> Change | None:
    """What became of a finding; None when it was closed at both points."""
    closed = FindingState.CLOSED
    if now.state is closed:
        if before is not None and before.state is closed and before.reopened == now.reopened:
            return None
        proven = now.resolution is Resolution.FIXED
        return Change(ChangeKind.FIXED if proven else ChangeKind.CLOSED, now)
    if before is None:
        return Change(ChangeKind.NEW, now)
    if before.state is closed or now.reopened > before.reopened:
        return Change(ChangeKind.REOPENED, now)
    return seen.of(now)
