"""A subject that failed and is merely not seen again is no proof of anything: where silence may hide it, it is unknown.

So it is where an item that is there may hide it, as a key file that was not read hides its keys.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from auditor.errors import ExpressionError
from auditor.evaluating.asking import Alone
from auditor.evaluating.bounded import bounded
from auditor.evaluating.deciding import Deciding
from auditor.evaluating.items import named_list, subject_of
from auditor.evaluating.outcomes import with_doubts
from auditor.evaluating.reading import Missing, Output, may_be_short, proven_items
from auditor.expressions import CompiledCheck, Program, Value, bind_asset
from auditor.model import Asset, CheckTask, Json, Outcome, ProbeCall, Reason, VerdictKind

_SILENT = "it did not answer, which is no proof that it is gone"
_UNSEEN = "it was not seen this time, which is no proof that it is gone"


def doubted(
    compiled: CompiledCheck | str,
    task: CheckTask,
    asset: Asset,
    outputs: Mapping[ProbeCall, Output | Missing],
    outcome: Outcome,
    failing: Collection[str],
) -> Outcome:
    """The outcome with UNKNOWN for each of ``failing`` that is merely silent: an absence that nothing proves."""
    told = ((name, outputs[call]) for name, call in task.facts if may_be_short(call))
    short = {name: output for name, output in told if isinstance(output, Output)}
    if isinstance(compiled, str) or _settled(outcome) or not short:
        return outcome
    if compiled.for_each is None:
        return replace(outcome, complete=False)
    left = {*failing} - {""} - {v.subject for v in outcome.verdicts if v.kind in (VerdictKind.FAIL, VerdictKind.ERROR)}
    if left:  # most fail again; the ports that refused are hundreds, and each is a subject
        left -= _subjects(compiled, task, asset, _proven(compiled.for_each, short))
    return with_doubts(outcome, dict.fromkeys(left, _SILENT))


def missed(compiled: CompiledCheck | str, task: CheckTask, outcome: Outcome, failing: Collection[str]) -> Outcome:
    """A department's outcome with UNKNOWN for each of ``failing`` that it says nothing of, where silence may shorten a list.

    A host that answered has a verdict of its own, which is proof enough.
    """
    if isinstance(compiled, str) or _settled(outcome) or not any(may_be_short(call) for _, call in task.facts):
        return outcome
    if compiled.for_each is None:
        return replace(outcome, complete=False) if failing else outcome
    told = {v.subject for v in outcome.verdicts} | {*outcome.excluded}
    return with_doubts(outcome, dict.fromkeys({*failing} - {*told, ""}, _UNSEEN))


def concealed(
    deciding: Deciding,
    task: CheckTask,
    asset: Asset,
    facts: Callable[[], Mapping[str, Value]],
    outcome: Outcome,
    failing: Collection[str],
) -> Outcome:
    """The outcome with UNKNOWN for each of ``failing`` that it does not judge, and an item that it does not judge may hide.

    ``facts`` gives the values of the check's facts, and is asked only where there is such a doubt.
    """
    compiled = deciding.compiled(task.check)
    if isinstance(compiled, str) or compiled.hides is None or outcome.observed_at is None:
        return outcome
    unjudged = outcome.excluded or any(v.reason is Reason.UNDECIDED for v in outcome.verdicts)
    gone = {*failing} - {v.subject for v in outcome.verdicts} - {""}
    if not unjudged or not gone:
        return outcome
    hidden = deciding.hidden(task, asset, facts(), outcome.observed_at, gone)
    return with_doubts(outcome, dict.fromkeys(hidden, _UNSEEN))


def _settled(outcome: Outcome) -> bool:
    """Whether silence says nothing here: nothing closes by an outcome that is not complete, or that does not apply."""
    return not outcome.complete or any(v.reason is Reason.DOES_NOT_APPLY for v in outcome.verdicts)


def _proven(for_each: Program, short: Mapping[str, Output]) -> list[Json]:
    """The items of which the list that is gone through is proof. Another list's, as of the other address, prove nothing."""
    listed = named_list(for_each)
    output = short.get(listed[0]) if listed else next(iter(short.values())) if len(short) == 1 else None
    return proven_items(output) if output is not None else []


def _subjects(compiled: CompiledCheck, task: CheckTask, asset: Asset, items: Iterable[Json]) -> set[str]:
    """The subjects that the items are; an item that the check does not iterate over is none. None where it takes too long."""

    def named() -> set[str]:
        found = set()
        for item in items:
            values: dict[str, Value] = {"params": dict(task.params), "asset": bind_asset(asset), "item": item}
            with contextlib.suppress(ExpressionError):
                found.add(subject_of(compiled.subject, Alone(values)))
        return found

    try:
        return bounded(named, "naming them", raises=ExpressionError)
    except ExpressionError:
        return set()
