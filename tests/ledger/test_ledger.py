"""The ledger as its users see it: what is recorded comes back, and an ordinary history verifies."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import IntegrityError, LedgerError, UsageError
from auditor.ledger import Ledger
from auditor.ledger.canonical import dumps, sha256
from auditor.model import EventKind, FindingState, ObservationStatus, Reach, Resolution, RunStatus

from .make import DAY, INPUTS, T0, judge, night, outcome, plan, result


def test_a_new_ledger_is_private_and_whole(ledger: Ledger, path: Path) -> None:
    """Findings are a map of weaknesses: no other account may read them, whatever the umask."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ledger.verify().ok
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("ledger.db")) == []


def test_a_run_comes_back_with_its_plan_and_inputs(ledger: Ledger) -> None:
    """Every verdict can be reproduced years later: what the run rested on is kept whole."""
    run_id = night(ledger, T0, [outcome()])
    assert ledger.plan(run_id) == plan(T0)
    assert ledger.inputs(run_id) == INPUTS
    run = ledger.run("latest")
    assert (run.id, run.status, run.summary) == (run_id, RunStatus.FINISHED, {"run": run_id})
    assert ledger.runs() == (run,)


def test_history_verifies(ledger: Ledger) -> None:
    """Failing, fixed, failing again: findings, verdicts and journal agree at each step."""
    night(ledger, T0, [outcome(), outcome("h1", a="fail", b="fail")], [result(), result("h1")])
    assert ledger.verify().problem == ""
    first = night(ledger, T0 + DAY, [outcome(at=T0 + DAY), outcome("h1", T0 + DAY, a="pass", b="fail")], [result(at=T0 + DAY)])
    assert ledger.verify().problem == ""
    closed = ledger.findings(state=("closed",))
    assert [(f.asset, f.subject, f.resolution) for f in closed] == [("h1", "a", Resolution.FIXED)]
    still = ledger.findings_by_asset("h0")[0]
    assert (still.first_seen, still.last_seen) == (T0, T0 + DAY)
    night(ledger, T0 + 2 * DAY, [outcome("h1", T0 + 2 * DAY, a="fail", b="fail")])
    again = ledger.finding(closed[0].id)
    assert (again.state, again.reopened) == (FindingState.REOPENED, 1)
    assert [e.event.kind.value for e in ledger.journal(subject=again.id)] == [
        "finding_opened",
        "finding_closed",
        "finding_reopened",
    ]
    assert ledger.verify().problem == ""
    assert [(o.asset, o.kind.value) for o in ledger.verdicts(first)] == [("h0", "fail"), ("h1", "fail")]
    assert ledger.verdicts(first)[1].verdicts[0].kind.value == "pass"


@pytest.mark.parametrize(
    ("field", "wrong"), [("state", "opened"), ("due", "soon"), ("severity", None), ("plan", {}), ("id", "F-0")]
)
def test_an_event_that_tells_no_finding_moves_none(ledger: Ledger, field: str, wrong: object) -> None:
    """What is written into the findings must be readable again, or nothing of it is written."""
    night(ledger, T0, [outcome()])
    head, held = ledger.head(), ledger.findings()
    event = next(e.event for e in ledger.journal() if e.event.kind is EventKind.FINDING_OPENED)
    with pytest.raises(IntegrityError):
        ledger.apply([replace(event, kind=EventKind.FINDING_CHANGED, data={**event.data, field: wrong})])
    with pytest.raises(IntegrityError):
        ledger.apply([replace(event, data={name: value for name, value in event.data.items() if name != field})])
    assert (ledger.head(), ledger.findings()) == (head, held)
    assert ledger.verify().ok


def test_a_finding_is_not_opened_twice(ledger: Ledger) -> None:
    """Two openings of one finding are a history that nobody can replay: whatever asks for it, nothing of it is written."""
    night(ledger, T0, [outcome()])
    head = ledger.head()
    opened = next(e.event for e in ledger.journal() if e.event.kind is EventKind.FINDING_OPENED)
    fresh = replace(opened, subject="F-0", data={**opened.data, "id": "F-0", "subject": "other"})
    for twice in ([opened], [fresh, fresh]):
        with pytest.raises(IntegrityError, match="is the id of two findings"):
            ledger.apply(twice)
    assert (ledger.head(), len(ledger.findings())) == (head, 1)


