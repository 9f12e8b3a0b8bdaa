"""Arguments of facts as people give them: texts, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from auditor.errors import UsageError
from auditor.facts import Fact
from auditor.model import Scalar
from auditor.text import _

_READ: dict[str, Callable[[str], Scalar]] = {"int": int, "float": float, "bool": lambda text: text == "true", "str": str}


def arguments_of(fact: Fact, args: Mapping[str, str]) -> tuple[tuple[str, Scalar], ...]:
    """The fact's arguments as it takes them. Raises UsageError for any other than its own."""
    if args.keys() != fact.arguments.keys():
        if not fact.arguments:
            raise UsageError(_("the fact {name} takes no arguments").format(name=fact.name))
        wanted = " ".join(f"--arg {name}=…" for name in fact.arguments)
        raise UsageError(_("the fact {name} takes these arguments: {arguments}").format(name=fact.name, arguments=wanted))
    try:
        return tuple((name, _READ[shape.name](args[name])) for name, shape in fact.arguments.items())
    except ValueError as error:
        raise UsageError(
            _("an argument of {name} is not of its kind: {problem}").format(name=fact.name, problem=error)
        ) from error
