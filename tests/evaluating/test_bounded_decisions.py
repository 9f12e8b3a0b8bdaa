"""What a host makes long is an error of its own check, in time; no other host's verdicts show anything of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from auditor.errors import ExpressionError
from auditor.evaluating import Evaluator, deciding
from auditor.evaluating import bounded as rooms
from auditor.evaluating.bounded import allowance, bounded
from auditor.evaluating.items import Items
from auditor.evaluating.reading import Reading, forget_values
from auditor.expressions import LONGEST, Binding, Environment, Program, Value, compile_check, functions, lengths, longest
from auditor.facts import Fact
from auditor.facts.shape import STR, ListOf
from auditor.model import Check, FactUse, Json, Outcome, ProbeCall, VerdictKind
from tests.builders import NOW, SSHD_NO_ROOT, SSHD_ROOT, asset_plan, check, host, observation, result, task

ACCOUNTS = (FactUse("accounts", "accounts"), FactUse("groups", "groups"))
SQUARE = check(
    "square",
    facts=ACCOUNTS,
    applies=None,
    for_each="accounts",
    subject="item.name",
    expect="groups.exists(g, g.gid == item.gid)",
    observed=None,
)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget_values()
    yield
    forget_values()


def decided(one: Check, **values: Value) -> Outcome:
    return Evaluator({one.id: one}, now=NOW)._deciding.decide(task(one.id), host(), values, NOW)


def accounts(count: int) -> list[Json]:
    return [{"name": f"a{n}", "gid": n} for n in range(count)]


def test_a_check_that_goes_through_one_list_for_each_of_another_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: two thousand accounts and groups took nine seconds, and seven thousand two minutes, for one check of many."""
    monkeypatch.setattr(rooms, "SECONDS", 0.3)
    began = time.thread_time()
    outcome = decided(SQUARE, accounts=accounts(6_000), groups=[{"gid": -1}] * 6_000)
    assert time.thread_time() - began < 5
    assert (outcome.kind, outcome.complete) == (VerdictKind.ERROR, False)
    assert [(v.subject, v.detail) for v in outcome.verdicts] == [("", "deciding it takes more than 0.3 seconds")]


def test_more_items_than_any_host_has_are_an_error() -> None:
    """Regression: each of 167,000 accounts would have had findings of its own under some twenty checks."""
    one = check("many", facts=(FactUse("accounts", "accounts"),), applies=None, for_each="accounts", subject="item.name",
                expect="item.gid >= 0", observed=None)  # fmt: skip
    assert decided(one, accounts=accounts(deciding.OF_HOST)).kind is VerdictKind.PASS
    outcome = decided(one, accounts=accounts(deciding.OF_HOST + 1))
    assert (outcome.kind, outcome.complete, len(outcome.verdicts)) == (VerdictKind.ERROR, False, 1)
    assert "more than 10,000" in outcome.verdicts[0].detail


def test_all_that_one_host_says_is_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: each of a hundred outputs might take its five seconds."""
    monkeypatch.setattr(rooms, "OF_ASSET", 0.3)
    with allowance():
        assert bounded(lambda: "value", "the first") == "value"
        until = time.thread_time() + 1
        while time.thread_time() < until:
            sum(range(10_000))
        with pytest.raises(ExpressionError, match=r"^the second: all that the asset says takes more than 0.3 seconds$"):
            bounded(lambda: "value", "the second", raises=ExpressionError)
    assert bounded(lambda: "value", "another host's") == "value"
    assert not rooms._bound.armed


def test_what_a_host_left_undecided_is_decided_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has taken all its time shares outputs with its neighbours, of which nothing may be remembered as an error."""
    checks = {"root": check("root")}
    evaluator = Evaluator(checks, now=NOW)
    plan = asset_plan(task("root"))
    arm = rooms._Bound.arm

    def armed_too_late(bound: rooms._Bound, seconds: float = 0.0) -> None:
        arm(bound, seconds)
        bound.spent = ": spent"

    with monkeypatch.context() as patch:
        patch.setattr(rooms._Bound, "arm", armed_too_late)
        for _ in range(3):
            (outcome,) = evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))
            assert (outcome.kind, outcome.complete) == (VerdictKind.ERROR, False)
    assert [o.kind for o in evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))] == [VerdictKind.PASS]
    assert [o.kind for o in evaluator.judge_asset(plan, result(observation(SSHD_ROOT)))] == [VerdictKind.FAIL]


