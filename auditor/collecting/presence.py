"""Whether hosts that answered at the beginning of a scan still answer at its end.

To nmap, and to whoever asks over UDP, a host that dies half-way looks like one behind a firewall: what is left of its ports is
silent. Silence of a host that is there says something of its ports; of one that has gone it says nothing.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from auditor.collecting.nmap_xml import Address

TRIES = 2
PATIENCE = 2.0  # seconds that a try waits
PORTS = 3  # at most so many are tried
_AT_ONCE = 64
_TICK = 0.1  # seconds between looks whether a person has cancelled
_ANSWERS = (0, errno.ECONNREFUSED, errno.ECONNRESET)


class Gone(Protocol):
    """How it is found out which hosts have gone; ``gone`` is the real one."""

    def __call__(self, answered: Mapping[Address, Sequence[int]], *, cancelled: Callable[[], bool]) -> frozenset[Address]:
        """Of the hosts by the ports that answered, those that answer no more."""


def gone(
    answered: Mapping[Address, Sequence[int]], *, cancelled: Callable[[], bool] = lambda: False, patience: float = PATIENCE
) -> frozenset[Address]:
    """The hosts of which none of the given ports, which answered before, answers now; a refusal is an answer.

    It ends at once when ``cancelled`` becomes true. Hosts that have not answered by then are among those it gives: nobody knows.
    """
    if not answered:
        return frozenset()

    def is_gone(address: Address) -> bool:
        asked = list(answered[address])[:PORTS]
        tries = (port for number in range(TRIES) for port in asked if number == 0 or not cancelled())
        return not any(_answers(address, port, patience, cancelled) for port in tries)

    with ThreadPoolExecutor(min(_AT_ONCE, len(answered))) as pool:
        return frozenset(address for address, lost in zip(answered, pool.map(is_gone, answered), strict=True) if lost)


def _answers(address: Address, port: int, patience: float, cancelled: Callable[[], bool]) -> bool:
    end = time.monotonic() + patience
    try:
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)
            error = asking.connect_ex((str(address), port))
            waiting = select.poll()
            waiting.register(asking, select.POLLOUT)
            while error == errno.EINPROGRESS:
                left = end - time.monotonic()
                if waiting.poll(max(0.0, min(left, _TICK)) * 1000):
                    error = asking.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                elif left <= 0 or cancelled():
                    return False
    except OSError:
        return False
    return error in _ANSWERS
