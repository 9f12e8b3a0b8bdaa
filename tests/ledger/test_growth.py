"""Rule 5 in bytes, and the round trip of any observation."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.interface import to_millisecond
from auditor.errors import IntegrityError
from auditor.ledger import Ledger, manifest
from auditor.ledger.canonical import dumps, sha256
from auditor.model import (
    AssetResult,
    Confirmed,
    Observation,
    ObservationStatus,
    Outcome,
    ProbeCall,
    Reach,
    Scalar,
    Verdict,
    VerdictKind,
)

from .make import DAY, INPUTS, T0, events, judge, night, outcome, plan, result

HOSTS, PROBES = 200, 40


def _seen(host: int, night: int) -> AssetResult:
    start = T0 + night * DAY + timedelta(milliseconds=31 * host + 7 * night)
    at = start
    seen = []
    for n in range(PROBES):
        took = 0.004 + (host * 7 + n * 13 + night * 5) % 90 / 1000
        at += timedelta(seconds=took, microseconds=(host * 31 + n * 17 + night) % 997)
        seen.append(
            Observation(
                f"h{host}",
                ProbeCall(f"fact{n}"),
                ObservationStatus.OK,
                to_millisecond(at),
                f"output {n} of {host % 20}\n" * 50,
                "",
                0,
                took,
            )
        )
    return AssetResult(f"h{host}", Reach.REACHED, tuple(seen), start, at + timedelta(milliseconds=9), host_key="SHA256:abc")


def _judged(host: int, night: int, kinds: int = PROBES) -> list[Outcome]:
    at = T0 + night * DAY + timedelta(milliseconds=31 * host + 40)
    kind = [VerdictKind.FAIL if n % 4 == 0 else VerdictKind.PASS for n in range(kinds)]
    return [
        Outcome(f"h{host}", f"check-{n}", f"d{n}", kind[n], (Verdict("", kind[n], host % 20, n),), True, at) for n in range(kinds)
    ]


def _night(ledger: Ledger, path: Path, night: int) -> int:
    at = T0 + night * DAY
    with ledger.lock(actor="cron", now=at):
        run = ledger.begin_run(plan(at, HOSTS), INPUTS, actor="cron", now=at)
        for host in range(HOSTS):
            ledger.record_result(run.id, _seen(host, night))
            outcomes = _judged(host, night)
            with ledger.transaction():
                ledger.record_outcomes(run.id, outcomes, events(ledger, run.id, at, outcomes) if host % 10 == 0 else ())
        ledger.finish_run(run.id, {}, actor="cron", now=at)
    ledger._store.all("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def test_an_unchanged_night_costs_a_few_bytes_a_host(ledger: Ledger, path: Path) -> None:
    """200 hosts with 40 probes, every instant and duration another: no row a check, no output twice."""
    first = _night(ledger, path, 0)
    second = _night(ledger, path, 1)
    third = _night(ledger, path, 2)
    assert (third - first) / 2 / HOSTS < 250, (first, second, third)
    assert [s.observations[-1].observed_at for s in ledger.results(2)] == [
        _seen(h, 1).observations[-1].observed_at for h in range(HOSTS)
    ]
    assert len([e for e in ledger.journal() if e.event.subject.isdigit()]) == 6
    assert ledger.verify().problem == ""


instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
texts = st.text(st.characters(), max_size=20)
probes = st.builds(
    ProbeCall, texts, st.lists(st.tuples(texts, st.one_of(texts, st.integers(), st.booleans())), max_size=2).map(tuple)
)


@st.composite
def results(draw: st.DrawFn) -> AssetResult:
    """Any result, surrogates and NULs in its texts included; durations are whole milliseconds."""
    seen = draw(
        st.lists(
            st.builds(
                Observation,
                asset=st.just("h0"),
                probe=probes,
                status=st.sampled_from(ObservationStatus),
                observed_at=instants,
                stdout=texts,
                stderr=texts,
                exit_status=st.none() | st.integers(-(2**31), 2**31),
                seconds=st.integers(0, 10**7).map(lambda n: n / 1000),
            ),
            max_size=5,
        )
    )
    return AssetResult("h0", draw(st.sampled_from(Reach)), tuple(seen), draw(instants), draw(instants), draw(texts), draw(texts))


def _by_the_encoder(seen: AssetResult, apart: Set[ProbeCall]) -> bytes:
    def name(text: str) -> str | None:
        return sha256(text.encode("utf-8", "surrogatepass")).hex() if text else None

    rows = [
        [o.probe] if o.probe in apart else [o.probe, o.status, name(o.stdout), name(o.stderr), o.exit_status]
        for o in seen.observations
    ]
    head = {"reach": seen.reach, "detail": seen.detail, "host_key": seen.host_key, "observations": rows}
    return dumps(head).encode()


@pytest.mark.parametrize("order", [(1, True, 1.0), (1.0, True, 1)])
def test_arguments_that_equal_each_other_in_python_alone(order: tuple[Scalar, ...]) -> None:
    """1, 1.0 and true are one key of a dict, and are three calls: each stands in the manifest as it is, and comes back so."""
    for value in order:
        call = ProbeCall("file_text", (("path", value),))
        seen = AssetResult("h0", Reach.REACHED, (Observation("h0", call, ObservationStatus.OK, T0),), T0, T0)
        packed = manifest.pack(seen, lambda _: False)
        assert packed.manifest == _by_the_encoder(seen, set())
        back = manifest.unpack("h0", packed.manifest, packed.times, packed.volatile, lambda _: "")
        assert repr(back.observations[0].probe) == repr(call)


@given(results(), st.sets(st.integers(0, 4)))
def test_any_result_comes_back_equal(seen: AssetResult, volatile: set[int]) -> None:
    """To the microsecond and to the last byte; volatile outputs too, as long as they are kept, and NOT_RUN when they are not."""
    apart = {seen.observations[n].probe for n in volatile if n < len(seen.observations)}
    packed = manifest.pack(seen, lambda call: call in apart)
    assert packed.manifest == _by_the_encoder(seen, apart)  # the bytes of every version: they are compared
    kept = {sha256(o.encode("utf-8", "surrogatepass")): o for o in packed.outputs.values()}
    assert kept == packed.outputs
    assert manifest.unpack("h0", packed.manifest, packed.times, packed.volatile, kept.__getitem__) == seen
    assert set(manifest.references(packed.manifest)) == kept.keys()
    pruned = manifest.unpack("h0", packed.manifest, packed.times, None, kept.__getitem__)
    for before, after in zip(seen.observations, pruned.observations, strict=True):
        assert after == before or (before.probe in apart and after.status is ObservationStatus.NOT_RUN and not after.stdout)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_are_a_result_or_an_integrity_error(manifest_bytes: bytes, times: bytes) -> None:
    """What was altered never crashes, and never reads as something else by way of a crash."""
    packed = manifest.pack(result(), lambda _: False)
    for told, numbers in ((manifest_bytes, packed.times), (packed.manifest, times)):
        try:
            manifest.unpack("h0", told, numbers, None, lambda _: "")
        except IntegrityError:
            continue


def test_an_observation_of_another_asset_is_refused() -> None:
    """It would come back as one of this asset."""
    foreign = AssetResult("h1", Reach.REACHED, result("h0").observations, T0, T0)
    with pytest.raises(ValueError, match="holds an observation of h0"):
        manifest.pack(foreign, lambda _: False)


def test_volatile_outputs_are_kept_for_the_newest_results(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock is remembered for two nights, its neighbours for ever; and the observation is not new for it."""
    monkeypatch.setattr("auditor.ledger.observations.is_volatile", lambda call: call.args[0][1] == "0")
    for n in range(4):
        at = T0 + n * DAY
        with ledger.lock(actor="cron", now=at):
            run = ledger.begin_run(plan(at), INPUTS, actor="cron", now=at)
            ledger.record_result(run.id, result(at=at, outputs=(f"clock {n}", "steady")))
            ledger.record_result(run.id, result(at=at, outputs=(f"clock {n}", "steady")))  # a resumed run may repeat
            ledger.finish_run(run.id, {}, actor="cron", now=at)
    read = [[(o.status.value, o.stdout) for o in next(ledger.results(run)).observations] for run in (1, 2, 3, 4)]
    assert [r[1] for r in read] == [("ok", "steady")] * 4
    assert [r[0] for r in read] == [("not_run", ""), ("not_run", ""), ("ok", "clock 2"), ("ok", "clock 3")]
    assert len(ledger._store.all("SELECT DISTINCT manifest FROM results")) == 1
    assert ledger.verify().problem == ""


