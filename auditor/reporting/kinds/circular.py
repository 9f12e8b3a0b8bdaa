"""Circulars as they are sent out: numbered and dated, with the departments addressed and where each stands."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from auditor.model import Circular
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Facts, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.scene import Scene
from auditor.text import _, current, number
from auditor.text.bidi import safe


def circular(scene: Scene) -> Document:
    """One circular, or all of them, a chapter each."""
    held = scene.snapshot.circulars
    blocks: list[Block] = [_register(scene)] if len(held) != 1 else []
    for one in held:
        blocks += _one(scene, one)
    subject = _title(held[0]) if len(held) == 1 else ""
    main = "circulars" if len(held) != 1 else f"addressed-{held[0].id}"
    return Document("circular", _("Circular") if len(held) == 1 else _("Circulars"), subject, tuple(blocks), main)


def _title(one: Circular) -> str:
    return safe(one.title.to(current()))


def _zone(scene: Scene, one: Circular) -> str:
    return scene.catalogue.inventory.zone_of(one.due)


def _register(scene: Scene) -> Table:
    columns = (
        Column("circular", _("Circular"), Shape.CODE, 8),
        Column("title", _("Title"), width=40),
        Column("issued", _("Issued"), Shape.DAY, 17),
        Column("departments", _("Departments"), Shape.NUMBER, 8),
        Column("acknowledged", _("Acknowledged"), Shape.NUMBER, 8),
        Column("open", _("Open findings"), Shape.NUMBER, 8),
    )
    rows = tuple(
        (
            cells.code(one.id),
            Cell(_title(one), one.id),
            cells.on(one.issued_at, _zone(scene, one)),
            cells.count(len(one.due)),
            cells.count(len(one.acknowledged)),
            cells.count(sum(_open(scene, one, d) for d in one.due)),
        )
        for one in scene.snapshot.circulars
    )
    return Table("circulars", _("Circulars issued"), columns, rows, _("No circular has been issued."))


def _one(scene: Scene, one: Circular) -> list[Block]:
    facts = (
        ("number", _("Number"), cells.code(one.id)),
        ("issued", _("Issued"), cells.on(one.issued_at, _zone(scene, one))),
        ("by", _("Issued by"), scene.person(one.issued_by)),
    )
    paragraphs = [p for p in safe(one.body.to(current()), lines=True).split("\n\n") if p.strip()]
    if len(one.body.en.split("\n\n")) != len(one.body.ar.split("\n\n")):  # both languages must have the same shape
        paragraphs = [safe(one.body.to(current()), lines=True)]
    return [
        Heading(_title(one), f"circular-{one.id}"),
        Facts(f"circular-{one.id}", facts),
        *(Paragraph(p.strip()) for p in paragraphs),
        _addressed(scene, one),
    ]


def _addressed(scene: Scene, one: Circular) -> Table:
    rows = []
    for name, day in one.due.items():
        left = _open(scene, one, name)
        read = one.acknowledged.get(name)
        late = bool(left) and day < scene.snapshot.as_of.astimezone(ZoneInfo(scene.zone(name))).date()
        shown = cells.on(day)
        rows.append(
            (
                cells.words(scene.department(name), name),
                Cell(_("{day} (overdue)").format(day=shown.shown), shown.raw, Tone.BAD) if late else shown,
                cells.on(read.at, scene.zone(name)) if read else Cell(_("not yet"), None, Tone.FAIR),
                cells.count(left, Tone.FAIR),
            )
        )
    columns = (
        Column("department", _("Department"), width=28),
        Column("due", _("Due"), Shape.DAY, 17),
        Column("acknowledged", _("Acknowledged"), Shape.DAY, 17),
        Column("open", _("Open findings"), Shape.NUMBER, 10),
    )
    title = _("Departments addressed: {n}").format(n=number(len(rows)))
    return Table(f"addressed-{one.id}", title, columns, tuple(rows))


def _open(scene: Scene, one: Circular, department: str) -> int:
    counts = scene.tallies[department].checks
    return sum(counts[check] for check in set(one.checks))
