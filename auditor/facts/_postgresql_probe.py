"""What a host is asked about PostgreSQL: its files, the servers that run, and whether these have read them as they are."""

from __future__ import annotations

from auditor.facts._in_force import RUNNING

ROOTS = ("/etc/postgresql", "/var/lib/postgresql", "/var/lib/pgsql")
DEPTH = 5
"""Where it looks, and how deep."""

# grep itself goes through the folders: it opens no link, which whoever these are could put in the place of a file that find had
# seen. The tables, which are many, are not walked through; a file with a NUL byte in it is text all the same.
_COMMAND = (
    "/bin/grep -arHs --exclude-dir=base --exclude-dir=pg_wal --exclude-dir=pg_xlog --exclude-dir=pg_tblspc --include=*.conf"
    f" --include=PG_VERSION '^[[:space:]]*[^#[:space:]]' {' '.join(ROOTS)}"
)
# When each came to be as it is: the data are closed to the login, and so is all of it on the RHEL family.
_WHEN = (
    f"/usr/bin/find -H {' '.join(ROOTS)} -maxdepth {DEPTH} -ignore_readdir_race"
    " '(' -name base -o -name pg_wal -o -name pg_xlog -o -name pg_tblspc ')' -prune"
    " -o '(' -name postgresql.conf -o -name postgresql.auto.conf -o -name pg_hba.conf -o -name conf.d"
    " -o -path '*/conf.d/*.conf' ')' -printf '%y|%C@|%T@|' -print0"
)
_NAMES = r"postgresql(\.auto)?\.conf|pg_hba\.conf|PG_VERSION|conf\.d/[^/:]*\.conf"
# passwords of the directories and servers that are asked, and commands that may hold some
_SECRETS = (
    r"s/((ldapbindpasswd|radiussecrets)[[:space:]]*=[[:space:]]*)(\"[^\"]*\"|[^[:space:]]*)/\1dropped/g",
    r"s/^([^:]*:[[:space:]]*[a-z_]*(_command|conninfo))[[:space:]=].*/\1 = dropped/",
)

# Told to read its files anew, a server keeps no trace of it; systemd does, where it was asked to tell it. That the unit is the
# server's own nobody can pretend: it is named by the group in which systemd started it. A state that changed since the unit
# became active, and that is active, is a reload's; RHEL 8's systemd tells of its command alone whether it went well.
_RELOAD = r"""
asked_to_reload() {
  [ -d /run/systemd/system ] || return 0
  unit=$(sed -n 's|^[0-9]*:\(name=systemd\)*:/system[.]slice/\(.*/\)*\([^/]*[.]service\)$|\3|p' "$1/cgroup" 2>/dev/null |
    head -n 1)
  [ -n "$unit" ] || return 0
  told=$(TZ=UTC systemctl show --property=MainPID,ActiveState,ReloadResult,ExecReload,ActiveEnterTimestamp,StateChangeTimestamp \
    -- "$unit" 2>/dev/null) || return 0
  said() { printf '%s\n' "$told" | sed -n "s/^$1=//p"; }
  if [ "$(said MainPID)" != "${1##*/}" ] || [ "$(said ActiveState)" != active ]; then return 0; fi
  said ExecReload | grep -q '^{ path=[^ ]*/\(pg_ctlcluster\|pg_ctl\|kill\) .* ignore_errors=no ' || return 0
  case $(said ReloadResult) in
    success) ;;
    '') said ExecReload | grep -q ' code=exited ; status=0[^0-9]' || return 0 ;;
    *) return 0 ;;
  esac
  changed_at=$(said StateChangeTimestamp)
  if [ -z "$changed_at" ] || [ "$changed_at" = "$(said ActiveEnterTimestamp)" ]; then return 0; fi
  date -u -d "$changed_at" +%s 2>/dev/null
  return 0
}
"""

