"""Random histories: whatever nights bring, nothing is lost, doubled or closed without proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auditor.lifecycle import finding_id, replay
from auditor.model import Event, EventKind, Finding, FindingState, Outcome, Reason, Resolution, Verdict, VerdictKind

from .make import MUCH_LATER, T0, events, held_still, keep, later

ASSETS, CHECKS, SUBJECTS = ("h0", "h1"), ("c0", "c1"), ("", "ali", "omar")
KINDS = (VerdictKind.PASS, VerdictKind.FAIL, VerdictKind.UNKNOWN, VerdictKind.ERROR)


@st.composite
def outcomes(draw: st.DrawFn, clock: datetime) -> Outcome:
    """Anything an evaluation can say, and some that it should not."""
    subjects = draw(st.lists(st.sampled_from(SUBJECTS), max_size=4))
    verdicts = [Verdict(s, draw(st.sampled_from(KINDS)), draw(st.sampled_from([1, True, "x"])), 0) for s in subjects]
    if not verdicts or draw(st.integers(0, 9)) == 0:
        reason = draw(st.sampled_from([Reason.DOES_NOT_APPLY, Reason.NOTHING_TO_EXAMINE]))
        verdicts = [Verdict("", VerdictKind.NOT_APPLICABLE, reason=reason)]
    return Outcome(
        draw(st.sampled_from(ASSETS)),
        draw(st.sampled_from(CHECKS)),
        draw(st.sampled_from(["d1", "d1", "d1", "d2"])),
        verdicts[0].kind,
        tuple(verdicts),
        draw(st.integers(0, 3)) > 0,
        draw(st.sampled_from([clock, clock, clock - timedelta(hours=1), clock - timedelta(hours=3), None])),
        tuple(draw(st.sets(st.sampled_from(SUBJECTS), max_size=1))),
    )


class Histories(RuleBasedStateMachine):
    """Nights one after the other, some observations late, some policies changed."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = T0
        self.findings: dict[str, Finding] = {}
        self.journal: list[Event] = []
        self.failed: set[tuple[str, str, str]] = set()

    @rule(data=st.data(), hours=st.integers(0, 5))
    def night(self, data: st.DataObject, hours: int) -> None:
        self.clock += timedelta(hours=hours)
        said = data.draw(outcomes(self.clock))
        before = self.findings
        moves = events(said, before.values())
        held_still(said, before.values(), moves)
        assert len({e.subject for e in moves}) == len(moves)
        for event in moves:
            self.check(event, before.get(event.subject), said)
        self.journal += moves
        self.findings = keep(before, moves, said)
        self.failed |= {(said.asset, said.check, v.subject) for v in said.verdicts if v.kind is VerdictKind.FAIL}
        if not any((f.asset, f.check) == (said.asset, said.check) for f in before.values()):
            assert events(later(said), self.findings.values(), now=MUCH_LATER) == ()  # what was opened just now is settled
        assert events(said, self.findings.values()) == ()  # judging again what was judged changes nothing

    def check(self, event: Event, before: Finding | None, said: Outcome) -> None:
        """Each single move, against the rules as DESIGN.md words them."""
        subject = str(event.data["subject"])
        kinds = {v.kind for v in said.verdicts if v.subject == subject}
        assert (event.data["asset"], event.data["check"]) == (said.asset, said.check)
        if event.kind is not EventKind.FINDING_CLOSED:
            assert VerdictKind.FAIL in kinds
            return
        assert before is not None
        assert said.complete
        assert said.observed_at is not None
        assert not kinds & {VerdictKind.FAIL, VerdictKind.UNKNOWN, VerdictKind.ERROR}
        if said.definition != before.definition:
            assert event.data["resolution"] == Resolution.POLICY_CHANGED
            assert said.observed_at >= before.last_seen
        else:
            assert said.observed_at > before.last_seen
            assert (event.data["resolution"] == Resolution.FIXED) == (VerdictKind.PASS in kinds)

    @invariant()
    def none_lost_none_doubled(self) -> None:
        identities = [(f.asset, f.check, f.subject) for f in self.findings.values()]
        assert set(identities) == self.failed
        assert len(identities) == len(set(identities))
        assert all(name == f.id == finding_id(f.asset, f.check, f.subject) for name, f in self.findings.items())

    @invariant()
    def closed_ones_say_why(self) -> None:
        for f in self.findings.values():
            assert (f.state is FindingState.CLOSED) == (f.resolution is not None) == (f.closed_at is not None)
            assert f.reopened == sum(e.kind is EventKind.FINDING_REOPENED for e in self.journal if e.subject == f.id)

    @invariant()
    def the_journal_tells_it_all(self) -> None:
        again = replay(self.journal)
        assert again.keys() == self.findings.keys()
        for name, f in self.findings.items():
            assert replace(again[name], last_seen=f.last_seen) == f
            assert again[name].last_seen <= f.last_seen


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25)
