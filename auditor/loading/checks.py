"""Checks: from their files to the model, with every expression compiled and every case held against the facts' shapes."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from auditor.expressions import compile_check
from auditor.expressions.check import ASSET
from auditor.facts import FACTS, by_name
from auditor.facts.shape import ListOf, MapOf, Record, Shape
from auditor.loading.cases import check_cases
from auditor.loading.document import Document, Report
from auditor.loading.files import Files, digest, text
from auditor.loading.mistake import did_you_mean
from auditor.loading.params import directions, of_type, off_when_empty, type_name
from auditor.loading.wording import got
from auditor.model import Case, Check, FactUse, Param, Scope, Severity, Stricter
from auditor.text import _

EXPRESSIONS = ("applies", "for_each", "where", "decidable", "hides", "subject", "expect", "observed", "expected")
_NEWER = ("empty", "decidable", "hides")  # keys that count only where they stand: the hash of checks without them must not move
RESERVED = frozenset({"params", "asset", "department", "inventory", "now", "observed_at", "item", "gone"})

_CEL_PLACE = re.compile(r"(\d+):(\d+): ?(.*)", re.DOTALL)
_CEL_NAME = re.compile(r"undeclared reference to '([^']+)'")
_CEL_FIELD = re.compile(r"undefined field '([^']+)'")


def load_check(files: Files, document: Document, area: str) -> Check | None:
    """The check in an approved document; None when a mistake was found in it, which the report then holds."""
    report, before = files.report, len(files.report.mistakes)
    data: Any = document.value
    params = _params(document, report)
    check = Check(
        id=data["id"],
        title=text(data["title"]),
        severity=Severity(data["severity"]),
        rationale=text(data["rationale"]),
        facts=_facts(data["facts"]),
        expect=data["expect"],
        remediation=text(data["remediation"]),
        remediation_shell=data["remediation"].get("shell", ""),
        scope=Scope(data.get("scope", "asset")),
        params=params,
        references=data.get("references", {}),
        cases=tuple(_case(case, params) for case in data["cases"]),
        empty=data.get("empty", "not_applicable"),
        area=area,
        sha256=_decisive(data),
        shipped=document.shipped,
        **{key: data.get(key) for key in EXPRESSIONS if key != "expect"},
    )
    if document.shipped:
        return check
    known = _check_facts(document, report, check)
    _check_subject(document, report, check)
    _check_params_used(document, report, check)
    if known:
        _check_expressions(document, report, check)
        check_cases(document, report, check)
    return check if len(report.mistakes) == before else None


def _decisive(data: dict[str, Any]) -> str:
    """The hash of what decides a check's verdicts; wording, severity, defaults and cases are left out.

    Parameters are left out because a verdict's definition adds the values in force.
    """
    facts = sorted((use.variable, use.fact, sorted(use.args)) for use in _facts(data["facts"]))
    older = (key for key in EXPRESSIONS if key not in _NEWER)
    decisive = {"facts": facts, "scope": data.get("scope", "asset"), **{key: data.get(key) for key in older}}
    decisive |= {key: data[key] for key in _NEWER if key in data}
    return digest(decisive)


def _facts(value: Any) -> tuple[FactUse, ...]:
    if isinstance(value, list):
        return tuple(FactUse(name, name) for name in value)
    return tuple(FactUse(variable, fact, tuple(args.items())) for variable, use in value.items() for fact, args in use.items())


def _case(data: dict[str, Any], params: tuple[Param, ...]) -> Case:
    values = dict(data.get("params", {}))
    for param in params:
        with contextlib.suppress(KeyError, ValueError):  # reported by check_cases
            values[param.name] = of_type(param.type, values[param.name])
    return Case(
        name=data["name"],
        given=data["given"],
        verdict=data["verdict"],
        params=values,
        asset=data.get("asset", {}),
        **{key: tuple(data.get(key, ())) for key in ("subjects", "open", "hidden")},
    )


def _params(document: Document, report: Report) -> tuple[Param, ...]:
    """All parameters; what is wrong with them is reported."""
    found = []
    data: Any = document.value
    for name, param in data.get("params", {}).items():
        keys, kind, default = ("params", name), param["type"], param["default"]
        stricter = Stricter(str(param["stricter"]).lower())
        try:
            default = of_type(kind, default)
        except ValueError as error:
            shown = got(default, keys, document)
            message = _("the default of {name} is {value}; {error}, as its type says")
            report.add(document, (*keys, "default"), message.format(name=name, value=shown, error=error))
        if stricter not in directions(kind):
            message = _("{kind} cannot become stricter by {stricter}; expected one of {names}").format(
                kind=type_name(kind), stricter=stricter, names=", ".join(directions(kind))
            )
            report.add(document, (*keys, "stricter"), message)
        off = kind in ("list", "ints") and off_when_empty(name, data.get("applies"))
        found.append(Param(name, default, kind, stricter, off))
    return tuple(found)


def _check_facts(document: Document, report: Report, check: Check) -> bool:
    """Report unknown facts and arguments; whether all facts are known."""
    data: Any = document.value
    listed = isinstance(data["facts"], list)
    all_known, kinds = True, set()
    for index, use in enumerate(check.facts):
        keys = ("facts", index) if listed else ("facts", use.variable, use.fact)
        if use.variable in RESERVED:
            message = _("a variable cannot be called {name}: expressions see something else under that name")
            report.add(document, keys[:2], message.format(name=use.variable), at_key=not listed)
            all_known = False
        fact = by_name(use.fact)
        if fact is None:
            names = sorted(f.name for f in FACTS)
            hint = did_you_mean(use.fact, names) or _("; known: {names}").format(names=", ".join(names))
            message = _("unknown fact {name}{hint}").format(name=use.fact, hint=hint)
            report.add(document, keys, message, at_key=not listed)
            all_known = False
            continue
        kinds.add(fact.asset_kind)
        _check_arguments(document, report, check, use)
    if check.scope is Scope.ASSET and len(kinds) > 1:
        message = _("the facts are read from different kinds of asset ({kinds}), which no asset is at once")
        report.add(document, ("facts",), message.format(kinds=_(" and ").join(sorted(kinds))))
    return all_known


def _check_arguments(document: Document, report: Report, check: Check, use: FactUse) -> None:
    fact = by_name(use.fact)
    assert fact is not None
    data: Any = document.value
    keys = ("facts", use.variable, use.fact)
    if isinstance(data["facts"], list):
        keys = ("facts", [u.variable for u in check.facts].index(use.variable), "")  # type: ignore[assignment]
    given = dict(use.args)
    for missing in [name for name in fact.arguments if name not in given]:
        message = _("the fact {fact} lacks its argument {name}; write {example}")
        example = f"{{{use.variable}: {{{use.fact}: {{{missing}: …}}}}}}"
        report.add(document, keys, message.format(fact=use.fact, name=missing, example=example))
    types = {param.name: param.type for param in check.params}
    for name, value in given.items():
        if name not in fact.arguments:
            names = ", ".join(fact.arguments) or _("none")
            hint = did_you_mean(name, fact.arguments) or _("; it takes {names}").format(names=names)
            message = _("the fact {fact} has no argument {name}{hint}").format(fact=use.fact, name=name, hint=hint)
            report.add(document, (*keys, name), message, at_key=True)
            continue
        kind = fact.arguments[name].name
        if isinstance(value, str) and value.startswith("params."):
            param = value.removeprefix("params.")
            if param not in data.get("params", {}):
                message = _("{name} is no parameter of this check{hint}")
                hint = did_you_mean(param, data.get("params", {}))
                report.add(document, (*keys, name), message.format(name=value, hint=hint))
            elif types.get(param, kind) != kind:
                message = _("the argument {name} takes {kind}; {param} is {other}").format(
                    name=name, kind=type_name(kind), param=value, other=type_name(types[param])
                )
                report.add(document, (*keys, name), message)
            continue
        try:
            of_type(kind, value)
        except ValueError as error:
            message = _("the argument {name} is {value}; {error}")
            shown = got(value, keys, document)
            report.add(document, (*keys, name), message.format(name=name, value=shown, error=error))


def _check_subject(document: Document, report: Report, check: Check) -> None:
    data: Any = document.value
    if check.for_each is not None and check.subject is None:
        message = _("a check with for_each needs subject: the text that names each item, so that its finding can be followed")
        report.add(document, ("for_each",), message, at_key=True)
    if check.for_each is None and "empty" in data:
        report.add(document, ("empty",), _("only a check with for_each may have it"), at_key=True)


def _check_params_used(document: Document, report: Report, check: Check) -> None:
    """A parameter that nothing reads would let a policy believe that it had set something."""
    data: Any = document.value
    sources = [str(data[key]) for key in EXPRESSIONS if key in data]
    sources += [str(value) for use in check.facts for _, value in use.args]
    read = set(re.findall(r"\bparams\.([a-z][a-z0-9_]*)", " ".join(sources)))
    for name in data.get("params", {}):
        if name not in read:
            message = _("no expression or argument reads params.{name}; use it or remove it").format(name=name)
            report.add(document, ("params", name), message, at_key=True)


def _check_expressions(document: Document, report: Report, check: Check) -> None:
    data: Any = document.value
    for mistake in compile_check(check)[1]:
        keys, found = (mistake.key,), _CEL_PLACE.match(mistake.message)
        if found is None:
            report.add(document, keys, _("{key}: {problem}").format(key=mistake.key, problem=mistake.message))
            continue
        line, column = int(found[1]), int(found[2])
        message, name = _plainly(check, found[3])
        # CEL points at a dot beside the name that is wrong; people look for the name.
        source = data[mistake.key].splitlines()[line - 1]
        word = re.compile(rf"\b{re.escape(name)}\b").search(source, max(0, column - 1 - len(name))) if name else None
        column = word.start() + 1 if word else column
        told = _("{key}: {problem}").format(key=mistake.key, problem=message)
        report.mistakes.append(document.mistake_within(keys, line, column, told))


def _plainly(check: Check, message: str) -> tuple[str, str]:
    """CEL's message, and the name that is wrong where there is no such variable or field."""
    unknown, field = _CEL_NAME.search(message), _CEL_FIELD.search(message)
    if unknown:
        name = unknown[1].split(".")[0]
        variables = {*RESERVED, *(use.variable for use in check.facts)}
        hint = did_you_mean(name, variables) or _("; known: {names}").format(names=", ".join(sorted(variables)))
        return _("there is no {name} here{hint}").format(name=name, hint=hint), name
    if field:
        shapes = [fact.shape for use in check.facts if (fact := by_name(use.fact))]
        fields = {p.name for p in check.params}.union({name for name, _ in ASSET.fields}, *(_fields(shape) for shape in shapes))
        hint = did_you_mean(field[1], fields)
        return _("there is no field {name} in it{hint}").format(name=field[1], hint=hint), field[1]
    return message, ""


def _fields(shape: Shape) -> set[str]:
    match shape:
        case Record(fields):
            return {name for name, _ in fields}.union(*(_fields(inner) for _, inner in fields))
        case ListOf(of) | MapOf(of):
            return _fields(of)
        case _:
            return set()
