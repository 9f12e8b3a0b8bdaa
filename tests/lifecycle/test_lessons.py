"""Each lesson that users of other auditors paid for, and each line of rule 1, as one small history."""

from __future__ import annotations

import pytest

from auditor.model import EventKind, FindingState, Reason, Resolution, Severity, Verdict, VerdictKind

from .make import DAY, T0, end_of, events, one, outcome, told

FAIL = outcome({"": "fail"})
LATER = T0 + DAY


def test_a_failure_opens_a_finding() -> None:
    """All attributes come from the plan and the verdict; the deadline counts from when it was first seen."""
    finding = one(FAIL)
    assert (finding.state, finding.severity, finding.controls) == (FindingState.OPEN, Severity.HIGH, ("A.8.9",))
    assert (finding.first_seen, finding.last_seen, finding.due) == (T0, T0, end_of(T0 + 30 * DAY))
    assert (finding.observed, finding.expected, finding.definition) == (1, 0, "d1")


def test_newer_proof_closes_as_fixed() -> None:
    """The ordinary good end."""
    finding = one(FAIL, outcome({"": "pass"}, LATER))
    assert (finding.state, finding.resolution, finding.closed_at) == (FindingState.CLOSED, Resolution.FIXED, LATER)


def test_one_of_two_subjects_fixed_closes_one() -> None:
    """Each account has a finding of its own."""
    after = told(outcome({"ali": "fail", "omar": "fail"}), outcome({"ali": "pass", "omar": "fail"}, LATER))
    assert {f.subject: f.state.value for f in after.values()} == {"ali": "closed", "omar": "open"}


@pytest.mark.parametrize("kind", ["unknown", "error"])
@pytest.mark.parametrize("complete", [True, False])
def test_what_could_not_be_looked_at_closes_nothing(kind: str, complete: bool) -> None:
    """Unreachable, denied, truncated, a parser that broke: could not look is not clean."""
    said = outcome({"": kind}, LATER, complete=complete, reason=Reason.UNREACHABLE)
    assert events(said, told(FAIL).values()) == ()
    assert events(said, told(outcome({"ali": "fail"})).values()) == ()


def test_no_observation_closes_nothing() -> None:
    """A verdict that rests on no instant cannot be newer than the finding."""
    for said in (outcome({"": "pass"}, None), outcome({"": "not_applicable"}, None, reason=Reason.DOES_NOT_APPLY)):
        assert events(said, told(FAIL).values()) == ()


def test_a_partial_rescan_closes_nothing() -> None:
    """Other assets, other checks: only what an outcome speaks of can move."""
    before = told(FAIL, outcome({"": "fail"}, check="c1"), outcome({"": "fail"}, asset="h1"))
    moved = events(outcome({"": "pass"}, LATER), before.values())
    assert [(e.data["asset"], e.data["check"]) for e in moved] == [("h0", "c0")]


def test_an_incomplete_list_closes_nothing() -> None:
    """Neither the missing, nor the passing (its namesake may be in the part cut off), nor the excluded."""
    before = told(outcome({"ali": "fail"}))
    for said in (
        outcome({"omar": "pass"}, LATER, complete=False),
        outcome({"ali": "pass"}, LATER, complete=False),
        outcome({"omar": "pass"}, LATER, complete=False, excluded=("ali",)),
        outcome({"": "not_applicable"}, LATER, complete=False, reason=Reason.DOES_NOT_APPLY),
    ):
        assert events(said, before.values()) == ()


@pytest.mark.parametrize("hours", [0, -1])
def test_a_stale_observation_closes_nothing(hours: int) -> None:
    """Proof must be newer than the failure; the same instant is not."""
    at = T0 + hours * DAY / 24
    for said in (
        outcome({"": "pass"}, at),
        outcome({"x": "pass"}, at),
        outcome({"": "not_applicable"}, at, reason=Reason.DOES_NOT_APPLY),
        outcome({"x": "pass"}, at, excluded=("",)),
    ):
        assert events(said, told(FAIL).values()) == ()


def test_proof_must_be_newer_than_the_last_failure_not_the_first() -> None:
    """A finding seen again has moved on, though no event told so."""
    seen_again = told(FAIL, outcome({"": "fail"}, LATER))
    assert events(outcome({"": "pass"}, T0 + DAY / 2), seen_again.values()) == ()


@pytest.mark.parametrize(
    "said",
    [
        outcome({"": "pass"}, LATER, definition="d2"),
        outcome({"": "pass"}, T0, definition="d2"),
        outcome({"x": "pass"}, LATER, definition="d2"),
        outcome({"": "not_applicable"}, T0, definition="d2", reason=Reason.DOES_NOT_APPLY),
        outcome({"x": "pass"}, T0, definition="d2", excluded=("",)),
    ],
)
def test_a_changed_parameter_closes_as_policy_changed_never_as_fixed(said: object) -> None:
    """Nobody may count a loosened rule as work done; the very observation that failed is proof enough here."""
    finding = one(FAIL, said)  # type: ignore[arg-type]
    assert finding.resolution is Resolution.POLICY_CHANGED


def test_a_changed_parameter_on_older_proof_closes_nothing() -> None:
    """An observation older than the failure says nothing, whatever the policy."""
    assert events(outcome({"": "pass"}, T0 - DAY, definition="d2"), told(FAIL).values()) == ()


