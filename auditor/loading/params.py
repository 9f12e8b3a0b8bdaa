"""Parameters: whether a value has its type, and whether a change tightens."""

from __future__ import annotations

import re
from typing import Any

from auditor.model import Json, Param, Stricter
from auditor.text import N_, NP_, _, pgettext

TYPE_NAMES = {
    "str": NP_("expected", "a text"),
    "int": NP_("expected", "a whole number"),
    "float": NP_("expected", "a number"),
    "bool": NP_("expected", "true or false"),
    "list": NP_("expected", "a list of texts"),
    "ints": NP_("expected", "a list of whole numbers"),
}

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
    Stricter.LOWER: N_("no higher than {limit}"),
    Stricter.HIGHER: N_("no lower than {limit}"),
    Stricter.SUBSET: N_("nothing beyond {limit}"),
    Stricter.SUPERSET: N_("at least all of {limit}"),
}


def type_name(kind: str) -> str:
    """What a value of the type is called: ``a whole number``."""
    return pgettext(*TYPE_NAMES[kind])


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
    raise ValueError(_("expected {expected}").format(expected=type_name(kind)))


def directions(kind: str) -> tuple[Stricter, ...]:
    """Which ways a parameter of that type can become stricter."""
    return tuple(stricter for stricter, kinds in _DIRECTIONS.items() if kind in kinds)


def off_when_empty(name: str, applies: str | None) -> bool:
    """Whether a check with this ``applies`` is off while the list is empty.

    Read from the expression, so that no check can forget to say it: an empty list of what is approved allows nothing, or, in such
    a check, everything.
    """
    param = rf"(?<![\w.])params\.{re.escape(name)}"
    asked = rf"({param}\.size\(\)|(?<![\w.])size\({param}\))\s*(>\s*0|>=\s*1|!=\s*0)(?!\d)|{param}\s*!=\s*\[\s*\]"
    return applies is not None and re.search(asked, applies) is not None


def tightens(param: Param, base: Json, value: Json) -> bool:
    """Whether ``value`` is at least as strict as ``base``; what cannot be compared is not."""
    old: Any = base
    new: Any = value
    match param.stricter:
        case Stricter.LOWER:
            return bool(new <= old)
        case Stricter.HIGHER:
            return bool(new >= old)
        case Stricter.SUBSET if param.off_when_empty and not (new and old):
            return bool(new) or not old
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


def tighter_said(param: Param, limit: str) -> str:
    """How a stricter value compares with the policy's, which is ``limit``."""
    if param.off_when_empty and param.stricter is Stricter.SUBSET:
        return _("nothing beyond {limit}, and no empty list, which turns the check off").format(limit=limit)
    return _(_TIGHTER_SAID.get(param.stricter, N_("exactly {limit}"))).format(limit=limit)
