"""What is not judged anew must be what judging anew would give, whatever happened in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.evaluating import Evaluator
from auditor.evaluating import basis as bases
from auditor.ledger import Ledger, digests
from auditor.lifecycle import LIVE, identity, work
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    Calendar,
    Confirmed,
    Department,
    DepartmentPlan,
    EventKind,
    FactUse,
    FindingState,
    Inventory,
    ObservationStatus,
    Outcome,
    Plan,
    Reach,
    Severity,
    Terms,
)
from auditor.workflow import holding
from auditor.workflow.holding import Rules, hold
from auditor.workflow.judging import Judge
from tests.builders import (
    NOW,
    SSHD_NO_ROOT,
    SSHD_ROOT,
    TEXT,
    asset_plan,
    catalogue,
    check,
    host,
    observation,
    policy,
    result,
    task,
)
from tests.lifecycle.test_people import OFFICER

DAY = timedelta(days=1)
CHECKS = {
    c.id: c
    for c in (
        check("plain"),
        check("by-role", expect="asset.role == 'web' || sshd.permitrootlogin == 'no'"),
        check("by-time", expect="now > timestamp(0) && sshd.permitrootlogin == 'no'"),
        check("by-age", expect="now < timestamp('2026-11-25T00:00:00Z')", observed=None),
        check(
            "half",
            for_each="sshd.port",
            subject="string(item)",
            expect="item < 0",
            decidable="item == 22 || sshd.permitrootlogin == 'no'",
            hides="item > 22 && gone != '22'",
        ),
        check("by-port", for_each="sshd.port", subject="string(item)", expect="item == 22 && sshd.permitrootlogin == 'no'"),
        check(
            "clock", facts=(FactUse("clock", "clock"),), applies=None, expect="clock.epoch < 9", observed="string(clock.epoch)"
        ),
    )
}
TWO_PORTS = SSHD_ROOT.replace("port 22\n", "port 22\nport 2222\n")
TWO_NO_ROOT = SSHD_NO_ROOT.replace("port 22\n", "port 22\nport 2222\n")
OUTPUTS = (SSHD_ROOT, SSHD_NO_ROOT, TWO_PORTS, TWO_NO_ROOT, "installed=no\nend\n", "cut off", "failed", "down")
UIDS = ("a", "b")


class Step(NamedTuple):
    """A night and what went before it. ``again``: a second visit that was recorded and not judged before the run was killed."""

    outputs: tuple[str, str]
    epoch: int
    definition: str
    role: str
    narrowed: bool
    killed: bool
    again: str
    move: str
    days: int = 30
    severity: Severity = Severity.HIGH
    works: tuple[int, ...] = (4, 5)


STEPS = st.builds(
    Step,
    st.tuples(st.sampled_from(OUTPUTS), st.sampled_from(OUTPUTS)),
    st.sampled_from([7, 7, 9]),
    st.sampled_from(["d1", "d1", "d1", "d2"]),
    st.sampled_from(["web", "web", "web", "mail"]),
    st.sampled_from([False, False, True]),
    st.sampled_from([False, False, True]),
    st.sampled_from(["", "", *OUTPUTS]),
    st.sampled_from(["", "", "claim", "start", "retire"]),
    st.sampled_from([30, 30, 30, 14]),
    st.sampled_from([Severity.HIGH, Severity.HIGH, Severity.LOW]),
    st.sampled_from([(4, 5), (4, 5), (5, 6)]),
)
MOVES = {"claim": EventKind.FINDING_CLAIMED, "start": EventKind.FINDING_STARTED}


def plan_of(uid: str, step: Step) -> AssetPlan:
    names = ["plain", "by-port"] if step.narrowed else [*CHECKS]
    own = {"severity": step.severity}
    tasks = (task(n, definition=step.definition + n, facts=("clock",) if n == "clock" else ("sshd",), **own) for n in names)
    return asset_plan(*tasks, asset=host(uid, role=step.role))


def seen(uid: str, output: str, epoch: int, number: int) -> AssetResult:
    at = NOW + number * DAY + timedelta(minutes=1)
    if output == "down":
        return replace(result(asset=uid, reach=Reach.UNREACHABLE), detail="no route")
    status = ObservationStatus.FAILED if output == "failed" else ObservationStatus.OK
    return result(
        observation(output, asset=uid, observed_at=at, status=status),
        observation(f"epoch={epoch}\nend\n", fact="clock", asset=uid, observed_at=at + timedelta(seconds=2)),
        asset=uid,
    )


def night(ledger: Ledger, number: int, step: Step) -> None:
    """A person's move, then an audit that ends or is killed."""
    now = NOW + number * DAY
    for finding in ledger.findings()[:2]:
        if step.move and finding.state in LIVE:
            try:
                kind = MOVES.get(step.move)
                move = work.act(kind, finding, OFFICER, now) if kind else work.retire(finding, "x", OFFICER, now)
            except UsageError:
                continue
            ledger.apply([move])
    plans = [plan_of(uid, step) for uid in UIDS]
    whole = Asset("department:health", AssetKind.DEPARTMENT, "health", "health", "")
    plan = Plan("national", "1", True, now, (DepartmentPlan("health", whole, tuple(plans)),), step.narrowed, sha256=f"n{number}")
    run = ledger.begin_run(plan, (), actor="test", now=now)
    homes = Inventory((Department("health", TEXT, (), calendar=Calendar(weekend=step.works)),))
    terms = Terms(dict.fromkeys(Severity, step.days), working_days=True)
    told_by = catalogue(policies={"national": policy(terms=terms)}, inventory=homes)
    judge = Judge(ledger, run.id, plan, told_by, Evaluator(CHECKS, now=now), actor="test", clock=lambda: now + DAY / 24)
    for one, output in zip(plans, step.outputs, strict=True):
        told = seen(one.asset.uid, output, step.epoch, number)
        ledger.record_result(run.id, told)
        kinds = judge.asset(one, told)
        assert list(kinds) == [t.check for t in one.checks]
    if step.killed:
        if step.again:
            ledger.record_result(run.id, seen("a", step.again, step.epoch, number))
        ledger.abandon_run(run.id, actor="test", now=now + DAY / 12)
    else:
        ledger.finish_run(run.id, {}, actor="test", now=now + DAY / 12)


