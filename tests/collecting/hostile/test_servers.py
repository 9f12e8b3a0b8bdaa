"""Proves that a misbehaving server costs at most its own deadline and little memory, and that the right reason is told."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.collecting import known_hosts
from auditor.collecting.dispatch import collect_plan
from auditor.collecting.interface import utcnow
from auditor.collecting.jumps import JumpPool
from auditor.collecting.ssh import SshTransport
from auditor.collecting.ssh_handshake import Clock
from auditor.collecting.ssh_login import Secrets
from auditor.collecting.ssh_target import Configs, target_of
from auditor.collecting.trusting import fetch_host_keys
from auditor.errors import CollectionError
from auditor.model import Asset, AssetResult, DepartmentPlan, ObservationStatus, Plan, Reach, Settings
from auditor.text import using
from auditor.text.bidi import has_rtl
from auditor.text.sentences import retell
from tests.collecting.conftest import Facts, fact
from tests.collecting.hostile.conftest import FACTS, SPARE, Hostiles, collect
from tests.collecting.hostile.expected import ALL, BEFORE_LOGIN, ENDS, HEALTHY
from tests.collecting.hostile.fake_hosts import JUMPS

pytestmark = pytest.mark.alone

MEMORY = 48  # megabytes that one host may cost at its worst


def statuses(result: AssetResult) -> tuple[str, ...]:
    return tuple(o.status.value for o in result.observations)


def memory(what: str) -> int:
    """Megabytes of this process: VmRSS now, or VmHWM, the most since ``forget_peak``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(what))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def jumping(hostiles: Hostiles, by: str) -> Asset:
    """A sound host behind a jump host that floods."""
    jump = f"auditor@127.0.0.1:{hostiles.ports[by]}"
    return hostiles.asset(HEALTHY, jump=(jump,))


def test_every_behaviour_has_an_end(hostiles: Hostiles) -> None:
    """A behaviour that the server learns is not forgotten here."""
    assert hostiles.ports.keys() - {HEALTHY, "fickle", *JUMPS} == ENDS.keys()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", ENDS)
def test_costs_its_deadline_and_tells_why(name: str, short: Settings, hostiles: Hostiles) -> None:
    """Whatever the server does, the visit ends in time, in bounded memory, with the right reason, in both languages.

    Regressions: ``Bursts`` took a gigabyte and ``swells`` all that its deadline let it; ``ClosesInLogin`` said that the key was
    refused; ``RefusesExec`` was a broken session; ``Rekeys`` and ``Bursts``, which let the auditor in, were unreachable.
    """
    forget_peak()
    before, began = memory("VmRSS"), time.monotonic()
    result = collect(short, hostiles.asset(name))
    took, grown = time.monotonic() - began, memory("VmHWM") - before
    end = ENDS[name]
    assert (end.reach, end.statuses) == (result.reach, statuses(result))
    assert result.detail.startswith(end.detail)
    assert bool(end.detail) == bool(result.detail)
    assert took < (short.login_timeout if name in BEFORE_LOGIN else short.host_timeout) + SPARE
    assert grown < MEMORY
    if result.detail and end.reach is not Reach.UNTRUSTED:
        with using("ar"):
            assert has_rtl(retell(result.detail))


@pytest.mark.usefixtures("nothing_left")
def test_key_changes_between_two_visits(short: Settings, hostiles: Hostiles) -> None:
    """A host that shows another key the second time is not logged in to, though the first visit was well."""
    transport = SshTransport(short, lookup=FACTS.lookup)
    first, second = (transport.collect(FACTS.plan(hostiles.asset("fickle"))) for _n in range(2))
    transport.close()
    assert (first.reach, statuses(first)) == (Reach.REACHED, ALL)
    assert (second.reach, statuses(second)) == (Reach.UNTRUSTED, ("not_run", "not_run"))
    assert "has CHANGED" in second.detail
    assert first.host_key not in second.detail


@pytest.mark.usefixtures("nothing_left")
def test_a_jump_host_that_ignores_its_window(short: Settings, hostiles: Hostiles) -> None:
    """What it sends and nobody has read yet is bounded, and the host behind it is unreachable by the jump host's fault.

    Regression: what came through a jump host was kept in memory without end while it was not read.
    """
    behind = replace(short, login_timeout=10)
    target = target_of(jumping(hostiles, "FloodsThrough"), Configs(behind.root))
    clock = Clock(time.monotonic() + 20, threading.Event(), "The test")
    pool = JumpPool(known_hosts.load(behind.known_hosts), Secrets())
    forget_peak()
    before = memory("VmRSS")
    try:
        channel = pool.channel(target, clock, clock, 10, "")
        hop = channel.get_transport()
        channel.sendall(b"SSH-2.0-")
        hop.join(10)  # nobody reads
        assert (hop.is_active(), str(hop.saved_exception)) == (False, ENDS["Bursts"].detail)
        assert len(channel.in_buffer) <= channel.in_window_size
    finally:
        pool.close()
    assert memory("VmHWM") - before < MEMORY


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("by", JUMPS)
def test_a_host_behind_a_jump_host_that_floods(short: Settings, hostiles: Hostiles, by: str) -> None:
    """The visit ends in time and in bounded memory, whether the flood or the greeting that is none is noticed first.

    Regression: a flood before the way was open was told as the fault of the host behind.
    """
    forget_peak()
    before, began = memory("VmRSS"), time.monotonic()
    result = collect(short, jumping(hostiles, by))
    assert (result.reach, statuses(result)) == (Reach.UNREACHABLE, ("not_run", "not_run"))
    assert f"The jump host [127.0.0.1]:{hostiles.ports[by]} could not be used: {ENDS['Bursts'].detail}" in result.detail or (
        (by, result.detail) == ("FloodsThrough", ENDS["boasts"].detail)
    )
    assert time.monotonic() - began < short.host_timeout + SPARE
    assert memory("VmHWM") - before < MEMORY


