"""What a run's ending writes into the journal about the tables, so that later edits of them are found.

Without it the chain would vouch for the findings alone. ``state`` covers what is updated in place: ``last_seen`` of the
findings, the newest verdicts and what those rest on. ``last_seen`` has no journal entry of its own: a finding that fails each
night would fill the journal with nothing new. It moves only inside a run, together with the verdict that moves it, and each run's
ending seals it.
"""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from typing import Any

from auditor.ledger.canonical import sha256
from auditor.ledger.schema import RUN_BASE
from auditor.ledger.store import Store

_AT_ONCE = 500  # rows
_BETWEEN = "\x1e"
_TOGETHER = json.JSONEncoder(separators=(_BETWEEN, ":"))

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
_BASES = "SELECT asset, run, hex(basis), hex(findings) FROM bases ORDER BY asset"
# In the order in which the rows lie, and by numbers: they are many, and this is read at the end of each night.
_STATE = (
    f"SELECT asset, check_id, change, run - {RUN_BASE}, observed_at FROM verdicts ORDER BY asset, check_id",
    "SELECT id, last_seen FROM findings ORDER BY asset, check_id, subject",
    _BASES,
    "SELECT id, uid FROM assets WHERE EXISTS (SELECT 1 FROM verdicts WHERE asset = assets.id) ORDER BY id",
    "SELECT id, name FROM checks WHERE id IN (SELECT check_id FROM verdicts) ORDER BY id",
)
# As runs of before the sixth schema sealed it, and of before the fifth.
_STATE_BEFORE = tuple(sql.replace(", hex(findings)", "") for sql in _STATE)
_NEWEST_BEFORE = f"""
    SELECT a.uid, c.name, v.change, v.run - {RUN_BASE}, v.observed_at
    FROM verdicts v JOIN assets a ON a.id = v.asset JOIN checks c ON c.id = v.check_id ORDER BY a.uid, c.name"""
_BASES_BEFORE = "SELECT a.uid, b.run, hex(b.basis) FROM bases b JOIN assets a ON a.id = b.asset ORDER BY a.uid"
_SEEN_BEFORE = "SELECT id, last_seen FROM findings ORDER BY id"


def of_run(store: Store, run: int) -> dict[str, str]:
    """Digests of what the run observed and judged."""
    return {"results": _digest(store, (_RESULTS,), (run,)), "judged": _digest(store, (_JUDGEMENTS, _CHANGES), (run,))}


def of_state(store: Store) -> str:
    """The digest of what runs update in place."""
    return _digest(store, _STATE, ())


def of_bases(store: Store) -> str:
    """The digest of what newest verdicts and settled findings rest on: the next run is spared what these vouch for."""
    return _digest(store, (_BASES,), ())


def is_of_state(store: Store, digest: str) -> bool:
    """Whether a run's ending left what is there now; runs of before sealed it in other words."""
    if digest == of_state(store):
        return True
    # they left no digests of findings: none may have come since
    settled = store.one("SELECT 1 FROM bases WHERE findings IS NOT NULL LIMIT 1")
    return settled is None and digest in (_digest(store, _STATE_BEFORE, ()), _of_state_before(store))


def _of_state_before(store: Store) -> str:
    # ledgers of before the fourth schema have no bases, and what their last run's ending says of them holds
    bases = (_BASES_BEFORE,) if store.one("SELECT 1 FROM bases LIMIT 1") else ()
    return _digest(store, (_NEWEST_BEFORE, _SEEN_BEFORE, *bases), ())


def of_summary(summary: str) -> str:
    """The digest of a run's summary as its row holds it."""
    return sha256(summary.encode()).hex()


def _digest(store: Store, queries: tuple[str, ...], values: tuple[Any, ...]) -> str:
    total = hashlib.sha256()
    for query in queries:
        rows = store.each(query, values)
        while some := list(islice(rows, _AT_ONCE)):
            total.update(_lines(some))
        total.update(b"\n")
    return total.hexdigest()


def _lines(rows: list[tuple[Any, ...]]) -> bytes:
    """Each row as ``dumps`` writes it and a line end. Written together they take a third of the time; a separator that JSON
    escapes in texts tells which comma stands between two rows.
    """
    return _TOGETHER.encode(rows)[1:-1].replace(f"]{_BETWEEN}[", "]\n[").replace(_BETWEEN, ",").encode() + b"\n"
