"""Every misbehaving server at once, in a process of their own, a sound one in another, and what a test needs to visit them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from auditor.collecting.known_hosts import HostKey, host_name, trust
from auditor.collecting.ssh import SshTransport
from auditor.model import Asset, AssetResult, Settings
from tests.collecting.conftest import Facts, fact, host, keygen
from tests.collecting.hostile.expected import HEALTHY

FACTS = Facts(fact("hello", "echo hello"), fact("who", "echo root"))
SPARE = 2.0  # seconds beyond a deadline that a busy machine may need


@dataclass(frozen=True)
class Hostiles:
    """The running servers."""

    ports: dict[str, int]
    keys: dict[str, tuple[str, str]]
    login: Path

    def asset(self, name: str, **kwargs: object) -> Asset:
        asset = host(user="auditor", port=self.ports[name], key=str(self.login), agent=False, **kwargs)
        return replace(asset, uid=f"health/{name}", name=name)

    def trust_all(self, known_hosts: Path) -> None:
        trust(known_hosts, tuple(HostKey(host_name("127.0.0.1", port), *self.keys[name]) for name, port in self.ports.items()))


@contextlib.contextmanager
def served(*names: str) -> Iterator[dict[str, Any]]:
    """The servers of those behaviours, or of all, in one process: what it says of them."""
    command = [sys.executable, "-m", "tests.collecting.hostile.fake_sshd", *names]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(10)


@pytest.fixture(scope="session")
def hostiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostiles]:
    """The servers of all behaviours. A sound host is a machine of its own: what floods takes no processor from it."""
    ports: dict[str, int] = {}
    keys: dict[str, tuple[str, str]] = {}
    with served() as hostile, served(HEALTHY) as sound:
        for said in (hostile, sound):
            ports |= said["ports"]
            keys |= dict.fromkeys(said["ports"], tuple(said["key"]))
        yield Hostiles(ports, keys, keygen(tmp_path_factory.mktemp("hostiles") / "login"))


@pytest.fixture
def short(settings: Settings, hostiles: Hostiles) -> Settings:
    """A workspace of short deadlines, in which all the servers' keys are on record."""
    hostiles.trust_all(settings.known_hosts)
    return replace(settings, connect_timeout=2, login_timeout=0.8, host_timeout=1.5)


def collect(settings: Settings, asset: Asset, facts: Facts = FACTS) -> AssetResult:
    transport = SshTransport(settings, lookup=facts.lookup)
    try:
        return transport.collect(facts.plan(asset))
    finally:
        transport.close()


def sockets() -> int:
    """How many sockets this process holds."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except OSError:
            continue
    return count


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails a test that leaves a thread or a socket behind."""
    threads, open_before = set(threading.enumerate()), sockets()
    yield
    end = time.monotonic() + 5
    while time.monotonic() < end:
        left = [t for t in threading.enumerate() if t not in threads]
        if not left and sockets() <= open_before:
            return
        time.sleep(0.02)
    assert ([t.name for t in left], sockets()) == ([], open_before)
