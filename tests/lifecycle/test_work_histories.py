"""Random histories of scans, people and exceptions: nothing is lost, nothing closes without proof, the journal replays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auditor.lifecycle import LIVE, legal, replay, work
from auditor.lifecycle.exceptions import STANDING, Settling, covers, settle
from auditor.model import SPARED, Event, EventKind, ExceptionKind, ExceptionState, Finding, FindingState, RiskException
from auditor.model.codec import from_json

from .make import DAY, T0, events, held_still, keep, outcome
from .test_people import OFFICER, risk

SUBJECTS = ("ali", "omar")


class Work(RuleBasedStateMachine):
    """Nights, people's moves and exceptions, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = T0
        self.findings: dict[str, Finding] = {}
        self.exceptions: dict[str, RiskException] = {}
        self.journal: list[Event] = []
        self.seen: dict[str, list[tuple[str, bool]]] = {}

    @rule(hours=st.integers(1, 60), kinds=st.tuples(*[st.sampled_from(["pass", "fail", "fail", "unknown"])] * 2), d=st.booleans())
    def night(self, hours: int, kinds: tuple[str, str], d: bool) -> None:
        self.clock += timedelta(hours=hours)
        said = outcome(dict(zip(SUBJECTS, kinds, strict=True)), self.clock, definition="d2" if d else "d1")
        moves = events(said, self.findings.values())
        held_still(said, self.findings.values(), moves)
        for event in moves:
            if event.kind is EventKind.FINDING_CLOSED:
                assert dict(zip(SUBJECTS, kinds, strict=True))[str(event.data["subject"])] == "pass"
        self.journal += moves
        self.findings = keep(self.findings, moves, said)
        self.settle()

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        able = [(f, k) for f in self.findings.values() for k in legal(f.state)]
        able = [(f, k) for f, k in able if k not in (EventKind.FINDING_ASSIGNED, EventKind.FINDING_PLANNED)]
        if not able:
            return
        finding, kind = data.draw(st.sampled_from(able))
        event = work.act(kind, finding, OFFICER, self.clock)
        self.journal.append(event)
        self.findings[finding.id] = from_json(Finding, event.data)
        assert self.findings[finding.id].state in LIVE

    @rule(data=st.data(), days=st.integers(0, 5))
    def except_(self, data: st.DataObject, days: int) -> None:
        subject = data.draw(st.sampled_from([None, *SUBJECTS]))
        false = subject is not None and data.draw(st.booleans())
        today = self.world().today("health")
        name = f"E-{len(self.exceptions) + 1}"
        self.exceptions[name] = risk(
            id=name,
            kind=ExceptionKind.FALSE_POSITIVE if false else ExceptionKind.RISK,
            state=ExceptionState.APPROVED,
            subject=subject,
            starts=today + timedelta(days=data.draw(st.integers(0, 2))),
            ends=None if false else today + timedelta(days=2 + days),
            definition=data.draw(st.sampled_from(["d1", "d2"])),
        )
        self.settle()

    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        active = [e for e in self.exceptions.values() if e.state is ExceptionState.ACTIVE]
        if active:
            chosen = data.draw(st.sampled_from(active))
            self.exceptions[chosen.id] = replace(chosen, state=ExceptionState.REVOKED)
            self.settle()

    def world(self) -> Settling:
        return Settling(self.clock, {"health": "Asia/Riyadh"}, {})

    def settle(self) -> None:
        for event in settle(self.exceptions.values(), self.findings.values(), self.world()):
            self.journal.append(event)
            if event.subject in self.exceptions:
                self.exceptions[event.subject] = from_json(RiskException, event.data["record"])  # type: ignore[arg-type]
            else:
                self.findings[event.subject] = from_json(Finding, event.data)
        assert settle(self.exceptions.values(), self.findings.values(), self.world()) == ()  # settled is settled

    @invariant()
    def covered_is_covered_by_something_that_holds(self) -> None:
        for finding in self.findings.values():
            over = [e for e in self.exceptions.values() if e.state is ExceptionState.ACTIVE and covers(e, finding, {})]
            if finding.state in SPARED:
                assert finding.exception in {e.id for e in over}
            else:
                assert finding.exception == ""

    @invariant()
    def nothing_stands_beyond_its_last_day(self) -> None:
        last = self.journal[-1].at if self.journal else T0
        today = Settling(min(last, self.clock), {"health": "Asia/Riyadh"}, {}).today("health")
        for held in self.exceptions.values():
            assert held.state not in STANDING or held.ends is None or held.ends >= today - DAY

    @invariant()
    def the_journal_tells_it_all(self) -> None:
        again = replay(self.journal)
        assert again.keys() == self.findings.keys()
        for name, finding in self.findings.items():
            assert replace(again[name], last_seen=finding.last_seen) == finding
            assert (finding.claimed_at is not None) == (finding.state is FindingState.FIX_CLAIMED)


TestWork = Work.TestCase
TestWork.settings = settings(max_examples=60, stateful_step_count=25)
