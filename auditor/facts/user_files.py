"""Hidden files at the top of people's and root's home folders, with mode and owner; their content is not read.

On hosts that are images /home and /root are links (-H); ``account`` is the folder's name, which may be another than its owner's.
Of a link to a file, mode and owner of the file are told. A home that is a link itself is not looked into: it is ``unread``, and
so is /home where each is mounted when somebody comes to it.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_FIND = "-ignore_readdir_race -maxdepth 2 -name '.*' -type f -printf '%m|%u|' -print0"
# of a link that leads nowhere, or in a circle, stat complains, and find goes on
_LINKS = (
    "-ignore_readdir_race -maxdepth 2 '(' -name '.*' -o -path '/home/*' ! -path '/home/*/*' ')' -type l"
    " -exec /usr/bin/stat -L --printf '%F|%a|%U|%n\\0' '{}' ';'"
)
_COMMANDS = (f"/usr/bin/find -H /root /home {_FIND}", f"/usr/bin/find -H /root {_FIND}")
_LINKED = (f"/usr/bin/find -H /root /home {_LINKS}", f"/usr/bin/find -H /root {_LINKS}")

_SCRIPT = f"""\
[ -x /usr/bin/find ] || exit 1
[ -x /usr/bin/stat ] || exit 1
walk() {{
  if [ -d /home ]; then
    as_root {_COMMANDS[0]} || return 1
    as_root {_LINKED[0]}
  else
    as_root {_COMMANDS[1]} || return 1
    as_root {_LINKED[1]}
  fi
}}
if grep -q ' /home autofs ' /proc/self/mounts; then echo 'unread=/home'; fi
# what a walk that was cut short had begun to print ends before the mark
{{ walk || printf '\\0broken\\0'; }} | tr '\\n\\0' '?\\n' |
  awk '$0 == "broken" {{ bad = 1; exit }} {{ print }} END {{ if (!bad) print "end" }}' || exit 1
"""


def parse(output: str, _args: Arguments) -> Json:
    """``mode|owner|path`` a line; of a link ``type|mode|owner|path``, as what it leads to has them; ``unread=FOLDER``."""
    found: list[Json] = []
    for line in whole_lines("user_files", output):
        kind = "regular file"
        if line.startswith("unread=/"):
            found.append(_unread(line.removeprefix("unread=")))
            continue
        if not line[:1].isdigit():
            kind, _, line = line.partition("|")
        fields = line.split("|", 2)
        if len(fields) != 3 or not fields[2].startswith("/"):
            raise ParseError(f"user_files: a line that is no file: {line[:80]!r}")
        mode, owner, path = fields
        if kind not in ("regular file", "regular empty file"):
            # what lies in other folders, as in .config, nobody asks about
            if kind == "directory" and path.count("/") == 2:
                found.append(_unread(path))
            continue
        parts = path.split("/")
        account = "root" if parts[1] == "root" else parts[2] if len(parts) > 3 else ""
        found.append({"account": account, "name": parts[-1], "path": path, "mode": f"{int(mode, 8):04o}", "owner": owner})
    return sorted(found, key=lambda item: str(item["path"]) if isinstance(item, dict) else "")


def _unread(path: str) -> Json:
    return {"account": path.rpartition("/")[2], "name": "", "path": path, "mode": "", "owner": "", "unread": True}


FACT = Fact(
    name="user_files",
    title=Text(en="Hidden files in home folders", ar="الملفات المخفية في المجلدات الشخصية"),
    shape=ListOf(record(account=STR, name=STR, path=STR, mode=STR, owner=STR, unread=optional(BOOL))),
    parse=parse,
    version=2,
    example=[{"account": "amal", "name": ".bashrc", "path": "/home/amal/.bashrc", "mode": "0644", "owner": "amal"}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(*_COMMANDS, *_LINKED))},
)
