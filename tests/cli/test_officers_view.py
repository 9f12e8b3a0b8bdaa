"""What an officer sees of a finding: whether its time has run out, what may be done, and whether anybody has looked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditor.cli.findings import next_moves
from auditor.ledger import Ledger
from auditor.lifecycle import legal
from auditor.model import Event, EventKind, FindingState
from auditor.model.codec import to_json
from auditor.workflow.circulars import issue_circular
from auditor.workflow.queries import FindingFilter, list_findings
from auditor.workflow.workspace import open_workspace

from .conftest import Workspace
from .test_work import INTERIOR, OFFICER, done, failing, high

__all__ = ["failing", "high"]

NOW = datetime.now(UTC)
UNREACHABLE = """\
department: example
title: {en: Example, ar: مثال}
hosts:
  - {uid: %s, name: host-1, address: 127.0.0.1, port: 1, user: nobody, key: /nonexistent}
"""


def shown(workspace: Workspace, *args: str, lang: str = "en") -> str:
    called = workspace.call(*args, lang=lang, COLUMNS="200")
    assert called.returncode == 0, called.stderr.decode()
    return called.stdout.decode()


def test_overdue_is_a_word(failing: Workspace, high: str) -> None:
    """Regression: in lists and circulars a colour alone told it, of which a pipe, a printout and many eyes see nothing; in what
    was shown of one finding nothing did."""
    catalogue = open_workspace(failing.root)
    before = NOW - timedelta(days=3)
    issue_circular(catalogue, INTERIOR, ("guarded-file",), (), before.date() + timedelta(days=1), now=before)
    with Ledger.open(catalogue.settings.ledger) as ledger:
        late = replace(ledger.finding(high), due=before)
        ledger.apply([Event(EventKind.FINDING_CHANGED, NOW, "auditor", high, to_json(late))])
    (row,) = (line for line in shown(failing, "findings", "list").splitlines() if high in line)
    assert row.endswith(f"{before.date()} (overdue)")
    (other,) = (line for line in shown(failing, "findings", "list", "--severity", "low").splitlines() if "F-" in line)
    assert "overdue" not in other
    (due,) = (line for line in shown(failing, "findings", "show", high).splitlines() if line.startswith("Due"))
    assert due.strip().endswith("(overdue)")
    (row,) = (line for line in shown(failing, "circular", "show", "R-1").splitlines() if "(example)" in line)
    assert "(overdue)" in row


@pytest.mark.parametrize("state", list(FindingState))
def test_every_legal_move_has_its_command(failing: Workspace, state: FindingState) -> None:
    """Regression: which moves are legal was told only to whoever had tried one that is not."""
    finding = list_findings(open_workspace(failing.root), FindingFilter())[0]
    commands = list(next_moves(replace(finding, state=state, exception="E-1")))
    moves = [c for c in commands if c.split()[2] in ("acknowledge", "start", "claim", "assign", "plan")]
    assert len(moves) == len(legal(state))
    assert bool(commands) is (state is not FindingState.CLOSED)
    assert all(failing.call(*c.split()[1:3], "--help").returncode == 0 for c in commands)


def test_the_next_moves_stand_beside_a_finding(failing: Workspace, high: str) -> None:
    """Each on a line of its own, to be copied; those that its state forbids are missing."""
    told = shown(failing, "findings", "show", high)
    assert f"\nauditor findings acknowledge {high}\n" in told
    assert f"\nauditor verify {high}\n" in told
    done(failing, OFFICER, "findings", "acknowledge", high)
    assert "acknowledge F" not in shown(failing, "findings", "show", high)


def test_a_finding_whose_host_was_not_reached_says_so(failing: Workspace, high: str) -> None:
    """Regression: nothing told that a finding was older than the newest audit, which had not come to its host."""
    catalogue = open_workspace(failing.root)
    (finding,) = list_findings(catalogue, FindingFilter(checks=("guarded-file",)))
    assert "Not looked at" not in shown(failing, "findings", "show", high)
    failing.inventory("example", UNREACHABLE % finding.asset)
    assert failing.call("audit").returncode == 3
    (line,) = (line for line in shown(failing, "findings", "show", high).splitlines() if line.startswith("Not looked at"))
    assert f"since {finding.last_seen:%Y-%m-%d}" in line
    assert "unreachable: " in line or "login refused: " in line


def test_a_finding_is_shown_without_gaps_and_its_history_with_a_heading(failing: Workspace, high: str) -> None:
    """Regression: between two blocks of commands stood "Nothing to show.", and the history was of a "Field" and its "Value"."""
    told = shown(failing, "findings", "show", high)
    assert "Nothing to show." not in told
    fields, _heading, history = told.partition("\nHistory\n")
    assert "auditor findings acknowledge" in fields
    assert history.split("\n")[0].split() == ["When", "What", "happened"]
    assert ("finding opened" in history, "finding opened" in fields) == (True, False)
    assert "finding opened" in shown(failing, "findings", "show", high, "--format", "csv")
