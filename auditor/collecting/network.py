"""Observes a department's hosts and networks from the outside, by as few runs of nmap as possible.

nmap always runs with ``--unprivileged``, also when the auditor is root: connections are complete ones, which any account may
make, and what is seen does not depend on who ran the audit. Hosts are first asked whether they are there (also on the ports
that inventories declare); one that is silent is not observed, rather than found without open ports. Questions over UDP are put
afterwards to the hosts that were there. What was seen of a host counts only when it still answers afterwards.
"""

from __future__ import annotations

import ipaddress
import math
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from auditor.collecting.conversations import slices
from auditor.collecting.datagrams import Unasked, ask
from auditor.collecting.nmap_ports import ALWAYS, PING, collapse
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
    read_scan,
)
from auditor.collecting.places import Network, Places, Refused, Resolve, resolve
from auditor.collecting.presence import Gone, gone
from auditor.collecting.witnesses import witnessed
from auditor.facts import NetworkProbe, by_name
from auditor.facts._datagrams import Reply, write
from auditor.model import Asset, AssetKind, DepartmentPlan, Observation, ObservationStatus, ProbeCall, Settings

_Asked: TypeAlias = tuple[ProbeCall, NetworkProbe]
Run: TypeAlias = Callable[..., NmapOutput]

HOSTS_AT_ONCE = 64  # nmap scans so many side by side, one such group after the other; each group adds to the run's time limit
MAX_BYTES = 262_144
_STOPPED_ANSWERING = "the host stopped answering while it was scanned: scan it again once it is back"
_DECLARED = re.compile(r"([0-9]{1,5})/tcp")


@dataclass(frozen=True, slots=True)
class _Target:
    """An asset with its network probes, and where it is."""

    asset: Asset
    probes: tuple[_Asked, ...]
    place: Address | Network

    @property
    def address(self) -> Address:
        """Of a host. Raises TypeError for a network."""
        if isinstance(self.place, ipaddress.IPv4Network | ipaddress.IPv6Network):
            raise TypeError(f"{self.place} is no host's address")
        return self.place

    @property
    def calls(self) -> tuple[ProbeCall, ...]:
        """What is asked of it."""
        return tuple(call for call, _ in self.probes)

    @property
    def declared(self) -> frozenset[int]:
        """The TCP ports that its inventory declares, and the one its SSH server is expected on."""
        ports = {int(m[1]) for text in self.asset.ports if (m := _DECLARED.fullmatch(text))}
        ports.add(self.asset.connection.port or 22)
        return frozenset(port for port in ports if 0 < port < 65_536)


_Told: TypeAlias = tuple[_Target, ProbeCall, str, float]


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
        wanted = [pair for p in department.assets if not p.skipped for pair in _wanted(p.asset, _network_probes(p.probes))]
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

    def _discover_all(self, networks: list[_Target], names: dict[Address, list[str]]) -> None:
        for version in (4, 6):
            self._discover([t for t in networks if t.place.version == version], names)

    def _look_all(self, hosts: list[_Target]) -> None:
        for version in (4, 6):
            self._look([t for t in hosts if t.place.version == version])

    def _located(self, wanted: list[tuple[Asset, tuple[_Asked, ...]]]) -> Iterator[_Target]:
        """Where each asset is; one that cannot or must not be scanned is answered for at once."""
        places = self._places.of([asset for asset, _ in wanted])
        for (asset, probes), place in zip(wanted, places, strict=True):
            if isinstance(place, Refused):
                self._unseen(asset, (call for call, _ in probes), ObservationStatus.FAILED, str(place))
            else:
                yield _Target(asset, probes, place)

    def _discover(self, targets: list[_Target], names: dict[Address, list[str]]) -> None:
        if not targets or self._cancelled():
            return
        networks = [t.place for t in targets if isinstance(t.place, ipaddress.IPv4Network | ipaddress.IPv6Network)]
        # each live host is asked on many ports: one retry is enough, and silence costs seconds rather than minutes
        patience = ["--max-retries", "1", "--min-parallelism", "200"]
        arguments = ["-sn", f"-PS{_comma(PING)}", *patience, *_common(targets), "--", *sorted({str(n) for n in networks})]
        output = self._nmap(arguments, seconds=self._seconds, cancelled=self._cancelled)
        if self._cancelled():
            return
        scan = read_scan(output.xml)
        # the auditor's own machine answers too where it stands in the network; it is no stranger
        scan = Scan({a: host for a, host in scan.hosts.items() if not _is_own(a)}, whole=scan.whole)
        for target, network in zip(targets, networks, strict=True):
            if scan.whole:
                text = network_slice(scan, network, names)
                self._seen(target, [(call, text) for call, _ in target.probes], output.seconds)
            else:
                status, reason = _cut_short(output)
                self._unseen(target.asset, target.calls, status, reason)

    def _look(self, targets: list[_Target]) -> None:
        if not targets or self._cancelled():
            return
        seconds = self._seconds * math.ceil(len(targets) / HOSTS_AT_ONCE)
        output = self._nmap(_host_arguments(targets, self._seconds), seconds=seconds, cancelled=self._cancelled)
        stopped = self._cancelled()
        scan = read_scan(output.xml)
        lost = self._lost([t for t in targets if t.address in scan.hosts], scan)
        again: list[_Target] = []
        reached: list[_Target] = []
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

    def _lost(self, targets: list[_Target], scan: Scan) -> frozenset[Address]:
        """The hosts that answered nmap and do not answer any more."""
        ports = {t.address: answering_ports(scan.hosts[t.address], ALWAYS | t.declared) for t in targets}
        answering = {address: found for address, found in ports.items() if found}
        return self._gone(answering, cancelled=self._cancelled)

    def _gone_meanwhile(self, target: _Target, calls: Iterable[ProbeCall]) -> None:
        if not self._cancelled():  # or it was not waited for
            self._unseen(target.asset, calls, ObservationStatus.FAILED, _STOPPED_ANSWERING)

    def _speak(self, targets: list[_Target], scan: Scan, seconds: float) -> None:
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

    def _ask(self, targets: list[_Target]) -> Iterator[_Told]:
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

    def _converse(self, targets: list[_Target], scan: Scan, seconds: float) -> Iterator[_Told]:
        """Speak to the open ports of the hosts that answered nmap."""
        started = time.monotonic()
        probes = [(t, call, probe) for t in targets for call, probe in t.probes if probe.conversations]
        wanted = [(t.address, scan.hosts[t.address], probe, ALWAYS | t.declared) for t, _, probe in probes]
        for (target, call, _), text in zip(probes, slices(wanted, cancelled=self._cancelled), strict=True):
            if text is not None:
                yield target, call, text, seconds + time.monotonic() - started

    def _judge(self, target: _Target, address: Address, scan: Scan, seconds: float) -> bool:
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
            ports = ALWAYS | target.declared
            from_nmap = [(call, probe) for call, probe in target.probes if not probe.questions and not probe.conversations]
            self._seen(target, [(call, host_slice(host, probe, ports)) for call, probe in from_nmap], seconds)
            return True
        return False

    def _seen(self, target: _Target, slices: list[tuple[ProbeCall, str]], seconds: float) -> None:
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


