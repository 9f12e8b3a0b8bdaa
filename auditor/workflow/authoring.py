"""A new check: a file that is whole from its first minute, with cases that hold, for its author to make true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from auditor.errors import ConfigurationError, UsageError
from auditor.facts import Fact
from auditor.facts.shape import ListOf, MapOf, Plain, Record, Shape
from auditor.loading import check_mistakes
from auditor.model import Catalogue, Json
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.arguments import arguments_of

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+\Z")
_AREA = re.compile(r"[a-z][a-z0-9-]*\Z")

_FILE = """\
# اكتب العنوان والمبرر والمعالجة باللغتين، ثم غيّر التعبير والحالات. جرّبها بالأمر: auditor check test --watch {id}
# Write title, rationale and remediation in both languages, then change expressions and cases; auditor check test --watch {id}
id: {id}
title:
  en: The thing that must hold holds
  ar: يتحقق ما يجب أن يتحقق
severity: medium                       # critical | high | medium | low
rationale:
  en: Why it matters, in one or two sentences.
  ar: سبب الأهمية في جملة أو جملتين.
{facts}  # auditor fact show {fact}
{expressions}remediation:
  en: What an officer can do today.
  ar: ما يستطيع المسؤول فعله اليوم.
  shell: |
    # Debian, Ubuntu
    # RHEL family
cases:
  - {{name: as it should be, given: {{{fact}: {good}}}, verdict: pass}}
  - {{name: as it should not be, given: {{{fact}: {bad}}}, verdict: fail}}
"""


def new_check(catalogue: Catalogue, check_id: str, fact: Fact, area: str | None, args: Mapping[str, str] | None = None) -> Path:
    """Write ``checks/<area>/<id>.yaml`` over one fact and return its path.

    The file loads, and its two cases hold: one is the fact's example, one departs from it in the value that the expression
    looks at. Arguments of the fact that are not in ``args`` are those of its example. Raises UsageError when the id or the area
    is none, or is taken, or an argument is not given, and ConfigurationError rather than write a file that does not load.
    """
    area = area or check_id.split("-", 1)[0]
    if not _ID.match(check_id):
        message = _(
            "{name!r} is no id of a check: small Latin letters and digits in words joined by hyphens, such as ssh-root-login"
        )
        raise UsageError(message.format(name=check_id))
    if not _AREA.match(area):
        raise UsageError(_("{name!r} is no area: a folder's name of small Latin letters, digits and hyphens").format(name=area))
    if check_id in catalogue.checks:
        message = _("there is a check {name} already, in checks/{area}")
        raise UsageError(message.format(name=check_id, area=catalogue.checks[check_id].area))
    path = catalogue.settings.checks / area / f"{check_id}.yaml"
    values = _arguments(fact, args or {})
    expressions, good, bad = _sketch(replace(fact, example=_about(fact.example, values)))
    facts = f"facts: [{fact.name}]" if not values else f"facts: {{{fact.name}: {{{fact.name}: {_flow(values)}}}}}"
    text = _FILE.format(id=check_id, fact=fact.name, facts=facts, expressions=expressions, good=_flow(good), bad=_flow(bad))
    wrong = check_mistakes(catalogue.settings, area, check_id, text.encode())
    if wrong:  # it would stop every command of the workspace
        raise ConfigurationError(_("nothing was written: the check would not load"), tuple(map(str, wrong)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error
    return path


def _arguments(fact: Fact, args: Mapping[str, str]) -> dict[str, Json]:
    """The fact's arguments: those given, and else those of its example, such as the path that it is of."""
    shown = fact.example if isinstance(fact.example, dict) else {}
    told = {name: str(shown[name]) for name in fact.arguments if name in shown}
    return dict(arguments_of(fact, {**told, **args}))


def _about(value: Json, args: Mapping[str, Json]) -> Json:
    """An example as it reads for these arguments, which some facts repeat in their value."""
    return {**value, **{name: args[name] for name in args if name in value}} if isinstance(value, dict) else value


def _sketch(fact: Fact) -> tuple[str, Json, Json]:
    """Expressions over the fact, and a value that passes and one that fails."""
    example, name = fact.example, fact.name
    if isinstance(fact.shape, ListOf) and isinstance(example, list) and example:
        found = _field(fact.shape.of, example[0])
        if found is not None and isinstance(example[0], dict):
            key, value, other = found
            subject = f"string(item.{key})" if not isinstance(value, str) else f"item.{key}"
            lines = f"for_each: {name}\nsubject: {subject}\nexpect: item.{key} == {_cel(value)}\nobserved: item.{key}\n"
            return lines, example[:1], [{**example[0], key: other}]
    if isinstance(example, dict) and (found := _field(fact.shape, example)) is not None:
        key, value, other = found
        read = f"{name}.{key}"
        guard = f"has({read}) && " if isinstance(fact.shape, Record) and key in fact.shape.optional else ""
        return f"expect: {guard}{read} == {_cel(value)}\nobserved: {read}\n", example, {**example, key: other}
    if isinstance(fact.shape, Record) and isinstance(example, dict):
        key = next(k for k, inner in fact.shape.fields if k in example and isinstance(inner, ListOf | MapOf))
        empty: Json = [] if isinstance(example[key], list) else {}
        return f"expect: {name}.{key}.size() > 0\nobserved: {name}.{key}.size()\n", example, {**example, key: empty}
    empty = [] if isinstance(fact.shape, ListOf) else {}
    return f"expect: {name}.size() > 0\nobserved: {name}.size()\n", example, empty


def _field(shape: Shape, example: Json) -> tuple[str, Json, Json] | None:
    """A plain field of a record that the example has: its name, its value and another one."""
    if not isinstance(shape, Record) or not isinstance(example, dict):
        return None
    for wanted in ("bool", "int", "str", "float"):
        for name, inner in shape.fields:
            if isinstance(inner, Plain) and inner.name == wanted and name in example and name != "installed":
                value = example[name]
                other: Json = not value if isinstance(value, bool) else f"{value}-other" if isinstance(value, str) else value + 1  # type: ignore[operator]
                return name, value, other
    return None


def _cel(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return str(value)


def _flow(value: Json) -> str:
    """The value on one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6).strip()
