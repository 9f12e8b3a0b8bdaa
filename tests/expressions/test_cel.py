"""The door to CEL: only BOOL true passes, and mistakes are found when files are loaded."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import ExpressionError
from auditor.expressions import TIMESTAMP, Binding, Environment, Value
from auditor.expressions.cel import _runtime
from auditor.facts import FACTS
from auditor.facts.shape import BOOL, INT, STR, ListOf, MapOf, optional, record

ACCOUNT = record(name=STR, uid=INT, max_days=optional(INT), groups=ListOf(STR), options=MapOf(STR))
SHAPES = {
    "accounts": ListOf(ACCOUNT),
    "packages": MapOf(record(version=STR)),
    "params": record(max_days=INT, allowed=ListOf(STR)),
    "now": TIMESTAMP,
    "flag": BOOL,
}
VALUES = {
    "accounts": [
        {"name": "root", "uid": 0, "groups": ["root", "adm"], "options": {"a": "b"}},
        {"name": "toor", "uid": 0, "max_days": 90, "groups": ["root"], "options": {}},
    ],
    "packages": {"telnet": {"version": "1"}},
    "params": {"max_days": 90, "allowed": ["no"]},
    "now": datetime(2026, 1, 1, tzinfo=UTC),
    "flag": True,
}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(SHAPES)


def test_what_is_shown_of_a_map_is_sorted(environment: Environment) -> None:
    """Regression: the library walks through a map's keys at random, so that findings changed where nothing had changed."""
    listed = 'packages.filter(k, k != "").map(k, k + packages[k].version)'
    for source in (listed, f'["x"] + {listed}', f'{listed}.join(" ")', "accounts.map(a, packages.map(k, k))"):
        with pytest.raises(ExpressionError, match="the keys of packages come in no order"):
            environment.compile(source)
    many = Binding({**VALUES, "packages": {f"p{n}": {"version": str(n)} for n in range(9)}})
    assert environment.compile(f"{listed}.sort()").value(many) == [f"p{n}{n}" for n in range(9)]
    assert environment.compile(f"{listed}.size() == 9").holds(many)
    assert environment.compile(listed, shown=False).shape == ListOf(STR)


def test_facts_by_their_own_names_share_one_environment() -> None:
    """Regression: each set of facts had its own, of a quarter of a megabyte: 187 of them for the stock checks.

    What a check does not declare it cannot mention, though the one who evaluates knows of it; and its own names come first.
    """
    sshd, mounts = Environment({"sshd": record(port=INT)}), Environment({"mounts": ListOf(STR), "now": TIMESTAMP})
    before = _runtime.cache_info().currsize
    others = [Environment({fact.name: STR, "params": record(most=INT)}).compile(f"{fact.name} == 'x'") for fact in FACTS]
    assert _runtime.cache_info().currsize <= before + 1
    assert all(program.holds(Binding({fact.name: "x"})) for program, fact in zip(others, FACTS, strict=True))
    with pytest.raises(ExpressionError, match=r"undeclared reference to 'sshd\.port'"):
        mounts.compile("sshd.port == 22")
    with pytest.raises(ExpressionError, match="undeclared reference to 'now'"):
        sshd.compile("now == now")
    shadowed = mounts.compile("mounts.exists(sshd, sshd == '/var') && mounts.map(item, item + '!') == ['/var!']")
    assert shadowed.holds(Binding({"mounts": ["/var"], "sshd": {"port": 22}, "item": "other"}))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("accounts[1].max_days <= params.max_days", True),
        ("has(accounts[0].max_days)", False),
        ('"telnet" in packages', True),
        ('packages["telnet"].version', "1"),
        ('accounts.map(a, a.name).join(", ")', "root, toor"),
        ("accounts.map(a, a.groups).flatten().distinct()", ["root", "adm"]),
        ('["no", "yes"].minus(params.allowed)', ["yes"]),
        ("accounts.map(a, [string(a.uid), a.name]).group()[0].values", ["root", "toor"]),
        ('accounts.pairs("name", "groups").group().map(g, g.values)', [["adm,root"], ["root"]]),
        ('[{"a": true, "b": 1}, {"a": false, "b": 2}, {"b": 3}].having("a").pairs("b", "a")', [["1", "True"]]),
        ('now - timestamp(1700000000) > duration("24h")', True),
    ],
)
def test_values(environment: Environment, source: str, value: object) -> None:
    """Expressions over facts give plain Python values."""
    assert value == environment.compile(source).value(Binding(VALUES))


