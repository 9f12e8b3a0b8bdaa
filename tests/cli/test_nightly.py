"""``auditor nightly``, ``schedule``, ``status`` and ``doctor`` as people and cron call them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.ledger import Ledger
from auditor.model import Event, EventKind
from auditor.workflow.inspection import plan_now
from auditor.workflow.workspace import open_workspace
from tests.conftest import IN_CI

from .conftest import COMMAND, Workspace, environment

READERS = Path(
    os.environ.get("AUDITOR_READERS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor" / "readers"
)
PROGRAMS = f"{READERS}/cron/usr/bin:{READERS}/cron/usr/sbin:{os.environ['PATH']}:/usr/sbin"
CRON = shutil.which("cron", path=PROGRAMS)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_night_is_told_as_json_lines(workspace: Workspace, tmp_path: Path) -> None:
    """With run and host ids; exit code as of an audit; the same to standard error where no file is named."""
    workspace.guarded.chmod(0o644)
    log = tmp_path / "logs" / "night.log"
    assert workspace.call("nightly", "--log", str(log)).returncode == 1
    told = lines(log)
    assert [t["event"] for t in told] == ["run begun", "visited", "run ended"]
    assert {t["run"] for t in told} == {1}
    assert (told[1]["asset"], told[1]["reach"]) == ("example-this-machine", "reached")
    called = workspace.shell("nightly")
    assert [json.loads(line)["event"] for line in called.stderr.decode().splitlines()] == ["run begun", "visited", "run ended"]


def test_the_log_is_rotated(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never fills the disk."""
    monkeypatch.setattr("auditor.cli.logs._LARGEST", 300)
    log = tmp_path / "night.log"
    for _n in range(4):
        workspace.call("nightly", "--log", str(log))
    assert {"night.log", "night.log.1", "night.log.2"} <= {p.name for p in tmp_path.iterdir()}
    assert log.stat().st_size <= 600


