"""Cuts nmap's XML into one slice per asset and fact, with nothing in it that changes while the host does not."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.collecting.nmap_ports import collapse, expand
from auditor.errors import CollectionError, ParseError
from auditor.facts._nmap_output import clean, read
from auditor.facts.interface import NetworkProbe

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Of a script's tables only what facts read: certificates carry keys and PEM, ciphers a grade that depends on nmap's mood.
_KEPT = {
    "http-title": ("redirect_url",),
    "ssh2-enum-algos": ("kex_algorithms", "server_host_key_algorithms", "encryption_algorithms", "mac_algorithms"),
    "ssl-cert": ("subject", "issuer", "pubkey", "extensions", "sig_algo", "validity"),
    "ssl-enum-ciphers": ("SSL", "TLS"),
}
_DROPPED = frozenset({
    "modulus", "exponent", "ecdhparams", "critical",
    "ciphers", "compressors", "cipher preference", "cipher preference error", "warnings",
})  # fmt: skip
_SERVICE = ("name", "product", "version", "tunnel", "method")


@dataclass(frozen=True, slots=True)
class Scan:
    """The hosts that a run finished, by address, and whether the run itself came to its end."""

    hosts: Mapping[Address, Element]
    whole: bool


def read_scan(xml: str) -> Scan:
    """What a run of nmap wrote, also when it was cut short. Raises CollectionError when it is not nmap's at all."""
    if not xml.strip():
        return Scan({}, whole=False)
    try:
        elements, closed = read(xml, "nmaprun")
    except ParseError as error:
        raise CollectionError(f"the output of nmap cannot be trusted: {error}") from error
    hosts = {address: e for e in elements if e.tag == "host" and (address := _address(e)) is not None}
    finished = next((f for e in elements if e.tag == "runstats" for f in e.iter("finished")), None)
    return Scan(hosts, whole=closed and finished is not None and finished.get("exit") == "success")


def gave_up(host: Element) -> bool:
    """Whether nmap ran out of its time for the host."""
    return host.get("timedout") == "true"


def is_up(host: Element) -> bool:
    """Whether the host answered when asked whether it is there."""
    status = host.find("status")
    return status is not None and status.get("state") == "up"


def answered(host: Element) -> bool:
    """Whether any port of the host was open or refused: of one whose ports are all silent nothing is known."""
    states = [s.get("state") for s in host.iterfind("ports/port/state")]
    states += [e.get("state") for e in host.iterfind("ports/extraports")]
    return any(state in ("open", "closed") for state in states)


def host_slice(host: Element, probe: NetworkProbe, ports: frozenset[int]) -> str:
    """What the probe's fact reads of a host: its open ports among ``ports``, in order, and which of ``ports`` refused."""
    out = Element("host")
    SubElement(out, "status", state="up")
    SubElement(out, "address", addr=str(_address(host)))
    container = SubElement(out, "ports", closed=collapse(_closed(host, ports)))
    found = [(int(p.get("portid", "0")), p) for p in host.iterfind("ports/port")]
    for number, port in sorted(found, key=lambda pair: (pair[1].get("protocol", ""), pair[0])):
        state = port.find("state")
        if number in ports and state is not None and state.get("state") == "open":
            container.append(_port(port, probe))
    return _text(out)


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


def network_slice(scan: Scan, network: ipaddress.IPv4Network | ipaddress.IPv6Network, names: Mapping[Address, list[str]]) -> str:
    """The addresses of ``network`` that answered, in order, each with the names by which inventories list it."""
    out = Element("hosts")
    for address in sorted((a for a, host in scan.hosts.items() if a in network and is_up(host)), key=int):
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
    for script in sorted(port.iterfind("script"), key=lambda s: s.get("id", "")):
        name = script.get("id", "")
        if name in probe.scripts:
            out.append(_script(script, name))
    return out


def _script(script: Element, name: str) -> Element:
    out = Element("script", id=name)
    kept = _KEPT.get(name)
    children = [c for c in script if kept is None or c.get("key", "").startswith(kept)]
    if name == "ssl-enum-ciphers":
        children.sort(key=lambda c: c.get("key", ""))
    for child in children:
        _copy(child, out)
    return out


def _copy(element: Element, parent: Element) -> None:
    key = element.get("key")
    if element.tag not in ("table", "elem") or key in _DROPPED:
        return
    out = SubElement(parent, element.tag, {} if key is None else {"key": key})
    if element.tag == "elem":
        out.text = _origin(element.text or "") if key == "redirect_url" else element.text
    for child in element:
        _copy(child, out)


def _origin(url: str) -> str:
    """Where a redirect leads, without path and query: those may carry a session of that very request."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}/" if parts.netloc else ""


def _text(element: Element) -> str:
    indent(element)
    return clean(tostring(element, encoding="unicode")) + "\n"
