"""Model values to and from JSON, so that plans and observations can travel and be kept."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import operator
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from auditor.model.common import Json, Scalar

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool, type(None)})


def to_json(value: Any) -> Any:
    """A JSON value that ``from_json`` turns back: dataclasses as objects, tuples as lists, instants as ISO 8601 UTC."""
    return _writer(typing.cast("Any", type(value)))(value)


@functools.cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """How values of one class are written; asked once per class, because plans and nights hold many of the same."""
    if kind in _PLAIN:
        return _same
    if dataclasses.is_dataclass(kind):
        names = tuple(f.name for f in dataclasses.fields(kind))
        if len(names) < 2:
            return lambda value: {name: to_json(getattr(value, name)) for name in names}
        parts = operator.attrgetter(*names)
        return lambda value: {
            name: part if type(part) in _PLAIN else to_json(part) for name, part in zip(names, parts(value), strict=True)
        }
    for base, write in _WRITERS:
        if issubclass(kind, base):
            return write
    return _same


def _same(value: Any) -> Any:
    return value


def _inner(value: Any) -> Any:
    """``to_json`` of what is inside something: mostly what needs no writing."""
    return value if type(value) in _PLAIN else to_json(value)


@functools.lru_cache(maxsize=1000)  # the findings of a host hold the same few
def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: value.value),
    (datetime, _instant),
    (date, lambda value: value.isoformat()),
    (Path, str),
    (dict, lambda value: {str(_inner(k)): _inner(v) for k, v in value.items()}),
    ((list, tuple), lambda value: [_inner(v) for v in value]),
)


def from_json(cls: type[T], data: Any) -> T:
    """The value of type ``cls`` that ``to_json`` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    return typing.cast(T, _reader(typing.cast("Any", cls))(data))


def canonical(value: Any) -> bytes:
    """``value`` as JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of ``canonical(value)`` in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


@functools.cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return functools.partial(_read_dataclass, kind)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return lambda data: tuple(_reader(args[0])(v) for v in data)
        return lambda data: tuple(_reader(a)(v) for a, v in zip(args, data, strict=True))
    if origin is dict:
        key, value = _reader(args[0]), _reader(args[1])
        return lambda data: {key(k): value(v) for k, v in data.items()}
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in args if a is not type(None)]
        if len(inner) == 1 and len(inner) != len(args):
            return lambda data: None if data is None else _reader(inner[0])(data)
        return lambda data: data
    if isinstance(kind, type) and issubclass(kind, Enum | Path):
        return kind
    if kind is datetime:
        return datetime.fromisoformat
    if kind is date:
        return date.fromisoformat
    return lambda data: data


@functools.cache
def field_readers(cls: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """What turns the JSON of each field of a dataclass back into its value."""
    hints = typing.get_type_hints(cls, localns={"Scalar": Scalar, "Json": Json})  # Json names itself in quotes
    return tuple((f.name, _reader(hints[f.name])) for f in dataclasses.fields(cls))


def _read_dataclass(cls: type, data: dict[str, Any]) -> Any:
    return cls(**{name: read(data[name]) for name, read in field_readers(cls) if name in data})
