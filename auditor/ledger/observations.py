"""Observations: durable before they are judged, and given back equal to what was recorded."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from auditor.facts import is_volatile
from auditor.ledger import manifest
from auditor.ledger.canonical import sha256
from auditor.ledger.runs import Runs
from auditor.model import AssetResult, ObservationStatus, ProbeCall, Reach
from auditor.model.texts import digest_of
from auditor.text import _

_VOLATILE_KEPT = 2  # newest results of each asset that keep their volatile outputs
_BEYOND = 1 << 62  # every run's number
_COLUMNS = """
    SELECT a.uid, r.manifest, r.times, r.volatile_sha256, v.data
    FROM results r JOIN assets a ON a.id = r.asset
    LEFT JOIN volatile_outputs v ON v.asset = r.asset AND v.run = r.run"""


class Observations(Runs):
    """Keeps what each run saw of each asset."""

    def record_result(self, run_id: int, result: AssetResult) -> None:
        """Keep all that one attempt on one asset brought, in one transaction that is on disk when this returns.

        There is one result per asset and run: recording again replaces the former. Durations
        are kept to the millisecond.
        """
        self._require_lock()
        packed = manifest.pack(result, is_volatile)
        with self._store.writing():
            asset = self._asset(result.asset)
            for name, output in packed.outputs.items():
                self._blobs.put_text(name, output)
            digest = sha256(packed.volatile) if packed.volatile else None
            self._store.run(
                "INSERT OR REPLACE INTO results (run, asset, manifest, reach, times, volatile_sha256) VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, asset, self._blobs.put(packed.manifest), result.reach.value, packed.times, digest),
            )
            self._store.run("DELETE FROM volatile_outputs WHERE asset = ? AND run = ?", (asset, run_id))
            if packed.volatile:
                self._store.run(
                    "INSERT INTO volatile_outputs (asset, run, data) VALUES (?, ?, ?)", (asset, run_id, packed.volatile)
                )
                self._store.run(
                    "DELETE FROM volatile_outputs WHERE asset = ?1 AND run NOT IN"
                    " (SELECT run FROM volatile_outputs WHERE asset = ?1 ORDER BY run DESC LIMIT ?2)",
                    (asset, _VOLATILE_KEPT),
                )

    def done_assets(self, run_id: int) -> frozenset[str]:
        """Uids of the assets whose result is durable in this run: those that a resumed run need not visit again."""
        sql = "SELECT a.uid FROM results r JOIN assets a ON a.id = r.asset WHERE r.run = ?"
        return frozenset(uid for (uid,) in self._store.all(sql, (run_id,)))

    def skipped_assets(self, run_id: int) -> frozenset[str]:
        """Uids of those among them that the run left alone."""
        sql = "SELECT a.uid FROM results r JOIN assets a ON a.id = r.asset WHERE r.run = ? AND r.reach = ?"
        return frozenset(uid for (uid,) in self._store.all(sql, (run_id, Reach.SKIPPED.value)))

    def reaches(self, run_id: int) -> dict[str, datetime]:
        """When each asset was last reached, by uid, in a run up to this one: the instant at which that run began."""
        sql = """SELECT a.uid, max(u.started) FROM results r JOIN runs u ON u.id = r.run JOIN assets a ON a.id = r.asset
            WHERE r.reach = ? AND r.run <= ? GROUP BY a.uid"""
        return {uid: datetime.fromisoformat(at) for uid, at in self._store.all(sql, (Reach.REACHED.value, run_id))}

    def result(self, run_id: int, asset: str, probes: Container[ProbeCall] | None = None) -> AssetResult | None:
        """What a run saw of an asset, by these probes alone where they are given; None when it has recorded nothing of it.

        What is read by some probes alone is not remembered: a department's hosts are gone through once.
        """
        row = self._store.one(f"{_COLUMNS} WHERE r.run = ? AND a.uid = ?", (run_id, asset))
        return None if row is None else self._rebuilt(row, probes)

    def results(self, run_id: int) -> Iterator[AssetResult]:
        """Every result of a run, one at a time."""
        for (asset,) in self._store.all("SELECT asset FROM results WHERE run = ? ORDER BY asset", (run_id,)):
            yield self._rebuilt(self._row(run_id, asset))

    def attempts(self, asset: str, probes: Container[ProbeCall], texts: Iterable[str]) -> Iterator[tuple[int, AssetResult]]:
        """What nights made of an asset, the newest first, each with the number of its run.

        It holds these ``probes`` alone, and of what they printed those of the ``texts`` that are told apart: the outputs are
        not read.
        """
        known = {digest_of(text): text for text in texts}
        older = "SELECT r.run, r.asset FROM results r JOIN assets a ON a.id = r.asset WHERE a.uid = ? AND r.run < ?"
        run = _BEYOND
        while row := self._store.one(f"{older} ORDER BY r.run DESC LIMIT 1", (asset, run)):
            run = row[0]
            if self._is_night(run):
                uid, blob, times, *_volatile = self._row(*row)
                yield run, manifest.unpack(uid, self._blobs.get(blob), times, None, lambda name: known.get(name, ""), probes)

    def newest_results(self) -> Iterator[AssetResult]:
        """The newest that is known of each asset, by runs of the policy of record.

        That is the newest result of a whole run that reached it (else the newest attempt), with what runs have observed of it
        since put in place: all that narrowed ones asked again where they reached it, and what others saw all the same.
        """
        sql = """
            SELECT coalesce(max(CASE WHEN reach = ? AND NOT narrowed THEN run END), max(CASE WHEN NOT narrowed THEN run END), 0),
                asset FROM results JOIN runs ON runs.id = run WHERE of_record GROUP BY asset ORDER BY asset"""
        since = "SELECT run FROM results JOIN runs ON runs.id = run WHERE of_record AND asset = ? AND run > ? ORDER BY run"
        for base, asset in self._store.all(sql, (Reach.REACHED.value,)):
            known = self._rebuilt(self._row(base, asset)) if base else None
            for (run,) in self._store.all(since, (asset, base)):
                known = _newer(known, self._rebuilt(self._row(run, asset)))
            if known is not None:
                yield known

    def _row(self, run_id: int, asset: int) -> tuple[Any, ...]:
        # one query a row: a cursor left open would pin a view from which the caller could no longer write
        row = self._store.one(f"{_COLUMNS} WHERE r.run = ? AND r.asset = ?", (run_id, asset))
        return self._found(row, _("the result of asset {asset} in run {run}").format(asset=asset, run=run_id))

    def _rebuilt(self, row: tuple[Any, ...], probes: Container[ProbeCall] | None = None) -> AssetResult:
        uid, blob, times, digest, volatile = row
        trusted = volatile if volatile is not None and sha256(volatile) == digest else None
        text = self._blobs.text if probes is None else self._blobs.text_once
        return manifest.unpack(uid, self._blobs.get(blob), times, trusted, text, probes)


def _newer(known: AssetResult | None, since: AssetResult) -> AssetResult | None:
    """What is known of an asset after a later run; one that did not reach it may have seen a part, or its network's side."""
    if since.reach is not Reach.REACHED:
        seen = tuple(o for o in since.observations if o.status is ObservationStatus.OK)
        since = replace(known or since, observations=seen)
        if not seen:
            return known
    observations = {o.probe: o for result in (known, since) if result is not None for o in result.observations}
    return replace(since, observations=tuple(observations.values()))
