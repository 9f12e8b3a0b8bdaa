"""Which backup tools the host has, what starts them, and when each last left a trace of success that others may read.

``newest`` is the time of the newest file in the folder where the tool keeps its record (borg and duplicity: their cache; bacula,
bareos: their state). Of restic it is that of a snapshot in its cache. Logs of rsnapshot and pgbackrest tell failures too: it is
the time of the last backup that they say was completed, with rsnapshot at its lowest level, as others only move what is there. A
tool without such a trace has none, and nobody can say when it ran.
A timer is a job only where a unit wants it: Debian's PostgreSQL brings templates of timers for backups that nothing starts. Its
name says that it is for a backup, or the command that its service runs.
What packages save of their own state alone, under /var/backups, is no backup of the host: dpkg, passwd, samba, aptitude.
"""

from __future__ import annotations

from auditor.errors import ParseError
from auditor.facts._schedules import CRON_PLACES, STARTED, TIMERS
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import INT, STR, ListOf, optional, record
from auditor.model import Json, Text

# tool: its program, its record
_TOOLS = (
    ("restic", "/usr/bin/restic", "/root/.cache/restic"),
    ("borg", "/usr/bin/borg", "/root/.cache/borg"),
    ("rsnapshot", "/usr/bin/rsnapshot", "/var/log/rsnapshot.log"),
    ("duplicity", "/usr/bin/duplicity", "/root/.cache/duplicity"),
    ("bacula", "/usr/sbin/bacula-fd", "/var/lib/bacula"),
    ("bareos", "/usr/sbin/bareos-fd", "/var/lib/bareos"),
    ("pgbackrest", "/usr/bin/pgbackrest", "/var/log/pgbackrest"),
    ("amanda", "/usr/sbin/amcheck", "/var/lib/amanda"),
    ("backuppc", "/usr/share/backuppc/bin/BackupPC", "/var/lib/backuppc/log"),
    ("veeam", "/usr/bin/veeam", "/var/log/veeam"),
    ("burp", "/usr/sbin/burp", "/var/spool/burp"),
    ("urbackup", "/usr/sbin/urbackupclientbackend", "/var/urbackup"),
)
_WORDS = "|".join(name for name, _program, _record in _TOOLS) + "|borgmatic|rsync|xfsdump|pg_dump|mysqldump|mariadb-dump|backup"
_JOBS = f"/bin/grep -rlsE '^[[:space:]]*([^#[:space:]].*)?({_WORDS})' {CRON_PLACES}"
_FIND = "/usr/bin/find {} -maxdepth 4 -type f -printf '%T@\\n'"
# what tells more than that something was written: how it is told, and by which command
_TOLD = {
    "restic": ("snapshots", "/usr/bin/find /root/.cache/restic -maxdepth 4 -type f -printf '%T@ %P\\n'"),
    "rsnapshot": ("copied", "/bin/grep -hs ': completed' /var/log/rsnapshot.log.1 /var/log/rsnapshot.log"),
    "pgbackrest": ("stanzas", "/bin/grep -rhs 'backup command end: completed successfully' /var/log/pgbackrest"),
}
_LEVELS = "/bin/grep -hsE '^(retain|interval|sync_first)[[:space:]]' /etc/rsnapshot.conf"
_TRACES = [(name, program, *_TOLD.get(name, ("touched", _FIND.format(record)))) for name, program, record in _TOOLS]
_RECORDS = tuple(command for _name, _program, _how, command in _TRACES)

