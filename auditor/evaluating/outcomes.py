"""Verdicts put together into outcomes: the worst of them speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from auditor.model import Asset, CheckTask, Outcome, Reason, Verdict, VerdictKind

WORST_FIRST = (VerdictKind.FAIL, VerdictKind.ERROR, VerdictKind.UNKNOWN, VerdictKind.PASS, VerdictKind.NOT_APPLICABLE)


def outcome_of(
    task: CheckTask,
    asset: Asset,
    verdicts: Iterable[Verdict],
    *,
    complete: bool,
    observed_at: datetime | None = None,
    excluded: tuple[str, ...] = (),
) -> Outcome:
    """All that a check said of an asset, in the order of the subjects."""
    kept = tuple(sorted(verdicts, key=lambda v: v.subject))
    worst = min((v.kind for v in kept), key=WORST_FIRST.index)
    return Outcome(asset.uid, task.check, task.definition, worst, kept, complete, observed_at, excluded)


def with_doubts(outcome: Outcome, doubts: Mapping[str, str]) -> Outcome:
    """The outcome with UNKNOWN, and the reason given, for each subject of ``doubts``, whatever was said of it."""
    if not doubts:
        return outcome
    unknown = [Verdict(s, VerdictKind.UNKNOWN, reason=Reason.PARTLY_OBSERVED, detail=why) for s, why in doubts.items()]
    kept = [v for v in outcome.verdicts if v.subject not in doubts]
    verdicts = tuple(sorted([*kept, *unknown], key=lambda v: v.subject))
    worst = min((v.kind for v in verdicts), key=WORST_FIRST.index)
    return replace(outcome, kind=worst, verdicts=verdicts, excluded=tuple(s for s in outcome.excluded if s not in doubts))
