"""The ledger as a whole: open it, use it, close it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from auditor.ledger.integrity import Integrity
from auditor.ledger.store import Store, exists


class Ledger(Integrity):
    """Everything the auditor remembers, in one SQLite file. One thread uses it; several processes may, each with its own.

    Readers are never blocked. What writes a run needs ``run_lock``; a person's moves do not, and wait for no run.
    """

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether there is a ledger at ``path``. Raises LedgerError where this account may not look."""
        return exists(path)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, readonly: bool = False) -> Ledger:
        """Open the ledger at ``path``, making it (mode 0600) where it is missing and ``create`` allows it.

        Raises LedgerError for a file that is no ledger, has a newer schema or cannot be used, IntegrityError for a damaged one.
        """
        return cls(Store.open(path, create=create, readonly=readonly))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is read and what is written inside it one: all of it is kept, or nothing. Keep it short; others wait."""
        with self._store.writing():
            yield

    @contextmanager
    def view(self) -> Iterator[None]:
        """Let everything read inside it be of one moment, whatever others write meanwhile."""
        with self._store.reading():
            yield

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._store.path

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