def test_results_come_back_equal(ledger: Ledger) -> None:
    """Judging from the ledger is judging what was seen."""
    seen = [result(outputs=("one", "", "é\ud800\0")), result("h1", reach=Reach.UNREACHABLE, outputs=())]
    run_id = night(ledger, T0, [outcome()], seen)
    assert list(ledger.results(run_id)) == seen
    assert ledger.result(run_id, "h1") == seen[1]
    assert ledger.done_assets(run_id) == {"h0", "h1"}
    assert {o.asset for o in ledger.verdicts(run_id)} == {"h0"}
    assert list(ledger.newest_results()) == seen


def test_newest_results_prefer_the_night_that_reached(ledger: Ledger) -> None:
    """A host that was down last night is judged on what was last seen of it."""
    night(ledger, T0, [], [result()])
    night(ledger, T0 + DAY, [], [result(at=T0 + DAY, outputs=(), reach=Reach.UNREACHABLE)])
    assert list(ledger.newest_results()) == [result()]


def test_newest_results_hold_what_a_night_saw_of_a_host_that_it_did_not_reach(ledger: Ledger) -> None:
    """A host that runs out of time each night has shown most of itself: that, and not what it was weeks ago, is judged anew."""
    night(ledger, T0, [], [result()])
    late = result(at=T0 + DAY, outputs=("newer",), reach=Reach.TIMED_OUT)
    failed = replace(result(at=T0 + DAY).observations[1], status=ObservationStatus.NOT_RUN)
    night(ledger, T0 + DAY, [], [replace(late, observations=(*late.observations, failed))])
    (newest,) = ledger.newest_results()
    assert newest.reach is Reach.REACHED
    assert newest.observations == (late.observations[0], result().observations[1])


def test_a_narrowed_run_adds_what_it_asked_and_hides_nothing_else(ledger: Ledger) -> None:
    """What a narrowed run observed is newer for what it asked; the rest is as the last whole run saw it."""
    night(ledger, T0, [], [result()])
    later = result(at=T0 + DAY, outputs=("only one",))
    night(ledger, T0 + DAY, [], [later], narrowed=True)
    night(ledger, T0 + 2 * DAY, [], [result(at=T0 + 2 * DAY, outputs=(), reach=Reach.UNREACHABLE)], narrowed=True)
    (newest,) = ledger.newest_results()
    assert newest.observations[0] == later.observations[0]
    assert newest.observations[1:] == result().observations[1:]


def test_an_interrupted_run_is_resumed(ledger: Ledger) -> None:
    """What was kept before Ctrl-C is not asked again."""
    with ledger.lock(actor="me", now=T0):
        run = ledger.begin_run(plan(), INPUTS, actor="me", now=T0)
        ledger.record_result(run.id, result())
        ledger.interrupt_run(run.id, actor="me", now=T0)
    assert ledger.verify().problem == ""
    assert ledger.unfinished_run() == ledger.run(run.id)
    with ledger.lock(actor="me", now=T0):
        with pytest.raises(LedgerError, match="unfinished"):
            ledger.begin_run(plan(), INPUTS, actor="me", now=T0)
        assert ledger.resume_run(run.id, actor="me", now=T0 + DAY).status is RunStatus.COLLECTING
        assert ledger.run(run.id).ended is None
        assert ledger.done_assets(run.id) == {"h0"}
        assert ledger.verify().problem == ""
        judge(ledger, run.id, T0, [outcome()])
        ledger.finish_run(run.id, {}, actor="me", now=T0 + DAY)
        with pytest.raises(LedgerError, match="finished and stays so"):
            ledger.abandon_run(run.id, actor="me", now=T0)
    assert ledger.verify().problem == ""
    assert ledger.unfinished_run() is None