@pytest.mark.usefixtures("nothing_left")
def test_a_shell_that_ends_before_it_has_the_script(short: Settings, hostiles: Hostiles) -> None:
    """Its own words are the reason. Regression: "No connection could be made: Socket is closed." was."""
    more_than_the_window = Facts(fact("long", f": {'x' * 3_000_000}"), fact("who", "echo root"))
    result = collect(short, hostiles.asset("Leaves"), more_than_the_window)
    assert result.detail.startswith(ENDS["Leaves"].detail)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", ["MuteExec", "MuteOpen", "RekeysHalf"])
def test_a_cancelled_visit_waits_for_nobody(name: str, short: Settings, hostiles: Hostiles) -> None:
    """Ctrl-C ends the visit of a host that leaves paramiko waiting. Regression: it waited for the host's whole deadline."""
    flag = threading.Event()
    transport = SshTransport(replace(short, host_timeout=60), cancelled=flag, lookup=FACTS.lookup)
    threading.Timer(0.3, flag.set).start()
    began = time.monotonic()
    result = transport.collect(FACTS.plan(hostiles.asset(name)))
    transport.close()
    assert (Reach.SKIPPED, "Stopped by the operator.") == (result.reach, result.detail)
    assert time.monotonic() - began < 2 + SPARE


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", ["silent", "boasts", "swells", "closes_in_kex"])
def test_asking_for_a_key(name: str, short: Settings, hostiles: Hostiles) -> None:
    """``auditor hosts trust`` is as safe from them, and tells the same reason."""
    with pytest.raises(CollectionError) as caught:
        fetch_host_keys(hostiles.asset(name), short)
    assert str(caught.value) == ENDS[name].detail


@pytest.mark.usefixtures("nothing_left")
def test_all_together(short: Settings, hostiles: Hostiles) -> None:
    """In one run with few slots every sound host is observed whole, and every hostile one has its own reason, in time."""
    mixed = []
    # for those that shall come to their end: it is the whole run that is timed, so that a machine's pause is not taken for theirs
    ample = {"host_timeout": 20.0, "login_timeout": 20.0}
    for at, (name, end) in enumerate(ENDS.items()):
        mixed.append(FACTS.plan(hostiles.asset(name, **(ample if end.reach is Reach.REACHED else {}))))
        sound = hostiles.asset(HEALTHY, **ample)
        mixed.append(FACTS.plan(replace(sound, uid=f"health/sound-{at}")))
    plan = Plan("p", "1", True, utcnow(), (DepartmentPlan("health", mixed[0].asset, tuple(mixed)),))
    settings = replace(short, concurrency=4, department_concurrency=0, network_rate=0)
    results: dict[str, AssetResult] = {}
    forget_peak()
    before, began = memory("VmRSS"), time.monotonic()
    collect_plan(
        plan,
        settings,
        on_result=lambda result: results.update({result.asset: result}),
        transport_factory=lambda _method: SshTransport(settings, lookup=FACTS.lookup),
    )
    took, grown = time.monotonic() - began, memory("VmHWM") - before
    assert len(results) == len(mixed)
    sound_ones = [r for uid, r in results.items() if "sound" in uid]
    unwell = [(r, f"{r.ended - r.started} of {took:.1f} s") for r in sound_ones if (r.reach, r.detail) != (Reach.REACHED, "")]
    assert unwell == []
    assert {ALL} == {statuses(r) for r in sound_ones}
    assert {o.stdout for r in sound_ones for o in r.observations} == {"hello\n", "root\n"}
    for name, end in ENDS.items():
        result = results[f"health/{name}"]
        assert (name, end.reach, end.statuses) == (name, result.reach, statuses(result))
        assert result.detail.startswith(end.detail)
        assert (result.ended - result.started).total_seconds() < short.host_timeout + SPARE
        if end.statuses != ALL:
            assert ObservationStatus.OK not in [o.status for o in result.observations if o.probe.fact == "who"]
    slow = sum(short.host_timeout for end in ENDS.values() if end.reach is Reach.TIMED_OUT)
    assert took < slow / settings.concurrency + 10
    assert grown < MEMORY * settings.concurrency
