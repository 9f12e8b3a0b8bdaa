"""The main job on real hosts: every planted defect is found, nothing else is, and findings move only on proof."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor import lab
from auditor.ledger import Ledger
from auditor.model import (
    Finding,
    FindingState,
    Observation,
    Outcome,
    Reach,
    Reason,
    Resolution,
    Run,
    VerdictKind,
)
from auditor.planning import Narrowing
from auditor.workflow.audit import audit
from auditor.workflow.inspection import plan_now, sudoers_of
from auditor.workflow.reevaluate import reevaluate
from auditor.workflow.workspace import open_workspace

pytestmark = pytest.mark.lab


class Quiet:
    """Watches nothing."""

    def begun(self, run, plan, done) -> None:
        pass

    def visited(self, plan, result) -> None:
        pass

    def given_up(self, run: Run) -> None:
        pass

    def clock_wrong(self, newest) -> None:
        pass


@dataclass
class World:
    """A fleet with its workspace."""

    fleet: lab.Fleet
    root: Path

    def audit(self, *hosts: str, **options) -> Run:
        catalogue = open_workspace(self.root)
        return audit(catalogue, actor="test", watcher=Quiet(), narrowing=Narrowing(hosts=hosts), **options)

    def findings(self, **filters) -> dict[str, Finding]:
        with Ledger.open(self.root / "findings" / "ledger.db", readonly=True) as ledger:
            return {f.id: f for f in ledger.findings(**filters)}

    def outcomes(self, run: Run) -> dict[tuple[str, str], Outcome]:
        with Ledger.open(self.root / "findings" / "ledger.db", readonly=True) as ledger:
            return {(o.asset, o.check): o for o in ledger.verdicts(run.id)}

    def observations(self, run: Run, asset: str) -> tuple[Observation, ...]:
        with Ledger.open(self.root / "findings" / "ledger.db", readonly=True) as ledger:
            result = ledger.result(run.id, asset)
            return result.observations if result else ()

    def journal_length(self) -> int:
        with Ledger.open(self.root / "findings" / "ledger.db", readonly=True) as ledger:
            return sum(e.event.kind.value.startswith("finding_") for e in ledger.journal())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    fleet = lab.up(root / "lab")
    try:
        lab.write_workspace(fleet, root)
        fleet.permit(sudoers_of(plan_now(open_workspace(root))))
        yield World(fleet, root)
    finally:
        lab.down(root / "lab")


@pytest.fixture(scope="module")
def first(world: World) -> Run:
    """The first audit of the whole fleet, with what every host's files were before it."""
    world.before = {uid: world.fleet.snapshot(uid) for uid in LIVE_HOSTS}
    return world.audit()


UNREACHED = {
    "health-down-1": Reach.UNREACHABLE,
    "interior-changed-1": Reach.UNTRUSTED,
    "interior-refused-1": Reach.DENIED,
}
LIVE_HOSTS = tuple(s.uid for s in lab.HOSTS if not s.absent)
SOUND_HOSTS = tuple(
    s.uid
    for s in lab.HOSTS
    if s.uid not in UNREACHED and s.uid not in ("interior-hostile-1", "health-shadow-it") and s.login is not lab.Login.PLAIN
)


def test_every_planted_defect_is_found(world: World, first: Run) -> None:
    """Each host gets the verdicts it was built to get, defect by defect and subject by subject."""
    outcomes = world.outcomes(first)
    missed = []
    for spec in lab.HOSTS:
        if spec.uid not in SOUND_HOSTS:
            continue
        for defect in spec.defects:
            for finds in lab.DEFECTS[defect].finds:
                outcome = outcomes[spec.uid, finds.check]
                failing = {v.subject for v in outcome.verdicts if v.kind is VerdictKind.FAIL}
                if outcome.kind is not VerdictKind.FAIL or not set(finds.subjects) <= failing:
                    missed.append((spec.uid, defect, finds.check, outcome.kind.value, sorted(failing)))
    assert missed == []


