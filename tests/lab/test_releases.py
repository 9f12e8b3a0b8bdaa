"""Hosts that run in Debian 11, 12 and 13: every probe answers, planted defects are found, and nothing is made up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import lab
from auditor.ledger import Ledger
from auditor.model import AssetResult, ObservationStatus, Outcome, VerdictKind
from auditor.planning import Narrowing
from auditor.workflow.audit import audit
from auditor.workflow.inspection import plan_now, sudoers_of
from auditor.workflow.workspace import open_workspace
from tests.lab.test_audit import Quiet

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
UIDS = tuple(spec.uid for spec in lab.RELEASE_HOSTS)
PLANTED = tuple(spec for spec in lab.RELEASE_HOSTS if spec.defects)
# What a host of these cannot tell, and why; each is a truth about the host, not about the probe.
SILENT = {
    "last_logins": "Debian 13 has no lastlog without its package lastlog2",
}
# Planted here alone: what the hosts are made of is what docs/agreement.md speaks of.
TWO_BLOCKS = "idle-by-two-blocks"
Known = tuple[dict[tuple[str, str], Outcome], dict[str, AssetResult]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """One audit over SSH of all six, as an account with just the sudo that the plan asks for."""
    subprocess.run([ROOT / "scripts" / "roots"], check=True)
    root = tmp_path_factory.mktemp("releases")
    fleet = lab.up(root / "lab", UIDS)
    try:
        lab.write_workspace(fleet, root)
        fleet.permit(sudoers_of(plan_now(open_workspace(root))))
        for spec in PLANTED:
            fleet.break_(spec.uid, TWO_BLOCKS)
        before = {uid: fleet.snapshot(uid) for uid in UIDS}
        run = audit(open_workspace(root), actor="test", watcher=Quiet(), narrowing=Narrowing(hosts=UIDS))
        after = {uid: fleet.snapshot(uid) for uid in UIDS}
        changed = {uid: sorted(k for k in {*before[uid], *after[uid]} if before[uid].get(k) != after[uid].get(k)) for uid in UIDS}
        records = tuple(lab.LOGIN_RECORDS)
        assert {uid: [p for p in paths if not p.startswith(records)] for uid, paths in changed.items()} == {
            uid: [] for uid in UIDS
        }
        with Ledger.open(root / "findings" / "ledger.db", readonly=True) as ledger:
            outcomes = {(o.asset, o.check): o for o in ledger.verdicts(run.id)}
            results = {r.asset: r for r in ledger.results(run.id)}
        yield outcomes, results
    finally:
        lab.down(root / "lab")


@pytest.mark.parametrize("uid", UIDS)
def test_every_probe_answers(told: Known, uid: str) -> None:
    """On each release each probe ends in order, but for those that have nothing to answer there."""
    silent = {
        o.probe.key: (o.status.value, o.stderr[-200:]) for o in told[1][uid].observations if o.status is not ObservationStatus.OK
    }
    assert {key: why for key, why in silent.items() if key not in SILENT} == {}


@pytest.mark.parametrize("uid", UIDS)
def test_no_check_breaks(told: Known, uid: str) -> None:
    """Whatever a release prints is understood: no parser and no expression ends in an error."""
    broken = [(c, v.detail) for (a, c), o in told[0].items() if a == uid for v in o.verdicts if v.kind is VerdictKind.ERROR]
    assert broken == []


@pytest.mark.parametrize("spec", PLANTED, ids=lambda spec: spec.release)
def test_planted_defects_are_found_and_only_there(told: Known, spec: lab.HostSpec) -> None:
    """Each by its subject on the host where it was planted, and none of these checks fails on the sound one beside it."""
    sound = f"health-{spec.release}-sound"
    for name in spec.defects:
        for find in lab.DEFECTS[name].finds:
            there, beside = told[0][spec.uid, find.check], told[0][sound, find.check]
            assert failing(there) >= set(find.subjects), (name, find.check)
            assert VerdictKind.FAIL is there.kind, (name, find.check)
            assert not failing(beside) & set(find.subjects), (name, find.check, beside.verdicts)
            assert find.subjects or VerdictKind.PASS is beside.kind, (name, find.check, beside.verdicts)


@pytest.mark.parametrize("spec", PLANTED, ids=lambda spec: spec.release)
def test_each_sshd_is_asked_for_the_login_by_its_sudo(told: Known, spec: lab.HostSpec) -> None:
    """False pass: two Match blocks, harmless each, and the login meets both. sshd says so, and under the least sudo."""
    (verdict,) = told[0][spec.uid, "ssh-idle-timeout"].verdicts
    asked = "Match User auditor (sshd -T -C user=auditor,host=192.0.2.1,addr=192.0.2.1): 600 x 2"
    assert (verdict.kind, verdict.observed) == (VerdictKind.FAIL, f"300 x 1; {asked}")


def failing(outcome: Outcome) -> set[str]:
    return {v.subject for v in outcome.verdicts if v.kind is VerdictKind.FAIL}
