"""A check's cases held against the shapes of its facts, so that no example shows what a host can never show."""

from __future__ import annotations

from typing import Any

from auditor.errors import ParseError
from auditor.expressions.check import ASSET
from auditor.facts import by_name
from auditor.facts.shape import ListOf, MapOf, Record, Shape, conform
from auditor.loading.document import Document, Keys, Report
from auditor.loading.mistake import did_you_mean
from auditor.loading.params import of_type
from auditor.loading.wording import where
from auditor.model import Check, Json, Scope
from auditor.text import _

_ROW = frozenset({"asset", "value", "observed_at"})
_ASSET_FIELDS = frozenset(name for name, _ in ASSET.fields)


def check_cases(document: Document, report: Report, check: Check) -> None:
    """Report what is wrong in the cases of a check whose facts are all known."""
    verdicts = [case.verdict for case in check.cases]
    if "pass" not in verdicts:
        message = _("no case passes; a check is proved by at least one that passes and one that fails")
        report.add(document, ("cases",), message)
    if "fail" not in verdicts:
        message = _("no case fails; a check is proved by at least one that passes and one that fails")
        report.add(document, ("cases",), message)
    if check.hides is not None and not any(case.hidden for case in check.cases):
        message = _("no case hides anything; hides is proved by a case with open and hidden")
        report.add(document, ("cases",), message)
    names: set[str] = set()
    for index, case in enumerate(check.cases):
        if case.name in names:
            message = _('two cases are called "{name}"; give each its own name').format(name=case.name)
            report.add(document, ("cases", index, "name"), message)
        names.add(case.name)
        _check_given(document, report, check, index)
        _check_params(document, report, check, index)


def _check_given(document: Document, report: Report, check: Check, index: int) -> None:
    case, keys = check.cases[index], ("cases", index, "given")
    variables = {use.variable: use.fact for use in check.facts}
    for name, value in case.given.items():
        if name not in variables:
            hint = did_you_mean(name, variables) or _("; known here: {names}").format(names=", ".join(variables))
            message = _("the check sees no fact {name}{hint}").format(name=name, hint=hint)
            report.add(document, (*keys, name), message, at_key=True)
            continue
        fact = by_name(variables[name])
        assert fact is not None
        if check.scope is Scope.DEPARTMENT and not _is_golden(value):
            _check_rows(document, report, fact.shape, value, (*keys, name))
        elif not _is_golden(value):
            _check_value(document, report, fact.shape, value, (*keys, name))
    missing = [name for name in variables if name not in case.given]
    # A fact that was not observed is just what `unknown` is about; every other verdict rests on all of them.
    if missing and case.verdict != "unknown":
        message = _("the fact {name} is not given, so the verdict could only be unknown").format(name=missing[0])
        report.add(document, keys, message)


def _check_rows(document: Document, report: Report, shape: Shape, value: Json, keys: Keys) -> None:
    """A department-scope fact: a list of ``{asset, value}``; a row without a value is an asset that was not observed."""
    if not isinstance(value, list):
        message = _("{place} must be a list of {{asset, value}}: the check judges a whole department")
        report.add(document, keys, message.format(place=where(keys)))
        return
    for index, row in enumerate(value):
        here: Keys = (*keys, index)
        if not isinstance(row, dict) or "asset" not in row or row.keys() - _ROW:
            message = _("{place} must be {{asset: {{uid: …}}, value: …}}, and nothing besides")
            report.add(document, here, message.format(place=where(here)))
            continue
        asset = row["asset"]
        if not isinstance(asset, dict):
            message = _("{place} must be a mapping such as {{uid: web-1}}")
            report.add(document, (*here, "asset"), message.format(place=where((*here, "asset"))))
        else:
            for name in asset.keys() - _ASSET_FIELDS:
                hint = did_you_mean(name, _ASSET_FIELDS)
                message = _("an asset has no field {name}{hint}").format(name=name, hint=hint)
                report.add(document, (*here, "asset", name), message, at_key=True)
        if type(row.get("observed_at", 0)) is not int:
            message = _("{place} must be whole seconds since 1970").format(place=where((*here, "observed_at")))
            report.add(document, (*here, "observed_at"), message)
        if "value" in row and not _is_golden(row["value"]):
            _check_value(document, report, shape, row["value"], (*here, "value"))


def _check_value(document: Document, report: Report, shape: Shape, value: Json, keys: Keys) -> None:
    for inner, message, at_key in _misfits(shape, value, keys):
        report.add(document, inner, message, at_key=at_key)


def _misfits(shape: Shape, value: Any, keys: Keys) -> list[tuple[Keys, str, bool]]:
    """Every place where the value has not the shape: the way to it, what is wrong, and whether its key is meant."""
    match shape:
        case ListOf(of) if isinstance(value, list):
            return [misfit for index, item in enumerate(value) for misfit in _misfits(of, item, (*keys, index))]
        case MapOf(of) if isinstance(value, dict):
            return [misfit for key, item in value.items() for misfit in _misfits(of, item, (*keys, key))]
        case Record(fields, optional) if isinstance(value, dict):
            known = dict(fields)
            found: list[tuple[Keys, str, bool]] = []
            for key, item in value.items():
                if key in known:
                    found += _misfits(known[key], item, (*keys, key))
                else:
                    message = _("{place} has no field {name}{hint}")
                    told = message.format(place=where(keys), name=key, hint=did_you_mean(key, known))
                    found.append(((*keys, key), told, True))
            missing = [key for key in known if key not in value and key not in optional]
            message = _("{place} lacks the field {name}, which the fact always gives")
            return found + [(keys, message.format(place=where(keys), name=key), False) for key in missing]
    try:
        conform(shape, value, "")
    except ParseError as error:
        problem = str(error).removeprefix(": ")
        return [(keys, _("{place}: {problem}").format(place=where(keys), problem=problem), False)]
    return []


def _check_params(document: Document, report: Report, check: Check, index: int) -> None:
    params = {param.name: param for param in check.params}
    for name, value in check.cases[index].params.items():
        keys = ("cases", index, "params", name)
        if name not in params:
            message = _("the check has no parameter {name}{hint}").format(name=name, hint=did_you_mean(name, params))
            report.add(document, keys, message, at_key=True)
            continue
        try:
            of_type(params[name].type, value)
        except ValueError as error:
            report.add(document, keys, _("{place}: {problem}").format(place=where(keys), problem=error))


def _is_golden(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"golden"} and isinstance(value["golden"], str)
