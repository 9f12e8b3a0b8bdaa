"""The corrective-action plan, with the columns in which regulators ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from auditor.model import SPARED, ControlScore, Evidence, FindingState, Level, ScoreState, Standing
from auditor.reporting import cells
from auditor.reporting.document import Cell, Column, Document, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.kinds.findings import due
from auditor.reporting.kinds.pieces import time_figures
from auditor.reporting.kinds.unseen import main_of, none_known, unseen
from auditor.reporting.scene import Scene
from auditor.text import _, current, pgettext
from auditor.text.bidi import isolate, safe
from auditor.text.labels import label


def plan(scene: Scene) -> Document:
    """What each department is to do, from its findings and from the controls that its answers leave open."""
    names = scene.snapshot.departments
    rows = [row for name in names for row in (*_from_findings(scene, name), *_from_answers(scene, name))]
    note = _(
        "An action is finished when a later scan proves it or, where people answer, when the committee accepts the answer. "
        "Owner and expected date are what the department has recorded; until it has, the date is the policy's deadline."
    )
    none = none_known(scene, _("There is nothing to be done."))
    return Document(
        "plan",
        _("Corrective-action plan"),
        scene.department(names[0]) if len(names) == 1 else "",
        (
            Figures(time_figures(scene, names)),
            *unseen(scene),
            Paragraph(note),
            Heading(_("Actions"), "actions"),
            Table("plan", _("What is to be done, by whom and when"), _columns(scene), tuple(rows), none),
        ),
        main_of(scene, "plan", rows),
    )


def _columns(scene: Scene) -> tuple[Column, ...]:
    return (
        scene.department_column(20),
        Column("component", _("Component"), Shape.CODE, 20),
        Column("control", _("Control"), Shape.CODE, 10),
        Column("level", _("Level of compliance"), Shape.BADGE, 16, tuple(label(level) for level in Level)),
        Column("remarks", _("Remarks"), width=36),
        Column("action", _("Corrective action"), width=44),
        Column("owner", _("Owner"), width=14),
        Column("date", _("Expected date"), Shape.DAY, 17),
        Column("verifier", _("Verified by"), width=16),
        Column("evidence", pgettext("files", "Evidence"), Shape.CODE, 18),
        Column("state", _("State"), Shape.BADGE, 12, tuple(label(state) for state in FindingState)),
    )


def _from_findings(scene: Scene, name: str) -> Iterator[tuple[Cell, ...]]:
    score = scene.scores.get(name)
    levels = {c.control: c for c in score.controls} if score else {}
    ends = {e.id: e.ends for e in scene.snapshot.exceptions}
    for standing in scene.of(name):
        finding = standing.finding
        if finding.state is FindingState.CLOSED:
            continue
        control = finding.controls[0] if finding.controls else ""
        check = scene.check(finding.check)
        yield (
            cells.words(scene.department(name), name),
            cells.code(f"{finding.asset} {finding.subject}".strip()),
            Cell(" ".join(finding.controls), list(finding.controls)),
            cells.badge(levels[control].level) if control in levels else cells.badge(Level.NOT_KNOWN),
            _remarks(scene, standing),
            *_action_and_date(scene, standing, check.remediation.to(current()) if check else "", ends.get(finding.exception)),
            cells.words(_("the next scan"), "scan"),
            cells.code(finding.id),
            cells.badge(finding.state),
        )


def _remarks(scene: Scene, standing: Standing) -> Cell:
    finding = standing.finding
    title = scene.check_title(finding.check)
    seen = str(cells.code(finding.observed).shown)
    text = _("{title}. Observed: {seen}").format(title=title, seen=isolate(seen)) if seen else title
    return cells.words(text, finding.observed)


def _action_and_date(scene: Scene, standing: Standing, remedy: str, ends: date | None) -> tuple[Cell, Cell, Cell]:
    """What is to be done, by whom and when. Of what is excepted nothing is: what says so stands there instead."""
    finding = standing.finding
    owner = scene.person(finding.assignee)
    if finding.state not in SPARED:
        action = cells.words(_action(standing, remedy), finding.check)
        return action, owner, cells.on(finding.plan.date) if finding.plan else due(scene, standing)
    told = _("none; exception {id}, until {day}") if ends else _("none; exception {id}, which has no end")
    action = cells.words(told.format(id=isolate(finding.exception), day=cells.on(ends).shown), finding.exception)
    return action, owner, Cell("", None)


def _action(standing: Standing, remedy: str) -> str:
    plan_of = standing.finding.plan
    return safe(plan_of.steps, lines=True) if plan_of and plan_of.steps else " ".join(remedy.split())


def _from_answers(scene: Scene, name: str) -> Iterator[tuple[Cell, ...]]:
    """Controls that people must answer and have not, or have answered with less than all."""
    answers = {a.control: a for a in scene.snapshot.answers if a.department == name}
    score = scene.scores.get(name)
    for one in score.controls if score else ():
        control = scene.controls[one.control]
        given = answers.get(one.control)
        if control.evidence is Evidence.TECHNICAL or not _wanting(one):
            continue
        remark = label(given.answer) if given else _("no answer yet")
        yield (
            cells.words(scene.department(name), name),
            cells.words(scene.control_title(one.control), one.control),
            cells.code(one.control),
            cells.badge(one.level),
            Cell(remark, given.answer.value if given else None),
            cells.words(_("Answer the attestation, with evidence"), "attest")
            if given is None
            else cells.typed(given.justification),
            scene.person(given.answered_by if given else ""),
            cells.on(given.review) if given else Cell("", None),
            cells.words(_("the committee"), "committee"),
            Cell(safe(", ".join(e.name for e in given.evidence)), [e.sha256 for e in given.evidence])
            if given
            else Cell("", None),
            cells.badge(given.state) if given else Cell(label(ScoreState.MANUAL), ScoreState.MANUAL.value, Tone.FAIR),
        )


def _wanting(one: ControlScore) -> bool:
    """Whether an answer is missing, or says that something is."""
    if one.state is ScoreState.NOT_APPLICABLE:
        return False
    return one.attested is None or one.attested < 1
