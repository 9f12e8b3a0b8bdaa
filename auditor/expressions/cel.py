"""The only door to CEL: compile against shapes, evaluate to a value or an error.

CEL's own behaviour makes three guards necessary (measured on cel-expr-python 0.1.3). ``eval`` mostly *returns* errors, as a
value whose ``.value()`` is a truthy string, and sometimes raises: both become ExpressionError here. Values are given as plain
dicts, which its checker cannot look into: every expression is therefore compiled twice, once against message types
made from the facts' shapes, which finds misspelt fields and wrong types when files are loaded, and once untyped for
evaluation. One evaluation may iterate 10,000 times in all; beyond that it is an error, never an answer.
"""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool

from auditor.errors import ExpressionError
from auditor.expressions.functions import KEPT, functions
from auditor.facts import FACTS
from auditor.facts.shape import BOOL, FLOAT, INT, STR, ListOf, MapOf, Plain, Record, Shape, record
from auditor.model import Json
from auditor.text import NP_, _, pgettext

Value: TypeAlias = "Json | datetime"

TIMESTAMP = Plain("timestamp")
"""The shape of ``now`` and ``observed_at``; facts give instants as whole seconds since 1970, for ``timestamp(…)``."""

ANY = Plain("any")
"""What cannot be known when files are loaded, such as an item of ``flatten()``."""

GROUP = record(key=STR, values=ListOf(STR))
"""What ``group()`` lists: a key, and the distinct values that share it."""

COUNTED = record(key=STR, value=INT, near=INT, of=INT)
"""What ``near()`` lists: a key with its number, how many numbers are near it, and how many there are."""

KNOWN = record(address=STR, names=ListOf(STR), listed=BOOL)
"""What ``listed()`` lists: a host that answered, and whether an inventory has it."""

SOUGHT = record(uid=STR, address=STR, scanned=BOOL, answers=BOOL)
"""What ``sought()`` lists: a host of the inventory, whether its network was looked through, and whether it answered there."""

_PACKAGE = "auditor"
# Nearly all checks see facts by their own names. They share one environment: each takes a quarter of a megabyte once it is used.
_ITEMS = "_items"  # no check can name a variable so
_COMMON = frozenset({"params", "asset", "department", "inventory", "item", "gone", _ITEMS, *(fact.name for fact in FACTS)})
_SCALARS: dict[str, Any] = {
    "str": cel.Type.STRING,
    "int": cel.Type.INT,
    "float": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "timestamp": cel.Type.TIMESTAMP,
    "any": cel.Type.DYN,
}
_FIELD = descriptor_pb2.FieldDescriptorProto
_FIELD_TYPES = {"str": _FIELD.TYPE_STRING, "int": _FIELD.TYPE_INT64, "float": _FIELD.TYPE_DOUBLE, "bool": _FIELD.TYPE_BOOL}


class Binding:
    """Values bound to variables, ready to be evaluated against many times; with ``items``, for ``Program.values``.

    Activated in the environment of the program that asks: in another one the library does not know an instant for what it is.
    """

    __slots__ = ("_activation", "_environment", "_values", "many")

    def __init__(self, values: Mapping[str, Value], items: list[Json] | None = None) -> None:
        self._values = dict(values) if items is None else {**values, _ITEMS: items}
        self.many = len(items or ())
        self._environment: Any = None
        self._activation: Any = None

    def activation(self, environment: Any) -> Any:
        """The values as ``environment`` takes them, kept for the next program of the same environment."""
        if self._environment is not environment:
            self._environment, self._activation = environment, environment.Activation(self._values)
        return self._activation


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression. ``shape`` is what it returns, None when only evaluation can tell."""

    source: str
    shape: Shape | None
    _environment: Any
    _expression: Any

    def value(self, binding: Binding) -> Value:
        """The expression's value, as plain Python. Raises ExpressionError, and nothing else."""
        return self._evaluate(binding)[1]

    def holds(self, binding: Binding) -> bool:
        """True only for BOOL true, false only for BOOL false; everything else raises ExpressionError."""
        kind, value = self._evaluate(binding)
        if kind != cel.Type.BOOL or not isinstance(value, bool):
            raise ExpressionError(f"`{self.source}` gave {_type_name(kind)} instead of true or false")
        return value

    def values(self, binding: Binding) -> list[Value]:
        """The expression's value for each of the items of ``binding``, as ``item``, in one evaluation: what else is bound is
        copied once. Raises ExpressionError where one of them has none, or where all together iterate too often.
        """
        try:
            expression = _for_each(self._environment, self.source)
        except Exception as error:
            raise ExpressionError(f"`{self.source}`: {_first_line(error)}") from error
        _kind, found = self._evaluate(binding, expression)
        if not isinstance(found, list) or len(found) != binding.many:
            raise ExpressionError(f"`{self.source}` did not give a value for each item")
        return [*found]

    def _evaluate(self, binding: Binding, expression: Any = None) -> tuple[Any, Value]:
        try:
            result = (expression or self._expression).eval(binding.activation(self._environment))
            kind = result.type()
            value = result.plain_value()
        except Exception as error:
            raise ExpressionError(f"`{self.source}`: {_first_line(error)}") from error
        finally:
            KEPT.empty()
        _give_back(value)
        if kind in (cel.Type.ERROR, cel.Type.UNKNOWN):
            raise ExpressionError(f"`{self.source}`: {_first_line(value)}")
        return kind, value


