"""Who comes first in a night: nobody waits for ever, whatever the window leaves over and whatever it cuts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.collecting import CLOSED, CUT, Precedence, collect_plan
from auditor.collecting.interface import utcnow
from auditor.collecting.turns import Turns
from auditor.ledger import Ledger
from auditor.model import (
    AssetResult,
    Catalogue,
    DepartmentPlan,
    FactUse,
    Observation,
    ObservationStatus,
    Plan,
    ProbeCall,
    Reach,
)
from auditor.planning import Narrowing, make_plan
from auditor.workflow.audit import audit
from auditor.workflow.waiting import _ranks, _Turns, precedence
from tests.builders import NOW, asset_plan, catalogue, check, host

from .fleet import Fleet, Quiet, nation, run_of

PORTS = ProbeCall("open_ports")
DAY = timedelta(days=1)


@pytest.fixture
def nights(fleet: Fleet, passed: list[float], tmp_path: Path) -> Callable[..., list[str]]:
    """The hosts that some nights begin, of a nation of which each has room for one."""

    def seen(n: int, *counts: int, **night: object) -> list[str]:
        found = of_departments(nation(tmp_path, **{"window": 1.0, "grace": 10.0, **night}), *counts)
        for _n in range(n):
            run_of(found)
        return fleet.visits

    def one(_uid: str) -> None:
        passed[0] += 1.0

    fleet.on_visit = one
    return seen


def of_departments(found: Catalogue, *counts: int) -> Catalogue:
    """A catalogue of departments a, b, c… with so many hosts each."""
    assets = (
        host(f"{name}{n}", department=name, address=f"127.0.{at}.{n + 1}")
        for at, (name, count) in enumerate(zip("abcdef", counts, strict=False))
        for n in range(count)
    )
    return replace(found, inventory=catalogue(assets=tuple(assets)).inventory)


def test_each_host_has_its_turn(nights: Callable[..., list[str]]) -> None:
    """Regression: what was left over came in the order of the inventory, so that of three hosts, with room for one, the first
    two were visited in turn and the third never."""
    assert nights(7, 3) == ["a0", "a1", "a2", "a0", "a1", "a2", "a0"]


def test_each_department_has_its_turn(nights: Callable[..., list[str]]) -> None:
    """Regression: with room for fewer hosts than departments, those at the end of the list waited for all of the first one."""
    assert nights(8, 4, 1, 1) == ["a0", "b0", "c0", "a1", "b0", "c0", "a2", "b0"]


def test_who_was_cut_comes_first_and_who_always_is_starves_nobody(nights: Callable[..., list[str]], fleet: Fleet) -> None:
    """Regression: hosts that outlast every window came first each night, and the others never.

    They are begun once more the next night, and then wait like the others.
    """
    assert nights(7, 3, grace=0.0) == ["a0", "a0", "a1", "a1", "a2", "a2", "a0"]


def test_a_rescan_is_no_turn(nights: Callable[..., list[str]], fleet: Fleet, tmp_path: Path) -> None:
    """Of one check, every day: the order of the nights stays as it was."""
    nights(2, 3)
    found = of_departments(nation(tmp_path), 3)
    audit(found, actor="sara", watcher=Quiet(), narrowing=Narrowing(checks=("ssh-root-login",)))
    fleet.visits.clear()
    assert nights(1, 3) == ["a2"]


def test_nights_of_one_department_count_as_turns(
    nights: Callable[..., list[str]], fleet: Fleet, passed: list[float], tmp_path: Path
) -> None:
    """Regression: what came first was taken from the newest audit of everything, however old, so that in nights of some
    departments the same hosts came first for ever."""
    nights(1, 2, 1)
    found = of_departments(nation(tmp_path, window=1.0, grace=10.0), 2, 1)
    fleet.visits.clear()
    for _n in range(4):
        run_of(found, narrowing=Narrowing(departments=("a",)))
    assert fleet.visits == ["a1", "a0", "a1", "a0"]


def test_a_clock_that_was_set_back_mixes_up_no_nights(
    nights: Callable[..., list[str]], fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nights are told apart by their numbers, not by when they seem to have been."""
    nights(1, 3)
    monkeypatch.setattr("tests.workflow.fleet.utcnow", lambda: utcnow() - 365 * DAY)
    assert nights(4, 3) == ["a0", "a1", "a2", "a0", "a1"]


def test_what_cannot_be_read_costs_nobody_the_night(nights: Callable[..., list[str]], fleet: Fleet, tmp_path: Path) -> None:
    """A damaged result of some earlier night costs its host its place in the order."""
    nights(3, 2)
    found = of_departments(nation(tmp_path), 2)
    other = sqlite3.connect(found.settings.ledger)
    other.execute("UPDATE blobs SET data = x'00' WHERE id IN (SELECT manifest FROM results WHERE run = 3)")
    other.commit()
    other.close()
    assert len(nights(1, 2)) == 4


