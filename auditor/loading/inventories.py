"""A department's inventory: its hosts and networks, every address judged before anything is sent to it."""

from __future__ import annotations

import functools
import ipaddress
import re
import zoneinfo
from datetime import date, datetime
from typing import Any, TypeAlias

from auditor.loading.document import Document, Keys, Report
from auditor.loading.files import WEEK, digest, text
from auditor.loading.wording import got, where
from auditor.model import Asset, AssetKind, Calendar, Connection, Criticality, Department, Maintenance
from auditor.text import _

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(cidr)
    for cidr in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "198.18.0.0/15",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "fc00::/7", "fe80::/10", "::1/128", "2001:db8::/32",
    )
)  # fmt: skip
"""Addresses that are nobody else's on the Internet: private, shared, link-local, loopback, and those kept for documentation."""

WIDEST = {4: 16, 6: 112}
"""The shortest prefixes that are scanned: 65,536 addresses."""

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*"
)
_CONNECTION = frozenset(Connection.__dataclass_fields__) - {"method", "jump"}


def load_department(document: Document, report: Report, unusable: tuple[Keys, ...]) -> Department | None:
    """The department in an approved document; what ``unusable`` names is left out, and judged no further.

    None when the file as a whole cannot be used; mistakes are in the report.
    """
    dropped = {keys[:2] for keys in unusable}
    _check_beside(document, report, unusable)
    if any(len(keys) < 2 or keys[0] not in ("hosts", "networks") for keys in unusable):
        return None
    data: Any = document.value
    department, defaults = data["department"], data.get("defaults", {})
    _check_zone(document, report)
    assets = []
    for kind, key in ((AssetKind.HOST, "hosts"), (AssetKind.NETWORK, "networks")):
        for index, entry in enumerate(data.get(key, ())):
            if (key, index) in dropped:
                continue
            if kind is AssetKind.HOST:
                _check_host(document, report, (key, index), entry)
                assets.append(_host(department, {**defaults, **entry}))
            else:
                _check_network(document, report, (key, index), entry)
                assets.append(_network(department, entry))
    _check_uids(document, report, department)
    calendar = _calendar(document, report)
    zone = data.get("timezone", "UTC")
    maintenance = _maintenance(document, report)
    return Department(department, text(data["title"]), tuple(assets), zone, digest(data), calendar, maintenance)


def _check_beside(document: Document, report: Report, unusable: tuple[Keys, ...]) -> None:
    """Judge the addresses of entries that something else makes unusable, so that a person hears of all mistakes at once."""
    whole = any(len(keys) < 2 or keys[0] not in ("hosts", "networks") for keys in unusable)
    data: Any = document.value if isinstance(document.value, dict) else {}
    for key, check in (("hosts", _check_host), ("networks", _check_network)):
        entries = data.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, dict) or not (whole or any(keys[:2] == (key, index) for keys in unusable)):
                continue
            sound = {n: v for n, v in entry.items() if (key, index, n) not in unusable and isinstance(v, str)}
            if "address" in sound:
                check(document, report, (key, index), {**sound, "public": entry.get("public", False)})


def _maintenance(document: Document, report: Report) -> tuple[Maintenance, ...]:
    """The times in which hosts are left alone, in the department's zone."""
    data: Any = document.value
    zone = _zone(data.get("timezone", "UTC"))
    if zone is None:  # named as a mistake elsewhere
        return ()
    listed = [entry for key in ("hosts", "networks") for entry in data.get(key, ()) if isinstance(entry, dict)]
    known = [entry.get(name) for entry in listed for name in ("uid", "name")]  # what is no name is no host's either
    found = []
    for index, entry in enumerate(data.get("maintenance", ())):
        times = []
        for key in ("from", "until"):
            try:
                times.append(datetime.fromisoformat(entry[key]).replace(tzinfo=zone))
            except ValueError:
                message = _("{day} is no time of the calendar; expected YYYY-MM-DD HH:MM").format(day=entry[key])
                report.add(document, ("maintenance", index, key), message)
        for place, name in enumerate(entry.get("hosts", ())):
            if name not in known:
                message = _("there is no host {name!r}{hint}").format(name=name, hint="")
                report.add(document, ("maintenance", index, "hosts", place), message)
        if len(times) == 2:
            if times[1] <= times[0]:
                report.add(document, ("maintenance", index, "until"), _("the maintenance would end before it starts"))
            hosts, tags = tuple(entry.get("hosts", ())), tuple(entry.get("tags", ()))
            found.append(Maintenance(times[0], times[1], text(entry["reason"]), hosts, tags))
    return tuple(found)


