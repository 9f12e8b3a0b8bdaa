"""What waits goes to who it is for today, within bounds of time; one letter's trouble is no other's."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auditor.errors import NoticeError, UsageError
from auditor.model import Catalogue, Notify, Person, Role
from auditor.notifying import Letter
from auditor.workflow import outbox as post_office
from auditor.workflow.digests import due_letters, put_out, write_digests
from auditor.workflow.outbox import outbox, send_all
from auditor.workflow.secrets import hook_secret, mail_password, variables
from tests.reporting.seed import NOW

from .conftest import Hook, Talk, drip, morning, only


def changed(catalogue: Catalogue, user: str, **values: Any) -> Catalogue:
    """With one person as auditor.toml names them now."""
    people = {**catalogue.settings.people, user: replace(catalogue.settings.people[user], **values)}
    return replace(catalogue, settings=replace(catalogue.settings, people=people))


def notified(catalogue: Catalogue, **values: Any) -> Catalogue:
    return replace(catalogue, settings=replace(catalogue.settings, notify=replace(catalogue.settings.notify, **values)))


def test_a_letter_goes_to_the_address_of_today(told: Catalogue, mailed: list[Letter]) -> None:
    """Regression: a letter that waited went to the address that its reader had when it was written."""
    put_out(told, now=NOW)
    moved = changed(told, "sara", email="sara@elsewhere.example.org")
    assert sorted(letter.to for letter in due_letters(moved, now=NOW)) == ["huda@example.org", "sara@elsewhere.example.org"]
    assert send_all(moved, now=NOW).sent == 2
    assert sorted(letter.to for letter in mailed) == ["huda@example.org", "sara@elsewhere.example.org"]


@pytest.mark.parametrize(
    "change",
    [{"department": "finance"}, {"roles": (Role.VIEWER,)}, {"email": ""}, None],
    ids=["another department", "another role", "no address", "gone"],
)
def test_a_letter_is_for_who_still_answers_for_it(told: Catalogue, mailed: list[Letter], change: dict[str, Any] | None) -> None:
    """Regression: a letter that waited told of a department to somebody who no longer answered for it, or whom auditor.toml no
    longer named. Its news count as untold."""
    sara = only(told, "sara")
    put_out(sara, now=NOW)
    people: dict[str, Person] = {}
    other = replace(sara, settings=replace(sara.settings, people=people)) if change is None else changed(sara, "sara", **change)
    done = send_all(other, now=NOW)
    assert (done.sent, done.waiting, done.dropped, done.problems) == (0, 0, 1, ())
    assert (mailed, list(outbox(sara).iterdir())) == ([], [])
    (again,) = write_digests(sara, now=NOW)
    assert "first letter" in again.text


def test_who_has_changed_departments_is_told_of_the_new_one(told: Catalogue, mailed: list[Letter]) -> None:
    """The same night: what waits for the old one counts as untold before new letters are written."""
    sara = only(told, "sara")
    put_out(sara, now=NOW)
    morning(changed(sara, "sara", department="finance"), NOW)
    (letter,) = mailed
    assert ("Ministry of Finance" in letter.subject, "health" in letter.text) == (True, False)


def test_the_committees_letter_is_for_the_committee(told: Catalogue, mailed: list[Letter]) -> None:
    """A member who has become an officer is not told of all."""
    huda = only(told, "huda")
    put_out(huda, now=NOW)
    assert send_all(changed(huda, "huda", roles=(Role.OFFICER,), department="health"), now=NOW).dropped == 1
    assert mailed == []


def test_the_hook_gets_the_letters_of_those_who_are_left(
    told: Catalogue, hook: tuple[str, type[Hook]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with the address of today; what was to be told to the others counts as untold."""
    monkeypatch.setenv("HOOK_SECRET", "secret")
    opened = notified(told, host="", webhook=hook[0], webhook_secret_env="HOOK_SECRET")
    put_out(opened, now=NOW)
    done = send_all(changed(changed(opened, "huda", roles=(Role.VIEWER,)), "sara", email="sara@x.example"), now=NOW)
    assert (done.sent, done.dropped) == (1, 0)
    assert [letter["to"] for letter in json.loads(hook[1].got[0][0])["letters"]] == ["sara@x.example"]
    put_out(opened, now=NOW)
    (left,) = post_office.waiting(opened)
    assert [reader.user for reader in left.readers] == ["huda"]


def test_what_an_older_auditor_left_is_written_anew(told: Catalogue, mailed: list[Letter]) -> None:
    """It does not say for whom it is: nobody can tell whether they still answer for it."""
    sara = only(told, "sara")
    put_out(sara, now=NOW)
    (path,) = outbox(sara).iterdir()
    old = json.loads(path.read_bytes())
    del old["readers"]
    path.unlink()
    (outbox(sara) / "0.mail.json").write_text(json.dumps(old))
    morning(sara, NOW)
    assert (len(mailed), list(outbox(sara).iterdir())) == (1, [])


