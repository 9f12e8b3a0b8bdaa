"""What an officer works from: every open finding, why it matters, what was seen, how to mend it, by when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from auditor.model import Check, Grouping, Standing
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Code, Column, Document, Facts, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.kinds.pieces import time_figures
from auditor.reporting.kinds.unseen import main_of, none_known, unseen
from auditor.reporting.scene import Scene
from auditor.text import _, current, number
from auditor.text.bidi import isolate

_PLACES = 40
"""Rows shown under one remedy; the table of all findings holds every one."""


def findings(scene: Scene, grouping: Grouping) -> Document:
    """Findings that are not closed: first all in one table, then in groups with their remedies."""
    names = scene.snapshot.departments
    blocks: list[Block] = [
        Figures(time_figures(scene, names)),
        *unseen(scene),
        Heading(_("All findings"), "all"),
        replace(findings_table(scene, "findings", _("Findings that are not closed"), scene.live), again=bool(scene.live)),
    ]
    by_fix = grouping is Grouping.FIX
    if scene.live:
        blocks.append(Heading(_("What to do, by remedy") if by_fix else _("What to do, by host"), "groups"))
    groups: dict[str, list[Standing]] = {}
    for standing in scene.live:
        groups.setdefault(standing.finding.check if by_fix else standing.finding.asset, []).append(standing)
    for key, group in groups.items():
        blocks += _fix(scene, key, group) if by_fix else _host(scene, key, group)
    subject = scene.department(names[0]) if len(names) == 1 else ""
    return Document("findings", _("Findings"), subject, tuple(blocks), main_of(scene, "findings", scene.live))


def findings_table(scene: Scene, name: str, title: str, standings: Iterable[Standing]) -> Table:
    """One line for each finding."""
    columns = (
        Column("finding", _("Finding"), Shape.CODE, 14),
        Column("severity", _("Severity"), Shape.BADGE, 10),
        scene.department_column(20),
        Column("asset", _("Asset"), Shape.CODE, 18),
        Column("check", _("Check"), Shape.CODE, 18),
        Column("title", _("What should hold"), width=40),
        Column("subject", _("Subject"), Shape.CODE, 16),
        Column("observed", _("Observed"), Shape.CODE, 20),
        Column("expected", _("Expected"), Shape.CODE, 16),
        Column("state", _("State"), Shape.BADGE, 12),
        Column("first_seen", _("First seen"), Shape.DAY, 17),
        Column("due", _("Due"), Shape.DAY, 17),
        Column("assignee", _("Given to"), Shape.CODE, 12),
        Column("controls", _("Controls"), Shape.CODE, 14),
    )
    rows = tuple(_row(scene, s) for s in standings)
    return Table(name, title, columns, rows, none_known(scene, _("Nothing is open.")))


def _row(scene: Scene, standing: Standing) -> tuple[Cell, ...]:
    f = standing.finding
    return (
        cells.code(f.id),
        cells.badge(f.severity),
        cells.words(scene.department(f.department), f.department),
        cells.code(f.asset),
        cells.code(f.check),
        cells.words(scene.check_title(f.check), f.check),
        cells.code(f.subject),
        cells.code(f.observed),
        cells.code(f.expected),
        cells.badge(f.state),
        cells.on(f.first_seen, scene.zone(f.department)),
        due(scene, standing),
        cells.code(f.assignee),
        Cell(" ".join(f.controls), list(f.controls)),
    )


def due(scene: Scene, standing: Standing) -> Cell:
    """The day by which it is to be mended, with a word where that day has passed."""
    f = standing.finding
    cell = cells.on(f.due, scene.zone(f.department))
    if standing.overdue:
        return Cell(_("{day} (overdue)").format(day=cell.shown), cell.raw, Tone.BAD)
    return Cell(cell.shown, cell.raw, Tone.FAIR) if standing.due_soon else cell


def _fix(scene: Scene, name: str, group: Sequence[Standing]) -> list[Block]:
    """One remedy, and every place that needs it."""
    check = scene.check(name)
    first = group[0].finding
    return [
        Heading(scene.check_title(name), f"fix-{name}", 3),
        Facts(
            f"fix-{name}",
            (
                ("check", _("Check"), cells.code(name)),
                ("severity", _("Severity"), cells.badge(first.severity)),
                ("places", _("Places"), cells.count(len(group))),
                ("due", _("Due first"), cells.on(_earliest(group), scene.zone(first.department))),
                ("controls", _("Controls"), Cell(" ".join(first.controls), list(first.controls))),
            ),
        ),
        *_reasons(check),
        _places(scene, f"places-{name}", group, by_fix=True),
    ]


def _reasons(check: Check | None) -> list[Block]:
    if check is None:
        return [Paragraph(_("The check is no longer there; the finding stays until it is proved or retired."), Tone.FAIR)]
    said: list[Block] = [
        Paragraph(_("Why it matters: {text}").format(text=check.rationale.to(current()).strip())),
        Paragraph(_("Remedy: {text}").format(text=check.remediation.to(current()).strip())),
    ]
    return [*said, Code(check.remediation_shell.strip(), _("Commands"))] if check.remediation_shell.strip() else said


def _places(scene: Scene, name: str, group: Sequence[Standing], *, by_fix: bool) -> Table:
    own = Column("asset", _("Asset"), Shape.CODE, 18) if by_fix else Column("title", _("What should hold"), width=40)
    columns = (
        Column("finding", _("Finding"), Shape.CODE, 14),
        own,
        Column("subject", _("Subject"), Shape.CODE, 16),
        Column("observed", _("Observed"), Shape.CODE, 20),
        Column("expected", _("Expected"), Shape.CODE, 16),
        Column("state", _("State"), Shape.BADGE, 12),
        Column("due", _("Due"), Shape.DAY, 17),
    )
    more = max(0, len(group) - _PLACES)
    rows = tuple(
        (
            cells.code(s.finding.id),
            cells.code(s.finding.asset) if by_fix else cells.words(scene.check_title(s.finding.check), s.finding.check),
            cells.code(s.finding.subject),
            cells.code(s.finding.observed),
            cells.code(s.finding.expected),
            cells.badge(s.finding.state),
            due(scene, s),
        )
        for s in group[:_PLACES]
    )
    told = _("{n} more are in the table of all findings, and in the spreadsheet: --format xlsx").format(n=number(more))
    return Table(name, _("Where"), columns, rows, more=told if more else "", excerpt=True)


def _host(scene: Scene, uid: str, group: Sequence[Standing]) -> list[Block]:
    """One host, and all that is to be mended on it; each remedy once."""
    asset = scene.assets.get(uid)
    zone = scene.zone(group[0].finding.department)
    known = (("role", _("Role"), cells.code(asset.role)), ("address", _("Address"), cells.code(asset.address))) if asset else ()
    facts = (
        ("department", _("Department"), cells.words(scene.department(group[0].finding.department), group[0].finding.department)),
        *(f for f in known if f[2].shown),
        ("places", _("Findings"), cells.count(len(group))),
        ("due", _("Due first"), cells.on(_earliest(group), zone)),
    )
    blocks: list[Block] = [
        Heading(isolate(str(cells.code(uid).shown)), f"host-{uid}", 3),
        Facts(f"host-{uid}", facts),
        _places(scene, f"places-{uid}", group, by_fix=False),
    ]
    for name in dict.fromkeys(s.finding.check for s in group):
        check = scene.check(name)
        if check is not None:
            text = _("{title}. Remedy: {text}")
            remedy = check.remediation.to(current()).strip()
            blocks.append(Paragraph(text.format(title=scene.check_title(name), text=remedy)))
            if check.remediation_shell.strip():
                blocks.append(Code(check.remediation_shell.strip(), _("Commands")))
    return blocks


def _earliest(group: Iterable[Standing]) -> datetime | None:
    return min((s.finding.due for s in group if s.finding.due is not None), default=None)
