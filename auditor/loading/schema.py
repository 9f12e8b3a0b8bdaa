"""The published JSON Schemas, applied: the shape of every file, told in our own words."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

import jsonschema
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from auditor.loading.document import Document, Keys
from auditor.loading.expected import expected
from auditor.loading.mistake import Mistake, did_you_mean
from auditor.loading.quick import Quick
from auditor.loading.wording import got, where
from auditor.model import Json
from auditor.text import _

KINDS = ("check", "control", "framework", "policy", "overlay", "inventory", "settings")


def load_schema(kind: str) -> dict[str, Any]:
    """The schema as it is published for editors."""
    text = resources.files("auditor.loading").joinpath("schemas", f"{kind}.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


_HARMLESS = frozenset({"additionalProperties", "uniqueItems", "pattern", "minLength"})
"""Mistakes after which the rest of a file can still be read and judged, so that a person hears of all its mistakes at once."""


@dataclass(frozen=True, slots=True)
class SchemaResult:
    """The mistakes found, and the ways to the values that cannot be used at all."""

    mistakes: tuple[Mistake, ...]
    unusable: tuple[Keys, ...]


def check_schema(document: Document, kind: str) -> SchemaResult:
    """What in the document is not as the schema of its kind asks."""
    errors = list(_validator(kind).iter_errors(document.value))
    mistakes = tuple(mistake for error in errors for mistake in _mistakes(document, error, ()))
    harmful = (error for error in errors if error.validator not in _HARMLESS or "propertyNames" in error.absolute_schema_path)
    return SchemaResult(mistakes, tuple(tuple(error.absolute_path) for error in harmful))


@functools.cache
def _validator(kind: str) -> Validator:
    schema = load_schema(kind)
    # An inventory of thousands of hosts would follow the same few references millions of times: they are put in place once.
    inlined = _inline({key: value for key, value in schema.items() if key != "$defs"}, schema.get("$defs", {}))
    draft = jsonschema.Draft202012Validator
    strict = draft.TYPE_CHECKER.redefine_many({"integer": lambda _, value: type(value) is int, "number": _is_number})
    quick = Quick()
    extend: Any = jsonschema.validators.extend  # its stubs are untyped
    validator: Validator = extend(draft, {"properties": quick.properties, "items": quick.items}, type_checker=strict)(inlined)
    return validator


def _is_number(_checker: object, value: object) -> bool:
    """Whether it is a number to count with. TOML has nan and inf, too: no bound refuses nan, and none can be waited for."""
    return type(value) in (int, float) and abs(cast("float", value)) <= sys.float_info.max


def _inline(schema: Any, defs: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inline(item, defs) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        target = _inline(defs[schema["$ref"].removeprefix("#/$defs/")], defs)
        return {**target, **{key: _inline(value, defs) for key, value in schema.items() if key != "$ref"}}
    inlined = {key: _inline(value, defs) for key, value in schema.items()}
    pattern = inlined.get("pattern")
    if isinstance(pattern, str) and pattern.endswith("$"):
        # Python's $ also matches before a last line feed, which the published pattern's does not.
        inlined["pattern"] = pattern[:-1] + r"\Z"
    return inlined


def _mistakes(document: Document, error: ValidationError, above: Keys) -> Iterator[Mistake]:
    keys: Keys = (*above, *error.relative_path)
    schema: Any = error.schema
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(document, keys, error)
        case "required":
            yield document.mistake(keys, _missing_key(keys, schema, error))
        case "anyOf" if "dependentSchemas" in error.absolute_schema_path:
            names = ", ".join(key for branch in schema["anyOf"] for key in branch["required"])
            message = _("{place} has {key}, which needs one of these beside it: {names}")
            key = str(error.absolute_schema_path[-2])
            told = message.format(place=where(keys), key=key, names=names)
            yield document.mistake((*keys, key), told, at_key=True)
        case "anyOf" | "oneOf":
            yield from _alternatives(document, keys, error)
        case "dependentRequired":
            yield _half_given(document, keys, error)
        case _ if "propertyNames" in error.absolute_schema_path:
            keys = (*above, *error.relative_path, str(error.instance))
            message = _("the key {key} is wrong; expected {expected}").format(
                key=got(value, keys, document), expected=expected(schema["title"])
            )
            yield document.mistake(keys, message, at_key=True)
        case "minItems" | "minProperties":
            message = _("{place} has too few entries; expected {expected}, at least {n}")
            n = error.validator_value
            yield document.mistake(keys, message.format(place=where(keys), expected=expected(schema["title"]), n=n))
        case "maxItems" | "maxProperties":
            message = _("{place} has too many entries; expected {expected}, at most {n}")
            n = error.validator_value
            yield document.mistake(keys, message.format(place=where(keys), expected=expected(schema["title"]), n=n))
        case "uniqueItems":
            yield from _repeated(document, keys, value)
        case _:
            yield document.mistake(keys, _wrong_value(document, keys, error))


def _unknown_keys(document: Document, keys: Keys, error: ValidationError) -> Iterator[Mistake]:
    schema, value = cast("dict[str, Any]", error.schema), cast("dict[str, Any]", error.instance)
    known = schema["properties"]
    free = known.keys() - value.keys()
    for key in value.keys() - known.keys():
        hint = did_you_mean(key, free) or _("; known here: {names}").format(names=", ".join(known))
        message = _("unknown key {key} in {place}{hint}") if keys else _("unknown key {key}{hint}")
        yield document.mistake((*keys, key), message.format(key=key, place=where(keys), hint=hint), at_key=True)


def _missing_key(keys: Keys, schema: Any, error: ValidationError) -> str:
    # jsonschema makes one error for each missing key and names it only in its message.
    missing = next(key for key in schema["required"] if error.message.startswith(repr(key)))
    return _("{place} lacks the key {key}: {meaning}").format(place=where(keys), key=missing, meaning=_meaning(schema, missing))


def _half_given(document: Document, keys: Keys, error: ValidationError) -> Mistake:
    """A key that means nothing without another, which is not there."""
    schema: Any = error.schema
    pairs = ((key, other) for key, others in schema["dependentRequired"].items() for other in others)
    # as above, only the message names them
    key, missing = next(pair for pair in pairs if error.message == f"{pair[1]!r} is a dependency of {pair[0]!r}")
    message = _("{place} has {key} and no {missing}: {meaning}")
    told = message.format(place=where(keys), key=key, missing=missing, meaning=_meaning(schema, missing))
    return document.mistake((*keys, key), told, at_key=True)


def _meaning(schema: Any, key: str) -> str:
    title = schema.get("properties", {}).get(key, {}).get("title")
    return expected(title) if title else _("it is needed")


def _alternatives(document: Document, keys: Keys, error: ValidationError) -> Iterator[Mistake]:
    """The mistakes inside the branch that was meant, which shows in the value's type; else the value as a whole."""
    schema: Any = error.schema
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    meant = [errors for errors in branches.values() if not any(e.validator == "type" and not e.relative_path for e in errors)]
    if error.validator == "oneOf":
        message = _("{place} must name either a check or a control; write one of the two keys")
        yield document.mistake(keys, message.format(place=where(keys)))
    elif len(meant) == 1:
        for inner in meant[0]:
            yield from _mistakes(document, inner, keys)
    else:
        yield document.mistake(keys, _unexpected(document, keys, cast("Json", error.instance), schema["title"]))


