"""The host's own groups, from /etc/group: number and members as they are written there, a member's primary group apart.

``line`` is the line that an entry has where neither comments nor blank lines stand above it; it tells equal entries apart.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._lines import number
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, ListOf, optional, record
from auditor.model import Json, Text

_SCRIPT = """\
out=$(cat /etc/group) || exit 1
printf '%s\\n' "$out" | sed -e 's/\\r$//' -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """The lines of group(5). An entry of a directory service, which the probe does not read, is an error."""
    found: list[Json] = []
    for place, line in enumerate(whole_lines("groups", output), 1):
        fields = line.split(":")
        if len(fields) != 4 or not fields[0] or fields[0][0] in "+-":
            raise ParseError(f"groups: a line that is no group of this host: {line[:80]!r}")
        members: list[Json] = [name.strip() for name in fields[3].split(",") if name.strip()]
        gid = number(fields[2], f"groups: {fields[0]}")
        found.append({"name": fields[0], "line": place, "gid": gid, "members": members})
    if not found:
        raise ParseError("groups: /etc/group lists no group")
    return found


FACT = Fact(
    name="groups",
    title=Text(en="Local groups and their members", ar="المجموعات المحلية وأعضاؤها"),
    shape=ListOf(record(name=STR, line=optional(INT), gid=INT, members=ListOf(STR))),
    parse=parse,
    version=2,
    example=[{"name": "sudo", "line": 22, "gid": 27, "members": ["amal"]}],
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=1_048_576)},
)
