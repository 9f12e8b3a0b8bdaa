"""Observes all assets of a plan: many hosts at once, the departments in turn, the network beside; results in one thread."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeAlias

from auditor.collecting import network
from auditor.collecting.interface import (
    CLOSED,
    CUT,
    STOPPED,
    Flag,
    Stop,
    Transport,
    Window,
    not_reached,
    to_millisecond,
    utcnow,
)
from auditor.collecting.local import LocalTransport
from auditor.collecting.pending import Halves, Pending, failed_on
from auditor.collecting.script import host_calls
from auditor.collecting.ssh import SshTransport
from auditor.collecting.turns import AS_LISTED, Precedence, Turns
from auditor.model import (
    Asset,
    AssetPlan,
    AssetResult,
    DepartmentPlan,
    Observation,
    ObservationStatus,
    Plan,
    ProbeCall,
    Reach,
    Settings,
)

TransportFactory: TypeAlias = Callable[[str], Transport]
_Event: TypeAlias = "tuple[str, AssetResult | None] | Observation | DepartmentPlan"

_GRACE = 5.0  # seconds for which what is ready is still taken, once a run was cancelled


class Scan(Protocol):
    """How a department's network probes are answered; ``network.scan`` is the real one."""

    def __call__(
        self,
        department: DepartmentPlan,
        settings: Settings,
        *,
        on_result: Callable[[Observation], None],
        cancelled: Callable[[], bool],
        clock: Callable[[], datetime],
        listed: tuple[str, ...] = (),
    ) -> None:
        """One observation for each network probe of the department."""


def collect_plan(
    plan: Plan,
    settings: Settings,
    *,
    on_result: Callable[[AssetResult], None],
    cancelled: threading.Event | None = None,
    window: Window | None = None,
    precedence: Precedence = AS_LISTED,
    left_alone: Callable[[Asset], str] = lambda _asset: "",
    transport_factory: TransportFactory | None = None,
    scan: Scan = network.scan,
) -> None:
    """Give ``on_result``, in this thread, one result for each asset of the plan as it is done.

    When ``window`` closes no new host is begun, and what is under way finishes or is cut; what is left has a result too, which
    says so. ``precedence`` tells which hosts and scans come first. ``left_alone`` is asked, from several threads, when an
    asset's turn comes: what it says is why the asset is not begun any more.

    What was observed waits, in a file where it is much, until ``on_result`` has come to it: neither hosts nor networks wait
    for that.

    Once ``cancelled`` is set no new host is begun and those under way are cut; what was cut or not begun, or waits still after
    some seconds, gives no result, so that a resumed run visits it again. It is also set when ``on_result`` raises. Raises
    ConfigurationError for a bad known_hosts.
    """
    cancelled = cancelled or threading.Event()
    factory = transport_factory or _factory(settings, Stop(cancelled, window))
    _Collection(plan, settings, on_result, cancelled, window, precedence, left_alone, factory, scan).run()


def collect_asset(
    plan: AssetPlan, settings: Settings, *, transport_factory: TransportFactory | None = None, scan: Scan = network.scan
) -> AssetResult:
    """Observe one asset, host and network, and wait for it."""
    results: list[AssetResult] = []
    department = DepartmentPlan(plan.asset.department, plan.asset, (plan,))
    whole = Plan(policy="", policy_version="", of_record=False, now=utcnow(), departments=(department,), narrowed=True)
    collect_plan(whole, settings, on_result=results.append, transport_factory=transport_factory, scan=scan)
    return results[0]


def _factory(settings: Settings, cancelled: Flag) -> TransportFactory:
    def make(method: str) -> Transport:
        return LocalTransport(settings, cancelled=cancelled) if method == "local" else SshTransport(settings, cancelled=cancelled)

    return make


