"""Which service keeps the clock right, and from which servers."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESSES
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

# A process's name ends after 15 characters: systemd-timesyn is systemd-timesyncd.
_DAEMONS = {"chronyd": "chronyd", "ntpd": "ntpd", "openntpd": "ntpd", "systemd-timesyn": "systemd-timesyncd"}

# Servers also come by DHCP: to chrony as files of a sourcedir, to ntpd as a file in its own's place, to systemd-timesyncd from
# systemd-networkd. What chrony's file does not include is not read: dispatchers write to /run/chrony-dhcp, whoever reads it.
# Debian's ntpsec can be told to ignore what DHCP says, its ntp cannot.
_SCRIPT = (
    THERE
    + PROCESSES
    + """\
printf '%s\\n' "$processes" | sed -n -E 's/^daemon=(chronyd|ntpd|openntpd|systemd-timesyn)$/process=\\1/p' || exit 1
named() {
  awk -v daemon="$1" '
    { sub(/\\r$/, "") }
    daemon == "systemd-timesyncd" && /^[ \\t]*(Fallback)?NTP[ \\t]*=/ { print "line=" daemon " " $0 }
    daemon != "systemd-timesyncd" && tolower($1) ~ /^(server|servers|pool|peer|refclock)$/ { print "line=" daemon " " $1 " " $2 }
    daemon == "chronyd" && tolower($1) == "initstepslew" { for (i = 3; i <= NF; i++) print "line=" daemon " server " $i }
  ' "$2" || exit 1
}
read_before=' '
chrony() {
  if ! exists "$1"; then
    if exists "${1%/*}"; then { [ -r "${1%/*}" ] && [ -x "${1%/*}" ]; } || exit 1; fi
    return
  fi
  case $read_before in *" $1 "*) return ;; esac
  read_before="$read_before$1 "
  named chronyd "$1"
  included=$(awk '
    BEGIN { ending["include"] = ""; ending["confdir"] = "/*.conf"; ending["sourcedir"] = "/*.sources" }
    { sub(/\\r$/, ""); word = tolower($1) }
    word in ending { for (i = 2; i <= NF; i++) if ($i ~ "^/") print $i ending[word]; else exit 1 }
  ' "$1") || exit 1
  for file in $included; do chrony "$file"; done
}
chrony /etc/chrony/chrony.conf
chrony /etc/chrony.conf
for handed in /etc/ntp.conf=/dev/null=/run/ntp.conf.dhcp \\
  /etc/ntpsec/ntp.conf=/etc/default/ntpsec=/run/ntpsec/ntp.conf.dhcp; do
  file=${handed%%=*} by_dhcp=${handed##*=} default=${handed#*=}
  default=${default%=*}
  if exists "$by_dhcp" && ! { exists "$default" && grep -q "^IGNORE_DHCP=[\\"']*yes" "$default"; }; then file=$by_dhcp; fi
  if exists "$file"; then named ntpd "$file"; fi
done
for file in /etc/ntpsec/ntp.d/*.conf /etc/openntpd/ntpd.conf; do
  if exists "$file"; then named ntpd "$file"; fi
done
for file in /etc/systemd/timesyncd.conf /etc/systemd/timesyncd.conf.d/*.conf /run/systemd/timesyncd.conf.d/*.conf \\
  /usr/lib/systemd/timesyncd.conf.d/*.conf /run/systemd/netif/state; do
  if exists "$file"; then named systemd-timesyncd "$file"; fi
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``process=`` and ``line=<daemon> <a line of its settings that names servers>``."""
    running: dict[str, None] = {}
    servers: dict[str, dict[str, None]] = {name: {} for name in _DAEMONS.values()}
    fallback: dict[str, None] = {}
    for line in whole_lines("time_sync", output):
        key, sign, text = line.partition("=")
        if not sign or key not in ("process", "line"):
            raise ParseError(f"time_sync: a line that does not belong there: {line[:80]!r}")
        if key == "process":
            running[_DAEMONS[text]] = None
        else:
            daemon, setting = re.split(r"\s+", text, maxsplit=1)
            for server in _servers(daemon, setting):
                asked = fallback if setting.startswith("FallbackNTP") else servers[daemon]
                asked[server] = None
    servers["systemd-timesyncd"] = servers["systemd-timesyncd"] or fallback  # asked only where no other is known
    wanted = [server for daemon in running for server in servers[daemon]]
    return {"running": [*sorted(running)], "servers": [*sorted(set(wanted))]}


def _servers(daemon: str, setting: str) -> list[str]:
    if daemon == "systemd-timesyncd":
        return setting.partition("=")[2].split()
    words = setting.split()
    if len(words) < 2:
        raise ParseError(f"time_sync: a line that names no server: {setting[:80]!r}")
    return [words[1]]


FACT = Fact(
    name="time_sync",
    title=Text(en="Time synchronisation service and its servers", ar="خدمة مزامنة التوقيت وخوادمها"),
    shape=record(running=ListOf(STR), servers=ListOf(STR)),
    parse=parse,
    version=2,  # FallbackNTP
    example={"running": ["chronyd"], "servers": ["ntp1.gov.example"]},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
