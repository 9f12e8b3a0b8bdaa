"""What brings exceptions to an end and findings back, and what does not: a file that tells nothing proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditor.lifecycle.exceptions import Settling, settle
from auditor.model import EventKind, ExceptionState, Finding, FindingState, RiskException
from auditor.model.codec import from_json

from .make import DAY, one, outcome
from .test_people import NOW, TODAY, WORLD, risk

TAGGED = risk(tag="dmz", state=ExceptionState.ACTIVE)
OPEN = one(outcome({"": "fail"}))
ASIDE = Settling(NOW, {}, {})
LEFT = Settling(NOW, WORLD.zones, {})


def covered(held: RiskException = TAGGED) -> Finding:
    (event,) = settle([held], [OPEN], WORLD)
    finding = from_json(Finding, event.data)
    assert (finding.state, finding.exception) == (FindingState.EXCEPTED, held.id)
    return finding


@pytest.mark.parametrize("world", [ASIDE, LEFT], ids=["set aside", "asset left"])
def test_an_asset_that_nobody_lists_has_not_lost_its_tags(world: Settling) -> None:
    """Regression, a typo that ends exceptions: a department whose file was wrong had no assets, and so they carried no tags."""
    assert settle([TAGGED], [covered()], world) == ()
    assert settle([TAGGED], [OPEN], world) == ()  # nor is more covered than was


def test_a_tag_that_was_taken_away_ends_the_cover() -> None:
    """That is what the inventory says."""
    (event,) = settle([TAGGED], [covered()], replace(WORLD, tags={"h0": ()}))
    assert event.kind is EventKind.FINDING_RESTORED


@pytest.mark.parametrize("world", [ASIDE, LEFT], ids=["set aside", "asset left"])
def test_people_end_an_exception_whatever_the_files_are(world: Settling) -> None:
    """A revoked one covers nothing any more."""
    (event,) = settle([replace(TAGGED, state=ExceptionState.REVOKED)], [covered()], world)
    assert event.kind is EventKind.FINDING_RESTORED


def test_an_exception_ends_by_time_though_its_zone_cannot_be_told() -> None:
    """Regression, ended too early: the day was then taken to be that of UTC. It is over when it is over everywhere."""
    held = replace(TAGGED, ends=TODAY)
    midnight = datetime.combine(TODAY + DAY, datetime.min.time(), UTC)
    assert settle([held], [covered()], replace(ASIDE, now=midnight + timedelta(hours=11))) == ()
    events = settle([held], [covered()], replace(ASIDE, now=midnight + timedelta(hours=12)))
    assert [e.kind for e in events] == [EventKind.EXCEPTION_EXPIRED, EventKind.FINDING_RESTORED]
