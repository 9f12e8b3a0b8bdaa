"""How many numbers are near each: what comparing every one with every other gives, without doing so."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.expressions import ANY, Binding, Environment
from auditor.facts.shape import INT

NEAR = Environment({"rows": ANY, "limit": INT}).compile("rows.map(row, [row.uid, row.at]).near(limit)")


@given(st.lists(st.integers(-50, 50), max_size=40), st.integers(0, 20))
def test_near_counts_what_is_no_farther(instants: list[int], limit: int) -> None:
    rows = [{"uid": f"h{n}", "at": at} for n, at in enumerate(instants)]
    wanted = [
        {"key": f"h{n}", "value": at, "near": sum(abs(at - other) <= limit for other in instants), "of": len(instants)}
        for n, at in enumerate(instants)
    ]
    assert NEAR.value(Binding({"rows": rows, "limit": limit})) == wanted
