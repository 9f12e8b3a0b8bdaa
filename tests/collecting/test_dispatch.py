"""Proves that each asset of a plan gives one result, in the caller's thread, and that stopping keeps only what is whole."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.collecting import dispatch, pending
from auditor.collecting.dispatch import collect_asset, collect_plan
from auditor.collecting.interface import STOPPED
from auditor.collecting.replay import replay_plan
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Connection,
    DepartmentPlan,
    Observation,
    ObservationStatus,
    Plan,
    ProbeCall,
    Reach,
    Settings,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SSHD, PORTS = ProbeCall("sshd"), ProbeCall("open_ports")


def asset_plan(uid: str, *probes: ProbeCall, method: str = "ssh", skipped: str = "") -> AssetPlan:
    asset = Asset(uid, AssetKind.HOST, uid.split("/")[0], uid, "192.0.2.1", connection=Connection(method=method))
    return AssetPlan(asset, probes, (), skipped)


def plan_of(*departments: tuple[AssetPlan, ...]) -> Plan:
    parts = tuple(DepartmentPlan(d[0].asset.department, d[0].asset, d) for d in departments)
    return Plan("p", "1", True, NOW, parts)


class FakeTransport:
    """Answers at once, and remembers in which order it was asked."""

    def __init__(self, act: Callable[[AssetPlan], None] = lambda plan: None) -> None:
        self.act = act
        self.asked: list[str] = []
        self.closed = False

    def collect(self, plan: AssetPlan) -> AssetResult:
        self.asked.append(plan.asset.uid)
        self.act(plan)
        seen = tuple(Observation(plan.asset.uid, p, ObservationStatus.OK, NOW, "x") for p in plan.probes if p == SSHD)
        return AssetResult(plan.asset.uid, Reach.REACHED, seen, NOW, NOW)

    def close(self) -> None:
        self.closed = True


def fake_scan(status: ObservationStatus = ObservationStatus.OK) -> Callable[..., None]:
    def scan(department: DepartmentPlan, settings: Settings, *, on_result: Callable[[Observation], None], **_: object) -> None:
        for asset in department.assets:
            if PORTS in asset.probes and not asset.skipped:
                on_result(Observation(asset.asset.uid, PORTS, status, NOW, "ports", "closed"))

    return scan


def run(
    plan: Plan, settings: Settings, transport: FakeTransport, scan: Callable[..., None], **kwargs: object
) -> list[AssetResult]:
    results: list[AssetResult] = []
    main = threading.current_thread()

    def take(result: AssetResult) -> None:
        assert threading.current_thread() is main
        results.append(result)

    collect_plan(plan, settings, on_result=take, transport_factory=lambda _: transport, scan=scan, **kwargs)  # type: ignore[arg-type]
    return results


def test_everything_planned_gives_one_result(settings: Settings) -> None:
    """Host and network parts of an asset come together in one result; skipped ones are accounted for."""
    plan = plan_of(
        (asset_plan("a/1", SSHD, PORTS), asset_plan("a/2", SSHD), asset_plan("a/3", SSHD, skipped="retired")),
        (asset_plan("b/1", PORTS, method="none"), asset_plan("b/2", SSHD, PORTS, method="none")),
    )
    transport = FakeTransport()
    given = run(plan, settings, transport, fake_scan())
    results = {r.asset: r for r in given}
    assert Counter(r.asset for r in given) == Counter(["a/1", "a/2", "a/3", "b/1", "b/2"])
    assert {uid: [(o.probe, o.status.value) for o in r.observations] for uid, r in results.items()} == {
        "a/1": [(SSHD, "ok"), (PORTS, "ok")],
        "a/2": [(SSHD, "ok")],
        "a/3": [(SSHD, "not_run")],
        "b/1": [(PORTS, "ok")],
        "b/2": [(SSHD, "not_run"), (PORTS, "ok")],
    }
    assert [results[u].reach.value for u in ("a/1", "a/3", "b/1")] == ["reached", "skipped", "reached"]
    assert results["a/3"].detail == "retired"
    assert sorted(transport.asked) == ["a/1", "a/2"]
    assert transport.closed


def test_what_is_to_be_left_alone_by_now_is_not_begun(settings: Settings) -> None:
    """Regression, visits during maintenance: whether an asset is left alone was asked once, hours before its turn came."""
    plan = plan_of((asset_plan("a/1", SSHD, PORTS), asset_plan("a/2", SSHD, PORTS), asset_plan("a/3", PORTS, method="none")))
    transport = FakeTransport()
    given = run(plan, settings, transport, fake_scan(), left_alone=lambda asset: "new disks" if asset.uid != "a/1" else "")
    results = {r.asset: r for r in given}
    assert transport.asked == ["a/1"]
    assert {uid: [o.status.value for o in r.observations] for uid, r in results.items()} == {
        "a/1": ["ok", "ok"],
        "a/2": ["not_run", "failed"],
        "a/3": ["failed"],
    }
    assert (results["a/1"].reach, results["a/2"].reach, results["a/2"].detail) == (Reach.REACHED, Reach.SKIPPED, "new disks")
    assert results["a/3"].detail == "new disks"


def test_network_only_without_an_answer_is_unreachable(settings: Settings) -> None:
    """A host seen from the network only, which did not answer, was not reached."""
    plan = plan_of((asset_plan("b/1", PORTS, method="none"),))
    (result,) = run(plan, settings, FakeTransport(), fake_scan(ObservationStatus.FAILED))
    assert (result.reach, result.detail) == (Reach.UNREACHABLE, "closed")


def test_departments_in_turn(settings: Settings) -> None:
    """A department with few hosts does not wait for one with many."""
    plan = plan_of(tuple(asset_plan(f"a/{i}", SSHD) for i in range(5)), (asset_plan("b/0", SSHD), asset_plan("b/1", SSHD)))
    transport = FakeTransport()
    run(plan, replace(settings, concurrency=1), transport, fake_scan())
    assert transport.asked == ["a/0", "b/0", "a/1", "b/1", "a/2", "a/3", "a/4"]


def test_our_own_fault_costs_one_host(settings: Settings) -> None:
    """A bug met on one host, or in the scan, is an unknown with its reason, and the other hosts keep their results."""

    def act(plan: AssetPlan) -> None:
        if plan.asset.uid == "a/0":
            raise KeyError("bug")

    def scan(*_: object, **__: object) -> None:
        raise RuntimeError("no nmap")

    plan = plan_of((asset_plan("a/0", SSHD), asset_plan("a/1", SSHD, PORTS)))
    results = {r.asset: r for r in run(plan, settings, FakeTransport(act), scan)}
    assert (results["a/0"].reach, results["a/0"].detail) == (
        Reach.UNREACHABLE,
        "The auditor failed on this host: KeyError: 'bug'",
    )
    assert [(o.status.value, o.stderr) for o in results["a/1"].observations] == [("ok", ""), ("failed", "RuntimeError: no nmap")]


def test_a_file_that_cannot_be_read_costs_what_waited_in_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: it ended the run for all hosts, where one host's outputs were lost."""
    monkeypatch.setattr(pending, "_IN_MEMORY", 0)
    read = pending.Halves._read
    lost: list[tuple[str, bool]] = []

    def broken(self: pending.Halves, part: tuple[str, bool], plan: AssetPlan) -> AssetResult | None:
        if part in self._places and plan.asset.uid == "a/2" and not lost:
            lost.append(part)
            raise OSError(5, "Input/output error")
        return read(self, part, plan)

    monkeypatch.setattr(pending.Halves, "_read", broken)
    plan = plan_of(tuple(asset_plan(f"a/{n}", SSHD, PORTS) for n in (1, 2, 3)))
    results = {r.asset: r for r in run(plan, settings, FakeTransport(), fake_scan())}
    assert {uid: r.reach for uid, r in results.items() if uid != "a/2"} == {"a/1": Reach.REACHED, "a/3": Reach.REACHED}
    told = results["a/2"]
    statuses = {o.probe: o.status for o in told.observations}
    assert ObservationStatus.OK in statuses.values()
    assert {statuses[SSHD], statuses[PORTS]} & {ObservationStatus.NOT_RUN, ObservationStatus.FAILED}
    assert "Input/output error" in told.detail + "".join(o.stderr for o in told.observations)