@pytest.mark.parametrize("bound", ["OF_ASSET", "MEGABYTES"])
def test_an_error_that_others_caused_is_remembered_for_no_other(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """Regression: a check cut for what a host had made long before was an error of the next host of the same outputs too."""
    evaluator = Evaluator({"root": check("root")}, now=NOW)
    plan = asset_plan(task("root"))

    def laboured(*_args: object) -> Outcome:
        until = time.thread_time() + 2
        while time.thread_time() < until:
            sum(range(10_000))
        raise AssertionError("nobody cut it")

    with monkeypatch.context() as patch:
        patch.setattr(rooms, "OF_ASSET", 0.25 if bound == "OF_ASSET" else 30)
        patch.setattr(rooms, "_resident", iter(range(0, 10**6, 600 if bound == "MEGABYTES" else 1)).__next__)
        patch.setattr(deciding.Deciding, "_decide", laboured)
        for _ in range(3):
            (outcome,) = evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))
            assert outcome.kind is VerdictKind.ERROR
    assert [o.kind for o in evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))] == [VerdictKind.PASS]


def test_what_cannot_be_read_for_its_length_is_read_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: an output that was cut for memory was read anew by each check of its host, and might take as much each time."""
    read = []

    def greedy(_self: object, *_args: object) -> Json:
        read.append(1)
        until = time.thread_time() + 2
        while time.thread_time() < until:
            sum(range(10_000))
        raise AssertionError("nobody cut it")

    checks = {name: check(name) for name in ("root", "again", "too")}
    evaluator = Evaluator(checks, now=NOW)
    plan = asset_plan(*map(task, checks))
    with monkeypatch.context() as patch:
        patch.setattr(rooms, "_resident", iter(range(0, 10**6, 600)).__next__)
        patch.setattr(Fact, "value", greedy)
        for asked in (1, 2):
            outcomes = evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))
            assert [o.verdicts[0].detail for o in outcomes] == ["reading sshd takes more than 500 MB of memory"] * 3
            assert len(read) == asked
    assert [o.kind for o in evaluator.judge_asset(plan, result(observation(SSHD_NO_ROOT)))] == [VerdictKind.PASS] * 3


def test_the_memory_is_that_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: it was the most that there had ever been, over which every hostile host might grow the process anew."""
    before = rooms._resident()
    much = bytearray(200 << 20)
    much[::4096] = b"x" * len(much[::4096])
    assert rooms._resident() - before > 150
    del much
    assert rooms._resident() - before < 50


