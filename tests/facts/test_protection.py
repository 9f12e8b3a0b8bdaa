"""Facts on backups and on protection against malware: what is particular to each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.facts.hosts import ALLOWED, SHELLS, fact, run


def told(name: str, shell: str, places: Mapping[str, Path | str]) -> Any:
    """The fact's value on this machine, with some of the paths that its fragment reads put elsewhere."""
    script = fact(name).probes["linux"].script
    for path, elsewhere in places.items():
        assert path in script
        script = script.replace(path, str(elsewhere))
    done = run(SHELLS[shell], ALLOWED + script)
    assert done.returncode == 0, done.stderr
    return fact(name).value(done.stdout, {})


def timer(folder: Path, name: str) -> Path:
    """The file of a timer in a folder of units."""
    file = folder / name
    file.write_text("[Timer]\nOnCalendar=daily\n")
    return file


def wanted(folder: Path, name: str, file: Path, by: str = "timers.target") -> None:
    (folder / f"{by}.wants").mkdir(exist_ok=True)
    (folder / f"{by}.wants" / name).symlink_to(file)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_timer_that_nothing_starts_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression: Debian's PostgreSQL brings pg_basebackup@.timer, which nothing starts, and backup-scheduled passed by it."""
    admin, vendor, merged = tmp_path / "etc", tmp_path / "usr", tmp_path / "lib"
    admin.mkdir()
    vendor.mkdir()
    merged.symlink_to(vendor)
    template = timer(vendor, "pg_basebackup@.timer")
    restic, borg, debian = (timer(vendor, f"{name}.timer") for name in ("restic", "borgmatic", "dpkg-db-backup"))
    places = {"/etc/systemd/system": admin, "/usr/lib/systemd/system": vendor, "/lib/systemd/system": merged}

    def jobs() -> list[str]:
        return [Path(job).name for job in told("backups", shell, places)["jobs"] if job.endswith(".timer")]

    wanted(admin, "dpkg-db-backup.timer", debian)
    assert jobs() == []
    wanted(admin, "restic.timer", restic)
    wanted(vendor, "borgmatic.timer", borg)
    wanted(admin, "pg_basebackup@17-main.timer", template, by="postgresql@17-main.service")
    assert sorted(jobs()) == ["borgmatic.timer", "pg_basebackup@17-main.timer", "restic.timer"]
    (admin / "restic.timer").symlink_to("/dev/null")
    borg.unlink()
    assert jobs() == ["pg_basebackup@17-main.timer"]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_samba_saves_of_itself_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression: Samba's own job copies smbpasswd to /var/backups, and backup-scheduled passed by it on file servers."""
    for folder, name in (("cron.daily", "samba"), ("cron.d", "samba"), ("cron.daily", "shares")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text("# keeps a backup\ncd /var/backups && cp -p /etc/samba/smbpasswd smbpasswd.bak\n")
        (tmp_path / folder / name).chmod(0o755)
    places = {"/etc/cron.daily": tmp_path / "cron.daily", "/etc/cron.d /": f"{tmp_path}/cron.d /"}
    jobs = [job for job in told("backups", shell, places)["jobs"] if job.startswith(str(tmp_path))]
    assert sorted(jobs) == [f"{tmp_path}/cron.d/samba", f"{tmp_path}/cron.daily/shares"]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_aptitude_saves_of_itself_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: Debian's aptitude keeps the states of packages in /var/backups, daily."""
    for name in ("aptitude", "shares"):
        (tmp_path / name).write_text("#!/bin/sh\nbak=/var/backups\n")
        (tmp_path / name).chmod(0o755)
    jobs = [job for job in told("backups", shell, {"/etc/cron.daily": tmp_path})["jobs"] if job.startswith(str(tmp_path))]
    assert jobs == [f"{tmp_path}/shares"]


def traces(shell: str, places: Mapping[str, Path | str]) -> dict[str, int | None]:
    """Each backup tool on this machine, and when it left its last trace."""
    return {tool["name"]: tool.get("newest") for tool in told("backups", shell, places)["tools"]}


def seconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())  # a log has the host's own time


