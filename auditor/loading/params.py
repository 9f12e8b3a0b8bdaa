"""Parameters: whether a value has its type, and whether a change tightens."""

from __future__ import annotations

from typing import Any

from auditor.model import Json, Param, Stricter

TYPE_NAMES = {
    "str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false",
    "list": "a list of texts", "ints": "a list of whole numbers",
}  # fmt: skip

_DIRECTIONS: dict[Stricter, tuple[str, ...]] = {
    Stricter.LOWER: ("int", "float"),
    Stricter.HIGHER: ("int", "float"),
    Stricter.SUBSET: ("list", "ints"),
    Stricter.SUPERSET: ("list", "ints"),
    Stricter.TRUE: ("bool",),
    Stricter.FALSE: ("bool",),
    Stricter.NONE: tuple(TYPE_NAMES),
}

_TIGHTER_SAID = {
    Stricter.LOWER: "no higher than",
    Stricter.HIGHER: "no lower than",
    Stricter.SUBSET: "nothing beyond",
    Stricter.SUPERSET: "at least all of",
}


def of_type(kind: str, value: Json) -> Json:
    """The value as the type has it (a whole number serves as a number). Raises ValueError when it is of another type."""
    match kind:
        case "float" if type(value) in (int, float):
            return float(value)  # type: ignore[arg-type]
        case "int" if type(value) is int:
            return value
        case "bool" if type(value) is bool:
            return value
        case "str" if isinstance(value, str):
            return value
        case "list" if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        case "ints" if isinstance(value, list) and all(type(item) is int for item in value):
            return value
    raise ValueError(f"expected {TYPE_NAMES[kind]}")


def directions(kind: str) -> tuple[Stricter, ...]:
    """Which ways a parameter of that type can become stricter."""
    return tuple(stricter for stricter, kinds in _DIRECTIONS.items() if kind in kinds)


def tightens(param: Param, base: Json, value: Json) -> bool:
    """Whether ``value`` is at least as strict as ``base``; what cannot be compared is not."""
    old: Any = base
    new: Any = value
    match param.stricter:
        case Stricter.LOWER:
            return bool(new <= old)
        case Stricter.HIGHER:
            return bool(new >= old)
        case Stricter.SUBSET:
            return set(new) <= set(old)
        case Stricter.SUPERSET:
            return set(new) >= set(old)
        case Stricter.TRUE:
            return bool(new) or new == old
        case Stricter.FALSE:
            return not new or new == old
        case Stricter.NONE:
            return bool(new == old)


def tighter_said(param: Param) -> str:
    """How a stricter value compares with the policy's, in words that its value follows."""
    return _TIGHTER_SAID.get(param.stricter, "exactly")
