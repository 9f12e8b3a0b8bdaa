"""A short cut for plain texts and flags, of which an inventory of ten thousand hosts is made.

jsonschema builds a validator for every value that it descends to. A text whose type, pattern and choice are right needs none;
everything else, and above all everything wrong, goes the usual way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jsonschema.exceptions import ValidationError

_KEYWORDS = frozenset({"type", "pattern", "enum", "title", "description"})


class Quick:
    """The keywords ``properties`` and ``items`` with the short cut; for one schema, whose parts it remembers."""

    def __init__(self) -> None:
        self._tests: dict[int, Callable[[Any], bool]] = {}

    def properties(self, validator: Any, schemas: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
        """As jsonschema's own."""
        if isinstance(value, dict):
            for name, schema in schemas.items():
                if name in value and not self._surely_right(schema, value[name]):
                    yield from validator.descend(value[name], schema, path=name, schema_path=name)

    def items(self, validator: Any, schema: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
        """As jsonschema's own."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                if not self._surely_right(schema, item):
                    yield from validator.descend(item, schema, path=index)

    def _surely_right(self, schema: Any, value: Any) -> bool:
        test = self._tests.get(id(schema))
        if test is None:
            test = self._tests[id(schema)] = _test_of(schema)
        return test(value)


def _test_of(schema: Any) -> Callable[[Any], bool]:
    kind, rest = (schema.get("type"), schema.keys()) if isinstance(schema, dict) else (None, frozenset())
    if kind == "boolean" and rest <= _KEYWORDS - {"enum", "pattern"}:
        return lambda value: type(value) is bool
    if kind == "string" and rest <= _KEYWORDS:
        pattern, choices = re.compile(schema.get("pattern", "")), schema.get("enum")
        if choices is None:
            return lambda value: type(value) is str and pattern.search(value) is not None
        return lambda value: type(value) is str and value in choices and pattern.search(value) is not None
    return lambda _: False
