"""Shell for the probes of servers that read their files when they start or are told to: what changed since does not hold yet.

Of a file counts when it came to be as it is, which nobody sets, and of a folder when a file came or went.
"""

from __future__ import annotations

IN_FORCE = r"""
in_force() {
  unread=$1 read_at=$2 remedy=$3
  shift 3
  for file do
    if [ ! -e "$file" ]; then
      if [ -L "$file" ]; then exists "$file"; fi
      continue
    fi
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

That is told in seconds since 1970; what changed in that same second counts as read. THERE stands before it.
"""

RUNNING = r"""
{ read -r name </proc/1/comm; } 2>/dev/null || { echo "what runs on the host cannot be seen" >&2; exit 1; }
boot=$(sed -n 's/^btime //p' /proc/stat)
[ -n "$boot" ] || exit 1
running() {
  for process in /proc/[0-9]*; do
    { read -r name <"$process/comm"; } 2>/dev/null || continue
    case " $* " in *" $name "*) ;; *) continue ;; esac
    if grep -q '^NSpid:' "$process/status" 2>/dev/null; then
      if grep -q '^NSpid:.*[0-9][[:space:]][[:space:]]*[0-9]' "$process/status" 2>/dev/null; then continue; fi
    elif grep -qE 'docker|kubepods|libpod|lxc|machine' "$process/cgroup" 2>/dev/null; then continue
    fi
    echo "$process"
  done
}
oldest() {
  first=
  for process do
    fields=$(cat "$process/stat" 2>/dev/null) || continue
    set -f
    set -- ${fields##*)}
    set +f
    [ $# -ge 20 ] || exit 1
    at=$((boot + ${20} / 100 + 1))
    if [ -z "$first" ] || [ "$at" -lt "$first" ]; then first=$at; fi
  done
  echo "$first"
}
"""
"""``running NAME...`` prints the folder in /proc of each process of these names that is in no container of its own.

``oldest FOLDER...`` prints the second since 1970 in which the first of them began, nothing where all are gone. The kernel rounds
down twice; of what changed in the two seconds after, nobody can tell. Where /proc hides the processes of others, the probe ends.
"""
