"""What the kernel's audit rules record of what people do: walks the rules in the kernel's order, and decides for the worse.

Of the list ``exit`` the first rule that matches decides, a ``never`` as well as an ``always``; ``task`` decides before it
whether a process is audited at all, ``exclude`` after it which records are thrown away, ``filesystem`` whose files have no
names. A person is a process whose login is 1000 or above. "Recorded" means: for every person, whatever else is the case.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from auditor.facts._audit_calls import CHANGES, CHANGING, CLASSES, LACKING, ONE_SIZE, PATHLESS
from auditor.facts._audit_rule import ALL, TREE, UNSET, Field, Rule
from auditor.facts._budget import Budget

_PEOPLE = range(1000, int(UNSET))
_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EPERM, _EACCES = -1, -13
_ENDS = (0, _EPERM, _EACCES)

# File systems in which the kernel shows itself: by name, or by number where auditctl has no name for it.
_NOT_FILES = frozenset({"tracefs", "debugfs", "cgroup", "cgroup2", str(0x9FA0), str(0x62656572), str(0x27E0EB), str(0x63677270)})
# Kinds of records by number, as far as they bound a range; auditctl prints the names that it knows.
_RECORDS = {
    "USER": 1005,
    "LOGIN": 1006,
    "SYSCALL": 1300,
    "PATH": 1302,
    "CONFIG_CHANGE": 1305,
    "AVC": 1400,
    "ANOM_PROMISCUOUS": 1700,
}


class _Part(Enum):
    """How much of what is asked for a rule or a condition takes."""

    NONE = 0
    SOME = 1
    WHOLE = 2


@dataclass(frozen=True, slots=True)
class _Event:
    """What is asked for: a call that ends so (0: it succeeds), or with ``kind`` every change of a path; of one word size.

    ``changes``: the calls by which it is changed there. ``sole``: the machine runs programs of this word size alone.
    """

    arch: str
    sole: bool
    call: str = ALL
    end: int = 0
    kind: str = ""
    path: str = ""
    changes: frozenset[str] = frozenset()


class Walk:
    """The rules of a machine in the kernel's order. ``folders``: which paths are such. Not ``enabled``, it records nothing."""

    def __init__(self, rules: Iterable[Rule], folders: frozenset[str], machine: str, budget: Budget, *, enabled: bool) -> None:
        placed: dict[str, list[Rule]] = {}
        for rule in rules:
            there = placed.setdefault(rule.place, [])
            there.insert(0 if rule.prepended else len(there), rule)
        self._placed = placed
        self._budget = budget
        self._folders = folders
        # What records some paths alone never records a call wherever it is made.
        self._of_calls = [rule for rule in placed.get("exit", ()) if rule.never or not rule.kind]
        self._of_all, self._of_one = self._by_calls()
        self._silent: dict[tuple[str, ...], list[Rule]] = {}
        self._enabled = enabled
        self._lacking = LACKING.get(machine, frozenset())
        only = ONE_SIZE.get(machine)
        self._sizes = (only,) if only else ("b64", "b32")

    def calls(self) -> list[str]:
        """Every call about which the rules may say something else than ``all`` does, which stands for the others; and ``all``."""
        named = {call for rule in self._of_calls for call in rule.calls} | {ALL}
        if any(ALL in rule.calls for rule in self._of_calls):
            named |= PATHLESS
        return sorted(named | (self._lacking if len(self._sizes) == 1 else frozenset()))

    def _by_calls(self) -> tuple[list[int], dict[str, list[int]]]:
        """The places of the rules that may be about any call, and of the others by the calls that they name."""
        of_all: list[int] = []
        of_one: dict[str, list[int]] = {}
        for place, rule in enumerate(self._of_calls):
            if ALL in rule.calls or not all(call.isidentifier() for call in rule.calls):
                of_all.append(place)
            else:
                for call in rule.calls:
                    of_one.setdefault(call, []).append(place)
        return of_all, of_one

    def call(self, call: str) -> tuple[bool, bool, list[str]]:
        """Whether a call is recorded where it succeeds, and where permission is refused; and the rules that decide it."""
        archs = [arch for arch in self._sizes if arch == "b32" or call not in self._lacking]
        silencing = self._silencing("SYSCALL")
        heard = self._enabled and not silencing
        places = sorted([*self._of_all, *self._of_one.get(call, ())])
        self._budget.spend(len(places) + len(silencing))
        about = [self._of_calls[place] for place in places]
        deciding: set[Rule] = set()
        recorded = dict.fromkeys(_ENDS, heard)
        for end in _ENDS:
            for arch in archs:
                recorded[end] &= self._first(about, self._event(arch, call=call, end=end), deciding)
        told = [*silencing, *(rule for rule in about if rule in deciding)]
        self._budget.line(*(rule.text for rule in told))
        return recorded[0], recorded[_EPERM] and recorded[_EACCES], [rule.text for rule in told]

    def watched(self) -> list[tuple[str, bool]]:
        """The paths whose every change is recorded, and whether that holds for what is in them too, where they are folders."""
        if not self._enabled or self._silencing("SYSCALL", "PATH") or any(map(_hides_files, self._placed.get("filesystem", ()))):
            return []
        changes = {"w", "a"}
        rules = [rule for rule in self._placed.get("exit", ()) if not rule.perms or rule.perms & changes]
        whole = [rule for rule in rules if rule.kind and not rule.never and (not rule.perms or rule.perms >= changes)]
        paths = sorted({(rule.path, rule.kind) for rule in whole})
        # ``path=`` of a folder is the folder alone: of the files in it nothing is recorded.
        files = [(path, kind) for path, kind in paths if kind == TREE or path not in self._folders]
        near = _Near(rules)
        return [(path, kind == TREE) for path, kind in files if self._watches(near.to(path, kind), path, kind)]

    def _watches(self, rules: list[Rule], path: str, kind: str) -> bool:
        there = {"b64": CHANGES - self._lacking, "b32": CHANGES}
        events = [self._event(arch, kind=kind, path=path, changes=there[arch]) for arch in self._sizes]
        self._budget.spend(len(rules))
        return all(self._first(rules, event, set()) for event in events)

    def _event(self, arch: str, **more: Any) -> _Event:
        return _Event(arch, len(self._sizes) == 1, **more)

    def _first(self, rules: list[Rule], event: _Event, deciding: set[Rule]) -> bool:
        """Whether a rule records all of it before one leaves any of it out; those that matter so far are noted."""
        for rule in rules:
            self._budget.spend()
            part = _taken(rule, event)
            if part is not _Part.NONE:
                deciding.add(rule)
                if rule.never or part is _Part.WHOLE:
                    return not rule.never
        return False

    def _silencing(self, *records: str) -> list[Rule]:
        """The rules by which processes are not audited at all, or these records thrown away; whose, is taken for the worse."""
        if records not in self._silent:
            self._silent[records] = self._silencing_of(records)
        return self._silent[records]

    def _silencing_of(self, records: tuple[str, ...]) -> list[Rule]:
        silent = []
        for rule in self._placed.get("task", ()):
            if rule.never:
                silent.append(rule)
            elif not rule.fields:
                break
        return silent + [r for r in self._placed.get("exclude", ()) if any(_excludes(r, record) for record in records)]


