"""The grammar of sudo's rules, as far as it tells who may run what as whom, and how.

That is: whether a password is asked, whether the command may start other programs, and whose variables it takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from auditor.errors import ParseError
from auditor.facts._budget import Budget

_TAGS = r"(?:NO)?(?:PASSWD|EXEC|SETENV|LOG_INPUT|LOG_OUTPUT|MAIL|FOLLOW|INTERCEPT)"
_TAG = re.compile(rf"{_TAGS}\s*:\s*")
_NO_BORDER = re.compile(rf"(?:\b{_TAGS}|\bsha(?:224|256|384|512))\Z")
_SECTION = re.compile(r":(?=[^:=()\\]{1,1024}=)")
_BEFORE_EQUALS = re.compile(r'(?:[^\\"=]|\\.|"[^"]*"?)*+')
_COMMAND = re.compile(r"(?:!\s*)*(?:/|\^|~|ALL\b|[A-Z][A-Z0-9_]*\Z|sudoedit\b|list\b|sha(?:224|256|384|512)\s*:)")
_OPTION = re.compile(
    r"(?:CWD|CHROOT|ROLE|TYPE|PRIVS|LIMITPRIVS|TIMEOUT|NOTBEFORE|NOTAFTER|APPARMOR_PROFILE)=(?:\"[^\"]*\"|\S+)\s+"
)
_RUNAS = re.compile(r"\(([^()]*)\)\s*")
_MAX_ALIAS_DEPTH = 32
_MAX_LINE = 65_536


@dataclass(frozen=True, slots=True)
class Part:
    """Commands that share a runas and a tag. ``nopasswd`` is None when no tag says, and so are ``noexec`` and ``setenv`` of each
    command."""

    runas: str
    nopasswd: bool | None
    commands: tuple[str, ...]
    noexec: tuple[bool | None, ...]
    setenv: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class Userspec:
    """One rule as typed: its users, its hosts, and its commands part by part."""

    users: tuple[str, ...]
    hosts: str
    parts: tuple[Part, ...]


class Aliases:
    """Cmnd_Alias by name: the commands behind a name decide how far a rule goes. Asked when all are added."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._commands: dict[str, list[str]] = {}
        self._known: dict[str, list[str]] = {}

    def add(self, kind: str, text: str, path: str) -> None:
        """Take in what stands behind ``Cmnd_Alias``; the other kinds are names that a rule shows as they are."""
        for definition in fields(text, ":", path):
            name, equals, members = definition.partition("=")
            if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
                raise ParseError(f"sudoers: {path}: not an alias: {definition[:80]!r}")
            if kind in ("Cmnd_Alias", "Cmd_Alias"):
                self._commands[name.strip()] = fields(members, ",", path)

    def commands(self, name: str, depth: int = 0) -> list[str]:
        """The commands that a name stands for, each once, or the command itself."""
        if name not in self._commands:
            return [name]
        if depth > _MAX_ALIAS_DEPTH:
            raise ParseError(f"sudoers: the alias {name} is nested too deeply")
        if name not in self._known:
            found: dict[str, None] = {}
            for member in dict.fromkeys(self._commands[name]):
                commands = self.commands(member, depth + 1)
                self._budget.spend(len(commands))
                found |= dict.fromkeys(commands)
            self._known[name] = [*found]
        return self._known[name]


def fields(text: str, separator: str, path: str) -> list[str]:
    """Split at a separator that is neither quoted, escaped nor within parentheses; spaces are made single."""
    if len(text) > _MAX_LINE:
        raise ParseError(f"sudoers: {path}: a line is too long")
    found, current, quoted, depth, i = [], "", False, 0, 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            current += text[i : i + 2]
            i += 2
            continue
        quoted ^= c == '"'
        depth += (c == "(") - (c == ")") if not quoted else 0
        if c == separator and not quoted and depth <= 0:
            found.append(current)
            current = ""
        else:
            current += c
        i += 1
    return [" ".join(field.split()) for field in (*found, current) if field.strip()]


def user_specs(line: str, path: str) -> list[Userspec]:
    """The rules of one line: ``users hosts = commands : hosts = commands``. Raises ParseError."""
    if len(line) > _MAX_LINE:
        raise ParseError(f"sudoers: {path}: a line is too long")
    line = re.sub(r"\s+", " ", line)  # how many blanks there are says nothing, and patterns would take their square
    left, at = _cut(line, 0)
    words = _blank_split(re.sub(r" ?, ?", ",", left.strip()))
    if at > len(line) or len(words) != 2:
        raise ParseError(f"sudoers: {path}: not a rule: {line[:80]!r}")
    users = tuple(fields(words[0], ",", path))
    specs: list[Userspec] = []
    hosts = words[1]
    while True:
        border = _next_section(line, at)
        section = line[at:border]
        specs.append(Userspec(users, " ".join(hosts.split()), _parts(section, path)))
        if border is None:
            return specs
        hosts, at = _cut(line, border + 1)


def _cut(text: str, at: int) -> tuple[str, int]:
    """What comes before the next equals sign, neither quoted nor escaped, and where that ends: beyond the text without one."""
    match = _BEFORE_EQUALS.match(text, at)
    end = match.end() if match else at
    return text[at:end], end + 1


def _blank_split(text: str) -> list[str]:
    return re.findall(r'(?:[^\\"\s]|\\.|"[^"]*"?)++', text)


def _next_section(text: str, begin: int) -> int | None:
    """Where a colon opens the next ``hosts = commands``: one that ends no tag or digest, and has ``hosts =`` behind it."""
    inside, seen = False, begin
    for match in _SECTION.finditer(text, begin):
        at = match.start()
        opened, closed = text.rfind("(", seen, at), text.rfind(")", seen, at)
        inside, seen = (opened > closed if max(opened, closed) >= 0 else inside), at
        before = text[max(begin, at - 32) : at].rstrip()
        if not inside and not before.endswith("\\") and not _NO_BORDER.search(before):
            return at
    return None


def _parts(section: str, path: str) -> tuple[Part, ...]:
    parts: list[tuple[str, bool | None, list[tuple[str, bool | None, bool | None]]]] = []
    runas, nopasswd, noexec, setenv = "", None, None, None
    for item in fields(section, ",", path):
        at = 0
        if match := _RUNAS.match(item):
            runas, at = match[1].strip(), match.end()
        while match := _OPTION.match(item, at) or _TAG.match(item, at):
            if re.match(r"(?:NO)?PASSWD\s*:", match[0]):
                nopasswd = match[0].startswith("NO")
            elif re.match(r"(?:NO)?EXEC\s*:", match[0]):
                noexec = match[0].startswith("NO")
            elif re.match(r"(?:NO)?SETENV\s*:", match[0]):
                setenv = not match[0].startswith("NO")
            at = match.end()
        if not _COMMAND.match(item, at):
            raise ParseError(f"sudoers: {path}: not a command: {item[:80]!r}")
        if not parts or parts[-1][:2] != (runas, nopasswd):
            parts.append((runas, nopasswd, []))
        parts[-1][2].append((item[at:], noexec, setenv))
    if not parts:
        raise ParseError(f"sudoers: {path}: a rule without a command: {section[:80]!r}")
    return tuple(Part(runas, nopasswd, *zip(*tagged, strict=True)) for runas, nopasswd, tagged in parts)
