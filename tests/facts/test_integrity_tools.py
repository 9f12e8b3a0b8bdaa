"""Tools that hold files against a reference: whether they have one, and what starts them, on hosts laid out for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.facts.hosts import ALLOWED, REFUSED, SHELLS, fact, run, script

each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
PLACES = ("/etc/", "/usr/bin/aide", "/usr/sbin/", "/usr/lib/systemd", "/usr/local/lib", "/lib/systemd", "/run/systemd", "/var/")


def host(root: Path) -> str:
    """The probe, told of such a root; what is not there is not looked for on this machine."""
    text = script("integrity_tools")
    for place in PLACES:
        text = text.replace(f" {place}", f" {root}{place}").replace(f'"{place}', f'"{root}{place}')
    return text.replace("yes/etc/", f"yes{root}/etc/")


def lay(root: Path, **files: str) -> None:
    """Files by their names, with a slash for two underlines; AIDE's program is there."""
    for name, text in {"usr__sbin__aide": "", **files}.items():
        path = root / name.replace("__", "/").replace("_db", ".db").replace("_new", ".new").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


def told(shell: list[str], root: Path) -> Any:
    value: Any = fact("integrity_tools").value(run(shell, ALLOWED + host(root)).stdout.replace(str(root), ""), {})
    return value


@each_shell
def test_what_a_closed_folder_holds_is_asked_of_root(shell: list[str], tmp_path: Path) -> None:
    """Regression: integrity-tool-ready was unknown wherever AIDE's folder is closed, to each login but root."""
    assert fact("integrity_tools").value(run(shell, REFUSED + host(tmp_path)).stdout, {}) == [], "without a tool nothing is asked"
    lay(tmp_path, var__lib__aide__aide_db="x")
    assert told(shell, tmp_path)[0]["reference"] == "/var/lib/aide/aide.db"
    refused = run(shell, REFUSED + host(tmp_path))
    assert refused.returncode != 0
    assert "end" not in refused.stdout.splitlines(), "what may not be looked at is not absent"


@each_shell
def test_only_a_database_in_its_place_is_a_reference(shell: list[str], tmp_path: Path) -> None:
    """What --init wrote anew is compared with nothing, nor is an empty file."""
    lay(tmp_path)
    assert "reference" not in told(shell, tmp_path)[0]
    lay(tmp_path, var__lib__aide__aide_db_new="x", var__lib__aide__aide_db="")
    assert "reference" not in told(shell, tmp_path)[0]
    (tmp_path / "var/lib/aide/aide.db.gz").symlink_to("aide.db.new")
    assert told(shell, tmp_path)[0]["reference"] == "/var/lib/aide/aide.db.gz"


@each_shell
def test_what_starts_a_check_names_it(shell: list[str], tmp_path: Path) -> None:
    """A line of cron that is no comment, and a timer that a unit wants whose service runs the tool."""
    lay(tmp_path, etc__crontab="# 5 4 * * * root aide --check\n5 4 * * * root aider # not aide\n", etc__cron_DOT_d__x="")
    assert told(shell, tmp_path)[0]["jobs"] == []
    lay(
        tmp_path,
        etc__crontab="5 4 * * * root /usr/sbin/aide --check\n",
        etc__cron_DOT_daily__tripwire="/usr/sbin/tripwire -m c\n",
    )
    assert told(shell, tmp_path)[0]["jobs"] == ["/etc/crontab"], "another tool's job is not its own"

    units, wanted = "etc__systemd__system__", "etc__systemd__system__timers_DOT_target_DOT_wants__"
    lay(
        tmp_path,
        etc__crontab="",
        run__systemd__system__x="",
        **{
            f"{units}aidecheck_DOT_service": "[Service]\nExecStart=/usr/bin/aide.wrapper --check\n",
            f"{units}braider_DOT_service": "[Service]\nExecStart=/usr/bin/braider\n",
            f"{wanted}braider_DOT_timer": "[Timer]\n",
        },
    )
    assert told(shell, tmp_path)[0]["jobs"] == [], "a service that no timer starts"
    lay(tmp_path, **{f"{wanted}aidecheck_DOT_timer": "[Timer]\n"})
    assert told(shell, tmp_path)[0]["jobs"] == ["/etc/systemd/system/timers.target.wants/aidecheck.timer"]
    lay(tmp_path, **{f"{wanted}aidecheck_DOT_timer": "[Timer]\nUnit=braider.service\n"})
    assert told(shell, tmp_path)[0]["jobs"] == [], "it starts another service"
    lay(tmp_path, **{f"{wanted}nightly_DOT_timer": "[Timer]\nUnit=aidecheck.service\n"})
    told_by_unit = ["/etc/systemd/system/timers.target.wants/nightly.timer"]
    assert told(shell, tmp_path)[0]["jobs"] == told_by_unit, "Bug: AIDE started by a timer of another name was not seen"


@each_shell
def test_the_package_s_job_for_cron_does_nothing_under_systemd(shell: list[str], tmp_path: Path) -> None:
    """Debian's ends at once where systemd runs: with the timer masked or not wanted, nothing starts AIDE."""
    job, timer = "etc__cron_DOT_daily__dailyaidecheck", "usr__lib__systemd__system__dailyaidecheck_DOT_timer"
    lay(tmp_path, **{job: 'SCRIPT="/usr/share/aide/bin/dailyaidecheck"\n', timer: "[Timer]\n"})
    assert told(shell, tmp_path)[0]["jobs"] == ["/etc/cron.daily/dailyaidecheck"]
    lay(tmp_path, run__systemd__system__x="")
    assert told(shell, tmp_path)[0]["jobs"] == []
