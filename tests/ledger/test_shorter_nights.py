"""Summaries and instants in few bytes, and a ledger of before, which holds both at length."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import IntegrityError
from auditor.ledger import Ledger, manifest, summaries
from auditor.ledger.canonical import dumps, to_micros
from auditor.ledger.manifest import _varints
from auditor.model import AssetResult, Json, RunStatus

from .make import DAY, INPUTS, T0, aged, night, outcome, plan, result

MISSED: list[Json] = [{"asset": f"h{n}", "name": f"h{n}", "reach": "unreachable", "detail": "no answer"} for n in range(30)]
SUMMARY: dict[str, Json] = {
    "complete": False,
    "departments": [{"id": name, "controls": [{"control": f"A.5.{n}", "weight": n} for n in range(40)]} for name in ("a", "b")],
    "not_reached": MISSED,
}


def finished(ledger: Ledger, nights: int, summary: dict[str, Json]) -> int:
    at = T0 + nights * DAY
    with ledger.lock(actor="cron", now=at):
        run = ledger.begin_run(plan(at), INPUTS, actor="cron", now=at)
        ledger.record_result(run.id, result(at=at))
        ledger.finish_run(run.id, summary, actor="cron", now=at + timedelta(minutes=5))
    return run.id


def test_a_summary_that_repeats_is_kept_once(ledger: Ledger) -> None:
    """Each run gives back its own; the second night adds hashes alone, and a department that changed is one blob."""
    changed = {**SUMMARY, "departments": [SUMMARY["departments"][0], {"id": "b"}], "not_reached": []}  # type: ignore[index]
    count = "SELECT count(*) FROM blobs"
    runs, blobs = [], []
    for n, summary in enumerate((SUMMARY, SUMMARY, changed)):
        runs.append(finished(ledger, n, summary))
        blobs.append(ledger._store.all(count)[0][0])
    assert [ledger.run(run).summary for run in runs] == [SUMMARY, SUMMARY, changed]
    assert [(run.id, run.summary) for run in ledger.runs()] == [(name, {"complete": False}) for name in reversed(runs)]
    assert (blobs[1] - blobs[0], blobs[2] - blobs[1]) == (0, 1)
    assert max(len(text) for (text,) in ledger._store.all("SELECT summary FROM runs")) < 400
    assert ledger.verify().problem == ""


def test_a_night_is_of_everything_or_of_departments(ledger: Ledger) -> None:
    """Or of departments. Regression: one whole audit outweighed every later night of departments, and a rescan of one host stood
    for a night where there was no other."""
    scopes: tuple[dict[str, Json], ...] = (
        {"hosts": ["h0"]},
        {},
        {"checks": ["ssh-root-login"]},
        {"departments": ["health"]},
        {"departments": ["health"], "hosts": ["h0"]},
        {"reevaluation": True},
        {},
    )
    found = []
    for n, scope in enumerate(scopes):
        at = T0 + n * DAY
        with ledger.lock(actor="cron", now=at):
            run = ledger.begin_run(replace(plan(at, narrowed=bool(scope)), scope=scope), INPUTS, actor="cron", now=at)
            if n < 6:
                ledger.finish_run(run.id, SUMMARY, actor="cron", now=at)
        newest = ledger.newest_night()
        found.append((newest.id, newest.status) if newest else None)
    whole, part = (2, RunStatus.FINISHED), (4, RunStatus.FINISHED)
    assert found == [None, whole, whole, part, part, part, (7, RunStatus.COLLECTING)]
    assert ledger.counted_runs() == (2,)


def test_a_part_of_a_summary_that_is_gone_is_found(ledger: Ledger, path: Path) -> None:
    """The row's own digest does not cover what it names."""
    finished(ledger, 0, SUMMARY)
    ledger.close()
    other = sqlite3.connect(path)
    (written,) = other.execute("SELECT summary FROM runs").fetchone()
    names = list(summaries.references(written))
    assert len(names) == 3
    other.execute("DELETE FROM blobs WHERE sha256 = ?", (names[0],))
    other.commit()
    other.close()
    with Ledger.open(path, readonly=True) as opened:
        assert opened.verify().problem == "the parts of the summary of run 1 are not whole: a blob is missing"
        with pytest.raises(IntegrityError):
            opened.run(1)


def at_length(seen: AssetResult) -> bytes:
    """The instants as they were written before."""
    last = to_micros(seen.started)
    numbers = [last, to_micros(seen.ended) - last]
    for o in seen.observations:
        at = to_micros(o.observed_at)
        numbers += [at - last, round(o.seconds * 1000)]
        last = at
    return _varints(numbers)


def test_a_ledger_of_the_second_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """What it holds at length reads as before and verifies, and nights go on from it."""
    path = tmp_path / "ledger.db"
    seen = [result("h0", T0), result("h1", T0)]
    with pytest.MonkeyPatch.context() as before:
        before.setattr(summaries, "taken_apart", lambda summary, _put: dumps(summary))
        before.setattr(manifest, "_times", at_length)
        with Ledger.open(path) as ledger:
            night(ledger, T0, [outcome(), outcome("h1")], seen)
            finished(ledger, 1, SUMMARY)
            assert ledger._store.all("SELECT summary FROM runs WHERE id = 2") == [(dumps(SUMMARY),)]
    aged(path, 2)
    with Ledger.open(path) as ledger:
        assert ledger.verify().problem == ""
        assert list(ledger.results(1)) == seen
        assert ledger.run(2).summary == SUMMARY
        assert ledger.run(finished(ledger, 2, SUMMARY)).summary == SUMMARY
        assert ledger.verify().problem == ""


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(-2, 3)), max_size=120))
def test_instants_of_a_host_take_little_room(probes: list[tuple[int, int]]) -> None:
    """Probes that end one after the other, to the millisecond: at most three bytes each."""
    (first, *_rest), at, observations = result("h0", T0).observations, T0, []
    for took, later in probes:
        at += timedelta(milliseconds=max(0, took + later))
        observations.append(replace(first, observed_at=at, seconds=took / 1000, stdout="", stderr=""))
    whole = AssetResult("h0", result().reach, tuple(observations), T0 + timedelta(microseconds=7), at + timedelta(seconds=1))
    packed = manifest.pack(whole, lambda _: False)
    assert len(packed.times) <= 30 + 3 * len(probes)
    assert manifest.unpack("h0", packed.manifest, packed.times, None, lambda _: "") == whole
