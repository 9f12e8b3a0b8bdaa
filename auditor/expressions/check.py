"""What a check's expressions may see, and their compilation; used when files are loaded and when verdicts are given."""

from __future__ import annotations

import re
from dataclasses import dataclass

from auditor.errors import ExpressionError
from auditor.expressions.cel import ANY, TIMESTAMP, Environment, Program
from auditor.facts import by_name
from auditor.facts.shape import BOOL, FLOAT, INT, STR, ListOf, Record, Shape, record
from auditor.model import Asset, Check, Json, Scope
from auditor.text import _

ASSET = record(
    uid=STR, name=STR, address=STR, platform=STR, role=STR, zone=STR, criticality=STR, tags=ListOf(STR), ports=ListOf(STR)
)
"""``asset`` as expressions see it."""

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
    subject: Program | None
    observed: Program | None
    expected: Program | None
    names: frozenset[str]  # the variables that the expressions mention; binding the others would cost for nothing


def compile_check(check: Check) -> tuple[CompiledCheck | None, tuple[ExpressionMistake, ...]]:
    """Compile all of a check's expressions; on any mistake the first is None and the second holds them all.

    Unknown facts must have been refused before: a fact that is not in the family raises KeyError.
    """
    variables = _variables(check)
    mistakes: list[ExpressionMistake] = []

    def compiled(key: str, source: str | None, expected: Shape | None, environment: Environment) -> Program | None:
        if source is None:
            return None
        try:
            return environment.compile(source, expected)
        except ExpressionError as error:
            mistakes.append(ExpressionMistake(key, str(error)))
            return None

    outer = Environment(variables)
    applies = compiled("applies", check.applies, BOOL, outer)
    for_each = compiled("for_each", check.for_each, None, outer)
    inner = outer
    if check.for_each is not None:
        item: Shape = ANY
        if for_each is not None and for_each.shape is not None:
            if isinstance(for_each.shape, ListOf):
                item = for_each.shape.of
            else:
                mistakes.append(ExpressionMistake("for_each", _("the expression must return a list")))
        inner = Environment({**variables, "item": item})
    elif check.where is not None or check.subject is not None:
        key = "where" if check.where is not None else "subject"
        mistakes.append(ExpressionMistake(key, _("only a check with for_each may have it")))
    where = compiled("where", check.where, BOOL, inner)
    subject = compiled("subject", check.subject, STR, inner)
    expect = compiled("expect", check.expect, BOOL, inner)
    observed = compiled("observed", check.observed, None, inner)
    expected = compiled("expected", check.expected, None, inner)
    if mistakes or expect is None:
        return None, tuple(mistakes)
    sources = (check.applies, check.for_each, check.where, check.subject, check.expect, check.observed, check.expected)
    words = {word for source in sources if source for word in re.findall(r"[A-Za-z_]\w*", source)}
    names = frozenset(words & variables.keys())
    return CompiledCheck(check, expect, applies, for_each, where, subject, observed, expected, names), ()


def bind_asset(asset: Asset) -> dict[str, Json]:
    """An asset as the ``asset`` variable."""
    return {
        "uid": asset.uid,
        "name": asset.name,
        "address": asset.address,
        "platform": asset.platform,
        "role": asset.role,
        "zone": asset.zone,
        "criticality": asset.criticality.value,
        "tags": list(asset.tags),
        "ports": list(asset.ports),
    }


def _variables(check: Check) -> dict[str, Shape]:
    variables: dict[str, Shape] = {
        "params": Record(tuple((p.name, PARAM_SHAPES[p.type]) for p in check.params)),
        "asset": ASSET,
        "department": record(id=STR),
        "inventory": record(addresses=ListOf(STR)),
        "now": TIMESTAMP,
        "observed_at": TIMESTAMP,
    }
    for use in check.facts:
        fact = by_name(use.fact)
        if fact is None:
            raise KeyError(use.fact)
        row = record(asset=ASSET, value=fact.shape, observed_at=INT)  # an int, for records hold no timestamp
        variables[use.variable] = ListOf(row) if check.scope is Scope.DEPARTMENT else fact.shape
    return variables


__all__ = ["ASSET", "PARAM_SHAPES", "CompiledCheck", "ExpressionMistake", "bind_asset", "compile_check"]
