"""Lists that are grouped over many hosts: the same from any parts, and no others are taken apart."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ExpressionError
from auditor.expressions import ANY, Binding, Environment, Gathering, Program, Value
from auditor.expressions.gathering import ITEMS

ENVIRONMENT = Environment({"rows": ANY, "other": ANY})
PAIRS = "rows.map(row, row.keys.map(k, [k, row.uid])).flatten().group()"


def compiled(source: str) -> Program:
    return ENVIRONMENT.compile(source, shown=False)


def gathered(source: str, at_once: int = 50) -> Gathering:
    found = Gathering.of(source, compiled, at_once)
    assert found is not None
    return found


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=160))
def test_parts_give_what_the_whole_gives(hosts: list[list[str]]) -> None:
    rows = [{"uid": f"h{n}", "keys": keys} for n, keys in enumerate(hosts)]
    assert gathered(PAIRS).value({"rows": rows}) == compiled(PAIRS).value(Binding({"rows": rows}))


def test_thousands_of_hosts_are_no_error() -> None:
    """Regression: with more than 10,000 steps over a department its shared keys could not be judged."""
    rows = [{"uid": f"h{n}", "keys": ["a", "b", "c"]} for n in range(4000)]
    with pytest.raises(ExpressionError):
        compiled(PAIRS).value(Binding({"rows": rows}))
    assert [len(item["values"]) for item in gathered(PAIRS).value({"rows": rows}) if isinstance(item, dict)] == [4000] * 3


@pytest.mark.parametrize(
    "source",
    [
        "rows",
        "rows.map(row, row.keys).flatten().distinct()",
        "rows.map(row, row.keys).size() + rows.map(row, row.keys).size()",
        "rows.filter(row, true) + [other]",
        "rows.filter(row, true) == rows.filter(row, true)",
        "rows.keys.map(row, rows.size())",
        "rows.map(row, [[row.uid, string(rows.size())]]).flatten().group()",
        "other.map(o, [[o.uid, o.uid]]) + rows.map(row, [[row.uid, row.uid]]).flatten().group()",
        "rows.map(row, [[[row.uid, row.uid]]]).flatten().map(row, row).flatten().group()",
        "rows.map(row, [[row.uid, r'\\']]).flatten().group()",
        "rows.map(row, [[row.uid, row.uid]]) // .flatten().group()",
    ],
)
def test_other_lists_are_left_whole(source: str) -> None:
    """Those that look at all rows from each, that add to the list, or that we cannot be sure to read."""
    assert Gathering.of(source, compiled, 50) is None


def test_what_gives_no_pairs_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        gathered("rows.map(row, [row.uid]).flatten().group()").value({"rows": [{"uid": "ab"}]})


@pytest.mark.parametrize(
    "source",
    [
        "rows.filter(n, n % 3 == 0)",
        "rows.map(n, n * 2)",
        "rows.map(n, [n, n]).flatten()",
        "rows.map(n, [string(n % 5), string(n)]).group()",
        "rows.filter(n, n > 100) + other.map(o, o + 1)",
        "rows.map(n, n in other ? [n, 1] : []).flatten() + rows.map(n, n)",
    ],
)
@given(st.lists(st.integers(0, 500), max_size=40), st.lists(st.integers(0, 500), max_size=5), st.integers(1, 9))
def test_pieces_give_what_the_whole_list_gives(source: str, rows: list[int], other: list[int], at_once: int) -> None:
    values = {"rows": rows, "other": other}
    assert gathered(source, at_once).value(values) == compiled(source).value(Binding(values))


def test_a_list_within_a_fact_is_taken_in_pieces_too() -> None:
    values: dict[str, Value] = {"rows": {"a": {"b": [*range(120)]}, "c": 1}, "other": {"n": [1, 2]}}
    source = "rows.a.b.map(n, n * 2) + other.n.filter(n, n > 1)"
    assert gathered(source, 50).value(values) == compiled(source).value(Binding(values))
    with pytest.raises(ExpressionError, match=r"`rows.a.b` is no list"):
        gathered(source).value({"rows": {"a": {}}, "other": {"n": []}})


def test_a_map_is_taken_in_pieces_too() -> None:
    keys = {f"net.{n}.accept_ra": n for n in range(1100)}
    assert sorted(gathered("rows.filter(k, k.endsWith('7.accept_ra'))", 500).value({"rows": keys})) == sorted(  # type: ignore[type-var]
        k for k in keys if k.endswith("7.accept_ra")
    )


def test_a_list_of_ten_thousand_takes_no_gigabytes() -> None:
    """Regression: what ``filter`` makes takes the square of its length; 9,999 accounts of one host took three gigabytes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = [{"name": f"a{n}", "uid": n} for n in range(9_999)]
    assert len(gathered("rows.filter(a, a.uid >= 0)", ITEMS).value({"rows": rows})) == 9_999
    assert len(gathered("rows.map(a, [a.name, string(a.uid)]).group()", ITEMS).value({"rows": rows})) == 9_999
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