RSNAPSHOT = """\
[2026-11-28T02:00:09] /usr/bin/rsnapshot alpha: completed successfully
[2026-11-29T02:00:01] /usr/bin/rsnapshot alpha: started
[2026-11-29T02:00:09] /usr/bin/rsnapshot -c /etc/rsnapshot.conf alpha: completed successfully
[2026-11-30T02:00:01] /usr/bin/rsnapshot alpha: started
[2026-11-30T02:00:02] /usr/bin/rsnapshot alpha: ERROR: backup /srv/ localhost/ - Source directory "/srv/" doesn't exist
[2026-11-30T02:00:02] /usr/bin/rsnapshot alpha: completed, but with some errors
[2026-11-30T03:00:02] /usr/bin/rsnapshot beta: completed successfully
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_failure_in_rsnapshot_s_log_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: the time of the log counted, which each failure writes too, and so does moving what is there."""
    program, log, old, conf = (tmp_path / name for name in ("rsnapshot", "now.log", "old.log", "conf"))
    places = {
        "/usr/bin/rsnapshot": program,
        "/var/log/rsnapshot.log.1": old,
        "/var/log/rsnapshot.log": log,
        "/etc/rsnapshot.conf": conf,
    }
    program.write_text("")
    log.write_text(RSNAPSHOT)
    conf.write_text("config_version\t1.2\nretain\talpha\t6\nretain\tbeta\t7\n")
    assert traces(shell, places)["rsnapshot"] == seconds("2026-11-29T02:00:09")
    old.write_text(RSNAPSHOT)
    log.write_text(RSNAPSHOT.splitlines()[5])
    assert traces(shell, places)["rsnapshot"] == seconds("2026-11-29T02:00:09")
    conf.write_text("sync_first\t1\nretain\talpha\t6\n")
    assert traces(shell, places)["rsnapshot"] is None
    log.write_text("[2026-11-30T01:00:00] /usr/bin/rsnapshot sync: completed successfully\n")
    assert traces(shell, places)["rsnapshot"] == seconds("2026-11-30T01:00:00")
    log.write_text("[2026-11-30T02:00:00] WARNING: /usr/bin/rsnapshot sync: completed, but with some warnings\n")
    assert traces(shell, places)["rsnapshot"] == seconds("2026-11-30T02:00:00")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_log_of_pgbackrest_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: archiving writes to its logs all day, and a backup that is aborted does."""
    program, logs = tmp_path / "pgbackrest", tmp_path / "logs"
    program.write_text("")
    logs.mkdir()
    places = {"/usr/bin/pgbackrest": program, "/var/log/pgbackrest": logs}
    (logs / "main-backup.log").write_text(
        "2026-11-29 02:00:05.123 P00   INFO: backup command end: completed successfully (5012ms)\n"
        "2026-11-30 02:00:05.123 P00   INFO: backup command end: aborted with exception [056]\n"
    )
    (logs / "main-archive-push-async.log").write_text("2026-11-30 09:00:05.123 P00   INFO: archive-push:async command end\n")
    assert traces(shell, places)["pgbackrest"] == seconds("2026-11-29T02:00:05")
    (logs / "main-backup.log").unlink()
    assert traces(shell, places)["pgbackrest"] is None


@pytest.mark.parametrize("shell", SHELLS)
def test_what_restic_reads_is_no_backup(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: it keeps what it has read in its cache too; a new snapshot alone says that it has saved."""
    program, cache = tmp_path / "restic", tmp_path / "cache"
    program.write_text("")
    for place, at in (("snapshots/d6/d6e7", 1_795_000_000), ("index/cf/cf59", 1_795_900_000), ("data/a2/a204", 1_795_900_000)):
        file = cache / "bc086c" / place
        file.parent.mkdir(parents=True)
        file.write_text("")
        os.utime(file, (at, at))
    places = {"/usr/bin/restic": program, "/root/.cache/restic": cache}
    assert traces(shell, places)["restic"] == 1_795_000_000
    (cache / "bc086c" / "snapshots/d6/d6e7").unlink()
    assert traces(shell, places)["restic"] is None


@pytest.mark.parametrize("shell", SHELLS)
def test_jobs_of_anacron_and_of_xfs_are_backups(shell: str, tmp_path: Path) -> None:
    """Regression: a RHEL whose file systems anacron dumps each day failed backup-scheduled."""
    table = tmp_path / "anacrontab"
    table.write_text("RANDOM_DELAY=45\n1 5 cron.daily nice run-parts /etc/cron.daily\n")
    places = {"/etc/anacrontab": table}
    assert str(table) not in told("backups", shell, places)["jobs"]
    table.write_text("1 30 dump /usr/sbin/xfsdump -l 0 -L daily -M nas -f /mnt/nas/root.dump /\n")
    assert str(table) in told("backups", shell, places)["jobs"]


