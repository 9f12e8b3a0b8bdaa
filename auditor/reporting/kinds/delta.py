"""What changed between two audits or two days: new, fixed, reopened, still there, and no longer seen, with why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from auditor.model import Change, ChangeKind, Reach, Resolution
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Figure, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.kinds.unseen import none_known
from auditor.reporting.scene import Scene
from auditor.text import _, number
from auditor.text.bidi import safe
from auditor.text.labels import label, withheld
from auditor.text.sentences import retell

_TONES = {ChangeKind.NEW: Tone.BAD, ChangeKind.REOPENED: Tone.BAD, ChangeKind.FIXED: Tone.GOOD, ChangeKind.UNSEEN: Tone.FAIR}


def delta(scene: Scene) -> Document:
    """Of all departments in scope."""
    snap = scene.snapshot
    since = snap.since
    blocks: list[Block] = []
    if since is not None:
        told = _("From audit {first} of {since} to audit {last} of {until}.")
        zone = scene.own_zone
        days = {"since": scene.day(since.at, zone), "until": scene.day(snap.run.ended or snap.run.started, zone)}
        blocks.append(Paragraph(told.format(first=number(since.run), last=number(snap.run.id), **days)))
    counts = snap.changes.counts
    blocks.append(
        Figures(tuple(Figure(k.value, label(k), cells.count(counts[k], _TONES.get(k, Tone.PLAIN))) for k in ChangeKind))
    )
    for kind in ChangeKind:
        if counts[kind] and kind is not ChangeKind.STILL:  # these are many, and stand in the whole table
            blocks += [Heading(label(kind), f"changes-{kind.value}"), _changes(scene, kind)]
    if not counts:
        blocks.append(Paragraph(none_known(scene, _("Nothing has changed, and nothing is open."))))
    whole = _table(scene, "changes", _("Every change"), snap.changes)
    names = snap.departments
    subject = scene.department(names[0]) if len(names) == 1 else ""
    heading = Heading(_("All in one table"), "all")
    return Document("delta", _("What has changed"), subject, (*blocks, heading, whole), "changes")


def _changes(scene: Scene, kind: ChangeKind) -> Table:
    own = scene.snapshot.changes.of({kind})
    return replace(_table(scene, f"changes-{kind.value}", label(kind), own), excerpt=True)


def _table(scene: Scene, name: str, title: str, changes: Iterable[Change]) -> Table:
    columns = (
        Column("change", _("Change"), Shape.BADGE, 12),
        Column("finding", _("Finding"), Shape.CODE, 14),
        Column("severity", _("Severity"), Shape.BADGE, 10),
        scene.department_column(18),
        Column("asset", _("Asset"), Shape.CODE, 18),
        Column("title", _("What should hold"), width=36),
        Column("subject", _("Subject"), Shape.CODE, 14),
        Column("why", _("Why"), width=30),
    )
    return Table(name, title, columns, tuple(_rows(scene, changes)), none_known(scene, _("Nothing has changed.")))


def _rows(scene: Scene, changes: Iterable[Change]) -> Iterator[tuple[Cell, ...]]:
    """A nation's changes are of few checks, departments and hosts: a cell of these is made once and stands in many rows."""
    kind = cache(lambda kind: Cell(label(kind), kind.value, _TONES.get(kind, Tone.PLAIN)))
    department = cache(lambda name: cells.words(scene.department(name), name))
    check = cache(lambda name: cells.words(scene.check_title(name), name))
    badge, code, why = cache(cells.badge), cache(cells.code), cache(_why)
    for change in changes:
        finding = change.finding
        yield (
            kind(change.kind),
            cells.code(finding.id),
            badge(finding.severity),
            department(finding.department),
            code(finding.asset),
            check(finding.check),
            code(finding.subject),
            why(change.kind, change.reach, change.detail, change.unseen, finding.resolution),
        )


def _why(kind: ChangeKind, reach: Reach | None, detail: str, unseen: str, resolution: Resolution | None) -> Cell:
    raw = resolution.value if resolution else reach.value if reach else unseen or None
    if kind is not ChangeKind.UNSEEN:
        return Cell(label(resolution) if resolution else "", raw)
    if unseen in ("set_aside", "not_in_run"):
        return Cell(withheld(unseen), raw)
    gone, unknown = _("the asset is in no inventory any more"), _("the audit came to no verdict on it")
    told = label(reach) if reach else gone if unseen == "left" else unknown
    return Cell(f"{told}: {retell(safe(detail))}" if detail else told, raw)
