"""The Docker daemon: its settings from daemon.json and its command line, and who may write to its socket.

The file is the one that its command line names; Ubuntu's snap has one of its own, and the daemon of a user (rootless) that in
its home, which has to be open to the login. A user's own socket, and another place that XDG_CONFIG_HOME names, are not told.
An address on which systemd listens for the daemon, by whichever socket unit, is one of its hosts. Lists are joined by commas; an
option on the command line has the name that it has in the file. Of a log driver's options and of mirrors only that they are
set is told.
"""

from __future__ import annotations

import json
from itertools import pairwise

from auditor.errors import ParseError
from auditor.facts._in_force import IN_FORCE, RUNNING
from auditor.facts._lines import whole
from auditor.facts._there import THERE
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

_LISTS = ("hosts", "insecure-registries")
_NAMES = {
    **{"host": "hosts", "H": "hosts", "insecure-registry": "insecure-registries"},
    **{"D": "debug", "G": "group", "b": "bridge", "g": "data-root", "l": "log-level", "p": "pidfile", "s": "storage-driver"},
}

# What runs in a container, whose group is named by 64 digits, is another's daemon. Some of its settings a daemon takes when it is
# told to read its file again, and others never: that it was told to is no proof, so its start alone counts.
_SCRIPT = (
    THERE
    + """\
box() { sed -n 's/.*\\([0-9a-f]\\{64\\}\\).*/\\1/p' "$1" 2>/dev/null | head -n 1; }
installed=no
file=/etc/docker/daemon.json
snap=/var/snap/docker/current
if [ -x /usr/bin/dockerd ] || [ -x /usr/sbin/dockerd ]; then installed=yes
elif [ -d "$snap" ]; then
  installed=yes
  file=$snap/config/daemon.json
fi
lines= owner= chosen= daemons=
own=$(box /proc/self/cgroup)
for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  if [ "$name" = dockerd ]; then
    boxed=$(box "$process/cgroup")
    [ -z "$boxed" ] || [ "$boxed" = "$own" ] || continue
    daemons="$daemons $process"
    line=$({ tr '\\000' '\\t' <"$process/cmdline"; } 2>/dev/null) || continue
    installed=yes
    lines="$lines
line=$(printf '%s\\n' "$line" | sed 's/\\(--log-opt[=\t][^=\t]*=\\)[^\t]*/\\1set/g')"
    named=$(printf '%s\\n' "$line" | tr '\\t' '\\n' | sed -n -e 's/^--config-file=//p' -e '/^--config-file$/{n;p;}')
    user=$(sed -n 's/^Uid:[[:space:]]*[0-9]*[[:space:]]*\\([0-9]*\\).*/\\1/p' "$process/status" 2>/dev/null)
    # the daemons of two users may have one command line, and only one of their files would be told
    [ "${owner:-${user:-0}}" = "${user:-0}" ] || exit 1
    owner=${user:-0}
    if [ "$owner" != 0 ]; then
      home=$(getent passwd "$user") || exit 1
      home=$(printf '%s\\n' "$home" | cut -d : -f 6)
      case $home in /*) file=$home/.config/docker/daemon.json ;; *) exit 1 ;; esac
    fi
    if [ -n "$named" ]; then file=$named chosen=yes; fi
  fi
done
if [ $installed = no ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
"""
    + IN_FORCE
    + RUNNING
    + """\
first=$(oldest $daemons) || exit 1
if [ -n "$first" ]; then
  read=$file
  if ! exists "$file"; then
    # one that went away since is told by its folder alone, which changes too when the daemon, first started, lays its key there
    read=${file%/*}
    key=$(stat -L -c %Y "$read/key.json" 2>/dev/null)
    at=$(stat -L -c %Y "$read" 2>/dev/null)
    if [ -n "$key" ] && [ -n "$at" ] && [ "$key" -ge "$at" ] && [ "$at" -le $((first + 60)) ]; then read=; fi
  fi
  [ -z "$read" ] || (in_force dockerd "$first" restart "$read") || exit 1
fi
if exists "$file"; then
  [ -r "$file" ] || exit 1
  # a program of anybody's may bear that name, and name a file of anybody's, or have a link to it at home
  if [ -n "$chosen" ] || [ "${owner:-0}" != 0 ]; then
    case $(stat -L -c '%u %F' "$file") in
      "${owner:-0} regular"*) ;;
      "0 regular"*) if [ -n "$chosen" ] || [ -L "$file" ]; then exit 1; fi ;;
      *) exit 1 ;;
    esac
  fi
  echo file
  text=$(head -c 262144 "$file") || exit 1
  printf '%s\\n' "$text" | sed 's/^/|/' || exit 1
fi
printf '%s\\n' "$lines" | sed '/^$/d'
[ -z "$owner" ] || echo "owner=$owner"
if [ -d /run/systemd/system ] && [ "${owner:-0}" = 0 ]; then
  units=$(systemctl show --property=TriggeredBy docker.service) || exit 1
  units=${units#TriggeredBy=}
  case " $units " in *" docker.socket "*) ;; *) units="$units docker.socket" ;; esac
  for unit in $units; do
    case $unit in *.socket) ;; *) continue ;; esac
    told=$(systemctl show --property=ActiveState,Listen -- "$unit") || exit 1
    case $told in *ActiveState=active*) ;; *) continue ;; esac
    # RHEL 8's systemd tells the kind first
    printf '%s\\n' "$told" |
      sed -n -e 's/^Listen=\\([^/@].*\\) (Stream)$/listens=\\1/p' -e 's/^ListenStream=\\([^/@].*\\)/listens=\\1/p' || exit 1
  done
fi
for socket in /run/docker.sock /var/run/docker.sock; do
  if [ -S "$socket" ]; then
    stat -L -c 'socket=%a %U %G' "$socket" || exit 1
    listed=$(ls -ldL "$socket") || exit 1
    case $listed in ??????????+*) echo acl=yes ;; esac
    break
  fi
done
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or ``file`` with the JSON after bars, ``line=`` with tabs, ``owner=UID``, ``listens=ADDRESS``,

    ``socket=MODE OWNER GROUP``, ``acl=yes`` where an access control list gives others rights to the socket.
    """
    lines = whole(output, "docker_daemon")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "running": False, "settings": {}, "hosts": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("docker_daemon: the first line says neither installed=yes nor installed=no")
    text, owner, socket, acl = "", "", "", False
    command: list[str] | None = None
    listens: list[str] = []
    for line in lines[1:]:
        if line.startswith("|"):
            text += f"{line[1:]}\n"
        elif line.startswith("line="):
            told = [word for word in line[5:].split("\t") if word]
            if command not in (None, told):
                raise ParseError("docker_daemon: two daemons run, and their settings cannot be told apart: remove one of them")
            command = told
        elif line.startswith("owner="):  # a probe before version 3 of the fact did not tell it
            owner = line[6:].strip()
        elif line.startswith("listens="):
            listens.append(f"tcp://{line[8:].strip()}")
        elif line.startswith("socket="):
            socket = line[7:].strip()
        elif line.strip() == "acl=yes":  # a probe before version 5 of the fact did not tell it
            acl = True
        elif line.strip() != "file":
            raise ParseError(f"docker_daemon: a line that does not belong there: {line[:80]!r}")
    settings = _from_file(text)
    lists: dict[str, list[str]] = {name: [settings[name]] for name in _LISTS if settings.get(name)}
    for name, given in _options(command or []):
        if name in _LISTS and given:
            lists.setdefault(name, []).append(given)
        else:
            settings[name] = given
    settings |= {name: ",".join(told) for name, told in lists.items()}
    hosts: list[Json] = [h for h in str(settings.get("hosts", "")).split(",") if h]
    # one that does not run yet is started by whoever asks there
    if command is None or any(str(host).startswith("fd://") for host in hosts):
        hosts += listens
    value: dict[str, Json] = {"installed": True, "running": command is not None, "settings": {**settings}, "hosts": hosts}
    if owner:
        value["rootless"] = owner != "0"
    if socket:
        mode, owner, group = socket.split()
        value |= {"socket_mode": f"{int(mode, 8):04o}", "socket_owner": owner, "socket_group": group}
        value |= {"socket_acl": True} if acl else {}
    return value


def _from_file(text: str) -> dict[str, str]:
    if not text.strip():
        return {}
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"docker_daemon: daemon.json is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ParseError("docker_daemon: daemon.json holds no settings")
    return {key: _plain(value) for key, value in told.items()}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "set" if isinstance(value, dict) else str(value)


def _options(command: list[str]) -> list[tuple[str, str]]:
    """The options with their values: joined by ``=``, to a single letter, or the next word, for dockerd takes no other words."""
    found: list[tuple[str, str]] = []
    for word, after in pairwise([*command[1:], ""]):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("--") and len(name) > 1:
            name, value, equals = name[0], word[2:], "="
        if not equals:
            value = after if after and not after.startswith("-") else "true"
        found.append((_NAMES.get(name, name), value))
    return found


FACT = Fact(
    name="docker_daemon",
    title=Text(en="Settings of the Docker daemon and its socket", ar="إعدادات خدمة Docker ومقبسها"),
    shape=record(
        installed=BOOL,
        running=BOOL,
        rootless=optional(BOOL),
        settings=MapOf(STR),
        hosts=ListOf(STR),
        socket_mode=optional(STR),
        socket_owner=optional(STR),
        socket_group=optional(STR),
        socket_acl=optional(BOOL),
    ),
    parse=parse,
    version=5,
    example={
        "installed": True,
        "running": True,
        "rootless": False,
        "settings": {"icc": "false", "live-restore": "true"},
        "hosts": ["fd://"],
        "socket_mode": "0660",
        "socket_owner": "root",
        "socket_group": "docker",
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