def test_no_defect_is_found_where_none_was_planted(world: World, first: Run) -> None:
    """Counter-proof: a check that some defect was built for fails on no sound host that lacks the defect."""
    outcomes = world.outcomes(first)
    planted = {(s.uid, f.check) for s in lab.HOSTS for d in s.defects for f in lab.DEFECTS[d].finds}
    proved = {f.check for d in lab.DEFECTS.values() for f in d.finds}
    false_failures = [
        (uid, check, [(v.subject, v.observed) for v in outcome.verdicts if v.kind is VerdictKind.FAIL])
        for (uid, check), outcome in outcomes.items()
        if outcome.kind is VerdictKind.FAIL and uid in SOUND_HOSTS and check in proved and (uid, check) not in planted
    ]
    assert false_failures == []


def test_nothing_breaks_on_a_sound_host(world: World, first: Run) -> None:
    """On hosts that can be read whole, no check ends in error, and none is unknown but for what the network cannot see."""
    outcomes = world.outcomes(first)
    broken = [
        (uid, check, v.reason.value, v.detail)
        for (uid, check), outcome in outcomes.items()
        if uid in SOUND_HOSTS
        for v in outcome.verdicts
        if v.kind is VerdictKind.ERROR or (v.kind is VerdictKind.UNKNOWN and not (check.startswith("net-") and "inner" in uid))
    ]
    assert broken == []


@pytest.mark.parametrize(("uid", "reach"), UNREACHED.items())
def test_unreached_hosts_are_unknown_with_the_right_reason(world: World, first: Run, uid: str, reach: Reach) -> None:
    """Down, changed key and refused login: every host check is unknown, for that reason, and opens no finding."""
    reasons = {
        Reach.UNREACHABLE: Reason.UNREACHABLE,
        Reach.UNTRUSTED: Reason.UNTRUSTED,
        Reach.DENIED: Reason.HOST_DENIED,
    }
    on_host = [o for (asset, check), o in world.outcomes(first).items() if asset == uid and not check.startswith("net-")]
    assert on_host
    assert {(VerdictKind.UNKNOWN, reasons[reach])} == {(v.kind, v.reason) for o in on_host for v in o.verdicts}
    assert {reach.value} == {m["reach"] for m in first.summary["not_reached"] if m["asset"] == uid}
    assert not [f for f in world.findings(asset=[uid]).values() if not f.check.startswith("net-")]


def test_changed_key_names_the_command_to_accept_it(world: World, first: Run) -> None:
    """The officer is told exactly what to type."""
    (detail,) = [m["detail"] for m in first.summary["not_reached"] if m["asset"] == "interior-changed-1"]
    assert re.search(r"auditor hosts trust interior-changed-1", detail)


def test_without_sudo_what_needs_root_is_denied_not_empty(world: World, first: Run) -> None:
    """The host without sudo: what needs root is unknown because it was not permitted; the rest is judged."""
    of_host = {check: o for (asset, check), o in world.outcomes(first).items() if asset == "finance-nosudo-1"}
    assert Reason.PROBE_DENIED is of_host["ssh-root-login"].verdicts[0].reason
    assert Reason.PROBE_DENIED is of_host["account-empty-password"].verdicts[0].reason
    assert VerdictKind.PASS is of_host["kernel-syncookies"].kind
    assert not [c for c, o in of_host.items() if o.kind is VerdictKind.ERROR]


def test_limited_sudo_is_enough(world: World, first: Run) -> None:
    """With just what `auditor plan --sudoers` prints, nothing is denied."""
    denied = [o.probe.key for o in world.observations(first, "finance-limited-1") if o.status.value == "denied"]
    assert denied == []


def test_the_hostile_host_passes_nothing_and_harms_no_other(world: World, first: Run) -> None:
    """Floods, forged frames and escapes: no pass, no error of ours, no control character in the record."""
    on_host = [
        o for (asset, check), o in world.outcomes(first).items() if asset == "interior-hostile-1" and not check.startswith("net-")
    ]
    assert on_host
    assert not [o.check for o in on_host if o.kind is VerdictKind.PASS]
    told = "".join(o.stdout + o.stderr for o in world.observations(first, "interior-hostile-1"))
    assert "\x1b" not in told
    assert "\0" not in told


def test_the_host_that_no_inventory_lists_is_found(world: World, first: Run) -> None:
    """The unlisted host answers on the network, and the department's check names it."""
    address = world.fleet.address("health-shadow-it")
    outcome = world.outcomes(first)["department:health", "dept-unlisted-hosts"]
    assert [address] == [v.subject for v in outcome.verdicts if v.kind is VerdictKind.FAIL]


