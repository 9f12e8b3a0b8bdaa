"""Where the time services read which servers to ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.facts.hosts import fact, run, script


def test_time_servers_are_followed_to_where_they_are_named(tmp_path: Path) -> None:
    """Bug: what a sourcedir or an include of another place named for chrony went unseen, and any server passed there.

    Also what a dispatcher writes and chronyd does not read, as where RHEL's sourcedir was taken out, was told as asked.
    """
    text = re.sub("(?<=[ =])(?=/(?:etc|run|usr)/)", str(tmp_path), script("time_sync"))
    text = text.replace("print $i ending", f'print "{tmp_path}" $i ending')
    for path, lines in {
        "etc/chrony.conf": "SourceDir /run/dhcp /srv/none\ninclude /srv/*.inc\ninitstepslew 30 first second\npool own iburst",
        "run/dhcp/eth0.sources": "server 10.0.0.9 iburst",
        "run/chrony-dhcp/eth0.sources": "server unread iburst",
        "srv/a.inc": "confdir /srv/more\ninclude /srv/*.inc",
        "srv/more/b.conf": "server deep",
        "etc/ntp.conf": "server unused",
        "run/ntp.conf.dhcp": "server 10.0.0.8",
        "etc/default/ntp": "IGNORE_DHCP=yes",
        "etc/ntpsec/ntp.conf": "server kept",
        "etc/default/ntpsec": 'IGNORE_DHCP="yes"',
        "run/ntpsec/ntp.conf.dhcp": "server ignored",
        "run/systemd/netif/state": "OPER_STATE=routable\nDNS=10.0.0.1\nNTP=10.0.0.7",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{lines}\n")
    for daemon, servers in {
        "chronyd": ["10.0.0.9", "deep", "first", "own", "second"],
        "ntpd": ["10.0.0.8", "kept"],
        "systemd-timesyn": ["10.0.0.7"],
    }.items():
        for shell in ("dash", "bash"):
            told = [line for line in run([shell], text).stdout.splitlines() if not line.startswith("process=")]
            value: Any = fact("time_sync").value("\n".join([f"process={daemon}", *told]), {})
            assert value["servers"] == servers
    (tmp_path / "etc/chrony.conf").write_text("include elsewhere.conf\n")
    assert run(["dash"], text).returncode != 0, "what is read from where is not known"


def test_fallback_servers_are_asked_only_where_no_other_is_named() -> None:
    """Regression, false failure: time-servers-approved failed for FallbackNTP beside an approved NTP."""

    def servers(*lines: str) -> Any:
        told = ("process=systemd-timesyn", *(f"line=systemd-timesyncd {line}" for line in lines), "end")
        return fact("time_sync").value("\n".join(told), {})["servers"]

    assert servers("FallbackNTP=ntp.ubuntu.com", "NTP=ntp1.gov.example") == ["ntp1.gov.example"]
    assert servers("FallbackNTP=ntp.ubuntu.com") == servers("FallbackNTP = ntp.ubuntu.com", "NTP=") == ["ntp.ubuntu.com"]
