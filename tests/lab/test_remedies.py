"""Remedies do what they promise: on a real Debian 12 the check fails, its commands are followed as printed, the check passes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.collecting.script import sudoers_for
from auditor.evaluating import Evaluator
from auditor.lab.roots import root_of
from auditor.loading import load_workspace
from auditor.model import Asset, AssetKind, AssetPlan, Connection, Department, Inventory, Outcome, Text, VerdictKind
from auditor.planning import Narrowing, make_plan
from tests.lab.remedies.host import Host
from tests.lab.remedies.script import filled, for_debian
from tests.lab.remedies.table import TRIALS, Trial

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
LOADED = load_workspace(ROOT)
CONNECTION = Connection(user="auditor")
EDITOR = "/root/editor"
CHECKS = LOADED.catalogue.checks if LOADED.catalogue else {}
NOW = datetime.now(UTC)
# What must hold on the host after any remedy, where the program is there.
SOUND = {
    "sshd": "sshd -t",
    "sudo": "visudo -c",
    "accounts": "grpck -r; pwck -r | grep -v 'does not exist' | grep -q 'no changes'",
    "nftables": "nft -c -f /etc/nftables.conf",
    "nginx": "nginx -t",
    "apache": "apachectl configtest",
    "samba": "testparm -s",
    "rsyslog": "rsyslogd -N1",
    "mariadb": "mariadbd --user=mysql --verbose --help",
    "shells": "for file in /etc/profile /etc/profile.d/*.sh /etc/bash.bashrc; do [ ! -e $file ] || sh -n $file; done",
    "apt": "apt-config dump && apt-cache policy",
}


@pytest.fixture(scope="module")
def system() -> Path:
    """The unpacked Debian that has what remedies set."""
    subprocess.run([ROOT / "scripts" / "roots", "remedies"], check=True)
    return root_of("remedies/debian12")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The auditor's own."""
    path = tmp_path_factory.mktemp("keys") / "auditor"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def plan_for(check: str, trial: Trial, *, stock: bool = False) -> AssetPlan:
    """The plan of a host, narrowed to the check: by the policy of record, or with the check's own parameters."""
    catalogue = LOADED.catalogue
    assert catalogue is not None
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    own = {} if stock else policy.params
    policy = replace(policy, params={**own, check: {**own.get(check, {}), **trial.params}})
    asset = Asset("host", AssetKind.HOST, "lab", "host", "127.0.0.1", role=trial.role, tags=trial.tags, connection=CONNECTION)
    inventory = Inventory((Department("lab", Text("lab", "lab"), (asset,)),))
    plan = make_plan(
        replace(catalogue, inventory=inventory, overlays={}, policies={policy.id: policy}),
        now=NOW,
        narrowing=Narrowing(checks=(check,)),
    )
    return plan.departments[0].assets[0]


def commands_of(check: str, trial: Trial) -> str:
    """What somebody on Debian types, once for each thing that the finding names."""
    shell = for_debian(CHECKS[check].remediation_shell)
    return "".join(filled(shell, names, trial.without) for names in trial.fills or (trial.fill,))


def write_editor(host: Host, trial: Trial) -> None:
    """Somebody at the editor: vipw takes no change in the second in which it began, and visudo puts a ``--`` before the name."""
    script = f'#!/bin/bash -e\nsleep 1.1\nset -- "${{!#}}"\n{trial.editor}\n'
    done = host.run(f"cat > {EDITOR} <<'END'\n{script}END\nchmod 0755 {EDITOR}")
    assert done.returncode == 0, done.stdout


def permit(host: Host, plan: AssetPlan) -> None:
    """Let the auditor's sudo do what the plan asks for, and no more."""
    sudoers = sudoers_for(plan.probes, "auditor")
    if sudoers:
        done = host.run(f"cat > /etc/sudoers.d/auditor <<'END'\n{sudoers}END\nchmod 0440 /etc/sudoers.d/auditor; visudo -cq")
        assert done.returncode == 0, done.stdout


def judged(host: Host, *plans: AssetPlan) -> Outcome:
    """The check's outcome by what its probes tell now; the worse one where plans differ."""
    seen = host.observe(plans[0])
    evaluator = Evaluator(CHECKS, now=datetime.now(UTC))
    outcomes = [outcome for plan in plans for outcome in evaluator.judge_asset(plan, seen)]
    return max(outcomes, key=lambda outcome: outcome.kind is VerdictKind.FAIL)


def told(outcome: Outcome) -> str:
    return "; ".join(f"{v.kind.value} {v.subject} {v.observed!r} {v.detail}" for v in outcome.verdicts)