def test_cancelled(settings: Settings) -> None:
    """After Ctrl-C what was cut or not begun gives no result, so that a resumed run does it again."""
    flag = threading.Event()

    class Cut(FakeTransport):
        def collect(self, plan: AssetPlan) -> AssetResult:
            result = super().collect(plan)
            if plan.asset.uid == "a/1":
                flag.set()
                return replace(result, detail=STOPPED)
            return result

    plan = plan_of(tuple(asset_plan(f"a/{i}", SSHD) for i in range(4)))
    transport = Cut()
    results = run(plan, replace(settings, concurrency=1), transport, fake_scan(), cancelled=flag)
    assert [r.asset for r in results] == ["a/0"]
    assert (transport.asked, transport.closed) == (["a/0", "a/1"], True)


def test_nothing_waits_for_results_to_be_taken(settings: Settings) -> None:
    """Regression: a scan kept its place until the last of its hosts was judged, and so did each host's session: at the end of a
    night the last department's scan was begun when all the others were judged, and then waited for."""
    some = tuple(asset_plan(f"a/{n}", SSHD, PORTS) for n in range(150))
    plan = plan_of(some, *((asset_plan(f"{d}/0", PORTS, method="none"),) for d in "bcd"))
    scanned: list[str] = []
    taken_before_the_last = 0
    results: list[AssetResult] = []

    def scan(department: DepartmentPlan, *given: object, **kwargs: object) -> None:
        nonlocal taken_before_the_last
        taken_before_the_last = len(results)
        fake_scan()(department, *given, **kwargs)
        scanned.append(department.asset.department)

    def slow(result: AssetResult) -> None:
        time.sleep(0.01)
        results.append(result)

    tight = replace(settings, concurrency=2, network_concurrency=1)
    collect_plan(plan, tight, on_result=slow, transport_factory=lambda _: FakeTransport(), scan=scan)
    assert sorted(scanned) == ["a", "b", "c", "d"]
    assert taken_before_the_last < 100
    assert {(r.asset, tuple(o.stdout for o in r.observations)) for r in results} == {
        *((f"a/{n}", ("x", "ports")) for n in range(150)),
        *((f"{d}/0", ("ports",)) for d in "bcd"),
    }
    assert len(results) == 153


