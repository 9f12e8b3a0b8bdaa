"""Cron can tell by the exit code alone how an audit went, and a crash or Ctrl-C is never taken for findings."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.ledger import Ledger
from tests.cli.conftest import COMMAND, Workspace, environment

HOST = "  - {{uid: example-{n}, name: host-{n}, address: 127.0.0.1, connection: local}}\n"
MANY = "department: example\ntitle: {en: Example, ar: مثال}\nhosts:\n" + "".join(HOST.format(n=n) for n in range(24))


def test_0_when_nothing_is_wrong(workspace: Workspace):
    """Every check passes on every host."""
    done = workspace.shell("audit")
    assert done.returncode == 0, done.stderr
    assert b"No finding is open." in done.stdout


def test_1_only_at_or_above_the_threshold(workspace: Workspace):
    """A finding of low severity is told either way; the exit code heeds the setting."""
    workspace.lesser.chmod(0o644)
    assert workspace.call("audit").returncode == 1
    workspace.settings(fail_severity='"medium"')
    done = workspace.call("audit")
    assert done.returncode == 0
    assert b"The guarded file is private" in done.stdout
    workspace.guarded.chmod(0o644)
    assert workspace.call("audit").returncode == 1


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("audti",), "Did you mean audit?"),
        (("findings", "lst"), "Did you mean list?"),
        (("audit", "--resum"), "Did you mean '--resume'?"),
        (("findings", "list", "--severity", "hihg"), "'critical', 'high', 'medium', 'low'"),
        (("check", "show", "guarded-fil"), "Did you mean guarded-file?"),
        (("control", "show", "A.8.99"), "Did you mean A.8.9?"),
        (("audit", "--resume"), "auditor audit"),
        (("audit", "--check", "guarded-fil"), "guarded-file"),
        (("audit", "--host", "nowhere"), "nowhere"),
        (("runs", "show", "99"), "99"),
    ],
)
def test_2_for_a_wrong_command_line_with_a_hint(workspace: Workspace, args: tuple[str, ...], hint: str):
    """Whoever mistypes is told the nearest right word or what to run."""
    if args[0] == "runs":
        Ledger.open(workspace.ledger).close()
    done = workspace.call(*args)
    assert done.returncode == 2, done.stderr
    assert hint in " ".join(done.stderr.decode().split())
    assert done.stdout == b""


def test_2_for_mistakes_in_shared_files(workspace: Workspace):
    """A mistake in a check stops everything, named by file, line and column."""
    path = workspace.root / "checks" / "files" / "guarded-file.yaml"
    path.write_text(path.read_text().replace("severity: high", "severity: hihg"))
    for command in ("validate", "audit"):
        done = workspace.call(command)
        assert done.returncode == 2
        assert b"checks/files/guarded-file.yaml:3:11: " in done.stdout + done.stderr
    assert not workspace.ledger.exists()


def test_2_while_another_process_audits(workspace: Workspace):
    """One run at a time: the second is refused and told who holds the lock. People's questions are still answered."""
    now = datetime.now(UTC)
    with Ledger.open(workspace.ledger) as ledger, ledger.lock(actor="noura", now=now):
        done = workspace.shell("audit")
        assert done.returncode == 2
        assert b"noura" in done.stderr
        assert workspace.call("findings", "list").returncode == 0
    assert workspace.call("audit").returncode == 0


def test_3_when_a_department_is_set_aside(workspace: Workspace):
    """The wrong department is named and makes the audit incomplete; the right one is audited all the same."""
    workspace.inventory("tourism", "department: tourism\ntitle: {en: Tourism, ar: السياحة}\nhosts:\n  - {uid: x, adress: 1}\n")
    workspace.guarded.chmod(0o644)
    done = workspace.call("audit")
    assert done.returncode == 3, "incomplete outranks findings"
    assert b"tourism" in done.stdout
    assert b"inventories/tourism.yaml:4:" in done.stdout
    assert workspace.call("validate").returncode == 2


def test_3_when_a_host_is_not_reached(workspace: Workspace):
    """A host that could not be looked at is never taken for a clean one."""
    closed = HOST.replace("connection: local", "port: 1, user: nobody").format(n=1)
    workspace.inventory("example", MANY[: MANY.index("  -")] + closed)
    done = workspace.call("audit")
    assert done.returncode == 3, done.stderr
    assert b"example-1" in done.stdout
    assert b"unreachable" in done.stdout


