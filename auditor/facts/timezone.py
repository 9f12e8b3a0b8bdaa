"""The host's time zone, by the link that /etc/localtime is, or by Debian's own record where it is a copy.

Appliances have a rule in /etc/TZ instead (uClibc, OpenWrt's musl), which says hours and no place.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, record
from auditor.model import Json, Text

_UTC = frozenset({"UTC", "UCT", "Universal", "Zulu"})

_SCRIPT = """\
if [ -L /etc/localtime ]; then
  to=$(readlink /etc/localtime) || exit 1
  echo "zone=${to#*/zoneinfo/}"
elif [ -e /etc/timezone ]; then
  read -r zone </etc/timezone || exit 1
  echo "zone=$zone"
elif [ -e /etc/localtime ]; then
  echo "cannot name the zone that /etc/localtime is a copy of" >&2
  exit 1
elif [ -e /etc/TZ ]; then
  read -r zone </etc/TZ || exit 1
  if [ "$zone" != UTC0 ] && [ "$zone" != UTC ]; then
    echo "cannot name the zone of the rule in /etc/TZ" >&2
    exit 1
  fi
  echo zone=UTC
else
  echo zone=UTC
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``zone=NAME``; what old names say is told by the new one."""
    lines = whole_lines("timezone", output)
    name = lines[0].removeprefix("zone=") if len(lines) == 1 and lines[0].startswith("zone=") else ""
    if not name or name.startswith("/") or " " in name:
        raise ParseError("timezone: the output is not zone=<name>")
    name = name.removeprefix("posix/")  # a second copy of all zones, in the RHEL family
    return {"name": "UTC" if name.removeprefix("Etc/") in _UTC else name}


FACT = Fact(
    name="timezone",
    title=Text(en="Time zone of the host", ar="المنطقة الزمنية للمضيف"),
    shape=record(name=STR),
    parse=parse,
    example={"name": "Asia/Riyadh"},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
