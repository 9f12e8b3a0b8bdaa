"""Proves on a real sshd that login shells of every kind and every way in which sudo is wrong are told for what they are."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.collecting.known_hosts import trust
from auditor.model import AssetResult, ObservationStatus, Reach, Settings
from tests.collecting.conftest import Facts, Server, fact, needs_lab, start_sshd, stop
from tests.collecting.hostile.conftest import SPARE, collect

pytestmark = [pytest.mark.lab, pytest.mark.alone, needs_lab]

SHELLS = {
    "dash": "/bin/dash",
    "bash": "/bin/bash",
    "csh": "/usr/bin/tcsh",
    "fish": "/usr/bin/fish",
    "restricted": "/bin/rbash",
    "nologin": "/usr/sbin/nologin",
    "false": "/bin/false",
    "missing": "/opt/no/such/shell",
    "prompt": "/opt/prompt",
}
RUN = ("dash", "bash", "csh", "fish")
USERS = (*SHELLS, "permitted", "asked", "limited", "stranger")
SUDOERS = """\
Defaults !lecture
Defaults:limited !authenticate
permitted ALL=(root) NOPASSWD: ALL
asked ALL=(root) ALL
limited ALL=(root) NOPASSWD: /usr/bin/true
"""
# What a router says instead of running a command.
PROMPT = "#!/bin/sh\necho 'Router>'\necho \"% Invalid input detected at '^' marker.\"\n"
FACTS = Facts(
    fact("hello", "echo hello"),
    fact("root", "as_root /usr/bin/id -u"),
    fact("careless", "as_root /bin/cat /etc/shadow | wc -l; echo none"),
)
NEEDED = " The audit needs a login that may run /bin/sh."


def serve(folder: Path, sudoers: str, mode: int = 0o440) -> Server:
    """An sshd that has accounts and a sudoers of its own, in a mount namespace of its own."""
    files = folder / "laid-over"
    files.mkdir(parents=True)
    passwd = [f"{user}:*:{6000 + at}:{6000 + at}::/:{SHELLS.get(user, '/bin/sh')}\n" for at, user in enumerate(USERS)]
    (files / "passwd").write_text(Path("/etc/passwd").read_text() + "".join(passwd))
    (files / "sudoers").write_text(sudoers)
    (files / "sudoers").chmod(mode)
    (files / "prompt").write_text(PROMPT)
    (files / "prompt").chmod(0o755)
    mounts = f"mount --bind {files}/passwd /etc/passwd && mount --bind {files}/sudoers /etc/sudoers"
    mounts += f" && mount -t tmpfs -o mode=0755 t /opt && cp {files}/prompt /opt/prompt"
    return start_sshd(folder / "sshd", wrap=("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"))


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter, as pytest's own are not: sshd reads authorised keys as the account."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[Server]:
    started = serve(open_folder / "sound", SUDOERS)
    yield started
    stop(started.process)


def look(server: Server, settings: Settings, user: str) -> AssetResult:
    trust(settings.known_hosts, (server.public(),))
    return collect(replace(settings, login_timeout=10), server.connecting(user=user), FACTS)


def told(result: AssetResult) -> dict[str, str]:
    return {o.probe.fact: o.status.value for o in result.observations}


@pytest.mark.parametrize("user", RUN)
def test_shells_that_can_start_the_script(user: str, server: Server, settings: Settings) -> None:
    """Any login shell will do that can run one plain command, csh and fish among them."""
    result = look(server, settings, user)
    assert (result.reach, result.detail, told(result)["hello"]) == (Reach.REACHED, "", "ok")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("restricted", "restricted"),
        ("nologin", "This account is currently not available."),
        ("prompt", "Router> % Invalid input detected at '^' marker."),
        ("false", ""),
    ],
)
def test_shells_that_cannot(user: str, words: str, server: Server, settings: Settings) -> None:
    """Shells that run nothing are told with their own words, and never taken for a clean host.

    Regression: such a host, which was logged in to, was called unreachable.
    """
    result = look(server, settings, user)
    assert (result.reach, set(told(result).values())) == (Reach.NO_SHELL, {"not_run"})
    assert result.detail.startswith("The login succeeded, but its shell did not run the script")
    assert result.detail.endswith(NEEDED)
    assert words in result.detail


def test_a_shell_that_is_not_there(server: Server, settings: Settings) -> None:
    """sshd itself turns such an account away, in time."""
    began = time.monotonic()
    result = look(server, settings, "missing")
    assert (result.reach, set(told(result).values())) == (Reach.DENIED, {"not_run"})
    assert time.monotonic() - began < SPARE + 3


def test_sudo_that_permits(server: Server, settings: Settings) -> None:
    """With the right sudoers all three are observed, so that what follows is no accident."""
    result = look(server, settings, "permitted")
    assert set(told(result).values()) == {"ok"}
    assert result.observations[1].stdout == "0\n"


@pytest.mark.parametrize(
    ("user", "words"),
    [("asked", "a password is required"), ("limited", "not allowed to execute"), ("stranger", "a password is required")],
)
def test_sudo_that_refuses(user: str, words: str, server: Server, settings: Settings) -> None:
    """Each refusal is denied with sudo's words, also where the probe took no notice of it; what needs no root is observed."""
    result = look(server, settings, user)
    assert told(result) == {"hello": "ok", "root": "denied", "careless": "denied"}
    assert all(words in o.stderr for o in result.observations[1:])
    assert result.reach is Reach.REACHED


