"""A night on which nothing changed leaves the rows that it updates as long as they were, and where they were."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from auditor.errors import IntegrityError
from auditor.ledger import Ledger, digests, journal
from auditor.ledger.canonical import dumps
from auditor.ledger.migrations import STEPS
from auditor.ledger.schema import APPLICATION_ID, RUN_BASE
from auditor.ledger.store import Store
from auditor.lifecycle import work
from auditor.model import Event, EventKind, FindingState
from tests.lifecycle.test_people import OFFICER

from .make import DAY, T0, night, outcome, result


def nights(ledger: Ledger, count: int, first: int = 0) -> None:
    for n in range(first, first + count):
        at = T0 + n * DAY
        night(ledger, at, [outcome("h0", at=at), outcome("h1", at=at)], [result("h0", at), result("h1", at)])


def bytes_of(ledger: Ledger, table: str) -> int:
    return int(ledger._store.all("SELECT sum(payload) FROM dbstat WHERE name = ?", (table,))[0][0])


def test_rows_do_not_grow_with_the_number_of_nights(ledger: Ledger) -> None:
    """Regression: the second night added 264 bytes a host, since SQLite writes the number 1 in no byte and 2 in one."""
    nights(ledger, 1)
    first = {table: bytes_of(ledger, table) for table in ("verdicts", "findings")}
    nights(ledger, 140, 1)  # past 127, the last number of one byte
    assert {table: bytes_of(ledger, table) for table in first} == first
    assert ledger.verify().problem == ""


def test_a_finding_that_moves_keeps_its_place(ledger: Ledger) -> None:
    """The findings of one asset lie beside each other for good, or a night would write pages all over the file."""
    nights(ledger, 1)
    place = "SELECT rowid FROM findings WHERE id = ?"
    finding = ledger.findings()[0]
    held = ledger._store.all(place, (finding.id,))
    ledger.apply([work.act(EventKind.FINDING_STARTED, finding, OFFICER, T0 + timedelta(hours=1))])
    assert ledger.finding(finding.id).state is FindingState.IN_PROGRESS
    assert ledger._store.all(place, (finding.id,)) == held


def test_openings_of_an_asset_lie_beside_each_other(ledger: Ledger) -> None:
    """A first night writes some 160 a host: where their ids come in an index of all, each is another page of the file. What
    happened to a finding is told whole and in order all the same, and nothing is gone through for it.
    """
    nights(ledger, 2)
    night(ledger, T0 + 2 * DAY, [outcome("h0", at=T0 + 2 * DAY, _="pass")], [result("h0", T0 + 2 * DAY)])
    at = T0 + timedelta(days=2, hours=1)
    finding = next(f for f in ledger.findings() if f.asset == "h1")
    ledger.apply([work.act(EventKind.FINDING_STARTED, finding, OFFICER, at)])
    ledger.apply([Event(EventKind.FINDING_ATTACHED, at, "o", finding.id, {"name": "a", "sha256": "b", "size": 1})])
    everything = [*ledger.journal()]
    for subject in {entry.event.subject for entry in everything} | {"F-NONE"}:
        assert [*ledger.journal(subject=subject)] == [e for e in everything if e.event.subject == subject]
    kinds = [entry.event.kind for entry in ledger.journal(subject=finding.id)]
    assert kinds == [EventKind.FINDING_OPENED, EventKind.FINDING_STARTED, EventKind.FINDING_ATTACHED]
    plan = [str(row) for row in ledger._store.all(f"EXPLAIN QUERY PLAN {journal._ENTRIES}{journal._ABOUT}", (0, finding.id))]
    assert not any("SCAN" in step for step in plan)


@pytest.mark.parametrize("observed", [float("nan"), float("inf"), 1.5])
def test_an_opening_that_holds_no_number_is_found(ledger: Ledger, observed: float) -> None:
    """SQLite does not take NaN and infinity for JSON; what they were observed in is told of the finding all the same."""
    failed = outcome()
    night(ledger, T0, [replace(failed, verdicts=tuple(replace(v, observed=observed) for v in failed.verdicts))])
    (finding,) = ledger.findings()
    assert [entry.event.kind for entry in ledger.journal(subject=finding.id)] == [EventKind.FINDING_OPENED]


def test_an_altered_opening_is_not_passed_over(ledger: Ledger) -> None:
    """What was an entry and is none any more is told as such where the finding is asked for."""
    nights(ledger, 1)
    ledger._store.run("DROP TRIGGER journal_no_update")
    ledger._store.run("UPDATE journal SET data = substr(data, 2) WHERE kind = 'finding_opened'")
    with pytest.raises(IntegrityError, match="of the journal is not as it was written"):
        [*ledger.journal(subject=ledger.findings()[0].id)]


def as_before(new: Path, old: Path, step: str) -> None:
    """What the ledger ``new`` holds, in the tables of before ``step``, as the auditor of then left them."""
    version = int(step[:4]) - 1
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        STEPS.apply(Database(other, execute_plugins=False), stop_before=step)
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute(f"PRAGMA user_version = {version}")
        other.execute("ATTACH ? AS new", (str(new),))
        names = [
            name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'")
        ]
        for name in names:
            columns = ", ".join(column for (column,) in other.execute(f"SELECT name FROM pragma_table_info('{name}')"))
            other.execute(f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM new.{name}")
        if version < 5:
            other.execute(f"UPDATE verdicts SET run = run - {RUN_BASE}")


@pytest.mark.parametrize(
    ("step", "seal"),
    [
        ("0005_flat_nights", digests._of_state_before),
        ("0006_settled_findings", lambda store: digests._digest(store, digests._STATE_BEFORE, ())),
        ("0007_openings_beside", digests.of_state),
    ],
)
def test_a_ledger_of_before_is_brought_up_to_date(step: str, seal: Callable[[Store], str], tmp_path: Path) -> None:
    """It verifies by what its last run sealed, gives the same verdicts and findings, and nights go on from it."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with pytest.MonkeyPatch.context() as before, Ledger.open(new) as ledger:
        before.setattr(digests, "of_state", seal)
        nights(ledger, 2)
        passed = outcome("h0", at=T0 + 2 * DAY, _="pass")
        night(ledger, T0 + 2 * DAY, [passed], [result("h0", T0 + 2 * DAY)])
        told = [ledger.verdicts(n) for n in (1, 2, 3)], ledger.newest_verdicts(), ledger.findings()
        histories = [[*ledger.journal(subject=finding.id)] for finding in ledger.findings()]
    as_before(new, old, step)
    with Ledger.open(old) as ledger:
        assert ledger.verify().problem == ""
        assert ([ledger.verdicts(n) for n in (1, 2, 3)], ledger.newest_verdicts(), ledger.findings()) == told
        assert [[*ledger.journal(subject=finding.id)] for finding in ledger.findings()] == histories
        nights(ledger, 1, 3)
        assert ledger.verify().problem == ""


@given(st.lists(st.tuples(st.text(), st.integers() | st.none(), st.text(alphabet='],["\x1e\\é')), min_size=1))
def test_rows_written_together_are_rows_written_one_by_one(rows: list[tuple[str, int | None, str]]) -> None:
    """Whatever stands in them: digests of before, which wrote each by itself, must hold."""
    assert digests._lines(rows) == b"".join(dumps(row).encode() + b"\n" for row in rows)
