"""Over two nights: a host key that cannot be seen any more is not one that is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.evaluating import Evaluator
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    AssetResult,
    CheckTask,
    DepartmentPlan,
    Event,
    EventKind,
    Finding,
    ProbeCall,
)
from auditor.model.codec import from_json
from tests.builders import NOW, asset_plan, host, observation, result, task
from tests.lifecycle.make import events

ROOT = Path(__file__).parents[2]
ELSEWHERE = (ROOT / "tests/golden/facts/ssh_host_keys/debian12-elsewhere.txt").read_text()
USUAL = (ROOT / "tests/golden/facts/ssh_host_keys/debian12-default.txt").read_text()
MENDED = ELSEWHERE.replace("mode=644", "mode=600").replace("public=1024 ", "public=4096 ")
LOADED = load_workspace(ROOT).catalogue
assert LOADED is not None
CHECKS = LOADED.checks


def planned(name: str) -> CheckTask:
    """The check as it is planned where no policy changes it."""
    facts = tuple((use.variable, ProbeCall(use.fact)) for use in CHECKS[name].facts)
    return replace(task(name), params={p.name: p.default for p in CHECKS[name].params}, facts=facts)


def seen(name: str, output: str, night: int, check: str) -> tuple[AssetPlan, AssetResult]:
    """A host's plan, and what it told that night."""
    told = observation(output, fact="ssh_host_keys", asset=name, observed_at=NOW + timedelta(days=night))
    return asset_plan(planned(check), asset=host(name)), result(told, asset=name)


def nights(check: str, first: str, second: str) -> tuple[Event, ...]:
    """What the second night does to the findings of the first, of which there is one."""
    said = []
    for number, output in enumerate((first, second)):
        plan, told = seen("web", output, number, check)
        said.append(Evaluator(CHECKS, now=NOW).judge_asset(plan, told)[0])
    (opened,) = events(said[0])
    return events(said[1], [from_json(Finding, opened.data)])


UNSEEN = {
    "sshd cannot be asked": "asked=no\n" + USUAL,
    "the folder was closed": USUAL.replace("end\n", "unseen=/etc/ssh/keys/host_rsa\nend\n"),
}


@pytest.mark.parametrize("check", ["file-ssh-host-key-permissions", "ssh-host-key-strength"])
@pytest.mark.parametrize("second", UNSEEN.values(), ids=UNSEEN)
def test_a_key_that_is_not_seen_any_more_stays_open(check: str, second: str) -> None:
    """Regression, closed without proof: the finding closed as gone."""
    assert nights(check, ELSEWHERE, second) == ()


def test_a_key_without_its_public_half_stays_open() -> None:
    """Regression, closed without proof: `rm host_rsa.pub` made the finding go."""
    without = "\n".join(line for line in ELSEWHERE.splitlines() if not line.endswith("host_rsa.pub"))
    second = without.replace("unread=", "unread=/etc/ssh/keys/host_rsa\nunread=") + "\n"
    assert nights("ssh-host-key-strength", ELSEWHERE, second) == ()


@pytest.mark.parametrize("check", ["file-ssh-host-key-permissions", "ssh-host-key-strength"])
@pytest.mark.parametrize("second", [MENDED, USUAL], ids=["mended", "taken out of use"])
def test_a_key_that_is_mended_or_gone_closes(check: str, second: str) -> None:
    """Where sshd was asked and tells of it no more, or it is as it should be."""
    assert [event.kind for event in nights(check, ELSEWHERE, second)] == [EventKind.FINDING_CLOSED]


@pytest.mark.parametrize(
    ("second", "closes"),
    [
        ("asked=no\nend\n", False),
        ("unread=/srv/key\nend\n", False),
        ("unseen=/srv/key\nend\n", False),
        ("public=256 SHA256:other (ED25519) /srv/key.pub\nend\n", True),
        ("end\n", True),
    ],
)
def test_a_shared_key_is_not_taken_for_changed_where_it_was_not_seen(second: str, closes: bool) -> None:
    """Regression, closed without proof: one of two hosts told nothing of its key, and the finding closed as fixed."""
    shared = "public=256 SHA256:same (ED25519) /srv/key.pub\nend\n"
    whole = Asset("department:health", AssetKind.DEPARTMENT, "health", "health", "")
    said = []
    for number, output in enumerate((shared, second)):
        both = [seen(name, told, number, "ssh-host-key-strength") for name, told in (("web", shared), ("db", output))]
        plan = DepartmentPlan("health", whole, tuple(p for p, _ in both), (planned("dept-shared-host-keys"),))
        said.append(Evaluator(CHECKS, now=NOW).judge_department(plan, {r.asset: r for _, r in both})[0])
    (opened,) = events(said[0])
    moved = [event.kind for event in events(said[1], [from_json(Finding, opened.data)])]
    assert moved == ([EventKind.FINDING_CLOSED] if closes else [])
