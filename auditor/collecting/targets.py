"""What is looked at from the network, and the command lines by which nmap looks at it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from auditor.collecting.nmap_ports import ALWAYS, PING, collapse
from auditor.collecting.nmap_xml import Address
from auditor.collecting.places import Network
from auditor.facts import NetworkProbe, by_name
from auditor.model import Asset, CheckTask, ProbeCall

Asked: TypeAlias = tuple[ProbeCall, NetworkProbe]

HOSTS_AT_ONCE = 64  # nmap scans so many side by side, one such group after the other; each group adds to the run's time limit
# nmap asks silence twice and then takes it for an answer: on a line that loses every fifth packet each way one host in six
# that answers on one port alone was missed. A network that is listed twice is gone through twice, one round after the other.
ROUNDS = 2
_DECLARED = re.compile(r"([0-9]{1,5})/tcp")


@dataclass(frozen=True, slots=True)
class Target:
    """An asset with its network probes, where it is, and the TCP ports that its checks name."""

    asset: Asset
    probes: tuple[Asked, ...]
    place: Address | Network
    named: frozenset[int] = frozenset()

    @property
    def address(self) -> Address:
        """Of a host. Raises TypeError for a network."""
        if isinstance(self.place, ipaddress.IPv4Network | ipaddress.IPv6Network):
            raise TypeError(f"{self.place} is no host's address")
        return self.place

    @property
    def network(self) -> Network:
        """Of a network. Raises TypeError for a host."""
        if isinstance(self.place, ipaddress.IPv4Network | ipaddress.IPv6Network):
            return self.place
        raise TypeError(f"{self.place} is no network")

    @property
    def calls(self) -> tuple[ProbeCall, ...]:
        """What is asked of it."""
        return tuple(call for call, _ in self.probes)

    @property
    def declared(self) -> frozenset[int]:
        """The TCP ports that its inventory declares or its checks name, and the one its SSH server is expected on."""
        ports = {int(m[1]) for text in self.asset.ports if (m := _DECLARED.fullmatch(text))}
        ports.add(self.asset.connection.port or 22)
        return frozenset(port for port in ports | self.named if 0 < port < 65_536)

    @property
    def own(self) -> list[int]:
        """The port of its SSH server and those declared, without the ones on which everyone is asked whether he is there."""
        first = self.asset.connection.port
        return sorted(self.declared - self.named - set(PING), key=lambda port: (port != first, port))


def network_probes(calls: Iterable[ProbeCall]) -> tuple[Asked, ...]:
    """Those of the calls that are read from the network, each with its probe."""
    facts = ((call, by_name(call.fact)) for call in calls)
    return tuple((call, fact.network) for call, fact in facts if fact is not None and fact.network is not None)


def named_ports(tasks: Iterable[CheckTask]) -> frozenset[int]:
    """The ports that checks over the network name in their parameters, as a policy may set them; of one that nobody looked at
    a check that wants it closed would pass.
    """
    listed: set[int] = set()
    for task in tasks:
        if any((fact := by_name(call.fact)) is not None and fact.network is not None for _, call in task.facts):
            lists = (value for value in task.params.values() if isinstance(value, list))
            listed.update(number for value in lists for number in value if isinstance(number, int))
    return frozenset(listed) - ALWAYS


def places_of(asset: Asset, probes: tuple[Asked, ...]) -> Iterator[tuple[Asset, tuple[Asked, ...]]]:
    """The probes by where they are asked: at the asset's address, and at its second one as if it were the only one."""
    for place, second in ((asset, False), (replace(asset, address=asset.ipv6), True)):
        if here := tuple((call, probe) for call, probe in probes if probe.second_address is second):
            yield place, here


def network_arguments(targets: list[Target], rounds: int = ROUNDS) -> list[str]:
    """Which of the networks' addresses answer on any port that hosts are asked on, in any of the rounds."""
    # silence costs seconds rather than minutes
    patience = ["--max-retries", "1", "--min-parallelism", "200"]
    networks = sorted({str(t.network) for t in targets})
    return ["-sn", f"-PS{_comma(PING)}", *patience, *_common(targets), "--", *networks * rounds]


def host_arguments(targets: list[Target], seconds: float) -> list[str]:
    """All that nmap is asked of the hosts, in their order, ``seconds`` being what a group of them may take."""
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
    return [*arguments, *_common(targets), "--", *dict.fromkeys(str(t.place) for t in targets)]


def _common(targets: list[Target]) -> list[str]:
    """No names from DNS, no questions, no link to a stylesheet, nothing that needs privileges."""
    version = ["-6"] if targets[0].place.version == 6 else []
    return [*version, "-T4", "--unprivileged", "-n", "--noninteractive", "--no-stylesheet"]


def _comma(numbers: Iterable[int]) -> str:
    return ",".join(str(number) for number in numbers)
