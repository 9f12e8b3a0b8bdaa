"""Lists that are grouped over many hosts: the same from any parts, and no others are taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ExpressionError
from auditor.expressions import ANY, Binding, Environment, Gathering, Program

ENVIRONMENT = Environment({"rows": ANY, "other": ANY})
PAIRS = "rows.map(row, row.keys.map(k, [k, row.uid])).flatten().group()"


def compiled(source: str) -> Program:
    return ENVIRONMENT.compile(source)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=160))
def test_parts_give_what_the_whole_gives(hosts: list[list[str]]) -> None:
    rows = [{"uid": f"h{n}", "keys": keys} for n, keys in enumerate(hosts)]
    gathering = Gathering.of(PAIRS, compiled)
    assert gathering is not None
    assert gathering.value({"rows": rows}) == compiled(PAIRS).value(Binding({"rows": rows}))


def test_thousands_of_hosts_are_no_error() -> None:
    """Regression: with more than 10,000 steps over a department its shared keys could not be judged."""
    rows = [{"uid": f"h{n}", "keys": ["a", "b", "c"]} for n in range(4000)]
    with pytest.raises(ExpressionError):
        compiled(PAIRS).value(Binding({"rows": rows}))
    gathering = Gathering.of(PAIRS, compiled)
    assert gathering is not None
    assert [len(item["values"]) for item in gathering.value({"rows": rows}) if isinstance(item, dict)] == [4000] * 3


@pytest.mark.parametrize(
    "source",
    [
        "rows",
        "rows.map(row, row.keys).flatten()",
        "rows.map(row, [[row.uid, string(rows.size())]]).flatten().group()",
        "other.map(o, [[o.uid, o.uid]]) + rows.map(row, [[row.uid, row.uid]]).flatten().group()",
        "rows.map(row, [[[row.uid, row.uid]]]).flatten().map(row, row).flatten().group()",
        "rows.map(row, [[row.uid, r'\\']]).flatten().group()",
        "rows.map(row, [[row.uid, row.uid]]) // .flatten().group()",
    ],
)
def test_other_lists_are_left_whole(source: str) -> None:
    """Those that look at all rows from each, that add to the list, or that we cannot be sure to read."""
    assert Gathering.of(source, compiled) is None


def test_what_gives_no_pairs_is_an_error() -> None:
    gathering = Gathering.of("rows.map(row, [row.uid]).flatten().group()", lambda source: compiled(source))
    assert gathering is not None
    with pytest.raises(ExpressionError):
        gathering.value({"rows": [{"uid": "ab"}]})
