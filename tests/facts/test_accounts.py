"""Lines and accounts that were read once are remembered: what one host shows must never speak for another."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ParseError
from auditor.facts import accounts

NAMES = st.sampled_from(["root", "ali", "sara"])
PASSWD = st.builds(
    "passwd:{}:{}:{}:{}:{}:/home:/bin/{}".format,
    st.integers(1, 3),
    NAMES,
    st.sampled_from(["x:", "locked:", "set:$6$", "odd:"]),
    st.integers(0, 2),
    st.sampled_from(["0", "100", "x"]),
    st.sampled_from(["bash", "false", "b" * 300]),
)
SHADOW = st.builds(
    "shadow:{}:{}:20000:0:{}:7::".format, NAMES, st.sampled_from(["locked:", "set:$y$"]), st.sampled_from(["99", "", "-1", "z"])
)
GROUP = st.builds("group:{}:{}:{}".format, st.sampled_from(["adm", "wheel"]), st.sampled_from(["0", "100"]), NAMES)
OUTPUTS = st.lists(PASSWD | SHADOW | GROUP | st.just("noshadow"), max_size=8).map(lambda lines: "\n".join([*lines, "end\n"]))


def told(output: str) -> object:
    try:
        return copy.deepcopy(accounts.FACT.value(output, {}))
    except ParseError as error:
        return str(error)


@given(st.lists(OUTPUTS, max_size=8))
def test_whatever_was_read_before(outputs: list[str]) -> None:
    """Each host's accounts are what they are where nothing is remembered; mistakes too, and lines too long to be remembered."""
    warm = [told(output) for output in outputs]
    for output, before in zip(outputs, warm, strict=True):
        accounts._row.cache_clear()
        accounts._account.cache_clear()
        assert told(output) == before


@pytest.mark.parametrize(
    ("shell", "groups", "kept"),
    [("bash", 3, 1), ("b" * 1000, 3, 0), ("bash", 1000, 0)],
    ids=["honest", "long line", "many groups"],
)
def test_what_a_hostile_host_prints_is_not_kept(shell: str, groups: int, kept: int) -> None:
    """It cannot fill the memory, neither by long lines nor by many short ones that make an account long."""
    accounts._account.cache_clear()
    lines = [f"passwd:1:root:x::0:0:/root:/{shell}", "shadow:root:locked::1:0:9:7::", *(f"group:g{n}:0:" for n in range(groups))]
    assert isinstance(told("\n".join([*lines, "end\n"])), list)
    assert accounts._account.cache_info().currsize == kept
