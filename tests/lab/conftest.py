"""A lab of few hosts that tests share, and one of their own where they change it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from auditor import lab

Login = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Fleet]:
    """The whole fleet, for tests that leave it as it was."""
    state = tmp_path_factory.mktemp("lab") / "state"
    yield lab.up(state)
    lab.down(state)


@pytest.fixture(scope="session")
def login(fleet: lab.Fleet, tmp_path_factory: pytest.TempPathFactory) -> Login:
    """Runs a command on a host as the auditor, by OpenSSH's own client and with the workspace's known_hosts."""
    root = tmp_path_factory.mktemp("workspace")
    lab.write_workspace(fleet, root)

    def run(uid: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        base = [
            "ssh",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=4",
            "-o",
            f"UserKnownHostsFile={root}/known_hosts",
        ]
        base += ["-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR", "-i", str(root / "keys/lab"), *options]
        target = f"auditor@{fleet.address(uid)}"
        return subprocess.run(
            [*base, target, command], capture_output=True, text=True, errors="replace", timeout=20, stdin=subprocess.DEVNULL
        )

    return run
