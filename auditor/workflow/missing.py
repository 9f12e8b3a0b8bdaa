"""What a run did not reach, and since when nobody has looked there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from auditor.ledger import Ledger
from auditor.model import Catalogue, Finding, FindingState, Missed, Reach, Run
from auditor.workflow.queries import reading


def missed_of(ledger: Ledger, run: Run, until: int | None = None) -> Iterator[Missed]:
    """Assets that a run did not reach, each with when one up to it, or up to the run ``until``, last did."""
    told = run.summary.get("not_reached")
    rows: list[dict[str, Any]] = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    last = ledger.reaches(until or run.id) if rows else {}
    for row in rows:
        uid = str(row["asset"])
        yield Missed(uid, str(row["name"]), str(row["department"]), Reach(row["reach"]), str(row["detail"]), last.get(uid))


def unseen_since(catalogue: Catalogue, finding: Finding) -> Missed | None:
    """Why the newest audit could not look at a finding that is not closed; None where it did, or a rescan has since."""
    if finding.state is FindingState.CLOSED:
        return None
    with reading(catalogue) as ledger:
        counted = ledger.counted_runs()
        if not counted:
            return None
        run = ledger.run(counted[-1])
        missed = next((m for m in missed_of(ledger, run, sys.maxsize) if m.asset == finding.asset), None)
    looked = missed is not None and missed.last_reached is not None and missed.last_reached > run.started
    return None if looked else missed
