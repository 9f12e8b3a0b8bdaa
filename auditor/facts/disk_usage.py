"""How full each local file system is, in bytes and in inodes, each as whole percent; changes all day, and is kept apart."""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

# Local ones only, so that a network mount that is gone cannot hold the probe; busybox's df knows no -l, so they are named.
_SCRIPT = """\
set --
while read -r device point type rest; do
  case $type in ext[234]|xfs|btrfs|f2fs|jfs|reiserfs|zfs|vfat) ;; *) continue ;; esac
  case $point in *\\\\*|/var/lib/docker/*|/var/lib/containers/*|/var/lib/kubelet/*|/snap/*|/run/*) continue ;; esac
  set -- "$@" "$point"
done </proc/self/mounts
[ -r /proc/self/mounts ] || exit 1
if [ $# -gt 0 ]; then
  bytes=$(df -P -k "$@") || exit 1
  inodes=$(df -P -i "$@") || exit 1
  printf '%s\\n' "$bytes" | sed -e 1d -e 's/^/bytes /' || exit 1
  printf '%s\\n' "$inodes" | sed -e 1d -e 's/^/inodes /' || exit 1
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """The lines of ``df -P`` for blocks and for inodes; a file system that counts no inodes has 0 percent of them used."""
    used: dict[str, dict[str, Json]] = {}
    for line in whole_lines("disk_usage", output):
        fields = line.split(None, 6)
        if len(fields) != 7 or fields[0] not in ("bytes", "inodes") or not fields[6].startswith("/"):
            raise ParseError(f"disk_usage: a line that is no file system: {line[:80]!r}")
        percent = 0 if fields[5] == "-" else int(fields[5].removesuffix("%"))
        used.setdefault(fields[6], {"path": fields[6]})[f"{fields[0]}_percent"] = percent
    return [used[path] for path in sorted(used)]


FACT = Fact(
    name="disk_usage",
    title=Text(en="How full the local file systems are", ar="نسبة امتلاء أنظمة الملفات المحلية"),
    shape=ListOf(record(path=STR, bytes_percent=INT, inodes_percent=INT)),
    parse=parse,
    example=[{"path": "/", "bytes_percent": 41, "inodes_percent": 7}],
    probes={"linux": HostProbe(script=_SCRIPT, volatile=True)},
)
