"""What has run out is told as run out by every command, whoever asks, whether or not anybody has written it down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from auditor.ledger import Ledger
from auditor.lifecycle import attestations
from auditor.model import Answer, AnswerState, AttestedAnswer, Catalogue, ExceptionKind, Text
from auditor.workflow import exceptions, queries
from auditor.workflow.attestations import asked_of
from auditor.workflow.campaigns import close_campaign, frozen_campaign, open_campaign
from auditor.workflow.circulars import issue_circular
from auditor.workflow.exceptions import Request, approve_exception, expiring, list_exceptions, propose_exception
from auditor.workflow.queries import reading
from auditor.workflow.workspace import open_workspace

from .conftest import Workspace
from .test_work import INTERIOR, OFFICER, PLANNING, failing, high

__all__ = ["failing", "high"]

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=3)
YESTERDAY: date = (NOW - timedelta(days=1)).date()


@dataclass
class Held:
    """A workspace whose exception and accepted answer ended yesterday, and nobody has looked since."""

    workspace: Workspace
    catalogue: Catalogue

    def told(self, *args: str) -> Any:
        return json.loads(self.workspace.call(*args, "--format", "json").stdout)


@pytest.fixture
def held(failing: Workspace, high: str) -> Held:
    catalogue = open_workspace(failing.root)
    request = Request(ExceptionKind.RISK, "r", control="c", ends=YESTERDAY, finding=high)
    propose_exception(catalogue, OFFICER, request, now=BEFORE)
    for member in (INTERIOR, PLANNING):
        approve_exception(catalogue, member, "E-1", now=BEFORE)
    open_campaign(catalogue, INTERIOR, Text("A", "ا"), (), BEFORE.date(), NOW.date(), now=BEFORE)
    issue_circular(catalogue, INTERIOR, ("guarded-file", "lesser-file"), (), YESTERDAY, now=BEFORE)
    people = catalogue.settings.people
    given = AttestedAnswer(
        "example:A.5.1", "example", "A.5.1", AnswerState.ANSWERED, Answer.PARTLY, "j", YESTERDAY, OFFICER, BEFORE
    )
    with Ledger.open(catalogue.settings.ledger) as ledger:
        ledger.apply([attestations.answer(given, 365, BEFORE.date(), people[OFFICER], BEFORE)])
        ledger.apply([attestations.accept(given, people[INTERIOR], BEFORE)])
    return Held(failing, catalogue)


@pytest.fixture(params=["writer", "reader"])
def anybody(held: Held, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Whoever may write, and whoever may only read; root may do everything, so it is said for it."""
    before = _seq(held)
    if request.param == "reader":
        for module in (exceptions, queries):
            monkeypatch.setattr(module, "may_write", lambda _catalogue: False)
    yield held
    assert (_seq(held) == before) is (request.param == "reader")
    monkeypatch.undo()
    assert held.workspace.call("ledger", "verify").returncode == 0


def _seq(held: Held) -> int:
    with reading(held.catalogue) as ledger:
        return ledger.head()[0]


@pytest.mark.parametrize("command", ["status", "campaign", "circular", "score", "findings", "exceptions"])
def test_an_exception_that_ended_yesterday_covers_nothing_today(anybody: Held, command: str) -> None:
    """Regression: only ``findings``, ``exceptions`` and ``report`` looked at the day; elsewhere its findings still counted as
    excepted, and whoever may only read saw them so everywhere."""
    told = {
        "status": lambda: (anybody.told("status")["open"], anybody.told("status")["ending"]),
        "campaign": lambda: [(r["open"], r["excepted"]) for r in anybody.told("campaign", "status", "C-1")["progress"]],
        "circular": lambda: [r["open"] for r in anybody.told("circular", "show", "R-1")["departments"]],
        "score": lambda: [r["excepted"] for r in anybody.told("score")["departments"]],
        "findings": lambda: [r["state"] for r in anybody.told("findings", "list")],
        "exceptions": lambda: [r["state"] for r in anybody.told("exceptions", "list", "--all")],
    }
    assert (
        told[command]()
        == {
            "status": (2, 0),
            "campaign": [({"high": 1, "low": 1}, 0)],
            "circular": [2],
            "score": [0],
            "findings": ["open", "open"],
            "exceptions": ["expired"],
        }[command]
    )


def test_an_answer_whose_review_date_has_passed_is_accepted_nowhere(anybody: Held) -> None:
    """Regression: the index left it out, while ``campaign status``, ``attest list`` and the plan went on calling it accepted."""
    (row,) = anybody.told("campaign", "status", "C-1")["progress"]
    (asked,) = (r for r in anybody.told("attest", "list", "--department", "example") if r["control"] == "A.5.1")
    plan = anybody.told("report", "plan")["tables"]["plan"]
    (answer,) = (r for r in plan if r["control"]["value"] == "A.5.1")
    assert (row["accepted"], row["answered"], asked["answer"]["state"], answer["state"]["value"]) == (0, 0, "lapsed", "lapsed")


def test_a_campaign_does_not_freeze_what_has_run_out(held: Held) -> None:
    """Regression: closing froze the ended exception as in force and the lapsed answer as accepted, for ever."""
    frozen: Any = frozen_campaign(held.catalogue, close_campaign(held.catalogue, INTERIOR, "C-1", now=NOW))
    (row,) = frozen["progress"]
    assert (row["open"], row["excepted"], row["accepted"]) == ({"high": 1, "low": 1}, 0, 0)
    assert {f["state"] for f in frozen["findings"]} == {"open"}
    assert [e["state"] for e in frozen["exceptions"]] == ["expired"]
    assert [a["state"] for a in frozen["answers"]] == ["lapsed"]


def test_what_has_ended_does_not_end_soon(held: Held) -> None:
    """Regression: whatever had ended, however long ago, and was not written down was said to end soon."""
    listed = list_exceptions(held.catalogue)
    assert [e.state.value for e in listed] == ["active"]
    assert expiring(held.catalogue, listed, NOW) == ()
    last_day = [replace(e, ends=NOW.date()) for e in listed]
    assert len(expiring(held.catalogue, last_day, NOW)) == 1


def test_an_answer_stands_to_the_end_of_its_review_date(held: Held) -> None:
    """Its last day is kept."""
    states = [a.answer.state.value for a in asked_of(held.catalogue, "example", now=NOW - timedelta(days=1)) if a.answer]
    assert states == ["accepted"]