@pytest.mark.parametrize("shell", SHELLS)
def test_clamav_s_daemon_is_known_without_its_scanner(shell: str, tmp_path: Path) -> None:
    """Regression: clamav-daemon alone, as Debian installs it, was no product, and the check failed while it ran."""
    daemon = tmp_path / "clamd"
    daemon.write_text("")
    daemon.chmod(0o755)
    found = told("malware_protection", shell, {"/usr/sbin/clamd": daemon, "/usr/bin/clamscan": daemon})["products"]
    assert [product["name"] for product in found].count("clamav") == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_what_freshclam_notes_of_itself_is_no_signature(shell: str, tmp_path: Path) -> None:
    """Regression: freshclam.dat is written when the updater starts, and malware-signatures-fresh passed without a signature."""
    daemon, folder = tmp_path / "clamd", tmp_path / "signatures"
    daemon.write_text("")
    daemon.chmod(0o755)
    folder.mkdir()
    for name in ("freshclam.dat", "mirrors.dat"):
        (folder / name).write_text("x")

    def clamav() -> Any:
        products = told("malware_protection", shell, {"/usr/sbin/clamd": daemon, "/var/lib/clamav": folder})["products"]
        return next(product for product in products if product["name"] == "clamav")

    assert clamav()["signatures"] == 0
    (folder / "daily.cvd").write_text("x")
    os.utime(folder / "daily.cvd", (1_795_000_000, 1_795_000_000))
    assert clamav()["signatures"] == 1_795_000_000


