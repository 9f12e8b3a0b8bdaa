"""Shapes: what a fact's value looks like, declared once and used to check values, cases and expressions."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from auditor.errors import ParseError
from auditor.model import Json

Shape: TypeAlias = "Plain | ListOf | MapOf | Record"


@dataclass(frozen=True, slots=True)
class Plain:
    """A scalar: ``str``, ``int``, ``float`` or ``bool``."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape."""

    of: Shape


@dataclass(frozen=True, slots=True)
class MapOf:
    """Text keys to one shape."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields. Those in ``optional`` may be missing and are read after ``has()``; none is ever null."""

    fields: tuple[tuple[str, Shape], ...]
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Optional:
    shape: Shape


STR = Plain("str")
INT = Plain("int")
FLOAT = Plain("float")
BOOL = Plain("bool")

_PYTHON: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)


def optional(shape: Shape) -> _Optional:
    """Mark a field of ``record`` as one that may be missing."""
    return _Optional(shape)


def record(**fields: Shape | _Optional) -> Record:
    """A ``Record`` with its fields in the order given."""
    return Record(
        tuple((name, f.shape if isinstance(f, _Optional) else f) for name, f in fields.items()),
        frozenset(name for name, f in fields.items() if isinstance(f, _Optional)),
    )


def conform(shape: Shape, value: Json, where: str = "value") -> Json:
    """Return ``value`` if it has the shape, whole and with nothing besides; else raise ParseError naming the place."""
    if not _fit(shape)(value):
        _refuse(shape, value, where)
        raise ParseError(f"{where}: not as expected")  # never a fault that ends the night for the other hosts
    return value


@functools.cache
def _fit(shape: Shape) -> Callable[[Any], bool]:
    """Whether a value has the shape. Nearly all have: only where one has not is it gone through again for the place."""
    match shape:
        case Plain("str"):
            return _is_clean
        case Plain("int"):
            return lambda value: type(value) is int and value in _INT64
        case Plain(name):
            kind = _PYTHON[name]
            return lambda value: type(value) is kind
        case ListOf(of):
            item = _fit(of)
            return lambda value: isinstance(value, list) and all(map(item, value))
        case MapOf(of):
            item = _fit(of)
            return lambda value: isinstance(value, dict) and all(map(_is_clean, value)) and all(map(item, value.values()))
        case Record(fields, opt):
            return functools.partial(_fits_record, [(name, _fit(inner), name in opt) for name, inner in fields])


def _fits_record(fields: list[tuple[str, Callable[[Any], bool], bool]], value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    there = 0
    for name, fits, may_be_missing in fields:
        if name in value:
            if not fits(value[name]):
                return False
            there += 1
        elif not may_be_missing:
            return False
    return there == len(value)


def _refuse(shape: Shape, value: Json, where: str) -> None:
    """Raise ParseError at the first place that has not the shape."""
    match shape:
        case Plain(name):
            if type(value) is not _PYTHON[name]:
                raise ParseError(f"{where}: expected {name}, got {_kind(value)}")
            if isinstance(value, int) and value not in _INT64:
                raise ParseError(f"{where}: the number does not fit 64 bits")
            if isinstance(value, str):
                _clean(value, where)
        case ListOf(of):
            if not isinstance(value, list):
                raise ParseError(f"{where}: expected a list, got {_kind(value)}")
            for i, item in enumerate(value):
                _refuse(of, item, f"{where}[{i}]")
        case MapOf(of):
            if not isinstance(value, dict):
                raise ParseError(f"{where}: expected a map, got {_kind(value)}")
            for key, item in value.items():
                _clean(key, where)
                _refuse(of, item, f"{where}[{key!r}]")
        case Record(fields, opt):
            if not isinstance(value, dict):
                raise ParseError(f"{where}: expected a record, got {_kind(value)}")
            for name, inner in fields:
                if name in value:
                    _refuse(inner, value[name], f"{where}.{name}")
                elif name not in opt:
                    raise ParseError(f"{where}: the field {name} is missing")
            extra = value.keys() - {name for name, _ in fields}
            if extra:
                raise ParseError(f"{where}: unknown field {sorted(extra)[0]}")


def describe(shape: Shape) -> Json:
    """The shape as JSON for people: ``"int"``, ``["str"]``, ``{"*": …}`` for maps, ``{"name?": …}`` for optional fields."""
    match shape:
        case Plain(name):
            return name
        case ListOf(of):
            return [describe(of)]
        case MapOf(of):
            return {"*": describe(of)}
        case Record(fields, opt):
            return {name + ("?" if name in opt else ""): describe(inner) for name, inner in fields}


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _is_clean(text: Any) -> bool:
    """NUL cuts a CEL string and a lone surrogate cannot be encoded: neither may come so far (see ``collecting``)."""
    return type(text) is str and "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def _clean(text: str, where: str) -> None:
    if not _is_clean(text):
        raise ParseError(f"{where}: the text holds a NUL or a lone surrogate")
