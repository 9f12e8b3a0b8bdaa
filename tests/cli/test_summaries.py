"""What a run's account says of findings is of that run, or is said to be of today."""

from __future__ import annotations

from .conftest import Workspace


def shown(workspace: Workspace, run: str) -> str:
    called = workspace.call("runs", "show", run, COLUMNS="400")
    assert called.returncode == 0, called.stderr.decode()
    return called.stdout.decode()


def test_findings_of_today_do_not_stand_under_an_older_run(workspace: Workspace) -> None:
    """Regression: ``runs show 1`` showed under its heading what a later audit had found, and nothing of what it had."""
    workspace.guarded.chmod(0o644)
    workspace.call("audit")
    assert "The worst of 1 open findings, as they stand now" in shown(workspace, "1")
    workspace.guarded.chmod(0o600)
    workspace.lesser.chmod(0o644)
    workspace.call("audit")
    older = shown(workspace, "1")
    assert ("The worst of" in older, "auditor report findings --run 1" in older) == (False, True)
    assert "low: The guarded file is private" in shown(workspace, "2")
    assert workspace.call("report", "findings", "--run", "1").returncode == 0
    workspace.call("audit", "--check", "guarded-file")  # which looked for nothing that the whole audit before it had found
    assert "The worst of 1 open findings" in shown(workspace, "2")


def test_the_findings_of_a_narrowed_run_are_those_that_it_looked_for(workspace: Workspace) -> None:
    """Regression: only the departments of a narrowed run were heeded, not its hosts and checks."""
    workspace.guarded.chmod(0o644)
    workspace.lesser.chmod(0o644)
    workspace.inventory(
        "example",
        "department: example\ntitle: {en: Example, ar: مثال}\nhosts:\n"
        "  - {uid: one, name: host-1, address: 127.0.0.1, connection: local}\n"
        "  - {uid: two, name: host-2, address: 127.0.0.1, connection: local}\n",
    )
    workspace.call("audit")
    assert "The worst of 4 open findings" in shown(workspace, "1")
    workspace.call("audit", "--host", "host-2", "--check", "lesser-file")
    told = shown(workspace, "2")
    assert "The worst of 1 open findings" in told
    command = "auditor findings list --state to_mend --asset two --check lesser-file"
    assert f"All of them: {command}." in told
    assert workspace.call(*command.split()[1:], "--format", "csv").stdout.decode().count("F-") == 1
    workspace.lesser.chmod(0o600)
    workspace.call("audit", "--check", "lesser-file")
    assert "Of what this audit was narrowed to, no finding is open." in shown(workspace, "3")