def test_a_failure_is_told_and_ends_with_its_code(workspace: Workspace, tmp_path: Path) -> None:
    """A lock that another holds names its holder, in the log too."""
    log = tmp_path / "night.log"
    workspace.call("audit")
    holder = (
        f"import fcntl,time; f=open({str(workspace.ledger) + '.lock'!r},'a'); fcntl.flock(f,2); print(flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        assert workspace.call("nightly", "--log", str(log)).returncode == 2
    finally:
        other.kill()
        other.wait()
        other.stdout.close()  # type: ignore[union-attr]
    assert lines(log)[-1]["event"] == "failed"
    assert workspace.call("nightly", "--log", str(log)).returncode == 0  # a dead holder holds nothing


def test_a_log_that_cannot_be_opened_costs_no_audit(workspace: Workspace, tmp_path: Path) -> None:
    """Regression, a night without an audit: it ended with exit code 2 where the log's folder was closed to it. It is told on
    standard error then, and why."""
    (tmp_path / "file").write_text("")
    called = workspace.call("nightly", "--log", str(tmp_path / "file" / "night.log"))
    told = [json.loads(line) for line in called.stderr.decode().splitlines()]
    assert called.returncode == 0
    assert [t["event"] for t in told] == ["no log", "run begun", "visited", "run ended"]
    assert "file/night.log" in told[0]["path"]


def test_a_log_that_a_power_cut_damaged_is_put_aside(workspace: Workspace, tmp_path: Path) -> None:
    """Regression, nights without an audit: a log that begins with NUL bytes was refused each night. What people write stays as it
    is, also where it begins with some."""
    log, media = tmp_path / "logs" / "night.log", tmp_path / "film.mp4"
    log.parent.mkdir()
    log.write_bytes(bytes(4096) + b'{"at": 1}\n')
    assert workspace.call("nightly", "--log", str(log)).returncode == 0
    assert [t["event"] for t in lines(log)][:2] == ["damaged log put aside", "run begun"]
    (aside,) = log.parent.glob("night.log.damaged-*")
    assert (aside.stat().st_size, log.stat().st_mode & 0o777) == (4106, 0o600)
    media.write_bytes(b"\0\0\0\x18ftypmp42")
    assert workspace.call("nightly", "--log", str(media)).returncode == 2
    assert media.read_bytes() == b"\0\0\0\x18ftypmp42"


def test_a_log_is_for_its_owner_alone(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: it tells of every host that could not be looked at, and everybody could read it. A folder that is there is left
    as it is."""
    assert workspace.call("nightly", "--log", str(tmp_path / "logs" / "night.log")).returncode == 0
    assert [(tmp_path / p).stat().st_mode & 0o777 for p in ("logs", "logs/night.log")] == [0o700, 0o600]
    tmp_path.chmod(0o755)
    assert workspace.call("nightly", "--log", str(tmp_path / "night.log")).returncode == 0
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_disk_that_is_full_at_the_end_fails_no_night(workspace: Workspace) -> None:
    """Regression, exit code 4 after a whole audit: what could not be written when the log was closed."""
    assert workspace.call("nightly", "--log", "/dev/full").returncode == 0


def test_130_before_a_run_has_begun(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: SIGTERM while the ledger was brought up to date ended in an internal failure."""
    monkeypatch.setattr("auditor.workflow.nightly._bring_up_to_date", lambda _c: os.kill(os.getpid(), signal.SIGTERM))
    log = tmp_path / "night.log"
    assert workspace.call("nightly", "--log", str(log)).returncode == 130
    assert [t["event"] for t in lines(log)] == ["interrupted"]


def test_a_clock_that_cannot_be_right_is_told_everywhere(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: doctor looked at the journal's last entry alone, and a run under a clock that was behind said nothing."""
    soon = datetime.now(UTC) + timedelta(days=365)
    with Ledger.open(workspace.ledger) as ledger:
        ledger.record_event(Event(EventKind.REEVALUATED, soon, "cron", "1", {}))
        ledger.record_event(Event(EventKind.REEVALUATED, datetime.now(UTC), "cron", "1", {}))
    told = part(workspace, "clock")
    assert (told["health"], f"{soon:%Y-%m-%d}" in told["told"]) == ("bad", True)
    log = tmp_path / "night.log"
    assert workspace.call("nightly", "--log", str(log)).returncode == 0
    assert [(t["event"], t["level"]) for t in lines(log)][:2] == [("clock", "warning"), ("run begun", "info")]
    for called in (workspace.call("status").stdout, workspace.call("audit").stderr):
        assert f"{soon:%Y-%m-%d}" in " ".join(called.decode().split())
    assert workspace.call("status").returncode == 0


def test_doctor_says_whether_the_ledger_can_be_written(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: of a ledger on a disk that was mounted read-only it said that it is whole, and no night could be written."""
    workspace.call("audit")
    log = workspace.ledger.with_name("ledger.db-wal")
    log.write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda path, _mode: bool(Path(path).stat().st_mode & 0o200))
    assert part(workspace, "ledger")["health"] == "well"
    for path, mode in ((log, 0o400), (workspace.ledger, 0o400), (workspace.ledger.parent, 0o500)):
        before = path.stat().st_mode
        path.chmod(mode)
        told = part(workspace, "ledger")
        assert (told["health"], str(path) in told["mend"]) == ("bad", True)
        path.chmod(before)


def test_a_ledger_is_copied_and_put_back(workspace: Workspace, tmp_path: Path) -> None:
    """Regression, a copy damaged where doctor had it put back: there was no command for it. No file is written over."""
    workspace.call("audit")
    copy = tmp_path / "ledger-1.db"
    assert workspace.call("ledger", "copy", str(copy)).returncode == 0
    before = copy.read_bytes()
    for wrong in (copy, workspace.ledger, workspace.root / "checks" / "x.yaml", tmp_path / "nowhere" / "x"):
        assert workspace.call("ledger", "copy", str(wrong)).returncode == 2
    workspace.ledger.write_bytes(workspace.ledger.read_bytes()[:8192] + b"?" * 4096)
    assert "auditor ledger restore" in part(workspace, "ledger")["mend"]
    assert workspace.call("ledger", "restore", str(workspace.ledger)).returncode == 2
    called = workspace.call("ledger", "restore", str(copy))
    kept = min(workspace.ledger.parent.glob("ledger.db.replaced-*"))
    assert (called.returncode, str(kept) in called.stdout.decode().replace("\n", "")) == (0, True)
    assert (workspace.call("ledger", "verify").returncode, copy.read_bytes() == before) == (0, True)
    assert workspace.call("ledger", "restore", str(kept)).returncode == 4
    assert workspace.call("nightly").returncode == 0


def test_status_in_five_lines(workspace: Workspace) -> None:
    """In both languages; exit code 3 where somebody must look."""
    assert workspace.call("status").returncode == 3
    workspace.call("nightly")
    called = workspace.call("status")
    assert (called.returncode, len(called.stdout.decode().splitlines())) == (0, 5)
    assert "كانت الليلة الماضية سليمة" in workspace.call("status", lang="ar").stdout.decode()
    told = json.loads(workspace.call("status", "--format", "json").stdout)
    assert (told["well"], told["run"]["id"], told["why_not"]) == (True, 1, [])


def test_doctor_names_what_is_wrong_and_how_to_mend_it(workspace: Workspace) -> None:
    """A ledger that others may read, a key that is missing, a jump host that does not answer, files that are wrong."""
    workspace.call("audit")
    assert workspace.call("doctor").returncode == 0
    workspace.ledger.chmod(0o644)
    more = "hosts:\n  - {uid: h-1, name: h-1, address: 127.0.0.9, user: x, key: nokey, jump: [x@127.0.0.1:1]}\n"
    workspace.inventory("other", f"department: other\ntitle: {{en: Other, ar: جهة أخرى}}\n{more}")
    called = workspace.call("doctor", "--format", "json")
    bad = {d["part"]: d for d in json.loads(called.stdout) if d["health"] == "bad"}
    assert called.returncode == 3
    assert set(bad) == {"ledger", "private keys", "host keys", "jump hosts"}
    assert bad["ledger"]["mend"].startswith("chmod 600")
    workspace.inventory("other", "department: other\n")
    assert "auditor validate" in workspace.call("doctor").stdout.decode()
    (workspace.root / "auditor.toml").write_text("[audit\n")
    assert workspace.call("doctor").returncode == 3


def test_doctor_finds_a_jump_host_where_a_login_would(workspace: Workspace) -> None:
    """Regression, false alarm: an IPv6 address in brackets was cut at its first colon, and what ~/.ssh/config calls by another
    name was looked for under that name."""
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_server(("::1", 0), family=socket.AF_INET6) as there:
        (workspace.root / "ssh_config").write_text(f"Host bastion\n  HostName 127.0.0.1\n  Port {here.getsockname()[1]}\n")
        more = (
            f"hosts:\n  - {{uid: h-1, name: h-1, address: 127.0.0.9, user: x, jump: ['x@[::1]:{there.getsockname()[1]}']}}\n"
            "  - {uid: h-2, name: h-2, address: 127.0.0.8, user: x, jump: [bastion], ssh_config: ssh_config}\n"
        )
        workspace.inventory("other", f"department: other\ntitle: {{en: Other, ar: جهة أخرى}}\n{more}")
        told = json.loads(workspace.call("doctor", "--format", "json").stdout)
    assert [d["health"] for d in told if d["part"] == "jump hosts"] == ["well", "well"]


def test_doctor_reads_the_known_hosts(workspace: Workspace) -> None:
    """Regression, a night that never runs while all is said to be well: a line that cannot be read ends every audit."""
    (workspace.root / "known_hosts").write_text("# ours\nweb ssh-ed25519 nothing\n")
    (found,) = (d for d in json.loads(workspace.call("doctor", "--format", "json").stdout) if d["part"] == "host keys")
    assert (found["health"], "known_hosts:2" in found["told"]) == ("bad", True)


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crontab of the test's own, by a program that does what cron's does."""
    path, folder = tmp_path / "crontab.txt", tmp_path / "bin"
    folder.mkdir()
    program = folder / "crontab"
    none = "echo no crontab for me >&2; exit 1"
    program.write_text(f'#!/bin/sh\nif [ "$1" != -l ]; then cat > {path}; elif [ -e {path} ]; then cat {path}; else {none}; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return path


def test_a_schedule_is_installed_shown_changed_and_removed(workspace: Workspace, crontab: Path) -> None:
    """Idempotent; other lines stay; another workspace's entry too."""
    crontab.write_text("5 4 * * * /usr/bin/true\n# auditor nightly: /elsewhere\n1 1 * * * other\n")
    assert b"Nothing audits this workspace" in workspace.call("schedule", "show").stdout
    for at in ("01:30", "02:45", "02:45"):
        assert workspace.call("schedule", "install", "--at", at).returncode == 0
    text = crontab.read_text()
    assert text.count(str(workspace.root) + "\n") == 1
    assert "45 2 * * * env LC_ALL" in text
    assert workspace.call("schedule", "show").returncode == 0
    assert workspace.call("schedule", "install", "--at", "25:00").returncode == 2
    assert workspace.call("schedule", "install", "--at", "01:00", "--department", "nowhere").returncode == 2
    assert workspace.call("schedule", "remove").returncode == 0
    assert crontab.read_text() == "5 4 * * * /usr/bin/true\n# auditor nightly: /elsewhere\n1 1 * * * other\n"


def test_a_crontab_that_cannot_be_read_is_not_replaced(workspace: Workspace, crontab: Path) -> None:
    """Regression, lost jobs: any failure of ``crontab -l`` was taken for an empty crontab, and all of it was written over."""
    crontab.write_text("0 3 * * * /opt/backup.sh\n")
    program = crontab.with_name("bin") / "crontab"
    whole = program.read_text()
    program.write_text(whole.replace(f"cat {crontab};", "echo crontab: too many open files >&2; exit 1;"))
    called = workspace.call("schedule", "install", "--at", "01:30")
    assert (called.returncode, b"too many open files" in called.stderr) == (2, True)
    assert workspace.call("schedule", "remove").returncode == 2
    program.write_text(whole)
    assert crontab.read_text() == "0 3 * * * /opt/backup.sh\n"
    # regression: CRLF became LF, and a line was split where it holds a lone CR, or what else Python takes for a line's end
    others = b"MAILTO=a\r\n0 3 * * * /opt/backup.sh \r --all\x0b\x0c\x1c\xe2\x80\xa8 \xff\r\n# the last\n"
    crontab.write_bytes(others)
    assert workspace.call("schedule", "install", "--at", "01:30").returncode == 0
    assert crontab.read_bytes().startswith(others)
    assert workspace.call("schedule", "remove").returncode == 0
    assert crontab.read_bytes() == others
    crontab.unlink()
    assert workspace.call("schedule", "install", "--at", "01:30").returncode == 0
    assert len(crontab.read_text().splitlines()) == 2


def test_units_are_written_for_systemd(workspace: Workspace, tmp_path: Path) -> None:
    """Both files, and what to do next."""
    called = workspace.call("schedule", "install", "--at", "01:30", "--systemd", str(tmp_path / "units"))
    assert called.returncode == 0
    assert {p.name for p in (tmp_path / "units").iterdir()} == {"auditor-nightly.service", "auditor-nightly.timer"}
    assert "systemctl daemon-reload" in called.stdout.decode()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cron itself, for this user, with the crontab as it was before put back at the end."""
    if CRON is None or os.getuid() != 0:
        why = "there is no cron (see scripts/readers), or the tests do not run as root"
        pytest.fail(why) if IN_CI else pytest.skip(why)
    monkeypatch.setenv("PATH", PROGRAMS)
    Path("/var/spool/cron/crontabs").mkdir(parents=True, exist_ok=True)
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True)
    running = subprocess.Popen([CRON, "-f"])
    time.sleep(2)  # cron tells by whole seconds whether a crontab has changed since it was read
    yield
    running.terminate()
    running.wait()
    if before.returncode == 0:
        subprocess.run(["crontab", "-"], input=before.stdout, text=True, check=True)
    else:
        subprocess.run(["crontab", "-r"], capture_output=True)


@pytest.mark.slow
@pytest.mark.usefixtures("daemon")
def test_cron_fires_a_run(make: Callable[[Path], Workspace], tmp_path: Path) -> None:
    """Real cron, with its bare environment: within two minutes there is a finished run, and a log of it."""
    workspace = make(tmp_path / "workspace")
    soon = datetime.now() + timedelta(seconds=65)
    done = subprocess.run(
        [*COMMAND, "-C", str(workspace.root), "schedule", "install", "--at", f"{soon:%H:%M}"],
        env={**environment(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    log = workspace.root / "findings" / "nightly.log"
    until = time.monotonic() + 150
    while time.monotonic() < until and not (log.exists() and "run ended" in log.read_text()):
        time.sleep(1)
    assert [t["event"] for t in lines(log)] == ["run begun", "visited", "run ended"]


def test_a_night_that_is_killed_is_gone_on_with(workspace: Workspace, tmp_path: Path) -> None:
    """SIGTERM leaves an unfinished run; the next night finishes it, and says so in the log."""
    log = tmp_path / "night.log"
    slow = workspace.root / "inventories" / "slow.yaml"
    slow.write_text(
        "department: slow\ntitle: {en: Slow, ar: جهة بطيئة}\nhosts:\n"
        "  - {uid: s-1, name: s-1, address: 127.0.0.9, user: x, password_command: sleep 30}\n"
    )
    process = subprocess.Popen([*COMMAND, "nightly", "--log", str(log)], cwd=workspace.root, env=environment())
    until = time.monotonic() + 30
    while time.monotonic() < until and not (log.exists() and '"example-this-machine"' in log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    slow.unlink()
    code = workspace.call("nightly", "--log", str(log)).returncode
    events = [t["event"] for t in lines(log)]
    # its files have changed meanwhile: that run is given up, and tonight's is made
    assert {"not resumed", "run given up"} <= set(events)
    assert (code, events[-1]) == (0, "run ended")


def test_a_digest_is_shown_and_its_failure_never_fails_the_night(workspace: Workspace, tmp_path: Path) -> None:
    """A mail server that is not there: the night ends as it would, the letter waits, doctor and the log tell."""
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[notify]\nsmtp = "127.0.0.1:1"\nfrom = "auditor@example.org"\n\n[people.sara]\nname = {en = "Sara", ar = "سارة"}\n'
            'roles = ["officer"]\ndepartment = "example"\nemail = "sara@example.org"\nlanguage = "ar"\n'
        )
    workspace.guarded.chmod(0o644)
    log = tmp_path / "night.log"
    assert workspace.call("nightly", "--log", str(log)).returncode == 1
    told = {str(t["event"]): t for t in lines(log)}
    assert (told["digest"]["sent"], told["digest"]["waiting"]) == (0, 1)
    assert "127.0.0.1" in str(told["not sent"]["why"])
    shown = workspace.call("digest").stdout.decode()
    assert ("sara@example.org" in shown, "ما يحتاج إليك هذا الصباح" in shown) == (True, True)
    assert workspace.call("digest", "--send").returncode == 3
    assert "auditor digest --send" in workspace.call("doctor").stdout.decode()


def test_an_overlay_that_is_not_in_force_is_told_and_stops_no_night(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: all that departments had tightened under the former policy was gone, and validate said that all is right."""
    (policy,) = (workspace.root / "policies").glob("*.yaml")
    former = policy.read_text(encoding="utf-8").replace(f"id: {policy.stem}", "id: former")
    (workspace.root / "policies/former.yaml").write_text(former, encoding="utf-8")
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[policy]\nof_record = "{policy.stem}"\n')
    (workspace.root / "policies/departments").mkdir(exist_ok=True)
    (workspace.root / "policies/departments/example.yaml").write_text("department: example\npolicy: former\n")
    called = workspace.call("validate")
    said = "policies/departments/example.yaml:2:9: the overlay is for former, which is not the policy of record"
    assert (called.returncode, said in called.stdout.decode()) == (0, True), called
    (note,) = json.loads(workspace.call("validate", "--format", "json").stdout)
    assert (note["line"], note["severity"]) == (2, "warning")
    workspace.call("nightly", "--log", str(tmp_path / "night.log"))
    told = {str(t["event"]): t for t in lines(tmp_path / "night.log")}
    assert (told["overlay not in force"]["department"], told["run ended"]["complete"]) == ("example", True)
    doctor = {d["part"]: d for d in json.loads(workspace.call("doctor", "--format", "json").stdout)}
    assert (doctor["files"]["health"], "example" in doctor["files"]["told"]) == ("warning", True)


def test_a_departments_own_night_tells_its_officers(workspace: Workspace, tmp_path: Path) -> None:
    """Regression, letters never written: a schedule with ``--department`` makes narrowed runs alone, of which nobody was told.
    The committee, who is told of all, is not told of a part."""
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[notify]\nsmtp = "127.0.0.1:1"\nfrom = "auditor@example.org"\n\n[people.sara]\nname = {en = "Sara", ar = "سارة"}\n'
            'roles = ["officer"]\ndepartment = "example"\nemail = "sara@example.org"\n\n[people.huda]\n'
            'name = {en = "Huda", ar = "هدى"}\nroles = ["committee"]\nministry = "Interior"\nemail = "huda@example.org"\n'
        )
    workspace.guarded.chmod(0o644)
    log = tmp_path / "night.log"
    for waiting in (1, 1, 2):  # nothing new in the second; the third is of all, and sara has been told
        narrowed = () if waiting == 2 else ("--department", "example")
        assert workspace.call("nightly", *narrowed, "--log", str(log)).returncode == 1
        assert [t["waiting"] for t in lines(log) if t["event"] == "digest"][-1] == waiting
    letters = [json.loads(p.read_bytes())["letters"][0] for p in workspace.ledger.parent.glob("outbox/*.json")]
    assert sorted(letter["to"] for letter in letters) == ["huda@example.org", "sara@example.org"]


def test_metrics_that_cannot_be_written_cost_no_letters(workspace: Workspace, tmp_path: Path) -> None:
    """Regression, letters lost: the night ended with exit code 2, and told nobody anything, while its audit was done."""
    (tmp_path / "file").write_text("")
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[nightly]\nmetrics = "{tmp_path}/file/x.prom"\n[notify]\nsmtp = "127.0.0.1:1"\nfrom = "auditor@example.org"\n\n'
            '[people.sara]\nname = {en = "Sara", ar = "سارة"}\n'
            'roles = ["officer"]\ndepartment = "example"\nemail = "sara@example.org"\nlanguage = "ar"\n'
        )
    workspace.guarded.chmod(0o644)
    log = tmp_path / "night.log"
    assert workspace.call("nightly", "--log", str(log)).returncode == 1
    told = {str(t["event"]): t for t in lines(log)}
    assert "file/x.prom" in str(told["no metrics"]["why"])
    assert told["digest"]["waiting"] == 1


def test_mistakes_in_notify_are_named(workspace: Workspace) -> None:
    """A server without a sender, a hook without a secret."""
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write('\n[notify]\nsmtp = "smtp.example.org:587"\nwebhook = "https://example.org/x"\n')
    called = workspace.call("validate")
    assert called.returncode == 2


def part(workspace: Workspace, name: str, **environ: str) -> dict[str, str]:
    """What doctor says of one part."""
    told: list[dict[str, str]] = json.loads(workspace.call("doctor", "--format", "json", **environ).stdout)
    return next(d for d in told if d["part"] == name)


def test_a_timer_is_shown_and_found_by_doctor(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: ``schedule show`` and ``remove`` knew crontab alone, and where there is none doctor advised what is refused."""
    units = tmp_path / "units"
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("auditor.workflow.schedules.SYSTEMD", (str(units),))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    row = part(workspace, "schedule")
    assert (row["health"], row["mend"]) == ("warning", f"auditor schedule install --at 01:30 --systemd {units}")
    assert b"Nothing audits this workspace" in workspace.call("schedule", "show").stdout
    assert workspace.call("schedule", "install", "--at", "01:30", "--systemd", str(units)).returncode == 0
    shown = workspace.call("schedule", "show")
    assert (shown.returncode, "auditor-nightly.timer: every day at 01:30" in shown.stdout.decode()) == (0, True)
    gone = workspace.call("schedule", "remove")
    assert (gone.returncode, "systemctl disable --now auditor-nightly.timer" in gone.stdout.decode()) == (0, True)
    assert part(workspace, "schedule")["health"] == "well"


def test_an_audit_under_way_is_no_bad_night(workspace: Workspace) -> None:
    """Regression: while the night was under way status said that the last audit had not finished."""
    workspace.call("audit")
    now, plan = datetime.now(UTC), plan_now(open_workspace(workspace.root))
    with Ledger.open(workspace.ledger) as ledger, ledger.lock(actor="night", now=now):
        ledger.begin_run(plan, (), actor="night", now=now)
        told = workspace.call("status")
        assert (told.returncode, "under way" in told.stdout.decode(), "not well" in told.stdout.decode()) == (3, True, False)
    told = workspace.call("status")
    assert "The newest audit was not well: the last audit did not finish" in told.stdout.decode()


def test_who_gives_an_interrupted_run_up_is_told_so(workspace: Workspace) -> None:
    """Regression: status promised that the next audit goes on with it, and that gave it up without a word."""
    workspace.call("audit")
    with Ledger.open(workspace.ledger) as ledger:
        for _n in range(2):
            now = datetime.now(UTC)
            with ledger.lock(actor="night", now=now):
                run = ledger.begin_run(plan_now(open_workspace(workspace.root)), (), actor="night", now=now)
                ledger.interrupt_run(run.id, actor="night", now=now)
            told = " ".join(workspace.call("status").stdout.decode().split())
            assert "the last audit did not finish; `auditor audit --resume` goes on with it, or the next night." in told
            if run.id == 2:
                assert workspace.call("audit", "--resume").returncode == 0
    called = workspace.call("audit")
    given_up = f"Run {run.id}, which was interrupted, is given up; what it had seen stays in the ledger."
    assert (called.returncode, given_up in " ".join(called.stderr.decode().split())) == (0, True)
    assert b"given up" not in workspace.call("audit").stderr


def test_doctor_writes_no_marks(workspace: Workspace) -> None:
    """Regression: in Arabic the clock was shown as ‹U+200E›2026-11-29, and so it stood in JSON; and a file of host keys that is
    not there was called well by its path."""
    for form in ("table", "json", "csv"):
        told = workspace.call("doctor", "--format", form, lang="ar").stdout.decode()
        assert ("200E" in told, "\u200e" in told) == (False, False)
    assert not (workspace.root / "known_hosts").exists()
    assert "known_hosts" not in part(workspace, "host keys")["told"]


def notified(workspace: Workspace, notify: str) -> None:
    """With letters to one officer; ``notify`` is how they go."""
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[notify]\n{notify}\n\n[people.sara]\nname = {{en = "Sara", ar = "سارة"}}\nroles = ["officer"]\n'
            'department = "example"\nemail = "sara@example.org"\n'
        )


MAIL = 'smtp = "127.0.0.1:1"\nfrom = "auditor@example.org"'
HOOK = 'webhook = "https://127.0.0.1:1/x"\nwebhook_secret_env = "AUDITOR_TEST_HOOK"'


def test_how_it_ended_is_told_before_the_letters(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: while letters went to a slow server, or for ever, the log did not say that the audit had ended."""
    notified(workspace, MAIL)
    log = tmp_path / "night.log"
    workspace.guarded.chmod(0o644)
    workspace.call("nightly", "--log", str(log))
    assert [t["event"] for t in lines(log)][-3:] == ["run ended", "not sent", "digest"]


def test_where_letters_cannot_be_written_those_that_wait_are_sent(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: a letterhead's picture was removed; nothing that waited was tried, and the log said that nothing waits. Now
    validate names the picture, too."""
    notified(workspace, MAIL)
    workspace.guarded.chmod(0o644)
    log = tmp_path / "night.log"
    workspace.call("nightly", "--log", str(log))
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write('\n[report]\nlogo = "gone.png"\n\n[report.departments.example]\nlogo = "there.png"\n')
    (workspace.root / "there.png").write_bytes(b"")
    assert workspace.call("nightly", "--log", str(log)).returncode == 1
    night = lines(log)[-3:]
    assert ["gone.png" in str(night[0]["why"]), "127.0.0.1" in str(night[1]["why"])] == [True, True]
    assert (night[2]["event"], night[2]["sent"], night[2]["waiting"]) == ("digest", 0, 1)
    (note,) = json.loads(workspace.call("validate", "--format", "json").stdout)
    assert (note["severity"], "gone.png cannot be read" in note["message"], note["column"]) == ("warning", True, 8)
    assert workspace.call("validate").returncode == 0


@pytest.mark.parametrize("broken", ["put_out", "send_all"])
def test_a_fault_in_the_letters_is_told_when_all_else_is_done(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Regression: the night ended there, nothing that waited was sent, and its log said nothing. It is no good night still."""
    notified(workspace, MAIL)
    log = tmp_path / "night.log"
    workspace.guarded.chmod(0o644)
    workspace.call("nightly", "--log", str(log))

    def fails(*_args: object, **_named: object) -> None:
        raise ZeroDivisionError("weights")

    monkeypatch.setattr(f"auditor.cli.nightly.{broken}", fails)
    assert workspace.call("nightly", "--log", str(log)).returncode == 4
    told = lines(log)[-5:]
    events = [str(t["event"]) for t in told]
    assert events[events.index("internal error") - 1] == "run ended"
    fault = told[events.index("internal error")]
    assert (fault["kind"], "in fails\n" in str(fault["trace"])) == ("ZeroDivisionError", True)
    assert (told[-1]["event"], told[-1]["sent"], told[-1]["waiting"]) == ("digest", 0, 1)
    assert next(t["why"] for t in told if t["event"] == "not sent") == "weights"
    assert workspace.call("status").returncode == 0


def test_an_outbox_that_is_taken_is_counted(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: where nothing could be sent at all, "waiting: 0" was told."""
    notified(workspace, MAIL)
    workspace.guarded.chmod(0o644)
    log = tmp_path / "night.log"
    workspace.call("nightly", "--log", str(log))
    monkeypatch.setattr("auditor.workflow.outbox._WAITS", ())
    held = os.open(workspace.ledger.parent / "outbox", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert workspace.call("nightly", "--log", str(log)).returncode == 1
    finally:
        os.close(held)
    not_sent, digest = lines(log)[-2:]
    assert ("sent the next time" in str(not_sent["why"]), digest["waiting"]) == (True, 1)


def test_who_is_no_longer_named_gets_nothing_and_it_is_said(workspace: Workspace, tmp_path: Path) -> None:
    """In the answer of ``auditor digest --send``."""
    notified(workspace, MAIL)
    workspace.guarded.chmod(0o644)
    workspace.call("nightly", "--log", str(tmp_path / "night.log"))
    path = workspace.root / "auditor.toml"
    path.write_text(path.read_text().replace('roles = ["officer"]', 'roles = ["viewer"]'))
    called = workspace.call("digest", "--send")
    assert (called.returncode, b"Taken out" in called.stdout) == (0, True)
    assert not list(workspace.ledger.parent.glob("outbox/*.json"))


def test_doctor_counts_letters_to_a_hook(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: where only a webhook is set doctor said nothing of letters that wait."""
    notified(workspace, HOOK)
    workspace.guarded.chmod(0o644)
    workspace.call("nightly", "--log", str(tmp_path / "night.log"))
    row = part(workspace, "mail")
    assert (row["health"], row["told"]) == ("warning", "letters that wait: 1")


def test_variables_that_a_night_will_lack_are_named(workspace: Workspace, crontab: Path) -> None:
    """Regression: secrets are given by variables that a person's shell has and cron has not; the first to tell was the log of a
    night whose letters were not sent."""
    notified(workspace, HOOK)
    assert "AUDITOR_TEST_HOOK is not set" in part(workspace, "secrets")["told"]
    assert part(workspace, "secrets", AUDITOR_TEST_HOOK="x")["health"] == "well"
    installed = workspace.call("schedule", "install", "--at", "01:30", AUDITOR_TEST_HOOK="x")
    assert (installed.returncode, b"AUDITOR_TEST_HOOK" in installed.stdout) == (0, True)
    row = part(workspace, "secrets", AUDITOR_TEST_HOOK="x")
    assert (row["health"], "not where the schedule runs" in row["told"]) == ("warning", True)
    crontab.write_text("AUDITOR_TEST_HOOK=x\n" + crontab.read_text())
    assert b"AUDITOR_TEST_HOOK" not in workspace.call("schedule", "install", "--at", "01:30").stdout
    assert part(workspace, "secrets")["health"] == "well"


def test_a_service_for_another_window_is_found(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer window would be cut off by the service as it was written; its variables are named as for cron."""
    units = tmp_path / "units"
    monkeypatch.setattr("auditor.workflow.schedules.SYSTEMD", (str(units),))
    notified(workspace, HOOK)
    installed = workspace.call("schedule", "install", "--at", "01:30", "--systemd", str(units))
    assert b"AUDITOR_TEST_HOOK" in installed.stdout
    with (workspace.root / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write("\n[nightly]\nwindow = 40000\n")
    rows = json.loads(workspace.call("doctor", "--format", "json").stdout)
    (row,) = (r for r in rows if r["part"] == "schedule" and r["health"] == "warning")
    assert ("may need 43,900" in row["told"], row["mend"].endswith(f"--systemd {units}")) == (True, True)


def test_without_cron_nothing_is_scheduled(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: to show or to take out what is not there, people were told to install cron; nor are there open findings,
    which 1 stands for."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("auditor.workflow.schedules.SYSTEMD", (str(tmp_path / "units"),))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    shown, gone = workspace.call("schedule", "show"), workspace.call("schedule", "remove")
    assert (shown.returncode, b"Nothing audits this workspace every night" in shown.stdout) == (0, True), shown.stderr
    assert (gone.returncode, b"There was no entry of this workspace" in gone.stdout) == (0, True), gone.stderr


@pytest.mark.parametrize("command", [("status",), ("digest",), ("ledger", "verify"), ("fact", "show", "sshd", "--host", "x")])
def test_what_has_no_columns_is_no_csv(workspace: Workspace, command: tuple[str, ...]) -> None:
    """Regression: ``--format csv`` gave sentences, or JSON."""
    done = workspace.call(*command, "--format", "csv")
    assert (done.returncode, done.stdout) == (2, b"")