class _Near:
    """Rules by their paths: those that may say something of a path are few of them."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules
        self._everywhere = [place for place, rule in enumerate(rules) if not rule.kind]
        self._at: dict[str, list[int]] = {}
        for place, rule in enumerate(rules):
            if rule.kind:
                self._at.setdefault(rule.path, []).append(place)
        self._paths = sorted(self._at)

    def to(self, path: str, kind: str) -> list[Rule]:
        """The rules of every path, of this one, of the folders that it is in and, where it is a tree, of what is in it."""
        above = [path[: found.start()] or "/" for found in re.finditer("/", path)]
        below: list[str] = []
        if kind == TREE:
            folder = f"{path.rstrip('/')}/"
            below = self._paths[bisect_left(self._paths, folder) : bisect_left(self._paths, f"{folder}\U0010ffff")]
        places = (place for one in {path, *above, *below} for place in self._at.get(one, ()))
        return [self._rules[place] for place in sorted([*self._everywhere, *places])]


def _taken(rule: Rule, event: _Event) -> _Part:
    """How much of an event a rule of the list ``exit`` matches."""
    least = _Part.WHOLE
    for part in _parts(rule, event):
        if part is _Part.NONE:
            return part
        if part is _Part.SOME:
            least = part
    return least


def _parts(rule: Rule, event: _Event) -> Iterator[_Part]:
    yield _arch(rule, event)
    yield _calls(rule, event)
    yield _scope(rule, event)
    yield _perms(rule, event)
    for field in rule.fields:
        yield _field(field, event)


def _arch(rule: Rule, event: _Event) -> _Part:
    """Without ``arch`` a rule has the numbers of one word size, which are those of other calls in the other."""
    if rule.arch:
        return _Part.WHOLE if rule.arch == event.arch else _Part.NONE
    return _Part.WHOLE if ALL in rule.calls or event.sole else _Part.SOME


def _calls(rule: Rule, event: _Event) -> _Part:
    if ALL in rule.calls:
        return _Part.WHOLE
    if event.kind:
        if event.changes <= rule.calls:
            return _Part.WHOLE
        known = all(call.isidentifier() for call in rule.calls)
        return _Part.NONE if known and not rule.calls & CHANGING else _Part.SOME
    if event.call in rule.calls:
        return _Part.WHOLE
    return _Part.SOME if any(not call.isidentifier() for call in rule.calls) else _Part.NONE


def _scope(rule: Rule, event: _Event) -> _Part:
    if not rule.kind:
        return _Part.WHOLE
    if not event.kind:
        return _Part.NONE if event.call in PATHLESS else _Part.SOME
    if rule.path == event.path and (rule.kind == event.kind or rule.kind == TREE):
        return _Part.WHOLE
    if rule.kind == TREE and event.path.startswith(f"{rule.path.rstrip('/')}/"):
        return _Part.WHOLE
    inside = rule.path == event.path or (event.kind == TREE and rule.path.startswith(f"{event.path.rstrip('/')}/"))
    return _Part.SOME if inside else _Part.NONE


def _perms(rule: Rule, event: _Event) -> _Part:
    if not rule.perms:
        return _Part.WHOLE
    if event.kind:
        changing = rule.perms & {"w", "a"}
        return _Part.WHOLE if len(changing) == 2 else _Part.SOME if changing else _Part.NONE
    classes = {letter for letter, calls in CLASSES.items() if event.call in calls}
    return _Part.SOME if event.call == ALL or classes & rule.perms else _Part.NONE


def _field(field: Field, event: _Event) -> _Part:
    """How much of an event a condition leaves. One that is not understood leaves some of it."""
    match field.name:
        case "auid" | "loginuid":
            return _login(field)
        case "success" if field.value in ("0", "1") and field.sign in ("=", "!="):
            return _either((event.end == 0) == (field.value == "1"), field.sign)
        case "exit" if field.sign in ("=", "!=") and (number := _number(field.value)) is not None:
            if event.end == 0 and number >= 0:
                return _Part.SOME
            return _either(number == event.end, field.sign)
        case "a0" if event.call == "clock_settime" and (field.sign, field.value) == ("=", "0"):
            return _Part.WHOLE  # the clock of the wall: no other can be set
    return _Part.SOME


def _login(field: Field) -> _Part:
    number = _number(field.value)
    if number is None or field.sign not in _SIGNS:
        return _Part.SOME
    if field.sign in ("=", "!="):
        return _Part.SOME if number in _PEOPLE else _either(False, field.sign)
    holds = {_SIGNS[field.sign](login, number) for login in (_PEOPLE[0], _PEOPLE[-1])}
    return _Part.SOME if len(holds) == 2 else _Part.WHOLE if True in holds else _Part.NONE


def _either(equal: bool, sign: str) -> _Part:
    return _Part.WHOLE if equal == (sign == "=") else _Part.NONE


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else None


def _excludes(rule: Rule, record: str) -> bool:
    """Whether a rule of the list ``exclude`` throws such a record of some person away; its action does not matter."""
    for field in rule.fields:
        if field.name in ("auid", "loginuid") and _login(field) is _Part.NONE:
            return False
        if field.name == "msgtype" and not _may_be(field, record):
            return False
    return True


def _may_be(field: Field, record: str) -> bool:
    """Whether a condition on the kind of record may let this kind through: one whose number is not known here is another."""
    number = _RECORDS.get(field.value, _number(field.value))
    if number is None or field.sign not in _SIGNS:
        return field.sign != "="
    return _SIGNS[field.sign](_RECORDS[record], number)


def _hides_files(rule: Rule) -> bool:
    """Whether a rule of the list ``filesystem`` leaves out the names of files that people have."""
    return rule.never and not any(
        field.name == "fstype" and field.sign == "=" and field.value in _NOT_FILES for field in rule.fields
    )
