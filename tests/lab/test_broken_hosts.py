"""Proves that a host with a full disk, a read-only root or a clock that is years off is judged as before, or is told apart."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditor import lab
from auditor.ledger import Ledger
from auditor.model import AssetResult, FindingState, ObservationStatus, Outcome, Reach, VerdictKind
from auditor.planning import Narrowing
from auditor.workflow.audit import audit
from auditor.workflow.workspace import open_workspace
from tests.lab.test_audit import Quiet, World

pytestmark = pytest.mark.lab

HOST = "finance-app-1"
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
WRITTEN = ("/var/log", "/run")
Judged = dict[str, list[tuple[str, VerdictKind]]]


class Broken(World):
    """One host, looked at by all checks that read it over SSH."""

    def look(self) -> tuple[AssetResult, Judged]:
        catalogue = open_workspace(self.root)
        checks = tuple(check for check in catalogue.checks if not check.startswith(("net-", "dept-")))
        run = audit(catalogue, actor="test", watcher=Quiet(), narrowing=Narrowing(hosts=(HOST,), checks=checks))
        with Ledger.open(self.root / "findings" / "ledger.db", readonly=True) as ledger:
            result = ledger.result(run.id, HOST)
        assert result is not None
        return result, {check: judged(o) for (asset, check), o in self.outcomes(run).items() if asset == HOST}

    def inside(self, script: str) -> None:
        """Run as the machine's root, which may mount, among the host's mounts."""
        subprocess.run(["nsenter", "-t", str(self.fleet.host(HOST).pid), "-m", "sh", "-ec", script], check=True)

    @contextmanager
    def mounted(self, before: str, after: str) -> Iterator[None]:
        try:
            self.inside(before)
            yield
        finally:
            self.inside(after)


def judged(outcome: Outcome) -> list[tuple[str, VerdictKind]]:
    return sorted((v.subject, v.kind) for v in outcome.verdicts if not v.subject.endswith("/.fill"))


def differing(before: Judged, after: Judged) -> dict[str, tuple[object, object]]:
    return {check: (before.get(check), after.get(check)) for check in before | after if before.get(check) != after.get(check)}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    root = tmp_path_factory.mktemp("broken")
    fleet = lab.up(root / "lab", (HOST,))
    lab.write_workspace(fleet, root)
    yield Broken(fleet, root)
    lab.down(root / "lab")


@pytest.fixture(scope="module")
def sound(broken: Broken) -> Judged:
    """The host's verdicts before anything is broken."""
    result, verdicts = broken.look()
    assert (result.reach, result.detail) == (Reach.REACHED, "")
    assert VerdictKind.FAIL in {kind for found in verdicts.values() for _subject, kind in found}
    return verdicts


def fill(folders: tuple[str, ...]) -> str:
    return "\n".join(f"(umask 077; dd if=/dev/zero of={folder}/.fill bs=64k 2>/dev/null || :)" for folder in folders)


def test_full_disk(broken: Broken, sound: Judged) -> None:
    """Where not a byte can be written any more, every verdict is what it was: nothing is written on a target.

    Regression: sudo's word that it cannot write its log was taken for a refusal.
    """
    small = "".join(f"mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=4k full {folder}\n" for folder in TEMPORARY)
    last_page = "\ncat /dev/zero >>/var/log/sudo.log 2>/dev/null || :"
    again = "\n".join([*(f"umount {folder}" for folder in TEMPORARY), *(f"rm -f {folder}/.fill" for folder in WRITTEN)])
    again += "\ntr -d '\\0' </var/log/sudo.log >/run/sudo.log; cat /run/sudo.log >/var/log/sudo.log; rm /run/sudo.log"
    with broken.mounted(small + fill(TEMPORARY + WRITTEN) + last_page, again):
        result, verdicts = broken.look()
    assert (result.reach, result.detail) == (Reach.REACHED, "")
    assert ObservationStatus.DENIED not in {o.status for o in result.observations}
    assert differing(sound, verdicts) == {}