@pytest.mark.parametrize("command", [("audit",), ("findings", "list"), ("runs", "show"), ("ledger", "verify")])
def test_4_when_the_ledger_is_no_ledger(workspace: Workspace, command: tuple[str, ...]):
    """A file that is something else is neither written over nor taken for an empty ledger."""
    workspace.ledger.parent.mkdir(exist_ok=True)
    workspace.ledger.write_bytes(b"not a database, and nobody's to delete" * 100)
    done = workspace.call(*command)
    assert done.returncode == 4, done.stderr
    assert workspace.ledger.read_bytes().startswith(b"not a database")


def test_4_when_the_ledger_cannot_be_written(workspace: Workspace):
    """A folder where the ledger should be."""
    workspace.ledger.mkdir(parents=True)
    assert workspace.call("audit").returncode == 4


def test_4_when_there_is_no_ledger_to_ask(workspace: Workspace):
    """An empty answer would read as clean."""
    done = workspace.call("findings", "list")
    assert done.returncode == 4
    assert b"auditor audit" in done.stderr


def test_4_for_a_ledger_edited_behind_the_auditors_back(audited: Workspace, tmp_path: Path):
    """A finding made milder by hand is found; the untouched ledger is whole."""
    done = audited.call("ledger", "verify")
    assert done.returncode == 0
    assert b"The ledger is whole" in done.stdout
    copy = tmp_path / "ledger.db"
    edited = Workspace(tmp_path / "workspace")
    edited.root.mkdir()
    for name in ("checks", "policies", "inventories"):
        (edited.root / name).symlink_to(audited.root / name)
    (edited.root / "auditor.toml").write_text((audited.root / "auditor.toml").read_text())
    edited.settings(ledger=f'"{copy}"')
    with sqlite3.connect(audited.ledger) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.execute("UPDATE findings SET severity = 'low'")
    source.close()
    target.close()
    done = edited.call("ledger", "verify", "--format", "json")
    assert done.returncode == 4, done.stdout
    assert b'"ok": false' in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_when_interrupted_and_resume_finishes(workspace: Workspace, number: signal.Signals):
    """Ctrl-C in the middle of an audit stops it cleanly; --resume ends it as if nothing had happened."""
    workspace.inventory("example", MANY)
    workspace.settings(concurrency="1")
    with subprocess.Popen(
        [*COMMAND, "audit"], cwd=workspace.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert b"assets: 24" in process.stderr.readline()
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert b"auditor audit --resume" in told
    shown = workspace.call("runs", "show", "1")
    assert shown.returncode == 0
    assert b"interrupted" in shown.stdout
    resumed = workspace.call("audit", "--resume", "--format", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert b'"complete": true' in resumed.stdout
    assert workspace.call("audit", "--resume").returncode == 2


def test_output_that_nobody_reads_any_more_is_no_failure(full: Workspace):
    """``auditor check list | head -1`` ends quietly."""
    with subprocess.Popen(
        [*COMMAND, "check", "list", "--format", "json"],
        cwd=full.root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_an_audit_tells_by_its_exit_code_though_nobody_reads_it(workspace: Workspace):
    """``auditor audit | head -1`` must not turn findings into success."""
    workspace.guarded.chmod(0o644)
    with subprocess.Popen(
        [*COMMAND, "audit"], cwd=workspace.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 1


READING = [
    ("status",), ("findings", "list"), ("runs", "list"), ("score",), ("ledger", "verify"), ("digest",), ("campaign", "list"),
    ("circular", "list"), ("circular", "suggest"), ("exceptions", "list"), ("attest", "list", "--department", "example"),
    ("report", "summary"), ("plan", "--cost"), ("nightly",), ("reevaluate",),
]  # fmt: skip


def test_4_where_the_ledger_cannot_be_looked_at(workspace: Workspace):
    """Regression: a person who may not enter the ledger's folder was told of an internal error, to be reported. A name that no
    file system takes fails at the same step, for root too."""
    workspace.settings(ledger=f'"findings/{"x" * 300}"')
    for args in READING:
        done = workspace.call(*args)
        assert done.returncode == 4, (args, done.stderr)
        assert b"xxx: File name too long" in done.stderr, (args, done.stderr)
        assert b"Internal error" not in done.stderr, args
    doctor = workspace.call("doctor")
    assert doctor.returncode == 3, doctor.stderr
    assert "run it as the account whose ledger it is" in " ".join(doctor.stdout.decode().split())
