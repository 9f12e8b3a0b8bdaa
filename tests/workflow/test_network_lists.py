"""What was seen on a network on several nights, through a real ledger: silence closes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.errors import DeniedMoveError, UsageError
from auditor.evaluating import Evaluator
from auditor.ledger import Ledger
from auditor.loading import load_workspace
from auditor.model import (
    Asset,
    AssetKind,
    AssetPlan,
    Catalogue,
    CheckTask,
    DepartmentPlan,
    Event,
    EventKind,
    Finding,
    Outcome,
    Person,
    Plan,
    ProbeCall,
    Resolution,
    Role,
    Settings,
    Severity,
    VerdictKind,
)
from auditor.model.codec import to_json
from auditor.workflow.judging import Judge
from auditor.workflow.remediation import retire_asset
from tests.builders import NOW, TEXT, catalogue, host, observation, result

ROOT = Path(__file__).parents[2]
LOADED = load_workspace(ROOT)
UNLISTED, SILENT = "dept-unlisted-hosts", "dept-silent-hosts"
CHECKS = {c: LOADED.catalogue.checks[c] for c in (UNLISTED, SILENT)} if LOADED.catalogue else {}
TASKS = tuple(CheckTask(c, Severity.HIGH, {}, (("live_hosts", ProbeCall("live_hosts")),), ("A.5.9",), "d1") for c in CHECKS)


def night(
    ledger: Ledger, number: int, *answered: str, listed: tuple[str, ...] = ("10.20.0.7",), address: str = "10.20.0.0/24"
) -> dict[str, Outcome]:
    """One audit of a network on which these addresses answered, and of the hosts that the inventory lists."""
    whole = Asset("department:health", AssetKind.DEPARTMENT, "health", "health", "")
    network = Asset("net-1", AssetKind.NETWORK, "net", "health", address)
    hosts = tuple(AssetPlan(replace(host(f"uid-{a}"), address=a), (), ()) for a in listed)
    department = DepartmentPlan("health", whole, (AssetPlan(network, (ProbeCall("live_hosts"),), ()), *hosts), TASKS)
    now = NOW + number * timedelta(days=1)
    plan = Plan("national", "1", True, now, (department,), addresses=listed, sha256=f"n{number}")
    run = ledger.begin_run(plan, (), actor="test", now=now)
    evaluator = Evaluator.for_plan(plan, CHECKS)
    judge = Judge(ledger, run.id, plan, catalogue(), evaluator, actor="test", clock=lambda: now + timedelta(minutes=5))
    told = "".join(f'<host><address addr="{a}"/></host>' for a in answered)
    seen = observation(f"<hosts>{told}</hosts>", fact="live_hosts", asset="net-1", observed_at=now + timedelta(minutes=1))
    judge.department(department, {"net-1": result(seen, asset="net-1")})
    ledger.finish_run(run.id, {}, actor="test", now=now + timedelta(minutes=9))
    return {o.check: o for o in ledger.verdicts(run.id)}


def resolutions(ledger: Ledger, check: str) -> dict[str, Resolution | None]:
    return {f.subject: f.resolution for f in ledger.findings(check=(check,))}


@pytest.mark.parametrize("tonight", [("10.20.0.7",), ()])
def test_an_unlisted_host_that_is_silent_tonight_keeps_its_finding(ledger: Ledger, tonight: tuple[str, ...]) -> None:
    """Regression, closed without proof: one lost packet, or a night switched off, closed it as gone."""
    night(ledger, 0, "10.20.0.7", "10.20.0.8")
    outcome = night(ledger, 1, *tonight)[UNLISTED]
    (said,) = [v for v in outcome.verdicts if v.subject == "10.20.0.8"]
    assert (said.kind, outcome.kind) == (VerdictKind.UNKNOWN, VerdictKind.UNKNOWN)
    assert "no proof" in said.detail
    assert resolutions(ledger, UNLISTED) == {"10.20.0.8": None}


def test_an_unlisted_host_is_in_order_once_it_is_listed_and_answers(ledger: Ledger) -> None:
    """While it is silent nobody knows who has the address; its answer settles it."""
    both = ("10.20.0.7", "10.20.0.8")
    night(ledger, 0, *both)
    night(ledger, 1, "10.20.0.7", listed=both)
    assert resolutions(ledger, UNLISTED) == {"10.20.0.8": None}
    night(ledger, 2, *both, listed=both)
    assert resolutions(ledger, UNLISTED) == {"10.20.0.8": Resolution.FIXED}


def test_a_network_made_smaller_takes_no_unlisted_host_with_it(ledger: Ledger) -> None:
    """Who no longer looks has not seen it leave."""
    night(ledger, 0, "10.20.0.7", "10.20.0.200")
    night(ledger, 1, "10.20.0.7", address="10.20.0.0/25")
    assert resolutions(ledger, UNLISTED) == {"10.20.0.200": None}


def test_an_address_that_never_failed_makes_no_noise_by_silence(ledger: Ledger) -> None:
    """Only a subject with an open finding is missed."""
    outcomes = night(ledger, 0, "10.20.0.7")
    assert {o.kind for o in outcomes.values()} == {VerdictKind.PASS}


def test_a_silent_host_that_answers_is_in_order_and_one_struck_off_the_list_is_not(ledger: Ledger) -> None:
    """Regression, closed without proof: a host that left the inventory, perhaps by a mistake in its file, closed as gone."""
    night(ledger, 0, listed=("10.20.0.7", "10.20.0.9"))
    night(ledger, 1, "10.20.0.7")
    assert resolutions(ledger, SILENT) == {"uid-10.20.0.7": Resolution.FIXED, "uid-10.20.0.9": None}


PEOPLE = {
    "sara": Person("sara", TEXT, (Role.OFFICER,), department="health"),
    "omar": Person("omar", TEXT, (Role.OFFICER,), department="finance"),
}


@pytest.fixture
def found(tmp_path: Path) -> Catalogue:
    """A stranger at 10.20.0.8 and two listed hosts that are silent, one of which left the inventory since."""
    path = tmp_path / "findings" / "ledger.db"
    with Ledger.open(path) as ledger, ledger.lock(actor="test", now=NOW):
        night(ledger, 0, "10.20.0.8", listed=("10.20.0.7", "10.20.0.9"))
    settings = Settings(tmp_path, ledger=path, policy_of_record="national", people=PEOPLE)
    listed = replace(host("uid-10.20.0.7"), address="10.20.0.7")
    return catalogue(checks=tuple(CHECKS.values()), assets=(listed,), settings=settings)


def left(found: Catalogue) -> set[str]:
    with Ledger.open(found.settings.ledger, create=False, readonly=True) as ledger:
        return {f.subject for f in ledger.findings() if f.resolution is None}


@pytest.mark.parametrize("name", ["10.20.0.8", "uid-10.20.0.9"])
def test_a_person_retires_what_no_scan_can_prove_gone(found: Catalogue, name: str) -> None:
    """By the address of a stranger and by the uid of a host that was listed: that finding closes and no other."""
    before = left(found)
    (closed,) = retire_asset(found, "sara", name, "taken off the network", now=NOW)
    assert (closed.subject, before - left(found)) == (name, {name})


@pytest.mark.parametrize("name", ["uid-10.20.0.7", "10.20.0.7", "department:health", "10.20.0.10"])
def test_what_cannot_be_retired(found: Catalogue, name: str) -> None:
    """Regression, closed without proof: naming the department itself closed every finding over all of its hosts."""
    before = left(found)
    with pytest.raises(UsageError):
        retire_asset(found, "sara", name, "gone", now=NOW)
    assert left(found) == before


def test_an_officer_retires_no_stranger_of_another_department(found: Catalogue) -> None:
    """The network on which it was seen is not theirs."""
    with pytest.raises(DeniedMoveError):
        retire_asset(found, "omar", "10.20.0.8", "gone", now=NOW)


@pytest.mark.parametrize(
    ("name", "aside", "refused"),
    [("10.20.0.8", "health", True), ("10.20.0.8", "finance", True), ("uid-h", "health", True), ("uid-h", "finance", False)],
)
def test_nothing_is_retired_while_the_file_that_may_list_it_is_wrong(
    found: Catalogue, name: str, aside: str, refused: bool
) -> None:
    """Regression, closed without proof: a department that is set aside lists nothing, so that a wrong key in its file let its
    officer retire a host that is listed there still."""
    with Ledger.open(found.settings.ledger) as ledger:
        ledger.apply(
            [Event(EventKind.FINDING_OPENED, NOW, "test", "F-H", to_json(replace(_one(ledger), id="F-H", asset="uid-h")))]
        )
    wrong = replace(found, inventory=replace(found.inventory, set_aside=((aside, ("inventories/x.yaml:3:1: bogus",)),)))
    before = left(found)
    if refused:
        with pytest.raises(UsageError, match=f"files of {aside} are wrong"):
            retire_asset(wrong, "sara", name, "scrapped", now=NOW)
        assert left(found) == before
    else:
        assert len(retire_asset(wrong, "sara", name, "scrapped", now=NOW)) == 1


def _one(ledger: Ledger) -> Finding:
    return next(f for f in ledger.findings() if f.subject == "10.20.0.8")
