"""Lines and accounts that were read once are remembered: what one host shows must never speak for another."""

from __future__ import annotations

import copy
import shlex
import shutil
import subprocess
from pathlib import Path

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


SHADOWS = """\
root:$y$j9T$abc$def:19000:0:99999:7:::
a:!$6$salt$hash:19000:0:99999:7:::
b::19000:0:99999:7:::
c:x:19000:0:99999:7:::
d:*:19000:0:99999:7:::
e:!*:19000:0:99999:7:::
f:$2b,rounds$xyz:19000:0:99999:7:::
g:_J9..K0AyUubDrfWoc3Q:1:2:3:4:5:6:
h:abJnggxhB.yWI:19000:0:99999:7:::
i:secretword:19000:0:99999:7:::
# comment $6$x$yyyy

bad$6$nocolon
j:$1$a$bbbb:1:2
k:!:1:2:3:4:5:6:7:8
m:$5$rounds=5000$x$yyyy:19000:0:99999:7::
"""


@pytest.mark.parametrize("program", [[], ["busybox"]], ids=["sed", "busybox"])
def test_no_hash_comes_to_the_login(program: list[str], tmp_path: Path) -> None:
    """Regression: whoever had the audit's key could print all of /etc/shadow, for sudo permitted just that."""
    if program and shutil.which(program[0]) is None:
        pytest.skip("no busybox")
    shadow = tmp_path / "shadow"
    shadow.write_text(SHADOWS)
    words = shlex.split(accounts._STATES_ALONE)
    assert (words[0], words[-1]) == ("/bin/sed", "/etc/shadow")
    seen = subprocess.run([*program, "sed", *words[1:-1], shadow], capture_output=True, text=True, check=True).stdout

    def states(text: str) -> str:
        return subprocess.run(["awk", "-F:", accounts._SHADOW], input=text, capture_output=True, text=True, check=True).stdout

    assert states(seen) == states(SHADOWS)
    assert not [secret for secret in ("abc", "salt", "hash", "xyz", "J9", "abJ", "secretword", "yyyy", "bbbb") if secret in seen]