@pytest.mark.parametrize(
    ("sudoers", "mode", "words"),
    [
        ("permitted ALL=(root NOPASSWD ALL\n", 0o440, "sudo:"),
        (SUDOERS, 0o446, "world writable"),
        ("", 0o440, "a password is required"),
    ],
    ids=["syntax", "world-writable", "empty"],
)
def test_sudo_that_is_broken(sudoers: str, mode: int, words: str, settings: Settings, open_folder: Path) -> None:
    """A sudoers that sudo cannot use denies, in sudo's words."""
    server = serve(open_folder / f"broken-{len(sudoers)}-{mode}", sudoers, mode)
    try:
        result = look(server, settings, "permitted")
    finally:
        stop(server.process)
    assert told(result) == {"hello": "ok", "root": "denied", "careless": "denied"}
    assert all(words in o.stderr for o in result.observations[1:])
    assert ObservationStatus.FAILED not in {o.status for o in result.observations}


@pytest.mark.parametrize(("setting", "expected"), [("", "ok"), ("Defaults !ignore_logfile_errors\n", "denied")])
def test_sudo_that_cannot_log(setting: str, expected: str, settings: Settings, open_folder: Path) -> None:
    """Where its log is full sudo runs the command all the same, unless it was told to refuse: then nothing was observed.

    Regression: with a full log a command that ended with another status than 0 was taken for one that sudo had refused.
    """
    log_is_full = 'Defaults logfile="/dev/full"\n' + setting
    server = serve(open_folder / f"unlogged-{expected}", SUDOERS + log_is_full)
    facts = Facts(fact("empty", "as_root /bin/grep -c nothing-like-it /etc/shadow; :"))
    try:
        trust(settings.known_hosts, (server.public(),))
        result = collect(replace(settings, login_timeout=10), server.connecting(user="permitted"), facts)
    finally:
        stop(server.process)
    assert "/dev/full" in result.observations[0].stderr
    assert told(result) == {"empty": expected}
    assert (result.observations[0].stdout == "0\n") == (expected == "ok")


def test_the_shells_are_there() -> None:
    """Nothing here passes because a shell is missing: scripts/setup brings them."""
    for shell in (*(SHELLS[user] for user in RUN), SHELLS["restricted"], SHELLS["nologin"]):
        subprocess.run(["test", "-x", shell], check=True)