class _Collection:
    """One plan being observed."""

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        on_result: Callable[[AssetResult], None],
        cancelled: threading.Event,
        window: Window | None,
        precedence: Precedence,
        left_alone: Callable[[Asset], str],
        factory: TransportFactory,
        scan: Scan,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._on_result = on_result
        self._cancelled = cancelled
        self._window, self._precedence = window, precedence
        self._left_alone, self._scan = left_alone, scan
        # bounded: while one result is taken the next wait in the workers; between two all that has come is set aside
        self._events: queue.Queue[_Event] = queue.Queue(maxsize=max(8, settings.concurrency))
        self._ready: deque[Pending] = deque()
        self._given_up_at = math.inf  # when what is ready waits in vain, once the run was cancelled
        self._pending = {a.asset.uid: Pending.of(a) for d in plan.departments for a in d.assets}
        self._halves = Halves(settings.ledger.parent)
        methods = {p.plan.asset.connection.method for p in self._pending.values() if p.needs_host and not p.plan.skipped}
        self._transports: dict[str, Transport] = {method: factory(method) for method in sorted(methods)}

    def run(self) -> None:
        """Observe everything; see ``collect_plan``."""
        hosts = ThreadPoolExecutor(max(1, self._settings.concurrency), thread_name_prefix="host")
        networks = ThreadPoolExecutor(max(1, self._settings.network_concurrency), thread_name_prefix="network")
        futures: list[Future[None]] = []
        try:
            for pending in self._pending.values():
                if pending.plan.skipped:
                    self._on_result(_skipped(pending.plan))
            scanned = [d for d in self._plan.departments if any(self._pending[a.asset.uid].calls for a in d.assets)]
            scanned.sort(key=lambda d: self._precedence.scans.get(d.department, 0))
            futures += [networks.submit(self._look, department) for department in scanned]
            everything = (a for d in self._plan.departments for a in d.assets)
            visited = [p for p in everything if self._pending[p.asset.uid].needs_host and not p.skipped]
            turns = Turns(
                visited,
                precedence=self._precedence,
                per_department=self._settings.department_concurrency,
                per_second=self._settings.network_rate,
                closed=lambda: self._cancelled.is_set() or self._closed(),
            )
            futures += [hosts.submit(self._visitor, turns) for _n in range(min(self._settings.concurrency, len(visited)))]
            for pending in self._pending.values():
                self._emit(pending)
            left = len(scanned) + len(visited)
            while left or self._ready:
                if (event := self._next()) is not None:
                    left -= self._take(event)
                elif self._in_vain():
                    self._ready.clear()
                else:
                    self._give(self._ready.popleft())
        except BaseException:
            self._cancelled.set()
            raise
        finally:
            self._end(futures, hosts, networks)

    def _next(self) -> _Event | None:
        """What has come; None where nothing has and a result is ready: that takes long, and a scan's place is not held by it."""
        if not self._ready:
            return self._events.get()
        try:
            return self._events.get_nowait()
        except queue.Empty:
            return None

    def _in_vain(self) -> bool:
        """Whether the run was cancelled some seconds ago: nobody waits for minutes until all that is ready was judged."""
        if self._cancelled.is_set() and self._given_up_at == math.inf:
            self._given_up_at = time.monotonic() + _GRACE
        return time.monotonic() > self._given_up_at

    def _take(self, event: _Event) -> int:
        """Handle one event; 1 when it ends a task."""
        if isinstance(event, Observation):
            pending = self._pending[event.asset]
            pending.network[event.probe] = event
            if pending.scanned:
                self._network_done(pending)
            return 0
        if isinstance(event, DepartmentPlan):
            for asset in event.assets:
                self._network_done(self._pending[asset.asset.uid])
            return 1
        uid, result = event
        pending = self._pending[uid]
        pending.host, pending.host_done, pending.dropped = result, True, pending.dropped or result is None
        self._emit(pending)
        return 1

    def _network_done(self, pending: Pending) -> None:
        if pending.network_done:
            return
        pending.network_done = True
        if not pending.scanned:
            pending.dropped = pending.dropped or self._cancelled.is_set()
        self._emit(pending)

    def _emit(self, pending: Pending) -> None:
        if pending.dropped or pending.plan.skipped:
            return
        if self._ready or not pending.whole:
            self._halves.put(pending)
        if pending.whole:
            self._ready.append(pending)

    def _give(self, pending: Pending) -> None:
        self._halves.give_back(pending)
        result = pending.merged()
        # given once, and not kept: a night's observations do not fit in memory
        pending.dropped, pending.host, pending.network = True, None, {}
        self._on_result(result)

    def _closed(self) -> bool:
        return self._window is not None and self._window.closed()

    def _visitor(self, turns: Turns) -> None:
        """In a worker: one host after the other, until none is left."""
        while (plan := turns.take()) is not None:
            self._visit(plan)
            turns.done(plan)

    def _visit(self, plan: AssetPlan) -> None:
        """In a worker: one host, whatever happens."""
        result: AssetResult | None = None
        if self._closed() and not self._cancelled.is_set():
            result = _not_begun(plan, CLOSED)
        elif not self._cancelled.is_set():
            started = utcnow()
            try:
                why = self._left_alone(plan.asset)
                result = _not_begun(plan, why) if why else self._transports[plan.asset.connection.method].collect(plan)
            except Exception as error:
                # our own fault on one host must neither pass for its state nor cost the others theirs
                result = failed_on(plan, started, error)
            if result.detail == STOPPED:
                result = None if self._cancelled.is_set() else replace(result, reach=Reach.SKIPPED, detail=CUT)
        self._events.put((plan.asset.uid, result))

    def _look(self, department: DepartmentPlan) -> None:
        """In a worker: one department's networks, whatever happens."""
        given: set[tuple[str, ProbeCall]] = set()
        alone: dict[str, str] = {}

        def seen(observation: Observation) -> None:
            given.add((observation.asset, observation.probe))
            self._events.put(observation)

        assets = sorted(department.assets, key=lambda a: self._precedence.seen.get(a.asset.uid, 0))
        why = "the network scan gave no answer"
        stop = Stop(self._cancelled, self._window)
        try:
            if self._closed():
                why = CLOSED
            elif not self._cancelled.is_set():
                alone |= {a.asset.uid: a.skipped or self._left_alone(a.asset) for a in assets}
                self._scan(
                    replace(department, assets=tuple(replace(a, skipped=alone[a.asset.uid]) for a in assets)),
                    self._settings,
                    on_result=seen,
                    cancelled=stop.is_set,
                    clock=lambda: to_millisecond(utcnow()),
                    listed=self._plan.addresses,
                )
                why = CUT if stop.is_set() else why
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        if not self._cancelled.is_set():
            for asset in department.assets:
                told = alone.get(asset.asset.uid) or why
                for call in self._pending[asset.asset.uid].calls:
                    if (asset.asset.uid, call) not in given:
                        self._events.put(
                            Observation(asset.asset.uid, call, ObservationStatus.FAILED, to_millisecond(utcnow()), stderr=told)
                        )
        self._events.put(department)

    def _end(self, futures: list[Future[None]], hosts: ThreadPoolExecutor, networks: ThreadPoolExecutor) -> None:
        for future in futures:
            future.cancel()
        while not all(future.done() for future in futures):
            with contextlib.suppress(queue.Empty):  # a worker may be waiting for room
                self._events.get(timeout=0.05)
        hosts.shutdown()
        networks.shutdown()
        for transport in self._transports.values():
            transport.close()
        self._halves.close()


def _not_begun(plan: AssetPlan, why: str) -> AssetResult:
    return not_reached(plan, host_calls(plan.probes, plan.asset.platform), Reach.SKIPPED, utcnow(), why)


def _skipped(plan: AssetPlan) -> AssetResult:
    now = utcnow()
    observations = tuple(Observation(plan.asset.uid, call, ObservationStatus.NOT_RUN, now) for call in plan.probes)
    return AssetResult(plan.asset.uid, Reach.SKIPPED, observations, now, now, plan.skipped)
