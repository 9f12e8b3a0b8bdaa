"""A department's assets and how each is reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from auditor.model.common import Text


class AssetKind(StrEnum):
    """What sort of thing an asset is."""

    HOST = "host"
    NETWORK = "network"
    DEPARTMENT = "department"  # the asset that department-scope checks judge


class Criticality(StrEnum):
    """How much the department depends on the asset."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Connection:
    """How a host is reached. No secret is in here, only where one is found.

    ``method`` is ``ssh``, ``local`` or ``none`` (seen from the network only). Deadlines are seconds; None means the setting of
    auditor.toml. ``jump`` lists hops as ``[user@]host[:port]``, first hop first. ``sudo`` tells whether ``sudo -n`` may be tried.
    """

    method: str = "ssh"
    user: str | None = None
    port: int | None = None
    key: str | None = None
    agent: bool = True
    password_env: str | None = None
    password_command: str | None = None
    passphrase_env: str | None = None
    jump: tuple[str, ...] = ()
    ssh_config: str | None = None
    sudo: bool = True
    connect_timeout: float | None = None
    login_timeout: float | None = None
    host_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A host or a network of a department.

    ``uid`` is stable and unique over all departments; ``address`` is an IP address or a name (for a network: CIDR).
    ``ipv6`` is a host's second address, which is looked at for itself: "" for none.
    ``ports`` are the declared ones, such as ``22/tcp``. ``domains`` are names that certificates should carry.
    """

    uid: str
    kind: AssetKind
    department: str
    name: str
    address: str
    platform: str = "linux"
    role: str = ""
    zone: str = ""
    criticality: Criticality = Criticality.MEDIUM
    tags: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    public: bool = False
    connection: Connection = Connection()
    ipv6: str = ""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which a department works. ``weekend`` counts Monday as 0; the default is Friday and Saturday."""

    weekend: tuple[int, ...] = (4, 5)
    holidays: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time in which hosts are left alone: those named, those with a tag, or all where neither is given."""

    starts: datetime
    ends: datetime
    reason: Text
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def covers(self, asset: Asset, now: datetime) -> bool:
        """Whether the asset is left alone at an instant."""
        named = asset.uid in self.hosts or asset.name in self.hosts or bool(set(asset.tags) & set(self.tags))
        return self.starts <= now < self.ends and (named or not (self.hosts or self.tags))


@dataclass(frozen=True, slots=True)
class Department:
    """One department's inventory."""

    id: str
    title: Text
    assets: tuple[Asset, ...]
    timezone: str = "UTC"
    sha256: str = ""  # of the inventory file's content
    calendar: Calendar = Calendar()
    maintenance: tuple[Maintenance, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All departments, and the ids of those whose files were wrong with the mistakes found."""

    departments: tuple[Department, ...]
    set_aside: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def zone_of(self, departments: Iterable[str]) -> str:
        """The time zone in which dates of these departments are shown: the one that they share, UTC where they share none."""
        zones = {d.id: d.timezone for d in self.departments}
        shared = {zones.get(name, "UTC") for name in departments}
        return shared.pop() if len(shared) == 1 else "UTC"
