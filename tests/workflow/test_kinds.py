"""The table of what was decided says what a plain dictionary would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import VerdictKind
from auditor.workflow.kinds import KindTable

KINDS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(list(VerdictKind)))


@given(st.lists(st.tuples(st.sampled_from(["h1", "h2", "h3"]), KINDS), max_size=8))
def test_it_is_a_mapping(puts: list[tuple[str, dict[str, VerdictKind]]]) -> None:
    """An asset that is judged again (it was down before) has its new outcomes alone."""
    table, plain = KindTable(), {}
    for asset, kinds in puts:
        table.put(asset, kinds)
        plain = {key: kind for key, kind in plain.items() if key[0] != asset}
        plain |= {(asset, check): kind for check, kind in kinds.items()}
    assert dict(table) == plain
    assert len(table) == len(plain)
    assert table.get(("h9", "a"), VerdictKind.UNKNOWN) is VerdictKind.UNKNOWN
    with pytest.raises(KeyError):
        table["h1", "z"]
