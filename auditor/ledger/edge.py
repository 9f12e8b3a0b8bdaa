"""Where sqlite3's and the system's errors end: past this edge there are only ledger errors that say what to do."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from auditor.errors import IntegrityError, LedgerError
from auditor.text import N_, _
from auditor.text.reasons import reason_of

MEANINGS: dict[int, tuple[type[LedgerError], str]] = {
    sqlite3.SQLITE_BUSY: (LedgerError, N_("the ledger is busy: another process has been writing to it for too long; try again")),
    sqlite3.SQLITE_LOCKED: (
        LedgerError,
        N_("the ledger is busy: another process has been writing to it for too long; try again"),
    ),
    sqlite3.SQLITE_READONLY: (
        LedgerError,
        N_("the ledger cannot be written: the file or its folder is read-only for this account"),
    ),
    sqlite3.SQLITE_PERM: (LedgerError, N_("the ledger cannot be written: this account lacks the permission")),
    sqlite3.SQLITE_CANTOPEN: (LedgerError, N_("the ledger cannot be opened: look at the folder's existence and permissions")),
    sqlite3.SQLITE_FULL: (
        LedgerError,
        N_("the ledger cannot grow: the disk is full; free some space and run again with --resume"),
    ),
    sqlite3.SQLITE_IOERR: (LedgerError, N_("the ledger cannot be read or written: the disk reports an error, or is full")),
    sqlite3.SQLITE_NOMEM: (LedgerError, N_("the ledger cannot be used: the machine is out of memory")),
    sqlite3.SQLITE_TOOBIG: (LedgerError, N_("the ledger cannot hold a value of more than a gigabyte")),
    sqlite3.SQLITE_NOTADB: (
        LedgerError,
        N_("this is not a ledger: it is no SQLite file; check `ledger` under [paths] in auditor.toml"),
    ),
    sqlite3.SQLITE_CORRUPT: (
        IntegrityError,
        N_(
            "the ledger is damaged: `auditor ledger restore FILE` puts the newest copy that is whole in its place, and keeps the "
            "damaged one beside it"
        ),
    ),
    sqlite3.SQLITE_CONSTRAINT: (IntegrityError, N_("the ledger refused a contradiction")),
}


class translated:  # noqa: N801 - used as a function is; a generator would cost each of a night's million statements as much again
    """Turn what sqlite3 and the system raise about the ledger at ``path`` into LedgerError or IntegrityError."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None) -> None:
        if error is not None and (ours := _ours(self._path, error)) is not None:
            raise ours from error


def _ours(path: Path, error: BaseException) -> LedgerError | None:
    match error:
        case sqlite3.Error():
            code = getattr(error, "sqlite_errorcode", None)
            kind, meaning = MEANINGS.get((code or 0) & 0xFF, (LedgerError, N_("the ledger cannot be used")))
            return kind(f"{path}: " + _(meaning) + f" ({error})")
        case sqlite3.Warning():
            return LedgerError(f"{path}: " + _("the ledger cannot be used") + f" ({error})")
        case UnicodeEncodeError() | OverflowError():
            return LedgerError(f"{path}: " + _("the ledger cannot hold this value") + f" ({error})")
        case OSError():
            return LedgerError(f"{path}: {reason_of(error)}")
    return None


@contextmanager
def decoding(what: str | Callable[[], str]) -> Iterator[None]:
    """Turn what goes wrong while a stored value is unpacked into IntegrityError: we wrote it, so it has been altered."""
    try:
        yield
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, OverflowError, StopIteration) as error:
        problem = f"{type(error).__name__}: {error}"
        name = what if isinstance(what, str) else what()
        raise IntegrityError(_("{what} is not as it was written ({problem})").format(what=name, problem=problem)) from error
