"""The open SQLite file: created whole or not at all, private, checked before use, its transactions short.

WAL lets readers go on while a run writes. ``synchronous=FULL`` makes a committed observation survive a power cut, which "durable
before judged" asks for; it costs one fsync a commit, and there are two commits an asset.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditor.errors import LedgerError
from auditor.ledger.edge import MEANINGS, translated
from auditor.ledger.lock import RunLock
from auditor.ledger.schema import APPLICATION_ID, VERSION
from auditor.text import _

_PATIENCE = 15.0  # seconds to wait for another writer's short transaction
_PRIVATE = 0o600
_PAGES_AHEAD = 4000  # of 4 KB in the log before they go into the file: those that many hosts' rows share then go once
_AT_ONCE = 500  # rows that are taken from a query at a time


class Store:
    """One connection. All SQL of the ledger goes through its methods, which let no sqlite3 error out."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._connection = connection
        self.on_rollback: list[Callable[[], None]] = []  # what to forget when a transaction comes to nothing

    @classmethod
    def open(cls, path: Path, *, create: bool, readonly: bool) -> Store:
        """Open the ledger at ``path``; make it first where it is missing and ``create`` allows it."""
        with translated(path):
            if not exists(path):
                if readonly or not create:
                    raise LedgerError(f"{path}: " + _("there is no ledger here yet; `auditor audit` makes one"))
                _make(path)
            if not path.is_file():
                raise LedgerError(f"{path}: " + _("the ledger must be a file"))
            if not readonly:
                _require_writable(path)
            connection = connect(path, readonly=readonly)
            try:
                _admit(path, connection, readonly=readonly)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection, readonly=readonly)

    def close(self) -> None:
        """Close the file."""
        with translated(self.path):
            self._connection.close()

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        with translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        with translated(self.path):
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return row

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, some at a time, where they may be too many to hold."""
        with translated(self.path):
            cursor = self._connection.execute(sql, values)
        while True:
            with translated(self.path):
                rows = cursor.fetchmany(_AT_ONCE)
            if not rows:
                return
            yield from rows

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement that writes; the id of the row it inserted."""
        with translated(self.path):
            return self._connection.execute(sql, values).lastrowid or 0

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute a statement once for each row of values; how many rows were written, or deleted, in all."""
        if not rows:
            return 0
        with translated(self.path):
            return self._connection.executemany(sql, rows).rowcount

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One short write transaction, all or nothing. It takes the write lock at once, so that what it reads stays true.

        Inside another it is part of that one.
        """
        if self.readonly:
            raise LedgerError(f"{self.path}: " + _("the ledger was opened for reading only"))
        if self._connection.in_transaction:
            yield
            return
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One unchanging view over several queries; it blocks nobody and nobody blocks it."""
        if self._connection.in_transaction:
            yield
            return
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with translated(self.path):
            self._connection.execute(begin)
        try:
            yield
            with translated(self.path):
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with translated(self.path):
                    self._connection.execute("ROLLBACK")
            for forget in self.on_rollback:
                forget()
            raise


def exists(path: Path) -> bool:
    """Whether there is a file. Unlike ``Path.exists``, which for a folder that may not be entered says no in newer Pythons, and
    in older ones lets the system's error out; here it is a LedgerError."""
    with translated(path):
        try:
            path.stat()
        except FileNotFoundError:
            return False
        return True


def connect(path: Path, *, readonly: bool, still: bool = False) -> sqlite3.Connection:
    """Open a file as the ledger is opened. ``still``: a copy that nobody writes to, beside which nothing is to be left."""
    uri = path.absolute().as_uri() + ("?mode=ro" if readonly else "?mode=rw")
    still = still or not os.access(path.parent, os.W_OK)  # on read-only media SQLite could not make its shared-memory file
    if readonly and still and not path.with_name(path.name + "-wal").exists():
        uri += "&immutable=1"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # so that INSERT OR REPLACE cannot slip past the journal's triggers
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_AHEAD}")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_writable(path: Path) -> None:
    """Refuse with the reason, where SQLite would only say that it cannot open; close the file to others where it stands open."""
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise LedgerError(f"{path}: " + _(MEANINGS[sqlite3.SQLITE_READONLY][1]))
    if path.stat().st_mode & 0o077:
        path.chmod(_PRIVATE)


def _make(path: Path) -> None:
    """Build the ledger aside and link it into place, so that no half-made one is ever seen, nor another's overwritten."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    try:
        connection = connect(draft, readonly=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection)
        finally:
            connection.close()
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process was quicker, and its ledger is as good
    finally:
        for leaving in (draft, draft.with_name(draft.name + "-wal"), draft.with_name(draft.name + "-shm")):
            leaving.unlink(missing_ok=True)


def _migrate(connection: sqlite3.Connection) -> None:
    # loaded here, as few commands need it (see schema)
    from auditor.ledger.migrations import STEPS
    from auditor.ledger.sqlite_tools import Database

    database = Database(connection, execute_plugins=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        STEPS.apply(database)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _admit(path: Path, connection: sqlite3.Connection, *, readonly: bool) -> None:
    """Let in only a ledger of a schema that this auditor knows; bring an older one up to date."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LedgerError(f"{path}: " + _("this is not a ledger of the auditor; check `ledger` in auditor.toml"))
    if _version(connection) < VERSION and not readonly:
        _bring_up_to_date(path, connection)
    version = _version(connection)
    if version > VERSION:
        message = _("the ledger has schema {version}, and this auditor knows schema {known}; use the auditor that wrote it")
        raise LedgerError(f"{path}: " + message.format(version=version, known=VERSION))
    if version < VERSION:
        message = _("the ledger has the older schema {version}; run any writing command once to bring it up to date")
        raise LedgerError(f"{path}: " + message.format(version=version))


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _bring_up_to_date(path: Path, connection: sqlite3.Connection) -> None:
    """Only while no run is under way: it may be of the older auditor, which would go on in tables that it does not know."""
    lock = RunLock(path, actor=_account(), now=datetime.now(UTC))
    try:
        if _version(connection) < VERSION:  # another may have done it meanwhile
            _migrate(connection)
    finally:
        lock.release()


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
