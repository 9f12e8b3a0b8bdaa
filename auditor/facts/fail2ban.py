"""Which jails fail2ban's server runs, as it says itself.

Without any it bans nobody; on the RHEL family its package enables none. What a jail looks at, and what it does to those whom it
finds, is not looked into.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, record
from auditor.model import Json, Text

_ASK = "/usr/bin/fail2ban-client status"

_SCRIPT = f"""\
if [ ! -e /usr/bin/fail2ban-client ]; then
  printf 'installed=no\\nend\\n'
  exit 0
fi
echo installed=yes
ask() {{
  as_root {_ASK}
}}
if out=$(ask 2>&1); then
  jails=$(printf '%s\\n' "$out" | sed -n 's/^.*Jail list:[[:space:]]*/jails=/p')
  [ -n "$jails" ] || exit 1
  printf 'running=yes\\n%s\\n' "$jails"
else
  case $out in
    *'Is fail2ban running'*) echo running=no ;;
    *) printf '%s\\n' "$out" >&2; exit 1 ;;
  esac
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=``, ``running=`` and ``jails=`` with their names, between which there are commas."""
    lines = whole_lines("fail2ban", output)
    if lines == ["installed=no"]:
        return {"installed": False, "running": False, "jails": []}
    if lines == ["installed=yes", "running=no"]:
        return {"installed": True, "running": False, "jails": []}
    if lines[:2] != ["installed=yes", "running=yes"] or len(lines) != 3 or not lines[2].startswith("jails="):
        raise ParseError("fail2ban: neither its jails nor that it does not run")
    names = lines[2].removeprefix("jails=").split(",")
    return {"installed": True, "running": True, "jails": [name.strip() for name in names if name.strip()]}


FACT = Fact(
    name="fail2ban",
    title=Text(en="Jails that fail2ban runs", ar="أقسام الحظر (jails) العاملة في fail2ban"),
    shape=record(installed=BOOL, running=BOOL, jails=ListOf(STR)),
    parse=parse,
    example={"installed": True, "running": True, "jails": ["sshd"]},
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_ASK,))},
)
