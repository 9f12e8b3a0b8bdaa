"""Identity, the table of moves, and replay."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import IntegrityError, UsageError
from auditor.lifecycle import LIVE, MOVES, finding_id, move, replay
from auditor.model import EventKind, FindingState, Resolution

from .make import DAY, T0, events, outcome, told


def test_an_id_is_stable_and_can_be_read_aloud() -> None:
    """Ledgers of years ago must name the same finding; the letters are those of RFC 4648 in Crockford's alphabet."""
    assert finding_id("health/web", "ssh-root-login", "") == "F-9WTSW48MKV"
    digest = hashlib.sha256(b'["health/web", "ssh-root-login", ""]').digest()
    rfc, crockford = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    assert base64.b32encode(digest)[:10].decode().translate(str.maketrans(rfc, crockford)) == "9WTSW48MKV"
    assert set(finding_id("ا", "b", "c")[2:]) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=9), min_size=3, max_size=3))
def test_an_id_is_that_of_the_list_as_json(triple: list[str]) -> None:
    """Whatever the names hold: a subject may be any text that a host prints."""
    digest = hashlib.sha256(json.dumps(triple).encode()).digest()
    number = int.from_bytes(digest, "big") >> (256 - 50)
    assert [("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)) for c in finding_id(*triple)[2:]] == [
        number >> (5 * n) & 31 for n in reversed(range(10))
    ]


@given(st.lists(st.text(max_size=3), min_size=3, max_size=3), st.lists(st.text(max_size=3), min_size=3, max_size=3))
def test_different_triples_have_different_ids(one: list[str], other: list[str]) -> None:
    """No separator inside a name can make two identities look alike."""
    assert (finding_id(*one) == finding_id(*other)) == (one == other)


def test_an_id_that_another_finding_bears_is_not_given() -> None:
    """Fifty bits are not unique in a nation; the next id is as stable as the first."""
    own, other = ("a", "b", "c"), ("x", "y", "z")
    first = finding_id(*own)
    second = finding_id(*own, {first: other})
    third = finding_id(*own, {first: other, second: other})
    assert len({first, second, third}) == 3
    assert second == finding_id(*own, {third: other, first: other}) == finding_id(*own, {first: other, second: own})
    assert first == finding_id(*own, {second: other}) == finding_id(*own, {first: own})


def test_every_state_can_be_entered_and_left() -> None:
    """The table has no state in which a finding is stuck, and each move has one outcome."""
    assert {m.after for m in MOVES} == set(FindingState)
    assert {m.before for m in MOVES} - {None} == set(FindingState)
    assert len({(m.kind, m.before) for m in MOVES}) == len(MOVES)
    assert set(FindingState) - LIVE == {FindingState.CLOSED}


def test_what_the_table_lacks_is_refused() -> None:
    """A closing says why; nothing else may."""
    for wrong in (
        (EventKind.FINDING_CLOSED, None, Resolution.FIXED),
        (EventKind.FINDING_CLOSED, FindingState.CLOSED, Resolution.FIXED),
        (EventKind.FINDING_CLOSED, FindingState.OPEN, None),
        (EventKind.FINDING_OPENED, FindingState.OPEN, None),
        (EventKind.FINDING_OPENED, None, Resolution.GONE),
        (EventKind.RUN_STARTED, None, None),
    ):
        with pytest.raises(UsageError):
            move(*wrong)


def test_replay_refuses_a_journal_that_cannot_be_true() -> None:
    """A history in which a finding closes twice, or an entry that describes another finding, was not written by us."""
    opened = events(outcome({"": "fail"}))
    closed = events(outcome({"": "pass"}, T0 + DAY), told(outcome({"": "fail"})).values())
    assert [f.state for f in replay([*opened, *closed]).values()] == [FindingState.CLOSED]
    for wrong in (
        closed,
        [*opened, *opened],
        [*opened, *closed, *closed],
        [replace(opened[0], subject="F-0000000000")],
        [replace(opened[0], data={})],
        [replace(opened[0], data={**opened[0].data, "state": "closed"})],
    ):
        with pytest.raises(IntegrityError):
            replay(wrong)
