"""Where an asset is on the network, and whether it may be scanned at all."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from auditor.collecting.nmap_xml import Address
from auditor.model import Asset, AssetKind

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str], Sequence[str]]

LARGEST_NETWORK = 65_536
_SIDE_BY_SIDE = 16
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")


class Refused(Exception):  # noqa: N818 — an answer about one asset, which becomes its observation
    """An asset must not, or cannot, be scanned; the text says why."""


def resolve(name: str) -> list[str]:
    """The addresses of a name, as the system finds them. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


class Places:
    """Finds assets by the addresses and names that inventories give them, asking the system for names."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

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
        if asset.connection.jump:
            raise Refused("the host is behind a jump host: what the network offers there cannot be seen from the auditor")
        address = _literal(asset.address)
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
            if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL):
                raise Refused(f"DNS did not answer when asked for {name[:80]!r}: {error.strerror}") from error
            return []
        return sorted(found, key=lambda a: (a.version, int(a)))

    def names(self, listed: tuple[str, ...]) -> dict[Address, list[str]]:
        """The listed names by the addresses that they have now. Raises Refused when DNS does not answer."""
        names = [text for text in listed if _literal(text) is None]
        known: dict[Address, list[str]] = {}
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            for name, addresses in zip(names, pool.map(self._addresses, names), strict=True):
                for address in addresses:
                    known.setdefault(address, []).append(name)
        return known


def _literal(text: str) -> Address | None:
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