def test_twins_share_a_host_key(world: World, first: Run) -> None:
    """Two hosts with one SSH host key are named together."""
    outcome = world.outcomes(first)["department:interior", "dept-shared-host-keys"]
    (shared,) = [v for v in outcome.verdicts if v.kind is VerdictKind.FAIL and v.subject]
    assert {"interior-twin-1", "interior-twin-2"} == set(shared.observed)


def test_nothing_on_the_targets_changed(world: World, first: Run) -> None:
    """The audit reads and changes nothing: every file tree is as before, login records apart (``lab.LOGIN_RECORDS``)."""
    changed = {}
    for uid, before in world.before.items():
        after = world.fleet.snapshot(uid)
        paths = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
        paths = {p for p in paths if not p.startswith(lab.LOGIN_RECORDS)}
        if paths:
            changed[uid] = sorted(paths)
    assert changed == {}


def test_the_run_gives_a_whole_account(world: World, first: Run) -> None:
    """Every planned asset and check is in the summary, incomplete because hosts were not reached."""
    summary = first.summary
    assert {"run", "policy", "coverage", "hosts", "verdicts", "departments"} <= summary.keys()
    assert summary["coverage"]["planned"] == sum(summary["verdicts"].values()) == len(world.outcomes(first))
    hosts = summary["hosts"]
    assert hosts["planned"] == sum(n for name, n in hosts.items() if name != "planned")
    assert (hosts["unreachable"], hosts["untrusted"], hosts["denied"]) == (1, 1, 1)
    assert summary["complete"] is False
    by_id = {d["id"]: d for d in summary["departments"]}
    assert {"health", "finance", "interior"} == by_id.keys()
    assert by_id["finance"]["index"] is not None
    assert not (by_id["interior"]["index"] is None and not by_id["interior"]["withheld"])


def test_a_second_audit_changes_nothing(world: World, first: Run) -> None:
    """A night on which nothing changed: no finding opens, closes or changes."""
    before, length = world.findings(), world.journal_length()
    second = world.audit()
    after = world.findings()
    assert before.keys() == after.keys()
    assert {i: f.state for i, f in before.items()} == {i: f.state for i, f in after.items()}
    assert length == world.journal_length()
    assert {k: o.kind for k, o in world.outcomes(first).items()} == {k: o.kind for k, o in world.outcomes(second).items()}


def moved(before: dict[str, Finding], after: dict[str, Finding]) -> dict[tuple[str, str], Finding]:
    """Findings whose state changed, by check and subject."""
    return {
        (f.check, f.subject): f
        for f in after.values()
        if f.id not in before or (before[f.id].state, before[f.id].reopened) != (f.state, f.reopened)
    }


def test_a_repaired_defect_closes_its_finding_and_no_other_and_returns(world: World, first: Run) -> None:
    """Repaired: closed as fixed, it alone. Put back: the same finding is reopened, with its history."""
    before = world.findings()
    world.fleet.mend("health-db-1", "root-login")
    world.audit("health-db-1")
    changed = moved(before, world.findings())
    assert {("ssh-root-login", "")} == changed.keys()
    closed = changed["ssh-root-login", ""]
    assert (closed.state, closed.resolution) == (FindingState.CLOSED, Resolution.FIXED)
    world.fleet.break_("health-db-1", "root-login")
    world.audit("health-db-1")
    again = world.findings()[closed.id]
    assert (again.state, again.resolution, again.reopened) == (FindingState.REOPENED, None, 1)
    assert again.first_seen == closed.first_seen


def test_one_of_two_offending_accounts_repaired_closes_one(world: World, first: Run) -> None:
    """Each account is a subject of its own."""
    before = world.findings()
    world.fleet.mend("finance-app-1", "no-ageing-omar")
    world.audit("finance-app-1")
    changed = moved(before, world.findings())
    assert {("account-password-max-days", "omar")} == changed.keys()
    (layla,) = [f for f in world.findings(check=["account-password-max-days"]).values() if f.subject == "layla"]
    assert FindingState.CLOSED is not layla.state
    world.fleet.break_("finance-app-1", "no-ageing-omar")


