"""One audit rule as auditctl takes and prints it, in one form whichever way it is written.

``-w FILE -p wa`` and ``-a always,exit -F path=FILE -F perm=wa`` say the same. Of a folder ``-w`` and ``dir=`` watch all that
is in it, ``path=`` the folder alone. What is loaded auditctl prints as ``-w PATH -p PERM`` in all three cases, and also where the
rule says ``never`` (seen of 3.0.9 and 4.0.2); then what is saved tells which it was. See auditctl(8) and audit.rules(7).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from auditor.errors import ParseError

ALL = "all"  # every call: auditctl's own word, and what a rule without calls asks for
UNSET = "4294967295"  # the login of a process that nobody's login started
FILE, TREE, WATCH = "file", "tree", "watch"  # WATCH: one or the other, as it is a folder or not when the rule is loaded

_LONGEST = 4096  # the kernel takes no longer path
_FIELD = re.compile(r"([a-z0-9_]+)(!=|>=|<=|&=|=|>|<|&)(.+)\Z")
_WORD = re.compile(r"(?:\\[ \\]|\S)+")
_NAMES_OF_32_BITS = re.compile(r"b32|i[3-6]86|arm.*|ppc|s390")
_NAMES_OF_64_BITS = re.compile(r"b64|x86_64|aarch64|ppc64|ppc64le|s390x|riscv64|loongarch64")
_BIT_OF_64 = 0x80000000
_GLUED = re.compile(r"^(-[pk] \S+?)(-w /)")  # as auditctl prints a watch whose path is not its first condition
_FILE_TYPES = {
    "fifo": "4096",
    "character": "8192",
    "dir": "16384",
    "block": "24576",
    "file": "32768",
    "link": "40960",
    "socket": "49152",
}
PEOPLE = frozenset({"auid", "loginuid", "uid", "euid", "suid", "fsuid", "obj_uid", "sessionid"})
GROUPS = frozenset({"gid", "egid", "sgid", "fsgid", "obj_gid"})


class Field(NamedTuple):
    """One condition, its value as a number where it has one."""

    name: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.value}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. ``place`` is the kernel's list that it is on; ``prepended`` puts it first there; without ``kind`` it has no path.

    ``unsaid``: written as a watch, in which auditctl prints neither the action nor what kind of path it is.
    """

    text: str
    unsaid: bool
    place: str
    never: bool
    prepended: bool
    kind: str
    path: str
    perms: frozenset[str]
    arch: str
    calls: frozenset[str]
    fields: tuple[Field, ...]


def is_rule(text: str) -> bool:
    """Whether a line adds a rule, and is not a setting (``-b``, ``-e``, ``-D``)."""
    return any(re.match(r"-[waA]", word) for word in _WORD.findall(text))


def read(text: str) -> Rule:
    """Read a rule. Raises ParseError on what is not known: it may turn the rule into its opposite."""
    place = action = kind = path = arch = ""
    perms: str | None = None
    calls: set[str] = set()
    fields: list[Field] = []
    options = [*_options(text)]
    unsaid = not any(option in ("-a", "-A") for option, _ in options)
    for option, value in options:
        match option:
            case "-w":
                kind, path = WATCH, value
            case "-a" | "-A":
                place, action = _list_and_action(value, text)
            case "-p":
                perms = value
            case "-S":
                calls.update(value.split(","))
            case "-C":
                fields.append(Field("-C", " ", value))
            case "-F":
                field = _field(value, text)
                if field.name in ("path", "dir") and field.sign == "=":
                    kind, path = (FILE if field.name == "path" else TREE), field.value
                elif field.name == "perm" and field.sign == "=":
                    perms = field.value
                elif field.name == "arch" and not arch and (bits := _bits(field)):
                    arch = bits
                elif field.name != "key":
                    fields.append(field)
            case "-k":
                pass
            case _:
                raise _unread(text, "an option that is not known")
    if kind and not path.startswith("/"):
        raise _unread(text, "a path that is not absolute")
    if len(path) > _LONGEST:
        raise _unread(text, "a path that is too long")
    if perms is not None and not re.match(r"[rwxa]+\Z", perms.lower()):
        raise _unread(text, "kinds of access that are not known")
    if unsaid and (calls or fields or arch or not (kind or perms)):
        raise _unread(text, "no list")
    return Rule(
        text=" ".join(text.split()),
        unsaid=unsaid,
        place=place or "exit",
        never=action == "never",
        prepended=any(option == "-A" for option, _ in options),
        kind=kind,
        path=(path.rstrip("/") or "/") if kind else "",
        perms=frozenset((perms or ("rwxa" if kind == WATCH else "")).lower()),
        arch=arch,
        calls=frozenset(calls) or frozenset({ALL}),
        fields=tuple(sorted(fields)),
    )


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Options with their values, as getopt reads them: ``-pwa`` is ``-p wa``. What is no option belongs to the value before."""
    words = [re.sub(r"\\([ \\])", r"\1", word) for word in _WORD.findall(_GLUED.sub(r"\1 \2", text))]
    words.reverse()
    while words:
        word = words.pop()
        option, value = word[:2], word[2:]
        if not re.match(r"-[A-Za-z]\Z", option):
            raise _unread(text, "a word that belongs to no option")
        if not value and not words:
            raise _unread(text, f"{option} without its value")
        parts = [value or words.pop()]
        while words and not words[-1].startswith("-"):
            parts.append(words.pop())
        yield option, " ".join(parts)


def _list_and_action(value: str, text: str) -> tuple[str, str]:
    """``always,exit`` and ``exit,always`` are both taken."""
    words = value.split(",")
    actions = [word for word in words if word in ("always", "never")]
    places = [word for word in words if word not in actions]
    if len(actions) != 1 or len(places) != 1:
        raise _unread(text, "not a list and an action")
    return places[0], actions[0]


def _field(value: str, text: str) -> Field:
    found = _FIELD.match(value)
    if found is None:
        raise _unread(text, "a field that cannot be read")
    name, sign, content = found.groups()
    return Field(name, sign, _plain(name, content))


def _plain(name: str, value: str) -> str:
    """A value as the kernel holds it, so that two ways of writing it are one."""
    if name in PEOPLE and value in ("unset", "-1"):
        return UNSET
    if name in PEOPLE | GROUPS and value == "root":
        return "0"
    if name == "success":
        return {"yes": "1", "no": "0"}.get(value, value)
    if name == "filetype":
        return _FILE_TYPES.get(value, value)
    if name == "exit" and value.startswith("-E"):
        number: int | None = getattr(errno, value[1:], None)
        return value if number is None else str(-number)
    if re.match(r"0[0-7]+\Z", value):
        return str(int(value, 8))
    if re.match(r"-?(0x[0-9a-fA-F]+|[1-9][0-9]*|0)\Z", value):
        return str(int(value, 0))
    return value


def _bits(field: Field) -> str:
    """``b64`` or ``b32``, of the names and numbers that auditctl takes for them; "" when it is neither."""
    if field.value.isdigit():
        bits = "b64" if int(field.value) & _BIT_OF_64 else "b32"
    elif _NAMES_OF_32_BITS.fullmatch(field.value):
        bits = "b32"
    elif _NAMES_OF_64_BITS.fullmatch(field.value):
        bits = "b64"
    else:
        return ""
    other = {"b64": "b32", "b32": "b64"}[bits]
    return {"=": bits, "!=": other}.get(field.sign, "")


def _unread(text: str, why: str) -> ParseError:
    return ParseError(f"audit_rules: {why}: {text[:80]!r}")
