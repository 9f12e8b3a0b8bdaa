"""Where and as whom to log in: the inventory's connection, then ``~/.ssh/config``, then OpenSSH's defaults."""

from __future__ import annotations

import getpass
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import paramiko

from auditor.collecting.known_hosts import host_name
from auditor.errors import UnreachableError
from auditor.model import Asset, Connection

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_HOP = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\s]+)(?::(?P<port>\d{1,5}))?\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """One login: where, as whom, with which keys; ``record`` is its name in known_hosts."""

    host: str
    port: int
    user: str
    record: str
    keys: tuple[Path, ...]
    connection: Connection
    jumps: tuple[Target, ...] = ()
    explicit_key: bool = False  # a key that was named must be readable; a default one may be missing


@dataclass(slots=True)
class Configs:
    """OpenSSH client configurations, each read once. Relative paths in inventories are meant from ``root``, the workspace."""

    root: Path = Path()
    _read: dict[Path, paramiko.SSHConfig] = field(default_factory=dict)

    def of(self, connection: Connection) -> paramiko.SSHConfig | None:
        """The configuration that a connection uses; None when there is none. A file that was named must be there."""
        if connection.ssh_config == "none":
            return None
        path = self.path(connection.ssh_config or "~/.ssh/config")
        if path not in self._read:
            try:
                self._read[path] = paramiko.SSHConfig.from_path(str(path))
            except FileNotFoundError:
                if connection.ssh_config:
                    raise UnreachableError(f"The SSH configuration {path} does not exist.") from None
                self._read[path] = paramiko.SSHConfig()
            except (OSError, UnicodeDecodeError, paramiko.ConfigParseError) as error:
                raise UnreachableError(f"The SSH configuration {path} cannot be used: {error}.") from error
        return self._read[path]

    def path(self, written: str) -> Path:
        """A path as an inventory writes it."""
        return self.root / Path(written).expanduser()


def target_of(asset: Asset, configs: Configs) -> Target:
    """How to log in to an asset. Raises UnreachableError for a configuration that cannot be followed."""
    connection = asset.connection
    config = configs.of(connection)
    found = dict(config.lookup(asset.address)) if config else {}
    target = _target(asset.address, connection.user, connection.port, connection, found, configs)
    hops = connection.jump or _proxy_jump(found, asset.address)
    return replace(target, jumps=tuple(_hop(hop, connection, config, configs) for hop in hops))


def first_hop(connection: Connection, configs: Configs) -> Target:
    """How to log in to the first of the jump hosts that the inventory names. Raises UnreachableError like ``target_of``."""
    return _hop(connection.jump[0], connection, configs.of(connection), configs)


def _proxy_jump(found: dict[str, str], host: str) -> tuple[str, ...]:
    hops = found.get("proxyjump", "none")
    if hops.lower() != "none":
        return tuple(hop.strip() for hop in hops.split(","))
    if found.get("proxycommand", "none").lower() != "none":
        raise UnreachableError(f"The SSH configuration asks for a ProxyCommand for {host}; only jump hosts are supported.")
    return ()


def _hop(hop: str, connection: Connection, config: paramiko.SSHConfig | None, configs: Configs) -> Target:
    match = _HOP.match(hop)
    if match is None:
        raise UnreachableError(f"The jump host {hop!r} is not of the form [user@]host[:port].")
    host = match["host"].strip("[]")
    found = dict(config.lookup(host)) if config else {}
    return _target(host, match["user"] or None, int(match["port"]) if match["port"] else None, connection, found, configs)


def _target(
    address: str, user: str | None, port: int | None, connection: Connection, found: dict[str, str], configs: Configs
) -> Target:
    host = found.get("hostname", address)
    port = port or int(found.get("port", 22))
    keys: tuple[Path, ...]
    explicit = bool(connection.key)
    if connection.key:
        keys = (configs.path(connection.key),)
    elif found.get("identityfile"):
        keys = tuple(Path(p).expanduser() for p in found["identityfile"])
    else:
        keys = tuple(Path("~/.ssh", name).expanduser() for name in _DEFAULT_KEYS)
    return Target(
        host=host,
        port=port,
        user=user or connection.user or found.get("user") or os.environ.get("USER") or getpass.getuser(),
        record=host_name(found.get("hostkeyalias", host), 22 if "hostkeyalias" in found else port),
        keys=keys,
        connection=connection,
        explicit_key=explicit,
    )
