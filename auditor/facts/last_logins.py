"""When each local account last logged in, by the host's own record (lastlog, or lastlog2 since Debian 13 and Fedora 40)."""

from __future__ import annotations

import re
from datetime import datetime

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, MapOf, optional, record
from auditor.model import Json, Text

_INSTANT = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [+-]\d{4} \d{4}\Z")
_NEVER = "**Never logged in**"

_SCRIPT = """\
for tool in /usr/bin/lastlog /usr/bin/lastlog2; do
  if [ -x "$tool" ]; then
    out=$("$tool") || exit 1
    printf '%s\\nend\\n' "$out"
    exit 0
  fi
done
exit 1
"""


def parse(output: str, _args: Arguments) -> Json:
    """The table of lastlog(8): a name at the start of each line, the instant or ``**Never logged in**`` at its end."""
    lines = whole_lines("last_logins", output)
    if not lines or not lines[0].startswith("Username"):
        raise ParseError("last_logins: the table has no head")
    value: dict[str, Json] = {}
    for line in lines[1:]:
        name = line.split()[0]
        if line.endswith(_NEVER):
            value[name] = {}
            continue
        match = _INSTANT.search(line)
        if match is None:
            raise ParseError(f"last_logins: a line without an instant: {line[:80]!r}")
        value[name] = {"at": int(datetime.strptime(match[0], "%a %b %d %H:%M:%S %z %Y").timestamp())}
    return value


FACT = Fact(
    name="last_logins",
    title=Text(en="Last login of each account", ar="آخر دخول لكل حساب"),
    shape=MapOf(record(at=optional(INT))),
    parse=parse,
    example={"amal": {"at": 1795312800}, "daemon": {}},
    probes={"linux": HostProbe(script=_SCRIPT, volatile=True)},
)
