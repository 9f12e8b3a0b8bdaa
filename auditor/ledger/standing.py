"""What was decided of an asset the last time, and what of tonight's outputs is as it was then."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from auditor.ledger import manifest
from auditor.ledger.edge import decoding
from auditor.ledger.store import Store
from auditor.ledger.verdicts import Verdicts
from auditor.model import Confirmed, Outcome, ProbeCall, RunStatus, VerdictKind
from auditor.model.codec import from_json
from auditor.text import _

_REMEMBERED = 60_000  # verdicts, in the outcomes that were read
_CLEAR = (VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.NOT_APPLICABLE)

# The last run that judged the asset counts only where it came to its end: one that was killed may have kept outputs of a second
# visit beside verdicts on the first.
_BEFORE = """
    SELECT b.run, p.manifest, n.manifest
    FROM bases b JOIN runs u ON u.id = b.run
    JOIN results p ON p.run = b.run AND p.asset = b.asset
    JOIN results n ON n.run = ?2 AND n.asset = b.asset
    WHERE b.asset = ?1 AND b.basis = ?3 AND b.run < ?2 AND u.status = ?4"""
_HELD = """
    SELECT c.name, v.change, w.kind, w.outcome FROM verdicts v
    JOIN checks c ON c.id = v.check_id JOIN verdict_changes w ON w.id = v.change
    WHERE v.asset = ? AND v.run = ? AND v.observed_at IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Clear verdicts of the last run, by check, and the probes of which tonight's result tells something else than that run's.

    Volatile probes are not among ``changed``: their outputs are not compared.
    """

    verdicts: Mapping[str, tuple[VerdictKind, int, int]]  # the kind, the change that gave it, what was decided
    changed: frozenset[ProbeCall]


class Standings(Verdicts):
    """Gives back what stands, and keeps what it rests on."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._contents: OrderedDict[int, Outcome] = OrderedDict()
        self._many = 0

    def standing(self, run_id: int, asset: str, basis: bytes) -> Standing | None:
        """What the last run decided of the asset on the same basis, if anything. This run's own result must be recorded."""
        number = self._asset(asset)
        row = self._store.one(_BEFORE, (number, run_id, basis, RunStatus.FINISHED.value))
        if row is None or not self._of_record(run_id):
            return None
        run, before, now = row
        changed: frozenset[ProbeCall] = frozenset()
        if before != now:
            with decoding(_("the result of {asset}").format(asset=asset)):
                changed = manifest.changed(self._blobs.get(before), self._blobs.get(now))
        kinds = {kind.value: kind for kind in _CLEAR}
        held = self._store.all(_HELD, (number, run))
        return Standing({name: (kinds[kind], change, blob) for name, change, kind, blob in held if kind in kinds}, changed)

    def confirmed(self, asset: str, standing: Standing, observed: Mapping[str, datetime]) -> tuple[Confirmed, ...]:
        """Those of the standing verdicts that were ``observed`` again, by check."""
        found = []
        for check, at in observed.items():
            if check not in standing.verdicts:
                continue
            one = Confirmed(asset, check, standing.verdicts[check][0], at, *standing.verdicts[check][1:])
            found.append(replace(one, outcome=self.whole(one)) if one.kind is VerdictKind.FAIL else one)
        return tuple(found)

    def whole(self, confirmed: Confirmed) -> Outcome:
        """All that was decided."""
        if confirmed.outcome is not None:
            return confirmed.outcome
        held = self._content_of(confirmed)
        return replace(held, asset=confirmed.asset, check=confirmed.check, observed_at=confirmed.observed_at)

    def record_basis(self, run_id: int, asset: str, basis: bytes) -> None:
        """Keep what the verdicts of this run on the asset rest on beside its outputs."""
        self._require_lock()
        if self._of_record(run_id):
            row = (self._asset(asset), run_id, basis)
            self._store.run("INSERT OR REPLACE INTO bases (asset, run, basis) VALUES (?, ?, ?)", row)

    def _content_of(self, confirmed: Confirmed) -> Outcome:
        held = self._contents.get(confirmed.content)
        if held is not None:
            self._contents.move_to_end(confirmed.content)
            return held
        with decoding(_("the outcome of {check} on {asset}").format(check=confirmed.check, asset=confirmed.asset)):
            told = json.loads(self._blobs.get(confirmed.content))
            held = from_json(Outcome, {**told, "asset": "", "check": "", "observed_at": None})
        self._contents[confirmed.content] = held
        self._many += 1 + len(held.verdicts)
        while self._many > _REMEMBERED:
            _number, old = self._contents.popitem(last=False)
            self._many -= 1 + len(old.verdicts)
        return held