@given(
    st.lists(st.lists(st.sampled_from([1, 3, 6, 9, 10, 50]), min_size=1, max_size=3), min_size=1, max_size=4), st.integers(1, 2)
)
@settings(max_examples=50)
def test_nobody_waits_for_ever(departments: list[list[int]], workers: int) -> None:
    """However long visits take, in a window of ten: each host that can be visited within it is, again and again."""
    longest = {
        f"{name}{n}": length for name, lengths in zip("abcd", departments, strict=False) for n, length in enumerate(lengths)
    }
    plans = [asset_plan(asset=host(uid, department=uid[0])) for uid in longest]
    turns = {uid: _Turns() for uid in longest}
    last = dict.fromkeys(longest, 0)
    patience = 3 * len(longest) * len(departments)
    for night in range(1, 3 * patience):
        order = Turns(plans, precedence=Precedence(visits=_ranks({uid: t.since() for uid, t in turns.items()})))
        free, begun = [0] * workers, set()
        while min(free) < 10 and (plan := order.take()) is not None:
            uid, at = plan.asset.uid, min(free)
            ends = at + longest[uid]
            free[free.index(at)] = ends
            begun.add(uid)
            turns[uid].add((night, NOW + timedelta(seconds=at)), came=True, cut=ends > 10)
            if ends <= 10 or longest[uid] > 10:
                last[uid] = night
        for uid in longest.keys() - begun:
            turns[uid].add((night, NOW), came=False, cut=False)
        assert min(last.values()) >= night - patience


class _Scans:
    """Answers for nmap: which departments were scanned, with their assets in order; each may take the whole window."""

    def __init__(self, passed: list[float]) -> None:
        self.passed = passed
        self.long: set[str] = set()
        self.room = 1_000
        self.scanned: list[str] = []
        self.assets: list[str] = []

    def __call__(
        self, department: DepartmentPlan, _settings: object, *, on_result: Callable[[Observation], None], **_more: object
    ) -> None:
        self.scanned.append(department.department)
        self.assets = [a.asset.uid for a in department.assets]
        if department.department in self.long:
            self.passed[0] += 100.0
        for uid in self.assets[: self.room]:
            on_result(Observation(uid, PORTS, ObservationStatus.FAILED, utcnow(), "", "down"))


@pytest.fixture
def scans(fleet: Fleet, passed: list[float], monkeypatch: pytest.MonkeyPatch) -> _Scans:
    """Of a nation that is scanned one department after the other."""
    made = _Scans(passed)
    monkeypatch.setattr("auditor.workflow.audit.collect_plan", partial(collect_plan, scan=made))
    return made


def scanned_nation(root: Path, *counts: int) -> Catalogue:
    ports = check("ports", facts=(FactUse("open_ports", "open_ports"),), applies=None, expect="true", observed=None)
    made = of_departments(nation(root, window=1.0, grace=10.0), *counts)
    return replace(
        replace(catalogue(checks=(check(), ports)), inventory=made.inventory),
        settings=replace(made.settings, network_concurrency=1),
    )


def test_a_scan_that_takes_the_whole_window_starves_no_department(scans: _Scans, tmp_path: Path) -> None:
    """Regression: scans were begun in the order of the inventory, so that those after a long one were never made."""
    found = scanned_nation(tmp_path, 1, 1, 1)
    scans.long, scans.room = {"a", "b"}, 0
    begun = []
    for _n in range(9):
        scans.scanned.clear()
        run_of(found)
        begun.append("".join(scans.scanned))
    assert begun == ["a", "a", "b", "b", "ca", "a", "b", "b", "ca"]


def test_a_host_of_which_the_scan_was_cut_comes_first_in_the_next(scans: _Scans, tmp_path: Path) -> None:
    """Regression: it counted as reached, by SSH, and was looked at last night after night."""
    found = scanned_nation(tmp_path, 5)
    scans.long, scans.room = {"a"}, 2
    order = []
    for _n in range(4):
        run_of(found)
        order.append(scans.assets[:2])
    assert order == [["a0", "a1"], ["a2", "a3"], ["a4", "a0"], ["a1", "a2"]]


def results(ledger: Ledger, plan: Plan, at: datetime, **of: str) -> None:
    """A night in which each host's scan ended so: down, or by a sentence about the window."""
    run = ledger.begin_run(replace(plan, now=at, sha256=str(at)), (), actor="cron", now=at)
    for n, (uid, told) in enumerate(of.items()):
        seen = (Observation(uid, PORTS, ObservationStatus.FAILED, at + timedelta(seconds=n), stderr=told),)
        ledger.record_result(run.id, AssetResult(uid, Reach.REACHED, seen, at, at))
    ledger.finish_run(run.id, {}, actor="cron", now=at)


def test_a_department_was_scanned_when_any_of_it_was(ledger: Ledger, tmp_path: Path) -> None:
    """What was not begun is older than what was seen; what was cut is made up for, once."""
    plan = make_plan(scanned_nation(tmp_path, 2, 1, 1), now=NOW)
    results(ledger, plan, NOW, a0="down", a1="down", b0="down", c0="down")
    results(ledger, plan, NOW + DAY, a0="down", a1=CUT, b0="down", c0=CLOSED)
    order = precedence(ledger, plan)
    assert sorted(order.scans, key=order.scans.__getitem__) == ["a", "c", "b"]
    assert sorted(order.seen, key=order.seen.__getitem__) == ["a1", "c0", "a0", "b0"]
    results(ledger, plan, NOW + 2 * DAY, a0="down", a1=CUT, b0="down", c0="down")
    order = precedence(ledger, plan)
    assert sorted(order.scans, key=order.scans.__getitem__) == ["a", "b", "c"]
    assert order.scans["a"] < order.scans["b"]
