"""What each reader is told in the morning: news once, all of it, in their language; nothing lost or told twice by a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import NoticeError, UsageError
from auditor.model import Catalogue
from auditor.notifying import Letter
from auditor.planning import Narrowing
from auditor.workflow import outbox as post_office
from auditor.workflow.digests import due_letters, put_out, write_digests
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.outbox import outbox, send_all
from auditor.workflow.parcels import Road
from auditor.workflow.workspace import open_workspace
from tests.reporting.seed import HOSTILE, NOW, SEEN, night

from .conftest import Hook, Server, morning, only, settings

MORNING = NOW + timedelta(days=1)  # a Monday
LAST: Mapping[str, dict[str, str]] = SEEN[-1]


def test_each_is_told_of_their_own_in_their_language(told: Catalogue) -> None:
    """An officer of one department, the committee of all; new, reopened, overdue, ending, not reached; hostile text escaped."""
    officer, committee = write_digests(told, now=NOW)
    assert (officer.to, officer.subject) == ("sara@example.org", "What needs you this morning: Ministry of Health")
    assert "This is the first letter to you" in officer.text
    assert ("finance" in officer.text, "Reopened findings: 2" in officer.text) == (False, True)
    assert ("health-down-1" in officer.text, "Last reached: never" in officer.text) == (True, True)
    assert (committee.to, "ما يحتاج إليك هذا الصباح" in committee.subject) == ("huda@example.org", True)
    assert ("finance-db-1" in committee.text, 'dir="rtl"' in committee.html) == (True, True)
    assert "<script>" not in (officer.html + committee.html).casefold()
    assert HOSTILE not in officer.text


def test_nobody_is_told_of_nothing(told: Catalogue) -> None:
    """A department where all is well has no letter; nor has one whose officer has no address."""
    quiet = replace(told.settings.people["sara"], department="nowhere")
    people = replace(told.settings, people={"sara": quiet})
    assert write_digests(replace(told, settings=people), now=NOW) == ()


def test_a_morning_without_news_is_silent(told: Catalogue, mailed: list[Letter]) -> None:
    """What presses is not said again each morning; `auditor digest` too has nothing to show then."""
    morning(told, NOW)
    assert sorted(letter.to for letter in mailed) == ["huda@example.org", "sara@example.org"]
    night(told, MORNING - timedelta(hours=6), LAST)
    morning(told, MORNING)
    assert (len(mailed), due_letters(told, now=MORNING), list(outbox(told).iterdir())) == (2, (), [])


def test_a_letter_leads_with_what_is_new_and_counts_the_rest(told: Catalogue, mailed: list[Letter]) -> None:
    """A new finding, one fixed by proof, another host that is down; what was told before is a number."""
    sara = only(told, "sara")
    morning(sara, NOW)
    seen = {**LAST, "health-web-1": {"permitrootlogin": "yes", "x11forwarding": "yes"}}  # maxauthtries is mended
    del seen["health-db-1"]
    night(sara, MORNING - timedelta(hours=6), seen)
    morning(sara, MORNING)
    news, _heading, rest = mailed[1].text.partition("All that presses now")
    assert "New since the last letter to you, of 2026-11-22 12:00 UTC+03:00:" in news
    assert ("New findings: 1" in news, "Fixed: 1" in news, "Not reached: 1" in news) == (True, True, True)
    assert ("Reopened" in news, "overdue" in news, "health-down-1" in news) == (False, False, False)
    assert "health-db-1 | Ministry of Health | unreachable" in news
    assert "Last reached: 2026-11-22" in news
    assert rest.split("\n")[2:7] == [
        "Open findings: 3",
        "Overdue: 1",
        "Due soon: 0",
        "Exceptions ending soon: 1",
        "Not reached: 2",
    ]
    assert "F-" not in rest


def test_time_that_runs_out_is_news(told: Catalogue, mailed: list[Letter]) -> None:
    """Due soon is told when it becomes so, overdue when it does, each once, although nothing else has changed."""
    sara = only(told, "sara")
    morning(sara, NOW)
    soon, late = datetime(2026, 12, 15, 9, tzinfo=UTC), datetime(2026, 12, 22, 9, tzinfo=UTC)
    for now in (soon, soon + timedelta(minutes=1), late, late + timedelta(minutes=1)):
        morning(sara, now)
    parts = [letter.text.partition("All that presses now")[0] for letter in mailed[1:]]
    assert ["Newly due soon: 1" in parts[0], "Newly overdue" in parts[0]] == [True, False]
    assert ["Newly due soon" in parts[1], "Newly overdue: 1" in parts[1]] == [False, True]
    assert len(parts) == 2


def test_a_host_that_comes_back_and_is_lost_again_is_news_again(told: Catalogue, mailed: list[Letter]) -> None:
    """Although no letter spoke of its return."""
    sara = only(told, "sara")
    down = {uid: seen for uid, seen in LAST.items() if uid != "health-db-1"}
    for hours, seen in ((1, down), (2, LAST), (3, down)):
        night(sara, NOW + timedelta(hours=hours), seen)
        morning(sara, NOW + timedelta(hours=hours, minutes=10))
    assert len(mailed) == 2
    assert "Not reached: 1" in mailed[1].text.partition("All that presses now")[0]
    assert "health-db-1" in mailed[1].text


def test_what_was_told_stands_again_when_its_exception_ends(told: Catalogue, mailed: list[Letter]) -> None:
    """A finding that comes back from an exception is neither new nor reopened, and is told."""
    sara = only(told, "sara")
    morning(sara, NOW)
    later = datetime(2026, 11, 28, 9, tzinfo=UTC)  # E-1 ended on the 26th
    settle_if_due(sara, now=later)
    morning(sara, later)
    news = mailed[1].text.partition("All that presses now")[0]
    assert ("No longer excepted: 1" in news, "New findings" in news, "Reopened" in news) == (True, False, False)


def test_a_reminder_lists_all_that_presses_once_a_week(told: Catalogue, mailed: list[Letter]) -> None:
    """On its day, or the morning after where no night ended on it; never where the settings say so."""
    sara = only(told, "sara")
    morning(sara, NOW)  # a Sunday; the first letter tells everything
    for days in range(1, 7):
        morning(sara, NOW + timedelta(days=days, hours=-8))
    assert [letter.subject for letter in mailed[1:]] == []
    morning(sara, NOW + timedelta(days=8))
    morning(sara, NOW + timedelta(days=9))
    (reminder,) = mailed[1:]
    assert reminder.subject == "The week's reminder: what still needs you: Ministry of Health"
    assert "Nothing is new since the last letter to you, of 2026-11-22" in reminder.text
    rest = reminder.text.partition("All that presses now")[2]
    assert ("F-JE8ACFRXDF" in rest, "health-down-1" in rest) == (True, True)
    never = replace(sara.settings, notify=replace(sara.settings.notify, reminder=None))
    assert write_digests(replace(sara, settings=never), now=NOW + timedelta(days=14)) == ()
    assert len(write_digests(sara, now=NOW + timedelta(days=14))) == 1


def test_a_reminder_that_is_given_up_is_made_again(told: Catalogue) -> None:
    """What nobody got reminded nobody."""
    sara = only(told, "sara")
    put_out(sara, now=NOW)
    parcel = next(outbox(sara).iterdir())
    assert json.loads(parcel.read_bytes())["news"]["sara"]["reminds"] == date(2026, 11, 22).isoformat()
    assert write_digests(sara, now=NOW) == ()
    parcel.unlink()
    (again,) = write_digests(sara, now=NOW)
    assert "This is the first letter to you" in again.text


def test_a_letter_that_is_given_up_does_not_swallow_its_news(
    told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is away for longer than a week: the next letter tells what the lost one would have."""
    sara = only(told, "sara")
    morning(sara, NOW)
    night(sara, MORNING - timedelta(hours=6), {**LAST, "health-web-1": {"x11forwarding": "yes"}})
    with monkeypatch.context() as away:
        away.setattr(post_office, "send_mail", _refuse)
        morning(sara, MORNING)
        assert (len(list(outbox(sara).iterdir())), write_digests(sara, now=MORNING)) == (1, ())
        assert send_all(sara, now=datetime.now(UTC) + timedelta(days=8)).waiting == 0
    assert (len(mailed), list(outbox(sara).iterdir())) == (1, [])
    morning(sara, MORNING + timedelta(hours=1))
    assert ("New findings: 1" in mailed[1].text, "Fixed: 2" in mailed[1].text) == (True, True)


