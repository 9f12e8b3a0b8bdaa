"""An edit behind the auditor's back is found, whichever table it was made in."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from auditor.errors import IntegrityError
from auditor.ledger import Ledger
from auditor.ledger.journal import Entry

from .make import DAY, T0, events, judge, night, outcome, plan, result

EDITS = (
    "UPDATE journal SET actor = 'nobody' WHERE seq = 2",
    "UPDATE journal SET data = replace(data, 'high', 'low ') WHERE seq = 2",
    "UPDATE journal SET hash = zeroblob(32) WHERE seq = 3",
    "DELETE FROM journal WHERE seq = 2",
    "DELETE FROM journal WHERE seq = 1",
    "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
    "DELETE FROM journal",
    "DROP TRIGGER journal_no_update",
    "CREATE TRIGGER t AFTER INSERT ON findings BEGIN DELETE FROM findings; END",
    "UPDATE findings SET state = 'closed', resolution = 'fixed', closed_at = last_seen WHERE asset = 'h0'",
    "UPDATE findings SET severity = 'low' WHERE asset = 'h0'",
    "UPDATE findings SET due = '2030-01-01T00:00:00+00:00' WHERE asset = 'h0'",
    "UPDATE findings SET last_seen = '2026-02-01T02:00:00+00:00' WHERE asset = 'h0'",
    "UPDATE findings SET last_seen = '2030-02-01T02:00:00+00:00' WHERE asset = 'h0'",
    "UPDATE findings SET controls = '[' WHERE asset = 'h0'",
    "DELETE FROM findings WHERE asset = 'h0'",
    "INSERT INTO findings SELECT 'F-0', department, 'new', check_id, subject, severity, state, controls, observed, expected,"
    " first_seen, last_seen, definition, due, resolution, closed_at, reopened, reopened_at, assignee, plan, claimed_at,"
    " exception FROM findings LIMIT 1",
    "UPDATE runs SET policy_version = '9' WHERE id = 1",
    "UPDATE runs SET narrowed = 1 WHERE id = 1",
    "UPDATE runs SET status = 'abandoned' WHERE id = 1",
    "UPDATE runs SET status = 'collecting' WHERE id = 1",
    "UPDATE runs SET status = 'collecting', ended = NULL WHERE id = 2",
    "UPDATE runs SET ended = started WHERE id = 1",
    "UPDATE runs SET summary = '{}' WHERE id = 1",
    "UPDATE runs SET plan = inputs WHERE id = 1",
    "INSERT INTO runs SELECT 7, 'finished', started, ended, now, policy, policy_version, plan_sha256, plan, inputs, narrowed,"
    " of_record, actor, summary FROM runs LIMIT 1",
    "UPDATE results SET reach = 'skipped' WHERE run = 1",
    "UPDATE results SET times = x'00' WHERE run = 1",
    "UPDATE results SET volatile_sha256 = zeroblob(32) WHERE run = 1",
    "UPDATE results SET manifest = (SELECT max(id) FROM blobs) WHERE run = 1",
    "DELETE FROM results WHERE run = 1",
    "UPDATE volatile_outputs SET data = zeroblob(9)",
    "DELETE FROM judgements WHERE run = 1",
    "UPDATE verdict_changes SET kind = 'pass' WHERE id = 1",
    "UPDATE verdict_changes SET observed_at = 0 WHERE id = 1",
    "UPDATE verdicts SET observed_at = 0",
    "UPDATE verdicts SET change = 1",
    "DELETE FROM verdicts",
    "DELETE FROM verdict_changes",
    "UPDATE blobs SET data = zeroblob(7) WHERE id = 1",
    "UPDATE blobs SET packed = 1 - packed WHERE id = 2",
    "DELETE FROM blobs WHERE id = 1",
    "DELETE FROM blobs",
    "UPDATE assets SET uid = 'other' WHERE uid = 'h0'",
    "UPDATE checks SET name = 'other'",
)
CHAIN = ("journal_no_update", "journal_no_delete")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A ledger of two nights in which something volatile was seen."""
    patch = pytest.MonkeyPatch()
    patch.setattr("auditor.ledger.observations.is_volatile", lambda call: call.args[0][1] == "0")
    path = tmp_path_factory.mktemp("sound") / "ledger.db"
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(), outcome("h1")], [result(), result("h1")])
        night(ledger, T0 + DAY, [outcome(at=T0 + DAY), outcome("h1", T0 + DAY, _="pass")], [result(at=T0 + DAY)])
        assert ledger.verify().problem == ""
    patch.undo()
    return path.read_bytes()


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found(edit: str, sound: bytes, tmp_path: Path) -> None:
    """Also one made with the triggers taken out and put back."""
    path = tmp_path / "ledger.db"
    path.write_bytes(sound)
    other = sqlite3.connect(path)
    triggers = dict(other.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    if " journal" in edit and "TRIGGER" not in edit:
        for name in CHAIN:
            other.execute(f"DROP TRIGGER {name}")
    other.executescript(edit)
    if " journal" in edit and "TRIGGER" not in edit:
        for name in CHAIN:
            other.execute(triggers[name])
    other.commit()
    other.close()
    with Ledger.open(path) as ledger:
        report = ledger.verify()
    assert not report.ok
    assert report.problem


def test_the_journal_refuses_edits(ledger: Ledger, path: Path) -> None:
    """Not even the auditor itself can change the past by mistake."""
    night(ledger, T0, [outcome()])
    other = sqlite3.connect(path)
    other.execute("PRAGMA recursive_triggers = ON")
    for edit in ("UPDATE journal SET actor = 'x'", "DELETE FROM journal", "INSERT OR REPLACE INTO journal SELECT * FROM journal"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(edit)
    other.close()


def test_altered_evidence_is_never_judged(sound: bytes, tmp_path: Path) -> None:
    """Reading, too, holds what it reads against its hash."""
    path = tmp_path / "ledger.db"
    path.write_bytes(sound)
    other = sqlite3.connect(path)
    other.execute("UPDATE blobs SET data = CAST('z' AS BLOB), packed = 0 WHERE data = CAST('b' AS BLOB)")
    other.commit()
    other.close()
    with Ledger.open(path) as ledger, pytest.raises(IntegrityError, match="altered"):
        list(ledger.results(1))


def test_the_report_gives_the_head_to_be_sealed(ledger: Ledger) -> None:
    """The head is the hash of the last entry; the counts tell what was looked at."""
    night(ledger, T0, [outcome()])
    last: Entry = list(ledger.journal())[-1]
    report = ledger.verify()
    assert report.head == last.hash
    assert dict(report.counts)["journal"] == last.seq == 3


def test_a_move_that_fails_half_way_leaves_nothing(ledger: Ledger) -> None:
    """A finding and its journal entry are kept together or not at all; what was remembered of ids is forgotten with them."""
    night(ledger, T0, [])
    with ledger.lock(actor="cron", now=T0):
        run = ledger.begin_run(plan(), (), actor="cron", now=T0)

        def half() -> None:
            with ledger.transaction():
                ledger.record_outcomes(run.id, [outcome("new")], events(ledger, run.id, T0, [outcome("new")]))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        assert ledger.findings() == ()
        assert ledger.verdicts(run.id) == ()
        judge(ledger, run.id, T0, [outcome("new")])
        ledger.record_result(run.id, result("new"))
        ledger.finish_run(run.id, {}, actor="cron", now=T0)
    assert ledger.verify().problem == ""
