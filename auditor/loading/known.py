"""What the files of a workspace define, so that others can be told when they name something that there is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.loading.document import Document, Keys, Report
from auditor.loading.mistake import did_you_mean
from auditor.loading.params import of_type
from auditor.loading.wording import got
from auditor.model import Check, Framework, Json, Param, Policy
from auditor.text import N_, _

# Each is a whole sentence of its own, because Arabic words differ with the gender of what is missing.
_UNKNOWN = {
    "check": (N_("unknown check {word}{hint}"), N_("; there is no check at all")),
    "control": (N_("unknown control {word}{hint}"), N_("; there is no control at all")),
    "department": (N_("unknown department {word}{hint}"), N_("; there is no department at all")),
    "framework": (N_("unknown framework {word}{hint}"), N_("; there is no framework at all")),
    "policy": (N_("unknown policy {word}{hint}"), N_("; there is no policy at all")),
}
_WORD = (N_("unknown {kind} of the vocabulary {word}{hint}"), N_("; there is no {kind} of the vocabulary at all"))


@dataclass(slots=True)
class Known:
    """What was loaded, and the ids of everything there is a file for.

    A file that is wrong still makes its id known: one mistake is not to be reported again wherever the id is named.
    """

    checks: dict[str, Check] = field(default_factory=dict)
    check_ids: set[str] = field(default_factory=set)
    framework: Framework | None = None
    framework_ids: set[str] = field(default_factory=set)
    control_ids: set[str] = field(default_factory=set)
    policies: dict[str, Policy] = field(default_factory=dict)
    policy_ids: set[str] = field(default_factory=set)

    def param(self, check: str, name: str) -> Param | None:
        """The parameter of that name, if the check was loaded and has it."""
        loaded = self.checks.get(check)
        return next((param for param in loaded.params if param.name == name), None) if loaded else None


def require(
    document: Document, report: Report, keys: Keys, word: str, known: Collection[str], what: str, *, at_key: bool = False
) -> bool:
    """Report ``word`` when it is not among the known ids; whether it is. ``what`` is a kind of file or of vocabulary."""
    if word in known:
        return True
    unknown, none = _UNKNOWN.get(what, _WORD)
    hint = did_you_mean(word, known) or ("" if known else _(none).format(kind=what))
    report.add(document, keys, _(unknown).format(kind=what, word=word, hint=hint), at_key=at_key)
    return False


def read_params(
    document: Document, report: Report, keys: Keys, params: Mapping[str, Any], known: Known
) -> dict[str, dict[str, Json]]:
    """Parameters by check, each of its declared type; what is wrong is reported and left out."""
    found: dict[str, dict[str, Json]] = {}
    for check, values in params.items():
        if require(document, report, (*keys, check), check, known.check_ids, "check", at_key=True):
            found[check] = read_values(document, report, (*keys, check), check, values, known)
    return found


def read_values(
    document: Document, report: Report, keys: Keys, check: str, values: Mapping[str, Any], known: Known
) -> dict[str, Json]:
    """One check's parameters, each of its declared type."""
    loaded = known.checks.get(check)
    if loaded is None:
        return {}
    found: dict[str, Json] = {}
    for name, value in values.items():
        param = known.param(check, name)
        if param is None:
            names = [p.name for p in loaded.params]
            hint = did_you_mean(name, names) or _("; it has {names}").format(names=", ".join(names) or _("none"))
            message = _("the check {check} has no parameter {name}{hint}").format(check=check, name=name, hint=hint)
            report.add(document, (*keys, name), message, at_key=True)
            continue
        try:
            found[name] = of_type(param.type, value)
        except ValueError as error:
            message = _("the parameter {name} of {check} is {value}; {error}")
            shown = got(value, keys, document)
            report.add(document, (*keys, name), message.format(name=name, check=check, value=shown, error=error))
    return found
