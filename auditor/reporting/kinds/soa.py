"""Statements of applicability: every control of the framework, whether it applies, why not, and how far it is in effect."""

from __future__ import annotations

from auditor.model import Applicability
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Heading, Shape, Table, Tone
from auditor.reporting.kinds.unseen import absent, absent_id
from auditor.reporting.scene import Scene
from auditor.text import _, pgettext
from auditor.text.bidi import safe
from auditor.text.labels import why_not


def soa(scene: Scene) -> Document:
    """A chapter for each department in scope."""
    names, stated = scene.snapshot.departments, scene.snapshot.applicability
    blocks: list[Block] = []
    for name in names:
        statement = _statement(scene, name) if name in stated else absent(scene, name)
        blocks += [Heading(scene.department(name), f"department-{name}"), statement]
    subject = scene.department(names[0]) if len(names) == 1 else ""
    main = next((f"soa-{name}" if name in stated else absent_id(name) for name in names), "")
    return Document("soa", _("Statement of applicability"), subject, tuple(blocks), main)


def _statement(scene: Scene, name: str) -> Table:
    columns = (
        Column("control", _("Control"), Shape.CODE, 8),
        Column("title", _("Title"), width=36),
        Column("article", _("National article"), Shape.CODE, 14),
        Column("applies", _("Applies"), Shape.BADGE, 8),
        Column("why_not", _("Why not"), width=28),
        Column("level", _("Level"), Shape.BADGE, 16),
        Column("state", _("How decided"), Shape.BADGE, 20),
        Column("evidence", pgettext("files", "Evidence"), Shape.CODE, 20),
    )
    rows = tuple(_row(scene, line) for line in scene.snapshot.applicability[name])
    return Table(f"soa-{name}", _("Every control of the framework"), columns, rows)


def _row(scene: Scene, line: Applicability) -> tuple[Cell, ...]:
    evidence = line.answer.evidence if line.answer else ()
    return (
        cells.code(line.control.id),
        cells.words(scene.control_title(line.control.id), line.control.id),
        cells.code(line.article),
        Cell(_("yes") if line.applies else _("no"), line.applies, Tone.GOOD if line.applies else Tone.MUTED),
        Cell(safe(why_not(line)), None),
        cells.badge(line.score.level) if line.score and line.applies else Cell("", None),
        cells.badge(line.score.state) if line.score and line.applies else Cell("", None),
        Cell(safe(", ".join(e.name for e in evidence)), [e.sha256 for e in evidence]),
    )
