"""Secrets of logins: each read once, and one that cannot be read costs nobody but those who need it."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from auditor.collecting.interface import Cancelled
from auditor.collecting.ssh_handshake import Clock
from auditor.collecting.ssh_login import Secrets
from auditor.collecting.ssh_target import Configs, Target, target_of
from auditor.errors import DeadlineError, DeniedError
from auditor.model import Connection
from tests.builders import host


def by(command: str) -> Target:
    return target_of(host("h", connection=Connection(password_command=command, ssh_config="none")), Configs())


def clock(seconds: float = 20.0, cancelled: threading.Event | None = None) -> Clock:
    return Clock(time.monotonic() + seconds, cancelled or threading.Event(), "The login")


def script(path: Path, *lines: str) -> str:
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o700)
    return str(path)


def test_a_command_that_fails_is_run_once_for_all_hosts(tmp_path: Path) -> None:
    """Regression: a vault that was down was asked for each host anew, one after the other, for half a minute each."""
    secrets, command = Secrets(), script(tmp_path / "vault", f"echo asked >> {tmp_path}/asked", "exit 1")

    def ask(_n: int) -> str:
        with pytest.raises(DeniedError) as raised:
            secrets.password(by(command), clock())
        return str(raised.value)

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(ask, range(8)))
    assert told == {"The command that is to print the password failed (CalledProcessError)."}
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_a_failure_is_forgotten_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault that is opened meanwhile is asked again."""
    secrets, command = Secrets(), script(tmp_path / "vault", f"test -e {tmp_path}/open && echo secret")
    with pytest.raises(DeniedError):
        secrets.password(by(command), clock())
    (tmp_path / "open").touch()
    with pytest.raises(DeniedError):
        secrets.password(by(command), clock())
    monkeypatch.setattr("auditor.collecting.ssh_login._MEMORY", 0.0)
    assert secrets.password(by(command), clock()) == "secret"


def test_a_command_that_hangs_holds_up_only_those_who_need_it(tmp_path: Path) -> None:
    """Regression: keys and other departments' passwords waited for it, with no regard to their own time or to Ctrl-C."""
    secrets, stop = Secrets(), threading.Event()
    os.mkfifo(tmp_path / "answer")
    hanging = script(tmp_path / "vault", f"echo asked >> {tmp_path}/asked", f"cat {tmp_path}/answer")
    paramiko.RSAKey.generate(2048).write_private_key_file(str(tmp_path / "key"))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(secrets.password, by(hanging), clock())
        while not (tmp_path / "asked").exists():
            time.sleep(0.01)
        assert secrets.password(by(script(tmp_path / "other", "echo other")), clock()) == "other"
        assert secrets.key(tmp_path / "key", None, clock()).get_bits() == 2048  # type: ignore[attr-defined]
        with pytest.raises(DeadlineError):
            secrets.password(by(hanging), clock(0.3))
        waiting = pool.submit(secrets.password, by(hanging), clock(20.0, stop))
        stop.set()
        with pytest.raises(Cancelled):
            waiting.result(5)
        (tmp_path / "answer").write_text("secret\n")
        assert first.result(5) == "secret"
    assert secrets.password(by(hanging), clock()) == "secret"
    assert (tmp_path / "asked").read_text() == "asked\n"