def _repeated(document: Document, keys: Keys, items: list[Any]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = json.dumps(item, sort_keys=True)
        if name in seen:
            message = _("{value} stands twice in {place}; keep one")
            shown = got(item, (*keys, index), document)
            yield document.mistake((*keys, index), message.format(value=shown, place=where(keys)))
        seen.add(name)


def _unexpected(document: Document, keys: Keys, value: Json, title: str) -> str:
    sentence = _("{place} is {value}; expected {expected}")
    return sentence.format(place=where(keys), value=got(value, keys, document), expected=expected(title))


def _wrong_value(document: Document, keys: Keys, error: ValidationError) -> str:
    schema, value = cast("dict[str, Any]", error.schema), cast("Json", error.instance)
    sentence = _unexpected(document, keys, value, schema["title"])
    if error.validator == "enum" and isinstance(value, str):
        return sentence + did_you_mean(value, [str(v) for v in schema["enum"]])
    if error.validator == "type":
        return sentence + _quoting_hint(value, schema["type"], schema.get("pattern", ""))
    return sentence


def _quoting_hint(value: Any, kind: Any, pattern: str) -> str:
    """What quotes or spelling have to do with a wrong type."""
    if kind == "string" and isinstance(value, bool | int | float) and re.search(pattern, json.dumps(value)):
        return _('; put it in quotes: "{value}"').format(value=json.dumps(value))
    if not isinstance(value, str):
        return ""
    if kind == "boolean" and value.lower() in ("yes", "on", "true", "no", "off", "false"):
        return _("; did you mean {word}?").format(word="true" if value.lower() in ("yes", "on", "true") else "false")
    if kind in ("integer", "number"):
        try:
            number = float(value)
        except ValueError:
            return ""
        shown = int(number) if number.is_integer() else number
        return _("; write it as {value}").format(value=shown) if abs(number) < 1e15 else ""
    return ""