@given(st.lists(STEPS, max_size=6))
@settings(max_examples=150)
def test_nights_are_as_if_everything_were_judged_anew(steps: list[Step]) -> None:
    """Changed hosts, policies and inventories, narrowed and killed runs, claims and retirements in between."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        told = []
        for name in ("standing", "anew"):
            if name == "anew":
                patch.setattr(Ledger, "last_verdicts", lambda *_: None)
            with Ledger.open(Path(folder) / name) as ledger, ledger.lock(actor="test", now=NOW):
                for number, step in enumerate(steps):
                    night(ledger, number, step)
                # within a night what stands comes after what was judged anew
                events = sorted((e.event.at, e.event.subject, e.event.kind.value) for e in ledger.journal())
                changes = sorted(ledger._store.all("SELECT run, asset, check_id, kind FROM verdict_changes"))
                told.append((ledger.newest_verdicts(), ledger.findings(), events, changes))
                assert ledger.verify().problem == ""
        assert told[0] == told[1]


@given(st.lists(STEPS, max_size=6))
@settings(max_examples=50)
def test_findings_whose_ids_are_alike_are_opened_all_the_same(steps: list[Step]) -> None:
    """Regression: a run ended at the first finding whose id was another's, that night and each night after it."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        told = []
        for name, letters in (("ten", 10), ("one", 1)):
            patch.setattr(identity, "_LETTERS", letters)
            with Ledger.open(Path(folder) / name) as ledger, ledger.lock(actor="test", now=NOW):
                for number, step in enumerate(steps):
                    night(ledger, number, step._replace(move=""))  # people's moves go to the findings whose names come first
                findings = ledger.findings()
                assert len({finding.id for finding in findings}) == len(findings)
                assert ledger.verify().problem == ""
                told.append([replace(finding, id="") for finding in findings])
        assert told[0] == told[1]


