"""The INI form of an Ansible inventory."""

from __future__ import annotations

import re
import shlex

from auditor.loading.importing.groups import Groups, Variable
from auditor.loading.mistake import Mistake, did_you_mean
from auditor.loading.yaml_reader import RefusedError, decode
from auditor.text import _

_SECTION = re.compile(r"\[([^:\]\s]+)(?::([A-Za-z]+))?\]\s*([#;].*)?")
_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]+|[^:]*\[[^\]]*\][^:]*):([0-9]{1,5})")
_BRACKETED = re.compile(r"\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]")


def parse_ini(data: bytes, file: str) -> tuple[Groups, tuple[Mistake, ...]]:
    """The groups of the file, and a mistake for each line that cannot be meant."""
    groups = Groups()
    try:
        text = decode(data)
    except RefusedError as error:
        return groups, (Mistake(file, error.line, error.column, error.message),)
    mistakes: list[Mistake] = []
    group, kind = "ungrouped", "hosts"
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        try:
            section = _SECTION.fullmatch(stripped) if stripped.startswith("[") and _BRACKETED.match(stripped) is None else None
            if section:
                group, kind = section[1], _kind(section[2])
            elif kind == "hosts":
                _host(groups, group, line, number)
            elif kind == "vars":
                groups.group_variables.setdefault(group, []).append(_assignment(stripped, number, _column(line)))
            else:
                groups.add_child(group, stripped.split()[0])
        except ValueError as error:
            mistakes.append(Mistake(file, number, _column(line), str(error)))
    return groups, tuple(mistakes)


def _kind(word: str | None) -> str:
    kinds = ("hosts", "vars", "children")
    if word and word not in kinds:
        message = _("unknown kind of section {kind!r}; expected vars or children{hint}")
        raise ValueError(message.format(kind=word[:30], hint=did_you_mean(word, kinds)))
    return word or "hosts"


def _host(groups: Groups, group: str, line: str, number: int) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise ValueError(_("the quotes of this line are not closed: {problem}").format(problem=error)) from error
    pattern, port, column = words[0], None, _column(line)
    if match := _PORT.fullmatch(pattern):
        pattern, port = match[1], match[2]
    if match := _BRACKETED.fullmatch(pattern):
        pattern = match[1]
    if not pattern or "=" in pattern:
        raise ValueError(_("this line begins with no host's name; variables follow the name, or stand under [group:vars]"))
    variables = [Variable("ansible_port", port, number, column)] if port else []
    variables += [_assignment(word, number, max(line.find(word.split("=")[0]), 0) + 1) for word in words[1:]]
    for name in groups.add_hosts(pattern, group, number, column):
        groups.host_variables.setdefault(name, []).extend(variables)


def _assignment(text: str, line: int, column: int) -> Variable:
    name, equals, value = text.partition("=")
    if not equals:
        # The text is not repeated: it may be the rest of a password with a space in it.
        raise ValueError(_("a word without «=» here; expected variables as name=value, with quotes around a value with spaces"))
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return Variable(name.strip(), value, line, column)


def _column(line: str) -> int:
    return len(line) - len(line.lstrip()) + 1
