"""Holds conversations over TCP on ports that nmap found open, where no script of nmap tells a refusal from silence.

Only open ports are spoken to, and those of one host in turn, so that hosts without such services cost nothing and no server is
hurried. What a server may say is bounded in time and length; TLS is spoken in whatever version and with whatever certificate
the server has, because nothing secret is said.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from auditor.collecting.nmap_xml import Address, Ports
from auditor.facts._conversations import CLOSED, SILENT, is_due, speaks_tls, written
from auditor.facts.interface import SECURE, Conversation, NetworkProbe, Told

PATIENCE = 5.0  # seconds to wait for a server's next word
LONGEST = 20.0  # seconds that a conversation may last
LARGEST = 65_536  # bytes that a server may say
TRIES = 2
FOR_A_HOST = 120.0  # seconds; a host that is made of such ports must not hold up the others
_AT_ONCE = 64
_PAUSE = 0.2  # between two connections to one host; servers of remote desktops drop those that come too quickly
_WAIT = 0.25

GARBLED, LONG, NO_TLS, NO_TIME = (
    "what came is no answer",
    "the answer does not end",
    "TLS could not be agreed on",
    "the host's other ports took all the time there was",
)


@dataclass(frozen=True, slots=True)
class Call:
    """A conversation that is due, and where."""

    address: Address
    port: int
    tls: bool
    conversation: Conversation
    about: tuple[str, ...] = ()


class _Failed(Exception):  # noqa: N818 — the outcome of one conversation
    """It came to nothing; the text says why."""


class _Cancelled(Exception):  # noqa: N818
    """The run ends."""


def converse(
    wanted: Sequence[tuple[Address, NetworkProbe, Ports]], *, cancelled: Callable[[], bool]
) -> list[Mapping[int, list[Element]] | None]:
    """What came of each host's conversations of a probe, by port; None for what was not finished when ``cancelled``."""
    due = [
        [
            Call(address, int(port.get("portid", "0")), speaks_tls(port, c), c, c.about(port) if c.about else ())
            for port in ports.open
            for c in probe.conversations
            if is_due(port, c)
        ]
        for address, probe, ports in wanted
    ]
    outcomes = hold((call for calls in due for call in calls), cancelled=cancelled)
    made: list[Mapping[int, list[Element]] | None] = []
    for calls in due:
        told: dict[int, list[Element]] = {}
        for call in calls:
            if call in outcomes:
                told.setdefault(call.port, []).append(written(call.conversation.name, outcomes[call]))
        made.append(told if sum(map(len, told.values())) == len(calls) else None)
    return made


def hold(calls: Iterable[Call], *, cancelled: Callable[[], bool], patience: float = PATIENCE) -> Mapping[Call, Told | str]:
    """Hold them, those of one host in turn. What came of each, or why nothing did; when ``cancelled`` some are left out."""
    by_host: dict[Address, list[Call]] = {}
    for call in dict.fromkeys(calls):
        by_host.setdefault(call.address, []).append(call)
    outcomes: dict[Call, Told | str] = {}

    def visit(mine: list[Call]) -> None:
        until = time.monotonic() + FOR_A_HOST
        for call in mine:
            with contextlib.suppress(_Cancelled):
                outcomes[call] = _outcome(call, cancelled, patience) if time.monotonic() < until else NO_TIME

    if by_host:
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(by_host))) as pool:
            list(pool.map(visit, by_host.values()))
    return outcomes


def _outcome(call: Call, cancelled: Callable[[], bool], patience: float) -> Told | str:
    reason = ""
    for turn in range(TRIES):
        if cancelled():
            raise _Cancelled
        if turn:
            time.sleep(_PAUSE)
        try:
            return _converse(call, cancelled, patience)
        except _Failed as failure:
            reason = str(failure)
            if reason in (GARBLED, LONG):
                break  # it will say the same again
    return reason


def _converse(call: Call, cancelled: Callable[[], bool], patience: float) -> Told:
    with contextlib.closing(_Line(call, cancelled, patience)) as line:
        if call.tls:
            line.secure()
        talk = call.conversation.talk(*call.about)
        try:
            words = next(talk)
            while True:
                words = talk.send(line.secure() if words is SECURE else line.exchange(words))
        except StopIteration as end:
            told: Told = end.value
            return told
        except (_Failed, _Cancelled):
            raise
        except Exception as error:
            # whatever a server's words make of our own reading costs this conversation and no other
            raise _Failed(GARBLED) from error


class _Line:
    """One connection, bounded in time and in what it takes in."""

    def __init__(self, call: Call, cancelled: Callable[[], bool], patience: float) -> None:
        self._cancelled = cancelled
        self._patience = patience
        self._until = time.monotonic() + LONGEST
        self._taken = 0
        try:
            self._socket = socket.create_connection((str(call.address), call.port), timeout=patience)
        except TimeoutError as error:
            raise _Failed(SILENT) from error
        except OSError as error:
            raise _Failed(CLOSED) from error

    def exchange(self, words: bytes) -> bytes:
        """Send the words, and take what comes next."""
        self._guard()
        try:
            if words:
                self._socket.settimeout(self._patience)
                self._socket.sendall(words)
            data = self._take()
        except TimeoutError as error:
            raise _Failed(SILENT) from error
        except OSError as error:
            raise _Failed(CLOSED) from error
        if not data:
            raise _Failed(CLOSED)
        self._taken += len(data)
        if self._taken > LARGEST:
            raise _Failed(LONG)
        return data

    def secure(self) -> bytes:
        """Speak TLS from here on."""
        self._guard()
        try:
            self._socket.settimeout(self._patience)
            self._socket = _context().wrap_socket(self._socket)
        except (OSError, ValueError) as error:  # ssl.SSLError and a timeout are OSErrors
            raise _Failed(NO_TLS) from error
        return b""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _take(self) -> bytes:
        until = time.monotonic() + self._patience
        self._socket.settimeout(_WAIT)
        while True:
            self._guard()
            try:
                return self._socket.recv(LARGEST)
            except TimeoutError:
                if time.monotonic() > until:
                    raise

    def _guard(self) -> None:
        if self._cancelled():
            raise _Cancelled
        if time.monotonic() > self._until:
            raise _Failed(LONG)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