STEADY = Step((SSHD_ROOT, SSHD_NO_ROOT), 7, "d1", "web", narrowed=False, killed=False, again="", move="")


def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checks that are judged anew from here on."""
    found: list[str] = []
    judge = Evaluator.judge_asset

    def spied(self: Evaluator, plan: AssetPlan, *rest: object) -> object:
        found.extend(f"{plan.asset.uid}:{t.check}" for t in plan.checks)
        return judge(self, plan, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Evaluator, "judge_asset", spied)
    return found


def test_only_what_could_be_otherwise_is_judged_anew(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks always; a host whose output is another; everything under another definition, role, or program."""
    night(ledger, 0, STEADY)
    anew = judged(monkeypatch)
    night(ledger, 1, STEADY)
    assert anew == [f"{uid}:{name}" for uid in UIDS for name in ("by-time", "by-age", "clock")]
    anew.clear()
    night(ledger, 2, STEADY._replace(outputs=(SSHD_ROOT, TWO_PORTS)))
    assert anew == [f"a:{name}" for name in ("by-time", "by-age", "clock")] + [f"b:{name}" for name in CHECKS]
    for number, other in enumerate((STEADY._replace(role="mail"), STEADY._replace(definition="d2"))):
        night(ledger, 3 + 2 * number, STEADY)
        anew.clear()
        night(ledger, 4 + 2 * number, other)
        assert len(anew) == 2 * len(CHECKS)
    night(ledger, 7, STEADY)
    anew.clear()
    monkeypatch.setattr(bases, "engine", lambda: b"mended")
    night(ledger, 8, STEADY)
    assert len(anew) == 2 * len(CHECKS)


def test_a_mended_program_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression guard: a parser that was mended without a new version must not give the verdicts of before."""
    (tmp_path / "facts").mkdir()
    parser = tmp_path / "facts" / "sshd.py"
    parser.write_text("one")
    monkeypatch.setattr(bases, "_PACKAGE", tmp_path)
    first = bases.engine.__wrapped__()
    assert bases.engine.__wrapped__() == first
    parser.write_text("two")
    assert bases.engine.__wrapped__() != first


def test_a_verdict_that_was_tampered_with_does_not_go_unnoticed(ledger: Ledger) -> None:
    """Verdicts that stand are taken from the ledger: its verification must find one that was put there by hand, also later."""
    night(ledger, 0, STEADY)
    ledger._store.run(
        "UPDATE verdict_changes SET kind = 'pass', outcome = (SELECT outcome FROM verdict_changes w WHERE w.kind = 'pass'"
        " AND w.check_id = verdict_changes.check_id) WHERE asset = (SELECT id FROM assets WHERE uid = 'a')"
        " AND check_id = (SELECT id FROM checks WHERE name = 'plain')"
    )
    assert not ledger.verify().ok
    night(ledger, 1, STEADY)
    assert not ledger.verify().ok


def test_a_basis_that_was_tampered_with_is_found(ledger: Ledger) -> None:
    """It is covered by what the run's ending says of the state."""
    night(ledger, 0, STEADY)
    assert ledger.verify().ok
    ledger._store.run("UPDATE bases SET basis = x'00'")
    assert "newest verdicts" in ledger.verify().problem


