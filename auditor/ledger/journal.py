"""The journal: what happened, in order, each entry holding the hash of the one before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring_ascii
from typing import Any

from auditor.ledger.base import Part
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.edge import decoding
from auditor.ledger.schema import OPENED, OPENED_ON
from auditor.model import Event, EventKind
from auditor.model.codec import from_json, to_json
from auditor.text import _

_AT_ONCE = 1000  # no cursor stays open between rows: it would pin a view from which the caller could no longer write
GENESIS = bytes(32)
_ENTRIES = "SELECT seq, at, kind, actor, subject, data, prev, hash FROM journal WHERE seq > ?1"
_ABOUT = f""" AND seq IN (
    SELECT seq FROM journal WHERE NOT {OPENED} AND subject = ?2
    UNION ALL SELECT seq FROM journal
    WHERE {OPENED} AND {OPENED_ON} = +(SELECT asset FROM findings WHERE id = ?2) AND subject = ?2
    UNION ALL SELECT seq FROM journal WHERE {OPENED} AND {OPENED_ON} IS NULL AND subject = ?2)"""
ENDINGS = (EventKind.RUN_FINISHED, EventKind.RUN_INTERRUPTED, EventKind.RUN_ABANDONED)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as the journal keeps it. ``hash`` covers everything else, ``prev`` included."""

    seq: int
    event: Event
    prev: str
    hash: str


def entry_hash(seq: int, at: str, kind: str, actor: str, subject: str, data: str, prev: bytes) -> bytes:
    """SHA-256 over a JSON list of the entry's parts, so that no two entries are written alike."""
    # as json.dumps writes it, without an encoder made for each of a first night's hundred entries a host
    told = ", ".join(map(encode_basestring_ascii, (at, kind, actor, subject, data, prev.hex())))
    return sha256(f"[{seq}, {told}]".encode())


class Journal(Part):
    """Appends to the journal and reads it."""

    def journal(self, *, subject: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Entries in order: of one subject (a finding's id, a run's number), or all; from after the number ``after``."""
        about = "" if subject is None else _ABOUT
        while rows := self._store.all(f"{_ENTRIES}{about} ORDER BY seq LIMIT {_AT_ONCE}", (after, *([subject] if about else []))):
            yield from map(_entry, rows)
            after = rows[-1][0]

    def head(self) -> tuple[int, str]:
        """The number and the hash of the last entry; 0 and "" of an empty journal."""
        row = self._store.one("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
        return (int(row[0]), row[1].hex()) if row else (0, "")

    def newest_instant(self) -> datetime | None:
        """The latest instant that a run or the journal bears, wherever it stands in it: a clock may have been wrong for a while.
        None of an empty ledger."""
        sql = "SELECT max(at) FROM (SELECT max(at) AS at FROM journal UNION ALL SELECT max(started) FROM runs)"
        (newest,) = self._store.one(sql) or (None,)
        return None if newest is None else datetime.fromisoformat(newest)

    def last_before(self, moment: datetime) -> int:
        """The number of the last entry made before ``moment``; 0 when there is none."""
        row = self._store.one("SELECT max(seq) FROM journal WHERE at < ?", (to_json(moment),))
        return int(row[0]) if row and row[0] else 0

    def record_event(self, event: Event) -> None:
        """Append one event that moves no finding (REEVALUATED), in a transaction of its own."""
        with self._store.writing():
            self._append(event)

    def _append(self, *events: Event) -> None:
        """Chain ``events`` to the journal, in their order. Call it inside a write transaction."""
        seq, prev = self._store.one("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1") or (0, GENESIS)
        rows = []
        for event in events:
            seq += 1
            parts = (seq, to_json(event.at), event.kind.value, event.actor, event.subject, dumps(event.data))
            digest = entry_hash(*parts, prev)
            rows.append((*parts, prev, digest))
            prev = digest
        self._store.run_many(
            "INSERT INTO journal (seq, at, kind, actor, subject, data, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
        )


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, at, kind, actor, subject, data, prev, digest = row
    with decoding(_("entry {number} of the journal").format(number=seq)):
        told = {"kind": kind, "at": at, "actor": actor, "subject": subject, "data": json.loads(data)}
        return Entry(seq, from_json(Event, told), prev.hex(), digest.hex())
