"""Asks hosts over UDP, many at once, from ordinary sockets.

nmap's own UDP scan needs privileges, and what is seen must not depend on who ran the audit. A question is one datagram that any
client of the service sends; it is repeated, because datagrams get lost. A connected socket takes answers from the one asked
alone, and learns from the host's ICMP message that nothing listens on the port; a message that the question is not let through,
as firewalld's rules send it, is no such word but silence. Where a service answers from another port the socket is not
connected: the sender's address is then compared here, and Linux is asked to tell of ICMP messages all the same.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from auditor.collecting.nmap_xml import Address
from auditor.facts._datagrams import ANSWERED, REFUSED, SILENT, Reply
from auditor.facts.interface import Question

TRIES = 3
PATIENCE = 1.0  # seconds that a try waits
MOST_AT_ONCE = 4096  # sockets open side by side
_FILES = 8 * MOST_AT_ONCE  # that may be open are asked for
_SHARE = 5  # of those: as settings stand four departments are asked side by side, and hosts visited meanwhile
_LARGEST = 65_535
_TELL_ICMP = ((socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25))  # IP_RECVERR, IPV6_RECVERR (linux/in.h, linux/in6.h)
# What ICMP's messages of unreachable hosts and networks, and of prohibitions, become; what has no route ends at connecting.
_KEPT_OUT = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES})

Pair: TypeAlias = tuple[Address, Question]


@dataclass(frozen=True, slots=True)
class Unasked:
    """A question that could not be sent, and why."""

    reason: str


def ask(pairs: Iterable[Pair], *, cancelled: Callable[[], bool], patience: float = PATIENCE) -> dict[Pair, Reply | Unasked]:
    """Ask each question of its host. Takes ``TRIES * patience`` seconds for every ``at_once()`` that stay silent.

    When ``cancelled`` becomes true what was not finished is left out.
    """
    wanted = list(dict.fromkeys(pairs))
    replies: dict[Pair, Reply | Unasked] = {}
    size = at_once()
    for start in range(0, len(wanted), size):
        replies.update(_Wave(wanted[start : start + size]).run(cancelled, patience))
        if cancelled():
            break
    return replies


def at_once() -> int:
    """How many sockets may be open side by side, after asking the system for as many open files as that takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return MOST_AT_ONCE if soft == resource.RLIM_INFINITY else max(1, min(MOST_AT_ONCE, soft // _SHARE))


class _Wave:
    """So many questions as may be under way together."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self._replies: dict[Pair, Reply | Unasked] = {}
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[Pair, socket.socket] = {}

    def run(self, cancelled: Callable[[], bool], patience: float) -> Mapping[Pair, Reply | Unasked]:
        try:
            for pair in self._pairs:
                self._open(pair)
            for _ in range(TRIES):
                for pair in list(self._sockets):
                    self._send(pair)
                self._listen(time.monotonic() + patience, cancelled)
                if cancelled():
                    return self._replies
            self._replies.update((pair, Reply(SILENT)) for pair in self._sockets)
            return self._replies
        finally:
            for pair in list(self._sockets):
                self._close(pair)
            self._selector.close()

    def _open(self, pair: Pair) -> None:
        address, question = pair
        try:
            made = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        except OSError as error:
            self._replies[pair] = Unasked(f"no socket: {error.strerror}")
            return
        self._sockets[pair] = made
        made.setblocking(False)
        try:
            if question.any_port:
                made.setsockopt(*_TELL_ICMP[address.version == 6], 1)
            else:
                made.connect((str(address), question.port))
        except OSError as error:
            self._done(pair, Unasked(f"{address}: {error.strerror}"))
            return
        self._selector.register(made, selectors.EVENT_READ, pair)

    def _send(self, pair: Pair) -> None:
        try:
            try:
                self._send_once(pair)
            except OSError as error:
                if error.errno not in _KEPT_OUT:
                    raise
                self._send_once(pair)  # the error was that of the last try; one of this try comes again
        except ConnectionRefusedError:
            self._done(pair, Reply(REFUSED))
        except BlockingIOError:
            pass  # the next try sends it
        except OSError as error:
            self._done(pair, Unasked(f"{pair[0]}: {error.strerror}"))

    def _send_once(self, pair: Pair) -> None:
        address, question = pair
        if question.any_port:
            self._sockets[pair].sendto(question.payload, (str(address), question.port))
        else:
            self._sockets[pair].send(question.payload)

    def _listen(self, until: float, cancelled: Callable[[], bool]) -> None:
        while self._sockets and (left := until - time.monotonic()) > 0 and not cancelled():
            for key, _ in self._selector.select(min(left, 0.2)):
                self._receive(key.data)

    def _receive(self, pair: Pair) -> None:
        try:
            data, sender = self._sockets[pair].recvfrom(_LARGEST)
        except ConnectionRefusedError:
            self._done(pair, Reply(REFUSED))
            return
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in _KEPT_OUT:
                self._done(pair, Unasked(f"{pair[0]}: {error.strerror}"))
            return
        if pair[1].any_port and ipaddress.ip_address(sender[0].partition("%")[0]) != pair[0]:
            return
        kept = None
        with contextlib.suppress(Exception):  # what is no answer is as if it had not come
            kept = pair[1].keep(data)
        if kept is not None:
            self._done(pair, Reply(ANSWERED, kept))

    def _done(self, pair: Pair, reply: Reply | Unasked) -> None:
        self._replies[pair] = reply
        self._close(pair)

    def _close(self, pair: Pair) -> None:
        made = self._sockets.pop(pair)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(made)
        made.close()
