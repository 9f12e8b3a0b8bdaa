"""Programs that still run code which an update has replaced: their file, or a library of theirs, is gone from the disk.

Only executable mappings below the system's own folders count. Processes in containers are left out: their files are others.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

# What is no process's own map is left out unopened; `[stack` is in every map.
_COMMAND = (
    "/bin/grep -rFs --include=maps --exclude-dir=task --exclude-dir=fd --exclude-dir=fdinfo --exclude-dir=map_files"
    " --exclude-dir=net --exclude-dir=ns --exclude-dir=sys --exclude-dir=attr -e '[stack' -e '(deleted' /proc"
)

# The daemons that start containers are services of the host, whatever their names: a container has a group below, or a scope.
# grep ends with 2 as soon as one process ended while it read: that process 1 was read proves that it may look.
_SCRIPT = rf"""
out=$(as_root {_COMMAND})
[ $? -le 2 ] || exit 1
case $out in *"/proc/1/maps:"*) ;; *) exit 1 ;; esac
found=$(printf '%s\n' "$out" | awk '
  / r-xp / && /\(deleted\)$/ {{
    path = $0; sub(/^[^:]*:/, "", path)
    if (!match(path, / \/(usr|lib|lib64|bin|sbin|opt)\/.*$/)) next
    path = substr(path, RSTART + 1); sub(/ \(deleted\)$/, "", path); sub(/;[0-9a-f]+$/, "", path)
    split($0, parts, "/")
    if (!seen[parts[3], path]++) print parts[3] " " path
  }}
') || exit 1
if [ -n "$found" ]; then
  printf '%s\n' "$found" | while read -r pid path; do
    group=$(sed '/:\/system\.slice\/[^/]*\.service$/d' "/proc/$pid/cgroup" 2>/dev/null)
    case $group in *docker*|*libpod*|*containerd*|*kubepods*|*/lxc*|*machine.slice*|*crio*) continue ;; esac
    # a program may call itself by line ends and tabs
    name=$({{ tr '\n\t' '??' <"/proc/$pid/comm"; }} 2>/dev/null) || continue
    name=${{name%\?}}
    printf 'stale=%s\t%s\n' "$path" "$name"
  done | sort -u || exit 1
fi
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``stale=<path><TAB><name of the process>`` a line."""
    found: dict[str, dict[str, None]] = {}
    for line in whole_lines("stale_processes", output):
        match = re.fullmatch(r"stale=(/[^\t]+)\t([^\t]+)", line)
        if not match:
            raise ParseError(f"stale_processes: a line that does not belong there: {line[:80]!r}")
        found.setdefault(match[2], {})[match[1]] = None
    return [{"name": name, "files": [*found[name]]} for name in sorted(found)]


FACT = Fact(
    name="stale_processes",
    title=Text(en="Programs that run replaced code", ar="برامج لا تزال تعمل بملفات استُبدلت"),
    shape=ListOf(record(name=STR, files=ListOf(STR))),
    parse=parse,
    example=[{"name": "sshd", "files": ["/usr/lib/x86_64-linux-gnu/libcrypto.so.3"]}],
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_COMMAND,), timeout=20.0)},
)