def _calendar(document: Document, report: Report) -> Calendar:
    data: Any = document.value
    given = data.get("calendar", {})
    holidays = []
    for index, day in enumerate(given.get("holidays", ())):
        try:
            holidays.append(date.fromisoformat(day))
        except ValueError:
            message = _("{day} is no day of the calendar; expected YYYY-MM-DD").format(day=day)
            report.add(document, ("calendar", "holidays", index), message)
    weekend = tuple(WEEK.index(day) for day in given.get("weekend", ("friday", "saturday")))
    return Calendar(tuple(sorted(weekend)), tuple(sorted(holidays)))


def _host(department: str, entry: dict[str, Any]) -> Asset:
    connection = {name: value for name, value in entry.items() if name in _CONNECTION}
    return Asset(
        uid=entry["uid"],
        kind=AssetKind.HOST,
        department=department,
        name=entry["name"],
        address=entry["address"],
        platform=entry.get("platform", "linux"),
        role=entry.get("role", ""),
        zone=entry.get("zone", ""),
        criticality=Criticality(entry.get("criticality", "medium")),
        tags=tuple(entry.get("tags", ())),
        ports=tuple(entry.get("ports", ())),
        public=entry.get("public", False),
        connection=Connection(method=entry.get("connection", "ssh"), jump=tuple(entry.get("jump", ())), **connection),
        ipv6=entry.get("ipv6", ""),
    )


def _network(department: str, entry: dict[str, Any]) -> Asset:
    return Asset(
        uid=entry["uid"],
        kind=AssetKind.NETWORK,
        department=department,
        name=entry["name"],
        address=entry["address"],
        platform="",
        zone=entry.get("zone", ""),
        criticality=Criticality(entry.get("criticality", "medium")),
        tags=tuple(entry.get("tags", ())),
        public=entry.get("public", False),
        connection=Connection(method="none"),
    )


def _check_host(document: Document, report: Report, keys: Keys, entry: dict[str, Any]) -> None:
    _check_address(document, report, keys, entry)
    if "ipv6" in entry:
        _check_ipv6(document, report, (*keys, "ipv6"), entry)


def _check_ipv6(document: Document, report: Report, here: Keys, entry: dict[str, Any]) -> None:
    try:
        address = ipaddress.IPv6Address(entry["ipv6"])
    except ValueError:
        address = None
    if address is None or address.ipv4_mapped:
        _add_no_hosts(document, report, here, entry["ipv6"], 6)
    else:
        _check_ip(document, report, here, entry, address)


def _check_address(document: Document, report: Report, keys: Keys, entry: dict[str, Any]) -> None:
    address, here = entry["address"], (*keys, "address")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        if re.fullmatch(r"[0-9.]+|.*[:/].*", address):
            report.add(
                document,
                here,
                _("{place} is {value}, which is no IP address; expected one such as 10.1.1.11").format(
                    place=where(here), value=got(address, here, document)
                ),
            )
        elif not _HOST_NAME.fullmatch(address):
            report.add(document, here, _("{place} is neither an IP address nor a host name").format(place=where(here)))
        return
    _check_ip(document, report, here, entry, ip)


