"""Who is visited next: no department starves, no limit is passed, and nothing is forgotten."""

from __future__ import annotations

import threading
import time
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.turns import Precedence, Turns, network_of
from auditor.model import AssetPlan
from tests.builders import asset_plan, host


def plans(*counts: int) -> list[AssetPlan]:
    return [
        asset_plan(asset=host(f"d{d}-{n}", department=f"d{d}", address=f"10.0.{d}.{n + 1}"))
        for d, count in enumerate(counts)
        for n in range(count)
    ]


def drain(turns: Turns) -> list[str]:
    found = []
    while (plan := turns.take()) is not None:
        found.append(plan.asset.uid)
        turns.done(plan)
    return found


@given(st.lists(st.integers(0, 6), max_size=5), st.integers(0, 3))
def test_every_host_is_handed_out_once(counts: list[int], limit: int) -> None:
    """Whatever the limits."""
    given_plans = plans(*counts)
    assert sorted(drain(Turns(given_plans, per_department=limit))) == sorted(p.asset.uid for p in given_plans)


def test_departments_come_in_turn_and_none_starves() -> None:
    """A small department is through long before a large one."""
    assert drain(Turns(plans(5, 1, 2)))[:6] == ["d0-0", "d1-0", "d2-0", "d0-1", "d2-1", "d0-2"]


def test_who_has_waited_longest_comes_first() -> None:
    """Regression: what was left over came first, but in the order of the inventory, so that its end never had a turn.

    Within the department; those that waited equally long stay in the order of the inventory.
    """
    order = drain(Turns(plans(4, 1), precedence=Precedence(visits={"d0-0": 3, "d0-1": 2, "d0-2": 1, "d1-0": 3})))
    assert order == ["d0-3", "d1-0", "d0-2", "d0-1", "d0-0"]


def test_the_department_that_was_visited_last_is_the_last_in_turn() -> None:
    """Regression: where a night had room for fewer hosts than there are departments, the first ones of the list had it all.

    A large department always has a host that has waited longest of all: what counts is when any host of it was visited.
    """
    order = drain(Turns(plans(3, 1, 1), precedence=Precedence(visits={"d0-0": 3, "d1-0": 2, "d2-0": 1})))
    assert order == ["d2-0", "d1-0", "d0-1", "d0-2", "d0-0"]


def test_what_the_window_cut_is_made_up_for_before_all_others() -> None:
    """Whatever its department; the departments go on in turn behind it."""
    order = drain(Turns(plans(3, 2, 1), precedence=Precedence(visits={"d0-1": -2, "d0-2": -1, "d1-0": 5, "d1-1": 4})))
    assert order == ["d0-1", "d0-2", "d0-0", "d2-0", "d1-1", "d1-0"]


def test_a_department_is_never_visited_beyond_its_share() -> None:
    """With many workers at once, and others are visited meanwhile."""
    turns, running, most, lock = Turns(plans(12, 12), per_department=2), Counter[str](), Counter[str](), threading.Lock()

    def work() -> None:
        while (plan := turns.take()) is not None:
            name = plan.asset.department
            with lock:
                running[name] += 1
                most[name] = max(most[name], running[name])
            time.sleep(0.002)
            with lock:
                running[name] -= 1
            turns.done(plan)

    workers = [threading.Thread(target=work) for _n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == {"d0": 2, "d1": 2}


def test_a_network_sees_no_more_new_visits_than_it_may() -> None:
    """Others are visited while one must wait; by a clock that the test moves."""
    now = [100.0]
    turns = Turns(plans(2, 2), per_second=2.0, clock=lambda: now[0])
    assert [turns.take().asset.uid, turns.take().asset.uid] == ["d0-0", "d1-0"]  # type: ignore[union-attr]
    assert turns._next() is None
    now[0] += 0.5
    assert [turns.take().asset.uid, turns.take().asset.uid] == ["d0-1", "d1-1"]  # type: ignore[union-attr]
    assert turns.take() is None


def test_once_closed_everything_is_handed_out_at_once() -> None:
    """To be accounted for, whatever the limits say."""
    turns = Turns(plans(5), per_department=1, per_second=0.001, closed=lambda: True)
    assert [turns.take() is not None for _n in range(5)] == [True] * 5
    assert turns.take() is None


def test_networks_are_told_by_prefix() -> None:
    """Of an address; a name stands for itself."""
    assert (network_of("10.1.2.3"), network_of("2001:db8::5")) == ("10.1.2.0/24", "2001:db8::/64")
    assert network_of("web.example") == "web.example"