def unsound(host: Host) -> dict[str, str]:
    """Which programs no longer take their settings, and what they say."""
    found = {}
    for name, command in SOUND.items():
        done = host.run(f"{{ {command}; }} 2>&1")
        if done.returncode:
            found[name] = done.stdout[-300:]
    return found


@pytest.mark.parametrize("check", sorted(TRIALS))
def test_remedy(check: str, system: Path, key: Path, tmp_path: Path) -> None:
    """The check fails, the remedy is followed to its end, the check passes; programs take their settings and people get in."""
    trial = TRIALS[check]
    plan, stock = plan_for(check, trial), plan_for(check, trial, stock=True)
    commands = commands_of(check, trial)
    with Host(system, tmp_path / "host", key, mounts=trial.mounts) as host:
        planted = host.run(f"umask 022\n{trial.plant}")
        assert planted.returncode == 0, planted.stdout
        write_editor(host, trial)
        permit(host, plan)
        broken = unsound(host)
        before = judged(host, plan)
        assert before.kind is VerdictKind.FAIL, told(before)

        said = host.run(trial.prose + "\n" + commands, trial.typed, EDITOR=EDITOR)
        assert said.returncode == 0, said.stdout
        if trial.after:
            assert (done := host.run(trial.after)).returncode == 0, done.stdout
        after = judged(host, plan, stock)
        assert after.kind is trial.ends, f"{told(after)}\n{said.stdout}"
        assert {name: why for name, why in unsound(host).items() if name not in broken} == {}

        if not trial.once:
            files = host.files()
            again = host.run(commands, trial.typed, EDITOR=EDITOR)
            assert again.returncode == 0, again.stdout
            now = host.files()
            assert {path: now.get(path) for path in {*files, *now} if files.get(path) != now.get(path)} == {}
            assert judged(host, plan, stock).kind is trial.ends


def test_all_remedies_together(system: Path, key: Path, tmp_path: Path) -> None:
    """One host on which everything is broken: when all remedies were followed in turn, every check holds and people get in."""
    together = {check: trial for check, trial in sorted(TRIALS.items()) if not trial.alone}
    plans = {check: plan_for(check, trial) for check, trial in together.items()}
    probes = tuple(sorted({call for plan in plans.values() for call in plan.probes}))
    with Host(system, tmp_path / "host", key, mounts=True) as host:
        for trial in together.values():
            assert (done := host.run(f"umask 022\n{trial.plant}")).returncode == 0, f"{trial.plant}: {done.stdout}"
        failed: dict[str, str] = {}
        whole = replace(next(iter(plans.values())), probes=probes)
        permit(host, whole)
        broken = unsound(host)
        for check, trial in together.items():
            write_editor(host, trial)
            for shell in (trial.prose + "\n" + commands_of(check, trial), trial.after):
                done = host.run(shell, trial.typed, EDITOR=EDITOR)
                if done.returncode:
                    failed[check] = done.stdout
        seen = host.observe(whole)
        evaluator = Evaluator(CHECKS, now=datetime.now(UTC))
        for check, plan in plans.items():
            (outcome,) = evaluator.judge_asset(plan, seen)
            if outcome.kind is not together[check].ends:
                failed[check] = told(outcome)
        assert failed == {}
        assert {name: why for name, why in unsound(host).items() if name not in broken} == {}


def test_lockout_locks_and_lets_in(system: Path, key: Path, tmp_path: Path) -> None:
    """With the remedies of PAM followed together a right password lets in, and five wrong ones lock, after an update too."""
    stack = ("login-without-password-refused", "account-lockout", "password-history", "password-hash-method", "umask-default")
    with Host(system, tmp_path / "host", key) as host:
        for check in stack:
            done = host.run(commands_of(check, TRIALS[check]))
            assert done.returncode == 0, f"{check}: {done.stdout}"
        # Regression: an update of the package brought nullok back, and the remedy against it took the lockout away.
        kept = host.run("pam-auth-update --package; cat /etc/pam.d/common-auth").stdout
        assert ("nullok" in kept, kept.count("pam_faillock.so")) == (False, 2)
        su = "exec setpriv --reuid amal --regid amal --init-groups su omar -c umask"
        host.run(f'usermod -p "$(openssl passwd -6 right)" omar; echo "{su}" > /root/try; chmod 0755 /root /root/try')
        words = ["right", *["wrong"] * 5, "right"]
        said = [host.run("sh /root/try", f"{word}\n") for word in words]
        assert [done.returncode == 0 for done in said] == [True, *[False] * 6], [done.stdout for done in said]
        assert "0027" in said[0].stdout
        assert "locked" in said[-1].stdout
        assert host.run("faillock --user omar --reset; sh /root/try", "right\n").returncode == 0