@pytest.mark.parametrize("shell", SHELLS)
def test_a_folder_without_signatures_is_told_from_one_that_is_not_there(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: both left the product without a word on signatures, and the check did not apply."""
    daemon, folder = tmp_path / "clamd", tmp_path / "signatures"
    daemon.write_text("")
    daemon.chmod(0o755)

    def clamav() -> Any:
        products = told("malware_protection", shell, {"/usr/sbin/clamd": daemon, "/var/lib/clamav": folder})["products"]
        return next(product for product in products if product["name"] == "clamav")

    assert clamav() == {"name": "clamav", "running": False, "unread": True}
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert clamav() == {"name": "clamav", "running": False, "signatures": 0}
    (tmp_path / "elsewhere/main.cvd").write_text("x")
    os.utime(tmp_path / "elsewhere/main.cvd", (1_795_000_000, 1_795_000_000))
    assert clamav()["signatures"] == 1_795_000_000


@pytest.mark.parametrize("shell", SHELLS)
def test_a_timer_that_scans_is_seen(shell: str, tmp_path: Path) -> None:
    """Bug: the remedy of malware-scan-scheduled offers a timer of systemd, and whoever wrote one went on failing."""
    admin, vendor, merged = tmp_path / "etc", tmp_path / "usr", tmp_path / "lib"
    admin.mkdir()
    vendor.mkdir()
    merged.symlink_to(vendor)
    places = {"/etc/systemd/system": admin, "/usr/lib/systemd/system": vendor, "/lib/systemd/system": merged}

    def scans() -> list[str]:
        return [file for file in told("malware_protection", shell, places)["scans"] if file.startswith(str(tmp_path))]

    scan = timer(admin, "scan.timer")
    (admin / "scan.service").write_text("[Service]\nExecStart=/usr/bin/nice clamdscan --fdpass /srv\n")
    other = timer(vendor, "weekly.timer")
    other.write_text("[Timer]\nOnCalendar=weekly\nUnit=look.service\n")
    (vendor / "look.service").write_text("[Service]\n# ExecStart=/usr/bin/clamscan /home\nExecStart=/bin/true\n")
    assert scans() == []
    wanted(admin, "scan.timer", scan)
    wanted(admin, "weekly.timer", other)
    assert scans() == [f"{admin}/scan.service"]
    (vendor / "look.service").write_text("[Service]\nExecStart=/usr/bin/clamscan -r /home\n")
    assert scans() == [f"{admin}/scan.service", f"{vendor}/look.service"]
    (admin / "weekly.timer").symlink_to("/dev/null")
    assert scans() == [f"{admin}/scan.service"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("name", "key", "line"),
    [
        ("backups", "jobs", "0 2 * * * restic backup /srv\n"),
        ("malware_protection", "scans", "0 3 * * 0 clamdscan --fdpass /srv\n"),
    ],
)
def test_what_root_s_own_crontab_starts_is_scheduled(shell: str, name: str, key: str, line: str, tmp_path: Path) -> None:
    """Regression: a job that `crontab -e` wrote was not seen, and backup-scheduled and malware-scan-scheduled failed."""
    table = tmp_path / "root"
    table.write_text(f"# m h dom mon dow command\n{line}")
    assert str(table) in told(name, shell, {"/var/spool/cron/crontabs/root": table})[key]
    table.write_text(f"# {line}")
    assert str(table) not in told(name, shell, {"/var/spool/cron/crontabs/root": table})[key]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_cron_passes_by_is_not_scheduled(shell: str, tmp_path: Path) -> None:
    """Regression, false pass: run-parts starts nothing that may not be executed, nor, on Debian, what has a dot in its name."""
    names = ("cron.daily/save", "cron.daily/save.sh", "cron.daily/save~", "cron.weekly/off", "cron.d/save", "cron.d/save.off")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("0 2 * * * root restic backup /srv\n")
        (tmp_path / name).chmod(0o644 if name.endswith("off") or "cron.d/" in name else 0o700)
    places = {f"/etc/{name}": tmp_path / name for name in ("cron.daily", "cron.weekly")} | {
        "/etc/cron.d /": f"{tmp_path}/cron.d /"
    }

    def jobs(debian: str) -> list[str]:
        found = told("backups", shell, {**places, "/etc/debian_version": debian})["jobs"]
        return sorted(job.removeprefix(f"{tmp_path}/") for job in found if job.startswith(str(tmp_path)))

    assert jobs("/etc/passwd") == ["cron.d/save", "cron.daily/save"]
    assert jobs("/nowhere") == ["cron.d/save", "cron.d/save.off", "cron.daily/save", "cron.daily/save.sh"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_timer_is_a_backup_by_what_it_runs_too(shell: str, tmp_path: Path) -> None:
    """Regression, false failure: a timer called nightly that runs pgbackrest was no backup."""
    (tmp_path / "nightly.service").write_text("[Service]\nExecStart=/usr/bin/pgbackrest --stanza=main backup\n")
    (tmp_path / "dpkg-db-backup.service").write_text("[Service]\nExecStart=/usr/libexec/dpkg/dpkg-db-backup\n")
    for name in ("nightly.timer", "dpkg-db-backup.timer", "restic.timer"):
        wanted(tmp_path, name, timer(tmp_path, name))
    (tmp_path / "restic.service").write_text("[Service]\nExecStart=/usr/bin/restic backup /srv\n")
    found = told("backups", shell, {"/etc/systemd/system": tmp_path})["jobs"]
    assert [Path(job).name for job in found if job.startswith(str(tmp_path))] == ["restic.timer", "nightly.timer"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "scans"), [('CRON_DAILY_RUN=""', []), ('CRON_DAILY_RUN="yes"', ["cron.daily/rkhunter"])])
def test_a_scan_that_nobody_switched_on_is_none(shell: str, line: str, scans: list[str], tmp_path: Path) -> None:
    """Regression, false pass: Debian's rkhunter does nothing until it is switched on, and its weekly job only fetches lists."""
    (tmp_path / "rkhunter").write_text(f"{line}\nCRON_DB_UPDATE=yes\n")
    for folder in ("cron.daily", "cron.weekly"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rkhunter").write_text("#!/bin/sh\nRKHUNTER=/usr/bin/rkhunter\n")
        (tmp_path / folder / "rkhunter").chmod(0o755)
    places: dict[str, Path | str] = {f"/etc/{folder}": tmp_path / folder for folder in ("cron.daily", "cron.weekly")}
    places["/etc/default/rkhunter"] = tmp_path / "rkhunter"
    found = told("malware_protection", shell, places)["scans"]
    assert [scan.removeprefix(f"{tmp_path}/") for scan in found if scan.startswith(str(tmp_path))] == scans