_SCRIPT = (
    THERE
    + STARTED
    + TIMERS
    + """\
[ -x /usr/bin/find ] || exit 1
touched() { sed 's/[.].*//'; }
snapshots() { sed -n 's,[.][0-9]* .*/snapshots/.*,,p'; }
ended() {
  good="$1: completed( successfully|, but with some warnings)"
  sed -nE "s/^\\[?([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9:]{8}).* $good.*/\\1 \\2/p" |
    sort | tail -n 1 | while read -r day time; do date -d "$day $time" +%s; done
}
stanzas() { ended 'backup command end'; }
# files that vanish while they are copied are a warning to rsnapshot
copied() {
"""
    + f"""\
  conf=$(as_root {_LEVELS})
"""
    + """\
  level=$(printf '%s\\n' "$conf" | sed -nE 's/^(retain|interval)[[:space:]]+([^[:space:]]+).*/\\2/p' | head -n 1)
  if printf '%s\\n' "$conf" | grep -qE '^sync_first[[:space:]]+1'; then level=sync; fi
  case $level in ''|*[!A-Za-z0-9_-]*) ;; *) ended "$level" ;; esac
}
trace() {
  name=$1 program=$2 how=$3
  shift 3
  # whether the login may run it is another matter
  exists "$program" || return 0
  echo "tool=$name"
  told=$("$@" 2>/dev/null)
  # grep says 2 where a log was not rotated yet
  case $?:$how in 0:*|2:copied) ;; *) return 0 ;; esac
  newest=$(printf '%s\\n' "$told" | "$how" 2>/dev/null | sort -n | tail -n 1)
  case $newest in ''|*[!0-9]*) ;; *) echo "newest=$newest" ;; esac
}
"""
    + "".join(f"trace {name} {program} {how} as_root {command}\n" for name, program, how, command in _TRACES)
    + f"""\
# hardened hosts close their crontabs to all but root; grep ends with 2 where one of the places is missing
jobs=$(as_root {_JOBS})
[ $? -le 2 ] || exit 1
own='/\\/\\(dpkg\\|passwd\\|aptitude\\|apt-compat\\|cron.daily\\/samba\\)$/d'
[ -z "$jobs" ] || printf '%s\\n' "$jobs" | started | sed -e "$own" -e 's/^/job=/' || exit 1
"""
    + f"""\
running=$(timers '({_WORDS})') || exit 1
"""
    + """\
folders="/etc/systemd/system /usr/lib/systemd/system /lib/systemd/system"
for folder in $folders; do
  if [ -d "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
seen=
for folder in $folders; do
  for file in "$folder"/*.wants/*.timer "$folder"/*.requires/*.timer; do
    name=${file##*/}
    case $name in *dpkg-db-backup*) continue ;; esac
    case $name in *restic*|*borg*|*backup*|*rsnapshot*|*duplicity*|*pg_dump*) ;; *) continue ;; esac
    if [ ! -e "$file" ]; then continue; fi
    # what is masked is never started, whatever wants it
    if [ -e "/etc/systemd/system/$name" ] && [ ! -s "/etc/systemd/system/$name" ]; then continue; fi
    case " $seen " in *" $name "*) continue ;; esac
    seen="$seen $name"
    echo "job=$file"
  done
done
printf '%s\\n' "$running" | while read -r file service; do
  name=${file##*/}
  case " dpkg-db-backup.timer $seen " in *" $name "*) ;; *) if [ "$name" ]; then echo "job=$file"; fi ;; esac
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``tool=NAME`` and perhaps its ``newest=SECONDS``; ``job=FILE`` for whatever starts a backup by the clock."""
    tools: list[dict[str, Json]] = []
    jobs: dict[str, None] = {}
    for line in whole_lines("backups", output):
        key, _, text = line.partition("=")
        if key == "tool" and text:
            tools.append({"name": text})
        elif key == "newest" and tools and "newest" not in tools[-1]:
            tools[-1]["newest"] = int(text)
        elif key == "job" and text.startswith("/"):
            jobs[text] = None
        else:
            raise ParseError(f"backups: a line that does not belong there: {line[:80]!r}")
    return {"tools": [*tools], "jobs": [*jobs]}


FACT = Fact(
    name="backups",
    title=Text(en="Backup tools, their schedule and their last trace", ar="أدوات النسخ الاحتياطي وجدولتها وآخر أثر لها"),
    shape=record(tools=ListOf(record(name=STR, newest=optional(INT))), jobs=ListOf(STR)),
    parse=parse,
    example={"tools": [{"name": "restic", "newest": 1795312800}], "jobs": ["/etc/cron.d/restic"]},
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(*_RECORDS, _LEVELS, _JOBS), volatile=True)},
)
