"""Seals find what the chain alone cannot: a journal written anew, or one whose end was cut off."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import IntegrityError, UsageError
from auditor.ledger import Ledger, check_signature, make_key, open_key, public_text, read_seal
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.journal import GENESIS, entry_hash
from auditor.ledger.schema import JOURNAL_TRIGGERS
from auditor.ledger.seal import Seal
from auditor.lifecycle import work
from auditor.lifecycle.exceptions import approve, propose
from auditor.model import EventKind
from auditor.model.codec import from_json, to_json
from tests.lifecycle.test_people import HOME, OFFICER, risk

from .make import DAY, T0, aged, night, outcome, result

KEY = Ed25519PrivateKey.generate()


@given(st.integers(0), st.lists(st.text(st.characters(exclude_categories=())), min_size=5, max_size=5), st.binary(max_size=32))
def test_an_entrys_hash_is_that_of_the_list_as_json(seq: int, parts: list[str], prev: bytes) -> None:
    """As entries of before were hashed, whatever their texts hold."""
    at, kind, actor, subject, data = parts
    assert entry_hash(seq, at, kind, actor, subject, data, prev) == sha256(json.dumps([seq, *parts, prev.hex()]).encode())


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, Seal]:
    return make(tmp_path / "ledger.db")


def make(path: Path) -> tuple[Path, Seal]:
    """A ledger of two nights and some work of people, sealed, with a night after the seal."""
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(), outcome("h1")], [result(), result("h1")])
        finding = ledger.findings()[0]
        digest = ledger.keep_file(b"evidence")
        ledger.apply(
            [
                work.act(EventKind.FINDING_STARTED, finding, OFFICER, T0),
                work.attach(finding, "x.txt", digest, 8, OFFICER, T0),
                propose(risk(), 90, OFFICER, T0),
                approve(risk(), HOME, T0),
            ]
        )
        seal = ledger.seal(OFFICER, T0 + DAY, KEY)
        night(ledger, T0 + 2 * DAY, [outcome(at=T0 + 2 * DAY, _="pass")], [result(at=T0 + 2 * DAY)])
        assert ledger.verify(seal).problem == ""
    return path, seal


def rewrite(path: Path, change: Callable[[list[list[object]]], list[list[object]]]) -> None:
    """What somebody with the file and this source code can do: any change, with a chain that is right."""
    other = sqlite3.connect(path)
    for name in JOURNAL_TRIGGERS:
        other.execute(f"DROP TRIGGER {name}")
    rows = [list(r) for r in other.execute("SELECT at, kind, actor, subject, data FROM journal ORDER BY seq")]
    other.execute("DELETE FROM journal")
    prev = GENESIS
    for seq, parts in enumerate(change(rows), start=1):
        digest = entry_hash(seq, *parts, prev)  # type: ignore[arg-type]
        sql = "INSERT INTO journal (seq, at, kind, actor, subject, data, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        other.execute(sql, (seq, *parts, prev, digest))
        prev = digest
    for sql in JOURNAL_TRIGGERS.values():
        other.execute(sql)
    other.commit()
    other.close()


def problem(path: Path, seal: Seal | None = None) -> str:
    with Ledger.open(path) as ledger:
        return ledger.verify(seal).problem


def test_a_chain_computed_anew_is_found_by_the_seal_alone(sealed: tuple[Path, Seal]) -> None:
    """Another actor in an old entry, and every hash after it right."""
    path, seal = sealed

    def blame(rows: list[list[object]]) -> list[list[object]]:
        rows[4] = [rows[4][0], rows[4][1], "somebody", *rows[4][3:]]
        return rows

    rewrite(path, blame)
    assert problem(path) == ""
    assert "written anew" in problem(path, seal)


def test_an_end_that_was_cut_off_is_found(sealed: tuple[Path, Seal]) -> None:
    """A journal that is shorter than it was when it was sealed; the entry is named."""
    path, seal = sealed
    rewrite(path, lambda rows: rows[: seal.seq - 1])
    assert f"before entry {seal.seq}" in problem(path, seal) or problem(path) != ""
    with Ledger.open(path) as ledger, pytest.raises(IntegrityError, match="cut off"):
        ledger._verify_sealed(seal)


def test_a_seal_that_was_edited_or_made_by_another_is_refused(sealed: tuple[Path, Seal]) -> None:
    """Its signature covers all of it; whose key it may be stands in auditor.toml."""
    _path, seal = sealed
    check_signature(seal, "")
    check_signature(seal, public_text(KEY))
    for wrong in (replace(seal, seq=1), replace(seal, head="0" * 64), replace(seal, by="x"), replace(seal, signature="AA==")):
        with pytest.raises(IntegrityError):
            check_signature(wrong, "")
    with pytest.raises(IntegrityError, match="another key"):
        check_signature(seal, public_text(Ed25519PrivateKey.generate()))


def test_a_seal_travels_as_json_and_has_a_short_form(sealed: tuple[Path, Seal], tmp_path: Path) -> None:
    """The short form is for minutes: it differs for any other seal."""
    _path, seal = sealed
    file = tmp_path / "seal.json"
    file.write_text(json.dumps(to_json(seal)))
    assert read_seal(file) == seal
    assert from_json(Seal, to_json(seal)).short == seal.short
    assert len({replace(seal, seq=n).short for n in range(50)}) == 50
    file.write_text("{}")
    with pytest.raises(UsageError, match="no seal"):
        read_seal(file)


def test_a_key_is_private(tmp_path: Path) -> None:
    """Never written over, never used while others can read it."""
    path = tmp_path / "seal.pem"
    made = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_text(open_key(path)) == public_text(made)
    with pytest.raises(UsageError, match="exists already"):
        make_key(path)
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        open_key(path)


TABLES = (
    "findings",
    "records",
    "runs",
    "results",
    "judgements",
    "verdict_changes",
    "verdicts",
    "blobs",
    "volatile_outputs",
    "journal",
    "assets",
    "checks",
)


@pytest.mark.parametrize("seed", range(300))
def test_a_random_edit_of_a_live_row_is_found(seed: int, sealed_bytes: tuple[bytes, Seal], tmp_path: Path) -> None:
    """Any value of any row of any table, changed to another of its kind."""
    content, seal = sealed_bytes
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    dice = random.Random(seed)
    other = sqlite3.connect(path)
    triggers = dict(other.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    for name in triggers:
        other.execute(f"DROP TRIGGER {name}")
    table = TABLES[seed % len(TABLES)]
    columns = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
    rows = other.execute(f"SELECT * FROM {table}").fetchall()
    row, at = dice.choice(rows), dice.randrange(len(columns))
    if (table, columns[at]) == ("blobs", "id"):  # blobs are known by their hash; a number that nothing refers to says nothing
        return
    keys = " AND ".join(f"{c} IS ?" for c in columns)
    try:
        changed = other.execute(f"UPDATE {table} SET {columns[at]} = ? WHERE {keys}", (_another(row[at], dice), *row)).rowcount
    except sqlite3.IntegrityError:  # the table itself refuses it
        return
    assert changed == 1
    for sql in triggers.values():
        other.execute(sql)
    other.commit()
    other.close()
    assert problem(path, seal) != "", (table, columns[at], row[at])


@pytest.mark.parametrize("seed", range(120))
def test_a_random_row_taken_out_is_found(seed: int, sealed_bytes: tuple[bytes, Seal], tmp_path: Path) -> None:
    """Any row of any table, foreign keys or not."""
    content, seal = sealed_bytes
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    dice = random.Random(seed)
    other = sqlite3.connect(path)
    triggers = dict(other.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    for name in triggers:
        other.execute(f"DROP TRIGGER {name}")
    table = TABLES[seed % len(TABLES)]
    columns = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
    row = dice.choice(other.execute(f"SELECT * FROM {table}").fetchall())
    assert other.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{c} IS ?' for c in columns)}", row).rowcount == 1
    for sql in triggers.values():
        other.execute(sql)
    other.commit()
    other.close()
    assert problem(path, seal) != "", (table, row)


@pytest.mark.parametrize("how", ["swap", "insert", "double"])
def test_events_out_of_place_are_found(how: str, sealed_bytes: tuple[bytes, Seal], tmp_path: Path) -> None:
    """Reordered, put in, or told twice, with the hashes that they had."""
    content, seal = sealed_bytes
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    other = sqlite3.connect(path)
    for name in JOURNAL_TRIGGERS:
        other.execute(f"DROP TRIGGER {name}")
    if how == "swap":
        for before, after in ((3, 900), (4, 3), (900, 4)):
            other.execute("UPDATE journal SET seq = ? WHERE seq = ?", (after, before))
    else:
        other.execute("UPDATE journal SET seq = -seq - 1 WHERE seq > 3")
        other.execute("UPDATE journal SET seq = -seq WHERE seq < 0")
        actor = "'somebody'" if how == "insert" else "actor"
        columns = "kind, at, subject, data, prev, hash"
        other.execute(f"INSERT INTO journal (seq, actor, {columns}) SELECT 4, {actor}, {columns} FROM journal WHERE seq = 3")
    for sql in JOURNAL_TRIGGERS.values():
        other.execute(sql)
    other.commit()
    other.close()
    assert "entry 3 of the journal" in problem(path, seal) or "entry 4 of the journal" in problem(path, seal)


@pytest.fixture(scope="module")
def sealed_bytes(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Seal]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auditor.ledger.observations.is_volatile", lambda call: call.args[0][1] == "0")
        path, seal = make(tmp_path_factory.mktemp("sealed") / "ledger.db")
    return path.read_bytes(), seal


def _another(value: object, dice: random.Random) -> object:
    if isinstance(value, bool | int):
        return value + dice.choice((-1, 1, 7))
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    if isinstance(value, str):
        return dice.choice((value + " ", value.upper() if value.upper() != value else value.lower() + "x", "x", dumps([value])))
    return dice.choice(("2026-01-01T00:00:00+00:00", "x"))


NEW_IN_2 = ("assignee", "plan", "claimed_at", "exception")


def test_a_ledger_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its journal knows nothing of assignees and exceptions; it verifies as before, and people can go on from it."""
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        night(ledger, T0, [outcome(), outcome("h1")], [result(), result("h1")])

    def older(rows: list[list[object]]) -> list[list[object]]:
        for row in rows:
            if str(row[1]).startswith("finding_"):
                told = json.loads(str(row[4]))
                row[4] = dumps({name: value for name, value in told.items() if name not in NEW_IN_2})
        return rows

    rewrite(path, older)
    aged(path, 1, *(f"ALTER TABLE findings DROP COLUMN {column}" for column in NEW_IN_2), "DROP TABLE records")
    with Ledger.open(path) as ledger:
        assert ledger.verify().problem == ""
        ledger.apply([work.act(EventKind.FINDING_STARTED, ledger.findings()[0], OFFICER, T0 + DAY)])
        assert ledger.verify().problem == ""
