"""The committee at work: a campaign that is frozen when it closes, and circulars that departments acknowledge."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import Workspace
from .test_work import INTERIOR, OFFICER, STRANGER, UNTIL, do, done, failing, found

__all__ = ["failing"]

OPEN = ("campaign", "open", "--title-en", "Autumn", "--title-ar", "حملة الخريف", "--until", UNTIL)
DUE = (datetime.now(UTC) + timedelta(days=14)).date().isoformat()


def value(workspace: Workspace, *args: str) -> Any:
    return json.loads(done(workspace, OFFICER, *args, "--format", "json"))


def test_a_campaign_from_opening_to_freezing(failing: Workspace) -> None:
    """What was so at the end stays so, whatever happens afterwards."""
    assert do(failing, OFFICER, *OPEN).returncode == 2
    assert "C-1 is open over 1 department" in done(failing, INTERIOR, *OPEN)
    (before,) = value(failing, "campaign", "status", "C-1")["progress"]
    assert (before["open"], before["closed"], before["index"]) == ({"high": 1, "low": 1}, 0, 0.0)
    failing.guarded.chmod(0o600)
    failing.call("audit")
    (after,) = value(failing, "campaign", "status", "C-1")["progress"]
    assert (after["open"], after["closed"]) == ({"low": 1}, 1)
    done(failing, INTERIOR, "campaign", "close", "C-1")
    frozen = value(failing, "campaign", "status", "c-1")
    failing.lesser.chmod(0o600)
    failing.call("audit")
    assert value(failing, "campaign", "status", "C-1") == frozen
    assert frozen["progress"] == [after]
    assert {f["check"] for f in frozen["findings"]} == {"guarded-file", "lesser-file"}
    assert do(failing, INTERIOR, "campaign", "close", "C-1").returncode == 2
    assert "حملة الخريف" in failing.call("campaign", "list", lang="ar").stdout.decode()
    assert failing.call("ledger", "verify").returncode == 0


@pytest.mark.parametrize(
    "edit",
    ["UPDATE records SET data = replace(data, 'Autumn', 'Spring')", "DELETE FROM blobs WHERE id = (SELECT max(id) FROM blobs)"],
)
def test_a_frozen_campaign_cannot_be_changed_unseen(failing: Workspace, edit: str) -> None:
    """Neither its record nor what was kept."""
    done(failing, INTERIOR, *OPEN)
    done(failing, INTERIOR, "campaign", "close", "C-1")
    other = sqlite3.connect(failing.ledger)
    assert other.execute(edit).rowcount == 1
    other.commit()
    other.close()
    assert failing.call("ledger", "verify").returncode == 4


def test_a_circular_and_its_acknowledgement(failing: Workspace) -> None:
    """Made from what fails; its text is the checks' own in both languages; each department says that it has read it."""
    assert [r["check"] for r in value(failing, "circular", "suggest", "--least", "1")] == ["guarded-file", "lesser-file"]
    assert value(failing, "circular", "suggest") == []  # not in two departments
    issue = ("circular", "issue", "--check", "guarded-file", "--due", DUE)
    assert do(failing, OFFICER, *issue).returncode == 2
    assert "R-1 is issued to: example" in done(failing, INTERIOR, *issue)
    shown = value(failing, "circular", "show", "R-1")
    assert ("Take the right away." in shown["body"]["en"], "اسحب هذه الصلاحية." in shown["body"]["ar"]) == (True, True)
    assert shown["departments"] == [{"department": "example", "due": DUE, "acknowledged": None, "open": 1, "late": False}]
    assert do(failing, STRANGER, "circular", "acknowledge", "R-1").returncode == 2
    done(failing, OFFICER, "circular", "acknowledge", "R-1")
    assert do(failing, OFFICER, "circular", "acknowledge", "R-1").returncode == 2
    (row,) = value(failing, "circular", "show", "R-1")["departments"]
    assert row["acknowledged"]["person"] == OFFICER
    assert "Take the right away." in done(failing, OFFICER, "circular", "show", "R-1")
    assert failing.call("ledger", "verify").returncode == 0


def test_what_is_named_twice_counts_once(failing: Workspace) -> None:
    """Regression: a campaign was open over 2 departments that were one, with two rows in its progress; of a circular about two
    checks, the title told of one recommendation more than there was, and its text repeated one."""
    twice = ("--department", "example", "--department", "example")
    assert "C-1 is open over 1 department." in done(failing, INTERIOR, *OPEN, *twice)
    assert [r["department"] for r in value(failing, "campaign", "status", "C-1")["progress"]] == ["example"]
    checks = ("--check", "guarded-file", "--check", "lesser-file", "--check", "lesser-file")
    done(failing, INTERIOR, "circular", "issue", *checks, *twice, "--due", DUE)
    held = value(failing, "circular", "show", "R-1")
    assert (held["checks"], "more recommendation" in held["title"]["en"]) == (["guarded-file", "lesser-file"], False)
    assert held["body"]["en"].count("Take the right away.") == 2


def test_a_campaign_begins_on_the_day_that_it_is_there(failing: Workspace) -> None:
    """Regression: without --from it began on the day of UTC."""
    zone = "Pacific/Kiritimati" if datetime.now(UTC).hour >= 12 else "Etc/GMT+12"  # where it is another day
    path = failing.root / "inventories" / "example.yaml"
    path.write_text(path.read_text().replace("timezone: UTC", f"timezone: {zone}"))
    done(failing, INTERIOR, *OPEN)
    assert value(failing, "campaign", "list")[0]["starts"] == datetime.now(ZoneInfo(zone)).date().isoformat()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--check", "no-such", "--due", DUE), "there is no check"),
        (("--check", "guarded-fil", "--due", DUE), "did you mean guarded-file?"),
        (("--check", "guarded-file", "--due", "2020-01-01"), "no day to come; give departments time to act"),
        (("--check", "guarded-file", "--due", DUE, "--department", "nowhere"), "name departments"),
        (("--check", "guarded-file", "--due", DUE, "--title-en", "x"), "both languages"),
    ],
)
def test_a_circular_that_cannot_be_issued(failing: Workspace, args: tuple[str, ...], said: str) -> None:
    """Regression: a circular's day was told of in the words of a plan, and no near check was named. Nothing is numbered."""
    called = do(failing, INTERIOR, "circular", "issue", *args)
    assert (called.returncode, said in called.stderr.decode()) == (2, True), called.stderr.decode()
    assert value(failing, "circular", "list") == []
    assert found(failing)