def _network_probes(calls: Iterable[ProbeCall]) -> tuple[_Asked, ...]:
    facts = ((call, by_name(call.fact)) for call in calls)
    return tuple((call, fact.network) for call, fact in facts if fact is not None and fact.network is not None)


def _wanted(asset: Asset, probes: tuple[_Asked, ...]) -> Iterator[tuple[Asset, tuple[_Asked, ...]]]:
    """The probes by where they are asked: at the asset's address, and at its second one as if it were the only one."""
    for place, second in ((asset, False), (replace(asset, address=asset.ipv6), True)):
        if here := tuple((call, probe) for call, probe in probes if probe.second_address is second):
            yield place, here


def _host_arguments(targets: list[_Target], seconds: float) -> list[str]:
    declared = frozenset[int]().union(*(t.declared for t in targets))
    probes = [probe for t in targets for _, probe in t.probes]
    scripts = sorted({script for probe in probes for script in probe.scripts})
    limit = max(20, int(seconds * 0.8))  # less than a group's, so that one slow host ends before the others are lost
    arguments = ["-sT", f"-PS{_comma(sorted(declared.union(PING)))}", "-p", collapse(ALWAYS | declared)]
    arguments += ["--host-timeout", f"{limit}s", "--max-retries", "4", "--min-hostgroup", str(HOSTS_AT_ONCE)]
    arguments += ["--max-hostgroup", str(HOSTS_AT_ONCE)]
    if any(probe.service_detection for probe in probes):
        arguments += ["-sV", "--version-light"]
    if scripts:
        arguments += ["--script", ",".join(scripts), "--script-timeout", f"{max(10, limit // 4)}s"]
    return [*arguments, *_common(targets), "--", *sorted({str(t.place) for t in targets})]


def _common(targets: list[_Target]) -> list[str]:
    """No names from DNS, no questions, no link to a stylesheet, nothing that needs privileges."""
    version = ["-6"] if targets[0].place.version == 6 else []
    return [*version, "-T4", "--unprivileged", "-n", "--noninteractive", "--no-stylesheet"]


def _comma(numbers: Iterable[int]) -> str:
    return ",".join(str(number) for number in numbers)


def _cut_short(output: NmapOutput) -> tuple[ObservationStatus, str]:
    if output.stopped:
        return ObservationStatus.TIMED_OUT, f"nmap was stopped after {output.seconds:.0f} s, before it came to the end of this"
    said = next((line for line in output.error.splitlines() if line.strip()), "it said nothing")
    return ObservationStatus.TRUNCATED, f"nmap ended early: {said[:200]}"
