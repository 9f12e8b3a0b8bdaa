"""Who may run what as whom through sudo, from /etc/sudoers and the files it includes.

Rules are told one per user or group and per kind (with or without a password), so that each is a subject of its own. A rule is
``nopasswd`` by its tag, or because a Defaults line switches authentication off for it; its ``noexec`` has those of its commands
which, by tag or Defaults, start no other program, and it is ``setenv`` where one of them, by either, takes any variable of the
user's. Rules that come from a directory (LDAP, SSSD) are not in these files and are not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.errors import ParseError
from auditor.facts._budget import Budget, Folders
from auditor.facts._lines import Files, continued, files, number, whole
from auditor.facts._sudoers import Aliases, Part, Userspec, fields, user_specs
from auditor.facts._sudoers_defaults import Settings
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_MAIN = "/etc/sudoers"
_READ = "/etc/sudoers.d"
_MAX_DEPTH = 128
_INCLUDE = re.compile(r"[@#](includedir|include)\s+(.+)\Z")
_SCOPED = r"(?:\\.|[^\s,\\])+"
_DEFAULTS = re.compile(rf"Defaults(?P<scope>[@:!>]\s*{_SCOPED}(?:\s*,\s*{_SCOPED})*)?(?:\s+(?P<settings>.*))?\Z")
_ALIAS = re.compile(r"(User_Alias|Runas_Alias|Host_Alias|Cmnd_Alias|Cmd_Alias)\s+(.+)\Z")
_DIGEST = re.compile(r"(?<!\S)sha(?:224|256|384|512)\s*:\s*\S+\s+(?=[/^~])")
_PTY_IS_DEFAULT_SINCE = (1, 9, 14)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``sudo -V``'s first line and the files as ``path:line``."""
    lines = whole(output, "sudoers")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "rules": [], "defaults": [], "includes": []}
    version = re.match(r"Sudo version ([0-9][0-9.]{0,20})", lines[0].strip()) if lines else None
    if version is None:
        raise ParseError("sudoers: the first line says neither installed=no nor sudo's version")
    budget = Budget("sudoers: the rules, a user at a time, with what is included")
    reader = _Reader(files(lines[1:], "sudoers"), budget)
    reader.read(_MAIN, 0)
    settings = Settings(reader.defaults, reader.aliases.commands)
    # a file that is included twice says nothing new the second time
    specs = dict.fromkeys(reader.specs)
    rules = [rule for source, spec in specs for rule in _rules(source, spec, reader.aliases, settings, budget)]
    numbers = tuple(number(n, "sudoers: version") for n in version[1].strip(".").split("."))
    value: dict[str, Json] = {
        "installed": True,
        "version": version[1],
        "rules": list({repr(rule): rule for rule in rules}.values()),
        "defaults": [text for _, text in reader.defaults],
        "includes": list(reader.includes),
        "use_pty": settings.flag("use_pty", numbers >= _PTY_IS_DEFAULT_SINCE),
    }
    if logfile := settings.value("logfile"):
        value["logfile"] = logfile
    return value


@dataclass(frozen=True, slots=True)
class _Line:
    """What one line says: one of these."""

    include: tuple[str, str] | None = None
    defaults: Sequence[tuple[str, str]] = ()
    alias: tuple[str, str] | None = None
    specs: Sequence[Userspec] = ()


