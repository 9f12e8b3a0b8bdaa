"""Real SSH servers on loopback, made of temporary files and ended with the tests."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from auditor.collecting.known_hosts import HostKey, host_name, trust
from auditor.facts import Fact, HostProbe
from auditor.facts.shape import STR
from auditor.model import Asset, AssetKind, AssetPlan, Connection, ProbeCall, Settings, Text


def fact(name: str, script: str, **kwargs: object) -> Fact:
    """A fact whose value is what its probe prints."""
    return Fact(name, Text(name, name), STR, lambda output, _args: output, "", {"linux": HostProbe(script, **kwargs)})  # type: ignore[arg-type]


class Facts(dict[str, Fact]):
    """A lookup of facts made for a test."""

    def __init__(self, *facts: Fact) -> None:
        super().__init__({f.name: f for f in facts})

    def lookup(self, name: str) -> Fact | None:
        return self.get(name)

    def plan(self, asset: Asset) -> AssetPlan:
        return AssetPlan(asset, tuple(ProbeCall(name) for name in self), ())


def host(address: str = "127.0.0.1", **kwargs: object) -> Asset:
    """An asset whose connection takes the keywords."""
    return Asset("health/web1", AssetKind.HOST, "health", "web1", address, connection=Connection(**kwargs))  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running sshd."""

    root: Path
    port: int
    key: Path
    process: subprocess.Popen[bytes]
    asset: Asset = field(init=False)

    def __post_init__(self) -> None:
        self.asset = host(
            user="root", port=self.port, key=str(self.key), agent=False, connect_timeout=5, login_timeout=5, host_timeout=10
        )

    def public(self, kind: str = "ed25519") -> HostKey:
        """The server's own key of a kind, as known_hosts has it."""
        algorithm, blob = (self.root / f"host_{kind}.pub").read_text().split()[:2]
        return HostKey(host_name("127.0.0.1", self.port), algorithm, blob)

    def connecting(self, **kwargs: object) -> Asset:
        return replace(self.asset, connection=replace(self.asset.connection, **kwargs))  # type: ignore[arg-type]


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


def start_sshd(root: Path, extra: str = "", address: str = "127.0.0.1", wrap: tuple[str, ...] = ()) -> Server:
    """An sshd with an ed25519 and an ECDSA host key that lets root in by one key."""
    root.mkdir(parents=True, exist_ok=True)
    for kind in ("ed25519", "ecdsa"):
        keygen(root / f"host_{kind}", kind)
    key = keygen(root / "login")
    (root / "authorized").write_text((root / "login.pub").read_text())
    port = free_port()
    config = root / "sshd_config"
    config.write_text(
        f"ListenAddress {address}\nPort {port}\nHostKey {root}/host_ed25519\nHostKey {root}/host_ecdsa\nPidFile none\n"
        f"AuthorizedKeysFile {root}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nMaxStartups 500\n"
        f"PermitRootLogin prohibit-password\nLogLevel QUIET\n{extra}"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen(
        [*wrap, "/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Server(root, port, key, process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
            break
    raise RuntimeError("sshd does not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(5)


needs_lab = pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists(), reason="needs root and sshd")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An ordinary server, shared by all tests."""
    server = start_sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    stop(server.process)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A workspace that trusts nobody yet."""
    return Settings(root=tmp_path, known_hosts=tmp_path / "known_hosts", connect_timeout=3, login_timeout=3, host_timeout=10)


@pytest.fixture
def trusted(settings: Settings, sshd: Server) -> Settings:
    """A workspace in which the ordinary server's ed25519 key is on record."""
    trust(settings.known_hosts, (sshd.public(),))
    return settings


@pytest.fixture
def listener() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Gives a port on which a hostile function talks to whoever connects."""
    import threading

    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(talk: Callable[[socket.socket], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def loop() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    with peer, contextlib.suppress(OSError):
                        talk(peer)

        threads.append(threading.Thread(target=loop, daemon=True))
        threads[-1].start()
        return int(server.getsockname()[1])

    yield serve
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join(2)