def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checks and assets of findings that are held against their verdicts from here on."""
    found: list[str] = []
    whole = Ledger.whole

    def spied(self: Ledger, confirmed: Confirmed) -> Outcome:
        found.append(f"{confirmed.asset}:{confirmed.check}")
        return whole(self, confirmed)

    monkeypatch.setattr(Ledger, "whole", spied)
    return found


def test_settled_findings_fail_again_without_being_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second night on, until one of the asset's findings is moved, or other rules hold for them."""
    night(ledger, 0, STEADY)
    held = read(monkeypatch)
    for number in (1, 2):
        night(ledger, number, STEADY)
        assert held == []
        assert {f.last_seen.date() for f in ledger.findings(asset=("a",))} == {(NOW + number * DAY).date()}
    for number, other in enumerate((STEADY._replace(move="start"), STEADY._replace(days=9), STEADY._replace(works=(0, 1)))):
        night(ledger, 3 + 3 * number, other)
        assert "a:plain" in held
        night(ledger, 4 + 3 * number, other._replace(move=""))  # another deadline is an entry: what it left is looked at once
        held.clear()
        night(ledger, 5 + 3 * number, other._replace(move=""))
        assert held == []
    assert ledger.verify().problem == ""


def test_a_claim_is_refuted_where_the_verdict_stands(ledger: Ledger) -> None:
    """Truth guard: nothing changed on the host, so its verdict stands; that it was claimed to be mended must still be refuted."""
    for number in range(3):
        night(ledger, number, STEADY)
    night(ledger, 3, STEADY._replace(move="claim"))
    claimed = {e.event.subject for e in ledger.journal() if e.event.kind is EventKind.FINDING_CLAIMED}
    refuted = {e.event.subject for e in ledger.journal() if e.event.kind is EventKind.FINDING_REFUTED}
    assert claimed == refuted != set()
    assert {ledger.finding(name).state for name in claimed} == {FindingState.IN_PROGRESS}


def test_a_claim_later_than_what_was_seen_is_refuted_the_next_night(ledger: Ledger) -> None:
    """Truth guard: when the host was judged it had been seen before the claim; nothing happened, and still it is not settled."""
    night(ledger, 0, STEADY)
    name = ledger.findings()[0].id
    ledger.apply([work.act(EventKind.FINDING_CLAIMED, ledger.finding(name), OFFICER, NOW + DAY + DAY / 48)])
    night(ledger, 1, STEADY)
    assert ledger.finding(name).state is FindingState.FIX_CLAIMED
    night(ledger, 2, STEADY)
    assert ledger.finding(name).state is FindingState.IN_PROGRESS


def test_what_is_undecided_is_not_seen_to_fail_again(ledger: Ledger) -> None:
    """Truth guard: one port fails and another is undecided, night after night: the finding of that other was last seen before."""
    night(ledger, 0, STEADY._replace(outputs=(TWO_NO_ROOT, SSHD_NO_ROOT)))
    for number in (1, 2, 3):
        night(ledger, number, STEADY._replace(outputs=(TWO_PORTS, SSHD_NO_ROOT)))
    seen = {f.subject: f.last_seen.date() for f in ledger.findings(check=("half",), asset=("a",))}
    assert seen == {"22": (NOW + 3 * DAY).date(), "2222": NOW.date()}


def test_a_claim_during_the_night_is_refuted_the_next(ledger: Ledger) -> None:
    """Truth guard: made after the host was judged and before the run ended, when its findings had been put down as settled."""
    night(ledger, 0, STEADY)
    finish = ledger.finish_run
    with pytest.MonkeyPatch.context() as patch:

        def claimed_first(run: int, *rest: object, **more: object) -> object:
            finding = ledger.findings()[0]
            ledger.apply([work.act(EventKind.FINDING_CLAIMED, finding, OFFICER, NOW + DAY + DAY / 20)])
            return finish(run, *rest, **more)  # type: ignore[arg-type]

        patch.setattr(ledger, "finish_run", claimed_first)
        night(ledger, 1, STEADY)
    name = ledger.findings(state=("fix_claimed",))[0].id
    night(ledger, 2, STEADY)
    assert ledger.finding(name).state is FindingState.IN_PROGRESS