class Environment:
    """The variables that a check's expressions may see, each with its shape.

    Not ``typed``: of expressions that are known to have no mistake, which are compiled for evaluation alone.
    """

    def __init__(self, variables: Mapping[str, Shape], *, typed: bool = True) -> None:
        self._names = frozenset(variables)
        self._instants = frozenset(name for name, shape in variables.items() if shape == TIMESTAMP)
        self._typed: Any = None
        if not typed:
            return
        messages = _Messages()
        types = {name: messages.type_of(shape) for name, shape in variables.items()}
        ours = functions(*map(messages.type_of, (GROUP, COUNTED, KNOWN, SOUGHT)))
        self._shapes = messages.shapes
        self._typed = cel.NewEnv(descriptor_pool=messages.pool(), variables=types, functions=ours)

    def compile(self, source: str, expected: Shape | None = None, *, shown: bool = True) -> Program:
        """Compile ``source``; with ``expected``, refuse one that surely returns something else. Raises ExpressionError.

        A value that is ``shown`` must come out the same each time: a list made of a map's keys has to be sorted.
        """
        if "\0" in source:
            raise ExpressionError(_("an expression may not hold a NUL character"))
        try:
            kind = self._typed.compile(source).return_type() if self._typed is not None else None
            environment = _runtime(self._names | _COMMON, self._instants)
            program = environment.compile(source)
        except Exception as error:
            raise ExpressionError(_first_line(error)) from error
        if kind is None:
            return Program(source, None, environment, program)
        shape = self._shape_of(str(kind))
        if shown and shape not in _ORDERLESS and ".sort()" not in source and (listed := self._listed_map(source)):
            message = _(
                "the keys of {map} come in no order, another on each run: write .sort() after the list that is made of them"
            )
            raise ExpressionError(message.format(map=listed))
        if expected is not None and shape is not None and shape != expected:
            wanted = pgettext(*_SHOWN[expected]) if expected in _SHOWN else str(expected)
            message = _("the expression returns {kind}, expected {expected}")
            raise ExpressionError(message.format(kind=_type_name(kind), expected=wanted))
        return Program(source, shape, environment, program)

    def _listed_map(self, source: str) -> str:
        """A map of which the expression makes a list, "" when there is none. The library walks through maps at random."""
        for match in _LISTING.finditer(source):
            try:
                kind = self._typed.compile(match[1]).return_type()
            except Exception:  # noqa: S112 - no expression of its own: the variable of a filter around it, say
                continue
            if str(kind).startswith("MAP<"):
                return match[1]
        return ""

    def _shape_of(self, name: str) -> Shape | None:
        if name in _BY_CEL_NAME:
            return _BY_CEL_NAME[name]
        if name.startswith("LIST<"):
            inner = self._shape_of(name[5:-1])
            return ListOf(inner) if inner else None
        if name.startswith("MAP<STRING, "):
            inner = self._shape_of(name[12:-1])
            return MapOf(inner) if inner else None
        return self._shapes.get(name)


