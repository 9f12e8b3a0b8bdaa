"""Files in folders that root's programs obey, cron's and the SSH server's, which another than root may change.

A link counts as what it leads to. Files that root alone may change are not told.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_COMMAND = (
    "/usr/bin/find /etc -maxdepth 3 '(' -path '/etc/cron.*/*' -o -path '/etc/ssh/sshd_config.d/*' ')' -xtype f"
    " -exec /usr/bin/stat -L --printf '%a|%u|%U|%G|%n\\0' '{}' +"
)

_SCRIPT = f"""\
[ -x /usr/bin/find ] || exit 1
{{ as_root {_COMMAND} || printf '\\0broken\\0'; }} | tr '\\n\\0' '?\\n' | awk -F'|' '
  $0 == "broken" {{ bad = 1; exit }}
  $2 != 0 || $1 ~ /[2367].$/ || $1 ~ /[2367]$/ {{ print }}
  END {{ if (!bad) print "end" }}' || exit 1
"""


def parse(output: str, _args: Arguments) -> Json:
    """``mode|number of the owner|owner|group|path`` a line."""
    found: dict[str, Json] = {}
    for line in whole_lines("changeable_files", output):
        fields = line.split("|", 4)
        if len(fields) != 5 or not fields[4].startswith("/"):
            raise ParseError(f"changeable_files: a line that is no file: {line[:80]!r}")
        mode, _, owner, group, path = fields
        found[path] = {"path": path, "mode": f"{int(mode, 8):04o}", "owner": owner, "group": group}
    return [found[path] for path in sorted(found)]


FACT = Fact(
    name="changeable_files",
    title=Text(
        en="Files in cron's and sshd's folders that others may change",
        ar="ملفات في مجلدات cron وsshd يستطيع غير المستخدم الجذر تغييرها",
    ),
    shape=ListOf(record(path=STR, mode=STR, owner=STR, group=STR)),
    parse=parse,
    example=[{"path": "/etc/cron.daily/backup", "mode": "0775", "owner": "deploy", "group": "deploy"}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_COMMAND,))},
)
