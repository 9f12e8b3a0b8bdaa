"""What starts a program by the clock: cron's tables, and timers of systemd."""

from __future__ import annotations

CRON_PLACES = (
    "/etc/crontab /etc/anacrontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly"
    " /var/spool/cron/root /var/spool/cron/crontabs/root"  # root's own table: of the RHEL family, of Debian
)
"""Where cron and anacron look for what root starts."""

# A timer starts something only where a unit wants it. It starts what its Unit= names, else the service of its own name.
TIMERS = """\
timers() {
  folders="/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system"
  seen=
  for folder in $folders; do
    if [ ! -d "$folder" ]; then continue; fi
    [ -r "$folder" ] && [ -x "$folder" ] || exit 1
    for timer in "$folder"/*.wants/*.timer "$folder"/*.requires/*.timer; do
      name=${timer##*/}
      if [ ! -e "$timer" ]; then continue; fi
      # what is masked is never started, whatever wants it
      if [ -e "/etc/systemd/system/$name" ] && [ ! -s "/etc/systemd/system/$name" ]; then continue; fi
      case " $seen " in *" $name "*) continue ;; esac
      seen="$seen $name"
      [ -r "$timer" ] || exit 1
      unit=$(sed -n 's/^[[:space:]]*Unit[[:space:]]*=[[:space:]]*//p' "$timer" | tail -n 1)
      unit=${unit:-${name%.timer}.service}
      for top in $folders; do
        if [ ! -e "$top/$unit" ]; then continue; fi
        grep -qE "^[[:space:]]*ExecStart[[:space:]]*=.*$1" "$top/$unit"
        case $? in 0) printf '%s %s\\n' "$timer" "$top/$unit" ;; 1) ;; *) exit 1 ;; esac
        break
      done
    done
  done
}
"""
"""``timers PATTERN``: a line for each timer whose service runs what the pattern says, the timer's file and the service's."""

STARTED = r"""
started() {
  while IFS= read -r file; do
    name=${file##*/}
    case $file in
      */cron.d/*|*/cron.hourly/*|*/cron.daily/*|*/cron.weekly/*|*/cron.monthly/*)
        case $name in .*|*~|*.rpm*|*.dpkg-*|*.swp) continue ;; esac
        if [ -e /etc/debian_version ]; then
          case $name in *[!A-Za-z0-9_-]*) continue ;; esac
        fi ;;
    esac
    case $file in
      */cron.d/*) ;;
      */cron.hourly/*|*/cron.daily/*|*/cron.weekly/*|*/cron.monthly/*)
        if [ -n "$(find -L "$file" -prune ! -perm -0100 ! -perm -0010 ! -perm -0001 2>/dev/null)" ]; then continue; fi ;;
    esac
    printf '%s\n' "$file"
  done
}
"""
"""``started``: of the files in CRON_PLACES, one a line, those that cron starts.

Of the folders run-parts starts what may be executed; Debian's, and its cron in /etc/cron.d, pass by each name with a dot in it,
such as backup.sh. Of a file in a closed folder nobody but root sees whether it may be executed: it counts.
"""