class _Messages:
    """Protobuf message types made from records: CEL's checker knows fields only of messages."""

    def __init__(self) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(name="auditor.proto", package=_PACKAGE, syntax="proto3")
        self._names: dict[Record, str] = {}
        self.shapes: dict[str, Shape] = {}

    def pool(self) -> descriptor_pool.DescriptorPool:
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(self._file.SerializeToString())
        return pool

    def type_of(self, shape: Shape) -> Any:
        match shape:
            case Plain(name):
                return _SCALARS[name]
            case ListOf(of):
                return cel.Type.List(self.type_of(of))
            case MapOf(of):
                return cel.Type.Map(cel.Type.STRING, self.type_of(of))
            case Record():
                return cel.Type(f"{_PACKAGE}.{self._message(shape)}")

    def _message(self, shape: Record) -> str:
        if shape not in self._names:
            name = self._names[shape] = f"Record{len(self._names) + 1}"
            self.shapes[f"{_PACKAGE}.{name}"] = shape
            message = descriptor_pb2.DescriptorProto(name=name)
            for number, (field, inner) in enumerate(shape.fields, start=1):
                self._add_field(message, field, number, inner)
            self._file.message_type.append(message)
        return self._names[shape]

    def _add_field(self, message: descriptor_pb2.DescriptorProto, name: str, number: int, shape: Shape) -> None:
        field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
        if isinstance(shape, ListOf):
            field.label = _FIELD.LABEL_REPEATED
            self._set_type(field, shape.of)
        elif isinstance(shape, MapOf):
            entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
            self._set_type(entry.field.add(name="value", number=2, label=_FIELD.LABEL_OPTIONAL), shape.of)
            field.label, field.type = _FIELD.LABEL_REPEATED, _FIELD.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"
        else:
            self._set_type(field, shape)

    def _set_type(self, field: descriptor_pb2.FieldDescriptorProto, shape: Shape) -> None:
        match shape:
            case Plain(name) if name in _FIELD_TYPES:
                field.type = _FIELD_TYPES[name]
            case Record():
                field.type = _FIELD.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{self._message(shape)}"
            case _:
                raise ExpressionError(f"the field {field.name} nests a list or a map directly in another: put a record between")


_BY_CEL_NAME: dict[str, Shape] = {
    "STRING": STR, "INT": INT, "DOUBLE": FLOAT, "BOOL": BOOL, "TIMESTAMP": TIMESTAMP
}  # fmt: skip
_ORDERLESS = (BOOL, INT, FLOAT)  # what may be said of a map without an order showing in it
_LISTING = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\.\s*(?:filter|map)\s*\(")
_SHOWN: dict[Shape, tuple[str, str]] = {
    STR: NP_("expected", "a text"),
    INT: NP_("expected", "a whole number"),
    FLOAT: NP_("expected", "a number"),
    BOOL: NP_("expected", "true or false"),
}


@functools.cache
def _runtime(names: frozenset[str], instants: frozenset[str]) -> Any:
    """The untyped environment in which expressions over these variables, or some of them, are evaluated."""
    types = {name: cel.Type.TIMESTAMP if name in instants else cel.Type.DYN for name in sorted(names)}
    return cel.NewEnv(variables=types, functions=functions(*[cel.Type.DYN] * 4))


@functools.lru_cache(maxsize=4096)
def _for_each(environment: Any, source: str) -> Any:
    """An expression on ``item`` as one on all of a binding's items, which it names ``item`` one after the other."""
    # a comment may end the source
    return environment.compile(f"{_ITEMS}.map(item, (\n{source}\n))")


def _give_back(value: object) -> None:
    """Take a reference to None for each null in the value. The library (0.1.3) gives away one that is not its own, and
    Python 3.11 ends with a fatal error when none is left.
    """
    if value is None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            if part is None or isinstance(part, dict | list):
                _give_back(part)


def _type_name(kind: Any) -> str:
    return re.sub(rf"{_PACKAGE}\.Record\d+", "a record", str(kind)).lower()


def _first_line(error: object) -> str:
    """The first line of CEL's message, without its status code and caret drawing."""
    line = (str(error).splitlines() or ["no message"])[0]
    line = re.sub(rf"'?{_PACKAGE}\.Record\d+'?", "this record", line)
    return re.sub(r"^[A-Z_]+: (ERROR: <input>:)?", "", line).removesuffix("]")
