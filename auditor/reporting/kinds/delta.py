"""What changed between two audits or two days: new, fixed, reopened, still there, and no longer seen, with why."""

from __future__ import annotations

from dataclasses import replace

from auditor.model import Change, ChangeKind
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Figure, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.scene import Scene
from auditor.text import _, day, number
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell

_TONES = {ChangeKind.NEW: Tone.BAD, ChangeKind.REOPENED: Tone.BAD, ChangeKind.FIXED: Tone.GOOD, ChangeKind.UNSEEN: Tone.FAIR}


def delta(scene: Scene) -> Document:
    """Of all departments in scope."""
    snap = scene.snapshot
    since = snap.since
    blocks: list[Block] = []
    if since is not None:
        told = _("From audit {first} of {since} to audit {last} of {until}.")
        days = {"since": day(since.at.date()), "until": day((snap.run.ended or snap.run.started).date())}
        blocks.append(Paragraph(told.format(first=number(since.run), last=number(snap.run.id), **days)))
    counts = {kind: sum(c.kind is kind for c in snap.changes) for kind in ChangeKind}
    blocks.append(
        Figures(tuple(Figure(k.value, label(k), cells.count(counts[k], _TONES.get(k, Tone.PLAIN))) for k in ChangeKind))
    )
    for kind in ChangeKind:
        if counts[kind] and kind is not ChangeKind.STILL:  # these are many, and stand in the whole table
            blocks += [Heading(label(kind), f"changes-{kind.value}"), _changes(scene, kind)]
    if not snap.changes:
        blocks.append(Paragraph(_("Nothing has changed, and nothing is open.")))
    whole = _table(scene, "changes", _("Every change"), snap.changes)
    names = snap.departments
    subject = scene.department(names[0]) if len(names) == 1 else ""
    heading = Heading(_("All in one table"), "all")
    return Document("delta", _("What has changed"), subject, (*blocks, heading, whole), "changes")


def _changes(scene: Scene, kind: ChangeKind) -> Table:
    own = tuple(c for c in scene.snapshot.changes if c.kind is kind)
    return replace(_table(scene, f"changes-{kind.value}", label(kind), own), excerpt=True)


def _table(scene: Scene, name: str, title: str, changes: tuple[Change, ...]) -> Table:
    columns = (
        Column("change", _("Change"), Shape.BADGE, 12),
        Column("finding", _("Finding"), Shape.CODE, 14),
        Column("severity", _("Severity"), Shape.BADGE, 10),
        Column("department", _("Department"), width=18),
        Column("asset", _("Asset"), Shape.CODE, 18),
        Column("title", _("What should hold"), width=36),
        Column("subject", _("Subject"), Shape.CODE, 14),
        Column("why", _("Why"), width=30),
    )
    return Table(name, title, columns, tuple(_row(scene, c) for c in changes), _("Nothing has changed."))


def _row(scene: Scene, change: Change) -> tuple[Cell, ...]:
    finding = change.finding
    return (
        Cell(label(change.kind), change.kind.value, _TONES.get(change.kind, Tone.PLAIN)),
        cells.code(finding.id),
        cells.badge(finding.severity),
        cells.words(scene.department(finding.department), finding.department),
        cells.code(finding.asset),
        cells.words(scene.check_title(finding.check), finding.check),
        cells.code(finding.subject),
        Cell(_why(change), finding.resolution.value if finding.resolution else change.reach and change.reach.value),
    )


def _why(change: Change) -> str:
    if change.kind is ChangeKind.UNSEEN:
        reach = label(change.reach) if change.reach else _("the asset is in no inventory any more")
        return f"{reach}: {retell(safe(change.detail))}" if change.detail else reach
    return label(change.finding.resolution) if change.finding.resolution else ""
