"""A clock that was wrong for a night decides nothing once it is right: what is seen now outweighs what is still to come."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auditor.lifecycle import LIVE, replay, work
from auditor.model import Event, EventKind, Finding, FindingState, Outcome, Resolution
from auditor.model.codec import from_json

from .make import DAY, T0, events, held_still, keep, outcome
from .test_people import OFFICER

YEAR = 365 * DAY


def nights(*seen: tuple[str, datetime], findings: dict[str, Finding] | None = None) -> Finding:
    """The finding after nights: what each saw, by its own clock."""
    held = findings or {}
    for kind, clock in seen:
        said = outcome({"": kind}, clock)
        moves = events(said, held.values(), now=clock)
        held_still(said, held.values(), moves)
        held = keep(held, moves, said)
    (finding,) = held.values()
    return finding


def moved(event: Event) -> dict[str, Finding]:
    return {event.subject: from_json(Finding, event.data)}


@pytest.mark.parametrize("wrong", [YEAR, -YEAR])
def test_a_fix_seen_by_a_wrong_clock_hides_no_relapse(wrong: timedelta) -> None:
    """Regression: a pass in a night whose clock was a year ahead closed the finding a year from now, and however often it failed
    until then, it was not reopened."""
    finding = nights(("fail", T0), ("pass", T0 + DAY + wrong), ("fail", T0 + 2 * DAY))
    assert (finding.state, finding.last_seen) == (FindingState.REOPENED, T0 + 2 * DAY)
    assert nights(("pass", T0 + 3 * DAY), findings={finding.id: finding}).state is FindingState.CLOSED


@pytest.mark.parametrize("wrong", [YEAR, -YEAR])
def test_a_failure_seen_by_a_wrong_clock_outlasts_no_fix(wrong: timedelta) -> None:
    """Regression: seen to fail in a night whose clock was a year ahead, it stayed open for a year, though it was mended."""
    for before in ((), (("fail", T0),)):
        finding = nights(*before, ("fail", T0 + DAY + wrong), ("pass", T0 + 2 * DAY))
        assert (finding.state, finding.resolution) == (FindingState.CLOSED, Resolution.FIXED)
        assert finding.closed_at == T0 + 2 * DAY


def test_a_claim_made_by_a_wrong_clock_is_held_against_the_next_night() -> None:
    """Regression: a fix claimed while the clock was a year ahead was refuted by nothing for a year. What was seen before the
    claim does not refute it."""
    finding = nights(("fail", T0))
    claimed = moved(work.act(EventKind.FINDING_CLAIMED, finding, OFFICER, T0 + YEAR))
    again = outcome({"": "fail"}, T0)
    assert events(again, claimed.values(), now=T0 + DAY) == ()
    assert nights(("fail", T0 + DAY), findings=claimed).state is FindingState.IN_PROGRESS


def test_what_a_person_did_is_not_undone_by_what_a_wrong_clock_saw() -> None:
    """An observation that is still to come was made before now, at an hour that nobody knows: judged anew, it neither refutes
    a claim nor brings back what was retired since. What is new does both."""
    failed = nights(("fail", T0), ("fail", T0 + YEAR))
    again = outcome({"": "fail"}, T0 + YEAR)
    for event, after in (
        (work.act(EventKind.FINDING_CLAIMED, failed, OFFICER, T0 + 2 * DAY), FindingState.IN_PROGRESS),
        (work.retire(failed, "scrapped", OFFICER, T0 + 2 * DAY), FindingState.REOPENED),
    ):
        held = moved(event)
        assert events(again, held.values(), now=T0 + 3 * DAY) == ()
        assert events(outcome({"": "fail"}, T0 + DAY), held.values(), now=T0 + 3 * DAY) == ()
        assert nights(("fail", T0 + 3 * DAY), findings=held).state is after


def test_an_observation_that_is_still_to_come_proves_no_fix() -> None:
    """A run that was killed under a wrong clock is judged under the right one: when it saw the pass nobody knows."""
    held = {f.id: f for f in [nights(("fail", T0))]}
    assert events(outcome({"": "pass"}, T0 + YEAR), held.values(), now=T0 + DAY) == ()
    (opened,) = events(outcome({"": "fail"}, T0 + YEAR), now=T0 + DAY)
    assert opened.kind is EventKind.FINDING_OPENED  # a failure is never lost


def test_a_policy_is_judged_on_what_a_wrong_clock_saw() -> None:
    """The very observation that failed may pass under the new definition, whatever its clock told; and fail again."""
    failed = nights(("fail", T0 + YEAR))
    looser = outcome({"": "pass"}, T0 + YEAR, definition="d2")
    (closed,) = events(looser, [failed], now=T0 + DAY)
    assert closed.data["resolution"] == Resolution.POLICY_CHANGED
    (back,) = events(outcome({"": "fail"}, T0 + YEAR), moved(closed).values(), now=T0 + 2 * DAY)
    assert back.kind is EventKind.FINDING_REOPENED


def test_a_clock_set_back_by_seconds_is_no_wrong_one() -> None:
    """What was seen just before it was set to time counts as ever."""
    soon = T0 + DAY + timedelta(seconds=20)
    held = {f.id: f for f in [nights(("fail", T0))]}
    (closed,) = events(outcome({"": "pass"}, soon), held.values(), now=T0 + DAY)
    assert closed.kind is EventKind.FINDING_CLOSED


class WrongClocks(RuleBasedStateMachine):
    """Nights one after the other, each by a clock that is right, or wrong by whatever."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = T0
        self.findings: dict[str, Finding] = {}
        self.journal: list[Event] = []
        self.failing: dict[str, bool] = {}

    @rule(
        kinds=st.tuples(*[st.sampled_from(["pass", "fail"])] * 2),
        wrong=st.sampled_from([0, 0, 0, 365.5, -365.5, 2.5, -2.5]),
        claim=st.booleans(),
    )
    def night(self, kinds: tuple[str, str], wrong: float, claim: bool) -> None:
        self.clock += DAY
        now = self.clock + wrong * DAY
        for finding in self.findings.values() if claim else ():
            if finding.state in LIVE and finding.state is not FindingState.FIX_CLAIMED:
                self.take((work.act(EventKind.FINDING_CLAIMED, finding, OFFICER, now - DAY / 2),), None)
                break
        said = outcome(dict(zip(("ali", "omar"), kinds, strict=True)), now)
        moves = events(said, self.findings.values(), now=now)
        held_still(said, self.findings.values(), moves)
        self.take(moves, said)
        assert events(said, self.findings.values(), now=now) == ()
        self.failing |= {s: k == "fail" for s, k in zip(("ali", "omar"), kinds, strict=True) if k == "fail" or s in self.failing}
        if wrong >= 0:  # a clock that is behind cannot know which instants are true
            self.told_right()

    def take(self, moves: tuple[Event, ...], said: Outcome | None) -> None:
        self.journal += moves
        if said is None:
            self.findings |= {e.subject: from_json(Finding, e.data) for e in moves}
        else:
            self.findings = keep(self.findings, moves, said)

    def told_right(self) -> None:
        """What the newest night saw is what the findings say."""
        assert {f.subject: f.state in LIVE for f in self.findings.values()} == self.failing
        for finding in self.findings.values():
            assert not (finding.state is FindingState.FIX_CLAIMED and self.failing[finding.subject])

    @invariant()
    def the_journal_replays(self) -> None:
        assert {n: f.state for n, f in replay(self.journal).items()} == {n: f.state for n, f in self.findings.items()}


TestWrongClocks = WrongClocks.TestCase
TestWrongClocks.settings = settings(max_examples=60, stateful_step_count=15)
