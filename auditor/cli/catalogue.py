"""``auditor control`` and ``auditor policy``: what the policy's files say, and what showing any of them needs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import click

from auditor.cli.base import App, Group, Option, output_option, pass_app
from auditor.cli.pairs import show_pairs
from auditor.errors import UsageError
from auditor.facts import Fact
from auditor.model import Catalogue, Check, Control, Criticality, Json, Severity, Text
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, current, percent
from auditor.text.bidi import isolate, safe
from auditor.text.labels import days_counted, label
from auditor.workflow.workspace import open_workspace

T = TypeVar("T", Check, Control, Fact)


@click.group(cls=Group, help=N_("The controls: what the policy requires."))
def control() -> None:
    """Group."""


@control.command("list", help=N_("List the controls with how each is decided."))
@output_option
@pass_app
def control_list(app: App, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    rows = [
        {
            "id": c.id,
            "title": to_json(c.title),
            "theme": c.theme,
            "severity": c.severity.value,
            "evidence": c.evidence.value,
            "decided_by": _decided_by(c),
            "checks": [m.check for m in c.checks],
            "in_force": c.id in policy.controls,
            "article": policy.controls.get(c.id, ""),
        }
        for c in catalogue.framework.controls
    ]
    by_id = {c.id: c for c in catalogue.framework.controls}
    columns = [
        Column(_("Control"), field("id"), whole=True),
        Column(_("Title"), title_of, wide=True),
        Column(_("Severity"), lambda r: label(by_id[r["id"]].severity), whole=True),
        Column(_("Evidence"), lambda r: label(by_id[r["id"]].evidence)),
        Column(_("Checks"), lambda r: str(len(r["checks"])) if r["checks"] else _("manual"), right=True),
        Column(_("Article"), field("article")),
    ]
    app.emit(Table(columns, rows), output)


@control.command("show", help=N_("Show one control: what is required, and what decides it."))
@click.argument("control_id", metavar="CONTROL")
@output_option
@pass_app
def control_show(app: App, control_id: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    found = find({c.id: c for c in catalogue.framework.controls}, control_id, _("There is no control {name}."))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    if output == "json":
        value = {**to_json(found), "decided_by": _decided_by(found), "article": policy.controls.get(control_id, "")}
        app.emit(Table([], []), output, value)
        return
    decided = {"checks": _("by checks"), "both": _("by checks and by attestation")}
    pairs = [
        (_("Control"), found.id),
        (_("Title"), spoken(found.title)),
        (_("National article"), policy.controls.get(control_id, "")),
        (_("Severity"), label(found.severity)),
        (_("What is required"), spoken(found.statement)),
        (_("Decided"), decided.get(_decided_by(found), _("manually: no check decides it yet"))),
        *((m.check, spoken(m.why)) for m in found.checks),
        (_("Question to the department"), spoken(found.attestation.prompt) if found.attestation else ""),
        (_("Examples of evidence"), "\n".join(spoken(e) for e in found.attestation.evidence) if found.attestation else ""),
        (_("Controls of 2013"), " ".join(found.iso27001_2013)),
    ]
    show_pairs(app, pairs, output)


@click.group(cls=Group, help=N_("The policy: what is in force, with which thresholds and deadlines."))
def policy() -> None:
    """Group."""


@policy.command("show", help=N_("Show a policy, or what is in force for one department today."))
@click.argument("policy_id", metavar="[POLICY]", required=False)
@click.option("--department", cls=Option, metavar="DEPARTMENT", help=N_("With this department's overlay and relaxations."))
@output_option
@pass_app
def policy_show(app: App, policy_id: str | None, department: str | None, output: str) -> None:
    """Show."""
    from auditor.workflow.policies import describe_policy

    catalogue = open_workspace(app.root)
    value = describe_policy(catalogue, policy_id, department)
    if output == "json":
        app.emit(Table([], []), output, value)
        return
    shown = value["title"]
    held = catalogue.policies[value["id"]]
    terms, scoring = held.terms, held.scoring
    pairs = [
        (_("Policy"), f"{value['id']} {value['version']}"),
        (_("Title"), shown[current()]),
        (_("Of record"), _("yes") if value["of_record"] else _("no")),
        (_("Controls in force"), str(len(value["controls"]))),
        (_("Checks"), str(len(value["checks"]))),
        (_("Coverage floor"), percent(value["coverage_floor"], 0)),
        (_("Days to remedy"), _by_severity(terms.days)),
        *((_days_on(c), _by_severity({**terms.days, **own})) for c, own in terms.by_criticality.items()),
        (_("Days to remedy are"), days_counted(terms)),
        (_("Weight of a check"), _by_severity(scoring.check_weights)),
        (_("Weight of a control"), _by_severity(scoring.control_weights)),
        (_("Weight by criticality"), _("; ").join(f"{label(c)}: {w}" for c, w in scoring.criticality_weights.items())),
        *((name, "\n".join(map(set_to, params, params.values()))) for name, params in value["params"].items() if params),
        *((_("Relaxed until {date}").format(date=r["until"]), _relaxed(r)) for r in value["relaxations"]),
    ]
    show_pairs(app, pairs, output)


def _relaxed(relaxation: dict[str, Any]) -> str:
    """What is relaxed, to what, why and by whom, each on a line of its own."""
    params = relaxation["params"] or {}
    by = _("Approved by: {name}").format(name=relaxation["approver"])
    what = relaxation["check"] or relaxation["control"]
    return "\n".join((what, *map(set_to, params, params.values()), relaxation["justification"][current()], by))


def set_to(name: str, value: Json) -> str:
    """A parameter and its value, as a policy's file has it."""
    return f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _by_severity(values: Mapping[Severity, int]) -> str:
    return _("; ").join(f"{label(s)}: {values[s]}" for s in Severity if s in values)


def _days_on(criticality: Criticality) -> str:
    return _("Days to remedy, criticality: {criticality}").format(criticality=label(criticality))


def controls_of(catalogue: Catalogue) -> dict[str, list[str]]:
    """The controls that each check speaks for."""
    controls: dict[str, list[str]] = {}
    for one in catalogue.framework.controls:
        for mapping in one.checks:
            controls.setdefault(mapping.check, []).append(one.id)
    return controls


def _decided_by(one: Control) -> str:
    if not one.checks:
        return "manual"
    return "both" if one.attestation else "checks"


def spoken(text: Text) -> str:
    """The text in the reader's language."""
    return text.to(current()).strip()


def department_of(catalogue: Catalogue, name: str) -> str:
    """A department's title, with the id by which commands know it; the id alone where no inventory has it any more."""
    titles = (safe(d.title.to(current()).strip()) for d in catalogue.inventory.departments if d.id == name)
    title = next(titles, "")
    return f"{title} ({isolate(safe(name))})" if title and title != name else safe(name)


def title_of(row: Row) -> str:
    """The title of a row in the reader's language."""
    return str(row["title"][current()])


def find(known: dict[str, T], name: str, unknown: str) -> T:
    """What is known under a name. Raises UsageError with the sentence ``unknown`` of its kind, which names the nearest too."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        text = unknown.format(name=name)
        raise UsageError(text + (" " + _("Did you mean {near}?").format(near=near[0]) if near else ""))
    return known[name]
