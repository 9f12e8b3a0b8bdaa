"""Who may run what as whom through sudo, from /etc/sudoers and the files it includes.

Rules are told one per user or group and per kind (with or without a password), so that each is a subject of its own. A rule is
``nopasswd`` by its tag, or because a Defaults line switches authentication off for it; its ``noexec`` has those of its commands
which, by tag or Defaults, start no other program. Rules that come from a directory
(LDAP, SSSD) are not in these files and are not told.
"""

from __future__ import annotations

import re

from auditor.errors import ParseError
from auditor.facts._lines import Files, continued, files, number, whole
from auditor.facts._sudoers import Aliases, Userspec, fields, user_specs
from auditor.facts.interface import Arguments, Fact, HostProbe
from auditor.facts.shape import BOOL, STR, ListOf, optional, record
from auditor.model import Json, Text

_MAIN = "/etc/sudoers"
_READ = "/etc/sudoers.d"
_MAX_DEPTH = 128
_INCLUDE = re.compile(r"[@#](includedir|include)\s+(.+)\Z")
_DEFAULTS = re.compile(r"Defaults(?P<scope>[@:!>]\s*\S+)?(?:\s+(?P<settings>.*))?\Z")
_ALIAS = re.compile(r"(User_Alias|Runas_Alias|Host_Alias|Cmnd_Alias|Cmd_Alias)\s+(.+)\Z")
_PLAIN_NAME = r"[a-z_][\w.-]*"
_DIGEST = re.compile(r"sha(?:224|256|384|512)\s*:\s*\S+\s+(?=[/^~])")
_PTY_IS_DEFAULT_SINCE = (1, 9, 14)


def parse(output: str, _args: Arguments) -> Json:
    """``installed=no``, or ``sudo -V``'s first line and the files as ``path:line``."""
    lines = whole(output, "sudoers")
    if [line.strip() for line in lines] == ["installed=no"]:
        return {"installed": False, "rules": [], "defaults": [], "includes": []}
    version = re.match(r"Sudo version ([0-9][0-9.]{0,20})", lines[0].strip()) if lines else None
    if version is None:
        raise ParseError("sudoers: the first line says neither installed=no nor sudo's version")
    reader = _Reader(files(lines[1:], "sudoers"))
    reader.read(_MAIN, 0)
    settings = _Settings(reader.defaults)
    rules = [rule for source, spec in reader.specs for rule in _rules(source, spec, reader.aliases, settings)]
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


class _Reader:
    """Walks the files as sudo does, each include in its place."""

    def __init__(self, dumped: Files) -> None:
        self._dumped = dumped
        self.defaults: list[tuple[str, str]] = []  # (scope, the setting as typed, with its scope)
        self.specs: list[tuple[str, Userspec]] = []
        self.aliases = Aliases()
        self.includes: dict[str, None] = {}

    def read(self, path: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ParseError(f"sudoers: includes are nested too deeply at {path}")
        if path not in self._dumped:
            raise ParseError(f"sudoers: {path} is included, which the probe does not read")
        for text in continued(self._dumped[path], _said):
            line = text.strip()
            if include := _INCLUDE.match(line):
                self._include(include[1], include[2].strip().strip('"').replace("\\ ", " "), depth)
                continue
            if not line:
                continue
            if default := _DEFAULTS.match(line):
                scope = re.sub(r"\s", "", default["scope"] or "")
                self.defaults += [(scope, f"{scope} {s}".strip()) for s in fields(default["settings"] or "", ",", path)]
            elif alias := _ALIAS.match(line):
                self.aliases.add(alias[1], alias[2], path)
            else:
                self.specs += [(path, spec) for spec in user_specs(line, path)]

    def _include(self, kind: str, path: str, depth: int) -> None:
        path = path if path.startswith("/") else f"/etc/{path}"
        path = path.rstrip("/") if kind == "includedir" else path
        self.includes[path] = None
        if kind == "include":
            self.read(path, depth + 1)
            return
        if path != _READ:
            raise ParseError(f"sudoers: the folder {path} is included, which the probe does not read")
        for name in sorted(self._dumped):
            folder, _, base = name.rpartition("/")
            if folder == path and "." not in base and not base.endswith("~"):  # sudo passes over the others
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


class _Settings:
    """Defaults in the order written: the last one holds."""

    def __init__(self, defaults: list[tuple[str, str]]) -> None:
        self._defaults = [(scope, text.removeprefix(scope).strip()) for scope, text in defaults]

    def flag(self, name: str, default: bool) -> bool:
        """Whether a flag holds for everyone: one exception, such as ``Defaults:clerk !use_pty``, makes it false."""
        value = default
        for scope, text in self._defaults:
            off = text.replace(" ", "") == f"!{name}"
            if off and scope:
                return False
            if off or (text == name and not scope):
                value = not off
        return value

    def value(self, name: str) -> str:
        """The text of a setting that holds for everyone, "" when it is not set."""
        value = ""
        for scope, text in self._defaults:
            key, equals, given = text.partition("=")
            if text.replace(" ", "") == f"!{name}":
                value = ""
                if scope:
                    return ""
            elif key.strip() == name and equals and not scope:
                value = given.strip().strip('"')
        return value

    def asks_password(self, who: str) -> bool:
        """Whether a rule without a tag asks ``who`` for a password; when in doubt it is said not to."""
        answer = lasting = True
        for scope, text in self._defaults:
            # of a group, an alias or a number nobody can tell here whom it holds
            others = scope[:1] == ":" and all(re.fullmatch(_PLAIN_NAME, name) and name != who for name in scope[1:].split(","))
            if text.replace(" ", "") == "!authenticate" and not (others and re.fullmatch(_PLAIN_NAME, who)):
                answer = False
                lasting = lasting and scope[:1] not in ("!", ">")  # sudo applies those after all others
            elif text == "authenticate" and not scope:
                answer = True
        return answer and lasting and not self.value("exempt_group")


def _rules(source: str, spec: Userspec, aliases: Aliases, settings: _Settings) -> list[Json]:
    rules: list[Json] = []
    by_default = settings.flag("noexec", False)
    for who in spec.users:
        for part in spec.parts:
            nopasswd = not settings.asks_password(who) if part.nopasswd is None else part.nopasswd
            runas = f"({part.runas}) " if part.runas else ""
            kept: dict[str, bool] = {}
            for name, tag in zip(part.commands, part.noexec, strict=True):
                for command in map(_plain, aliases.commands(name)):
                    kept[command] = kept.get(command, True) and (by_default if tag is None else tag)
            noexec: list[Json] = [command for command, held in kept.items() if held]
            rules.append(
                {
                    "source": source,
                    "who": who,
                    "runas": part.runas or "root",
                    "nopasswd": nopasswd,
                    "commands": [*kept],
                    **({"noexec": noexec} if noexec else {}),
                    # the tag is a measured value, so the rule keeps its name when the tag is mended
                    "text": f"{who} {spec.hosts}={runas}{', '.join(part.commands)}",
                }
            )
    return rules


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
            record(source=STR, who=STR, runas=STR, nopasswd=BOOL, commands=ListOf(STR), noexec=optional(ListOf(STR)), text=STR)
        ),
        defaults=ListOf(STR),
        includes=ListOf(STR),  # every file and folder that was followed; one that was not read is a parse error
        use_pty=optional(BOOL),
        logfile=optional(STR),
    ),
    parse=parse,
    version=4,
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
