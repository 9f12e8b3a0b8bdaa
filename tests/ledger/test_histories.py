"""Random nights written to a real ledger: findings, journal and verdicts never drift apart."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.ledger import Ledger
from auditor.lifecycle import replay
from auditor.model import FindingState, Outcome, Verdict, VerdictKind

from .make import DAY, INPUTS, T0, judge, plan, result

kinds = st.sampled_from([VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.FAIL, VerdictKind.UNKNOWN])
nights = st.lists(
    st.fixed_dictionaries(
        {
            "said": st.dictionaries(
                st.tuples(st.sampled_from(["h0", "h1"]), st.sampled_from(["c0", "c1"])),
                st.dictionaries(st.sampled_from(["", "ali", "omar"]), kinds, min_size=1),
                max_size=3,
            ),
            "definition": st.sampled_from(["d1", "d1", "d2"]),
            "late": st.integers(0, 30),
            "ends": st.sampled_from(["finished", "finished", "interrupted", "abandoned"]),
            "record": st.sampled_from([True, True, True, False]),
        }
    ),
    max_size=7,
)


@given(nights)
@settings(max_examples=25)
def test_the_ledger_always_verifies_and_replays(history: list[dict[str, object]]) -> None:
    """After each night, however it ended: the journal replays to the findings, and each run still tells its own verdicts."""
    given_: dict[int, dict[tuple[str, str], VerdictKind]] = {}
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.db") as ledger:
        for number, night in enumerate(history):
            at = T0 + number * DAY
            outcomes = [_outcome(*key, said, night, at - timedelta(hours=night["late"])) for key, said in night["said"].items()]  # type: ignore
            with ledger.lock(actor="cron", now=at):
                unfinished = ledger.unfinished_run()
                if unfinished is not None:
                    ledger.abandon_run(unfinished.id, actor="cron", now=at)
                run = ledger.begin_run(plan(at, of_record=bool(night["record"])), INPUTS, actor="cron", now=at)
                ledger.record_result(run.id, result(at=at))
                if night["record"]:
                    judge(ledger, run.id, at, outcomes)
                else:
                    ledger.record_outcomes(run.id, outcomes, ())
                {
                    "finished": lambda: ledger.finish_run(run.id, {"n": 1}, actor="cron", now=at),  # noqa: B023
                    "interrupted": lambda: ledger.interrupt_run(run.id, actor="cron", now=at),  # noqa: B023
                    "abandoned": lambda: ledger.abandon_run(run.id, actor="cron", now=at),  # noqa: B023
                }[str(night["ends"])]()
            given_[run.id] = {(o.asset, o.check): o.kind for o in outcomes}
            assert ledger.verify().problem == ""
            held = {f.id: f for f in ledger.findings()}
            again = replay(entry.event for entry in ledger.journal())
            assert {name: replace(f, last_seen=held[name].last_seen) for name, f in again.items()} == held
            assert {f.id for f in ledger.findings(open_only=True)} == {
                n for n, f in held.items() if f.state is not FindingState.CLOSED
            }
        for run_id, told in given_.items():
            assert {(o.asset, o.check): o.kind for o in ledger.verdicts(run_id)} == told


def _outcome(asset: str, check: str, said: dict[str, VerdictKind], night: dict[str, object], at: object) -> Outcome:
    worst = min(said.values(), key=[VerdictKind.FAIL, VerdictKind.UNKNOWN, VerdictKind.PASS].index)
    verdicts = tuple(Verdict(subject, kind, 1, 0) for subject, kind in said.items())
    return Outcome(asset, check, str(night["definition"]), worst, verdicts, worst is not VerdictKind.UNKNOWN, at)  # type: ignore[arg-type]
