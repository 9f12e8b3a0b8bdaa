"""MySQL and MariaDB: the server's settings, of its own sections in my.cnf and the folders it includes, the last one holding.

Names have underscores; a bare name is ``on``, ``skip-x`` is ``skip_x``. Passwords are dropped on the target.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from auditor.errors import ParseError
from auditor.facts._lines import SHOW_FILES, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, MapOf, record
from auditor.model import Json, Text

_MAINS = ("/etc/my.cnf", "/etc/mysql/my.cnf")
_FOLDERS = ("/etc/my.cnf.d", "/etc/mysql/conf.d", "/etc/mysql/mariadb.conf.d", "/etc/mysql/mysql.conf.d")
_SECTION = re.compile(r"(?:mysqld|server|mariadb|mariadbd|galera)(?:-[\d.]+)?\Z")

_SCRIPT = (
    SHOW_FILES
    + f"""\
found=no
for server in /usr/sbin/mysqld /usr/sbin/mariadbd /usr/libexec/mysqld /usr/libexec/mariadbd; do
  if [ -x "$server" ]; then found=yes; fi
done
if [ $found = no ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
for folder in {" ".join(_FOLDERS)}; do
  if [ -e "$folder" ]; then [ -r "$folder" ] && [ -x "$folder" ] || exit 1; fi
done
show {" ".join(_MAINS)} {" ".join(f"{folder}/*.cnf" for folder in _FOLDERS)} |
  sed -E 's/^([^:]*:[[:space:]]*[a-z_-]*pass[a-z_-]*)[[:space:]]*=.*/\\1=dropped/' || exit 1
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or the files as ``path:line``."""
    lines = whole(output, "mysql")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "settings": {}}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("mysql: the first line says neither installed=yes nor installed=no")
    told, unreadable = split_unreadable(lines[1:])
    if unreadable:
        raise ParseError(f"mysql: may not be read: {sorted(unreadable)[0]}")
    found = files(told, "mysql")
    settings: dict[str, Json] = {}
    for main in _MAINS:
        if main in found:
            _read(main, found, settings)
    return {"installed": True, "settings": settings}


def _read(path: str, found: dict[str, list[str]], settings: dict[str, Json]) -> None:
    section = ""
    for line in found[path]:
        text = line.strip()
        if not text or text.startswith((";", "#")):
            continue
        if text.startswith("!includedir"):
            folder = text.split(None, 1)[1].rstrip("/")
            if folder not in _FOLDERS:
                raise ParseError(f"mysql: {path} includes {folder[:60]!r}, which the probe does not read")
            for other in sorted(p for p in found if str(PurePosixPath(p).parent) == folder):
                _read(other, found, settings)
        elif text.startswith("!include"):
            raise ParseError(f"mysql: {path} includes {text[8:].strip()[:60]!r}, which the probe does not read")
        elif text.startswith("["):
            section = text.strip("[]").lower()
        elif _SECTION.match(section):
            key, equals, value = text.partition("=")
            name = key.strip().lower().replace("-", "_").removeprefix("loose_")
            settings[name] = value.split(" #")[0].strip().strip("\"'") if equals else "on"


FACT = Fact(
    name="mysql",
    title=Text(en="Settings of MySQL and MariaDB", ar="إعدادات MySQL وMariaDB"),
    shape=record(installed=BOOL, settings=MapOf(STR)),
    parse=parse,
    example={"installed": True, "settings": {"bind_address": "127.0.0.1", "local_infile": "0"}},
    probes={"linux": HostProbe(script=_SCRIPT)},
)
