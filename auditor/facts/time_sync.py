"""Which service keeps the clock right, and from which servers."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESS_NAMES
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

# A process's name ends after 15 characters: systemd-timesyn is systemd-timesyncd.
_DAEMONS = {"chronyd": "chronyd", "ntpd": "ntpd", "openntpd": "ntpd", "systemd-timesyn": "systemd-timesyncd"}

_SCRIPT = (
    PROCESS_NAMES
    + """\
printf '%s\\n' "$names" | awk '/^(chronyd|ntpd|openntpd|systemd-timesyn)$/ { print "process=" $0 }' || exit 1
for file in /etc/chrony/chrony.conf /etc/chrony/conf.d/*.conf /etc/chrony/sources.d/*.sources \\
  /etc/chrony.conf /etc/chrony.d/*.conf \\
  /etc/ntp.conf /etc/ntpsec/ntp.conf /etc/ntpsec/ntp.d/*.conf /etc/openntpd/ntpd.conf \\
  /etc/systemd/timesyncd.conf /etc/systemd/timesyncd.conf.d/*.conf /run/systemd/timesyncd.conf.d/*.conf \\
  /usr/lib/systemd/timesyncd.conf.d/*.conf /run/chrony-dhcp/*.sources; do
  if [ ! -e "$file" ]; then continue; fi
  case $file in
    */timesyncd.conf*) daemon=systemd-timesyncd ;;
    */ntp*) daemon=ntpd ;;
    *) daemon=chronyd ;;
  esac
  awk -v daemon="$daemon" '
    { sub(/\\r$/, "") }
    daemon == "systemd-timesyncd" && /^[ \\t]*(Fallback)?NTP[ \\t]*=/ { print "line=" daemon " " $0 }
    daemon != "systemd-timesyncd" && tolower($1) ~ /^(server|servers|pool|peer|refclock)$/ { print "line=" daemon " " $1 " " $2 }
  ' "$file" || exit 1
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``process=`` and ``line=<daemon> <a line of its settings that names servers>``."""
    running: dict[str, None] = {}
    servers: dict[str, dict[str, None]] = {name: {} for name in _DAEMONS.values()}
    for line in whole_lines("time_sync", output):
        key, sign, text = line.partition("=")
        if not sign or key not in ("process", "line"):
            raise ParseError(f"time_sync: a line that does not belong there: {line[:80]!r}")
        if key == "process":
            running[_DAEMONS[text]] = None
        else:
            daemon, setting = re.split(r"\s+", text, maxsplit=1)
            for server in _servers(daemon, setting):
                servers[daemon][server] = None
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
    example={"running": ["chronyd"], "servers": ["ntp1.gov.example"]},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
