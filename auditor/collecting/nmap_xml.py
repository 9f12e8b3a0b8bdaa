"""Cuts nmap's XML into one slice per asset and fact, with nothing in it that changes while the host does not."""

from __future__ import annotations

import hashlib
import ipaddress
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.collecting.nmap_ports import collapse, expand
from auditor.collecting.nmap_scripts import kept
from auditor.errors import CollectionError, ParseError
from auditor.facts._nmap_output import clean, read
from auditor.facts.interface import NetworkProbe

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_SLICES = 500  # that are remembered: those of fifty systems
_LONGEST = 20_000  # characters of one; it lists some 5,000 of ports, and a hostile host's own words do not fill the memory

_BROKE = "ERROR: Script execution failed"  # what nmap lets a script say that stopped on an error of its own
_SERVICE = ("name", "product", "version", "tunnel", "method")


@dataclass(frozen=True, slots=True)
class Scan:
    """The hosts that a run finished, by address, and whether the run itself came to its end."""

    hosts: Mapping[Address, Element]
    whole: bool


_one_at_a_time = threading.Lock()  # departments' scans end together; reading one takes several times its output for a moment


def read_scan(xml: str) -> Scan:
    """What a run of nmap wrote, also when it was cut short. Raises CollectionError when it is not nmap's at all."""
    if not xml.strip():
        return Scan({}, whole=False)
    try:
        with _one_at_a_time:
            elements, closed = read(xml, "nmaprun")
    except ParseError as error:
        raise CollectionError(f"the output of nmap cannot be trusted: {error}") from error
    hosts = {address: e for e in elements if e.tag == "host" and (address := _address(e)) is not None}
    finished = next((f for e in elements if e.tag == "runstats" for f in e.iter("finished")), None)
    return Scan(hosts, whole=closed and finished is not None and finished.get("exit") == "success")


@dataclass(frozen=True, slots=True)
class Ports:
    """What nmap tells of those ports of a host that are asked about: the open ones, in order, and which refused (``1-3,7``).

    Hosts with the same ``digest`` show the same in every slice, but for what conversations came to.
    """

    open: tuple[Element, ...]
    closed: str
    digest: bytes

    @property
    def answered(self) -> bool:
        """Whether any was open or refused: of a host whose ports are all silent nothing is known."""
        return bool(self.open or self.closed)


def ports_of(host: Element, ports: frozenset[int]) -> Ports:
    """Those of ``ports`` that answered."""
    found = sorted(open_ports(host, ports), key=lambda p: (p.get("protocol", ""), int(p.get("portid", "0"))))
    closed = collapse(_closed(host, ports))
    shown = [closed.encode(), *map(tostring, found), *map(tostring, host.iterfind("hostscript"))]
    return Ports(tuple(found), closed, hashlib.sha256(b"\0".join(shown)).digest())


def gave_up(host: Element) -> bool:
    """Whether nmap ran out of its time for the host."""
    return host.get("timedout") == "true"


def is_up(host: Element) -> bool:
    """Whether the host answered when asked whether it is there."""
    status = host.find("status")
    return status is not None and status.get("state") == "up"


def answering_ports(host: Element, ports: frozenset[int]) -> list[int]:
    """Those of ``ports`` that can tell whether the host is still there: open ones; where there are none, those that refused."""
    return sorted(int(port.get("portid", "0")) for port in open_ports(host, ports)) or sorted(_closed(host, ports))


def host_slice(host: Element, probe: NetworkProbe, ports: Ports, told: Mapping[int, Sequence[Element]] | None = None) -> str:
    """What the probe's fact reads of a host: its open ports, and which refused. ``told`` is by port what our own conversations
    came to.

    It does not say which host it is of: those that answer alike give one text, which is held, read and judged once, and made
    once where there were no conversations. The hosts of a department wait together for the end of their scan, and each slice
    lists a thousand ports.
    """
    key = (ports.digest, probe.scripts, probe.service_detection)
    known = None if told else _slices.get(key)
    if known is None:
        known = _host_slice(host, probe, ports, told or {})
        if not told and len(known) <= _LONGEST:
            if len(_slices) >= _SLICES:
                _slices.clear()
            _slices[key] = known
    return known


