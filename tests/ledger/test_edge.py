"""Whatever is wrong with the file or the disk ends as a LedgerError that says what to do."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.errors import IntegrityError, LedgerError
from auditor.ledger import Ledger
from auditor.ledger.edge import MEANINGS, translated
from auditor.ledger.migrations import STEPS
from auditor.ledger.schema import VERSION

from .make import INPUTS, T0, night, outcome, plan, result


def test_every_sqlite_error_is_translated(tmp_path: Path) -> None:
    """No sqlite3 exception, nor one of the system, comes out of this room."""
    for name in ("Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "InternalError"):
        with pytest.raises(LedgerError), translated(tmp_path):
            raise getattr(sqlite3, name)("x")
    for code, (kind, meaning) in MEANINGS.items():
        error = sqlite3.OperationalError("told")
        error.sqlite_errorcode = code | 0x300  # type: ignore[attr-defined]  # extended codes carry the plain one below
        with pytest.raises(kind, match=meaning[:12]), translated(tmp_path):
            raise error
    with pytest.raises(LedgerError, match="No space"), translated(tmp_path):
        raise OSError(28, "No space left on device")


def test_the_version_counts_the_steps() -> None:
    """Or an older auditor would not refuse a newer ledger."""
    assert len(STEPS._migrations) == VERSION


def test_what_is_no_ledger_is_refused(path: Path) -> None:
    """A mistyped path never overwrites, and never reads as an empty ledger."""
    path.parent.mkdir()
    for content in (b"", b"not a database, but longer than the header of one" * 20):
        path.write_bytes(content)
        with pytest.raises(LedgerError, match="not a ledger"):
            Ledger.open(path)
        assert path.read_bytes() == content
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger.open(path)
    with pytest.raises(LedgerError, match="must be a file"):
        Ledger.open(path.parent)


def test_a_missing_ledger_is_made_only_when_asked(path: Path) -> None:
    """To list findings makes no ledger."""
    for options in ({"create": False}, {"readonly": True}):
        with pytest.raises(LedgerError, match="no ledger here yet"):
            Ledger.open(path, **options)
    assert not path.parent.exists()


def test_a_newer_schema_is_refused(path: Path) -> None:
    """An older auditor would misread it."""
    Ledger.open(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(LedgerError, match=f"schema {VERSION + 1}"):
        Ledger.open(path)


def test_a_ledger_that_others_could_read_is_made_private(path: Path) -> None:
    """A copy restored with a loose umask."""
    Ledger.open(path).close()
    path.chmod(0o644)
    Ledger.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_side_files_are_private(ledger: Ledger, path: Path) -> None:
    """The write-ahead log holds the same secrets."""
    night(ledger, T0, [outcome()], [result()])
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}
    assert path.with_name(path.name + "-wal").exists()


def test_a_damaged_page_is_named(path: Path) -> None:
    """Never an ordinary answer from a broken file."""
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(f"h{n}") for n in range(50)], [result(f"h{n}") for n in range(50)])
    with path.open("r+b") as file:
        for page in range(4, path.stat().st_size // 4096, 3):
            file.seek(page * 4096)
            file.write(os.urandom(4096))
    with Ledger.open(path) as ledger:
        report = ledger.verify()
        assert not report.ok
        assert "damaged" in report.problem
        with pytest.raises(IntegrityError):
            [(list(ledger.results(run.id)), ledger.verdicts(run.id)) for run in ledger.runs()]


def test_readonly_reads_and_refuses_to_write(path: Path) -> None:
    """Queries cannot change anything by mistake, and do not wait for a writer."""
    with Ledger.open(path) as writer:
        night(writer, T0, [outcome()])
        with writer.transaction(), Ledger.open(path, readonly=True) as reader:
            assert len(reader.findings()) == 1
            assert reader.verify().ok
            with pytest.raises(LedgerError, match="reading only"), reader.transaction():
                pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = tmp_path / "disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(mounted)], check=True)
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


@pytest.mark.lab
def test_a_full_disk_loses_nothing_that_was_kept(small_disk: Path) -> None:
    """The error says so; what had been recorded is whole, and the run can go on when there is space again."""
    path = small_disk / "ledger.db"
    with Ledger.open(path) as ledger, ledger.lock(actor="cron", now=T0):
        run = ledger.begin_run(plan(), INPUTS, actor="cron", now=T0)
        kept = []

        def fill() -> None:
            for n in range(10_000):
                seen = result(f"h{n}", outputs=(os.urandom(2000).hex(),))
                ledger.record_result(run.id, seen)
                kept.append(seen)

        with pytest.raises(LedgerError, match=r"full|disk"):
            fill()
        assert kept
        assert list(ledger.results(run.id)) == kept
        assert ledger.verify().problem == ""
    with pytest.raises(LedgerError):
        Ledger.open(small_disk / "other.db")
    assert sorted(p.name for p in small_disk.iterdir() if "other" in p.name) == []


@pytest.mark.lab
def test_a_read_only_disk_can_be_read(small_disk: Path) -> None:
    """Evidence handed over on read-only media verifies; writing to it is refused with the reason."""
    path = small_disk / "ledger.db"
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome()])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with Ledger.open(path, readonly=True) as ledger:
        assert ledger.verify().ok
        assert len(ledger.findings()) == 1
    with pytest.raises(LedgerError, match=r"read-only|Read-only"), Ledger.open(path) as ledger, ledger.transaction():
        pass


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_another_account_is_refused(path: Path) -> None:
    """An ordinary account that opens the service account's ledger is told so, and does not take it for missing."""
    Ledger.open(path).close()
    os.seteuid(65534)
    try:
        with pytest.raises(LedgerError, match="Permission denied"):
            Ledger.open(path, readonly=True)
    finally:
        os.seteuid(0)
