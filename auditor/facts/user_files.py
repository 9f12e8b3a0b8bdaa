"""Hidden files at the top of people's and root's home folders, with mode and owner; their content is not read.

On hosts that are images /home and /root are links (-H); ``account`` is the folder's name, which may be another than its owner's.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_FIND = "-maxdepth 2 -name '.*' -type f -printf '%m|%u|' -print0"
_COMMANDS = (f"/usr/bin/find -H /root /home {_FIND}", f"/usr/bin/find -H /root {_FIND}")

_SCRIPT = f"""\
[ -x /usr/bin/find ] || exit 1
walk() {{
  if [ -d /home ]; then as_root {_COMMANDS[0]}; else as_root {_COMMANDS[1]}; fi
}}
{{ walk || echo broken; }} | tr '\\n\\0' '?\\n' |
  awk '$0 == "broken?" {{ bad = 1; exit }} {{ print }} END {{ if (!bad) print "end" }}' || exit 1
"""


def parse(output: str, _args: Arguments) -> Json:
    """``mode|owner|path`` a line."""
    found: list[Json] = []
    for line in whole_lines("user_files", output):
        fields = line.split("|", 2)
        if len(fields) != 3 or not fields[2].startswith("/"):
            raise ParseError(f"user_files: a line that is no file: {line[:80]!r}")
        mode, owner, path = fields
        parts = path.split("/")
        account = "root" if parts[1] == "root" else parts[2] if len(parts) > 3 else ""
        found.append({"account": account, "name": parts[-1], "path": path, "mode": f"{int(mode, 8):04o}", "owner": owner})
    return sorted(found, key=lambda item: str(item["path"]) if isinstance(item, dict) else "")


FACT = Fact(
    name="user_files",
    title=Text(en="Hidden files in home folders", ar="الملفات المخفية في المجلدات الشخصية"),
    shape=ListOf(record(account=STR, name=STR, path=STR, mode=STR, owner=STR)),
    parse=parse,
    example=[{"account": "amal", "name": ".bashrc", "path": "/home/amal/.bashrc", "mode": "0644", "owner": "amal"}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=_COMMANDS)},
)
