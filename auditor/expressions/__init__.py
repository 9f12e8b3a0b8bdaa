"""The only door to CEL: ``cel`` compiles and evaluates, ``check`` knows what a check's expressions may see."""

from auditor.expressions.cel import ANY, TIMESTAMP, Binding, Environment, Program, Value
from auditor.expressions.check import CompiledCheck, ExpressionMistake, bind_asset, compile_check
from auditor.expressions.gathering import Gathering
from auditor.expressions.lengths import LONGEST, longest, makes_lists

__all__ = [
    "ANY",
    "LONGEST",
    "TIMESTAMP",
    "Binding",
    "CompiledCheck",
    "Environment",
    "ExpressionMistake",
    "Gathering",
    "Program",
    "Value",
    "bind_asset",
    "compile_check",
    "longest",
    "makes_lists",
]