# The files of a server lie in the folders that its command line names. Where its data are not among these, as where
# postgresql.conf names them, all files count as its own. What stands in conf.d counts with the folder that conf.d is in.
_MEASURED = r"""
measured() {
  printf '%s\n' "$listed" | {
    data=no own= any= own_since= any_since= own_seen= any_seen=
    while IFS='|' read -r kind status content path; do
      case $kind in ?) ;; *) continue ;; esac
      case $kind in d) changed=${content%%.*} ;; *) changed=${status%%.*} ;; esac
      base=${path%/*}
      base=${base%/conf.d}
      ours=no
      case "$line_end$3$line_end" in *"$line_end$base$line_end"*) ours=yes ;; esac
      case $ours$path in yes*/postgresql.auto.conf) data=yes ;; esac
      any_seen=yes
      if [ $ours = yes ]; then own_seen=yes; fi
      if [ "$changed" -gt "$2" ]; then
        any=${any:-$path}
        if [ $ours = yes ]; then own=${own:-$path}; fi
      elif [ "$changed" -gt "$1" ] && [ "${path##*/}" != pg_hba.conf ]; then
        any_since="$any_since${line_end}reloaded=$base"
        if [ $ours = yes ]; then own_since="$own_since${line_end}reloaded=$base"; fi
      fi
    done
    if [ $data = no ]; then own=$any own_since=$any_since own_seen=$any_seen; fi
    [ -n "$own_seen" ] || exit 1
    if [ -n "$own" ]; then
      echo "nothing shows that PostgreSQL has read its files since $own changed; reload it by systemctl or restart it" >&2
      exit 1
    fi
    printf '%s\n' "$own_since" | sed '/^$/d'
  }
}
"""

SCRIPT = (
    f"""\
present=no
if [ -d /etc/postgresql ] || [ -d /var/lib/pgsql ]; then
  # that of busybox knows none of these options, and would end as where one of the places is missing
  case $(/bin/grep -V 2>/dev/null) in *GNU*) ;; *) exit 1 ;; esac
  out=$(as_root {_COMMAND})
  # 2 where one of the places is not there; more where it was cut short
  [ $? -le 2 ] || exit 1
  out=$(printf '%s\\n' "$out" | grep -E '^/[^:]*/({_NAMES}):' | sed -E -e '{_SECRETS[0]}' -e '{_SECRETS[1]}')
  case $out in
    '') case $(find /etc/postgresql /var/lib/pgsql -maxdepth 0 2>/dev/null) in '') exit 1 ;; esac ;;
  esac
  present=yes
fi
echo present=$present
if [ $present = no ] && ! {{ read -r name </proc/1/comm; }} 2>/dev/null; then echo end; exit 0; fi
"""
    + RUNNING
    + _RELOAD
    + _MEASURED
    + f"""\
[ $present = no ] || [ -z "$out" ] || printf '%s\\n' "$out"
line_end='
'
listed=
# the server's children show a title
told=$(
  for process in $(running postgres postmaster); do
    line=$({{ tr '\\000\\n' '\\t ' <"$process/cmdline"; }} 2>/dev/null) || continue
    case $line in ''|postgres:*) continue ;; esac
    printf 'runs=%s\\n' "$line"
    began=$(oldest "$process") || exit 1
    if [ $present = no ] || [ -z "$began" ]; then continue; fi
    if [ -z "$listed" ]; then
      # it ends by 1 where one of the places is not there; that it has found the server's files is seen below
      listed=$({{ as_root {_WHEN}; }} 2>/dev/null | tr '\\n\\000' '?\\n')
    fi
    read_at=$(asked_to_reload "$process")
    if [ -z "$read_at" ] || [ "$read_at" -lt "$began" ]; then read_at=$began; fi
    places=$(printf '%s\\n' "$line" | tr '\\t' '\\n' |
      sed -n -e 's/^-D//' -e 's/^-*[A-Za-z_-]*=//' -e 's,/[^/]*[.]conf$,,' -e 's,/*$,,' -e '/^[/]/p')
    # before version 10 encryption was turned on at the start alone
    if printf '%s\\n' "$out" | sed -n 's,/PG_VERSION:[89][.].*,,p' | grep -qxF -e "$places"; then read_at=$began; fi
    measured "$began" "$read_at" "$places" || exit 1
  done
) || exit 1
printf '%s\\n' "$told" | sort -u | sed '/^$/d' || exit 1
echo end
"""
)
"""The probe of the fact ``postgresql``."""

PRIVILEGED = (_COMMAND, _WHEN)
"""What it runs as root."""
