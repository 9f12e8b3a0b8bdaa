"""Imported hosts written as an inventory, so that an asset keeps its uid, and with it its findings, from import to import."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

import yaml

from auditor.errors import UsageError
from auditor.loading.importing.host import ImportedHost
from auditor.model import Json, Text
from auditor.text import _

_DEPARTMENT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_UID = 120


def write_inventory(
    department: str,
    title: Text,
    hosts: Iterable[ImportedHost],
    *,
    timezone: str | None = None,
    existing: Mapping[str, Json] | None = None,
) -> str:
    """The inventory as YAML text.

    ``existing`` is the value of the department's present inventory, when there is one: a host that it lists (by uid, else by
    name, else by address) keeps its uid and whatever the import does not say; hosts that the import lacks stay, because an
    import that did not see a host is no proof that it is gone. Comments of the present file are not kept.
    """
    if not _DEPARTMENT.fullmatch(department):
        message = _("{name!r} cannot be a department's id; expected lower-case letters, digits and single hyphens")
        raise UsageError(message.format(name=department))
    old = dict(existing or {})
    known = [dict(host) for host in _list(old.get("hosts")) if isinstance(host, dict)]
    networks = [network for network in _list(old.get("networks")) if isinstance(network, dict)]
    merged = _merged(department, list(hosts), known, {str(network.get("uid")) for network in networks})
    value: dict[str, Json] = {"department": department, "title": {"en": title.en, "ar": title.ar}}
    zone = timezone or old.get("timezone")
    if zone:
        value["timezone"] = zone
    value |= {key: inner for key, inner in old.items() if key not in (*value, "hosts", "networks")}
    value["hosts"] = list(merged)
    if networks:
        value["networks"] = list(networks)
    return yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=100_000)


def not_imported(hosts: Iterable[ImportedHost], existing: Mapping[str, Json] | None) -> tuple[str, ...]:
    """The names of hosts of the present inventory that the import does not speak of, as ``write_inventory`` would have it."""
    known = [host for host in _list((existing or {}).get("hosts")) if isinstance(host, dict)]
    spoken_of = set(_matches(list(hosts), known).values())
    return tuple(str(host.get("name")) for index, host in enumerate(known) if index not in spoken_of)


def _merged(department: str, hosts: list[ImportedHost], known: list[dict[str, Json]], taken: set[str]) -> list[dict[str, Json]]:
    taken = taken | {str(host.get("uid")) for host in known} | {host.uid for host in hosts if host.uid}
    matches = _matches(hosts, known)
    fresh: list[dict[str, Json]] = []
    for index, host in enumerate(hosts):
        entry = host.entry()
        if index in matches:
            target = known[matches[index]]
            target |= {key: value for key, value in entry.items() if key != "uid"}
        else:
            uid = host.uid or _new_uid(department, host, taken)
            taken.add(uid)
            fresh.append({"uid": uid, **entry})
    return [*known, *fresh]


def _matches(hosts: list[ImportedHost], known: list[dict[str, Json]]) -> dict[int, int]:
    """Which known host each imported one is. Every uid is looked for before any name, and every name before any address, so
    that a new host at a former host's address never takes the place of one that is still named."""
    matches: dict[int, int] = {}
    for field in ("uid", "name", "address"):
        free: dict[str, list[int]] = {}
        used = set(matches.values())
        for index, entry in enumerate(known):
            if index not in used and entry.get(field):
                free.setdefault(str(entry[field]).casefold(), []).append(index)
        for index, host in enumerate(hosts):
            sought = getattr(host, field)
            if index in matches or not sought or (host.uid and field != "uid"):
                continue
            candidates = free.get(sought.casefold(), [])
            if len(candidates) == 1:  # where two known hosts share it, nobody can tell which is meant
                matches[index] = candidates.pop()
    return matches


def _new_uid(department: str, host: ImportedHost, taken: set[str]) -> str:
    stem = f"{department}-{_slug(host.name) or _slug(host.address) or 'host'}"[:_MAX_UID].rstrip("-.")
    uid, number = stem, 2
    while uid in taken:
        uid, number = f"{stem}-{number}", number + 1
    return uid


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