def test_a_wrong_address_holds_back_no_others(told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only later letters to the same reader wait, and all of them go once it is put right."""
    take = post_office.send_mail

    def refusing(letter: Letter, *more: Any) -> None:
        if letter.to == "wrong@example.org":
            raise NoticeError("550 no such user")
        take(letter, *more)

    monkeypatch.setattr(post_office, "send_mail", refusing)
    wrong = changed(told, "sara", email="wrong@example.org")
    morning(wrong, NOW)
    later = NOW + timedelta(days=8)  # reminders
    put_out(wrong, now=later)
    done = send_all(wrong, now=NOW)
    assert (done.sent, done.waiting, done.problems) == (1, 2, ("550 no such user",))
    assert [letter.to for letter in mailed] == ["huda@example.org", "huda@example.org"]
    assert send_all(told, now=NOW).sent == 2
    assert [letter.to for letter in mailed[2:]] == ["sara@example.org", "sara@example.org"]


def test_a_slow_server_cannot_take_hours(
    told: Catalogue, serve: Callable[[Talk], int], hook: tuple[str, type[Hook]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: each letter that waited took its own time of a slow server. Together they have a bound, and another road has
    its own."""
    monkeypatch.setattr("auditor.notifying.deadline.WHOLE", 0.3)
    monkeypatch.setattr(post_office, "_TOGETHER", 0.1)
    monkeypatch.setenv("HOOK_SECRET", "secret")
    slow = Notify(host="127.0.0.1", port=serve(drip), security="none", sender="auditor@example.org", webhook=hook[0])
    opened = replace(told, settings=replace(told.settings, notify=replace(slow, webhook_secret_env="HOOK_SECRET")))
    put_out(opened, now=NOW)
    began = time.monotonic()
    done = send_all(opened, now=NOW)
    assert time.monotonic() - began < 2
    assert (done.waiting, len(hook[1].got)) == (2, done.sent)
    assert [("in time" in told, "not tried" in told) for told in done.problems] == [(True, False), (False, True)]


def test_who_finds_the_outbox_taken_goes_without(told: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a night that hung over its letters had the next nights wait for it without end."""
    monkeypatch.setattr(post_office, "_WAITS", (0.01, 0.01))
    put_out(told, now=NOW)
    held = os.open(outbox(told), os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        for act in (put_out, send_all):
            with pytest.raises(UsageError, match="sent the next time"):
                act(told, now=NOW)
        monkeypatch.setattr(post_office, "_WAITS", (0.1,) * 50)
        threading.Timer(0.3, fcntl.flock, (held, fcntl.LOCK_UN)).start()
        put_out(told, now=NOW)  # who holds it for a moment costs nothing but that
    finally:
        os.close(held)


def test_a_clock_that_was_ahead_silences_no_reminder(told: Catalogue, mailed: list[Letter]) -> None:
    """Regression: after one night under a clock a year ahead no reminder came for a year, and letters spoke of one that was still
    to come."""
    sara = only(told, "sara")
    morning(sara, NOW)
    morning(sara, NOW + timedelta(days=365))
    assert len(mailed) == 2
    for days in (8, 9, 15, 16):
        morning(sara, NOW + timedelta(days=days))
    reminders = mailed[2:]
    assert [(letter.at - NOW).days for letter in reminders] == [8, 15]
    assert "2027" not in reminders[0].text.partition("All that presses")[0]
    record = json.loads((sara.settings.ledger.parent / "told" / "mail.sara.json").read_bytes())
    assert record["readers"]["sara"]["reminded"] == "2026-12-07"


def test_secrets_are_printed_by_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the hook too; a command that fails is told by its key, without what it said or is."""
    notify = Notify(user="x", password_command="printf 'one\\n'", webhook_secret_env="NONE", webhook_secret_command="echo two")
    assert (mail_password(notify), hook_secret(notify)) == ("one", "two")
    with pytest.raises(NoticeError, match="the command of webhook_secret_command failed: 3") as told:
        hook_secret(replace(notify, webhook_secret_command="echo hunter2; exit 3"))
    assert "hunter2" not in str(told.value)
    monkeypatch.setattr("auditor.workflow.secrets._PATIENCE", 0.1)
    with pytest.raises(NoticeError, match="the command of password_command failed: TimeoutExpired") as told:
        mail_password(replace(notify, password_command="sleep 5; echo hunter2"))
    assert "hunter2" not in str(told.value)


def test_variables_that_a_night_needs_are_known(told: Catalogue) -> None:
    """Where a command stands in their place they are not needed."""
    named = {"user": "x", "password_env": "PW", "webhook": "https://x", "webhook_secret_env": "HOOK"}
    assert variables(notified(told, **named)) == ("HOOK", "PW")
    assert variables(notified(told, **named, password_command="x", webhook_secret_command="x")) == ()
