"""Whether something answers at an address, without a word said to it."""

from __future__ import annotations

import socket
from pathlib import Path

from auditor.collecting.ssh_target import Configs, first_hop
from auditor.errors import CollectionError
from auditor.model import Connection


def knock(host: str, port: int, seconds: float) -> str:
    """Connect and close again; "" when it answers, else why not."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ""


def knock_at_hop(connection: Connection, root: Path, seconds: float) -> str:
    """The same at the first jump host of a connection, where a login would look for it."""
    try:
        hop = first_hop(connection, Configs(root))
    except CollectionError as error:
        return str(error)
    return knock(hop.host, hop.port, seconds)
