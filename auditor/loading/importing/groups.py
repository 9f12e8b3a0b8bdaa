"""Hosts, groups and variables as Ansible relates them: nearer groups overrule farther ones, a host overrules its groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from auditor.loading.importing.host import MAX_HOSTS
from auditor.model import Json
from auditor.text import _

_RANGE = re.compile(r"\[([0-9]{1,9}|[A-Za-z]):([0-9]{1,9}|[A-Za-z])(?::([0-9]{1,9}))?\]")
_IMPLIED = ("all", "ungrouped")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable with its place."""

    name: str
    value: Json
    line: int
    column: int


@dataclass(slots=True)
class Groups:
    """What an inventory says, before anything is resolved."""

    hosts: dict[str, tuple[int, int]] = field(default_factory=dict)
    members: dict[str, dict[str, None]] = field(default_factory=dict)
    parents: dict[str, dict[str, None]] = field(default_factory=dict)
    group_variables: dict[str, list[Variable]] = field(default_factory=dict)
    host_variables: dict[str, list[Variable]] = field(default_factory=dict)

    def add_hosts(self, pattern: str, group: str, line: int, column: int) -> tuple[str, ...]:
        """The hosts that a pattern such as ``web[01:03]`` names, added to a group. Raises ValueError when there are too many."""
        names = expand(pattern)
        if len(self.hosts) + len(names) > MAX_HOSTS:
            raise ValueError(_("more than {most} hosts; split the file by department").format(most=MAX_HOSTS))
        for name in names:
            self.hosts.setdefault(name, (line, column))
            self.members.setdefault(name, {})[group] = None
        return names

    def add_child(self, parent: str, child: str) -> None:
        """Note that one group is inside another."""
        self.parents.setdefault(child, {})[parent] = None

    def groups_of(self, host: str) -> tuple[str, ...]:
        """The groups a host is in, directly or through others, sorted; without those that every host is in."""
        return tuple(sorted(self._depths(host).keys() - set(_IMPLIED)))

    def variables_of(self, host: str) -> Iterator[Variable]:
        """The variables that hold for a host, each once, as Ansible would have it."""
        depths = self._depths(host)
        order = ["all", *sorted(depths.keys() - {"all"}, key=lambda group: (-depths[group], group))]
        found: dict[str, Variable] = {}
        for group in order:
            found.update((variable.name, variable) for variable in self.group_variables.get(group, ()))
        found.update((variable.name, variable) for variable in self.host_variables.get(host, ()))
        yield from found.values()

    def _depths(self, host: str) -> dict[str, int]:
        """How far above the host each of its groups is; groups that contain themselves end the walk."""
        depths: dict[str, int] = {}
        level = list(self.members.get(host, {}))
        depth = 0
        while level:
            fresh = [group for group in level if group not in depths]
            depths.update(dict.fromkeys(fresh, depth))
            level = [parent for group in fresh for parent in self.parents.get(group, {})]
            depth += 1
        return depths


def expand(pattern: str) -> tuple[str, ...]:
    """``web[01:03]`` as ``web01 web02 web03``; ``[a:c]`` and steps likewise. Raises ValueError when it cannot be meant."""
    names = [""]
    rest = pattern
    while match := _RANGE.search(rest):
        before, items = rest[: match.start()], _items(match)
        if len(names) * len(items) > MAX_HOSTS:
            raise ValueError(_("this range stands for more than {most} hosts").format(most=MAX_HOSTS))
        names = [name + before + item for name in names for item in items]
        rest = rest[match.end() :]
    return tuple(name + rest for name in names)


def _items(match: re.Match[str]) -> list[str]:
    first, last, step = match[1], match[2], int(match[3] or 1)
    if first.isdigit() != last.isdigit() or step == 0:
        message = _("{range} is not a range; expected two numbers or two letters, such as [01:20] or [a:f]")
        raise ValueError(message.format(range=match[0]))
    if first.isdigit():
        width = len(first) if first.startswith("0") else 0
        start, stop = int(first), int(last)
    else:
        width, start, stop = 0, ord(first), ord(last)
    if stop < start or (stop - start) // step >= MAX_HOSTS:
        message = _("{range} is empty or too long; expected the smaller end first and at most {most} hosts")
        raise ValueError(message.format(range=match[0], most=MAX_HOSTS))
    numbers = range(start, stop + 1, step)
    return [str(n).zfill(width) for n in numbers] if first.isdigit() else [chr(n) for n in numbers]
