"""What is remembered of one host's verdicts may never speak for what another one shows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ExpressionError
from auditor.evaluating import Evaluator
from auditor.evaluating.items import Items, listed
from auditor.evaluating.memory import Remembered
from auditor.evaluating.reading import Missing, Output, forget_values
from auditor.expressions import Binding, CompiledCheck, Value, compile_check
from auditor.facts import Fact, by_name
from auditor.loading import load_workspace
from auditor.model import Check, FactUse, Json, ProbeCall, Scope, VerdictKind
from tests.builders import NOW, SSHD_NO_ROOT, SSHD_ROOT, asset_plan, check, host, observation, result, task

PASS, FAIL = VerdictKind.PASS, VerdictKind.FAIL


def compiled(one: Check) -> CompiledCheck:
    found, mistakes = compile_check(one)
    assert found is not None, mistakes
    return found


@given(
    st.lists(
        st.tuples(
            st.sampled_from([("a", "web"), ("b", "mail"), ("c", "web")]),  # a host and its role
            st.sampled_from(["health", "justice"]),
            st.sampled_from([SSHD_ROOT, SSHD_NO_ROOT, "installed=no\nend\n", "cut off"]),
            st.sampled_from(["d1", "d2"]),
        ),
        max_size=30,
    )
)
def test_remembering_changes_no_outcome(visits: list[tuple[tuple[str, str], str, str, str]]) -> None:
    """Whatever came before, an asset is judged as by an evaluator that has seen nothing yet; unreadable outputs too."""
    hosts = {"health": [host("health-db-1")], "justice": []}
    checks = {
        c.id: c
        for c in (
            check("plain"),
            check("by-role", expect="asset.role == 'web' || sshd.permitrootlogin == 'no'"),
            check("by-whole", expect="asset == asset && sshd.permitrootlogin == 'no'", observed=None),
            check("by-time", expect="observed_at > timestamp(0) && sshd.permitrootlogin == 'no'"),
            check("by-clock", expect="now > timestamp(0) && sshd.permitrootlogin == 'no'"),
            check("by-department", expect="department.id == 'health' && sshd.permitrootlogin == 'no'"),
            check("by-neighbours", expect="size(department.hosts) > 0 && sshd.permitrootlogin == 'no'"),
            check("by-inventory", expect="'192.0.2.1' in inventory.addresses && sshd.permitrootlogin == 'no'"),
            check("by-port", for_each="sshd.port", subject="string(item)", expect="item == 22 && sshd.permitrootlogin == 'no'"),
        )
    }
    used = Evaluator(checks, now=NOW, addresses=["192.0.2.1"], hosts=hosts)
    for n, ((uid, role), department, output, definition) in enumerate(visits):
        asset = host(uid, role=role, department=department)
        plan = asset_plan(*(task(name, definition=definition + name) for name in checks), asset=asset)
        seen = result(observation(output, asset=uid, observed_at=NOW + timedelta(seconds=n)), asset=uid)
        fresh = Evaluator(checks, now=NOW, addresses=["192.0.2.1"], hosts=hosts)
        assert used.judge_asset(plan, seen) == fresh.judge_asset(plan, seen)


def test_fields_of_the_asset_that_count() -> None:
    """What an expression looks at is told by ``asset.field``; where the asset stands alone nothing may be remembered."""
    assert compiled(check(expect="asset.role == 'web' && 'x' in asset.tags")).asset_fields == {"role", "tags"}
    assert compiled(check()).asset_fields == frozenset()
    assert compiled(check(expect="[asset].exists(a, a.role == 'web')", observed=None)).asset_fields is None


@pytest.mark.parametrize("order", [[1, True, 1.0, "1"], ["1", 1.0, True, 1]])
def test_items_that_equal_each_other_in_python_alone(order: list[object]) -> None:
    """Regression guard: 1, 1.0 and true are one key of a dict, and must be three items of a check."""
    one = compiled(check(for_each="sshd.port", subject="'port'", expect="item == 1", observed="string(item)"))
    assert one.beside == frozenset()
    alone = [said for item in order for said in Items().judge(one, "d1", {}, [item])]  # type: ignore[list-item]
    assert [*Items().judge(one, "d1", {}, order)] == alone  # type: ignore[arg-type]
    assert len({repr(said) for said in alone}) > 1


PEOPLE = check(
    "people",
    facts=(FactUse("accounts", "accounts"), FactUse("groups", "groups")),
    applies=None,
    for_each="accounts",
    subject="item.name",
    expect="groups.exists(g, g.gid == item.gid)",
    observed="string(groups.size())",
)


@given(st.lists(st.tuples(st.lists(st.sampled_from([1, 2, 3])), st.lists(st.sampled_from([1, 2]))), max_size=12))
def test_equal_items_beside_other_facts_are_judged_by_those(hosts: list[tuple[list[int], list[int]]]) -> None:
    """Two hosts with one account and other groups share nothing that was said of it."""
    one = compiled(PEOPLE)
    assert one.beside == {"groups"}
    items = Items()
    for own, groups in hosts:
        accounts: list[Json] = [{"name": f"u{gid}", "gid": gid} for gid in own]
        values: dict[str, Value] = {"accounts": accounts, "groups": [{"gid": gid} for gid in groups]}
        assert [*items.judge(one, "d", values, accounts)] == [*Items().judge(one, "d", values, accounts)]


@pytest.mark.parametrize(
    ("changes", "beside"),
    [
        ({"expect": "item.gid > 0", "observed": None}, set()),
        ({"observed": "string(now)"}, {"groups"}),
        ({"where": "asset.role == 'web'"}, None),
        ({"where": "observed_at > timestamp(0)"}, None),
        ({"where": "item.name in inventory.addresses"}, None),
        ({"where": "accounts.filter(a, a.gid == item.gid).size() == 1"}, None),
        ({"scope": Scope.DEPARTMENT, "for_each": "accounts.map(row, row.value).flatten()", "expect": "groups.size() > 1"}, None),
    ],
)
def test_what_is_said_of_an_item_rests_on_nothing_that_is_not_told_apart(
    changes: dict[str, Any], beside: set[str] | None
) -> None:
    """Whatever else an expression on items looks at keeps what is said from being remembered."""
    assert compiled(replace(PEOPLE, **changes)).beside == beside


def test_an_output_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time anew only where it cannot be read, or was forgotten."""
    reads: list[str] = []
    value = Fact.value
    monkeypatch.setattr(Fact, "value", lambda self, text, args: reads.append(text) or value(self, text, args))
    forget_values()
    call = ProbeCall("sshd")

    def look(text: str) -> object:
        output = Output(call, text, NOW)
        assert output.reading is output.reading
        return output.reading

    texts = [SSHD_ROOT, SSHD_NO_ROOT, SSHD_ROOT, SSHD_ROOT, "cut off", "cut off"]
    seen = [look(text) for text in texts]
    assert reads == [SSHD_ROOT, SSHD_NO_ROOT, "cut off", "cut off"]
    assert seen[0] == seen[2] == seen[3] != seen[1]
    assert isinstance(seen[4], Missing)
    forget_values()
    look(SSHD_ROOT)
    assert reads[-1] == SSHD_ROOT