def test_a_digest_of_findings_that_was_tampered_with_is_found(ledger: Ledger) -> None:
    """Else a finding could be kept from being looked at; also in a ledger whose last run left none of these digests."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(digests, "of_state", lambda store: digests._digest(store, digests._STATE_BEFORE, ()))
        before.setattr(Ledger, "findings_digest", lambda *_: b"")
        night(ledger, 0, STEADY)
    assert ledger.verify().ok
    ledger._store.run("UPDATE bases SET findings = x'00'")
    assert "newest verdicts" in ledger.verify().problem
    night(ledger, 1, STEADY)
    assert ledger.verify().ok
    ledger._store.run("UPDATE bases SET findings = x'00'")
    assert "newest verdicts" in ledger.verify().problem


def forged(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> str:
    """A night; then a finding of ``a`` is claimed, and its findings as they are now are put down as settled by hand."""
    rules: dict[str, bytes] = {}
    digest = Ledger.findings_digest

    def spied(self: Ledger, asset: str, known: bytes) -> bytes:
        rules[asset] = known
        return digest(self, asset, known)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "findings_digest", spied)
        night(ledger, 0, STEADY)
    name = ledger.findings(asset=("a",))[0].id
    ledger.apply([work.act(EventKind.FINDING_CLAIMED, ledger.finding(name), OFFICER, NOW + DAY / 2)])
    sql = "UPDATE bases SET findings = ? WHERE asset = (SELECT id FROM assets WHERE uid = 'a')"
    ledger._store.run(sql, (ledger.findings_digest("a", rules["a"]),))
    return name


def test_a_forged_digest_keeps_no_claim_from_being_refuted(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the next night took it for what the last had left, moved nothing, and sealed it."""
    name = forged(ledger, monkeypatch)
    assert not ledger.verify().ok
    night(ledger, 1, STEADY)
    assert ledger.finding(name).state is FindingState.IN_PROGRESS
    assert ledger.verify().ok


@pytest.mark.parametrize("resume", [False, True])
def test_a_killed_run_vouches_for_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, resume: bool) -> None:
    """What it left has no ending that seals it: whoever goes on with it, or gives it up, lets go of it."""
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "finish_run", lambda *_, **__: None)
        name = forged(ledger, monkeypatch)
    run = ledger.unfinished_run()
    assert run is not None
    ledger._own = 0  # as in another process
    if resume:
        ledger.resume_run(run.id, actor="test", now=NOW + DAY / 2)
        ledger.finish_run(run.id, {}, actor="test", now=NOW + DAY / 2)
    else:
        ledger.abandon_run(run.id, actor="test", now=NOW + DAY / 2)
    night(ledger, 1, STEADY)
    assert ledger.finding(name).state is FindingState.IN_PROGRESS


def test_outcomes_of_two_assets_are_not_held_together(ledger: Ledger) -> None:
    """The findings of the second would be opened again over those that are there."""
    night(ledger, 0, STEADY)
    outcomes = [o for o in ledger.newest_verdicts() if o.check == "plain"]
    with pytest.raises(ValueError, match="2 assets"):
        hold(ledger, lambda *_: (), outcomes)


def test_what_the_system_knows_of_a_zone_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A deadline ends at another instant where the clocks change on another day."""
    task_list, told = (task(),), []
    home = Inventory((Department("health", TEXT, (), timezone="Asia/Baghdad"),))
    for content in (b"one", b"one", b"two"):
        (tmp_path / "Asia").mkdir(exist_ok=True)
        (tmp_path / "Asia" / "Baghdad").write_bytes(content)
        monkeypatch.setattr("zoneinfo.TZPATH", (str(tmp_path),))
        holding._clock_changes.cache_clear()
        told.append(Rules(Plan("national", "1", True, NOW, ()), catalogue(inventory=home)).digest(task_list, host()))
    holding._clock_changes.cache_clear()
    assert told[0] == told[1] != told[2]