_slices: dict[tuple[bytes, tuple[str, ...], bool], str] = {}


def _host_slice(host: Element, probe: NetworkProbe, ports: Ports, told: Mapping[int, Sequence[Element]]) -> str:
    out = Element("host")
    SubElement(out, "status", state="up")
    container = SubElement(out, "ports", closed=ports.closed)
    for port in ports.open:
        container.append(_port(port, probe))
        container[-1].extend(told.get(int(port.get("portid", "0")), ()))
    of_host = host.find("hostscript")
    if of_host is not None and (scripts := _scripts(of_host, probe)):
        SubElement(out, "hostscript").extend(scripts)
    return sys.intern(_text(out))


def open_ports(host: Element, ports: frozenset[int]) -> Iterator[Element]:
    """Those of ``ports`` that are open, as nmap tells of them."""
    for port in host.iterfind("ports/port"):
        state = port.find("state")
        if int(port.get("portid", "0")) in ports and state is not None and state.get("state") == "open":
            yield port


def _closed(host: Element, ports: frozenset[int]) -> frozenset[int]:
    """Those of ``ports`` that refused a connection. Most are not listed one by one but told as a group."""
    listed = {int(p.get("portid", "0")): s.get("state") for p in host.iterfind("ports/port") for s in p.iterfind("state")}
    closed = {number for number, state in listed.items() if state == "closed"}
    groups = host.findall("ports/extraports")
    for group in groups:
        if group.get("state") != "closed":
            continue
        reasons = group.findall("extrareasons")
        if reasons and all(reason.get("ports") for reason in reasons):
            closed |= expand(",".join(reason.get("ports", "") for reason in reasons))
        elif len(groups) == 1:  # an older nmap does not say which: where there is one group it is all that is not listed
            closed |= ports - listed.keys()
    return frozenset(closed) & ports


def network_slice(
    up: Collection[Address], network: ipaddress.IPv4Network | ipaddress.IPv6Network, names: Mapping[Address, list[str]]
) -> str:
    """The addresses of ``network`` that are up, in order, each with the names by which inventories list it."""
    out = Element("hosts")
    for address in sorted((a for a in up if a in network), key=int):
        host = SubElement(out, "host")
        SubElement(host, "status", state="up")
        SubElement(host, "address", addr=str(address))
        for name in sorted(set(names.get(address, []))):
            SubElement(host, "hostname", name=name)
    return _text(out)


def _address(host: Element) -> Address | None:
    for element in host.iterfind("address"):
        if element.get("addrtype") in ("ipv4", "ipv6"):
            try:
                return ipaddress.ip_address(element.get("addr", ""))
            except ValueError:
                return None
    return None


def _port(port: Element, probe: NetworkProbe) -> Element:
    out = Element("port", protocol=port.get("protocol", ""), portid=port.get("portid", ""))
    SubElement(out, "state", state="open")
    service = port.find("service")
    if probe.service_detection and service is not None:
        SubElement(out, "service", {name: service.get(name, "") for name in _SERVICE if service.get(name)})
    out.extend(_scripts(port, probe))
    return out


def _scripts(said: Element, probe: NetworkProbe) -> list[Element]:
    """What the probe's scripts said of a port or of the host, in order and without what wavers. One that broke said nothing."""
    found = sorted(said.iterfind("script"), key=lambda s: s.get("id", ""))
    whole = [script for script in found if not script.get("output", "").startswith(_BROKE)]
    return [kept(script) for script in whole if script.get("id", "") in probe.scripts]


def _text(element: Element) -> str:
    indent(element)
    return clean(tostring(element, encoding="unicode")) + "\n"
