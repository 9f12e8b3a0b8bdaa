"""The published JSON Schemas, applied: the shape of every file, told in our own words."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

import jsonschema
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from auditor.loading.document import Document, Keys
from auditor.loading.mistake import Mistake, did_you_mean
from auditor.loading.quick import Quick
from auditor.loading.wording import got, where
from auditor.model import Json

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
    strict = draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    quick = Quick()
    extend: Any = jsonschema.validators.extend  # its stubs are untyped
    validator: Validator = extend(draft, {"properties": quick.properties, "items": quick.items}, type_checker=strict)(inlined)
    return validator


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
        case "anyOf" | "oneOf":
            yield from _alternatives(document, keys, error)
        case "dependentRequired":
            yield document.mistake(keys, f"{where(keys)} has params but no check; name the check that they belong to")
        case _ if "propertyNames" in error.absolute_schema_path:
            keys = (*above, *error.relative_path, str(error.instance))
            message = f"the key {got(value, keys, document)} is wrong; expected {schema.get('title')}"
            yield document.mistake(keys, message, at_key=True)
        case "minItems" | "minProperties":
            yield document.mistake(
                keys, f"{where(keys)} has too few entries; expected {schema['title']}, at least {error.validator_value}"
            )
        case "maxItems" | "maxProperties":
            yield document.mistake(
                keys, f"{where(keys)} has too many entries; expected {schema['title']}, at most {error.validator_value}"
            )
        case "uniqueItems":
            yield from _repeated(document, keys, value)
        case _:
            yield document.mistake(keys, _wrong_value(document, keys, error))


def _unknown_keys(document: Document, keys: Keys, error: ValidationError) -> Iterator[Mistake]:
    schema, value = cast("dict[str, Any]", error.schema), cast("dict[str, Any]", error.instance)
    known = schema["properties"]
    free = known.keys() - value.keys()
    for key in value.keys() - known.keys():
        hint = did_you_mean(key, free) or f"; known here: {', '.join(known)}"
        inside = f" in {where(keys)}" if keys else ""
        yield document.mistake((*keys, key), f"unknown key {key}{inside}{hint}", at_key=True)


def _missing_key(keys: Keys, schema: Any, error: ValidationError) -> str:
    # jsonschema makes one error for each missing key and names it only in its message.
    missing = next(key for key in schema["required"] if error.message.startswith(repr(key)))
    known = schema.get("properties", {}).get(missing, {})
    return f"{where(keys)} lacks the key {missing}: {known.get('title', 'it is needed')}"


def _alternatives(document: Document, keys: Keys, error: ValidationError) -> Iterator[Mistake]:
    """The mistakes inside the branch that was meant, which shows in the value's type; else the value as a whole."""
    schema: Any = error.schema
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    meant = [errors for errors in branches.values() if not any(e.validator == "type" and not e.relative_path for e in errors)]
    if error.validator == "oneOf":
        yield document.mistake(keys, f"{where(keys)} must name either a check or a control; write one of the two keys")
    elif len(meant) == 1:
        for inner in meant[0]:
            yield from _mistakes(document, inner, keys)
    else:
        yield document.mistake(
            keys, f"{where(keys)} is {got(cast('Json', error.instance), keys, document)}; expected {schema['title']}"
        )


def _repeated(document: Document, keys: Keys, items: list[Any]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = json.dumps(item, sort_keys=True)
        if name in seen:
            yield document.mistake(
                (*keys, index), f"{got(item, (*keys, index), document)} stands twice in {where(keys)}; keep one"
            )
        seen.add(name)


def _wrong_value(document: Document, keys: Keys, error: ValidationError) -> str:
    schema, value = cast("dict[str, Any]", error.schema), cast("Json", error.instance)
    sentence = f"{where(keys)} is {got(value, keys, document)}; expected {schema['title']}"
    if error.validator == "enum" and isinstance(value, str):
        return sentence + did_you_mean(value, [str(v) for v in schema["enum"]])
    if error.validator == "type":
        return sentence + _quoting_hint(value, schema["type"], schema.get("pattern", ""))
    return sentence


def _quoting_hint(value: Any, kind: Any, pattern: str) -> str:
    """What quotes or spelling have to do with a wrong type."""
    if kind == "string" and isinstance(value, bool | int | float) and re.search(pattern, json.dumps(value)):
        return f'; put it in quotes: "{json.dumps(value)}"'
    if not isinstance(value, str):
        return ""
    if kind == "boolean" and value.lower() in ("yes", "on", "true", "no", "off", "false"):
        return f"; did you mean {'true' if value.lower() in ('yes', 'on', 'true') else 'false'}?"
    if kind in ("integer", "number"):
        try:
            number = float(value)
        except ValueError:
            return ""
        return f"; write it as {int(number) if number.is_integer() else number}" if abs(number) < 1e15 else ""
    return ""
