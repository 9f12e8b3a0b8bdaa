"""What somebody must know in the morning, and nothing else: what is new, what presses, what was not reached. Sent, not shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditor.model import Standing
from auditor.reporting import cells
from auditor.reporting.document import Block, Column, Document, Figure, Figures, Shape, Table, Tone
from auditor.reporting.kinds.annex import exceptions_table, missed_table
from auditor.reporting.kinds.findings import due
from auditor.reporting.scene import Scene
from auditor.text import _, number

_MOST = 25
"""Rows of a part: a letter is read, not searched. The rest is in the report of findings."""


def digest(scene: Scene) -> Document | None:
    """The letter to who answers for the departments in scope; None when there is nothing to tell."""
    snap = scene.snapshot
    begun = snap.run.started
    parts: tuple[tuple[str, str, Callable[[Standing], bool]], ...] = (
        ("new", _("New findings"), lambda s: s.finding.first_seen >= begun),
        ("reopened", _("Reopened findings"), lambda s: s.finding.reopened_at is not None and s.finding.reopened_at >= begun),
        ("overdue", _("Overdue"), lambda s: s.overdue),
        ("due_soon", _("Due soon"), lambda s: s.due_soon),
    )
    blocks: list[Block] = []
    figures = []
    for name, title, belongs in parts:
        found = [s for s in scene.open if belongs(s)]
        figures.append(Figure(name, title, cells.count(len(found), Tone.BAD)))
        if found:
            blocks.append(_findings(scene, name, title, found))
    ending = [e for e in snap.exceptions if e.id in snap.expiring]
    figures.append(Figure("exceptions", _("Exceptions ending soon"), cells.count(len(ending), Tone.FAIR)))
    if ending:
        blocks.append(exceptions_table(scene, ending))
    figures.append(Figure("missed", _("Not reached"), cells.count(len(snap.missed), Tone.BAD)))
    if snap.missed:
        blocks.append(missed_table(scene))
    if not blocks:
        return None
    names = snap.departments
    subject = scene.department(names[0]) if len(names) == 1 else ""
    return Document("digest", _("What needs you this morning"), subject, (Figures(tuple(figures)), *blocks), "new", True)


def _findings(scene: Scene, name: str, title: str, found: Sequence[Standing]) -> Table:
    columns = (
        Column("finding", _("Finding"), Shape.CODE, 14),
        Column("severity", _("Severity"), Shape.BADGE, 10),
        Column("asset", _("Asset"), Shape.CODE, 18),
        Column("title", _("What should hold"), width=40),
        Column("due", _("Due"), Shape.DAY, 17),
    )
    rows = tuple(
        (
            cells.code(s.finding.id),
            cells.badge(s.finding.severity),
            cells.code(f"{s.finding.asset} {s.finding.subject}".strip()),
            cells.words(scene.check_title(s.finding.check), s.finding.check),
            due(scene, s),
        )
        for s in found[:_MOST]
    )
    more = len(found) - _MOST
    told = _("More of them: {n}. All: auditor findings list").format(n=number(more)) if more > 0 else ""
    return Table(name, title, columns, rows, more=told)
