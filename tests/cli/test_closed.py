"""What an account is told that may not open the ledger or what lies beside it: no error of ours, nothing that would do harm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import COMMAND, Workspace, environment

# root is refused nothing; without these two rights it is, as anybody is
_REFUSED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
AS_OWNER = "run it as the account whose ledger it is"


def call(workspace: Workspace, *args: str) -> tuple[int, str]:
    done = subprocess.run(
        [*_REFUSED, *COMMAND, *args], cwd=workspace.root, env=environment(), capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def doctor(workspace: Workspace) -> dict[str, dict[str, str]]:
    code, told = call(workspace, "doctor", "--format", "json")
    assert code == 3, told
    return {row["part"]: row for row in json.loads(told)}


@pytest.fixture
def closed(workspace: Workspace) -> Iterator[Workspace]:
    """Audited, and its findings/ then closed to whoever calls."""
    assert workspace.call("audit").returncode == 0
    workspace.ledger.parent.chmod(0)
    yield workspace
    workspace.ledger.parent.chmod(0o700)


def test_a_sound_ledger_that_is_only_closed_is_not_replaced(workspace: Workspace) -> None:
    """Regression, the loss of what came since the copy: doctor advised to restore an old copy over a ledger with mode 000."""
    assert workspace.call("audit").returncode == 0
    workspace.ledger.chmod(0)
    row = doctor(workspace)["ledger"]
    assert (row["health"], row["mend"]) == ("bad", f"chmod 600 {workspace.ledger}")
    if os.geteuid() == 0:
        os.chown(workspace.ledger, 65534, 65534)
        assert doctor(workspace)["ledger"]["mend"] == AS_OWNER
        os.chown(workspace.ledger, 0, 0)
    workspace.ledger.chmod(0o600)
    workspace.ledger.write_bytes(workspace.ledger.read_bytes()[:8192] + b"?" * 4096)
    assert "auditor ledger restore FILE" in doctor(workspace)["ledger"]["mend"]


def test_doctor_goes_on_where_findings_are_closed(closed: Workspace) -> None:
    """Regression, an internal error: it looked for letters that wait in a folder that only the ledger's account may enter."""
    rows = doctor(closed)
    assert {"files", "ledger", "disk", "mail", "schedule"} <= set(rows)
    assert [rows[part]["mend"] for part in ("ledger", "mail")] == [AS_OWNER, AS_OWNER]
    assert "outbox cannot be read: Permission denied" in rows["mail"]["told"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("digest",), 4, "outbox cannot be read: Permission denied"),
        (("ledger", "copy", "copy.db"), 4, "ledger.db: Permission denied"),
        (("ledger", "copy", "findings/sub/copy.db"), 2, "copy.db cannot be written: Permission denied"),
        (("ledger", "restore", "findings/copy.db"), 2, "findings/copy.db cannot be read: Permission denied"),
        (
            ("report", "summary", "--format", "html", "--output", "findings/sub/x.html"),
            2,
            "x.html cannot be written: Permission denied",
        ),
    ],
)
def test_closed_findings_are_no_internal_error(closed: Workspace, args: tuple[str, ...], code: int, told: str) -> None:
    """Regression, exit code 4 and a request to report it: the system's own errors came out."""
    found = call(closed, *args)
    assert (found[0], told in found[1], "Internal error" in found[1]) == (code, True, False), found


def test_a_file_that_is_not_there_cannot_be_restored(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: a mistyped name ended as a ledger that cannot be read does, with 4."""
    called = workspace.call("ledger", "restore", str(tmp_path / "nope.db"))
    assert (called.returncode, b"there is no such file" in called.stderr) == (2, True), called.stderr
