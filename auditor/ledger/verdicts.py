"""Verdicts: a row where something differs from the night before, and one small row that the asset was judged."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from auditor.errors import IntegrityError, LedgerError
from auditor.ledger.canonical import dumps, from_micros, to_micros
from auditor.ledger.edge import decoding
from auditor.ledger.findings import Findings
from auditor.ledger.schema import RUN_BASE
from auditor.ledger.store import Store
from auditor.model import Confirmed, Event, Outcome, Verdict, VerdictKind
from auditor.model.codec import from_json
from auditor.text import _

# Asset, check and instant are kept apart, so that equal outcomes of many hosts and nights are one blob.
_CONTENT = tuple(f.name for f in fields(Outcome) if f.name not in ("asset", "check", "observed_at", "shared"))
_AS_OF = f"""
    SELECT a.uid, c.name, v.outcome, v.observed_at, v.run, n.run - {RUN_BASE}, n.observed_at
    FROM verdict_changes v JOIN assets a ON a.id = v.asset JOIN checks c ON c.id = v.check_id
    LEFT JOIN verdicts n ON n.asset = v.asset AND n.check_id = v.check_id AND n.change = v.id
    WHERE v.id IN (
        SELECT max(w.id) FROM verdict_changes w JOIN judgements j ON j.run = ?1 AND j.asset = w.asset
        WHERE w.of_record = ?2 AND w.run <= ?1 AND (?2 OR w.run = ?1) GROUP BY w.asset, w.check_id)
    ORDER BY a.uid, c.name"""

_TEXTS = 5_000  # verdicts that are kept written out
_SETS = 200  # of checks
_WRITTEN = 15_000  # outcomes of several hosts, of which the blobs are known: those of fifty systems
_AT_ONCE = 5000  # SQLite takes some 32,000 parameters
_KINDS_AS_OF = """
    SELECT a.uid, v.kind, group_concat(v.check_id)
    FROM verdict_changes v JOIN assets a ON a.id = v.asset
    WHERE v.id IN (
        SELECT max(w.id) FROM verdict_changes w JOIN judgements j ON j.run = ?1 AND j.asset = w.asset
        WHERE w.of_record = ?2 AND w.run <= ?1 AND (?2 OR w.run = ?1)
            AND w.asset IN (SELECT id FROM assets WHERE uid IN ({marks}))
        GROUP BY w.asset, w.check_id)
    GROUP BY v.asset, v.kind"""

_NEWEST = f"""
    SELECT a.uid, c.name, v.outcome, v.observed_at, v.run, n.run - {RUN_BASE}, n.observed_at
    FROM verdicts n JOIN verdict_changes v ON v.id = n.change JOIN assets a ON a.id = n.asset JOIN checks c ON c.id = n.check_id
    ORDER BY a.uid, c.name"""


class Verdicts(Findings):
    """Keeps what was decided, as changes; gives back all verdicts as of a run."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._texts: dict[int, tuple[Verdict, str]] = {}
        self._marks: dict[frozenset[str], int] = {}  # sets of checks, and their blobs
        self._written: OrderedDict[int, tuple[Outcome, int]] = OrderedDict()
        store.on_rollback += [self._written.clear, self._marks.clear]

    def record_outcomes(
        self, run_id: int, outcomes: Sequence[Outcome], events: Sequence[Event], confirmed: Sequence[Confirmed] = ()
    ) -> None:
        """Keep outcomes, of one asset or of several, and what stands, with the events they cause, in one short transaction.

        The findings that ``events`` were reasoned from must be read in the same ``transaction``, so that no person's move made
        meanwhile is lost. A run that is not of the policy of record may bring no events: it moves no finding. Recording an
        asset again in the same run (after a resume) changes nothing where the outcomes are the same.
        """
        self._require_lock()
        of_record = self._of_record(run_id)
        if events and not of_record:
            message = _("run {run} is not of the policy of record: it moves no finding")
            raise LedgerError(message.format(run=run_id))
        by_asset: dict[str, tuple[list[Outcome], list[Confirmed]]] = {}
        for outcome in outcomes:
            by_asset.setdefault(outcome.asset, ([], []))[0].append(outcome)
        for stands in confirmed:
            by_asset.setdefault(stands.asset, ([], []))[1].append(stands)
        with self._store.writing():
            for asset, (judged, stand) in by_asset.items():
                self._mark_judged(run_id, asset, frozenset(one.check for own in (judged, stand) for one in own))
                self._keep_changes(run_id, asset, judged, of_record=of_record)
                if of_record:
                    self._keep_standing(run_id, asset, stand)
            if events:
                self._apply(*events)
            if of_record:
                self._see(outcomes, confirmed, events)

    def verdicts(self, run_id: int) -> tuple[Outcome, ...]:
        """Every outcome as of a run, of the assets and checks that it judged.

        ``observed_at`` is None where an older run only confirmed a verdict: its observations hold the times.
        """
        of_record = self._of_record(run_id)
        with self._store.reading():
            judged = self._judged(run_id)
            rows = self._store.all(_AS_OF, (run_id, int(of_record)))
            read: dict[int, Outcome] = {}
            return tuple(self._outcome(row, run_id, read) for row in rows if row[1] in judged[row[0]])

    def verdict_kinds(self, run_id: int, assets: Sequence[str]) -> dict[tuple[str, str], VerdictKind]:
        """The kind of every outcome on these assets as of a run, by asset and check: all that scoring needs of ``verdicts``."""
        of_record = self._of_record(run_id)
        kinds = {kind.value: kind for kind in VerdictKind}
        found: dict[tuple[str, str], VerdictKind] = {}
        with self._store.reading():
            judged = self._judged(run_id)
            names = {str(number): name for number, name in self._store.all("SELECT id, name FROM checks")}
            for start in range(0, len(assets), _AT_ONCE):
                some = assets[start : start + _AT_ONCE]
                rows = self._store.all(_KINDS_AS_OF.format(marks=", ".join("?" * len(some))), (run_id, int(of_record), *some))
                for uid, kind, numbers in rows:
                    own = judged.get(uid, frozenset())
                    found.update(((uid, name), kinds[kind]) for name in map(names.__getitem__, numbers.split(",")) if name in own)
        return found

    def newest_verdicts(self) -> tuple[Outcome, ...]:
        """The newest outcome of every asset and check under the policy of record, in whichever run it was given."""
        read: dict[int, Outcome] = {}
        return tuple(self._outcome(row, row[5], read) for row in self._store.all(_NEWEST))

    def _mark_judged(self, run_id: int, asset: str, checks: frozenset[str]) -> None:
        number = self._asset(asset)
        row = self._store.one("SELECT checks FROM judgements WHERE run = ? AND asset = ?", (run_id, number))
        before: list[str] = json.loads(self._blobs.get(row[0])) if row is not None else []
        blob = self._mark(checks.union(before))
        self._store.run("INSERT OR REPLACE INTO judgements (run, asset, checks) VALUES (?, ?, ?)", (run_id, number, blob))

    def _mark(self, checks: frozenset[str]) -> int:
        """The blob that names these checks; most hosts are judged by the same."""
        if checks not in self._marks:
            if len(self._marks) >= _SETS:
                self._marks.clear()
            self._marks[checks] = self._blobs.put(dumps(sorted(checks)).encode())
        return self._marks[checks]

    def _judged(self, run_id: int) -> dict[str, frozenset[str]]:
        sql = "SELECT a.uid, j.checks FROM judgements j JOIN assets a ON a.id = j.asset WHERE j.run = ?"
        sets: dict[int, frozenset[str]] = {}
        judged = {}
        for uid, blob in self._store.all(sql, (run_id,)):
            if blob not in sets:
                with decoding(_("the checks judged in run {run}").format(run=run_id)):
                    sets[blob] = frozenset(json.loads(self._blobs.get(blob)))
            judged[uid] = sets[blob]
        return judged

    def _keep_standing(self, run_id: int, asset: str, confirmed: Sequence[Confirmed]) -> None:
        """Only what a night moves is written: what a row refers to is there, and is not looked up again."""
        number = self._asset(asset)
        moved = self._store.run_many(
            f"UPDATE verdicts SET run = ?1 + {RUN_BASE}, observed_at = ?2 WHERE asset = ?3 AND check_id = ?4 AND change = ?5",
            [(run_id, to_micros(one.observed_at), number, self._check(one.check), one.change) for one in confirmed],
        )
        if moved != len(confirmed):
            raise IntegrityError(_("verdicts on {asset} that stand are not in the ledger").format(asset=asset))

    def _keep_changes(self, run_id: int, asset: str, outcomes: Sequence[Outcome], *, of_record: bool) -> None:
        number = self._asset(asset)
        newest: list[tuple[int, int, int, int, int | None]] = []
        checks = [self._check(outcome.check) for outcome in outcomes]
        sql = f"""SELECT v.check_id, v.change, w.outcome FROM verdicts v JOIN verdict_changes w ON w.id = v.change
            WHERE v.asset = ? AND v.check_id IN ({", ".join("?" * len(checks))})"""
        held = (
            {check: (change, blob) for check, change, blob in self._store.all(sql, (number, *checks))}
            if checks and of_record
            else {}
        )
        changes: list[tuple[int, int, int, int, int, str, int, int | None]] = []
        last = int(self._found(self._store.one("SELECT coalesce(max(id), 0) FROM verdict_changes"), "")[0])
        for outcome, check in zip(outcomes, checks, strict=True):
            at = _micros(outcome.observed_at)
            change, before = held.get(check, (None, None))
            blob = self._content_blob(outcome)
            if change is None or not self._same(blob, before, steady=outcome.check in self._volatile):
                change = last + len(changes) + 1
                changes.append((change, run_id, number, check, int(of_record), outcome.kind.value, blob, at))
            newest.append((number, check, change, run_id, at))
        self._store.run_many(
            "INSERT INTO verdict_changes (id, run, asset, check_id, of_record, kind, outcome, observed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            changes,
        )
        if of_record:
            self._store.run_many(
                "INSERT OR REPLACE INTO verdicts (asset, check_id, change, run, observed_at)"
                f" VALUES (?, ?, ?, ? + {RUN_BASE}, ?)",
                newest,
            )

    def _content_blob(self, outcome: Outcome) -> int:
        """The blob of what is decided. Hosts that show the same share the very verdicts: then it is known already."""
        if not outcome.shared:
            return self._blobs.put(self._content(outcome))
        held, blob = self._written.get(id(outcome.verdicts), (None, 0))
        if held is not None and held.verdicts is outcome.verdicts and _rest(held) == _rest(outcome):
            self._written.move_to_end(id(outcome.verdicts))
            return blob
        blob = self._blobs.put(self._content(outcome))
        self._written[id(outcome.verdicts)] = (outcome, blob)
        self._written.move_to_end(id(outcome.verdicts))
        if len(self._written) > _WRITTEN:
            self._written.popitem(last=False)
        return blob

    def _content(self, outcome: Outcome) -> bytes:
        """What is decided, as ``dumps`` writes it; the verdicts that hosts share are written out once."""
        texts = ",".join(map(self._text, outcome.verdicts))
        rest = dumps({name: getattr(outcome, name) for name in _CONTENT if name != "verdicts"})
        return f'{rest[:-1]},"verdicts":[{texts}]}}'.encode()  # the last name in the order of the alphabet

    def _text(self, verdict: Verdict) -> str:
        held, text = self._texts.get(id(verdict), (None, ""))
        if held is not verdict:
            text = dumps(verdict)
            if len(self._texts) >= _TEXTS:
                self._texts.clear()
            self._texts[id(verdict)] = (verdict, text)
        return text

    def _same(self, blob: int, before: int, *, steady: bool) -> bool:
        if blob == before or not steady:
            return blob == before
        return _unvarying(self._blobs.get(blob)) == _unvarying(self._blobs.get(before))

    def _outcome(self, row: tuple[Any, ...], run_id: int, read: dict[int, Outcome]) -> Outcome:
        uid, check, blob, changed_at, changed_in, newest_in, newest_at = row
        if blob not in read:
            with decoding(_("the outcome of {check} on {asset}").format(check=check, asset=uid)):
                told = json.loads(self._blobs.get(blob))
                read[blob] = from_json(Outcome, {**told, "asset": uid, "check": check, "observed_at": None})
        at = newest_at if newest_in == run_id else changed_at if changed_in == run_id else None
        return replace(read[blob], asset=uid, check=check, observed_at=None if at is None else from_micros(at))

    def _of_record(self, run_id: int) -> bool:
        row = self._store.one("SELECT of_record FROM runs WHERE id = ?", (self.run(run_id).id,))
        return bool(self._found(row, _("run {run}").format(run=run_id))[0])


def _rest(outcome: Outcome) -> tuple[object, ...]:
    """What is in the content beside the verdicts."""
    return outcome.definition, outcome.kind, outcome.complete, outcome.excluded


def _unvarying(content: bytes) -> str:
    told = json.loads(content)
    for verdict in told["verdicts"]:
        del verdict["observed"]
    return dumps(told)


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else to_micros(instant)