@pytest.mark.parametrize(
    "source",
    [
        "accounts.all(a, a.uuid == 0)",
        "params.maximum > 1",
        "packages['x'].release == ''",
        "accounts[0].uid == 'root'",
        "nothing",
        "1 ==",
        "",
        "flag && \0",
    ],
)
def test_mistakes_are_found_at_compilation(environment: Environment, source: str) -> None:
    """A misspelt field, a wrong type or bad syntax never waits until a host is judged."""
    with pytest.raises(ExpressionError):
        environment.compile(source)


def test_expected_shape(environment: Environment) -> None:
    """An `expect` that is not a comparison is refused when loaded."""
    with pytest.raises(ExpressionError, match="true or false"):
        environment.compile("accounts.size()", BOOL)


@pytest.mark.parametrize(
    "source",
    [
        "accounts[0].max_days <= 90",  # a missing optional field
        "accounts[7].uid == 0",
        "accounts[0].uid / 0 == 0",
        'packages["none"].version == "1"',
        "accounts.map(a, accounts.map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d, "
        "[1,2,3,4,5,6,7,8,9].map(e, [1,2,3,4,5,6,7].map(f, f)))))).size() == 2",  # over the budget
    ],
)
def test_an_error_is_never_a_pass(environment: Environment, source: str) -> None:
    """CEL returns errors as truthy values: regression test for the worst false pass there could be."""
    program = environment.compile(source, BOOL)
    with pytest.raises(ExpressionError):
        program.holds(Binding(VALUES))


def test_holds_takes_only_booleans(environment: Environment) -> None:
    """A truthy text or number is an error, not a pass."""
    untyped = environment.compile("accounts.map(a, a.groups).flatten()[0]")
    with pytest.raises(ExpressionError):
        untyped.holds(Binding(VALUES))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(JSON)
def test_any_value_holds_or_raises(value: object) -> None:
    """Whatever a variable is bound to, `holds` gives true only for BOOL true, or ExpressionError."""
    program = Environment({"flag": BOOL}).compile("flag")
    try:
        held = program.holds(Binding({"flag": value}))  # type: ignore[dict-item]
    except ExpressionError:
        return
    assert held is value


@pytest.mark.parametrize(
    ("names", "host", "told"),
    [
        (["www.health.example"], "WWW.health.example", True),
        (["*.health.example"], "www.health.example", True),
        (["*.Health.example."], "www.health.example", True),
        (["*.health.example"], "a.www.health.example", False),
        (["*.health.example"], "health.example", False),
        (["*.example"], "www.health.example", False),
        (["*.0.0.5"], "10.0.0.5", False),
        (["*."], "www", False),
        (["FD00:0:0:0:0:0:0:5"], "fd00::5", True),
        ([""], "", False),
        ([], "www", False),
    ],
)
def test_the_names_of_a_certificate(names: list[str], host: str, told: bool) -> None:
    """Regression, false failure: a certificate for *.health.example was for no host of it."""
    program = Environment({"params": record(n=ListOf(STR), h=STR)}).compile("params.n.cover(params.h)")
    assert program.holds(Binding({"params": {"n": names, "h": host}})) is told


@pytest.mark.parametrize(
    ("address", "network", "told"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.2.0.1", "10.1.0.0/16", False),
        ("fd00::7", "fd00::/64", True),
        ("10.1.2.3", "fd00::/64", False),
        ("web.example", "10.1.0.0/16", False),
        ("10.1.2.3", "nothing", False),
    ],
)
def test_addresses_within_networks(address: str, network: str, told: bool) -> None:
    """Of both families; what is no address lies in no network."""
    program = Environment({"params": record(a=STR, n=STR)}).compile("params.a.within(params.n)")
    assert told is program.holds(Binding({"params": {"a": address, "n": network}}))


def test_our_functions_keep_nothing_of_what_they_are_given() -> None:
    """Regression: the library never lets go of a function's arguments, which over a night filled the memory with hosts' facts."""
    environment = Environment({"texts": ListOf(STR)})
    program = environment.compile("texts.map(t, t + '!').join(',') + texts.distinct().join('')")
    values: dict[str, Value] = {"texts": [f"a rather long text, number {n}" for n in range(50)]}
    program.value(Binding(values))
    tracemalloc.start()
    try:
        for _n in range(500):
            program.value(Binding(values))
        grown = tracemalloc.get_traced_memory()[0] / 500
    finally:
        tracemalloc.stop()
    assert grown < 800  # bytes an evaluation; what goes in and out of its three calls takes fifteen thousand
    assert values == {"texts": [f"a rather long text, number {n}" for n in range(50)]}
