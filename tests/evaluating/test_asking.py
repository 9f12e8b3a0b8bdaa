"""Asking of many items at once gives each the answer that it would have alone, errors included."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ExpressionError
from auditor.evaluating import asking
from auditor.evaluating.asking import AT_ONCE, Alone, Asking, Together, room
from auditor.expressions import ANY, Environment, Program
from auditor.expressions import cel as expressions
from auditor.expressions.cel import Binding
from auditor.loading import load_workspace
from auditor.model import Json
from auditor.workflow.cases import run_cases

ROOT = Path(__file__).parents[2]
VALUES: dict[str, Json] = {"others": [{"name": f"n{n}", "of": n} for n in range(40)], "item": "what stands outside"}
SOURCES = (
    "item",
    "item.name",
    "item.name == 'n3'",
    "has(item.name) && item.name.matches('n[0-9]$')",
    "others.exists(o, o.name == item.name)",
    "others.filter(item, item.of > 37).map(item, item.name)",  # a variable of its own of that name
    "others[item].name",
    "item > 1 ? item : item - 1",
    "item in ['n1', 'n2'] // how it ends",
    "[item, item, {'of': item}]",
    "'the same'",
    "1 / (item - 2)",
    "item != null && item",
    "timestamp(item)",
    "[string(item), 'a'].distinct().sort().join('-')",
)
ENVIRONMENT = Environment({"item": ANY, "others": ANY}, typed=False)
PROGRAMS = {source: ENVIRONMENT.compile(source) for source in SOURCES}
one = st.one_of(  # no nulls, which no fact has
    st.booleans(),
    st.integers(-3, 45),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.sampled_from(["n1", "n3"]),
    st.fixed_dictionaries({}, optional={"name": st.sampled_from(["n3", "n99", 7])}),
    st.lists(st.integers(0, 3), max_size=3),
)


def said(ask: Callable[[Program], object], program: Program) -> tuple[str, str]:
    try:
        answer = ask(program)
    except ExpressionError as error:
        return "error", str(error)
    return type(answer).__name__, repr(answer)


def both(asked: Asking) -> tuple[Callable[[Program], object], ...]:
    return asked.value, asked.holds


@given(st.lists(one, min_size=1, max_size=AT_ONCE), st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4))
def test_items_are_told_together_what_each_is_told_alone(items: list[Json], sources: list[str]) -> None:
    """Values, yes and no, and errors, of whatever kind the others are."""
    together = Together(VALUES, items).each()
    for source in sources:
        for item, asked in zip(items, together, strict=True):
            alone = Alone({**VALUES, "item": item})
            for ask, by_itself in zip(both(asked), both(alone), strict=True):
                assert said(ask, PROGRAMS[source]) == said(by_itself, PROGRAMS[source]), (source, item)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many items each evaluation for several has been."""
    many: list[int] = []
    whole = Program.values

    def values_of(program: Program, binding: Binding) -> list[object]:
        many.append(binding.many)
        return [*whole(program, binding)]

    monkeypatch.setattr(Program, "values", values_of)
    return many


def test_too_many_steps_together_are_taken_in_parts(tried: list[int]) -> None:
    """A hundred items over four hundred others are more steps than one evaluation may take: no item has an error for that."""
    values: dict[str, Json] = {"others": [{"name": f"n{n}"} for n in range(400)]}
    asked = Together(values, [{"name": f"n{n}"} for n in range(300, 400)]).each()
    assert all(item.holds(PROGRAMS["others.exists(o, o.name == item.name)"]) for item in asked)
    assert tried == [100, 50, 25, 25, 50, 25, 25]


def test_what_is_left_out_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An item that ``where`` leaves out may have no answer to what follows, which then stays one evaluation for all others."""
    evaluations: list[str] = []
    evaluate = Program._evaluate

    def counted(program: Program, *given: object) -> tuple[object, object]:
        evaluations.append(program.source)
        return evaluate(program, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Program, "_evaluate", counted)
    together = Together(VALUES, [{"name": "n3"}, {}, {"name": "n4"}])
    asked = together.each()
    wanted = [n for n, item in enumerate(asked) if item.holds(PROGRAMS["has(item.name) && item.name.matches('n[0-9]$')"])]
    together.keep(wanted)
    assert [asked[n].value(PROGRAMS["item.name"]) for n in wanted] == ["n3", "n4"]
    assert len(evaluations) == 2


def test_no_variable_of_a_check_is_taken_for_the_items() -> None:
    """The name under which items are bound is none that a file may give to a fact or a parameter."""
    schema = (ROOT / "auditor/loading/schemas/check.schema.json").read_text()
    names = [pattern for pattern in re.findall(r'"pattern": "(\^\[a-z\][^"]*)"', schema) if re.fullmatch(pattern, "items")]
    assert names
    assert not any(re.fullmatch(pattern, expressions._ITEMS) for pattern in names)


def test_long_lists_beside_leave_room_for_few() -> None:
    """All together take no more steps than one may, and what they give is never more than a list is long."""
    assert [room([{"a": ["x"] * many}, 3, "y"]) for many in (0, 50, 60, 600, 800, 20_000)] == [100, 100, 83, 8, 1, 1]
    assert room(["x" * 1_000_000]) == 1


def test_what_makes_lists_is_asked_for_few_items(tried: list[int]) -> None:
    """Regression, verdicts lost: lists made of long lists, for many items at once, took more memory than an asset may."""
    making = ENVIRONMENT.compile("others.filter(o, o == item).size()")
    for many, asked in ((200, [3]), (500, [3]), (1000, []), (2900, [])):
        tried.clear()
        items = Together({"others": [*range(many)]}, [1, 2, 3]).each()
        assert [item.value(making) for item in items] == [1, 1, 1]
        assert tried == asked, many


def test_what_an_item_took_alone_is_let_go_of() -> None:
    """Regression, verdicts lost: a hundred items that each had to be asked alone were bound all at once, in half a gigabyte."""

    def bound() -> int:
        return sum(isinstance(one, Binding) for one in gc.get_objects())

    before = bound()
    items = Together(VALUES, [*range(100)]).each()
    failing = PROGRAMS["item.name"]
    assert all(said(item.value, failing)[0] == "error" for item in items)
    assert bound() <= before + 1


@pytest.mark.parametrize("source", ["null", "[null, {'a': null, 'b': [null]}, 1]", "[null, null].map(x, x)"])
def test_nulls_do_not_use_up_none(source: str) -> None:
    """Regression: an evaluation took a reference to None for each null, until Python 3.11 ended with a fatal error."""
    program = ENVIRONMENT.compile(source)
    before = sys.getrefcount(None)
    for _ in range(1000):
        program.value(Binding({}))
    assert abs(sys.getrefcount(None) - before) < 500


def test_each_case_of_each_check_is_judged_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock checks give the same of their items, whether these are asked together or not."""
    loaded = load_workspace(ROOT)
    assert loaded.catalogue is not None
    checks = [check for check in loaded.catalogue.checks.values() if check.for_each is not None]
    together = [run_cases(check, ROOT / "tests/golden/facts") for check in checks]
    monkeypatch.setattr(asking, "AT_ONCE", 1)
    assert [run_cases(check, ROOT / "tests/golden/facts") for check in checks] == together
    assert len(checks) > 50
