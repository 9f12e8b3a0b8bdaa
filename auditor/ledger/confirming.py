"""What was decided of an asset the last time, and what of tonight's outputs is as it was then."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from auditor.ledger import manifest
from auditor.ledger.edge import decoding
from auditor.ledger.schema import RUN_BASE
from auditor.ledger.store import Store
from auditor.ledger.verdicts import Verdicts
from auditor.model import CLEAR, Confirmed, Outcome, ProbeCall, RunStatus, VerdictKind
from auditor.model.codec import from_json
from auditor.text import _

_REMEMBERED = 20_000  # verdicts, in the outcomes that were read

# The last run that judged the asset counts only where it came to its end: one that was killed may have kept outputs of a second
# visit beside verdicts on the first.
_BEFORE = """
    SELECT b.run, b.findings, p.manifest, n.manifest
    FROM bases b JOIN runs u ON u.id = b.run
    JOIN results p ON p.run = b.run AND p.asset = b.asset
    JOIN results n ON n.run = ?2 AND n.asset = b.asset
    WHERE b.asset = ?1 AND b.basis = ?3 AND b.run < ?2 AND u.status = ?4"""
_HELD = f"""
    SELECT c.name, v.change, w.kind, w.outcome FROM verdicts v
    JOIN checks c ON c.id = v.check_id JOIN verdict_changes w ON w.id = v.change
    WHERE v.asset = ? AND v.run = ? + {RUN_BASE} AND v.observed_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class LastVerdicts:
    """Clear verdicts of the last run, by check, and the probes of which tonight's result tells something else than that run's.

    Volatile probes are not among ``changed``: their outputs are not compared. ``findings`` is what ``findings_digest`` gave when
    the asset had been judged, b"" where something was left to happen to its findings by the same verdicts.
    """

    verdicts: Mapping[str, tuple[VerdictKind, int, int]]  # the kind, the change that gave it, what was decided
    changed: frozenset[ProbeCall]
    findings: bytes


class Confirming(Verdicts):
    """Gives back what stands, and keeps what it rests on."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._contents: OrderedDict[int, Outcome] = OrderedDict()
        self._many = 0

    def last_verdicts(self, run_id: int, asset: str, basis: bytes) -> LastVerdicts | None:
        """What the last run decided of the asset on the same basis, if anything. This run's own result must be recorded."""
        number = self._asset(asset)
        row = self._store.one(_BEFORE, (number, run_id, basis, RunStatus.FINISHED.value))
        if row is None or not self._of_record(run_id):
            return None
        run, findings, before, now = row
        changed: frozenset[ProbeCall] = frozenset()
        if before != now:
            with decoding(_("the result of {asset}").format(asset=asset)):
                changed = manifest.changed(self._blobs.get(before), self._blobs.get(now))
        kinds = {kind.value: kind for kind in CLEAR}
        held = self._store.all(_HELD, (number, run))
        verdicts = {name: (kinds[kind], change, blob) for name, change, kind, blob in held if kind in kinds}
        return LastVerdicts(verdicts, changed, findings or b"")

    def confirmed(self, asset: str, last: LastVerdicts, observed: Mapping[str, datetime]) -> tuple[Confirmed, ...]:
        """Those of the last verdicts that stand, as what they rest on was ``observed`` again; by check."""
        found = []
        for check, at in observed.items():
            if check not in last.verdicts:
                continue
            kind, change, content = last.verdicts[check]
            found.append(Confirmed(asset, check, kind, at, change, content))
        return tuple(found)

    def whole(self, confirmed: Confirmed) -> Outcome:
        """All that was decided."""
        c = confirmed
        return c.outcome or self._whole(c.asset, c.check, c.content, c.observed_at)

    def record_basis(self, run_id: int, asset: str, basis: bytes, findings: bytes) -> None:
        """Keep what the verdicts of this run on the asset rest on beside its outputs, and the digest of its settled findings."""
        self._require_lock()
        if self._of_record(run_id):
            row = (self._asset(asset), run_id, basis, findings or None)
            self._store.run("INSERT OR REPLACE INTO bases (asset, run, basis, findings) VALUES (?, ?, ?, ?)", row)

    def _whole(self, asset: str, check: str, content: int, observed_at: datetime) -> Outcome:
        """What was decided, read from its blob unless it was lately; hosts of one fleet share most of them."""
        held = self._contents.get(content)
        if held is None:
            with decoding(_("the outcome of {check} on {asset}").format(check=check, asset=asset)):
                told = json.loads(self._blobs.get(content))
                held = from_json(Outcome, {**told, "asset": asset, "check": check, "observed_at": None})
            self._contents[content] = held
            self._many += held.size
            while self._many > _REMEMBERED:
                self._many -= self._contents.popitem(last=False)[1].size
        else:
            self._contents.move_to_end(content)
        return Outcome(asset, check, held.definition, held.kind, held.verdicts, held.complete, observed_at, held.excluded)
