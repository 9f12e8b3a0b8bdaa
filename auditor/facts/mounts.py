"""What is mounted where, and with which options, as the kernel states it."""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, MapOf, record
from auditor.model import Json, Text

# Mounts of sessions, containers and snaps come and go with random names, and would make every night's observation new.
_SCRIPT = """\
out=$(cat /proc/self/mounts) || exit 1
printf '%s\\n' "$out" |
  awk '$2 !~ "^/(run/(user|docker|netns|snapd|credentials)|var/lib/(docker|containers|kubelet)|snap)/" { print }' || exit 1
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """fstab(5)'s six fields, with spaces and the like written in octal; a later mount hides an earlier one."""
    value: dict[str, Json] = {}
    for line in whole_lines("mounts", output):
        fields = line.split(" ")
        if len(fields) != 6 or not fields[1].startswith("/"):
            raise ParseError(f"mounts: a line that is not a mount: {line[:80]!r}")
        device, point, fstype, options = (_plain(field) for field in fields[:4])
        value[point] = {"device": device, "fstype": fstype, "options": [*options.split(",")]}
    if not value:
        raise ParseError("mounts: the list is empty")
    return value


def _plain(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


FACT = Fact(
    name="mounts",
    title=Text(en="Mounted file systems and their options", ar="أنظمة الملفات الموصولة وخياراتها"),
    shape=MapOf(record(device=STR, fstype=STR, options=ListOf(STR))),
    parse=parse,
    example={"/dev/shm": {"device": "tmpfs", "fstype": "tmpfs", "options": ["rw", "nosuid", "nodev", "noexec"]}},  # noqa: S108 -- a path on the target
    probes={"linux": HostProbe(script=_SCRIPT)},
)
