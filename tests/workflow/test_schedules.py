"""The entry in a crontab: once, whole by itself, and nothing else touched."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.loading import account_of
from auditor.model import Nightly
from auditor.workflow.schedules import (
    Job,
    cron_lines,
    entry_of,
    longest,
    not_given,
    parse_time,
    service_environment,
    systemd_units,
    units_of,
    without,
)
from tests.builders import catalogue

OTHERS = st.lists(
    st.sampled_from(["# a comment", "5 4 * * * /usr/bin/true", "", "MAILTO=root", "# auditor nightly: /elsewhere"]), max_size=6
)


def with_entry(crontab: str, job: Job) -> str:
    return without(crontab, job.root) + "".join(f"{line}\n" for line in cron_lines(job))


@given(OTHERS, st.integers(0, 23), st.integers(0, 59))
def test_an_entry_is_put_in_once_and_taken_out_without_a_trace(lines: list[str], hour: int, minute: int) -> None:
    """Whatever else stands there stays, in its order."""
    before = "".join(f"{line}\n" for line in lines)
    first = with_entry(before, Job(Path("/srv/audit"), 1, 30))
    again = with_entry(first, Job(Path("/srv/audit"), hour, minute))
    assert entry_of(again, Path("/srv/audit")).startswith(f"{minute} {hour} * * * env ")
    assert again.count("# auditor nightly: /srv/audit\n") == 1
    assert without(again, Path("/srv/audit")) == before


def test_only_our_own_lines_are_taken_out() -> None:
    """Regression, lost jobs: whatever followed our comment was taken out, and our entry stayed where a line stood between."""
    root, other = Path("/srv/audit"), "0 4 * * * /opt/payroll.sh\n"
    tag, entry = (f"{line}\n" for line in cron_lines(Job(root, 1, 30)))
    assert without(tag + other, root) == other
    assert without(tag + "MAILTO=ops@example.org\n" + entry, root) == "MAILTO=ops@example.org\n"
    assert without(tag + other + entry, root) == other
    assert (without(entry, root), without(tag, root)) == ("", "")
    assert entry_of(tag + other, root) == ""
    kept = "".join(f"{line}\n" for line in cron_lines(Job(Path("/srv/audit2"), 1, 30))) + f"#{entry}"
    assert (without(kept + tag + entry, root), entry_of(kept, root)) == (kept, "")
    blank = Path("/srv/a b%c")
    assert without("".join(f"{line}\n" for line in cron_lines(Job(blank, 1, 30))), blank) == ""


def test_the_command_is_whole_by_itself() -> None:
    """Absolute paths, a locale that can write Arabic, quotes for blanks, no bare percent sign, which would end it."""
    job = Job(Path("/srv/a b%c"), 1, 30, ("health",))
    line = cron_lines(job)[1]
    assert "%" not in line.replace(r"\%", "")
    words = shlex.split(line.replace(r"\%", "%"))[5:]
    assert words[:2] == ["env", "LC_ALL=C.UTF-8"]
    assert words[2].startswith("PATH=/")
    assert Path(words[3]).is_absolute()
    assert words[4:] == [
        "--workspace",
        "/srv/a b%c",
        "nightly",
        "--log",
        "/srv/a b%c/findings/nightly.log",
        "--department",
        "health",
    ]


def test_units_for_systemd() -> None:
    """Specifiers and variables of systemd are escaped; a night that was missed is made up for."""
    units = systemd_units(Job(Path("/srv/a b%c$d"), 1, 5), "auditor", 30_000)
    assert '"/srv/a b%%c$$d"' in units["auditor-nightly.service"]
    assert "\nAfter=network-online.target time-sync.target\n" in units["auditor-nightly.service"]
    assert "\nUser=auditor\n" in units["auditor-nightly.service"]
    assert "OnCalendar=*-*-* 01:05:00\nPersistent=true" in units["auditor-nightly.timer"]


def test_a_service_that_hangs_is_ended(tmp_path: Path) -> None:
    """Regression: nothing ended a night that hung, and the timer starts no other beside it."""
    for name, content in systemd_units(Job(Path("/srv/audit"), 1, 5), "auditor", longest(Nightly())).items():
        (tmp_path / name).write_text(content)
    (unit,) = units_of(Path("/srv/audit"), tmp_path)
    assert unit.seconds == 6 * 3600 + 300 + 3600


def test_variables_that_an_entry_lacks_are_known(tmp_path: Path) -> None:
    """Regression: neither cron nor systemd has the variables of who installed the entry, and nothing said so. Those
    that the crontab or an addition to the service gives are there; a file of variables may hold any."""
    for name, content in systemd_units(Job(Path("/srv/audit"), 1, 5), "auditor", 1).items():
        (tmp_path / name).write_text(content)
    crontab = '# PW=x\nHOOK = y\n"QUOTED"=z\nMY_PW=x\n' + "\n".join(cron_lines(Job(Path("/srv/audit"), 1, 30))) + "\n"
    assert not_given(("PW", "HOOK", "QUOTED"), crontab) == ("PW",)
    assert not_given(("PW", "HOOK"), service_environment(tmp_path)) == ("PW", "HOOK")
    more = tmp_path / "auditor-nightly.service.d" / "more.conf"
    more.parent.mkdir()
    more.write_text('[Service]\nEnvironment=OTHER=1 "HOOK=y"\nEnvironment=MY_PW=1\n')
    assert not_given(("PW", "HOOK"), service_environment(tmp_path)) == ("PW",)
    more.write_text("[Service]\nEnvironmentFile=/etc/auditor/environment\n")
    assert not_given(("PW", "HOOK"), service_environment(tmp_path)) == ()


def test_the_service_runs_as_the_owner_of_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression, nights that break each other: a unit without a user ran as root, without the account's keys, and left files
    that were closed to it. Before there is a ledger the workspace tells whose it is."""
    settings = replace(catalogue().settings, root=tmp_path, ledger=tmp_path / "ledger.db")
    monkeypatch.setattr(Path, "owner", lambda path: "nobody" if path.suffix else "auditor")
    assert account_of(settings) == "auditor"
    settings.ledger.touch()
    assert account_of(settings) == "nobody"

    def nameless(_path: Path) -> str:
        raise KeyError

    monkeypatch.setattr(Path, "owner", nameless)
    assert account_of(settings) == str(os.getuid())


@pytest.mark.parametrize("text", ["24:00", "1", "01:60", "01:30:00", "-1:00", "noon", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With a sentence."""
    with pytest.raises(UsageError, match="no time of day"):
        parse_time(text)


def test_times() -> None:
    """With or without the leading zero."""
    assert (parse_time("01:30"), parse_time("1:05")) == ((1, 30), (1, 5))
