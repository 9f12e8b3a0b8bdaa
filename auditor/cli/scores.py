"""``auditor score`` and ``auditor soa``."""

from __future__ import annotations

from typing import Any

import click

from auditor.cli.base import App, Command, option, output_option, pass_app
from auditor.cli.catalogue import department_of
from auditor.errors import UsageError
from auditor.model import Applicability, Catalogue, ControlScore, DepartmentScore, ScoreState, Scoring, Severity, VerdictKind
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Table, field
from auditor.text import N_, _, current, percent, points
from auditor.text.bidi import safe
from auditor.text.labels import index_of, label, rests_on, why_not, withheld
from auditor.workflow.exceptions import settle_if_due
from auditor.workflow.scores import Scores, Term, applicability, explain, scores
from auditor.workflow.workspace import open_workspace


@click.command(cls=Command, help=N_("The index of the newest audit, and every term that makes it."))
@option("--department", default="", metavar="DEPARTMENT", help=N_("The controls of this department."))
@option("--explain", "control", default="", metavar="CONTROL", help=N_("Every term of this control in the department."))
@output_option
@pass_app
def score(app: App, department: str, control: str, output: str) -> None:
    """Score."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    found = scores(catalogue)
    if control and not department:
        raise UsageError(_("name the department too: --department"))
    if not department:
        rows: list[dict[str, Any]] = [{**to_json(d), "excepted": sum(c.excepted for c in d.controls)} for d in found.departments]
        app.emit(
            Table(_department_columns(catalogue, found), rows),
            output,
            {"run": found.run.id, "index": found.index, "departments": rows},
        )
        if output == "table":
            _formula(app, found.policy.scoring)
            if found.index is not None:
                app.say(_("Overall index: {index}").format(index=points(found.index)), "bold")
        return
    one = next((d for d in found.departments if d.department == department), None)
    if one is None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
    if control:
        _explained(app, catalogue, found, one, control, output)
        return
    titles = {c.id: c.title.to(current()) for c in catalogue.framework.controls}
    lines = [{**to_json(c), "level": c.level.value, "title": titles.get(c.control, "")} for c in one.controls]
    app.emit(Table(_control_columns(one), lines), output)
    if output == "table" and one.index is not None:
        app.say(_("Index: {index} ({basis})").format(index=points(one.index), basis=index_of([one.basis])), "bold")


def _department_columns(catalogue: Catalogue, found: Scores) -> list[Column]:
    shares = {d.department: percent(d.coverage.share, 1) if d.coverage.share is not None else "" for d in found.departments}
    rests = {d.department: rests_on(d.basis) for d in found.departments}
    return [
        Column(_("Department"), lambda r: department_of(catalogue, r["department"])),
        Column(_("Index"), lambda r: points(r["index"]) if r["index"] is not None else withheld(r["withheld"])),
        Column(_("Coverage"), lambda r: shares[r["department"]]),
        Column(_("Controls decided"), lambda r: rests[r["department"]]),
        Column(_("Decided by checks"), lambda r: percent(r["automated_share"], 0)),
        Column(_("Attested"), lambda r: percent(r["attested_share"], 0)),
        Column(_("Failed by exception"), lambda r: str(r["excepted"])),
    ]


def _control_columns(one: DepartmentScore) -> list[Column]:
    by_id = {c.control: c for c in one.controls}
    return [
        Column(_("Control"), field("control"), whole=True),
        Column(_("Title"), field("title"), wide=True),
        Column(_("Level"), lambda r: label(by_id[r["control"]].level)),
        Column(_("How decided"), lambda r: label(ScoreState(r["state"]))),
        Column(_("Share"), lambda r: percent(r["share"], 0) if r["share"] is not None else ""),
        Column(_("Weight"), lambda r: str(r["weight"]), spare=5),
        Column(_("Passed"), lambda r: str(r["passed"]), spare=4),
        Column(_("Failed"), lambda r: str(r["failed"]), spare=1),
        Column(_("Unknown"), lambda r: str(r["unknown"] + r["errors"]), spare=2),
        Column(_("Failed by exception"), lambda r: str(r["excepted"]), spare=3),
    ]


def _explained(app: App, catalogue: Catalogue, found: Scores, one: DepartmentScore, control: str, output: str) -> None:
    score_of = next((c for c in one.controls if c.control == control), None)
    if score_of is None:
        message = _("nothing is named {name!r} among the {kind}{hint}")
        raise UsageError(
            message.format(name=control, kind=_("controls of {department}").format(department=one.department), hint="")
        )
    terms = explain(catalogue, one.department, control)
    columns = [
        Column(_("Asset"), field("asset")),
        Column(_("Check"), field("check"), wide=True),
        Column(_("Severity"), lambda r: label(Severity(r["severity"])), whole=True),
        Column(_("Weight"), lambda r: str(r["weight"])),
        Column(_("Verdict"), lambda r: label(VerdictKind(r["kind"])), whole=True),
        Column(_("Excepted"), lambda r: _("yes") if r["excepted"] else ""),
    ]
    app.emit(
        Table(columns, [to_json(t) for t in terms]), output, {"score": to_json(score_of), "terms": [to_json(t) for t in terms]}
    )
    if output == "table":
        app.say(_sum(score_of, terms))
        _formula(app, found.policy.scoring)


def _sum(found: ControlScore, terms: tuple[Term, ...]) -> str:
    passed = sum(t.weight for t in terms if t.kind is VerdictKind.PASS)
    below = sum(t.weight for t in terms if t.kind is not VerdictKind.NOT_APPLICABLE)
    parts = [_("by checks: {passed} ÷ {below}").format(passed=passed, below=below)] if below else []
    if found.attested is not None:
        parts.append(_("by attestation: {value}").format(value=percent(found.attested, 0)))
    share = percent(found.share, 1) if found.share is not None else label(found.level)
    return _("Share of {control}: {share} ({parts})").format(
        control=found.control, share=share, parts="; ".join(parts) or label(found.state)
    )


def _formula(app: App, scoring: Scoring) -> None:
    told = _(
        "Share of a control: weight of what passes ÷ weight of what passes, fails or is unknown; with an accepted answer, "
        "{checks} of it and {attested} of the answer. Index: mean of the shares by the controls' weights. "
        "Weights are in the policy. What failed by exception has failed. Controls that await an answer are left out; one of "
        "which nothing was seen counts as 0."
    )
    app.say(told.format(checks=percent(1 - scoring.attested, 0), attested=percent(scoring.attested, 0)), "dim")


@click.command(cls=Command, help=N_("A department's statement of applicability."))
@click.argument("department", metavar="DEPARTMENT")
@output_option
@pass_app
def soa(app: App, department: str, output: str) -> None:
    """Statement of applicability."""
    catalogue = open_workspace(app.root)
    settle_if_due(catalogue)
    lines = applicability(catalogue, department)
    rows: list[dict[str, Any]] = [_applicable(line) for line in lines]
    levels = {line.control.id: line.score.level for line in lines if line.score}
    columns = [
        Column(_("Control"), field("control"), whole=True),
        Column(_("Title"), lambda r: r["title"][current()], wide=True),
        Column(_("National article"), field("article")),
        Column(_("Applies"), lambda r: _("yes") if r["applies"] else _("no")),
        Column(_("Why not"), lambda r: safe(r["why_not"])),
        Column(_("Level"), lambda r: label(levels[r["control"]]) if r["control"] in levels else ""),
        Column(_("Attested by"), lambda r: safe(r["attested_by"])),
    ]
    app.emit(Table(columns, rows), output)


def _applicable(line: Applicability) -> dict[str, Any]:
    return {
        "control": line.control.id,
        "title": to_json(line.control.title),
        "article": line.article,
        "applies": line.applies,
        "why_not": why_not(line),
        "level": line.score.level.value if line.score else None,
        "share": line.score.share if line.score else None,
        "attested_by": line.answer.answered_by if line.answer else "",
        "evidence": [to_json(e) for e in line.answer.evidence] if line.answer else [],
    }
