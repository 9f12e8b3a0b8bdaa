"""One audit rule as auditctl takes and prints it, in one form whichever way it is written; and when two are the same.

``-w FILE -p wa`` and ``-a always,exit -F path=FILE -F perm=wa`` say the same. Of a folder ``-w`` and ``dir=`` watch all that
is in it, ``path=`` the folder alone. What is loaded auditctl prints as ``-w PATH -p PERM`` in all three cases, and also where the
rule says ``never`` (seen of 3.0.9 and 4.0.2); then what is saved tells which it was. See auditctl(8) and audit.rules(7).
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from auditor.errors import ParseError
from auditor.facts._audit_calls import CLASSES

ALL = "all"  # every call: auditctl's own word, and what a rule without calls asks for
UNSET = "4294967295"  # the login of a process that nobody's login started
FILE, TREE, WATCH = "file", "tree", "watch"  # WATCH: one or the other, as it is a folder or not when the rule is loaded

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
_PEOPLE = frozenset({"auid", "loginuid", "uid", "euid", "suid", "fsuid", "obj_uid", "sessionid"})
_GROUPS = frozenset({"gid", "egid", "sgid", "fsgid", "obj_gid"})


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


def settled(loaded: list[Rule], saved: list[Rule]) -> list[Rule]:
    """The loaded rules with what auditctl did not print of them, from the saved rules that it prints so, in their order.

    Where none is saved, a watch is what ``-w`` makes; a rule without a path, which ``-w`` cannot make, is taken for the worse.
    Where their numbers differ, each may be any of those saved. What auditctl 4 made longer is told as it is saved.
    """
    printed: dict[object, list[Rule]] = {}
    written: dict[object, list[Rule]] = {}
    for rule in saved:
        if rule.place == "exit" and not rule.fields and not rule.arch and rule.calls == {ALL}:
            alike = printed.setdefault((rule.path, rule.perms), [])
            alike.insert(0 if rule.prepended else len(alike), rule)
        if rule.kind:
            written.setdefault((rule.path, rule.arch), []).append(rule)
    count = Counter((rule.path, rule.perms) for rule in loaded if rule.unsaid)
    seen: Counter[object] = Counter()
    found = []
    for rule in loaded:
        key = (rule.path, rule.perms)
        if rule.unsaid:
            alike = printed.get(key, [])
            found.append(_settled(rule, [alike[seen[key]]] if len(alike) == count[key] else alike))
            seen[key] += 1
        else:
            there = written.get((rule.path, rule.arch), ())
            found.append(next((replace(rule, text=s.text) for s in there if _expanded(s, rule) and same(s, rule)), rule))
    return found


def _settled(rule: Rule, printed: list[Rule]) -> Rule:
    silent = [r for r in printed if r.never]
    alone = printed if all(r.kind == FILE for r in printed) else []
    return replace(
        rule,
        text=(silent or alone or [rule])[0].text,
        kind=rule.kind and (FILE if alone else TREE),
        never=bool(silent) or not (rule.kind or printed),
    )


def those_loaded(saved: list[Rule | None], loaded: list[Rule]) -> list[bool]:
    """Of each saved rule, whether one that is loaded is the same. None is a rule that could not be read."""
    found: dict[object, list[Rule]] = {}
    for rule in loaded:
        found.setdefault((rule.place, rule.path), []).append(rule)
    return [r is not None and any(same(r, other) for other in found.get((r.place, r.path), ())) for r in saved]


def same(saved: Rule, loaded: Rule) -> bool:
    """Whether a rule as it is saved is one that is loaded. The key, which only names it, may differ."""
    alike = saved.never == loaded.never and (saved.kind == loaded.kind or saved.kind == WATCH)
    return (
        (saved.place, saved.path, saved.perms, saved.arch) == (loaded.place, loaded.path, loaded.perms, loaded.arch)
        and (alike or loaded.unsaid)
        and (saved.calls == loaded.calls or _expanded(saved, loaded))
        and _same_fields(saved.fields, loaded.fields)
    )


def _expanded(saved: Rule, loaded: Rule) -> bool:
    """Of a rule on a path, auditctl 4 loads the calls that its ``perm=`` stands for, where older ones load them all."""
    asked = [CLASSES[letter] for letter in saved.perms]
    return (
        bool(saved.kind and asked)
        and saved.calls == {ALL}
        and all(loaded.calls & calls for calls in asked)
        and loaded.calls <= frozenset().union(*asked)
    )


def _same_fields(saved: tuple[Field, ...], loaded: tuple[Field, ...]) -> bool:
    """The same conditions in any order. Who a name is, only the host can say: loaded, it is a number."""
    missing, more = Counter(saved) - Counter(loaded), Counter(loaded) - Counter(saved)
    named = [f for f in missing.elements() if f.name in _PEOPLE | _GROUPS and not f.value.isdigit()]
    return missing.total() == len(named) == more.total() and Counter(f[:2] for f in named) == Counter(
        f[:2] for f in more.elements() if f.value.isdigit()
    )


def _options(text: str) -> Iterator[tuple[str, str]]:
    """Options with their values, as getopt reads them: ``-pwa`` is ``-p wa``. What is no option belongs to the value before."""
    words = [re.sub(r"\\([ \\])", r"\1", word) for word in _WORD.findall(_GLUED.sub(r"\1 \2", text))]
    while words:
        option, value = words[0][:2], words.pop(0)[2:]
        if not re.match(r"-[A-Za-z]\Z", option):
            raise _unread(text, "a word that belongs to no option")
        if not value and not words:
            raise _unread(text, f"{option} without its value")
        value = value or words.pop(0)
        while words and not words[0].startswith("-"):
            value += f" {words.pop(0)}"
        yield option, value


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
    if name in _PEOPLE and value in ("unset", "-1"):
        return UNSET
    if name in _PEOPLE | _GROUPS and value == "root":
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
