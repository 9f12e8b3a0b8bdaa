"""Whether the ledger is what the auditor wrote: the file, the chain, the evidence, and every table against the journal.

An edit behind the auditor's back is found here. Who recomputes or cuts the whole chain is found only by a seal kept elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auditor.errors import IntegrityError
from auditor.ledger import blobs, digests, manifest, summaries
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.edge import decoding
from auditor.ledger.findings import LAST_SEEN, to_row
from auditor.ledger.journal import ENDINGS, GENESIS, entry_hash
from auditor.ledger.records import Records, record_kind
from auditor.ledger.runs import BEGINNING, beginning
from auditor.ledger.schema import JOURNAL_TRIGGERS
from auditor.ledger.seal import Seal, signed
from auditor.model import MOVING, Event, EventKind, Finding, Json, Person, RunStatus
from auditor.model.codec import from_json, to_json
from auditor.text import _

_TABLES = ("journal", "findings", "records", "runs", "results", "verdict_changes", "verdicts", "blobs")

# The newest two results of an asset that had volatile outputs keep them; the newest one alone where a later result had none,
# since a result that is recorded again may have pushed the older one out.
_VOLATILE_LOST = """
    SELECT a.uid, k.run FROM (
        SELECT asset, run, row_number() OVER (PARTITION BY asset ORDER BY run DESC) AS place
        FROM results WHERE volatile_sha256 IS NOT NULL) k
    JOIN assets a ON a.id = k.asset
    WHERE k.place <= 1 + (SELECT m.volatile_sha256 IS NOT NULL FROM results m WHERE m.asset = k.asset ORDER BY m.run DESC LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM volatile_outputs v WHERE v.asset = k.asset AND v.run = k.run)
    LIMIT 1"""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """``problem`` names the first thing that is wrong, "" when all is well. ``head`` is the hash of the journal's last entry."""

    ok: bool
    problem: str
    head: str
    counts: tuple[tuple[str, int], ...]  # rows, by table


