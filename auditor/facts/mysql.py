"""MySQL and MariaDB: the server's settings, of its own sections in my.cnf and the folders it includes, the last one holding.

Names have underscores; a bare name is ``on``. What checks ask about is told by its full name whichever way the server takes it
for that (``local=1``, ``enable-local-infile``, ``skip-local-infile=0``), and its switches are ``on`` or ``off`` as the server
reads them: ``yes`` and ``2`` are off. Passwords are dropped on the target.

What no file sets is told where MySQL 8 has another default than MariaDB: it does not read clients' files, it writes files in one
folder, and a second protocol, X, listens on all addresses for itself.

What the server that runs was told on its command line overrides its files, as when somebody started it to reset a password.
Servers in containers are others.

What ``SET PERSIST`` wrote into the data directory of MySQL overrides them all: ``persisted`` says that there may be such.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._in_force import IN_FORCE, RUNNING
from auditor.facts._lines import SHOW_FILES, files, split_unreadable, whole
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, MapOf, optional, record
from auditor.model import Json, Text

_MAINS = ("/etc/my.cnf", "/etc/mysql/my.cnf")
_FOLDERS = ("/etc/my.cnf.d", "/etc/mysql/conf.d", "/etc/mysql/mariadb.conf.d", "/etc/mysql/mysql.conf.d")
_DATA = "/var/lib/mysql"
_DEEPEST = 10  # the server goes no deeper
_LONGEST_NAME = 1024
_LOOK = f"/usr/bin/find {_DATA} -maxdepth 1 -name mysqld-auto.cnf"
_SECTION = re.compile(r"\[([^\]]*)\]")
_VERSION = re.compile(r"\bVer (\d+\.\d+)(\S*)")
_SWITCHES = ("general_log", "local_infile", "require_secure_transport", "skip_grant_tables", "skip_networking")
_ASKED = (*_SWITCHES, "bind_address", "secure_file_priv", "mysqlx", "mysqlx_bind_address")
_DEFAULTS_OF_8 = {"local_infile": "off", "secure_file_priv": "/var/lib/mysql-files", "mysqlx_bind_address": "*"}
_TEXT = re.compile(r"""(?:[^#"']|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)*""")  # a comment begins even within a word

# The server reads its files when it starts, and never again.
_SCRIPT = (
    SHOW_FILES
    + """\
found=no
for server in /usr/sbin/mysqld /usr/sbin/mariadbd /usr/libexec/mysqld /usr/libexec/mariadbd; do
  if [ $found = no ] && [ -x "$server" ]; then found=$server; fi
done
if [ $found = no ]; then printf 'installed=no\\nend\\n'; exit 0; fi
echo installed=yes
version=$("$found" --no-defaults --version 2>/dev/null | head -n 1)
"""
    + IN_FORCE
    + RUNNING
    + f"""\
first=$(oldest $(running mysqld mariadbd)) || exit 1
if [ -n "$first" ]; then
  in_force "${{found##*/}}" "$first" restart {" ".join(_MAINS)} {" ".join(f"{folder} {folder}/*.cnf" for folder in _FOLDERS)}
fi
printf 'version=%s\\n' "$version"
listable {" ".join(_FOLDERS)}
shown=$(show {" ".join(_MAINS)} {" ".join(f"{folder}/*.cnf" for folder in _FOLDERS)}) || exit 1
printf '%s\\n' "$shown" |
  sed -E 's/^([^:]*:[[:space:]]*([a-z_-]*pass[a-z_-]*|(loose[-_])?wsrep[-_]sst[-_]auth))[[:space:]]*=.*/\\1=dropped/' || exit 1
for process in $(running mysqld mariadbd); do
  words=$({{ tr '\\000' '\\n' <"$process/cmdline"; }} 2>/dev/null) || continue
  echo server
  option=
  printf '%s\\n--\\n' "$words" | while IFS= read -r word; do
    case $word in
      -*) ;;
      *) case $option in ?*=*|'') ;; *) option="$option=$word" ;; esac ;;
    esac
    [ -z "$option" ] || printf 'option=%s\\n' "$option"
    option=
    name=${{word#--}}
    if [ "--$name" != "$word" ]; then continue; fi
    while :; do
      case $name in loose[-_]*|skip[-_]*|enable[-_]*|disable[-_]*) name=${{name#*[-_]}} ;; *) break ;; esac
    done
    case $name in
      gr*|bin*|net*|loc*|sec*|gen*|mysqlx*|persisted*|datadir*|req*|no[-_]def*|defaults[-_]*) option=$word ;;
    esac
  done || exit 1
done
persisted=no
if [ -e {_DATA}/mysqld-auto.cnf ]; then
  persisted=maybe
elif [ -e {_DATA} ] && [ ! -x {_DATA} ]; then
  case $version in
    *MariaDB*) ;;
    *)
      # where sudo refuses this alone is not known: the descriptor by which as_root would deny the whole fact is closed
      there=$(3>/dev/null as_root {_LOOK}) && [ -z "$there" ] || persisted=maybe
      ;;
  esac
fi
echo persisted=$persisted
echo end
"""
)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or what the server says of its version and the files as ``path:line``."""
    lines = whole(output, "mysql")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "settings": {}}
    if not lines or lines[0].strip() != "installed=yes":
        raise ParseError("mysql: the first line says neither installed=yes nor installed=no")
    version = _VERSION.search(lines[1]) if lines[1:] and lines[1].startswith("version=") else None
    others = ("version=", "persisted=", "option=")
    told, unreadable = split_unreadable([line for line in lines[1:] if line != "server" and not line.startswith(others)])
    if unreadable:
        raise ParseError(f"mysql: may not be read: {sorted(unreadable)[0]}")
    found = files(told, "mysql")
    reader = _Reader(found, version)
    mains, given = _command_line(lines)
    for main in mains:
        if main in found:
            reader.read(main, 0)
    settings = {**reader.settings, **given}
    ours = version is not None and "MariaDB" not in version[2]
    if version is not None and ours and int(version[1].partition(".")[0]) >= 8:
        settings = {**_DEFAULTS_OF_8, **settings}
    if not ours or str(settings.get("mysqlx", "on")).lower() in ("0", "off"):
        settings.pop("mysqlx_bind_address", None)
    value: dict[str, Json] = {"installed": True, "settings": settings}
    return {**value, "persisted": True} if _persisted(lines, settings, version) else value


def _persisted(lines: list[str], settings: dict[str, Json], version: re.Match[str] | None) -> bool:
    """Whether ``SET PERSIST`` may have overridden the files: not on MariaDB, nor where the server is told not to read it."""
    if version is not None and "MariaDB" in version[2]:
        return False
    loaded = str(settings.get("persisted_globals_load", "on")).lower() not in ("0", "off", "false")
    elsewhere = str(settings.get("datadir", _DATA)).rstrip("/") != _DATA
    return loaded and (elsewhere or "persisted=maybe" in lines)


def _command_line(lines: list[str]) -> tuple[tuple[str, ...], dict[str, Json]]:
    """The files that the server that runs has read, and what its command line sets over them."""
    servers: list[list[str]] = []
    for line in lines:
        if line == "server":
            servers.append([])
        elif line.startswith("option=") and servers:
            servers[-1].append(line[len("option=") :].lstrip("-"))
    if any(options != servers[0] for options in servers):
        raise ParseError("mysql: two servers run with other options each, and their settings cannot be told apart")
    mains: tuple[str, ...] = _MAINS
    given: dict[str, Json] = {}
    for option in servers[0] if servers else ():
        key, equals, value = option.partition("=")
        name = key.strip().lower().replace("-", "_")
        if name == "no_defaults":
            mains = ()
        elif name == "defaults_file" and value in _MAINS:
            mains = (value,)
        elif name.startswith("defaults"):
            raise ParseError(f"mysql: the server was started with --{option[:60]}, whose files or sections are not read")
        else:
            name, value = _taken(name, value if equals else None)
            given[name] = value
    return mains, given


class _Reader:
    """Walks the files as the server does, each include in its place."""

    def __init__(self, found: dict[str, list[str]], version: re.Match[str] | None) -> None:
        self.settings: dict[str, Json] = {}
        self._found, self._version = found, version
        self._budget = Budget("mysql: the files with what they include")
        self._folders = Folders("mysql", found, self._budget)

    def read(self, path: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise ParseError(f"mysql: includes are nested too deeply at {path}")
        ours: bool | None = False
        self._budget.spend()
        for line in self._found[path]:
            text = line.strip()
            self._budget.line(text)
            if not text or text.startswith((";", "#")):
                continue
            if text.startswith("!includedir"):
                folder = text.split(None, 1)[1].rstrip("/")
                if folder not in _FOLDERS:
                    raise ParseError(f"mysql: {path} includes {folder[:60]!r}, which the probe does not read")
                for other in self._folders.inside(folder):
                    self.read(other, depth + 1)
            elif text.startswith("!include"):
                raise ParseError(f"mysql: {path} includes {text[8:].strip()[:60]!r}, which the probe does not read")
            elif text.startswith("["):
                section = _SECTION.match(text)
                ours = section is not None and _is_read(section[1].rstrip().lower(), self._version)
            elif ours is not False:
                if ours is None:
                    raise ParseError(
                        f"mysql: {path}: a section for one version has settings, and the server does not tell its own"
                    )
                key, equals, value = _bare(text).partition("=")
                name, value = _taken(key.strip().lower().replace("-", "_"), value.strip().strip("\"'") if equals else None)
                self.settings[name] = value


def _is_read(section: str, version: re.Match[str] | None) -> bool | None:
    """Whether the server reads a section: not those of other versions and of the other product. None when only it can tell."""
    name, _, number = section.partition("-")
    maria = version is None or "MariaDB" in version[2]
    if section in ("mysqld", "server") or (maria and section in ("mariadb", "mariadbd", "client-server", "galera")):
        return True
    if not re.fullmatch(r"[\d.]+", number) or name not in (("mysqld", "mariadb", "mariadbd") if maria else ("mysqld",)):
        return False
    return None if version is None else number == version[1]


def _bare(text: str) -> str:
    found = _TEXT.match(text)
    return found[0] if found is not None else text


def _taken(told: str, value: str | None) -> tuple[str, str]:
    """The option that the server takes a name for, and its value: by a unique beginning, else without a prefix, and again."""
    name, last = told, ""
    if len(name) > _LONGEST_NAME:
        raise ParseError(f"mysql: a name of more than {_LONGEST_NAME} characters: {name[:60]!r}")
    while (option := _option(name)) is None:
        prefix, _, rest = name.partition("_")
        if prefix not in ("loose", "skip", "disable", "enable") or not rest:
            return told.removeprefix("loose_"), "on" if value is None else value
        name, last = rest, prefix
    if last == "enable":  # of several prefixes the last one counts, and `=0` alone turns it round
        value = "0" if value == "0" else "1"
    elif last in ("skip", "disable"):
        value = "1" if value == "0" else "0"
    if option in _SWITCHES:
        return option, "on" if value is None or value.lower() in ("1", "on", "true") else "off"
    return option, value or ""


def _option(name: str) -> str | None:
    """The one option that checks ask about and that begins with ``name``: were there others, the server would not start."""
    begun = [option for option in _ASKED if option.startswith(name)]
    return name if name in begun else begun[0] if len(begun) == 1 else None


FACT = Fact(
    name="mysql",
    title=Text(en="Settings of MySQL and MariaDB", ar="إعدادات MySQL وMariaDB"),
    shape=record(installed=BOOL, settings=MapOf(STR), persisted=optional(BOOL)),
    parse=parse,
    version=5,
    example={"installed": True, "settings": {"bind_address": "127.0.0.1", "local_infile": "off"}},
    probes={"linux": HostProbe(script=_SCRIPT, privileged=(_LOOK,))},
)