class _Reader:
    """Walks the files as sudo does, each include in its place."""

    def __init__(self, dumped: Files, budget: Budget) -> None:
        self._dumped = dumped
        self._budget = budget
        self._folders = Folders("sudoers", dumped, budget)
        self._known: dict[str, list[_Line]] = {}
        self.defaults: list[tuple[str, str]] = []  # (scope, the setting as typed, with its scope)
        self.specs: list[tuple[str, Userspec]] = []
        self.aliases = Aliases(budget)
        self.includes: dict[str, None] = {}

    def read(self, path: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ParseError(f"sudoers: includes are nested too deeply at {path}")
        if path not in self._dumped:
            raise ParseError(f"sudoers: {path} is included, which the probe does not read")
        if path not in self._known:
            self._known[path] = [*self._lines(path)]
        self._budget.spend()
        for line in self._known[path]:
            self._budget.spend(1 + len(line.defaults) + len(line.specs))
            self.defaults += line.defaults
            self.specs += [(path, spec) for spec in line.specs]
            if line.alias is not None:
                self.aliases.add(*line.alias, path)
            if line.include is not None:
                self._include(*line.include, depth)

    def _lines(self, path: str) -> Iterator[_Line]:
        """What the lines of a file say, each read once however often it is included."""
        for text in continued(self._dumped[path], _said):
            line = text.strip()
            if include := _INCLUDE.match(line):
                yield _Line(include=(include[1], include[2].strip().strip('"').replace("\\ ", " ")))
            elif default := _DEFAULTS.match(line):
                scope = re.sub(r"(?<!\\)\s", "", default["scope"] or "")
                yield _Line(defaults=[(scope, f"{scope} {s}".strip()) for s in fields(default["settings"] or "", ",", path)])
            elif alias := _ALIAS.match(line):
                yield _Line(alias=(alias[1], alias[2]))
            elif line:
                yield _Line(specs=user_specs(line, path))

    def _include(self, kind: str, path: str, depth: int) -> None:
        path = path if path.startswith("/") else f"/etc/{path}"
        path = path.rstrip("/") if kind == "includedir" else path
        self.includes[path] = None
        if kind == "include":
            self.read(path, depth + 1)
            return
        if path != _READ:
            raise ParseError(f"sudoers: the folder {path} is included, which the probe does not read")
        for name in self._folders.inside(path):
            base = name.rpartition("/")[2]
            if "." not in base and not base.endswith("~"):  # sudo passes over the others
                self.read(name, depth + 1)


def _said(line: str) -> str:
    """A line without its comment; #include is none."""
    return line if _INCLUDE.match(line.strip()) else _without_comment(line)


def _without_comment(line: str) -> str:
    """A # opens a comment unless it is quoted, escaped, or the number of a user such as #1000."""
    quoted = False
    for i, c in enumerate(line):
        escaped = i > 0 and line[i - 1] == "\\"
        if c == '"' and not escaped:
            quoted = not quoted
        elif c == "#" and not quoted and not escaped and not re.match(r"#-?[0-9]", line[i : i + 3]):
            return line[:i]
    return line


def _rules(source: str, spec: Userspec, aliases: Aliases, settings: Settings, budget: Budget) -> list[Json]:
    rules: list[Json] = []
    by_default = settings.flag("noexec", False)
    stood_for = [_commands(part, aliases, by_default, budget) for part in spec.parts]
    typed = [", ".join(part.commands) for part in spec.parts]
    for who in spec.users:
        for part, (kept, free), text in zip(spec.parts, stood_for, typed, strict=True):
            budget.line(who, spec.hosts, text, *kept)
            nopasswd = not settings.asks_password(who) if part.nopasswd is None else part.nopasswd
            runas = f"({part.runas}) " if part.runas else ""
            noexec: list[Json] = [command for command, held in kept.items() if held]
            setenv = any(settings.sets_environment(who, command) if tag is None else tag for command, tag in free.items())
            rules.append(
                {
                    "source": source,
                    "who": who,
                    "runas": part.runas or "root",
                    "nopasswd": nopasswd,
                    "commands": [*kept],
                    **({"noexec": noexec} if noexec else {}),
                    **({"setenv": True} if setenv else {}),
                    # the tag is a measured value, so the rule keeps its name when the tag is mended
                    "text": f"{who} {spec.hosts}={runas}{text}",
                }
            )
    return rules


def _commands(part: Part, aliases: Aliases, by_default: bool, budget: Budget) -> tuple[dict[str, bool], dict[str, bool | None]]:
    """What a part's names stand for, each with whether it is kept from starting other programs wherever it stands.

    And those that somebody may run, but for ALL, which implies it, with the tag SETENV: set where it is so in one place.
    """
    kept: dict[str, bool] = {}
    free: dict[str, bool | None] = {}
    for name, noexec, setenv in dict.fromkeys(zip(part.commands, part.noexec, part.setenv, strict=True)):
        commands = aliases.commands(name)
        budget.spend(len(commands))
        for command in map(_plain, commands):
            kept[command] = kept.get(command, True) and (by_default if noexec is None else noexec)
            if command != "ALL" and not command.startswith("!"):
                tags = {setenv, free.get(command, False)}
                free[command] = True if True in tags else None if None in tags else False
    return kept, free


def _plain(command: str) -> str:
    """The command by its path, without a digest of the program, and with one ! or none: two say nothing."""
    bare = command.lstrip("! ")
    refused = command[: len(command) - len(bare)].count("!") % 2
    return "!" * refused + _DIGEST.sub("", bare, count=1)


FACT = Fact(
    name="sudoers",
    title=Text(en="Rules and defaults of sudo", ar="قواعد sudo وإعداداته الافتراضية"),
    shape=record(
        installed=BOOL,
        version=optional(STR),
        rules=ListOf(
            record(
                source=STR,
                who=STR,
                runas=STR,
                nopasswd=BOOL,
                commands=ListOf(STR),
                noexec=optional(ListOf(STR)),
                setenv=optional(BOOL),  # true: for a command other than ALL
                text=STR,
            )
        ),
        defaults=ListOf(STR),
        includes=ListOf(STR),  # every file and folder that was followed; one that was not read is a parse error
        use_pty=optional(BOOL),
        logfile=optional(STR),
    ),
    parse=parse,
    version=5,
    example={
        "installed": True,
        "version": "1.9.13p3",
        "rules": [
            {
                "source": _MAIN,
                "who": "%sudo",
                "runas": "ALL:ALL",
                "nopasswd": False,
                "commands": ["ALL"],
                "text": "%sudo ALL=(ALL:ALL) ALL",
            }
        ],
        "defaults": ["env_reset", "use_pty"],
        "includes": [_READ],
        "use_pty": True,
    },
    probes={
        "linux": HostProbe(
            script=(
                "if [ ! -e /etc/sudoers ]; then\n"
                "  [ -x /etc ] || exit 1\n"
                "  if command -v sudo >/dev/null; then echo 'sudo is here without /etc/sudoers' >&2; exit 1; fi\n"
                "  printf 'installed=no\\nend\\n'\n"
                "  exit 0\n"
                "fi\n"
                'sudo=$(command -v sudo) || { echo "/etc/sudoers is here without sudo" >&2; exit 1; }\n'
                'version=$("$sudo" -V) || exit 1\n'
                "if [ -d /etc/sudoers.d ]; then\n"
                "  files=$(as_root /bin/grep -RH ^ /etc/sudoers /etc/sudoers.d)\n"
                "else\n"
                "  files=$(as_root /bin/grep -RH ^ /etc/sudoers)\n"
                "fi\n"
                "[ $? -le 1 ] || exit 1\n"
                "printf '%s\\n' \"$version\" | sed -n 1p\n"
                "printf '%s\\nend\\n' \"$files\"\n"
            ),
            privileged=("/bin/grep -RH ^ /etc/sudoers", "/bin/grep -RH ^ /etc/sudoers /etc/sudoers.d"),
        )
    },
)
