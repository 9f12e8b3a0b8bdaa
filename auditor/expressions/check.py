"""What a check's expressions may see, and their compilation; used when files are loaded and when verdicts are given."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from auditor.errors import ExpressionError
from auditor.expressions.cel import ANY, TIMESTAMP, Environment, Program
from auditor.expressions.gathering import ITEMS, ROWS, Gathering
from auditor.expressions.lengths import mapped
from auditor.facts import by_name
from auditor.facts.shape import BOOL, FLOAT, INT, STR, ListOf, Record, Shape, record
from auditor.model import Asset, Check, FactUse, Json, Scope
from auditor.text import _

_TEXTS = dict.fromkeys(("uid", "name", "address", "family", "platform", "role", "zone", "criticality"), STR)
ASSET = record(**_TEXTS, tags=ListOf(STR), ports=ListOf(STR))
"""``asset`` as expressions see it."""

LISTED = record(uid=STR, name=STR, address=STR)
"""A host of ``department.hosts``: those that the department's inventory lists, observed or not."""

PARAM_SHAPES: dict[str, Shape] = {
    "str": STR, "int": INT, "float": FLOAT, "bool": BOOL, "list": ListOf(STR), "ints": ListOf(INT)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExpressionMistake:
    """A mistake in one expression of a check: the key it stands under, and what is wrong."""

    key: str
    message: str


@dataclass(frozen=True, slots=True)
class CompiledCheck:
    """A check's expressions, ready to be evaluated; None where the check has none."""

    check: Check
    expect: Program
    applies: Program | None
    for_each: Program | None
    where: Program | None
    decidable: Program | None
    hides: Program | None
    subject: Program | None
    observed: Program | None
    expected: Program | None
    names: frozenset[str]  # the variables that the expressions mention; binding the others would cost for nothing
    beside: frozenset[str] | None  # facts that expressions on items look at beside the one that lists them; see ``_beside``
    asset_fields: frozenset[str] | None  # those of the asset that the expressions look at; None where that cannot be told
    gathering: Gathering | None  # ``for_each`` where it is one
    mapped: frozenset[str]  # facts whose lists may not be long to decide it; see ``lengths``
    shown_of: frozenset[str]  # facts whose lists may not be long to show what was observed


def compile_check(check: Check) -> tuple[CompiledCheck | None, tuple[ExpressionMistake, ...]]:
    """Compile all of a check's expressions; on any mistake the first is None and the second holds them all.

    Those of a check that came with the program are known to have no mistake of types, and are compiled for evaluation alone.

    Unknown facts must have been refused before: a fact that is not in the family raises KeyError.
    """
    source = _Source(
        check.scope,
        check.facts,
        tuple((p.name, p.type) for p in check.params),
        *(check.applies, check.for_each, check.where, check.decidable, check.hides, check.subject),
        *(check.expect, check.observed, check.expected),
        typed=not check.shipped,
    )
    try:
        return CompiledCheck(check, *_programs(source)), ()
    except _MistakesError as error:
        return None, error.mistakes


@dataclass(frozen=True, slots=True)
class _Source:
    """What a check's compilation depends on."""

    scope: Scope
    facts: tuple[FactUse, ...]
    params: tuple[tuple[str, str], ...]
    applies: str | None
    for_each: str | None
    where: str | None
    decidable: str | None
    hides: str | None
    subject: str | None
    expect: str
    observed: str | None
    expected: str | None
    typed: bool


class _MistakesError(Exception):
    def __init__(self, mistakes: tuple[ExpressionMistake, ...]) -> None:
        super().__init__()
        self.mistakes = mistakes


_Optional: TypeAlias = Program | None
_Programs: TypeAlias = tuple[
    Program,
    _Optional,
    _Optional,
    _Optional,
    _Optional,
    _Optional,
    _Optional,
    _Optional,
    _Optional,
    frozenset[str],
    frozenset[str] | None,
    frozenset[str] | None,
    Gathering | None,
    frozenset[str],
    frozenset[str],
]


@functools.lru_cache(maxsize=2048)
def _programs(source: _Source) -> _Programs:
    """The fields of ``CompiledCheck`` after its check. Loading compiles to find mistakes, judging to evaluate: once is enough."""
    variables = _variables(source)
    mistakes: list[ExpressionMistake] = []

    def compiled(key: str, text: str | None, expected: Shape | None, environment: Environment) -> Program | None:
        if text is None:
            return None
        try:
            return environment.compile(text, expected, shown=key != "for_each")  # verdicts are sorted by subject
        except ExpressionError as error:
            mistakes.append(ExpressionMistake(key, str(error)))
            return None

    outer = Environment(variables, typed=source.typed)
    applies = compiled("applies", source.applies, BOOL, outer)
    for_each = compiled("for_each", source.for_each, None, outer)
    inner = outer
    item: Shape = ANY
    if source.for_each is not None:
        if for_each is not None and for_each.shape is not None:
            if isinstance(for_each.shape, ListOf):
                item = for_each.shape.of
            else:
                mistakes.append(ExpressionMistake("for_each", _("the expression must return a list")))
        inner = Environment({**variables, "item": item}, typed=source.typed)
    else:
        alone = (("where", source.where), ("hides", source.hides), ("subject", source.subject))
        if (key := next((key for key, text in alone if text is not None), "")) != "":
            mistakes.append(ExpressionMistake(key, _("only a check with for_each may have it")))
    where = compiled("where", source.where, BOOL, inner)
    decidable = compiled("decidable", source.decidable, BOOL, inner)
    if source.hides is not None and (source.scope is Scope.DEPARTMENT or (source.where or source.decidable) is None):
        mistakes.append(ExpressionMistake("hides", _("only a check of scope asset with where or decidable may have it")))
    asked = Environment({**variables, "item": item, "gone": STR}, typed=source.typed) if source.hides is not None else inner
    hides = compiled("hides", source.hides, BOOL, asked)
    subject = compiled("subject", source.subject, STR, inner)
    expect = compiled("expect", source.expect, BOOL, inner)
    observed = compiled("observed", source.observed, None, inner)
    expected = compiled("expected", source.expected, None, inner)
    if mistakes or expect is None:
        raise _MistakesError(tuple(mistakes))
    on_item = (source.where, source.decidable, source.hides, source.subject, source.expect, source.observed, source.expected)
    of_item = _words(*on_item) & variables.keys()
    names = of_item | (_words(source.applies, source.for_each) & variables.keys())
    beside = _beside(source, of_item) if for_each is not None else None
    fields = _asset_fields((source.applies, source.for_each, *on_item))
    at_once = ROWS if source.scope is Scope.DEPARTMENT else ITEMS
    gathering = Gathering.of(source.for_each, lambda text: compiled("for_each", text, None, outer), at_once)
    programs = expect, applies, for_each, where, decidable, hides, subject, observed, expected
    return (*programs, frozenset(names), beside, fields, gathering, *_mapped(source, gathering))


def _mapped(source: _Source, gathering: Gathering | None) -> tuple[frozenset[str], frozenset[str]]:
    """The facts of which one evaluation may make a list as long as they are: to decide, and to show what was observed.

    What is gathered is made of a piece at a time.
    """
    facts = {use.variable for use in source.facts}
    listing = facts & _words(source.for_each)
    whole = (source.for_each,) if gathering is None else tuple(part.inside for part in gathering.parts)
    if source.scope is Scope.DEPARTMENT:  # whose items are of many hosts
        return mapped(whole, facts, listing, rows=True), frozenset()
    deciding = (source.applies, *whole, source.where, source.decidable, source.hides, source.subject, source.expect)
    return mapped(deciding, facts, listing), mapped((source.observed, source.expected), facts, listing)


def _beside(source: _Source, of_item: set[str]) -> frozenset[str] | None:
    """What is said of an item rests on the item, the parameters, the instant of the run and these facts; None: on more.

    More is the asset, the inventory, the instant of an observation, or all items together; of a department, rows of all hosts.
    """
    facts = {use.variable for use in source.facts if source.scope is Scope.ASSET} - _words(source.for_each)
    found = of_item - {"params", "now"}
    return frozenset(found) if found <= facts else None


def _asset_fields(texts: Iterable[str | None]) -> frozenset[str] | None:
    """The fields in ``asset.field``; None when ``asset`` stands anywhere without one."""
    mentions = [m for text in texts if text for m in re.finditer(r"\basset\b(?:\s*\.\s*([A-Za-z_]\w*))?", text)]
    return frozenset(m[1] for m in mentions) if all(m[1] for m in mentions) else None


def _words(*texts: str | None) -> set[str]:
    """Whatever may be a variable's name: fields of that name, and words inside texts, are among them."""
    return {word for text in texts if text for word in re.findall(r"[A-Za-z_]\w*", text)}


def bind_asset(asset: Asset) -> dict[str, Json]:
    """An asset as the ``asset`` variable."""
    return {
        "uid": asset.uid,
        "name": asset.name,
        "address": asset.address,
        "family": _family(asset.address),
        "platform": asset.platform,
        "role": asset.role,
        "zone": asset.zone,
        "criticality": asset.criticality.value,
        "tags": list(asset.tags),
        "ports": list(asset.ports),
    }


def _family(address: str) -> str:
    """What an address is, for checks that need no more of it: hosts that are alike in this are judged once."""
    if ":" in address:
        return "ipv6"
    return "ipv4" if re.fullmatch(r"[0-9.]+", address) else "name"


def _variables(source: _Source) -> dict[str, Shape]:
    variables: dict[str, Shape] = {
        "params": Record(tuple((name, PARAM_SHAPES[kind]) for name, kind in source.params)),
        "asset": ASSET,
        "department": record(id=STR, hosts=ListOf(LISTED), missing=INT),
        "inventory": record(addresses=ListOf(STR)),
        "now": TIMESTAMP,
        "observed_at": TIMESTAMP,
    }
    for use in source.facts:
        fact = by_name(use.fact)
        if fact is None:
            raise KeyError(use.fact)
        row = record(asset=ASSET, value=fact.shape, observed_at=INT)  # an int, for records hold no timestamp
        variables[use.variable] = ListOf(row) if source.scope is Scope.DEPARTMENT else fact.shape
    return variables


__all__ = ["ASSET", "PARAM_SHAPES", "CompiledCheck", "ExpressionMistake", "bind_asset", "compile_check"]