def test_a_what_if_run_moves_nothing(ledger: Ledger) -> None:
    """Only the policy of record moves findings, or becomes the latest."""
    night(ledger, T0, [outcome()])
    what_if = night(ledger, T0 + DAY, [outcome(at=T0 + DAY, _="pass")], of_record=False)
    assert [o.kind.value for o in ledger.verdicts(what_if)] == ["pass"]
    assert [f.state for f in ledger.findings()] == [FindingState.OPEN]
    assert ledger.findings()[0].last_seen == T0
    assert ledger.run("latest").id == 1
    after = night(ledger, T0 + 2 * DAY, [outcome(at=T0 + 2 * DAY)])
    assert [o.kind.value for o in ledger.verdicts(after)] == ["fail"]
    assert ledger.verify().problem == ""


def test_findings_are_filtered_and_named_by_a_prefix(ledger: Ledger) -> None:
    """Each filter narrows, several values widen, and a mistyped id is answered with what to do."""
    night(ledger, T0, [outcome(), outcome("h1", check="other", a="fail", b="fail")])
    assert len(ledger.findings()) == 3
    assert {f.subject for f in ledger.findings(asset=("h1",), check=("other",))} == {"a", "b"}
    assert len(ledger.findings(asset=("h0", "h1"), severity=("high",), state=("open",), department=("health",))) == 3
    assert len(ledger.findings(control=("A.8.2", "A.1.1"))) == 3
    assert ledger.findings(control=("A.8",)) == ()
    one = ledger.findings()[0]
    assert ledger.finding(one.id[:7].lower()) == one
    for wrong in ("F-", "F-ZZZZZZ", "%", ""):
        with pytest.raises(UsageError):
            ledger.finding(wrong)
    with pytest.raises(UsageError, match="there is no run 7; the newest is 1"):
        ledger.run(7)


def test_a_result_can_be_read_in_part(ledger: Ledger) -> None:
    """A department's checks need few of a host's outputs: those come back as they would in the whole."""
    run_id = night(ledger, T0, [outcome()], [result(outputs=("a", "b", "c"))])
    whole = ledger.result(run_id, "h0")
    assert whole is not None
    wanted = {whole.observations[0].probe, whole.observations[2].probe}
    part = ledger.result(run_id, "h0", wanted)
    assert part is not None
    assert part.observations == (whole.observations[0], whole.observations[2])
    assert (part.reach, part.started, part.ended) == (whole.reach, whole.started, whole.ended)
    assert ledger.result(run_id, "h9", wanted) is None


def test_what_judging_needs_of_findings(ledger: Ledger) -> None:
    """Subjects by state, and whose findings are open, without reading the findings themselves."""
    night(ledger, T0, [outcome("h0", a="fail", b="fail"), outcome("h1")], [result(), result("h1")])
    night(ledger, T0 + DAY, [outcome("h0", T0 + DAY, a="pass", b="fail")], [result(at=T0 + DAY)])
    assert list(ledger.failing_subjects("h0", [FindingState.OPEN])) == [("ssh-root-login", "b")]
    assert list(ledger.failing_subjects("h0", [FindingState.CLOSED])) == [("ssh-root-login", "a")]
    assert ledger.assets_with_open_findings() == (("h0", "health"), ("h1", "health"))


def test_outcomes_are_kept_as_they_would_be_written_whole(ledger: Ledger) -> None:
    """Verdicts that hosts share are written out once; the blob is the one of the whole outcome nevertheless."""
    shared = outcome("h0", a="fail", b="pass")
    night(ledger, T0, [shared, replace(shared, asset="h1"), replace(shared, asset="h2", excluded=("c",))])
    with sqlite3.connect(ledger.path) as connection:
        (hashes,) = zip(
            *connection.execute("SELECT DISTINCT b.sha256 FROM verdict_changes JOIN blobs b ON b.id = outcome"), strict=True
        )
    names = ("definition", "kind", "verdicts", "complete", "excluded")
    whole = [{name: getattr(o, name) for name in names} for o in (shared, replace(shared, excluded=("c",)))]
    assert set(hashes) == {sha256(dumps(told).encode()) for told in whole}