def test_what_is_listed_no_more_is_gone() -> None:
    """The whole list without it: the account was deleted. An empty list is a list too."""
    assert one(outcome({"ali": "fail"}), outcome({"omar": "pass"}, LATER)).resolution is Resolution.GONE
    empty = outcome({"": "not_applicable"}, LATER, reason=Reason.NOTHING_TO_EXAMINE)
    assert one(outcome({"ali": "fail"}), empty).resolution is Resolution.GONE


def test_what_where_leaves_out_is_not_applicable() -> None:
    """The account is still there and may no longer log in: that is neither fixed nor gone."""
    left_out = outcome({"": "not_applicable"}, LATER, reason=Reason.NOTHING_TO_EXAMINE, excluded=("ali",))
    assert one(outcome({"ali": "fail"}), left_out).resolution is Resolution.NOT_APPLICABLE


def test_a_check_that_no_longer_applies_closes_all_its_findings_as_not_applicable() -> None:
    """The SSH server was removed."""
    after = told(outcome({"a": "fail", "b": "fail"}), outcome({"": "not_applicable"}, LATER, reason=Reason.DOES_NOT_APPLY))
    assert {f.resolution for f in after.values()} == {Resolution.NOT_APPLICABLE}


def test_what_returns_is_the_same_finding_reopened() -> None:
    """History is kept, the count rises, the resolution is gone; the deadline is the first one, or none would ever pass."""
    finding = one(FAIL, outcome({"": "pass"}, LATER), outcome({"": "fail"}, T0 + 2 * DAY, observed=7))
    assert (finding.state, finding.reopened, finding.first_seen) == (FindingState.REOPENED, 1, T0)
    assert (finding.resolution, finding.closed_at, finding.observed) == (None, None, 7)
    assert finding.due == end_of(T0 + 30 * DAY)
    twice = one(
        FAIL,
        outcome({"": "pass"}, LATER),
        outcome({"": "fail"}, T0 + 2 * DAY),
        outcome({"": "pass"}, T0 + 3 * DAY),
        outcome({"": "fail"}, T0 + 4 * DAY),
    )
    assert (twice.id, twice.reopened) == (finding.id, 2)


def test_an_older_failure_reopens_nothing() -> None:
    """An observation from before the repair, judged late, is not a relapse."""
    closed = told(FAIL, outcome({"": "pass"}, T0 + 2 * DAY))
    assert events(outcome({"": "fail"}, LATER), closed.values()) == ()
    assert events(outcome({"": "fail"}, T0 + 2 * DAY), closed.values()) == ()


def test_tightening_reopens_on_the_same_observation() -> None:
    """What one policy closed another opens again, without a new visit."""
    loosened = told(FAIL, outcome({"": "pass"}, T0, definition="d2"))
    (event,) = events(FAIL, loosened.values())
    assert event.kind is EventKind.FINDING_REOPENED
    fixed = told(FAIL, outcome({"": "pass"}, LATER))
    (event,) = events(outcome({"": "fail"}, LATER, definition="d3"), fixed.values())
    assert (event.kind, event.data["definition"]) == (EventKind.FINDING_REOPENED, "d3")


def test_failing_again_unchanged_is_no_event() -> None:
    """Rule 5: a night on which nothing changed adds nothing to the journal."""
    assert events(outcome({"": "fail"}, LATER), told(FAIL).values()) == ()


def test_what_changed_is_told_once() -> None:
    """Another observed value, severity, control, department, deadline or definition; wording is none of a finding's."""
    before = told(FAIL).values()
    again = outcome({"": "fail"}, LATER)
    for said, how in (
        (outcome({"": "fail"}, LATER, observed=2), {}),
        (outcome({"": "fail"}, LATER, observed=True), {}),  # true is not 1
        (outcome({"": "fail"}, LATER, definition="d2"), {}),
        (again, {"severity": Severity.LOW}),
        (again, {"controls": ("A.5.1",)}),
        (again, {"department": "finance"}),
        (again, {"days": 10}),
    ):
        (event,) = events(said, before, **how)
        assert (event.kind, event.subject) == (EventKind.FINDING_CHANGED, one(FAIL).id)
    assert events(outcome({"": "fail"}, T0 - DAY, observed=2), before) == ()


def test_a_clock_is_no_news() -> None:
    """A value that differs each night by nature does not fill the journal; whether it fails still counts."""
    before = told(FAIL).values()
    assert events(outcome({"": "fail"}, LATER, observed=2), before, volatile=True) == ()
    assert len(events(outcome({"": "pass"}, LATER, observed=2), before, volatile=True)) == 1


def test_a_deadline_follows_severity_from_when_it_last_opened() -> None:
    """A milder severity gives the milder deadline, counted from the same day."""
    (event,) = events(outcome({"": "fail"}, LATER), told(FAIL).values(), severity=Severity.LOW, days=90)
    assert event.data["due"] == end_of(T0 + 90 * DAY).isoformat()
    assert events(FAIL, days=None)[0].data["due"] is None


def test_two_things_of_one_name_are_as_bad_as_the_worse() -> None:
    """A passing namesake never closes, and never hides, a failing one."""
    both = outcome({"root": "pass"}, LATER)
    for kinds in (("fail", "pass"), ("pass", "fail"), ("pass", "unknown")):
        verdicts = tuple(Verdict("root", VerdictKind(k), 1, 0) for k in kinds)
        said = type(both)("h0", "c0", "d1", VerdictKind.FAIL, verdicts, True, LATER)
        assert [e for e in events(said, told(outcome({"root": "fail"})).values()) if e.kind is EventKind.FINDING_CLOSED] == []
