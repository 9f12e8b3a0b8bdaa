"""Where an asset is on the network, and whether it may be scanned at all."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from auditor.collecting.nmap_xml import Address
from auditor.collecting.ssh_target import Configs, target_of
from auditor.model import Asset, AssetKind

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str], Sequence[str]]

LARGEST_NETWORK = 65_536
_SIDE_BY_SIDE = 16
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})  # any other error says nothing of it
_PROC = Path("/proc/thread-self/net")
_LOCAL = re.compile(r"\|-- (\S+)\n(?:\s+/\d+ .*\n)*?\s+/32 host LOCAL")
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")


class Refused(Exception):  # noqa: N818 — an answer about one asset, which becomes its observation
    """An asset must not, or cannot, be scanned; the text says why."""


def resolve(name: str) -> list[str]:
    """The addresses of a name, as the system finds them. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


def own_addresses() -> frozenset[Address]:
    """This machine's own addresses but for loopback, as the kernel lists them.

    That a socket can be bound to an address proves nothing: with ``ip_nonlocal_bind``, as on load balancers, it can be to any.
    """
    found: set[Address] = set()
    with contextlib.suppress(OSError):
        found |= {ipaddress.ip_address(entry[1]) for entry in _LOCAL.finditer((_PROC / "fib_trie").read_text())}
    with contextlib.suppress(OSError):
        found |= {ipaddress.IPv6Address(int(line[:32], 16)) for line in (_PROC / "if_inet6").read_text().splitlines()}
    return frozenset(address for address in found if not address.is_loopback)


def is_this_machine(address: str, resolve: Resolve = resolve) -> bool:
    """Whether an address, or every address that a name has now, is loopback or one of this machine's own."""
    written = literal(address)
    try:
        found = {ipaddress.ip_address(text) for text in resolve(address)} if written is None else {written}
    except (OSError, ValueError):  # UnicodeError, of what is no name, among them
        return False
    plain = {(a.ipv4_mapped or a) if isinstance(a, ipaddress.IPv6Address) else a for a in found}
    foreign = {a for a in plain if not a.is_loopback}
    return bool(plain) and (not foreign or foreign <= own_addresses())


class Places:
    """Finds assets by the addresses and names that inventories give them, asking the system for names.

    A host that is logged in to by SSH is looked at where the SSH configuration leads: both must tell of one machine.
    """

    def __init__(self, resolve: Resolve, configs: Configs) -> None:
        self._resolve = resolve
        self._configs = configs
        self._led: dict[str, str] = {}  # listed addresses by which SSH goes elsewhere, and where

    def reached(self, asset: Asset) -> Asset:
        """The asset with the address that SSH connects to. Raises Refused for one that only a jump host reaches."""
        jumps, host = bool(asset.connection.jump), asset.address
        if asset.kind is AssetKind.HOST and asset.connection.method == "ssh":
            try:
                target = target_of(asset, self._configs)
            except Exception as error:  # whatever its configuration holds is this host's alone, as it is for SSH
                raise Refused(f"where SSH reaches the host is not known: {error}") from error
            jumps, host = bool(target.jumps), target.host
        if jumps:
            raise Refused("the host is behind a jump host: what the network offers there cannot be seen from the auditor")
        if host == asset.address:
            return asset
        self._led[asset.address] = host
        return replace(asset, address=host)

    def of(self, assets: Iterable[Asset]) -> list[Address | Network | Refused]:
        """The place of each, or why it cannot or must not be scanned."""
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            return list(pool.map(self._of, assets))

    def _of(self, asset: Asset) -> Address | Network | Refused:
        try:
            return _network(asset) if asset.kind is AssetKind.NETWORK else self._host(asset)
        except Refused as refusal:
            return refusal

    def _host(self, asset: Asset) -> Address:
        address = literal(asset.address)
        if address is None:
            address = self._address_of(asset.address)
        if address.is_multicast or address.is_unspecified:
            raise Refused(f"{address} is no host's address")
        _refuse_public(asset, address)
        return address

    def _address_of(self, name: str) -> Address:
        addresses = self._addresses(name)
        if not addresses:
            raise Refused(f"the name {name[:80]!r} has no address: correct it in the inventory or in DNS")
        return addresses[0]

    def _addresses(self, name: str) -> list[Address]:
        """IPv4 first and in order, so that the same one is taken each night; none for what is no name.

        Raises Refused when DNS does not answer: a name that cannot be asked for now is not one that leads nowhere.
        """
        try:
            ascii_name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return []
        if not _NAME.fullmatch(ascii_name):
            return []
        try:
            found = {ipaddress.ip_address(text) for text in self._resolve(ascii_name)}
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_SUCH_NAME:
                raise Refused(f"DNS did not answer when asked for {name[:80]!r}: {error.strerror}") from error
            return []
        return sorted(found, key=lambda a: (a.version, int(a)))

    def names(self, listed: tuple[str, ...]) -> dict[Address, list[str]]:
        """What is listed by the addresses that it has now, where it is a name or is not written as they are. Raises Refused when
        DNS does not answer.
        """
        known: dict[Address, list[str]] = {}
        names: dict[str, str] = {}
        for text in listed:
            host = self._led.get(text, text)
            address = literal(host)
            if address is None:
                names[text] = host
            elif str(address) != text:
                known.setdefault(address, []).append(text)
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            for text, addresses in zip(names, pool.map(self._addresses, names.values()), strict=True):
                for address in addresses:
                    known.setdefault(address, []).append(text)
        return known


def literal(text: str) -> Address | None:
    """The address that the text is; None for a name. A scope id is no address that a report could be held to."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else address


def _network(asset: Asset) -> Network:
    try:
        network = ipaddress.ip_network(asset.address, strict=False)
    except ValueError as error:
        raise Refused(f"{asset.address[:80]!r} is no network, such as 10.20.0.0/24") from error
    if network.num_addresses > LARGEST_NETWORK:
        raise Refused(f"{network} has more than {LARGEST_NETWORK} addresses: list the parts that are in use")
    if network.is_multicast:
        raise Refused(f"{network} is a multicast range")
    _refuse_public(asset, network.network_address)
    _refuse_public(asset, network.broadcast_address)
    return network


def _refuse_public(asset: Asset, address: Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if not asset.public and (address.is_global or (mapped is not None and mapped.is_global)):
        raise Refused(f"{address} is a public address: it is scanned only when the inventory says `public: true` of the asset")
