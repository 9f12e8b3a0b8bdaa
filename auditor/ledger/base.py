"""What every part of the ledger stands on: the store, the blobs, the lock, and the short numbers for long names."""

from __future__ import annotations

from typing import Any

from auditor.errors import IntegrityError, LedgerError
from auditor.ledger.blobs import Blobs
from auditor.ledger.lock import RunLock
from auditor.ledger.store import Store
from auditor.text import _


class Part:
    """Base of the ledger's parts, which are mixed into one ``Ledger``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._blobs = Blobs(store)
        self._lock: RunLock | None = None
        self._volatile: frozenset[str] = frozenset()  # checks of the run under way
        self._numbers: dict[tuple[str, str], int] = {}
        store.on_rollback.append(self._numbers.clear)

    def _require_lock(self) -> RunLock:
        if self._lock is None:
            raise LedgerError(_("a run is written only while this process holds the run lock"))
        return self._lock

    def _asset(self, uid: str) -> int:
        return self._number("SELECT id FROM assets WHERE uid = ?", "INSERT INTO assets (uid) VALUES (?)", uid)

    def _check(self, name: str) -> int:
        return self._number("SELECT id FROM checks WHERE name = ?", "INSERT INTO checks (name) VALUES (?)", name)

    def _number(self, find: str, insert: str, name: str) -> int:
        known = self._numbers.get((find, name))
        if known is None:
            row = self._store.one(find, (name,))
            known = int(row[0]) if row is not None else self._store.run(insert, (name,))
            self._numbers[find, name] = known
        return known

    def _found(self, row: tuple[Any, ...] | None, what: str) -> tuple[Any, ...]:
        if row is None:
            raise IntegrityError(_("the ledger lacks {what}, to which it refers").format(what=what))
        return row