class Integrity(Records):
    """Verifies the whole ledger without stopping those who use it."""

    def verify(self, seal: Seal | None = None) -> VerifyReport:
        """Hold everything against everything, and against a seal where one is given; never raises for a ledger that is wrong."""
        steps: tuple[Callable[[], None], ...] = (
            self._verify_file,
            self._verify_schema,
            self._verify_chain,
            self._verify_blobs,
            self._verify_references,
            self._verify_runs,
            self._verify_findings,
            self._verify_records,
            self._verify_verdicts,
            self._verify_volatile,
        )
        head, counts = "", []
        try:
            with self._store.reading():
                for step in steps:
                    step()
                if seal is not None:
                    self._verify_sealed(seal)
                counts = [(t, int(self._store.all(f"SELECT count(*) FROM {t}")[0][0])) for t in _TABLES]
                head = self._head()
        except IntegrityError as error:
            return VerifyReport(False, str(error), head, tuple(counts))
        return VerifyReport(True, "", head, tuple(counts))

    def seal(self, by: Person, now: datetime, key: Ed25519PrivateKey) -> Seal:
        """Sign the journal's head, and journal that it was done."""
        with self._store.writing():
            row = self._store.one("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1") or (0, GENESIS)
            made = signed(Seal(int(row[0]), row[1].hex(), now, by.user, ""), key)
            told: dict[str, Json] = {"seq": made.seq, "head": made.head, "key": made.key, "short": made.short}
            self._append(Event(EventKind.LEDGER_SEALED, now, by.user, str(made.seq), told))
        return made

    def _verify_sealed(self, seal: Seal) -> None:
        row = self._store.one("SELECT hash FROM journal WHERE seq = ?", (seal.seq,))
        if seal.seq == 0 and seal.head == GENESIS.hex():
            return
        if row is None:
            message = _("the journal ends before entry {number}, which the seal of {day} names: its end was cut off")
            raise IntegrityError(message.format(number=seal.seq, day=seal.at.date().isoformat()))
        if row[0].hex() != seal.head:
            message = _("entry {number} of the journal is not the one that was sealed: the journal was written anew")
            raise IntegrityError(message.format(number=seal.seq))

    def _head(self) -> str:
        row = self._store.one("SELECT hash FROM journal ORDER BY seq DESC LIMIT 1")
        return (row[0] if row is not None else GENESIS).hex()

    def _verify_file(self) -> None:
        said = [row[0] for row in self._store.all("PRAGMA integrity_check(1)")]
        if said != ["ok"]:
            raise IntegrityError(_("the file is damaged: {problem}").format(problem=said[0]))
        broken = self._store.one("PRAGMA foreign_key_check")
        if broken is not None:
            message = _("row {row} of {table} refers to a row of {other} that is not there")
            raise IntegrityError(message.format(row=broken[1], table=broken[0], other=broken[2]))

    def _verify_schema(self) -> None:
        found = dict(self._store.all("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        for name, sql in JOURNAL_TRIGGERS.items():
            if found.pop(name, None) != sql:
                message = _("the trigger {name}, which keeps the journal append-only, is missing or altered")
                raise IntegrityError(message.format(name=name))
        if found:
            raise IntegrityError(_("the trigger {name} is not the auditor's").format(name=sorted(found)[0]))

    def _verify_chain(self) -> None:
        expected, prev = 1, GENESIS
        for seq, at, kind, actor, subject, data, before, digest in self._store.each(
            "SELECT seq, at, kind, actor, subject, data, prev, hash FROM journal ORDER BY seq"
        ):
            if seq != expected:
                raise IntegrityError(_("entry {number} of the journal is missing").format(number=expected))
            if before != prev or entry_hash(seq, at, kind, actor, subject, data, before) != digest:
                message = _("entry {number} of the journal ({kind} of {subject}) has been altered")
                raise IntegrityError(message.format(number=seq, kind=kind, subject=subject))
            expected, prev = expected + 1, digest

    def _verify_blobs(self) -> None:
        for number, *row in self._store.each("SELECT id, sha256, packed, data FROM blobs ORDER BY id"):
            blobs.unpack(tuple(row), _("blob {name}").format(name=number))
            if row[1] not in (0, 1):
                raise IntegrityError(_("blob {name} has been altered").format(name=number))

    def _verify_references(self) -> None:
        """What blobs name by hash must be there; the foreign keys do not see into them."""
        have = {row[0] for row in self._store.all("SELECT sha256 FROM blobs")}
        named: list[tuple[str, list[bytes]]] = []
        with decoding(_("a manifest")):
            for (blob,) in self._store.all("SELECT DISTINCT manifest FROM results"):
                named.append(
                    (_("the observations of manifest {name}").format(name=blob), list(manifest.references(self._blobs.get(blob))))
                )
            for run, plan, inputs in self._store.all("SELECT id, plan, inputs FROM runs"):
                names = [*json.loads(self._blobs.get(plan))["departments"], *(i[2] for i in json.loads(self._blobs.get(inputs)))]
                named.append((_("the plan or inputs of run {run}").format(run=run), [bytes.fromhex(n) for n in names]))
            for run, summary in self._store.all("SELECT id, summary FROM runs"):
                named.append((_("the parts of the summary of run {run}").format(run=run), list(summaries.references(summary))))
        for what, wanted in named:
            if not have.issuperset(wanted):
                raise IntegrityError(_("{what} are not whole: a blob is missing").format(what=what))

    def _verify_runs(self) -> None:
        rows = {str(row[0]): beginning(row) for row in self._store.all(BEGINNING)}
        begun, ended, newest = self._journalled_runs()
        for name in sorted(rows.keys() | begun.keys(), key=int):
            if rows.get(name) != begun.get(name):
                raise IntegrityError(_("run {run} is not as the journal's entry of its start tells").format(run=name))
        unfinished = False
        for run, status, summary, stopped in self._store.all("SELECT id, status, summary, ended FROM runs ORDER BY id"):
            if status == RunStatus.COLLECTING.value and str(run) not in ended:
                unfinished = True
                continue
            told = ended.get(str(run), {})
            if (status, digests.of_summary(summary), stopped) != (told.get("status"), told.get("summary"), told.get("at")):
                raise IntegrityError(_("run {run} is not as the journal's entry of its end tells").format(run=run))
            for part, digest in digests.of_run(self._store, run).items():
                if told.get(part) != digest:
                    message = _("what run {run} keeps of its {part} is not what it had at its end")
                    raise IntegrityError(message.format(run=run, part=part))
        if newest and not unfinished and not digests.is_of_state(self._store, newest["state"]):
            raise IntegrityError(_("the newest verdicts or the findings' last_seen are not what the last run left"))

    def _journalled_runs(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        begun: dict[str, Any] = {}
        ended: dict[str, Any] = {}
        newest: dict[str, Any] = {}
        for entry in self.journal():
            if entry.event.kind is EventKind.RUN_STARTED:
                begun[entry.event.subject] = entry.event.data
            elif entry.event.kind is EventKind.RUN_RESUMED and ended.pop(entry.event.subject, None) is None:
                continue  # it had been killed, not interrupted
            elif entry.event.kind in ENDINGS:
                newest = {**entry.event.data, "at": to_json(entry.event.at)}
                ended[entry.event.subject] = newest
        return begun, ended, newest

    def _verify_findings(self) -> None:
        told: dict[str, Finding] = {}
        for entry in self.journal():
            if entry.event.kind in MOVING:
                with decoding(_("entry {number} of the journal").format(number=entry.seq)):
                    told[entry.event.subject] = from_json(Finding, entry.event.data)
        rows = {row[0]: row for row in self.finding_rows()}
        for name in sorted(rows.keys() | told.keys()):
            row, last = rows.get(name), told.get(name)
            if row is None:
                raise IntegrityError(_("finding {name} is in the journal and missing from the findings").format(name=name))
            with decoding(_("finding {name}").format(name=name)):
                seen = datetime.fromisoformat(row[LAST_SEEN])
            if last is None or seen < last.last_seen or row != to_row(replace(last, last_seen=seen)):
                raise IntegrityError(_("finding {name} is not as the journal tells").format(name=name))

    def _verify_records(self) -> None:
        """What people decided is as the journal tells, and every file that they attached is there."""
        told: dict[tuple[str, str], str] = {}
        files: set[str] = set()
        for entry in self.journal():
            kind, data = record_kind(entry.event.kind), entry.event.data
            if kind:
                told[kind, entry.event.subject] = dumps(data.get("record"))
                files.update(_files(data.get("record")))
            elif entry.event.kind is EventKind.FINDING_ATTACHED:
                files.add(str(data.get("sha256")))
        rows = {(kind, name): text for kind, name, text in self._store.all("SELECT kind, id, data FROM records")}
        for key in sorted(rows.keys() | told.keys()):
            if rows.get(key) != told.get(key):
                raise IntegrityError(_("the record {name} is not as the journal tells").format(name=key[1]))
        have = {row[0].hex() for row in self._store.all("SELECT sha256 FROM blobs")}
        for name in sorted(files - have):
            raise IntegrityError(_("the file {name}, kept as evidence, is missing").format(name=name))

    def _verify_verdicts(self) -> None:
        wrong = self._store.one(
            """SELECT a.uid, c.name FROM verdicts v JOIN assets a ON a.id = v.asset JOIN checks c ON c.id = v.check_id
            WHERE v.change IS NOT (SELECT max(w.id) FROM verdict_changes w
                WHERE w.asset = v.asset AND w.check_id = v.check_id AND w.of_record)"""
        ) or self._store.one(
            """SELECT a.uid, c.name FROM verdict_changes w JOIN assets a ON a.id = w.asset JOIN checks c ON c.id = w.check_id
            WHERE w.of_record AND NOT EXISTS (SELECT 1 FROM verdicts v WHERE v.asset = w.asset AND v.check_id = w.check_id)"""
        )
        if wrong is not None:
            message = _("the newest verdict of {check} on {asset} is not the last change of it")
            raise IntegrityError(message.format(check=wrong[1], asset=wrong[0]))

    def _verify_volatile(self) -> None:
        lost = self._store.one(_VOLATILE_LOST)
        if lost is not None:
            message = _("the volatile outputs of {asset} in run {run} are missing")
            raise IntegrityError(message.format(asset=lost[0], run=lost[1]))
        for uid, run, digest, data in self._store.each(
            """SELECT a.uid, v.run, r.volatile_sha256, v.data FROM volatile_outputs v JOIN assets a ON a.id = v.asset
            LEFT JOIN results r ON r.asset = v.asset AND r.run = v.run"""
        ):
            if sha256(data) != digest:
                message = _("the volatile outputs of {asset} in run {run} have been altered")
                raise IntegrityError(message.format(asset=uid, run=run))


def _files(record: object) -> list[str]:
    """The SHA-256 of each file that a record names."""
    found = [record.get("frozen")] if isinstance(record, dict) else []
    listed = record.get("evidence") if isinstance(record, dict) else None
    found += [item.get("sha256") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return [str(name) for name in found if name]
