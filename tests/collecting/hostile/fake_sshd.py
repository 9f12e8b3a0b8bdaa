"""An SSH server that misbehaves, one way a port: for tests and for load. ``python -m tests.collecting.hostile.fake_sshd [NAME…]``
serves those behaviours, or all, prints one line of JSON (``{"ports": {name: port}, "key": [type, base64]}``) and ends with its
standard input.

It runs in a process of its own, so that what it costs is not taken for what the auditor costs.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import paramiko

from tests.collecting.hostile.fake_hosts import DRIP, HOSTS, JUMPS, Host

GREETING = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
Raw = Callable[[socket.socket], None]


# Before there is any SSH: functions that get the connection. What comes behind the key exchange is in ``fake_hosts``.


def silent(peer: socket.socket) -> None:
    """Accepts, and says nothing."""
    while peer.recv(4096):
        pass


def greets_only(peer: socket.socket) -> None:
    """Greets, and says nothing more."""
    peer.sendall(GREETING)
    silent(peer)


def drips_greeting(peer: socket.socket) -> None:
    """Greets one byte at a time, so that no single read runs into a deadline of its own."""
    for at in range(len(GREETING)):
        peer.sendall(GREETING[at : at + 1])
        time.sleep(DRIP)


def rambles(peer: socket.socket) -> None:
    """Lines without end, and never the one that counts."""
    while True:
        peer.sendall(b"welcome to the ministry\r\n" * 1000)


def boasts(peer: socket.socket) -> None:
    """One line without end: many megabytes before any version."""
    while True:
        peer.sendall(b"=" * 65_536)


def speaks_http(peer: socket.socket) -> None:
    """Is no SSH server at all."""
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + b"<p>no</p>\r\n" * 200)
    silent(peer)


def swells(peer: socket.socket) -> None:
    """Announces a packet of four gigabytes and sends it."""
    peer.sendall(GREETING + struct.pack(">IB", 0xFFFFFFF4, 4))
    while True:
        peer.sendall(b"\0" * 1_048_576)


def closes_at_once(peer: socket.socket) -> None:
    """Hangs up on whoever calls, as a server does that is full."""


def closes_in_kex(peer: socket.socket) -> None:
    """Hangs up in the middle of the key exchange."""
    peer.sendall(GREETING)
    peer.recv(4096)


RAW: dict[str, Raw] = {
    f.__name__: f
    for f in (silent, greets_only, drips_greeting, rambles, boasts, speaks_http, swells, closes_at_once, closes_in_kex)
}


def serve(peer: socket.socket, kind: type[Host], key: paramiko.PKey) -> None:
    """Talk SSH with one client until it goes."""
    transport = paramiko.Transport(peer)
    transport.add_server_key(key)
    host = kind(transport)
    try:
        transport.start_server(server=host)
        channel = transport.accept(60)
        if channel is not None and host.asked.wait(60):
            host.talk(channel)
            transport.join(60)
    finally:
        transport.close()


@dataclass
class Listener:
    """One port, one behaviour, a thread for each client."""

    talk: Raw
    socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=512))

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            threading.Thread(target=self._serve, args=(self.socket.accept()[0],), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.talk(peer)


def main(names: list[str]) -> None:
    """Serve the behaviours of those names, or all, until standard input ends."""
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    logging.getLogger("paramiko").propagate = False
    key, other = (paramiko.ECDSAKey.generate() for _n in range(2))
    keys = itertools.cycle((key, other))
    talks: dict[str, Raw] = dict(RAW)
    talks |= {name: lambda peer, kind=kind: serve(peer, kind, key) for name, kind in {**HOSTS, **JUMPS}.items()}  # type: ignore[misc]
    talks["impostor"] = lambda peer: serve(peer, Host, other)  # never the key that is told here
    talks["fickle"] = lambda peer: serve(peer, Host, next(keys))  # now this key, now that
    listeners = {name: Listener(talk) for name, talk in talks.items() if name in (names or talks)}
    for listener in listeners.values():
        listener.start()
    ports = {name: listener.port for name, listener in listeners.items()}
    sys.stdout.write(json.dumps({"ports": ports, "key": [key.get_name(), key.get_base64()]}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