def test_an_item_under_another_definition_is_judged_anew() -> None:
    """Parameters are part of the definition; two definitions never share an answer."""
    one = compiled(check(for_each="sshd.port", subject="string(item)", expect="item == 22"))
    other = replace(one, expect=compiled(check(for_each="sshd.port", expect="item == 23")).expect)
    items = Items()
    kinds = [said.verdict for c, d in ((one, "d1"), (other, "d2"), (one, "d1")) for said in items.judge(c, d, {}, [22])]
    assert [v.kind for v in kinds if v is not None] == [PASS, FAIL, PASS]


def test_items_that_age_are_judged_by_the_instant_of_their_run() -> None:
    """Accounts that expire: hosts of one run share what is said of them, two runs never do."""
    aging = check(for_each="sshd.port", subject="string(item)", expect="int(now) < 2000000000 + item", observed=None)
    assert compiled(aging).beside == frozenset()
    plan, seen = asset_plan(task(aging.id)), result(observation(SSHD_NO_ROOT))
    early, late = (Evaluator({aging.id: aging}, now=NOW + timedelta(days=days)) for days in (0, 36500))
    assert [e.judge_asset(plan, seen)[0].kind for e in (early, late, early)] == [PASS, FAIL, PASS]


def test_what_came_once_makes_room_before_what_came_again() -> None:
    """What only one host shows must not push out what all show; of each kind the oldest goes first."""
    memory = Remembered[str, int](6)
    for n, key in enumerate("abc"):
        memory.put(key, n, 2)
    assert [memory.get(key) for key in "ac"] == [0, 2]  # b came once
    for n, key in enumerate("defg"):
        memory.put(key, n, 2)
    assert [memory.get(key) for key in "abcdefg"] == [0, None, 2, None, None, None, 3]


def test_what_was_forgotten_is_kept_when_it_comes_again() -> None:
    """More systems than there is room for: each comes once, and goes, before it comes the second time."""
    memory = Remembered[str, int](2)
    for key in "abcdaxyz":
        if memory.get(key) is None:
            memory.put(key, ord(key), 1)
    assert memory.get("a") == ord("a")


def test_what_is_too_large_pushes_out_nothing_that_came_again() -> None:
    """And is not kept itself."""
    memory = Remembered[str, int](4)
    memory.put("a", 1, 1)
    assert memory.get("a") == 1
    for _time in "twice", "thrice":
        memory.put("b", 2, 9)
        assert (memory.get("a"), memory.get("b")) == (1, None)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 4))), st.integers(0, 8))
def test_memory_is_bounded(asked: list[tuple[str, int]], room: int) -> None:
    """However it is asked and told, what is kept fits, is what was put, and takes the room that it has."""
    memory, sizes = Remembered[str, str](room), dict[str, int]()
    for key, size in asked:
        assert memory.get(key) in (None, key)
        sizes[key] = size
        memory.put(key, key, size)
    kept = [key for key in sizes if memory.get(key) is not None]
    assert sum(sizes[key] for key in kept) + memory._room == room
    assert memory._room >= 0
    memory.clear()
    assert not any(memory.get(key) for key in sizes)


def test_a_list_that_is_named_is_the_list_that_cel_gives() -> None:
    """Every list that a stock check names as it stands is the same through CEL, and what is no list is left to CEL's error."""
    loaded = load_workspace(Path(__file__).parents[2]).catalogue
    assert loaded is not None
    named = 0
    for one in loaded.checks.values():
        facts = {use.variable: by_name(use.fact) for use in one.facts}
        values = {name: fact.example for name, fact in facts.items() if fact is not None}
        values["params"] = {p.name: p.default for p in one.params}
        found = compiled(one).for_each
        if found is not None and one.scope is Scope.ASSET and re.fullmatch(r"[a-z_.]+", found.source.strip()):
            named += 1
            assert listed(found, values) == found.value(Binding(values)), one.id
    assert named > 50
    plain = compiled(check(for_each="sshd.port", expect="item == 22")).for_each
    assert plain is not None
    with pytest.raises(ExpressionError):
        listed(plain, {"sshd": {}})
