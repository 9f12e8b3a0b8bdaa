"""A plan is the same after packing, however its hosts share."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import Asset, AssetKind, AssetPlan, CheckTask, DepartmentPlan, ProbeCall, Severity
from auditor.model.codec import from_json, to_json
from auditor.model.packing import pack, unpack
from auditor.planning import make_plan
from tests.builders import NOW, catalogue, host

CALLS = st.builds(
    ProbeCall, st.sampled_from(["sshd", "clock"]), st.sampled_from([(), (("path", "/x"),), (("n", 1),), (("n", True),)])
)
TASKS = st.builds(
    CheckTask,
    st.sampled_from(["a", "b"]),
    st.sampled_from(Severity),
    st.sampled_from([{}, {"n": 1}, {"n": True}, {"n": 1.0}, {"l": ["x"]}]),
    st.lists(st.tuples(st.sampled_from(["f", "g"]), CALLS), max_size=2).map(tuple),
    st.sampled_from([(), ("A.8.9",)]),
    st.sampled_from(["d1", "d2"]),
)
PLANS = st.builds(
    AssetPlan,
    st.sampled_from([host("h1"), host("h2", ipv6="2001:db8::1")]),
    st.lists(CALLS, max_size=3).map(tuple),
    st.lists(TASKS, max_size=3).map(tuple),
    st.sampled_from(["", "maintenance"]),
)
WHOLE = Asset("department:health", AssetKind.DEPARTMENT, "health", "health", "")
DEPARTMENTS = st.builds(
    lambda assets, checks: DepartmentPlan("health", WHOLE, tuple(assets), tuple(checks), "sha", ("A.8.9",)),
    st.lists(PLANS, max_size=5),
    st.lists(TASKS, max_size=3),
)


@given(DEPARTMENTS)
def test_unpacking_gives_the_plan_back(plan: DepartmentPlan) -> None:
    """Through JSON, and values that only look alike (1, 1.0 and true) stay apart."""
    told = unpack(json.loads(json.dumps(pack(plan))))
    assert told == plan
    assert json.dumps(to_json(told)) == json.dumps(to_json(plan))


def test_hosts_share_what_is_the_same() -> None:
    """A thousand hosts are packed in little more than their own rows, and unpacked to the very same tuples."""
    hosts = tuple(host(f"health-{n}") for n in range(1000))
    (plan,) = make_plan(catalogue(assets=hosts), now=NOW).departments
    packed = pack(plan)
    assert (len(packed["tasks"]), len(packed["sets"])) == (1, 2)
    told = unpack(packed)
    assert len({id(a.checks) for a in told.assets}) == 1
    assert len({id(a.checks) for a in plan.assets}) == 1


def test_a_plan_of_before_is_still_read() -> None:
    """As ledgers kept it when each host held its tasks: see ``Runs.plan``."""
    (plan,) = make_plan(catalogue(), now=NOW).departments
    assert from_json(DepartmentPlan, to_json(plan)) == plan


@pytest.mark.parametrize("broken", [{}, {"tasks": []}])
def test_anything_else_is_refused(broken: dict[str, object]) -> None:
    """By one of the errors that a ledger expects of what it reads."""
    with pytest.raises((KeyError, IndexError, TypeError, ValueError)):
        unpack(broken)
