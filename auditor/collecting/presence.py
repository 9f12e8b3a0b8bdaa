"""Whether hosts that answered at the beginning of a scan still answer at its end.

To nmap, and to whoever asks over UDP, a host that dies half-way looks like one behind a firewall: what is left of its ports is
silent. Silence of a host that is there says something of its ports; of one that has gone it says nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from auditor.collecting.nmap_xml import Address

TRIES = 2
PATIENCE = 2.0  # seconds that a try waits
PORTS = 3  # at most so many are tried
_AT_ONCE = 64


def gone(answered: Mapping[Address, Sequence[int]], *, patience: float = PATIENCE) -> frozenset[Address]:
    """The hosts of which none of the given ports, which answered before, answers now; a refusal is an answer."""
    if not answered:
        return frozenset()

    def is_gone(address: Address) -> bool:
        asked = list(answered[address])[:PORTS]
        return not any(_answers(address, port, patience) for _ in range(TRIES) for port in asked)

    with ThreadPoolExecutor(min(_AT_ONCE, len(answered))) as pool:
        return frozenset(address for address, lost in zip(answered, pool.map(is_gone, answered), strict=True) if lost)


def _answers(address: Address, port: int, patience: float) -> bool:
    try:
        socket.create_connection((str(address), port), timeout=patience).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    except OSError:
        return False
    return True
