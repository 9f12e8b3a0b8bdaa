"""The catalogue as pages: every check, every control with what decides it, and how far checks reach. Markdown, from the YAML.

A page of checks exists in each language; a control's page holds both, the Arabic in a right-to-left block.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from auditor.model import Catalogue, Check, Control, Evidence, Json, Language, Text
from auditor.model.codec import to_json
from auditor.text import _, using
from auditor.text.labels import label

NEEDED = {Evidence.TECHNICAL: 2, Evidence.HYBRID: 1, Evidence.ATTESTATION: 0}
"""How many checks a control of each class has at least."""

_LANGUAGES: tuple[Language, ...] = ("en", "ar")


def pages(catalogue: Catalogue) -> dict[str, str]:
    """All pages by their path below ``docs/``."""
    found = {f"checks{'' if language == 'en' else '.ar'}.md": _checks(catalogue, language) for language in _LANGUAGES}
    found["controls/README.md"] = _both(functools.partial(_coverage, catalogue))
    for control in catalogue.framework.controls:
        found[f"controls/{control.id}.md"] = _both(functools.partial(_control, catalogue, control))
    return found


def covered(control: Control) -> bool:
    """Whether as many checks speak for a control as its class needs."""
    return len(control.checks) >= NEEDED[control.evidence]


def _checks(catalogue: Catalogue, language: Language) -> str:
    with using(language):
        controls = _controls_of(catalogue)
        parts = [_heading("#", _("The checks")), _("Written by scripts/docs from the YAML in checks/ and policies/.")]
        count = _("{checks} checks rest on {facts} facts. `auditor check show ID` tells how one is judged and how to remedy.")
        facts = {use.fact for check in catalogue.checks.values() for use in check.facts}
        parts.append(count.format(checks=len(catalogue.checks), facts=len(facts)))
        for area in sorted({check.area for check in catalogue.checks.values()}):
            parts.append(f"## {area}")
            titles = (_("Check"), _("What holds where all is well"), _("Severity"), _("Parameters"), _("Controls"))
            members = sorted((c for c in catalogue.checks.values() if c.area == area), key=lambda c: c.id)
            parts.append(_table(titles, (_check_row(check, controls.get(check.id, []), language) for check in members)))
        return _page("\n\n".join(parts), language)


def _check_row(check: Check, controls: list[str], language: Language) -> tuple[str, ...]:
    links = " ".join(f"[{control}](controls/{control}.md)" for control in controls)
    params = "<br>".join(f"`{p.name}` = {_value(p.default)}" for p in check.params)
    return f"`{check.id}`", _in(check.title, language), label(check.severity), params, links


def _coverage(catalogue: Catalogue, language: Language) -> str:
    checks = {mapping.check for control in catalogue.framework.controls for mapping in control.checks}
    parts = [
        _heading("#", _("The controls, and what decides them")),
        _("Written by scripts/docs from the YAML in checks/ and policies/."),
    ]
    rule = _(
        "A control that observation decides has at least {technical} checks, one that observation and people decide together"
        " at least {hybrid}; the others are for people alone. {checks} checks speak for {decided} controls."
    )
    decided = sum(bool(control.checks) for control in catalogue.framework.controls)
    needed = {"technical": NEEDED[Evidence.TECHNICAL], "hybrid": NEEDED[Evidence.HYBRID]}
    parts.append(rule.format(checks=len(checks), decided=decided, **needed))
    titles = (_("Control"), _("Title"), _("Evidence"), _("Checks"), _("As many as needed"))
    rows = (
        (
            f"[{control.id}]({control.id}.md)",
            _in(control.title, language),
            label(control.evidence),
            str(len(control.checks)),
            _("yes") if covered(control) else _("no"),
        )
        for control in catalogue.framework.controls
    )
    return "\n\n".join((*parts, _table(titles, rows)))


def _control(catalogue: Catalogue, control: Control, language: Language) -> str:
    terms = {(kind, term.id): term.title for kind, known in catalogue.framework.vocabulary for term in known}
    parts = [f"# {control.id} {_in(control.title, language)}", _in(control.statement, language)]
    attributes = [("theme", (control.theme,)), *control.attributes]
    said = [
        (_("Severity"), label(control.severity)),
        (_("Evidence"), label(control.evidence)),
        (_("National article"), catalogue.policies[catalogue.settings.policy_of_record].controls.get(control.id, "")),
        (_("Controls of 2013"), " ".join(control.iso27001_2013) or _("none: the control is new")),
        (
            _("Attributes"),
            _comma(language).join(_in(terms[kind, name], language) for kind, names in attributes for name in names),
        ),
    ]
    parts.append("\n".join(f"- {name}: {value}" for name, value in said if value))
    parts.append(_heading("##", _("What checks decide")))
    if control.checks:
        titles = (_("Check"), _("What holds where all is well"), _("Why it speaks for the control"))
        rows = ((f"`{m.check}`", _in(catalogue.checks[m.check].title, language), _in(m.why, language)) for m in control.checks)
        parts.append(_table(titles, rows))
    else:
        parts.append(_("No check decides it: the department answers."))
    if control.attestation:
        parts += [_heading("##", _("What the department answers")), _in(control.attestation.prompt, language)]
        parts.append("\n".join(f"- {_in(evidence, language)}" for evidence in control.attestation.evidence))
    return "\n\n".join(part for part in parts if part)


def _controls_of(catalogue: Catalogue) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for control in catalogue.framework.controls:
        for mapping in control.checks:
            found.setdefault(mapping.check, []).append(control.id)
    return found


def _heading(level: str, text: str) -> str:
    return f"{level} {text}"


def _both(write: Callable[[Language], str]) -> str:
    texts = []
    for language in _LANGUAGES:
        with using(language):
            texts.append(_page(write(language), language))
    return "\n".join(texts)


def _page(body: str, language: Language) -> str:
    return f'<div dir="rtl" lang="ar">\n\n{body}\n\n</div>\n' if language == "ar" else f"{body}\n"


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (titles, tuple("---" for _title in titles), *rows)
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _value(value: Json) -> str:
    return ", ".join(f"`{v}`" for v in value) if isinstance(value, list) else f"`{to_json(value)}`"


def _comma(language: Language) -> str:
    return "، " if language == "ar" else ", "


def _in(text: Text, language: Language) -> str:
    return text.to(language).strip()