def _check_ip(document: Document, report: Report, here: Keys, entry: dict[str, Any], ip: _Address) -> None:
    """Judge the address of a host, whichever key it stands under."""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    meant = mapped or ip
    if _is_nobodys(ip) or _is_nobodys(meant):
        _add_no_hosts(document, report, here, entry[str(here[-1])], ip.version)
    elif not _is_private(ipaddress.IPv4Network(int(meant)) if meant.version == 4 else ipaddress.IPv6Network(int(meant))):
        _check_public(document, report, here, entry)


def _is_nobodys(ip: _Address) -> bool:
    """Whether no host can be meant by it. A scope means something on one machine alone, and may be any text."""
    scoped = isinstance(ip, ipaddress.IPv6Address) and ip.scope_id is not None
    return scoped or ip.is_multicast or ip.is_unspecified


def _add_no_hosts(document: Document, report: Report, here: Keys, value: str, version: int) -> None:
    message = _("{place} is {value}, which is no host's IPv6 address; expected one such as fd00:10:1::11")
    if version == 4:
        message = _("{place} is {value}, which is no host's address; expected one such as 10.1.1.11")
    report.add(document, here, message.format(place=where(here), value=got(value, here, document)))


def _check_network(document: Document, report: Report, keys: Keys, entry: dict[str, Any]) -> None:
    address, here = entry["address"], (*keys, "address")
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        network = None
    if network is None or _is_nobodys(network.network_address):
        report.add(
            document,
            here,
            _("{place} is {value}, which is no network; expected one such as 10.1.1.0/24").format(
                place=where(here), value=got(address, here, document)
            ),
        )
        return
    if "/" not in address:
        report.add(
            document,
            here,
            _("{place} is {value}; expected a network with its prefix, such as 10.1.1.0/24").format(
                place=where(here), value=got(address, here, document)
            ),
        )
    elif ipaddress.ip_address(address.split("/")[0]) != network.network_address:
        report.add(
            document,
            here,
            _("{place} is {value}, whose host bits are not zero; did you mean {network}?").format(
                place=where(here), value=got(address, here, document), network=network
            ),
        )
    if network.prefixlen < WIDEST[network.version]:
        message = _("{place} holds more than 65536 addresses; list smaller networks, of /{prefix} or less").format(
            place=where(here), prefix=WIDEST[network.version]
        )
        report.add(document, here, message)
    if not _is_private(network):
        _check_public(document, report, here, entry)


def _check_public(document: Document, report: Report, keys: Keys, entry: dict[str, Any]) -> None:
    if not entry.get("public", False):
        message = _("{place} is a public address; if it is the department's own and may be scanned, add public: true").format(
            place=where(keys)
        )
        report.add(document, keys, message)


def _is_private(network: _Network) -> bool:
    return any(network.version == private.version and network.subnet_of(private) for private in PRIVATE)  # type: ignore[arg-type]


def _check_zone(document: Document, report: Report) -> None:
    data: Any = document.value
    name = data.get("timezone", "UTC")
    if _zone(name) is None:
        report.add(document, ("timezone",), _("unknown time zone {zone}; expected one such as Asia/Riyadh").format(zone=name))


@functools.cache
def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The time zone of that name; None when there is none, for a folder of zones, such as Asia, is no zone."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _check_uids(document: Document, report: Report, department: str) -> None:
    data: Any = document.value
    first: dict[str, int] = {}
    for key in ("hosts", "networks"):
        for index, entry in enumerate(data.get(key, ())):
            uid = entry.get("uid") if isinstance(entry, dict) else None
            if not isinstance(uid, str):
                continue
            keys: Keys = (key, index, "uid")
            if uid in first:
                message = _("the uid {uid} stands twice, first in line {line}; each asset has its own")
                report.add(document, keys, message.format(uid=uid, line=first[uid]))
            elif uid == department:
                message = _("the uid {uid} is the department's own id; give the asset another")
                report.add(document, keys, message.format(uid=uid))
            first.setdefault(uid, document.place_of(keys).line)
