"""``auditor check``, ``auditor control`` and ``auditor policy``: what the policy's files say."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TypeVar

import click

from auditor.cli.base import App, Exit, Group, Option, output_option, pass_app
from auditor.errors import UsageError
from auditor.model import Catalogue, Check, Control, Text
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _, current, percent
from auditor.text.labels import label
from auditor.workflow.cases import CaseResult, run_cases
from auditor.workflow.workspace import open_workspace

T = TypeVar("T", Check, Control)


@click.group(cls=Group, help=N_("The checks: what can be tested, and how."))
def check() -> None:
    """Group."""


@check.command("list", help=N_("List the checks with the controls that they speak for."))
@output_option
@pass_app
def check_list(app: App, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    controls = _controls_of(catalogue)
    rows = [
        {
            "id": c.id,
            "area": c.area,
            "severity": c.severity.value,
            "scope": c.scope.value,
            "title": to_json(c.title),
            "controls": controls.get(c.id, []),
            "facts": [use.fact for use in c.facts],
        }
        for c in sorted(catalogue.checks.values(), key=lambda c: (c.area, c.id))
    ]
    columns = [
        Column(_("Check"), field("id")),
        Column(_("Severity"), lambda r: label(catalogue.checks[r["id"]].severity)),
        Column(_("Title"), _title, wide=True),
        Column(_("Controls"), lambda r: " ".join(r["controls"])),
    ]
    app.emit(Table(columns, rows), output)


@check.command("show", help=N_("Show one check: why, how it is judged, and how to remedy."))
@click.argument("check_id", metavar="CHECK")
@output_option
@pass_app
def check_show(app: App, check_id: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    found = _find(catalogue.checks, check_id, _("check"))
    if output == "json":
        app.emit(Table([], []), output, {**to_json(found), "controls": _controls_of(catalogue).get(check_id, [])})
        return
    pairs = [
        (_("Check"), found.id),
        (_("Title"), _in(found.title)),
        (_("Severity"), label(found.severity)),
        (_("Why it matters"), _in(found.rationale)),
        (_("Facts"), ", ".join(use.fact for use in found.facts)),
        (_("Applies when"), found.applies or ""),
        (_("For each"), found.for_each or ""),
        (_("Among them"), found.where or ""),
        (_("Expects"), found.expect),
        (_("Parameters"), "\n".join(f"{p.name} = {p.default}" for p in found.params)),
        (_("Remedy"), _in(found.remediation)),
        (_("Commands"), found.remediation_shell),
        (_("Controls"), " ".join(_controls_of(catalogue).get(check_id, []))),
    ]
    _show_pairs(app, pairs, output)


@check.command("test", help=N_("Run the cases that prove the checks."))
@click.argument("check_ids", metavar="[CHECK]...", nargs=-1)
@output_option
@pass_app
def check_test(app: App, check_ids: tuple[str, ...], output: str) -> int:
    """Run cases; exit 1 when one gives another verdict than it promises."""
    catalogue = open_workspace(app.root)
    chosen = [_find(catalogue.checks, c, _("check")) for c in check_ids] or list(catalogue.checks.values())
    goldens = catalogue.settings.root / "tests" / "golden" / "facts"
    results = [result for one in chosen for result in run_cases(one, goldens)]
    failed = [r for r in results if not r.passed and not r.skipped]
    shown = results if output != "table" or check_ids else [r for r in results if not r.passed]
    columns = [
        Column(_("Check"), field("check")),
        Column(_("Case"), field("case"), wide=True),
        Column(_("Expected"), field("expected")),
        Column(_("Given"), field("got"), style=lambda r: "" if r["got"] == r["expected"] else "red"),
        Column(_("Detail"), field("detail"), wide=True),
    ]
    if shown or output != "table":
        app.emit(Table(columns, [_case_row(r) for r in shown]), output)
    if output == "table":
        skipped = sum(r.skipped for r in results)
        app.say(
            _("{passed} cases passed, {failed} failed, {skipped} skipped because their recorded output is not here.").format(
                passed=len(results) - len(failed) - skipped, failed=len(failed), skipped=skipped
            )
        )
    return Exit.FINDINGS if failed else Exit.OK


def _case_row(result: CaseResult) -> Row:
    return {**to_json(result), "passed": result.passed}


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
        Column(_("Control"), field("id")),
        Column(_("Title"), _title, wide=True),
        Column(_("Severity"), lambda r: label(by_id[r["id"]].severity)),
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
    found = _find({c.id: c for c in catalogue.framework.controls}, control_id, _("control"))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    if output == "json":
        value = {**to_json(found), "decided_by": _decided_by(found), "article": policy.controls.get(control_id, "")}
        app.emit(Table([], []), output, value)
        return
    decided = {"checks": _("by checks"), "both": _("by checks and by attestation")}
    pairs = [
        (_("Control"), found.id),
        (_("Title"), _in(found.title)),
        (_("National article"), policy.controls.get(control_id, "")),
        (_("Severity"), label(found.severity)),
        (_("What is required"), _in(found.statement)),
        (_("Decided"), decided.get(_decided_by(found), _("manually: no check decides it yet"))),
        *((m.check, _in(m.why)) for m in found.checks),
        (_("Question to the department"), _in(found.attestation.prompt) if found.attestation else ""),
        (_("Examples of evidence"), "\n".join(_in(e) for e in found.attestation.evidence) if found.attestation else ""),
        (_("Controls of 2013"), " ".join(found.iso27001_2013)),
    ]
    _show_pairs(app, pairs, output)


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
    pairs = [
        (_("Policy"), f"{value['id']} {value['version']}"),
        (_("Title"), shown[current()]),
        (_("Of record"), _("yes") if value["of_record"] else _("no")),
        (_("Controls in force"), str(len(value["controls"]))),
        (_("Checks"), str(len(value["checks"]))),
        (_("Coverage floor"), percent(value["coverage_floor"], 0)),
        (_("Days to remedy"), ", ".join(f"{name}: {days}" for name, days in value["deadlines"].items())),
        *((name, ", ".join(f"{k} = {v}" for k, v in params.items())) for name, params in value["params"].items() if params),
        *(
            (
                _("Relaxed until {date}").format(date=r["until"]),
                f"{r['check'] or r['control']} {r['params'] or ''} {r['justification'][current()]} ({r['approver']})",
            )
            for r in value["relaxations"]
        ),
    ]
    _show_pairs(app, pairs, output)


def _show_pairs(app: App, pairs: Iterable[tuple[str, str]], output: str) -> None:
    columns = [Column(_("Field"), field("name"), style="bold"), Column(_("Value"), lambda r: r["value"], wide=True)]
    app.emit(Table(columns, [{"name": name, "value": value} for name, value in pairs if value]), output)


def _controls_of(catalogue: Catalogue) -> dict[str, list[str]]:
    controls: dict[str, list[str]] = {}
    for one in catalogue.framework.controls:
        for mapping in one.checks:
            controls.setdefault(mapping.check, []).append(one.id)
    return controls


def _decided_by(one: Control) -> str:
    if not one.checks:
        return "manual"
    return "both" if one.attestation else "checks"


def _in(text: Text) -> str:
    return text.to(current()).strip()


def _title(row: Row) -> str:
    return str(row["title"][current()])


def _find(known: dict[str, T], name: str, kind: str) -> T:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        text = _("There is no {kind} {name}.").format(kind=kind, name=name)
        raise UsageError(text + (" " + _("Did you mean {near}?").format(near=near[0]) if near else ""))
    return known[name]