def test_a_clock_that_differs_is_no_verdict_change(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check on volatile facts changes when its answer does, not when the shown value does."""
    monkeypatch.setattr("auditor.ledger.runs.is_volatile", lambda _: True)
    for n, (kind, shown) in enumerate([("pass", 1), ("pass", 2), ("fail", 3), ("fail", 4)]):
        at = T0 + n * DAY
        with ledger.lock(actor="cron", now=at):
            run = ledger.begin_run(plan(at), INPUTS, actor="cron", now=at)
            said = VerdictKind(kind)
            ledger.record_outcomes(
                run.id, [Outcome("h0", "ssh-root-login", "d1", said, (Verdict("", said, shown, 0),), True, at)], ()
            )
            ledger.finish_run(run.id, {}, actor="cron", now=at)
    assert ledger._store.all("SELECT run, kind FROM verdict_changes ORDER BY id") == [(1, "pass"), (3, "fail")]
    assert [ledger.verdicts(n)[0].kind.value for n in (1, 2, 3, 4)] == ["pass", "pass", "fail", "fail"]
    assert ledger.verify().problem == ""


def test_what_stands_must_be_there(ledger: Ledger) -> None:
    """A verdict that is said to stand moves to tonight where it is the newest there; where it is not, nothing is recorded."""
    kinds = {"a": VerdictKind.PASS, "b": VerdictKind.PASS}
    night(ledger, T0, [outcome(check=name, _="pass") for name in kinds])
    held = dict(ledger._store.all("SELECT c.name, v.change FROM verdicts v JOIN checks c ON c.id = v.check_id"))
    at = T0 + DAY
    with ledger.lock(actor="cron", now=at):
        run = ledger.begin_run(plan(at), INPUTS, actor="cron", now=at)
        stand = [Confirmed("h0", check, kind, at, held[check], 1) for check, kind in kinds.items()]
        with pytest.raises(IntegrityError, match="not in the ledger"):
            ledger.record_outcomes(run.id, [], [], [stand[0], replace(stand[1], change=99)])
        assert [o.observed_at for o in ledger.newest_verdicts()] == [T0, T0]
        assert ledger.verdicts(run.id) == ()
        ledger.record_outcomes(run.id, [], [], stand)
        ledger.finish_run(run.id, {}, actor="cron", now=at)
    assert [o.observed_at for o in ledger.newest_verdicts()] == [at, at]
    assert len(ledger._store.all("SELECT id FROM verdict_changes")) == 2
    assert ledger.verify().problem == ""


def test_judging_again_records_nothing_new(ledger: Ledger) -> None:
    """A resumed run judges again what was recorded before the kill."""
    with ledger.lock(actor="cron", now=T0):
        run = ledger.begin_run(plan(), INPUTS, actor="cron", now=T0)
        for _ in range(2):
            judge(ledger, run.id, T0, _judged(0, 0))
        judge(ledger, run.id, T0, _judged(0, 0)[:3])
        assert len(ledger._store.all("SELECT id FROM verdict_changes")) == PROBES
        assert len(ledger.verdicts(run.id)) == PROBES