def _refuse(*_arguments: object) -> None:
    raise NoticeError("away")


def test_two_letters_that_wait_tell_two_things(told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second does not repeat the first, which will be sent; they go out in the order in which they were written."""
    sara = only(told, "sara")
    with monkeypatch.context() as away:
        away.setattr(post_office, "send_mail", _refuse)
        morning(sara, NOW)
        night(sara, MORNING - timedelta(hours=6), {**LAST, "health-web-1": {**LAST["health-web-1"], "x11forwarding": "yes"}})
        morning(sara, MORNING)
    send_all(sara)
    assert [("first letter" in letter.text, letter.at) for letter in mailed] == [(True, NOW), (False, MORNING)]
    assert "health-down-1" not in mailed[1].text
    assert write_digests(sara, now=MORNING) == ()


def test_a_later_letter_waits_for_the_one_before(told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, news that came too late: the first failed and the second went; the first then told, and put back on record,
    what the second had taken off it."""
    sara = only(told, "sara")
    tries: list[Letter] = []

    def away_once(letter: Letter, *_more: Any) -> None:
        tries.append(letter)
        if len(tries) == 1:
            raise NoticeError("away")
        mailed.append(letter)

    put_out(sara, now=NOW)
    night(sara, MORNING - timedelta(hours=6), {**LAST, "health-web-1": {**LAST["health-web-1"], "x11forwarding": "yes"}})
    put_out(sara, now=MORNING)
    with monkeypatch.context() as away:
        away.setattr(post_office, "send_mail", away_once)
        done = send_all(sara, now=MORNING)
        assert (done.sent, done.waiting, done.problems) == (0, 2, ("away",))
    assert send_all(sara, now=MORNING).sent == 2
    assert [letter.at for letter in mailed] == [NOW, MORNING]
    assert write_digests(sara, now=MORNING) == ()


@pytest.mark.parametrize("step", ["before sending", "before recording", "before taking out"])
def test_killed_at_any_step_nothing_is_lost(
    told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Between sending and recording alone it goes out again, as the same message; what is recorded is never sent again."""
    sara = only(told, "sara")
    put_out(sara, now=NOW)
    name, where = {
        "before sending": (post_office, "_send"),
        "before recording": (post_office, "_keep"),
        "before taking out": (Path, "unlink"),
    }[step]
    with monkeypatch.context() as killed:
        killed.setattr(name, where, _killed)
        with pytest.raises(KeyboardInterrupt):
            send_all(sara, now=NOW)
    night(sara, MORNING - timedelta(hours=6), LAST)
    morning(sara, MORNING)
    assert len({letter.id for letter in mailed}) == 1
    assert len(mailed) == (2 if step == "before recording" else 1)
    assert (list(outbox(sara).iterdir()), write_digests(sara, now=MORNING)) == ([], ())


def _killed(*_arguments: object, **_more: object) -> None:
    raise KeyboardInterrupt


def test_a_night_and_a_person_do_not_send_the_same_twice(told: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both send what waits at one moment: the second finds that it has gone."""
    sent: list[str] = []

    def slowly(letter: Letter, *_more: object) -> None:
        time.sleep(0.2)
        sent.append(letter.to)

    monkeypatch.setattr(post_office, "send_mail", slowly)
    put_out(told, now=NOW)
    with ThreadPoolExecutor(2) as both:
        done = [running.result() for running in [both.submit(send_all, told), both.submit(send_all, told)]]
    assert (sorted(sent), sorted(one.sent for one in done)) == (["huda@example.org", "sara@example.org"], [0, 2])


def test_an_outbox_that_cannot_be_made_is_told(told: Catalogue) -> None:
    """As an error with its path, which fails no night."""
    outbox(told).write_text("in the way")
    with pytest.raises(UsageError, match="outbox cannot be written"):
        put_out(told, now=NOW)


def test_a_damaged_record_tells_twice_rather_than_never(told: Catalogue, mailed: list[Letter]) -> None:
    """As if it was the first letter."""
    sara = only(told, "sara")
    morning(sara, NOW)
    record = sara.settings.ledger.parent / "told" / "mail.sara.json"
    assert (record.stat().st_mode & 0o777, record.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    record.write_text("{")
    morning(sara, MORNING)
    assert "first letter" in mailed[1].text


def test_a_department_set_aside_is_told_to_its_officer(told: Catalogue, mailed: list[Letter]) -> None:
    """Nothing of it was looked at: silence would read as health."""
    sara = only(told, "sara")
    morning(sara, NOW)
    (sara.settings.root / "inventories" / "health.yaml").write_text("department: health\n", encoding="utf-8")
    broken = replace(open_workspace(sara.settings.root), settings=sara.settings)
    night(broken, MORNING - timedelta(hours=6), LAST)
    morning(broken, MORNING)
    news = mailed[1].text.partition("All that presses now")[0]
    assert ("Departments set aside: 1" in news, "title" in news, "Fixed" in news) == (True, True, False)


def test_letters_are_the_same_however_often_they_are_written(told: Catalogue) -> None:
    """Same ledger, same moment, same letter."""
    assert write_digests(told, now=NOW) == write_digests(told, now=NOW)


def test_what_cannot_be_sent_waits_and_is_sent_once(
    told: Catalogue, server: tuple[Server, str], hook: tuple[str, type[Hook]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is away, comes back; the hook fails first; nothing is sent twice; the outbox is closed to others."""
    held, security = server
    url, handler = hook
    handler.answers.append(503)
    monkeypatch.setenv("SMTP_PASSWORD", "right")
    monkeypatch.setenv("HOOK_SECRET", "secret")
    notify = settings(held, security, webhook=url, webhook_secret_env="HOOK_SECRET")
    catalogue = replace(told, settings=replace(told.settings, notify=notify))
    held.refuse = True
    put_out(catalogue, now=NOW)
    put_out(catalogue, now=NOW)
    assert {p.stat().st_mode & 0o777 for p in outbox(catalogue).iterdir()} == {0o600}
    assert len(due_letters(catalogue, now=NOW)) == 2
    first = send_all(catalogue)
    assert (first.sent, first.waiting, len(first.problems)) == (0, 3, 3)
    held.refuse = False
    second = send_all(catalogue)
    assert (second.sent, second.waiting, second.problems) == (3, 0, ())
    assert send_all(catalogue).sent == 0
    assert sorted(str(m["To"]) for m in held.got) == ["huda@example.org", "sara@example.org"]
    body: dict[str, Any] = json.loads(handler.got[-1][0])
    assert (body["event"], [letter["to"] for letter in body["letters"]]) == ("digest", ["sara@example.org", "huda@example.org"])


def test_each_road_remembers_what_it_has_told(told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that was away for longer than a week is told later what people have read by mail."""
    monkeypatch.setenv("HOOK_SECRET", "secret")
    notify = replace(told.settings.notify, webhook="https://localhost:1/x", webhook_secret_env="HOOK_SECRET")
    both = replace(told, settings=replace(told.settings, notify=notify))
    morning(both, NOW)
    assert (len(mailed), [p.name.split(".")[1] for p in outbox(both).iterdir()]) == (2, ["hook"])
    assert send_all(both, now=datetime.now(UTC) + timedelta(days=8)).waiting == 0
    assert (write_digests(both, now=NOW), len(write_digests(both, now=NOW, road=Road.HOOK))) == ((), 2)


def test_one_letters_strange_error_keeps_no_other(told: Catalogue, mailed: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, a night that fails: an error that nobody foresaw left the post office, and no later letter was tried."""
    take = post_office.send_mail

    def strange(letter: Letter, *more: Any) -> None:
        if letter.to == "sara@example.org":
            raise IndexError("strange")
        take(letter, *more)

    monkeypatch.setattr(post_office, "send_mail", strange)
    put_out(told, now=NOW)
    done = send_all(told, now=NOW)
    assert (done.sent, done.waiting, done.problems) == (1, 1, ("strange",))
    assert [letter.to for letter in mailed] == ["huda@example.org"]


def test_what_nobody_takes_for_a_week_is_given_up(told: Catalogue) -> None:
    """And said so; a damaged letter does not stop the others."""
    away = replace(told, settings=replace(told.settings, notify=replace(told.settings.notify, port=1)))
    put_out(away, now=NOW)
    (outbox(away) / "0.mail.json").write_text("{")
    assert send_all(away).waiting == 3
    later = send_all(away, now=datetime.now(UTC) + timedelta(days=8))
    assert (later.waiting, len(later.problems)) == (0, 3)
    assert list(outbox(away).iterdir()) == []


def test_where_no_audit_is_ever_of_all_the_newest_night_is_told(told: Catalogue) -> None:
    """Regression: with nights of some departments alone `auditor digest` ended in an error, though their letters had gone out."""
    for path in told.settings.ledger.parent.glob("ledger.db*"):
        path.unlink()
    night(told, NOW - timedelta(hours=6), LAST, Narrowing(hosts=("health-web-1",)))
    with pytest.raises(UsageError, match="no finished run"):
        due_letters(told, now=NOW)
    night(told, NOW - timedelta(hours=5), LAST, Narrowing(departments=("health",)))
    (letter,) = due_letters(told, now=NOW)
    assert letter.to == "sara@example.org"
    night(told, NOW - timedelta(hours=4), LAST)
    assert {letter.to for letter in due_letters(told, now=NOW)} == {"sara@example.org", "huda@example.org"}
