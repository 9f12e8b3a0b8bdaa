"""Proves that this machine is audited through the same script and framing, within its deadline."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from auditor.collecting.local import LocalTransport
from auditor.model import AssetPlan, ProbeCall, Reach, Settings
from tests.collecting.conftest import Facts, fact, host

pytestmark = pytest.mark.alone


def test_local(settings: Settings) -> None:
    """Every probe ends in one observation, also one that the platform lacks and one that nobody knows."""
    facts = Facts(
        fact("hello", "echo hello"),
        replace(fact("other", "echo"), probes={}),
        fact("long", "head -c 200000 /dev/zero | tr '\\0' x"),
    )
    plan = AssetPlan(host(method="local"), tuple(ProbeCall(n) for n in (*facts, "nobody")), ())
    result = LocalTransport(settings, lookup=facts.lookup).collect(plan)
    assert [o.status.value for o in result.observations] == ["ok", "unsupported", "ok", "unsupported"]
    assert (result.reach, result.observations[0].stdout, len(result.observations[2].stdout)) == (
        Reach.REACHED,
        "hello\n",
        200_000,
    )


def test_deadline_and_cancel(settings: Settings) -> None:
    """A machine that hangs is cut at the deadline, and at once when a person stops."""
    facts = Facts(fact("a", "echo a"), fact("b", "sleep 60", timeout=50), fact("c", "echo c", timeout=60))
    plan = facts.plan(host(method="local", host_timeout=0.7))
    result = LocalTransport(settings, lookup=facts.lookup).collect(plan)
    assert (result.reach, [o.status.value for o in result.observations]) == (Reach.TIMED_OUT, ["ok", "timed_out", "not_run"])
    flag = threading.Event()
    flag.set()
    stopped = LocalTransport(settings, cancelled=flag, lookup=facts.lookup).collect(plan)
    assert stopped.detail == "Stopped by the operator."
