"""Running the cases that prove a check, by the very evaluation that judges hosts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from auditor.errors import ParseError, UsageError
from auditor.evaluating import Evaluator, Reading
from auditor.facts import Fact, by_name
from auditor.facts.shape import conform
from auditor.model import (
    Asset,
    AssetKind,
    Case,
    Check,
    CheckTask,
    Connection,
    Criticality,
    Json,
    Outcome,
    ProbeCall,
    Reason,
    Scope,
    VerdictKind,
)
from auditor.text import _

CASE_NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
"""The instant at which every case is judged, so that cases about dates stay true."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case gave. ``skipped`` when its golden is not in this workspace."""

    check: str
    case: str
    expected: str
    got: str
    detail: str = ""
    skipped: bool = False
    shown: tuple[tuple[str, Json, Json], ...] = ()  # subject, observed, expected of what decided

    @property
    def passed(self) -> bool:
        """Whether the case gave what it promises."""
        return not self.skipped and self.expected == self.got


def run_cases(check: Check, goldens: Path) -> tuple[CaseResult, ...]:
    """Run every case of a check. ``goldens`` is the folder ``tests/golden/facts``; it may be missing."""
    return tuple(_run(check, case, goldens) for case in check.cases)


def _run(check: Check, case: Case, goldens: Path) -> CaseResult:
    expected = _told(case.verdict, case.subjects, case.hidden)
    try:
        given = {variable: _value(check, variable, value, goldens) for variable, value in case.given.items()}
    except FileNotFoundError as error:
        return CaseResult(check.id, case.name, expected, "", _("no golden {file}").format(file=error.filename), skipped=True)
    except (ParseError, UsageError, ValueError) as error:
        return CaseResult(check.id, case.name, expected, VerdictKind.ERROR.value, str(error))
    missing = [use.variable for use in check.facts if use.variable not in given]
    if missing:
        return CaseResult(check.id, case.name, expected, "", _("the case gives no value for {name}").format(name=missing[0]))
    outcome = _judge(check, case, given)
    subjects = tuple(v.subject for v in outcome.verdicts if v.kind is outcome.kind and v.subject)
    detail = "; ".join(v.detail for v in outcome.verdicts if v.detail)
    hidden = tuple(v.subject for v in outcome.verdicts if v.subject in case.open and v.reason is Reason.PARTLY_OBSERVED)
    got = _told(outcome.kind.value, subjects if case.subjects else (), hidden)
    shown = tuple((v.subject, v.observed, v.expected) for v in outcome.verdicts if v.kind is outcome.kind)
    return CaseResult(check.id, case.name, expected, got, detail, shown=shown)


def _told(verdict: str, subjects: tuple[str, ...], hidden: tuple[str, ...]) -> str:
    told = f"{verdict}: {', '.join(sorted(subjects))}" if subjects else verdict
    return f"{told}; hidden: {', '.join(sorted(hidden))}" if hidden else told


def _value(check: Check, variable: str, value: Json, goldens: Path) -> Json:
    use = next((u for u in check.facts if u.variable == variable), None)
    fact = by_name(use.fact) if use else None
    if use is None or fact is None:
        raise UsageError(_("the case gives {name}, which the check does not use").format(name=variable))
    value = _stored(fact, value, goldens)
    if check.scope is Scope.ASSET:
        return conform(fact.shape, value, variable)
    rows = value if isinstance(value, list) else []
    return [
        {**row, "value": _stored(fact, row["value"], goldens)} if isinstance(row, dict) and "value" in row else row
        for row in rows
    ]


def _stored(fact: Fact, value: Json, goldens: Path) -> Json:
    """The value itself, or the one that the golden it names is parsed to."""
    if not (isinstance(value, dict) and set(value) == {"golden"}):
        return value
    stem = goldens / fact.name / str(value["golden"])
    told = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    return fact.value(stem.with_suffix(".txt").read_text(encoding="utf-8"), told.get("args", {}))


def _judge(check: Check, case: Case, given: Mapping[str, Json]) -> Outcome:
    params = {p.name: p.default for p in check.params} | case.params
    calls = {use.variable: ProbeCall(use.fact, use.args) for use in check.facts}
    task = CheckTask(check.id, check.severity, params, tuple(calls.items()), (), "case")
    told = case.asset.get("addresses", [])
    addresses = [str(a) for a in told] if isinstance(told, list) else []
    now, asset = CASE_NOW, _asset(case)
    listed = [replace(asset, uid=address, name=address, address=address) for address in addresses]
    evaluator = Evaluator({check.id: check}, now=now, addresses=addresses, hosts={asset.department: listed})
    if check.scope is Scope.DEPARTMENT:
        return evaluator.judge_rows(task, asset, {variable: _rows(value) for variable, value in given.items()})
    readings = {calls[variable]: Reading(value, now) for variable, value in given.items()}
    return evaluator.judge_readings(task, asset, readings, case.open)


def _asset(case: Case) -> Asset:
    plain = Asset("case", AssetKind.HOST, "case", "case", "127.0.0.1", connection=Connection())
    told = case.asset
    lists = {name: tuple(str(v) for v in told.get(name, []) or []) for name in ("tags", "ports")}  # type: ignore[union-attr]
    words = {name: str(told[name]) for name in ("name", "address", "platform", "role", "zone") if name in told}
    return replace(plain, **lists, **words, criticality=Criticality(told.get("criticality", "medium")))  # type: ignore[arg-type]


def _rows(value: Json) -> list[Json]:
    """Rows of a department check; a case may leave out what its expressions do not need of an asset."""
    rows: list[Json] = []
    for row in value if isinstance(value, list) else []:
        if isinstance(row, dict):
            rows.append({"observed_at": int(CASE_NOW.timestamp()), **row})
    return rows