def test_read_only_root(broken: Broken, sound: Judged) -> None:
    """Where every file system is read-only, every verdict is what it was."""
    lines = [line.split() for line in Path(f"/proc/{broken.fleet.host(HOST).pid}/mountinfo").read_text().splitlines()]
    # the log's own volume is in use, and stays; the kernel's are not written to
    points = [(line[4], line[5]) for line in lines if not line[4].startswith(("/proc", "/sys", "/dev", "/var/log"))]
    points = [(point, options) for point, options in points if "rw" in options.split(",")]
    assert "/" in [point for point, _options in points]
    after = "\n".join(f"mount -o remount,bind,{options} {point}" for point, options in points)
    probe = "\nfor folder in /etc /tmp /run /home; do if touch $folder/new 2>/dev/null; then exit 1; fi; done"
    with broken.mounted(after.replace(",rw,", ",ro,") + probe, after):
        result, verdicts = broken.look()
    assert (result.reach, result.detail) == (Reach.REACHED, "")
    assert differing(sound, verdicts) == {}


@pytest.mark.parametrize("defect", ["clock-years-ahead", "clock-years-behind"])
def test_clock_years_off(defect: str, broken: Broken, sound: Judged) -> None:
    """A clock that is years off fails its own check, and turns no other verdict: ages are reckoned by the auditor's clock.

    Regression: a host whose clock was set wrong while it ran could not be logged in to, so that nothing was ever proved of it.
    """
    own = "s|^auditor:.*|auditor:*:10000:0:99999:7:::|"  # the login's password ages not, or PAM turns it away
    shadow = broken.fleet.shell(HOST, f"cat /etc/shadow; sed -i '{own}' /etc/shadow; chmod 640 /etc/shadow")
    broken.fleet.break_(HOST, defect)
    try:
        result, verdicts = broken.look()
    finally:
        broken.fleet.mend(HOST, defect)
        broken.fleet.shell(HOST, f"cat > /etc/shadow <<'END'\n{shadow}END")
    assert (result.reach, result.detail) == (Reach.REACHED, "")
    assert verdicts["time-offset"] == [("", VerdictKind.FAIL)]
    assert differing(sound, verdicts).keys() == {"time-offset"}
    assert abs((result.ended - result.started).total_seconds()) < 60


def test_login_expired_by_the_hosts_clock(broken: Broken, sound: Judged) -> None:
    """A clock that is years ahead may expire the login: it is denied, the reason is told, and no finding closes."""

    def still_open() -> set[str]:
        return {id for id, finding in broken.findings(asset=(HOST,)).items() if finding.state is not FindingState.CLOSED}

    before = still_open()
    broken.fleet.break_(HOST, "clock-years-ahead")
    try:
        result, verdicts = broken.look()
    finally:
        broken.fleet.mend(HOST, "clock-years-ahead")
    assert result.reach is Reach.DENIED
    assert "as hosts do when the account has expired or is locked" in result.detail
    assert {VerdictKind.UNKNOWN} == {kind for found in verdicts.values() for _subject, kind in found}
    assert before == still_open()
    assert before


def test_login_without_a_shell(broken: Broken, sound: Judged) -> None:
    """A login whose shell is nologin was logged in to: that is told, nothing is judged, and no finding closes.

    Regression: the host was called unreachable.
    """

    def still_open() -> set[str]:
        return {id for id, finding in broken.findings(asset=(HOST,)).items() if finding.state is not FindingState.CLOSED}

    before = still_open()
    passwd = broken.fleet.shell(HOST, "cat /etc/passwd; sed -i '/^auditor:/s|[^:]*$|/usr/sbin/nologin|' /etc/passwd")
    try:
        result, verdicts = broken.look()
    finally:
        broken.fleet.shell(HOST, f"cat > /etc/passwd <<'END'\n{passwd}END")
    assert result.reach is Reach.NO_SHELL
    assert result.detail.endswith("The audit needs a login that may run /bin/sh.")
    assert {ObservationStatus.NOT_RUN} == {o.status for o in result.observations}
    assert {VerdictKind.UNKNOWN} == {kind for found in verdicts.values() for _subject, kind in found}
    assert before == still_open()
    assert before
