"""What people decide: exceptions, answers, campaigns and circulars, each written with the event that changed it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from auditor.errors import LedgerError, UsageError
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.confirming import Confirming
from auditor.ledger.edge import decoding
from auditor.model import MOVING, AttestedAnswer, Campaign, Circular, Event, EventKind, Finding, RiskException
from auditor.model.codec import from_json
from auditor.text import N_, _

R = TypeVar("R", RiskException, AttestedAnswer, Campaign, Circular)
KINDS: dict[type, str] = {
    RiskException: "exception",
    AttestedAnswer: "attestation",
    Campaign: "campaign",
    Circular: "circular",
}

_NAMES: dict[type, str] = {
    RiskException: N_("exceptions"),
    AttestedAnswer: N_("answers"),
    Campaign: N_("campaigns"),
    Circular: N_("circulars"),
}


def record_kind(kind: EventKind) -> str:
    """The kind of record that an event carries; "" for events that carry none."""
    name = kind.value.partition("_")[0]
    return name if name in KINDS.values() else ""


class Records(Confirming):
    """Finds records, and applies events of people and of time."""

    def records(self, cls: type[R]) -> tuple[R, ...]:
        """All records of a class as they stand, in the order in which they were made."""
        rows = self._store.all("SELECT id, data FROM records WHERE kind = ? ORDER BY length(id), id", (KINDS[cls],))
        found = []
        for name, data in rows:
            with decoding(_("the record {name}").format(name=name)):
                found.append(from_json(cls, json.loads(data)))
        return tuple(found)

    def record(self, cls: type[R], name: str) -> R:
        """One record by its id; case does not matter."""
        wanted = name.strip().casefold()
        found = next((r for r in self.records(cls) if r.id.casefold() == wanted), None)
        if found is None:
            message = _("nothing is named {name!r} among the {kind}{hint}")
            raise UsageError(message.format(name=name, kind=_(_NAMES[cls]), hint=""))
        return found

    def next_number(self, cls: type[R]) -> int:
        """The number of the record that would be made next. Read it in the transaction that makes it."""
        row = self._store.one("SELECT count(*) FROM records WHERE kind = ?", (KINDS[cls],))
        return int(row[0]) + 1 if row else 1

    def apply(self, events: Sequence[Event]) -> None:
        """Journal events of people and of time, and move what they speak of, in one short transaction."""
        with self._store.writing():
            for event in events:
                kind = record_kind(event.kind)
                if kind:
                    record = event.data.get("record")
                    if not isinstance(record, dict) or record.get("id") != event.subject:
                        raise LedgerError(_("the record {name} is not as the journal tells").format(name=event.subject))
                    sql = "INSERT OR REPLACE INTO records (kind, id, data) VALUES (?, ?, ?)"
                    self._store.run(sql, (kind, event.subject, dumps(record)))
                self._apply(event)

    def suppose(self, events: Sequence[Event]) -> None:
        """Let findings and records be read from now on as if these events had been applied: for whoever may not write. Nothing
        is kept, and the journal stays as it is."""
        for name, key in (("findings", "id"), ("records", "kind || ':' || id")):
            self._store.run(f"CREATE TEMP TABLE supposed_{name} AS SELECT * FROM main.{name} LIMIT 0")
            self._store.run(
                f"CREATE TEMP VIEW {name} AS SELECT * FROM supposed_{name} UNION ALL SELECT * FROM main.{name}"
                f" WHERE {key} NOT IN (SELECT {key} FROM supposed_{name})"
            )
        findings = {e.subject: from_json(Finding, e.data) for e in events if e.kind in MOVING}
        records = {(kind, e.subject): dumps(e.data["record"]) for e in events if (kind := record_kind(e.kind))}
        self._suppose_findings(findings.values())
        self._store.run_many(
            "INSERT INTO supposed_records (kind, id, data) VALUES (?, ?, ?)", [(*key, data) for key, data in records.items()]
        )

    def keep_file(self, content: bytes) -> str:
        """Keep a file's content; its SHA-256. Call it in the transaction that names the file."""
        with self._store.writing():
            self._blobs.put(content)
        return sha256(content).hex()

    def kept_file(self, digest: str) -> bytes:
        """The content of a file that was kept. Raises UsageError when there is none of that name."""
        row = self._store.one("SELECT id FROM blobs WHERE sha256 = ?", (bytes.fromhex(digest),))
        if row is None:
            raise UsageError(_("the ledger keeps no file {name}").format(name=digest))
        return self._blobs.get(int(row[0]))
