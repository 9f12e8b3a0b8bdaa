"""Observes a department's hosts and networks from the outside, by as few runs of nmap as possible.

nmap always runs with ``--unprivileged``, also when the auditor is root: connections are complete ones, which any account may
make, and what is seen does not depend on who ran the audit. Hosts are first asked whether they are there (also on the ports
that inventories declare); one that is silent is not observed, rather than found without open ports. Questions over UDP are put
afterwards to the hosts that were there. What was seen of a host counts only when it still answers afterwards.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeAlias

from auditor.collecting.conversations import slices
from auditor.collecting.datagrams import Unasked, ask
from auditor.collecting.nmap_ports import ALWAYS
from auditor.collecting.nmap_run import NmapOutput, run_nmap
from auditor.collecting.nmap_xml import (
    Address,
    Scan,
    answered,
    answering_ports,
    gave_up,
    host_slice,
    is_up,
    network_slice,
    ports_of,
    read_scan,
)
from auditor.collecting.places import Places, Refused, Resolve, resolve
from auditor.collecting.presence import Gone, gone
from auditor.collecting.targets import (
    HOSTS_AT_ONCE,
    ROUNDS,
    Asked,
    Target,
    host_arguments,
    network_arguments,
    network_probes,
    places_of,
)
from auditor.collecting.witnesses import witnessed
from auditor.facts._datagrams import Reply, write
from auditor.model import Asset, AssetKind, DepartmentPlan, Observation, ObservationStatus, ProbeCall, Settings

Run: TypeAlias = Callable[..., NmapOutput]

MAX_BYTES = 262_144
_STOPPED_ANSWERING = "the host stopped answering while it was scanned: scan it again once it is back"


_Told: TypeAlias = tuple[Target, ProbeCall, str, float]


def scan(
    department: DepartmentPlan,
    settings: Settings,
    *,
    on_result: Callable[[Observation], None],
    cancelled: Callable[[], bool],
    clock: Callable[[], datetime],
    listed: Iterable[str] = (),
    resolve: Resolve = resolve,
    run: Run = run_nmap,
    gone: Gone = gone,
) -> None:
    """Give ``on_result`` exactly one observation for each network probe of each asset that is not skipped; from several threads.

    ``listed`` are the addresses of every inventory (``Plan.addresses``): those that are names are resolved, so that a
    live address is known by them. When ``cancelled`` becomes true nothing is given for what was not finished. Raises
    CollectionError when nmap is not installed.
    """
    _Scan(settings, on_result, cancelled, clock, resolve, run, gone).all(department, tuple(listed))


class _Scan:
    """One department's scan."""

    def __init__(
        self,
        settings: Settings,
        on_result: Callable[[Observation], None],
        cancelled: Callable[[], bool],
        clock: Callable[[], datetime],
        resolve: Resolve,
        run: Run,
        gone: Gone,
    ) -> None:
        self._seconds = settings.network_timeout
        self._on_result = on_result
        self._cancelled = cancelled
        self._clock = clock
        self._places = Places(resolve)
        self._nmap = run
        self._gone = gone

    def all(self, department: DepartmentPlan, listed: tuple[str, ...]) -> None:
        wanted = [pair for p in department.assets if not p.skipped for pair in places_of(p.asset, network_probes(p.probes))]
        targets = list(self._located(wanted))
        networks = [t for t in targets if t.asset.kind is AssetKind.NETWORK]
        hosts = [t for t in targets if t.asset.kind is AssetKind.HOST]
        try:
            names = self._places.names(listed) if networks else {}
        except Refused as refusal:
            # hosts that are listed by name would be taken for strangers
            for target in networks:
                self._unseen(target.asset, target.calls, ObservationStatus.FAILED, str(refusal))
            names, networks = {}, []
        # Looking through networks is mostly waiting for addresses where nobody is: the hosts are looked at meanwhile.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [pool.submit(self._discover_all, networks, names), pool.submit(self._look_all, hosts)]:
                done.result()

    def _discover_all(self, networks: list[Target], names: dict[Address, list[str]]) -> None:
        for version in (4, 6):
            self._discover([t for t in networks if t.place.version == version], names)

    def _look_all(self, hosts: list[Target]) -> None:
        for version in (4, 6):
            self._look([t for t in hosts if t.place.version == version])

    def _located(self, wanted: list[tuple[Asset, tuple[Asked, ...]]]) -> Iterator[Target]:
        """Where each asset is; one that cannot or must not be scanned is answered for at once."""
        places = self._places.of([asset for asset, _ in wanted])
        for (asset, probes), place in zip(wanted, places, strict=True):
            if isinstance(place, Refused):
                self._unseen(asset, (call for call, _ in probes), ObservationStatus.FAILED, str(place))
            else:
                yield Target(asset, probes, place)

    def _discover(self, targets: list[Target], names: dict[Address, list[str]]) -> None:
        if not targets or self._cancelled():
            return
        output = self._nmap(network_arguments(targets), seconds=self._seconds * ROUNDS, cancelled=self._cancelled)
        if self._cancelled():
            return
        scan = read_scan(output.xml)
        # the auditor's own machine answers too where it stands in the network; it is no stranger
        scan = Scan({a: host for a, host in scan.hosts.items() if not _is_own(a)}, whole=scan.whole)
        for target in targets:
            if scan.whole:
                text = network_slice(scan, target.network, names)
                self._seen(target, [(call, text) for call, _ in target.probes], output.seconds)
            else:
                status, reason = _cut_short(output)
                self._unseen(target.asset, target.calls, status, reason)

    def _look(self, targets: list[Target]) -> None:
        if not targets or self._cancelled():
            return
        seconds = self._seconds * math.ceil(len(targets) / HOSTS_AT_ONCE)
        output = self._nmap(host_arguments(targets, self._seconds), seconds=seconds, cancelled=self._cancelled)
        stopped = self._cancelled()
        scan = read_scan(output.xml)
        lost = self._lost([t for t in targets if t.address in scan.hosts], scan)
        again: list[Target] = []
        reached: list[Target] = []
        for target in targets:
            if target.address in scan.hosts:
                if target.address in lost:
                    self._gone_meanwhile(target, target.calls)
                elif self._judge(target, target.address, scan, output.seconds):
                    reached.append(target)
            elif scan.whole:
                self._unseen(target.asset, target.calls, ObservationStatus.FAILED, "the host did not answer on any port asked")
            elif not output.stopped and len(targets) > 1:
                again.append(target)
            elif not stopped:
                status, reason = _cut_short(output)
                self._unseen(target.asset, target.calls, status, reason)
        if not stopped:
            self._speak(reached, scan, output.seconds)
        # nmap broke: whatever host broke it must not take the others with it
        middle = (len(again) + 1) // 2
        for half in (again[:middle], again[middle:]):
            self._look(half)

    def _lost(self, targets: list[Target], scan: Scan) -> frozenset[Address]:
        """The hosts that answered nmap and do not answer any more."""
        ports = {t.address: answering_ports(scan.hosts[t.address], ALWAYS | t.declared) for t in targets}
        answering = {address: found for address, found in ports.items() if found}
        return self._gone(answering, cancelled=self._cancelled)

    def _gone_meanwhile(self, target: Target, calls: Iterable[ProbeCall]) -> None:
        if not self._cancelled():  # or it was not waited for
            self._unseen(target.asset, calls, ObservationStatus.FAILED, _STOPPED_ANSWERING)

    def _speak(self, targets: list[Target], scan: Scan, seconds: float) -> None:
        """What nmap does not ask. It counts of the hosts that answer until the end."""
        spoken = [t for t in targets if any(probe.questions or probe.conversations for _, probe in t.probes)]
        # questions over UDP are mostly waiting for hosts that are silent: services are spoken to meanwhile
        with ThreadPoolExecutor(1) as pool:
            replies = pool.submit(lambda: list(self._ask(spoken)))
            told = [*self._converse(spoken, scan, seconds), *replies.result()]
        lost = self._lost(spoken, scan)
        for target, call, text, took in told:
            if target.address in lost:
                self._gone_meanwhile(target, [call])
            else:
                self._seen(target, [(call, text)], took)

    def _ask(self, targets: list[Target]) -> Iterator[_Told]:
        """Put the questions over UDP to the hosts that answered nmap: of one that is down, silence says nothing."""
        started = time.monotonic()
        probes = [(t, call, probe) for t in targets for call, probe in t.probes if probe.questions]
        replies = ask(((t.address, q) for t, _, probe in probes for q in probe.questions), cancelled=self._cancelled)
        of_hosts = ((t.address, probe.questions) for t, _, probe in probes)
        replies = witnessed(replies, of_hosts, cancelled=self._cancelled)
        seconds = time.monotonic() - started
        for target, call, probe in probes:
            told = [(q.name, replies.get((target.address, q))) for q in probe.questions]
            if failed := next((reply.reason for _, reply in told if isinstance(reply, Unasked)), ""):
                self._unseen(target.asset, [call], ObservationStatus.FAILED, failed)
            elif all(reply is not None for _, reply in told):
                yield target, call, write((name, reply) for name, reply in told if isinstance(reply, Reply)), seconds

    def _converse(self, targets: list[Target], scan: Scan, seconds: float) -> Iterator[_Told]:
        """Speak to the open ports of the hosts that answered nmap."""
        started = time.monotonic()
        probes = [(t, call, probe) for t in targets for call, probe in t.probes if probe.conversations]
        ports = {t.asset.uid: ports_of(scan.hosts[t.address], ALWAYS | t.declared) for t, _, _ in probes}
        wanted = [(t.address, scan.hosts[t.address], probe, ports[t.asset.uid]) for t, _, probe in probes]
        for (target, call, _), text in zip(probes, slices(wanted, cancelled=self._cancelled), strict=True):
            if text is not None:
                yield target, call, text, seconds + time.monotonic() - started

    def _judge(self, target: Target, address: Address, scan: Scan, seconds: float) -> bool:
        """Answer for a host that nmap finished, and whether it was there."""
        host = scan.hosts[address]
        if gave_up(host):
            self._unseen(target.asset, target.calls, ObservationStatus.TIMED_OUT, "the host took nmap longer than its deadline")
        elif not is_up(host):
            self._unseen(target.asset, target.calls, ObservationStatus.FAILED, "the host did not answer on any port asked")
        elif not answered(host):
            self._unseen(
                target.asset,
                target.calls,
                ObservationStatus.FAILED,
                "every port was silent: a firewall hides the host or it is down",
            )
        else:
            ports = ports_of(host, ALWAYS | target.declared)
            from_nmap = [(call, probe) for call, probe in target.probes if not probe.questions and not probe.conversations]
            self._seen(target, [(call, host_slice(host, probe, ports)) for call, probe in from_nmap], seconds)
            return True
        return False

    def _seen(self, target: Target, slices: list[tuple[ProbeCall, str]], seconds: float) -> None:
        for call, text in slices:
            if len(text.encode()) > MAX_BYTES:
                reason = f"the slice is larger than {MAX_BYTES} bytes"
                self._unseen(target.asset, [call], ObservationStatus.TRUNCATED, reason)
                continue
            self._on_result(
                Observation(
                    target.asset.uid,
                    call,
                    ObservationStatus.OK,
                    self._clock(),
                    stdout=text,
                    exit_status=0,
                    seconds=round(seconds, 3),
                )
            )

    def _unseen(self, asset: Asset, calls: Iterable[ProbeCall], status: ObservationStatus, reason: str) -> None:
        for call in calls:
            self._on_result(Observation(asset.uid, call, status, self._clock(), stderr=reason))


def _is_own(address: Address) -> bool:
    """Whether the address belongs to this machine: then, and only then, a socket can be bound to it. Loopback is left alone."""
    if address.is_loopback:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _cut_short(output: NmapOutput) -> tuple[ObservationStatus, str]:
    if output.stopped:
        return ObservationStatus.TIMED_OUT, f"nmap was stopped after {output.seconds:.0f} s, before it came to the end of this"
    said = next((line for line in output.error.splitlines() if line.strip()), "it said nothing")
    return ObservationStatus.TRUNCATED, f"nmap ended early: {said[:200]}"
