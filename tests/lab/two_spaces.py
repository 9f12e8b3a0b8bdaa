"""Two network namespaces with one cable: in the host every port listens, and the peer asks which of them answer."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.facts.hosts import ALLOWED, PATH, fact, script

HOST = {"ipv4": "10.214.7.2", "ipv6": "fd00:214:7::2"}
PEER = {"ipv4": "10.214.7.1", "ipv6": "fd00:214:7::1"}
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET

Answers = dict[tuple[str, int], bool]


@dataclass(frozen=True)
class Spaces:
    """The host with its listeners, and the thread that lives in the peer's namespace."""

    host: str
    ports: tuple[int, ...]
    listeners: tuple[socket.socket, ...]
    peer: ThreadPoolExecutor

    def inside(self, *command: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the host's namespace."""
        words = ["nsenter", f"--net=/run/netns/{self.host}", *command]
        environment = {"PATH": PATH, "LC_ALL": "C", **more}
        return subprocess.run(words, input=stdin, capture_output=True, text=True, env=environment, timeout=60)

    def told(self, session: str, root: str = "") -> dict[str, Any]:
        """The firewall fact, read by its own probe in a session over ``session`` ("": none), with the tools of ``root``."""
        ends = {"SSH_CONNECTION": f"{PEER[session]} 50000 {HOST[session]} 22"} if session else {}
        shell = ["chroot", root, "/bin/sh", "-s"] if root else ["/bin/sh", "-s"]
        done = self.inside(*shell, stdin=ALLOWED + script("firewall", {}), **ends)
        assert done.returncode == 0, done.stderr
        value = fact("firewall").value(done.stdout, {})
        assert isinstance(value, dict)
        return value

    def answers(self, patience: float, asked: Sequence[tuple[str, int]] | None = None) -> Answers:
        """Which ports the kernel lets the peer connect to; what it refuses aloud or in silence is not let in."""
        wanted = asked if asked is not None else [(family, port) for family in HOST for port in self.ports]
        found = self.peer.submit(_connect, wanted, patience).result()
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
        return found


def _connect(wanted: Sequence[tuple[str, int]], patience: float) -> Answers:
    found: Answers = {}
    waiting: dict[int, tuple[str, int, socket.socket]] = {}
    for family, port in wanted:
        client = socket.socket(_FAMILIES[family], socket.SOCK_STREAM)
        client.setblocking(False)
        code = client.connect_ex((HOST[family], port))
        if code == errno.EINPROGRESS:
            waiting[client.fileno()] = (family, port, client)
        else:
            found[family, port] = code == 0
            client.close()
    poll = select.poll()
    for number in waiting:
        poll.register(number, select.POLLOUT)
    end = time.monotonic() + patience
    while waiting and (left := end - time.monotonic()) > 0:
        for number, _event in poll.poll(left * 1000):
            family, port, client = waiting.pop(number)
            poll.unregister(number)
            found[family, port] = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            client.close()
    for family, port, client in waiting.values():
        found[family, port] = False
        client.close()
    return found


def _enter(space: str) -> None:
    """Move this thread alone into a namespace; os.setns is not there before Python 3.12."""
    with Path(f"/run/netns/{space}").open() as handle:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle.fileno(), _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _listen(ports: Sequence[int]) -> tuple[socket.socket, ...]:
    made = []
    for family in _FAMILIES.values():
        for port in ports:
            listener = socket.socket(family, socket.SOCK_STREAM)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(("", port))
            listener.listen(64)
            listener.setblocking(False)
            made.append(listener)
    return tuple(made)


@contextlib.contextmanager
def two_spaces(ports: tuple[int, ...]) -> Iterator[Spaces]:
    """The pair, which is gone afterwards; nothing of this machine's own network takes part."""
    host, peer = f"fwh{os.getpid()}", f"fwp{os.getpid()}"
    with contextlib.ExitStack() as stack:
        for space in (host, peer):
            _ip("netns", "add", space)
            stack.callback(_ip, "netns", "delete", space)
        _ip("-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", peer)
        for space, ends in ((host, HOST), (peer, PEER)):
            _ip("-n", space, "address", "add", f"{ends['ipv4']}/24", "dev", "eth0")
            _ip("-n", space, "address", "add", f"{ends['ipv6']}/64", "dev", "eth0", "nodad")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", "eth0", "up")
        inner = stack.enter_context(ThreadPoolExecutor(1, initializer=_enter, initargs=(host,)))
        outer = stack.enter_context(ThreadPoolExecutor(1, initializer=_enter, initargs=(peer,)))
        listeners = inner.submit(_listen, ports).result()
        for listener in listeners:
            stack.callback(listener.close)
        spaces = Spaces(host, ports, listeners, outer)
        end = time.monotonic() + 10
        while not all(spaces.answers(1).values()):
            assert time.monotonic() < end, "the two namespaces do not reach each other"
        yield spaces


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)