def test_a_cut_within_our_own_functions_is_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library turns whatever a function raises into an error of its own, and would go on; the item is not remembered."""
    monkeypatch.setattr(rooms, "SECONDS", 0.2)

    def endless(texts: list[str]) -> list[str]:
        while True:
            int("7")

    monkeypatch.setattr(functions, "_sort", endless)
    program = Environment({"names": ListOf(STR)}).compile("names.sort()")
    with pytest.raises(ExpressionError, match=r"^naming it was cut short$"):
        bounded(lambda: _swallowing(program, Binding({"names": ["a", "b"]})), "naming it", raises=ExpressionError)


def _swallowing(program: Program, binding: Binding) -> str:
    try:
        program.value(binding)
    except ExpressionError:
        return "an error like any other"
    return "a value"


def test_an_item_that_was_cut_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next host that has it would have the error of the one that was cut."""
    one, _mistakes = compile_check(SQUARE)
    assert one is not None
    items = Items()
    values: dict[str, Value] = {"accounts": accounts(1), "groups": [{"gid": 0}]}
    monkeypatch.setattr("auditor.evaluating.items.cut_short", lambda: True)
    assert [said.verdict for said in items.judge(one, "d", values, accounts(1))]
    assert not items._known
    monkeypatch.setattr("auditor.evaluating.items.cut_short", lambda: False)
    assert [said.verdict for said in items.judge(one, "d", values, accounts(1))]
    assert len(items._known) == 1


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("sshd.match_blocks.all(m, m.x == 'no')", set()),
        ("sshd.match_blocks.filter(m, m.x == 'no').size() == 0", {"sshd"}),
        ('sshd.match["a"].map(m, m.x).size() == 0', {"sshd"}),
        ("params.wanted.filter(w, w in packages).size() == 0", set()),
        ("(sshd.a + sshd.b).filter(m, m == 'no').size() == 0", {"sshd"}),
        ("sshd.a.exists(m, m.b.filter(x, x == 1).size() > 0) && packages.size() > 0", {"sshd", "packages"}),
        ("sshd.a.filter(m, m.x).map(m, m.y).size() == 0", {"sshd"}),
        ('(packages.size() > 0 ? ["a"] : []) + ["b"].filter(p, p in packages).map(p, packages[p].version)', set()),
        ('["sshd"].map(x, x + string(packages.size()))', set()),
        ("[sshd.a, sshd.b].map(x, x)", {"sshd"}),
        ("sshd.a.distinct().filter(s, !['x'].exists(y, y == s)).size() == 0", {"sshd"}),
        ('params.wanted.map(p, p == "map(" ? packages.path : p)', set()),
        ("item.cookies.filter(c, c.secure).size() == 0", {"packages"}),
    ],
)
def test_facts_of_which_a_list_is_made(text: str, mapped: set[str]) -> None:
    listing = {"packages"} if "item" in text else set()
    assert lengths.mapped([text, None], {"sshd", "packages"}, listing) == mapped


def test_rows_of_a_department_are_no_list_of_one_host() -> None:
    """Regression guard: a network of 4,000 hosts, or a host of 4,000 accounts, must not hide a department's verdict."""
    texts = ["live_hosts.map(n, n.value).flatten().distinct()", "keys.map(row, row.value.public.map(k, k.x)).flatten()"]
    assert lengths.mapped(texts[:1], {"live_hosts"}, {"live_hosts"}, rows=True) == frozenset()
    assert lengths.mapped(texts[1:], {"keys"}, {"keys"}, rows=True) == {"keys"}


def test_a_list_too_long_to_make_another_of_is_an_error() -> None:
    """Regression: what ``map`` makes of ten thousand entries took two gigabytes, on each night anew."""
    one = check(applies=None, expect="sshd.match_blocks.filter(m, m.match != '').size() > 0", observed=None)
    outcomes = {}
    for count in (LONGEST, LONGEST + 1):
        value: Json = {"match_blocks": [{"match": "User amal"}] * count}
        readings = {ProbeCall("sshd"): Reading(value, NOW)}
        outcomes[count] = Evaluator({one.id: one}, now=NOW).judge_readings(task(), host(), readings)
    assert outcomes[LONGEST].kind is VerdictKind.PASS
    assert (outcomes[LONGEST + 1].kind, outcomes[LONGEST + 1].complete) == (VerdictKind.ERROR, False)
    assert "sshd lists more than 3,000 entries" in outcomes[LONGEST + 1].verdicts[0].detail


def test_the_longest_list_is_found_wherever_it_is() -> None:
    assert longest("text") == 0
    assert longest([1, 2, 3]) == 3
    assert longest({"a": {"b": [{"c": [0] * 7}]}, "d": [1]}) == 7


def test_what_is_too_long_to_show_is_decided_all_the_same() -> None:
    """A host of whose packages 5,000 files were changed fails; it is no error that nobody looks at."""
    one = check(applies=None, expect="sshd.match_blocks.size() == 0", observed="sshd.match_blocks.map(m, m.match)")
    blocks: Json = {"match_blocks": [{"match": "User amal"}] * (LONGEST + 1)}
    outcome = Evaluator({one.id: one}, now=NOW).judge_readings(task(), host(), {ProbeCall("sshd"): Reading(blocks, NOW)})
    assert [(v.kind, v.observed) for v in outcome.verdicts] == [(VerdictKind.FAIL, None)]
