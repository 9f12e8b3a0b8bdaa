"""Owner and mode of the files under /var/log that any user could come to, for logs tell attackers and hold people's traces.

Files of one day each, such as /var/log/sa/sa28 or catalina.2026-11-28.log, are told as one, /var/log/sa/sa*, with every bit that
any of them has: else each day would close a finding and open another.

What lies in a folder closed to others is not told, whoever asks: root too, and members of adm, who could enter it. ``unread`` is
a folder that is a link, or one whose files others can open by their names, but which may not be listed.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_LIMIT = 3000

# Rotated copies (.1, .gz, -20260101, archived journals) are left out: they take the mode of the file they were, and
# their names change each night. Folders closed to others are not entered: unattended-upgrades, httpd and samba keep open files
# in such. One that an access list closes to this user makes find say that it failed; that it works is therefore tried first.
_SCRIPT = f"""\
{THERE}[ -r /var/log ] && [ -x /var/log ] || exit 1
found=$(find /var/log -prune -exec stat -c %n {{}} +) || exit 1
[ "$found" = /var/log ] || exit 1
out=$(find /var/log -path '/var/log/*' -type d ! -perm -0001 -prune -o \\
  -path '/var/log/*' -type d ! -perm -0004 -print -o -type l -print -o \\
  -type f ! -name '*.gz' ! -name '*.xz' ! -name '*.zst' ! -name '*.bz2' ! -name '*.old' \\
  ! -name '*.[0-9]' ! -name '*.[0-9][0-9]' ! -name '*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' ! -name '*@*.journal*' \\
  -exec stat -c '%a %u %n:%U:%G' {{}} + 2>/dev/null)
[ $? -le 1 ] || exit 1
count=$(printf '%s\\n' "$out" | wc -l) || exit 1
if [ "$count" -gt {_LIMIT} ]; then exit 1; fi
printf '%s\\n' "$out" | grep -v '^/' | sort -k 3
printf '%s\\n' "$out" | grep '^/' | while IFS= read -r path; do
  # what is a link to a file is told where the file is, and what is in a folder that may be listed was found
  if [ ! -L "$path" ] && [ -r "$path" ]; then continue; fi
  if [ -d "$path" ] || {{ [ ! -e "$path" ] && hidden "$path"; }}; then printf 'unread=%s\\n' "$path"; fi
done || exit 1
echo end
"""


_DAY = re.compile(r"(?<=/sa)\d\d\Z|(?<=/sar)\d\d\Z|(?<!\d)20\d\d([-._]?)\d\d\1\d\d(?!\d)([T_-]\d{4,6}(?!\d))?")


def parse(output: str, _args: Arguments) -> Json:
    """``<mode> <uid> <path>:<owner>:<group>`` or ``unread=<path>`` a line."""
    found: dict[str, tuple[int, dict[str, None], dict[str, None]]] = {}
    unread: list[str] = []
    for line in whole_lines("log_files", output):
        if line.startswith("unread=/"):
            unread.append(line.removeprefix("unread="))
            continue
        match = re.fullmatch(r"([0-7]{1,4}) \d+ (/.+):([^:]*):([^:]*)", line)
        if not match:
            raise ParseError(f"log_files: a line that is not a file: {line[:80]!r}")
        folder, slash, name = match[2].rpartition("/")
        path = folder + _DAY.sub("*", f"{slash}{name}")
        mode, owners, groups = found.get(path, (0, {}, {}))
        owners[match[3]] = groups[match[4]] = None
        found[path] = (mode | int(match[1], 8), owners, groups)
    flags = dict.fromkeys(("group_writable", "other_readable", "other_writable"), False)
    closed: dict[str, Json] = {**dict.fromkeys(("name", "owner", "group", "mode"), ""), **flags, "unread": True}
    listed: list[Json] = [
        {
            "path": path,
            "name": path.rpartition("/")[2],
            "owner": " ".join(owners),
            "group": " ".join(groups),
            "mode": f"{mode:04o}",
            "group_writable": bool(mode & 0o020),
            "other_readable": bool(mode & 0o004),
            "other_writable": bool(mode & 0o002),
        }
        for path, (mode, owners, groups) in found.items()
    ]
    return [*listed, *({"path": path, **closed} for path in unread)]


FACT = Fact(
    name="log_files",
    title=Text(en="Owner and mode of the log files", ar="مالكو ملفات السجلات وأذوناتها"),
    shape=ListOf(
        record(
            path=STR,
            name=STR,
            owner=STR,
            group=STR,
            mode=STR,
            group_writable=BOOL,
            other_readable=BOOL,
            other_writable=BOOL,
            unread=optional(BOOL),
        )
    ),
    parse=parse,
    version=3,
    example=[
        {
            "path": "/var/log/auth.log",
            "name": "auth.log",
            "owner": "root",
            "group": "adm",
            "mode": "0640",
            "group_writable": False,
            "other_readable": False,
            "other_writable": False,
        }
    ],
    probes={"linux": HostProbe(script=_SCRIPT, max_bytes=524_288)},
)
