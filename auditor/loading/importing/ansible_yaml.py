"""The YAML form of an Ansible inventory."""

from __future__ import annotations

import re

from auditor.loading.document import Document, Keys
from auditor.loading.importing.groups import Groups, Variable
from auditor.loading.mistake import Mistake
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Json
from auditor.text import _

# A vaulted value is a secret and left out as one; without its tag it is a text like any other. Spaces keep the columns.
_TAGS = re.compile(rb"(?<=[:\-] )!(vault|unsafe)(?=[ \n])")
_PARTS = ("hosts", "vars", "children")


def parse_yaml(data: bytes, file: str) -> tuple[Groups, tuple[Mistake, ...]]:
    """The groups of the file, and its mistakes."""
    groups = Groups()
    document, mistakes = read_yaml(_TAGS.sub(lambda match: b" " * len(match[0]), data), file)
    if document is None:
        return groups, mistakes
    reader = _Reader(document, groups, list(mistakes))
    if isinstance(document.value, dict):
        for name in document.value:
            reader.group(name, (name,))
    else:
        reader.wrong((), _("expected groups with their hosts, such as «{example}»").format(example="all: {hosts: {web01: {}}}"))
    return groups, tuple(reader.mistakes)


class _Reader:
    """Walks the groups; their nesting is capped by the YAML reader."""

    def __init__(self, document: Document, groups: Groups, mistakes: list[Mistake]) -> None:
        self.document, self.groups, self.mistakes = document, groups, mistakes

    def wrong(self, keys: Keys, message: str) -> None:
        """Note a mistake."""
        self.mistakes.append(self.document.mistake(keys, message))

    def group(self, name: str, keys: Keys) -> None:
        """Take in one group and those inside it."""
        parts = self._mapping(keys)
        for part in parts:
            if part not in _PARTS:
                message = _("the group {group} holds {part!r}; expected {names}")
                self.wrong((*keys, part), message.format(group=name, part=part[:60], names=", ".join(_PARTS)))
        self.groups.group_variables.setdefault(name, []).extend(self._variables((*keys, "vars")))
        for pattern in self._mapping((*keys, "hosts")):
            self._host(pattern, name, (*keys, "hosts", pattern))
        for child in self._mapping((*keys, "children")):
            self.groups.add_child(name, child)
            self.group(child, (*keys, "children", child))

    def _host(self, pattern: str, group: str, keys: Keys) -> None:
        line, column = self.document.place_of(keys[:-1]).keys.get(pattern, (1, 1))
        try:
            names = self.groups.add_hosts(pattern, group, line, column)
        except ValueError as error:
            self.wrong(keys, str(error))
            return
        variables = self._variables(keys)
        for name in names:
            self.groups.host_variables.setdefault(name, []).extend(variables)

    def _variables(self, keys: Keys) -> list[Variable]:
        values, place = self._mapping(keys), self.document.place_of(keys)
        return [Variable(name, value, *place.keys.get(name, (place.line, place.column))) for name, value in values.items()]

    def _mapping(self, keys: Keys) -> dict[str, Json]:
        """The mapping under the keys; an empty one where there is none, and a mistake where there is something else."""
        value: Json = self.document.value
        for key in keys:
            value = value.get(str(key)) if isinstance(value, dict) else None
        if value is None:
            return {}
        if not isinstance(value, dict):
            message = _("{key} is not a mapping; expected names with a colon after each")
            self.wrong(keys, message.format(key=keys[-1]))
            return {}
        return value
