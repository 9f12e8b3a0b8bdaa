"""The Docker daemon: its settings from daemon.json and its command line, and who may write to its socket.

Lists are joined by commas; an option on the command line has the name that it has in the file. Of a log driver's options and
registries' mirrors only that they are set is told.
"""

from __future__ import annotations

import json

from auditor.errors import ParseError
from auditor.facts._lines import whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, MapOf, optional, record
from auditor.model import Json, Text

_NAMES = {"host": "hosts", "H": "hosts", "insecure-registry": "insecure-registries", "log-driver": "log-driver", "D": "debug"}

_SCRIPT = """\
if [ ! -x /usr/bin/dockerd ] && [ ! -x /usr/sbin/dockerd ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
if [ -e /etc/docker/daemon.json ]; then
  [ -r /etc/docker/daemon.json ] || exit 1
  echo file
  sed 's/^/|/' /etc/docker/daemon.json || exit 1
elif [ -d /etc/docker ] && [ ! -x /etc/docker ]; then
  exit 1
fi
for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null || continue
  if [ "$name" = dockerd ]; then
    line=$({ tr '\\000' '\\t' <"$process/cmdline"; } 2>/dev/null) || continue
    printf 'line=%s\\n' "$line"
  fi
done
for socket in /run/docker.sock /var/run/docker.sock; do
  if [ -S "$socket" ]; then
    stat -L -c 'socket=%a %U %G' "$socket" || exit 1
    break
  fi
done
echo end
"""


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``; or ``file`` with the JSON after bars, ``line=`` with tabs, ``socket=MODE OWNER GROUP``."""
    lines = whole(output, "docker_daemon")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "running": False, "settings": {}, "hosts": []}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("docker_daemon: the first line says neither installed=yes nor installed=no")
    text, command, socket = "", None, ""
    for line in lines[1:]:
        if line.startswith("|"):
            text += f"{line[1:]}\n"
        elif line.startswith("line="):
            command = [word for word in line[5:].split("\t") if word]
        elif line.startswith("socket="):
            socket = line[7:].strip()
        elif line.strip() != "file":
            raise ParseError(f"docker_daemon: a line that does not belong there: {line[:80]!r}")
    settings = _from_file(text)
    for name, given in _options(command or []):
        known = settings.get(name)
        settings[name] = f"{known},{given}" if known and name in ("hosts", "insecure-registries") else given
    hosts: list[Json] = [h for h in str(settings.get("hosts", "")).split(",") if h]
    value: dict[str, Json] = {"installed": True, "running": command is not None, "settings": {**settings}, "hosts": hosts}
    if socket:
        mode, owner, group = socket.split()
        value |= {"socket_mode": f"{int(mode, 8):04o}", "socket_owner": owner, "socket_group": group}
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
    found: list[tuple[str, str]] = []
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals and name in (
            "H",
            "host",
            "containerd",
            "log-driver",
            "tlscacert",
            "tlscert",
            "tlskey",
            "insecure-registry",
        ):
            value, equals = next(words, ""), "="
        found.append((_NAMES.get(name, name), value if equals else "true"))
    return found


FACT = Fact(
    name="docker_daemon",
    title=Text(en="Settings of the Docker daemon and its socket", ar="إعدادات خدمة Docker ومقبسها"),
    shape=record(
        installed=BOOL,
        running=BOOL,
        settings=MapOf(STR),
        hosts=ListOf(STR),
        socket_mode=optional(STR),
        socket_owner=optional(STR),
        socket_group=optional(STR),
    ),
    parse=parse,
    example={
        "installed": True,
        "running": True,
        "settings": {"icc": "false", "live-restore": "true"},
        "hosts": ["fd://"],
        "socket_mode": "0660",
        "socket_owner": "root",
        "socket_group": "docker",
    },
    probes={"linux": HostProbe(script=_SCRIPT)},
)
