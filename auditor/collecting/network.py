"""Observes a department's hosts and networks from the outside, by as few runs of nmap as possible.

nmap always runs with ``--unprivileged``, also when the auditor is root: connections are complete ones, which any account may
make, and what is seen does not depend on who ran the audit. Hosts are first asked whether they are there (also on the ports
that inventories declare); one that is silent is not observed, rather than found without open ports. Questions over UDP are put
afterwards to the hosts that were there. What was seen of a host counts only when it still answers afterwards.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeAlias
from xml.etree.ElementTree import Element

from auditor.collecting.answers import Answer, Reached, from_nmap
from auditor.collecting.conversations import converse
from auditor.collecting.datagrams import Unasked, ask
from auditor.collecting.nmap_ports import ALWAYS
from auditor.collecting.nmap_run import NmapOutput, run_nmap
from auditor.collecting.nmap_xml import (
    Address,
    Ports,
    answering_ports,
    gave_up,
    host_slice,
    is_up,
    network_slice,
    ports_of,
    read_scan,
)
from auditor.collecting.places import Places, Refused, Resolve, literal, own_addresses, resolve
from auditor.collecting.presence import Gone, gone
from auditor.collecting.ssh_target import Configs
from auditor.collecting.targets import (
    HOSTS_AT_ONCE,
    ROUNDS,
    Asked,
    Target,
    host_arguments,
    named_ports,
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
        self._places = Places(resolve, Configs(settings.root))
        self._nmap = run
        self._gone = gone

    def all(self, department: DepartmentPlan, listed: tuple[str, ...]) -> None:
        wanted = [(p.asset, network_probes(p.probes)) for p in department.assets if not p.skipped]
        named = _named(department)
        located = self._located([(asset, probes) for asset, probes in wanted if probes])
        targets = [replace(target, named=named[target.asset.uid]) for target in located]
        networks = [t for t in targets if t.asset.kind is AssetKind.NETWORK]
        hosts = [t for t in targets if t.asset.kind is AssetKind.HOST]
        try:
            names = self._places.names(listed) if networks else {}
        except Refused as refusal:
            # hosts that are listed by name would be taken for strangers
            for target in networks:
                self._unseen(target.asset, target.calls, ObservationStatus.FAILED, str(refusal))
            names, networks = {}, []
        known = names.keys() | {address for text in listed if (address := literal(text)) is not None}
        # Looking through networks is mostly waiting for addresses where nobody is: the hosts are looked at meanwhile.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done in [
                pool.submit(self._discover_all, networks, names, own_addresses() - known, hosts),
                pool.submit(self._look_all, hosts),
            ]:
                done.result()

    def _discover_all(
        self, networks: list[Target], names: dict[Address, list[str]], own: frozenset[Address], hosts: list[Target]
    ) -> None:
        for version in (4, 6):
            self._discover([t for t in networks if t.place.version == version], names, own, hosts)

    def _look_all(self, hosts: list[Target]) -> None:
        for version in (4, 6):
            self._look([t for t in hosts if t.place.version == version])

    def _located(self, wanted: list[tuple[Asset, tuple[Asked, ...]]]) -> Iterator[Target]:
        """Where each asset is; one that cannot or must not be scanned is answered for at once."""
        here: list[tuple[Asset, tuple[Asked, ...]]] = []
        for asset, probes in wanted:
            try:
                here += places_of(self._places.reached(asset), probes)
            except Refused as refusal:
                self._unseen(asset, (call for call, _ in probes), ObservationStatus.FAILED, str(refusal))
        places = self._places.of([asset for asset, _ in here])
        for (asset, probes), place in zip(here, places, strict=True):
            if isinstance(place, Refused):
                self._unseen(asset, (call for call, _ in probes), ObservationStatus.FAILED, str(place))
            else:
                yield Target(asset, probes, place)

    def _discover(
        self, targets: list[Target], names: dict[Address, list[str]], own: frozenset[Address], hosts: list[Target]
    ) -> None:
        """``own``: this machine's addresses that no inventory lists; where it stands in the network it is no stranger."""
        if not targets or self._cancelled():
            return
        output = self._nmap(network_arguments(targets), seconds=self._seconds * ROUNDS, cancelled=self._cancelled)
        at = self._clock()
        scan = read_scan(output.xml)
        up = {a for a, host in scan.hosts.items() if is_up(host) and a not in own}
        up |= self._also_up(targets, hosts, up) if scan.whole else set()
        if self._cancelled():
            return
        for target in targets:
            if scan.whole:
                text = partial(network_slice, up, target.network, names)
                self._seen(target.asset, (Answer(call, text, at, output.seconds) for call in target.calls))
            else:
                status, reason = _cut_short(output)
                self._unseen(target.asset, target.calls, status, reason)

    def _also_up(self, networks: list[Target], hosts: list[Target], up: set[Address]) -> set[Address]:
        """Listed hosts that were silent on the ports on which everyone is asked, and answer on one of their own."""
        silent = (h for h in hosts if h.address not in up and any(h.address in n.network for n in networks))
        asked = {h.address: ports for h in silent if (ports := h.own)}
        return asked.keys() - self._gone(asked, cancelled=self._cancelled)

    def _look(self, targets: list[Target]) -> None:
        if not targets or self._cancelled():
            return
        seconds = self._seconds * math.ceil(len(targets) / HOSTS_AT_ONCE)
        output = self._nmap(host_arguments(targets, self._seconds), seconds=seconds, cancelled=self._cancelled)
        at = self._clock()
        stopped = self._cancelled()
        scan, output = read_scan(output.xml), replace(output, xml="")  # megabytes, not wanted while services are spoken to
        lost = self._lost((t, scan.hosts[t.address]) for t in targets if t.address in scan.hosts)
        again: list[Target] = []
        reached: list[Reached] = []
        for target in targets:
            host = scan.hosts.get(target.address)
            if host is not None:
                if target.address in lost:
                    self._gone_meanwhile(target, target.calls)
                elif self._was_there(target, host, ports := ports_of(host, ALWAYS | target.declared)):
                    reached.append(Reached(target, host, ports))
            elif scan.whole:
                self._unseen(target.asset, target.calls, ObservationStatus.FAILED, "the host did not answer on any port asked")
            elif not output.stopped and len(targets) > 1:
                again.append(target)
            elif not stopped:
                status, reason = _cut_short(output)
                self._unseen(target.asset, target.calls, status, reason)
        for found in reached:
            found.answers.extend(from_nmap(found, at, output.seconds))
        try:
            if not stopped:
                self._speak(reached, at, output.seconds)
        finally:  # what nmap saw was seen, whatever became of the rest
            for found in reached:
                self._seen(found.target.asset, found.answers)
        # nmap broke: whatever host broke it must not take the others with it
        middle = (len(again) + 1) // 2
        for half in (again[:middle], again[middle:]):
            self._look(half)

    def _lost(self, seen: Iterable[tuple[Target, Element]]) -> frozenset[Address]:
        """The hosts that answered nmap and do not answer any more."""
        answering: dict[Address, set[int]] = {}  # two assets may stand at one address, each with ports of its own
        for target, host in seen:
            if found := answering_ports(host, ALWAYS | target.declared):
                answering.setdefault(target.address, set()).update(found)
        return self._gone({address: sorted(ports) for address, ports in answering.items()}, cancelled=self._cancelled)

    def _gone_meanwhile(self, target: Target, calls: Iterable[ProbeCall]) -> None:
        if not self._cancelled():  # or it was not waited for
            self._unseen(target.asset, calls, ObservationStatus.FAILED, _STOPPED_ANSWERING)

    def _speak(self, reached: list[Reached], seen_at: datetime, seconds: float) -> None:
        """What nmap does not ask. It counts of the hosts that answer until the end."""
        spoken = [r for r in reached if any(probe.questions or probe.conversations for _, probe in r.target.probes)]
        # questions over UDP are mostly waiting for hosts that are silent: services are spoken to meanwhile
        with ThreadPoolExecutor(1) as pool:
            replies = pool.submit(lambda: list(self._ask(spoken)))
            told = [*self._converse(spoken, seen_at, seconds), *replies.result()]
        lost = self._lost((r.target, r.host) for r in spoken)
        for found, answer in told:
            if found.target.address in lost:
                self._gone_meanwhile(found.target, [answer.call])
            else:
                found.answers.append(answer)

    def _ask(self, reached: list[Reached]) -> Iterator[tuple[Reached, Answer]]:
        """Put the questions over UDP to the hosts that answered nmap: of one that is down, silence says nothing."""
        started = time.monotonic()
        probes = [(r, call, probe) for r in reached for call, probe in r.target.probes if probe.questions]
        replies = ask(((r.target.address, q) for r, _, probe in probes for q in probe.questions), cancelled=self._cancelled)
        of_hosts = ((r.target.address, probe.questions) for r, _, probe in probes)
        replies = witnessed(replies, of_hosts, cancelled=self._cancelled)
        at, seconds = self._clock(), time.monotonic() - started
        for r, call, probe in probes:
            told = [(q.name, replies.get((r.target.address, q))) for q in probe.questions]
            if failed := next((reply.reason for _, reply in told if isinstance(reply, Unasked)), ""):
                self._unseen(r.target.asset, [call], ObservationStatus.FAILED, failed)
            elif all(reply is not None for _, reply in told):
                given = [(name, reply) for name, reply in told if isinstance(reply, Reply)]
                yield r, Answer(call, partial(write, given), at, seconds)

    def _converse(self, reached: list[Reached], seen_at: datetime, seconds: float) -> Iterator[tuple[Reached, Answer]]:
        """Speak to the open ports of the hosts that answered nmap. What rests on nmap's scripts too is as old as they are."""
        started = time.monotonic()
        wanted = [(r, call, probe) for r in reached for call, probe in r.target.probes if probe.conversations]
        outcomes = converse([(r.target.address, probe, r.ports) for r, _, probe in wanted], cancelled=self._cancelled)
        at, took = self._clock(), seconds + time.monotonic() - started
        for (r, call, probe), told in zip(wanted, outcomes, strict=True):
            if told is not None:
                told_at = seen_at if probe.scripts else at
                yield r, Answer(call, partial(host_slice, r.host, probe, r.ports, told), told_at, took)

    def _was_there(self, target: Target, host: Element, ports: Ports) -> bool:
        """Whether nmap finished the host and it was there; answers for it where not.

        An answer counts on the ports of its own: on what its neighbours declare it is asked too, and that shows in no slice.
        """
        if gave_up(host):
            self._unseen(target.asset, target.calls, ObservationStatus.TIMED_OUT, "the host took nmap longer than its deadline")
        elif not is_up(host):
            self._unseen(target.asset, target.calls, ObservationStatus.FAILED, "the host did not answer on any port asked")
        elif not ports.answered:
            self._unseen(
                target.asset,
                target.calls,
                ObservationStatus.FAILED,
                "every port was silent: a firewall hides the host or it is down",
            )
        else:
            return True
        return False

    def _seen(self, asset: Asset, answers: Iterable[Answer]) -> None:
        for answer in answers:
            text, seconds = answer.text(), round(answer.seconds, 3)
            if len(text.encode()) > MAX_BYTES:
                reason = f"the slice is larger than {MAX_BYTES} bytes"
                self._unseen(asset, [answer.call], ObservationStatus.TRUNCATED, reason)
                continue
            ok = ObservationStatus.OK
            self._on_result(Observation(asset.uid, answer.call, ok, answer.at, stdout=text, exit_status=0, seconds=seconds))

    def _unseen(self, asset: Asset, calls: Iterable[ProbeCall], status: ObservationStatus, reason: str) -> None:
        for call in calls:
            self._on_result(Observation(asset.uid, call, status, self._clock(), stderr=reason))


def _named(department: DepartmentPlan) -> dict[str, frozenset[int]]:
    """The ports that checks name, by asset. Hosts mostly share their checks, which are looked through once."""
    of_tasks = {id(plan.checks): plan.checks for plan in department.assets}
    known = {key: named_ports(tasks) for key, tasks in of_tasks.items()}
    return {plan.asset.uid: known[id(plan.checks)] for plan in department.assets}


def _cut_short(output: NmapOutput) -> tuple[ObservationStatus, str]:
    if output.stopped:
        return ObservationStatus.TIMED_OUT, f"nmap was stopped after {output.seconds:.0f} s, before it came to the end of this"
    said = next((line for line in output.error.splitlines() if line.strip()), "it said nothing")
    return ObservationStatus.TRUNCATED, f"nmap ended early: {said[:200]}"
