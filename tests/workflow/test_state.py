"""The ledger as it stood: the journal gives back what the tables held then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from auditor.ledger import Ledger
from auditor.model import Catalogue, Finding, FindingState
from auditor.workflow import state
from tests.reporting.seed import seed


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return seed(tmp_path_factory.mktemp("seeded") / "workspace")


def _seen_aside(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Seeing a finding again moves nothing, and the journal does not tell of it."""
    return tuple(replace(f, last_seen=f.first_seen) for f in findings)


def test_the_journal_alone_gives_what_the_tables_hold(seeded: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings, exceptions, answers, campaigns and circulars, in the same order."""
    with Ledger.open(seeded.settings.ledger, create=False, readonly=True) as ledger:
        now = state.present(ledger)
        monkeypatch.setattr(state, "present", lambda _ledger: pytest.fail("the tables were read"))
        monkeypatch.setattr(ledger, "head", lambda: (now.seq + 1, "later"))
        told = state.after(ledger, now.seq)
    assert _seen_aside(told.findings) == _seen_aside(now.findings)
    assert replace(told, findings=now.findings) == now


def test_every_entry_is_a_point_in_history(seeded: Catalogue) -> None:
    """State grows with the journal: nothing is known before it was written."""
    with Ledger.open(seeded.settings.ledger, create=False, readonly=True) as ledger:
        heads = {entry.seq: entry.hash for entry in ledger.journal()}
        states = [state.after(ledger, seq) for seq in heads]
    assert [(s.seq, s.head) for s in states] == list(heads.items())
    assert [len(s.findings) for s in states] == sorted(len(s.findings) for s in states)
    assert len(states[0].findings) == 0
    assert max(len(s.exceptions) for s in states) == 1


def test_two_points_differ_by_what_has_moved_between_them(seeded: Catalogue) -> None:
    """Of every two: what moved stood at the first as the whole journal tells, also where it was not there yet; what is said not
    to have moved had the same state, reopened as often. A finding that was closed and reopened in between has moved."""
    moves: set[tuple[object, object]] = set()
    with Ledger.open(seeded.settings.ledger, create=False, readonly=True) as ledger:
        seqs = [0, *(entry.seq for entry in ledger.journal())]
        held = {seq: {f.id: f for f in state.after(ledger, seq).findings} for seq in seqs}
        for first, last in combinations(seqs, 2):
            moved = state.moved_since(ledger, first, last)
            assert moved.keys() <= held[last].keys()
            for name, now in held[last].items():
                before = held[first].get(name)
                if name in moved:
                    assert _as_moved(before) == _as_moved(moved[name])
                    moves.add((before and before.state, now.state))
                else:
                    assert before is not None
                    assert (before.state, before.reopened) == (now.state, now.reopened)
    assert moves >= {
        (None, FindingState.OPEN),
        (FindingState.OPEN, FindingState.CLOSED),
        (FindingState.CLOSED, FindingState.REOPENED),
    }


def _as_moved(finding: Finding | None) -> Finding | None:
    return finding and replace(finding, last_seen=finding.first_seen)


def test_an_empty_ledger_has_a_state(tmp_path: Path) -> None:
    """With nothing in it."""
    with Ledger.open(tmp_path / "findings" / "ledger.db") as ledger:
        empty = state.after(ledger, 0)
    assert list(empty.findings) == []
    assert empty == state.State(0, "", empty.findings, (), (), (), ())


def test_scores_read_the_very_verdicts(seeded: Catalogue) -> None:
    """What scoring reads in short is what the verdicts say at length, of every run; nothing that is missing reads as passed."""
    with Ledger.open(seeded.settings.ledger, create=False, readonly=True) as ledger:
        for run in ledger.runs():
            whole = {(o.asset, o.check): o.kind for o in ledger.verdicts(run.id)}
            assets = sorted({asset for asset, _check in whole})
            assert ledger.verdict_kinds(run.id, assets) == whole
            assert ledger.verdict_kinds(run.id, [assets[0], "nobody"]) == {k: v for k, v in whole.items() if k[0] == assets[0]}
