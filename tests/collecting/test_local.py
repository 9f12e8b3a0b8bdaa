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


@pytest.mark.parametrize("address", ["10.255.1.11", "::ffff:10.255.1.11", "no-such-host.invalid", "2001:db8::7", "fe80::1%lo"])
def test_another_machine_is_never_this_one(settings: Settings, address: str) -> None:
    """Regression, false pass: what the auditor's own machine said was recorded as that of any host with connection: local."""
    facts = Facts(fact("a", "echo a"))
    result = LocalTransport(settings, lookup=facts.lookup).collect(facts.plan(host(address, method="local")))

    assert (result.reach, [o.status.value for o in result.observations]) == (Reach.UNREACHABLE, ["not_run"])
    assert f"{address} is not known as an address of this machine" in result.detail


@pytest.mark.parametrize("address", ["127.0.1.9", "::1", "::ffff:127.0.0.1", "localhost"])
def test_every_name_of_this_machine_is_taken(settings: Settings, address: str) -> None:
    """Loopback in all its spellings."""
    facts = Facts(fact("a", "echo a"))
    assert LocalTransport(settings, lookup=facts.lookup).collect(facts.plan(host(address, method="local"))).reach is Reach.REACHED
