"""One figure is told alike by every command, and none of it is a blank."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from auditor.cli import scores as shown
from auditor.model import Catalogue
from auditor.workflow.scores import Scores, scores

from .conftest import Workspace

ALMOST = 59.97


def test_one_index_is_written_one_way(audited: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: ``score`` said 59.9, and ``score --department`` 60.0 of the same department; 59.97 is below 60."""

    def almost(catalogue: Catalogue) -> Scores:
        found = scores(catalogue)
        return replace(found, index=ALMOST, departments=tuple(replace(d, index=ALMOST) for d in found.departments))

    monkeypatch.setattr(shown, "scores", almost)
    for args in ((), ("--department", "example")):
        told = audited.call("score", *args).stdout.decode()
        assert ("59.9" in told, "60.0" in told) == (True, False), told


def test_a_coverage_of_nothing_is_no_blank(workspace: Workspace) -> None:
    """Regression: a run that judged nothing showed no coverage, as one of which it is not known."""
    there = "{connection: ssh, address: 127.0.0.1, port: 1, user: x, uid: gone-1, name: gone-1}"
    workspace.inventory("example", f"department: example\ntitle: {{en: Gone, ar: غائبة}}\nhosts: [{there}]\n")
    (workspace.root / "known_hosts").write_text("")
    workspace.call("audit")
    (run,) = json.loads(workspace.call("runs", "list", "--format", "json").stdout)
    assert run["coverage"]["share"] == 0
    assert "0.0%" in workspace.call("runs", "list").stdout.decode()


def test_what_a_policy_excludes_is_not_counted(workspace: Workspace) -> None:
    """Regression: ``policy show`` counted a check that ``excluded_checks`` names, and ``--department`` did not."""
    policy = workspace.root / "policies" / "national-2026.yaml"
    policy.write_text(policy.read_text() + "excluded_checks: [lesser-file]\n")
    for args in ((), ("--department", "example")):
        told = json.loads(workspace.call("policy", "show", *args, "--format", "json").stdout)
        assert told["checks"] == ["guarded-file"]