def test_what_waits_when_a_run_is_stopped_is_not_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C what was observed is taken for some seconds more; the rest gives no result, and is visited again."""
    flag, all_there = threading.Event(), threading.Event()
    monkeypatch.setattr(dispatch, "_GRACE", 0.0)
    transport = FakeTransport(lambda plan: all_there.set() if plan.asset.uid == "a/9" else None)
    results: list[AssetResult] = []

    def slow(result: AssetResult) -> None:
        assert all_there.wait(5)
        results.append(result)
        flag.set()

    plan = plan_of(tuple(asset_plan(f"a/{n}", SSHD) for n in range(10)))
    collect_plan(plan, settings, on_result=slow, cancelled=flag, transport_factory=lambda _: transport, scan=fake_scan())
    assert len(results) == 1
    assert transport.closed


def test_a_ledger_that_fails_stops_everything(settings: Settings) -> None:
    """When a result cannot be recorded the error comes out, and no worker is left behind."""
    plan = plan_of(tuple(asset_plan(f"a/{i}", SSHD) for i in range(50)))

    def broken(result: AssetResult) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        collect_plan(plan, settings, on_result=broken, transport_factory=lambda _: FakeTransport(), scan=fake_scan())
    assert not [t for t in threading.enumerate() if t.name.startswith("host")]


def test_one_asset(settings: Settings) -> None:
    """One asset may be observed alone."""
    result = collect_asset(
        asset_plan("a/1", SSHD, PORTS), settings, transport_factory=lambda _: FakeTransport(), scan=fake_scan()
    )
    assert [o.probe for o in result.observations] == [SSHD, PORTS]


def test_replay() -> None:
    """Stored observations come back as they were; what was never stored has not run."""
    plan = plan_of((asset_plan("a/1", SSHD, PORTS), asset_plan("a/2", SSHD)))
    kept = AssetResult("a/1", Reach.REACHED, (Observation("a/1", SSHD, ObservationStatus.OK, NOW, "x"),), NOW, NOW)
    results: list[AssetResult] = []
    replay_plan(plan, {"a/1": kept}.get, results.append)
    assert results[0].observations == (*kept.observations, Observation("a/1", PORTS, ObservationStatus.NOT_RUN, NOW))
    assert (results[1].reach, [o.status.value for o in results[1].observations]) == (Reach.SKIPPED, ["not_run"])
