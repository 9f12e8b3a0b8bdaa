"""Copies that are whole, and a ledger put back without what lies beside the damaged one."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.errors import IntegrityError, LedgerError, LockedError
from auditor.ledger import Ledger, copy_ledger, restore_ledger
from auditor.ledger.schema import VERSION

from .make import T0, aged, night, outcome, plan, result


def counts(path: Path) -> int:
    with Ledger.open(path, create=False, readonly=True) as ledger:
        assert ledger.verify().problem == ""
        return len(ledger.runs())


def names(path: Path) -> set[str]:
    return {p.name for p in path.parent.iterdir()}


def test_a_copy_holds_what_lies_in_the_log_beside_the_ledger(path: Path, tmp_path: Path) -> None:
    """While it is open, and a run is under way; for its owner alone, and nothing else is left there."""
    target = tmp_path / "copies" / "ledger-1.db"
    target.parent.mkdir()
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(a="fail")], [result()])
        assert path.with_name(path.name + "-wal").stat().st_size > 0
        with ledger.lock(actor="cron", now=T0):
            copy_ledger(path, target)
    assert (counts(target), target.stat().st_mode & 0o777) == (1, 0o600)
    with pytest.raises(LedgerError, match="no such file"):
        copy_ledger(tmp_path / "nothing", target.with_name("other"))
    assert "other" not in names(target)


def test_a_ledger_is_put_back_without_the_log_of_the_damaged_one(path: Path, tmp_path: Path) -> None:
    """Regression, a copy damaged by what it was to mend: laid over the ledger by hand it was read with the log that the damaged
    one had left. What was there is kept, with its log, and leaves nothing beside the copy either."""
    target = tmp_path / "copies" / "ledger-1.db"
    target.parent.mkdir()
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(a="fail")], [result()])
        copy_ledger(path, target)
        night(ledger, T0 + timedelta(days=1), [outcome(a="pass")], [result()])
        aside = tmp_path / "aside"  # as a kill leaves it
        shutil.copytree(path.parent, aside)
    shutil.copytree(aside, path.parent, dirs_exist_ok=True)
    assert path.with_name(path.name + "-wal").stat().st_size > 0
    kept = restore_ledger(target, path, actor="me", now=T0)
    assert kept is not None
    assert not {path.name + "-wal", path.name + "-shm"} & names(path)
    assert names(target) == {"ledger-1.db"}
    assert (counts(path), counts(kept), path.stat().st_mode & 0o777) == (1, 2, 0o600)
    path.unlink()
    assert restore_ledger(target, path, actor="me", now=T0) is None
    with Ledger.open(path) as ledger:
        night(ledger, T0 + timedelta(days=2), [outcome(a="pass")], [result()])
        assert ledger._store.one("PRAGMA journal_mode") == ("wal",)
    assert {n for n in names(path) if n.startswith(".")} == set()


def test_what_is_not_whole_is_not_put_back(path: Path, tmp_path: Path) -> None:
    """Nor anything while a run is under way; the ledger stays as it was."""
    target = tmp_path / "copy.db"
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(a="fail")], [result()])
        copy_ledger(path, target)
        with ledger.lock(actor="cron", now=T0), pytest.raises(LockedError):
            restore_ledger(target, path, actor="me", now=T0)
    edited = sqlite3.connect(target)
    edited.execute("UPDATE findings SET severity = 'low'")
    edited.commit()
    edited.close()
    before = path.read_bytes()
    with pytest.raises(IntegrityError, match="not as the journal tells"):
        restore_ledger(target, path, actor="me", now=T0)
    (tmp_path / "text").write_text("no ledger at all" * 100)
    with pytest.raises(LedgerError, match="no SQLite file"):
        restore_ledger(tmp_path / "text", path, actor="me", now=T0)
    assert path.read_bytes() == before
    assert not [n for n in names(path) if "restored" in n or "replaced" in n]


def test_a_copy_of_an_older_auditor_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    """It stays as it is itself."""
    with Ledger.open(path) as ledger:
        night(ledger, T0, [], [result()])
    target = tmp_path / "copy.db"
    copy_ledger(path, target)
    aged(target, 3)
    before = target.read_bytes()
    restore_ledger(target, path, actor="me", now=T0)
    assert (counts(path), target.read_bytes() == before) == (1, True)


def test_no_schema_is_changed_under_a_run(path: Path) -> None:
    """Regression: after an upgrade whatever wrote first changed the tables under a run of the older auditor, which went on in
    them. It is refused now, as a second run is."""
    with Ledger.open(path) as ledger, ledger.lock(actor="cron", now=T0):
        run = ledger.begin_run(plan(), (), actor="cron", now=T0)
        aged(path, 3)
        with pytest.raises(LockedError, match=f"run {run.id} is under way"):
            Ledger.open(path)
        with pytest.raises(LedgerError, match="older schema 3"):
            Ledger.open(path, readonly=True)
    Ledger.open(path).close()
    held = sqlite3.connect(path)
    assert held.execute("PRAGMA user_version").fetchone() == (VERSION,)
    held.close()
