"""Units of systemd with their states, and the names of the processes that run.

``running`` has all of them, whoever started them: for checks that a process fails. ``daemons`` has those that are the host's own
(see ``PROCESSES``): for checks that a process passes.

A unit's other name (``sshd.service`` of Debian's ssh.service) has the states of the unit itself, also where an old systemd lists
it as any other that is enabled. systemd does not tell whether what a generator made of a script in /etc/init.d starts with the
host, nor an instance of a template: what wants it decides. ``socket`` is told of a service that starts when it is asked: the
unit that listens for it, enabled and listening now. One that failed, is masked or cannot be loaded does not start by being asked.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts.interface import Arguments, Fact, HostProbe, whole_lines
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

PROCESSES = """\
[ -r /proc/1/status ] || exit 1
processes=$({
  cat /proc/[0-9]*/status
  grep -l ':/user[.]slice/' /proc/[0-9]*/cgroup
  ls /run/systemd/dynamic-uid | sed 's/^/Dynamic: /'
  sed -n 's/^[[:space:]]*UID_MIN[[:space:]]/Least: /p' /etc/login.defs
} 2>/dev/null | awk '
  function service(uid) { return uid < least || uid == 65534 || uid in dynamic }
  /^Name:/ { name = substr($0, 7); alive = 1 }
  /^State:[ \\t]*Z/ { alive = 0 }
  /^Pid:/ { pid = $2 }
  /^Uid:/ { uids[pid] = $0 }
  /^NSpid:/ && NF > 2 { boxed[pid] }
  /^VmSize:/ && alive { named[pid] = name }
  /^\\/.*\\/cgroup$/ { sub(/\\/cgroup$/, ""); sub(/.*\\//, ""); session[$0]; next }
  $1 == "Dynamic:" { dynamic[$2] }
  $1 == "Least:" && $2 ~ /^[0-9]+$/ { least = $2 }
  END {
    if (least == "" || least > 1000) least = 1000
    for (pid in named) {
      own = split(uids[pid], word) == 5 && !(pid in boxed) && (!(pid in session) || (1 in session))
      for (i = 2; i <= 5; i++) if (!service(word[i])) own = 0
      print (own ? "daemon=" : "other=") named[pid]
    }
  }
' | sort -u) || exit 1
[ -n "$processes" ] || exit 1
"""
"""A shell fragment that sets ``processes``: ``daemon=NAME`` and ``other=NAME`` lines, by command name (15 characters at most).

Anybody may name a program of theirs ``auditd``. A daemon is therefore one of the host's own number space (in a container's a
process has a second number) of which all four user ids are of root or of a service account: below UID_MIN and 1000, ``nobody``,
or lent by systemd (DynamicUser). What is in a person's session is none either: ``sudo`` under another name waits there as root.
Where process 1 is in a session itself, that of who started this host as a container, sessions tell nothing.

All of it stands in files that every login may read: /proc/PID/ns is root's to read, and /proc/PID/status says the same. A kernel
before 4.1 does not say it; there the user ids decide alone, and root's process in a container counts as the host's.

Kernel threads and zombies, which have no memory, are left out. Where /proc hides other users' processes (hidepid) process 1 is
hidden too, and the probe ends.
"""

# Units named for a session or a moment, and the tools of the probe itself, would make every night's observation new.
_SCRIPT = (
    PROCESSES
    + """\
if [ -d /run/systemd/system ]; then
  units=$(systemctl list-units --all --type=service,socket,timer --plain --no-legend --no-pager) || exit 1
  files=$(systemctl list-unit-files --type=service,socket,timer --no-legend --no-pager) || exit 1
  echo manager=systemd
  files=$(printf '%s\\n' "$files" | awk 'NF { print "file=" $1 " " $2 }') || exit 1
  units=$(printf '%s\\n' "$units" |
    awk 'NF && $1 !~ /^(user@|user-runtime-dir@|run-|session-|sshd@|systemd-coredump@)/ { print "unit=" $1 " " $2 " " $3 }'
  ) || exit 1
  printf '%s\\n' "$files" "$units"
  # systemd before 246, as of RHEL 8, calls an alias enabled, and lists it among no units
  aliases=$(printf '%s\\n' "$units" "$files" | awk '
    /^unit=/ { sub(/^unit=/, "", $1); loaded[$1]; next }
    { sub(/^file=/, "", $1) }
    $1 !~ /@[.]/ && ($2 == "alias" || ($2 ~ /^enabled/ && !($1 in loaded))) { print $1 }
  ') || exit 1
  if [ -n "$aliases" ]; then
    # shellcheck disable=SC2086
    named=$(systemctl show --property=Id,Names -- $aliases) || exit 1
    printf '%s\\n' "$named" | awk '/^(Id|Names)=./' || exit 1
  fi
  # a socket whose connections get an instance each triggers no service of its own
  sockets=$(printf '%s\\n' "$units" | awk '$1 ~ /[.]socket$/ && $3 == "active" { sub(/^unit=/, "", $1); print $1 }') || exit 1
  if [ -n "$sockets" ]; then
    # shellcheck disable=SC2086
    triggers=$(systemctl show --property=Id,Triggers -- $sockets) || exit 1
    printf '%s\\n' "$triggers" | awk '
      function told() { if (id && services) print "triggers=" id " " services; id = services = "" }
      /^Id=/ { id = substr($0, 4) }
      /^Triggers=/ { services = substr($0, 10) }
      /^$/ { told() }
      END { told() }
    ' || exit 1
  fi
  for file in /run/systemd/generator*/*.wants/* /run/systemd/generator*/*.requires/* \\
    /etc/systemd/system/*.wants/*@?*.* /etc/systemd/system/*.requires/*@?*.*
  do
    if [ -e "$file" ]; then echo "wanted=${file##*/}"; fi
  done | sort -u || exit 1
else
  echo manager=none
fi
printf '%s\\n' "$processes" |
  awk '!/^[a-z]*=(sh|dash|bash|ash|cat|[mg]?awk|sort|sudo|timeout|sleep|sshd-session|ps|\\(sd-pam\\))$/' || exit 1
echo end
"""
)

_ENABLED = frozenset({"enabled", "enabled-runtime", "linked", "linked-runtime", "alias"})
_RUNS = frozenset({"active", "reloading", "activating"})
_WANTED_TELLS = frozenset({"generated", "unlisted"})


def parse(output: str, _args: Arguments) -> Json:
    """``manager=``, ``file=<unit> <enabled?>``, ``unit=<unit> <loaded?> <active?>``, ``daemon=<name>`` or ``other=<name>``;

    ``Id=<unit>`` and ``Names=<unit> …`` of those that have other names, ``triggers=<socket> <service> …``, ``wanted=<unit>``.
    """
    manager = ""
    enabled: dict[str, str] = {}
    active: dict[str, str] = {}
    loaded: set[str] = set()
    sockets: dict[str, list[str]] = {}
    itself: dict[str, str] = {}
    wanted: set[str] = set()
    told: dict[str, str] = {}
    processes: dict[str, set[str]] = {"daemon": set(), "other": set()}
    for line in whole_lines("services", output):
        key, _, text = line.partition("=")
        if key == "manager" and not manager and text in ("systemd", "none"):
            manager = text
        elif key == "file" and (match := re.fullmatch(r"(\S+) (\S+)", text)):
            enabled[match[1]] = match[2]
        elif key == "unit" and (match := re.fullmatch(r"(\S+) (\S+) (\S+)", text)):
            if match[2] != "not-found":
                active[match[1]] = match[3]
            if match[2] == "loaded":
                loaded.add(match[1])
        elif key in ("Id", "Names") and text and key not in told:
            told[key] = text
            if len(told) == 2:
                itself |= dict.fromkeys(told["Names"].split(), told["Id"])
                told = {}
        elif key == "triggers" and len(words := text.split()) > 1:
            for service in words[1:]:
                sockets.setdefault(service, []).append(words[0])
        elif key == "wanted" and text:
            wanted.add(text)
        elif key in processes and text:
            processes[key].add(text)
        else:
            raise ParseError(f"services: a line that does not belong there: {line[:80]!r}")
    if not manager or (manager == "systemd" and not enabled):
        raise ParseError("services: the manager is not stated, or systemd lists no unit at all")
    if told:
        raise ParseError("services: a unit's names without the unit")
    states = {name: enabled.get(name, "unlisted") for name in {*enabled, *active, *itself.values()}}
    starts = {unit for unit, state in states.items() if state in _ENABLED or (state in _WANTED_TELLS and unit in wanted)}
    heard = {socket for socket in starts if active.get(socket) in _RUNS}
    listening = {unit: min(heard.intersection(told)) for unit, told in sockets.items() if not heard.isdisjoint(told)}
    units: dict[str, Json] = {}
    for name in sorted({*enabled, *active}):
        unit = itself.get(name, name)
        told_of: dict[str, Json] = {"active": active.get(unit) in _RUNS, "enabled": unit in starts, "state": states[unit]}
        if unit in listening and unit in loaded and active[unit] != "failed":
            told_of["socket"] = listening[unit]
        units[name] = told_of
    daemons = processes["daemon"]
    return {"manager": manager, "units": units, "running": [*sorted(daemons | processes["other"])], "daemons": [*sorted(daemons)]}


_UNIT = record(active=BOOL, enabled=BOOL, state=STR, socket=optional(STR))

FACT = Fact(
    name="services",
    title=Text(en="Services, enabled and running", ar="الخدمات المفعّلة والعاملة"),
    shape=record(manager=STR, units=MapOf(_UNIT), running=ListOf(STR), daemons=ListOf(STR)),
    parse=parse,
    version=5,
    example={
        "manager": "systemd",
        "units": {"ssh.service": {"active": True, "enabled": True, "state": "enabled"}},
        "running": ["sshd", "systemd", "vim"],
        "daemons": ["sshd", "systemd"],
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
