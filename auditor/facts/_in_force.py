"""Shell for the probes of servers that read their files when they start or are told to: what changed since does not hold yet.

Of a file counts when it came to be as it is, which nobody sets, and of a folder when a file came or went.
"""

from __future__ import annotations

IN_FORCE = r"""
in_force() {
  unread=$1 read_at=$2 remedy=$3
  shift 3
  for file do
    [ -e "$file" ] || continue
    if [ -d "$file" ]; then changed=$(stat -L -c %Y "$file"); else changed=$(stat -L -c %Z "$file"); fi || exit 1
    if [ -L "$file" ]; then
      linked=$(stat -c %Z "$file") || exit 1
      if [ "$linked" -gt "$changed" ]; then changed=$linked; fi
    fi
    if [ "$changed" -gt "$read_at" ]; then
      echo "$unread has not read its files since $file changed; $remedy it" >&2
      exit 1
    fi
  done
}
"""
"""``in_force SERVER SECONDS reload|restart FILE...`` fails where a file changed after the server had read it.

That is told in seconds since 1970; what changed in that same second counts as read.
"""

RUNNING = r"""
box() { sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "$1" 2>/dev/null | head -n 1; }
own=$(box /proc/self/cgroup)
running() {
  for process in /proc/[0-9]*; do
    { read -r name <"$process/comm"; } 2>/dev/null || continue
    case " $* " in *" $name "*) ;; *) continue ;; esac
    boxed=$(box "$process/cgroup")
    [ -z "$boxed" ] || [ "$boxed" = "$own" ] || continue
    echo "$process"
  done
}
boot=$(sed -n 's/^btime //p' /proc/stat 2>/dev/null)
began() {
  fields=$(cat "$1/stat" 2>/dev/null) || return 1
  set -f
  set -- ${fields##*)}
  set +f
  [ -n "$boot" ] && [ $# -ge 20 ] && echo $((boot + ${20} / 100 + 1))
}
"""
"""``running NAME...`` prints the folder in /proc of each process of these names that is in no container of its own.

``began FOLDER`` prints the second since 1970 in which a process began, or the next one, as the kernel rounds when it tells when
itself began; it fails where none is told.
"""
