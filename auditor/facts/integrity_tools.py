"""Which tools hold the host's files against a reference taken before, whether they have one, and what starts them.

AIDE's folder is closed, on the RHEL family and from Debian 12 on: root looks there. ``since`` is when the reference was written;
what AIDE wrote anew and nobody put in its place (aide.db.new) is none. Where systemd runs, Debian's timer starts AIDE and the job
of its package for cron ends at once; elsewhere it is the other way round. Samhain runs on its own.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._schedules import CRON_PLACES, TIMERS
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.services import PROCESSES
from auditor.facts.shape import BOOL, INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# tool: its programs, the folder of its reference, the names of that
_TOOLS = (
    ("aide", "/usr/bin/aide /usr/sbin/aide", "/var/lib/aide", "-name aide.db -o -name aide.db.gz"),
    ("tripwire", "/usr/sbin/tripwire", "/var/lib/tripwire", "-name '*.twd'"),
    ("samhain", "/usr/sbin/samhain", "/var/lib/samhain", "-name samhain_file"),
)
_FINDS = {
    name: rf"/usr/bin/find -L {folder} -maxdepth 1 -type f -size +0 '(' {names} ')' -printf '%T@ %p\n'"
    for name, _, folder, names in _TOOLS
}
# a word of its own, in a line that is no comment: the job of Debian's package names dailyaidecheck in a folder called aide
_JOBS = {
    name: f"/bin/grep -rlsE '^[[:space:]]*([^#[:space:]][^#]*[^#[:alnum:]_])?{name}([^[:alnum:]_]|$)' {CRON_PLACES}"
    for name, _, _, _ in _TOOLS
}

_SCRIPT = (
    TIMERS
    + """\
if [ -d /run/systemd/system ]; then booted=yes; else booted=no; fi
there() {
  for program do
    if [ -e "$program" ]; then return 0; fi
  done
  return 1
}
reference() {
  newest=$(printf '%s\\n' "$1" | sort -n | tail -n 1) || exit 1
  [ -z "$newest" ] || echo "reference=$newest"
}
jobs() {
  [ -n "$1" ] || return 0
  printf '%s\\n' "$1" | while IFS= read -r file; do
    case $booted$file in
      yes/etc/cron.daily/aide|yes/etc/cron.daily/dailyaidecheck)
        if there /usr/lib/systemd/system/dailyaidecheck.timer /lib/systemd/system/dailyaidecheck.timer; then continue; fi ;;
    esac
    printf 'job=%s\\n' "$file"
  done || exit 1
}
"""
    + "".join(
        f"""\
if there {programs}; then
  echo tool={name}
  if [ -d {folder} ]; then
    out=$(as_root {_FINDS[name]}) || exit 1
    reference "$out"
  fi
  # grep ends with 2 where one of the places is missing
  out=$(as_root {_JOBS[name]})
  [ $? -le 2 ] || exit 1
  jobs "$out"
  if [ $booted = yes ]; then
    out=$(timers '[^[:alnum:]_]{name}([^[:alnum:]_]|$)') || exit 1
    printf '%s\\n' "$out" | sed -n 's/ .*//; s/^./job=&/p'
  fi
fi
"""
        for name, programs, folder, _ in _TOOLS
    )
    + f"""\
if there /usr/sbin/samhain; then
{PROCESSES}\
  if printf '%s\\n' "$processes" | grep -qx daemon=samhain; then echo running=yes; fi
fi
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``tool=NAME``, perhaps its ``reference=SECONDS PATH``, its ``job=FILE`` lines and, of the last, ``running=yes``."""
    tools: list[dict[str, Json]] = []
    jobs: list[Json] = []
    for line in whole_lines("integrity_tools", output):
        key, _, text = line.partition("=")
        if key == "tool" and text:
            jobs = []
            tools.append({"name": text, "running": False, "jobs": jobs})
        elif key == "reference" and tools and (match := re.fullmatch(r"(\d{1,12})(?:\.\d+)? (/.+)", text)):
            tools[-1] |= {"reference": match[2], "since": int(match[1])}
        elif key == "job" and tools and text.startswith("/"):
            jobs.append(text)
        elif line == "running=yes" and tools and tools[-1]["name"] == "samhain":
            tools[-1]["running"] = True
        else:
            raise ParseError(f"integrity_tools: a line that does not belong there: {line[:80]!r}")
    return [*tools]


FACT = Fact(
    name="integrity_tools",
    title=Text(en="Tools that watch the host's files for changes", ar="أدوات رصد التغييرات في ملفات المضيف"),
    shape=ListOf(record(name=STR, reference=optional(STR), since=optional(INT), running=BOOL, jobs=ListOf(STR))),
    parse=parse,
    example=[
        {
            "name": "aide",
            "reference": "/var/lib/aide/aide.db",
            "since": 1795312800,
            "running": False,
            "jobs": ["/etc/systemd/system/timers.target.wants/dailyaidecheck.timer"],
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(*_FINDS.values(), *_JOBS.values()))},
)