def test_telnet_removed_closes_its_findings(world: World, first: Run) -> None:
    """A service that no longer listens is gone, which the whole list of open ports proves."""
    before = world.findings()
    world.fleet.mend("health-legacy-1", "telnet")
    world.audit("health-legacy-1")
    changed = moved(before, world.findings())
    assert changed
    assert {Resolution.GONE, Resolution.NOT_APPLICABLE, Resolution.FIXED} >= {f.resolution for f in changed.values()}
    assert ("net-plaintext-services", "23/tcp") in changed
    assert changed["net-plaintext-services", "23/tcp"].resolution in (Resolution.GONE, Resolution.NOT_APPLICABLE)
    assert all("23/tcp" in subject or "telnet" in subject for _, subject in changed)
    world.fleet.break_("health-legacy-1", "telnet")


def test_taking_a_host_down_closes_nothing(world: World, first: Run) -> None:
    """Absence of evidence closes nothing, neither on the host nor from the network."""
    before = world.findings()
    world.fleet.stop("health-db-1")
    try:
        run = world.audit("health-db-1")
    finally:
        world.fleet.start("health-db-1")
    assert moved(before, world.findings()) == {}
    assert run.summary["not_reached"][0]["reach"] == "unreachable"


def test_a_loosened_parameter_closes_as_policy_changed(world: World, first: Run) -> None:
    """Looser policy, same host: closed as policy_changed, never as fixed; without a host being touched."""
    world.audit("health-db-1")
    before = world.findings()
    policy = world.root / "policies" / "national-2026.yaml"
    original = policy.read_text(encoding="utf-8")
    loosened = re.sub(r"(ssh-max-auth-tries: *\{ *max: *)\d+|(ssh-max-auth-tries:\n +max: *)\d+", r"\g<1>\g<2>20", original)
    if loosened == original:
        loosened = original.replace("params:\n", "params:\n  ssh-max-auth-tries: {max: 20}\n", 1)
    assert loosened != original
    policy.write_text(loosened, encoding="utf-8")
    try:
        foreseen = [c for c in reevaluate(open_workspace(world.root), actor="test") if c.event]
        assert {("health-db-1", "ssh-max-auth-tries")} == {(c.asset, c.check) for c in foreseen}
        assert moved(before, world.findings()) == {}
        reevaluate(open_workspace(world.root), actor="test", apply=True)
        changed = moved(before, world.findings())
        assert {("ssh-max-auth-tries", "")} == changed.keys()
        assert Resolution.POLICY_CHANGED is changed["ssh-max-auth-tries", ""].resolution
    finally:
        policy.write_text(original, encoding="utf-8")
    reevaluate(open_workspace(world.root), actor="test", apply=True)
    assert FindingState.REOPENED is world.findings()[changed["ssh-max-auth-tries", ""].id].state


def test_a_killed_run_resumes_and_ends_equal(world: World, first: Run) -> None:
    """SIGKILL half-way: what was observed is kept, the rest is done by --resume, and the end is that of an unbroken run."""
    whole = world.audit()
    expected = {k: (o.kind, tuple((v.subject, v.kind) for v in o.verdicts)) for k, o in world.outcomes(whole).items()}
    states = {i: f.state for i, f in world.findings().items()}
    command = [sys.executable, "-m", "auditor", "-C", str(world.root), "--lang", "en", "audit"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    done: frozenset[str] = frozenset()
    while not len(done) >= 3 and time.monotonic() < deadline and killed.poll() is None:
        with Ledger.open(world.root / "findings" / "ledger.db", readonly=True) as ledger:
            unfinished = ledger.unfinished_run()
            done = ledger.done_assets(unfinished.id) if unfinished else frozenset()
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert len(done) >= 3
    resumed = world.audit(resume=True)
    with Ledger.open(world.root / "findings" / "ledger.db", readonly=True) as ledger:
        assert ledger.verify().ok
    assert resumed.id == whole.id + 1
    assert expected == {k: (o.kind, tuple((v.subject, v.kind) for v in o.verdicts)) for k, o in world.outcomes(resumed).items()}
    assert states == {i: f.state for i, f in world.findings().items()}
    assert account(whole) == account(resumed)


def account(run: Run) -> dict:
    """A run's summary without what may differ between two equal runs: its number and times, and the network's own words."""
    told = {key: value for key, value in run.summary.items() if key != "run"}
    return {**told, "not_reached": [{**missed, "detail": ""} for missed in told["not_reached"]]}
