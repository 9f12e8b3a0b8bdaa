"""Which distribution and release the host runs, and when its maker stops publishing security updates for it.

``release`` is what its maker supports as one: of Ubuntu the whole version, of the others its first number; the name is another
after each minor update. A release that the table does not know has no ``eol``: checks must fail it, for nobody can vouch for its
updates.
"""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, optional, record
from auditor.model import Json, Text

_DEBIAN = frozenset({"debian", "ubuntu"})
_RHEL = frozenset({"rhel", "fedora", "centos"})

# The last day of security updates that are free to every user (Debian: with LTS), and with the maker's paid extension.
# Sources: wiki.debian.org/LTS, ubuntu.com/about/release-cycle, access.redhat.com/support/policy/updates/errata,
# centos.org/centos-stream, wiki.almalinux.org/release-notes, wiki.rockylinux.org/rocky/version, Oracle's lifetime support policy.
# Where a source names only a month, the earlier day stands.
_SUPPORT: dict[tuple[str, str], tuple[str, str]] = {
    ("debian", "9"): ("2022-06-30", ""),
    ("debian", "10"): ("2024-06-30", ""),
    ("debian", "11"): ("2026-08-31", ""),
    ("debian", "12"): ("2028-06-30", ""),
    ("debian", "13"): ("2030-06-30", ""),
    ("ubuntu", "16.04"): ("2021-04-30", "2026-04-01"),
    ("ubuntu", "18.04"): ("2023-05-31", "2028-04-01"),
    ("ubuntu", "20.04"): ("2025-05-31", "2030-04-01"),
    ("ubuntu", "22.04"): ("2027-04-01", "2032-04-01"),
    ("ubuntu", "24.04"): ("2029-04-01", "2034-04-01"),
    ("ubuntu", "26.04"): ("2031-04-01", "2036-04-01"),
    ("rhel", "7"): ("2024-06-30", "2028-06-30"),
    ("rhel", "8"): ("2029-05-31", ""),
    ("rhel", "9"): ("2032-05-31", ""),
    ("rhel", "10"): ("2035-05-31", ""),
    ("centos", "7"): ("2024-06-30", ""),
    ("centos", "8"): ("2024-05-31", ""),
    ("centos", "9"): ("2027-05-31", ""),
    ("centos", "10"): ("2030-01-01", ""),
    ("almalinux", "8"): ("2029-03-01", ""),
    ("almalinux", "9"): ("2032-05-31", ""),
    ("almalinux", "10"): ("2035-05-31", ""),
    ("rocky", "8"): ("2029-05-31", ""),
    ("rocky", "9"): ("2032-05-31", ""),
    ("rocky", "10"): ("2035-05-31", ""),
    ("ol", "7"): ("2024-12-31", "2028-06-30"),
    ("ol", "8"): ("2029-07-31", ""),
    ("ol", "9"): ("2032-06-30", ""),
    ("ol", "10"): ("2035-06-30", ""),
}

_SCRIPT = """\
if [ -e /etc/os-release ]; then file=/etc/os-release; else file=/usr/lib/os-release; fi
out=$(cat "$file") || exit 1
printf '%s\\nend\\n' "$out"
"""


_LONGEST = 4096


def parse(output: str, _args: Arguments) -> Json:
    """os-release(5): assignments quoted as a shell's; comments and blank lines are allowed."""
    fields: dict[str, str] = {}
    for line in whole_lines("os_release", output):
        if line.startswith("#"):
            continue
        if len(line) > _LONGEST:  # a long word takes shlex the square of its length
            raise ParseError(f"os_release: a line of more than {_LONGEST:,} characters: {line[:80]!r}")
        words = shlex.split(line)
        if len(words) != 1 or "=" not in words[0]:
            raise ParseError(f"os_release: a line that is not an assignment: {line[:80]!r}")
        key, _, text = words[0].partition("=")
        fields[key] = text
    if not fields:
        raise ParseError("os_release: the file is empty")
    name, version = fields.get("ID", "linux").lower(), fields.get("VERSION_ID", "")
    likes = {name, *fields.get("ID_LIKE", "").lower().split()}
    value: dict[str, Json] = {
        "id": name,
        "version_id": version,
        "name": fields.get("PRETTY_NAME", "") or f"{name} {version}".strip(),
        "family": "debian" if likes & _DEBIAN else "rhel" if likes & _RHEL else "other",
    }
    release = version if name == "ubuntu" else re.split(r"[.]", version)[0]
    value["release"] = release
    free, paid = _SUPPORT.get((name, release), ("", ""))
    if free:
        value["eol"] = _last_second(free)
    if paid:
        value["extended_eol"] = _last_second(paid)
    return value


def _last_second(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(hour=23, minute=59, second=59, tzinfo=UTC).timestamp())


FACT = Fact(
    name="os_release",
    title=Text(en="Operating system release and the end of its support", ar="إصدار نظام التشغيل وموعد انتهاء دعمه"),
    shape=record(
        id=STR, version_id=STR, name=STR, family=STR, release=optional(STR), eol=optional(INT), extended_eol=optional(INT)
    ),
    parse=parse,
    version=2,
    example={
        "id": "debian",
        "version_id": "12",
        "name": "Debian GNU/Linux 12 (bookworm)",
        "family": "debian",
        "release": "12",
        "eol": 1845935999,
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
