"""What the auditor advises can be done as it stands there, on this machine and by this account."""

from __future__ import annotations

import json
import pwd
import shlex
from pathlib import Path

import pytest

from .conftest import Workspace
from .test_work import PEOPLE

ME = "The account that the ledger belongs to is best not named there; whoever is named acts through sudo"


def told(stream: bytes) -> str:
    return " ".join(stream.decode().split())


def test_the_workspace_that_init_is_to_lay_out_is_its_argument(tmp_path: Path, workspace: Workspace) -> None:
    """Regression: in an empty folder that ``-C`` named, what was advised failed with: Missing argument 'DIR'."""
    (tmp_path / "empty").mkdir()
    called = workspace.call("-C", str(tmp_path / "empty"), "status")
    assert called.returncode == 2
    advised = f"lay out a workspace with auditor init {tmp_path / 'empty'}, or set"
    assert advised in told(called.stderr)
    assert workspace.call(*shlex.split(f"init {tmp_path / 'empty'}")).returncode == 0
    assert workspace.call("-C", str(tmp_path / "empty"), "validate").returncode == 0
    wrong = workspace.call("-C", str(tmp_path / "empty"), "init")
    assert "Usage: auditor init [OPTIONS] DIR" in told(wrong.stderr)
    assert "Try 'auditor init --help' for help." in told(wrong.stderr)


def test_without_cron_schedule_show_advises_what_can_be_done(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: it advised an entry in crontab, which was refused where there is none; doctor knew better."""
    units, empty = tmp_path / "units", tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setattr("auditor.workflow.schedules.SYSTEMD", (str(units),))
    monkeypatch.setenv("PATH", str(empty))
    shown = workspace.call("schedule", "show")
    advised = f"schedule install --at 01:30 --systemd {units}"
    assert f"Install it: auditor {advised}" in told(shown.stdout)
    assert workspace.call(*shlex.split(advised)).returncode == 0


@pytest.mark.parametrize(
    "args",
    [
        ("findings", "acknowledge", "--severity", "high", "--yes"),
        ("findings", "acknowledge", "--check", "guarded-file"),
        ("findings", "acknowledge", "FINDING"),
        ("verify", "FINDING"),
        ("campaign", "open", "--title-en", "x", "--title-ar", "x", "--until", "2099-01-01"),
        ("ledger", "seal", "--key", "key.pem", "--new-key", "--output", "seal.json"),
    ],
)
def test_the_services_account_is_sent_to_sudo(audited: Workspace, args: tuple[str, ...], tmp_path: Path) -> None:
    """Regression: it was told to name itself in auditor.toml, where it is best not named."""
    (finding,) = json.loads(audited.call("findings", "list", "--severity", "high", "--format", "json").stdout)
    real = {"FINDING": finding["id"], "key.pem": str(tmp_path / "key.pem"), "seal.json": str(tmp_path / "seal.json")}
    args = tuple(real.get(a, a) for a in args)
    called = audited.call(*args)
    account = pwd.getpwuid(audited.ledger.stat().st_uid).pw_name
    assert called.returncode == 2
    assert f"{account} is not named in auditor.toml" in told(called.stderr)
    assert f"{ME}, as with: sudo -u {account} auditor -C {audited.root} findings list" in told(called.stderr)


def test_nobody_else_is_sent_to_sudo(workspace: Workspace) -> None:
    """Who came through sudo and is not named has to be; who is named and may not do it gains nothing by it."""
    with (workspace.root / "auditor.toml").open("a") as file:
        file.write(PEOPLE)
    workspace.guarded.chmod(0o644)
    workspace.call("audit")
    for user in ("nobody", pwd.getpwuid(1).pw_name):
        called = workspace.call("ledger", "seal", "--key", "k", "--output", "s", SUDO_UID=str(pwd.getpwnam(user).pw_uid))
        assert (called.returncode, ME in told(called.stderr)) == (2, False), called.stderr


def test_a_host_without_ssh_needs_no_key(workspace: Workspace) -> None:
    """Regression: trusting this machine itself, as the stock inventory lists it, failed at 127.0.0.1:22 with 3."""
    called = workspace.call("hosts", "trust", "this-machine", "--yes")
    assert called.returncode == 0, called.stderr
    assert "this-machine is visited without SSH, so that it needs no host key." in told(called.stdout)
    net = "department: net\ntitle: {en: Net, ar: شبكة}\nnetworks:\n  - {uid: net-1, name: net-1, address: 10.0.1.0/24}\n"
    workspace.inventory("net", net)
    called = workspace.call("hosts", "trust", "net-1")
    assert (called.returncode, "net-1 is a network, which cannot be logged in to" in told(called.stderr)) == (2, True)
