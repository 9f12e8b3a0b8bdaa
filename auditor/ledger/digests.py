"""What a run's ending writes into the journal about the tables, so that later edits of them are found.

Without it the chain would vouch for the findings alone. ``state`` covers what is updated in place: ``last_seen`` of the
findings, the newest verdicts and what those rest on. ``last_seen`` has no journal entry of its own: a finding that fails each
night would fill the journal with nothing new. It moves only inside a run, together with the verdict that moves it, and each run's
ending seals it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.migrations import RUN_BASE
from auditor.ledger.store import Store

_RESULTS = """
    SELECT a.uid, hex(b.sha256), r.reach, hex(r.times), hex(r.volatile_sha256)
    FROM results r JOIN assets a ON a.id = r.asset JOIN blobs b ON b.id = r.manifest
    WHERE r.run = ? ORDER BY a.uid"""
_JUDGEMENTS = """
    SELECT a.uid, hex(b.sha256)
    FROM judgements j JOIN assets a ON a.id = j.asset JOIN blobs b ON b.id = j.checks
    WHERE j.run = ? ORDER BY a.uid"""
_CHANGES = """
    SELECT v.id, a.uid, c.name, v.of_record, v.kind, hex(b.sha256), v.observed_at
    FROM verdict_changes v JOIN assets a ON a.id = v.asset JOIN checks c ON c.id = v.check_id JOIN blobs b ON b.id = v.outcome
    WHERE v.run = ? ORDER BY v.id"""
_NEWEST = f"""
    SELECT a.uid, c.name, v.change, v.run - {RUN_BASE}, v.observed_at
    FROM verdicts v JOIN assets a ON a.id = v.asset JOIN checks c ON c.id = v.check_id ORDER BY a.uid, c.name"""
_BASES = "SELECT a.uid, b.run, hex(b.basis) FROM bases b JOIN assets a ON a.id = b.asset ORDER BY a.uid"
_SEEN = "SELECT id, last_seen FROM findings ORDER BY id"


def of_run(store: Store, run: int) -> dict[str, str]:
    """Digests of what the run observed and judged."""
    return {"results": _digest(store, (_RESULTS,), (run,)), "judged": _digest(store, (_JUDGEMENTS, _CHANGES), (run,))}


def of_state(store: Store) -> str:
    """The digest of what runs update in place."""
    # ledgers of before have no bases, and what their last run's ending says of them holds
    bases = (_BASES,) if store.one("SELECT 1 FROM bases LIMIT 1") else ()
    return _digest(store, (_NEWEST, _SEEN, *bases), ())


def of_summary(summary: str) -> str:
    """The digest of a run's summary as its row holds it."""
    return sha256(summary.encode()).hex()


def _digest(store: Store, queries: tuple[str, ...], values: tuple[Any, ...]) -> str:
    total = hashlib.sha256()
    for query in queries:
        for row in store.each(query, values):
            total.update(dumps(row).encode() + b"\n")
        total.update(b"\n")
    return total.hexdigest()
