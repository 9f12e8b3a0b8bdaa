"""One page for ministers: the index and what it rests on, what changed, what presses, and the worst gaps."""

from __future__ import annotations

from auditor.model import ExceptionState
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Figure, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.kinds.pieces import (
    basis_of,
    coverage_figure,
    formula,
    gaps_table,
    index_notes,
    time_figures,
    today,
    trend_chart,
)
from auditor.reporting.scene import Scene
from auditor.text import _, number
from auditor.text.bidi import isolate

_GAPS = 5
_FEW = 8  # departments


def summary(scene: Scene) -> Document:
    """The summary of all departments in scope."""
    snap = scene.snapshot
    one = snap.departments[0] if len(snap.departments) == 1 else ""
    blocks: list[Block] = [
        Figures(
            (
                _index(scene, one),
                coverage_figure(scene, snap.departments),
                *_shares(scene),
                *time_figures(scene, snap.departments),
                *_apart(scene),
            )
        ),
        *trend_chart(scene, one),
        Heading(_("The worst gaps"), "gaps"),
        gaps_table(scene, "gaps", _("The controls that cost the index most"), scene.gaps(snap.departments)[:_GAPS]),
        *_departments(scene),
        *_missed(scene),
        formula(scene),
    ]
    return Document("summary", _("Compliance summary"), scene.department(one) if one else "", tuple(blocks), "gaps", True)


def _departments(scene: Scene) -> tuple[Block, ...]:
    """Side by side, where they fit on the page."""
    if len(scene.snapshot.departments) > _FEW:
        return (Paragraph(_("Departments side by side: auditor report league")),)
    return (Heading(_("Departments"), "departments"), departments_table(scene))


def _index(scene: Scene, department: str) -> Figure:
    snap = scene.snapshot
    value = scene.scores[department].index if department in scene.scores else snap.index
    why = scene.withheld(department) if department else ""
    note = "" if value is None else _("no earlier index to compare with")
    earlier = ((p, p.departments.get(department) if department else p.index) for p in reversed(scene.earlier))
    point, before = next(((p, v) for p, v in earlier if v is not None), (None, None))
    if value is None and not department:
        note = _index_of_none(scene)
    elif value is not None and point is not None and before is not None:
        since = _("{change} since the audit before") if point is scene.earlier[-1] else _("{change} since the audit of {day}")
        note = since.format(change=_signed(value - before), day=scene.day(point.at, scene.own_zone))
        if point.policy != scene.policy_name:
            note = _("not compared with the audit before, which was by policy {policy}").format(policy=isolate(point.policy))
    if value is not None:
        note = _("; ").join((note, basis_of(scene, snap.departments)))
    return Figure("index", _("Index"), cells.index(value, why), note, today(scene, "auditor score"))


def _index_of_none(scene: Scene) -> str:
    """Why no index stands over several departments."""
    if not scene.of_all:
        return _("an index is of one department or of all")
    return _("the run was not of everything") if scene.snapshot.run.narrowed else _("not every department has an index")


def _signed(change: float) -> str:
    change = round(change, 1)
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return isolate(f"{sign}{number(abs(change), 1)}")


def _shares(scene: Scene) -> tuple[Figure, ...]:
    scores = list(scene.scores.values())
    automated = sum(s.automated_share for s in scores) / len(scores) if scores else None
    attested = sum(s.attested_share for s in scores) / len(scores) if scores else None
    note, command = _("share of the policy, by the controls' weights"), today(scene, "auditor score")
    return (
        Figure("automated", _("Decided by checks"), cells.share(automated), note, command),
        Figure("attested", _("Attested"), cells.share(attested), note, command),
    )


def _apart(scene: Scene) -> tuple[Figure, ...]:
    """What must not disappear in an index: the unknown, the excepted, the unreached."""
    snap = scene.snapshot
    active = sum(e.state is ExceptionState.ACTIVE for e in snap.exceptions)
    excepted = sum(scene.tallies[name].spared for name in snap.departments)
    ending = sum(e.id in snap.expiring for e in snap.exceptions)
    audit = f"auditor runs show {snap.run.id}"
    return (
        Figure("unknown", _("Not known"), cells.count(scene.unanswered, Tone.FAIR), _("planned checks without an answer"), audit),
        Figure(
            "exceptions",
            _("Exceptions ending soon"),
            cells.count(ending, Tone.FAIR),
            _("in force: {n}; findings under them: {findings}").format(n=number(active), findings=number(excepted)),
            today(scene, "auditor exceptions list"),
        ),
        Figure(
            "unreached",
            _("Not reached"),
            cells.count(len(snap.missed), Tone.BAD),
            _("hosts and networks"),
            audit,
        ),
    )


def departments_table(scene: Scene) -> Table:
    """Departments side by side, in the order of the inventories."""
    earlier = scene.earlier[-1] if scene.earlier else None
    if earlier is not None and earlier.policy != scene.policy_name:
        earlier = None  # what differs may be the policy, and not the departments
    rows = []
    for name in scene.snapshot.departments:
        score = scene.scores.get(name)
        tally = scene.tallies[name]
        value = score.index if score else None
        before = earlier.departments.get(name) if earlier else None
        change = None if value is None or before is None else round(value - before, 1)
        rows.append(
            (
                cells.words(scene.department(name), name),
                cells.index_above(value, scene.withheld(name)),
                Cell(_signed(change), change) if change is not None else Cell(cells.NONE, None, Tone.MUTED),
                cells.rests(score.basis if score else None),
                cells.share(score.coverage.share if score else None, 1),
                cells.share(score.automated_share if score else None),
                cells.share(score.attested_share if score else None),
                cells.count(tally.open),
                cells.count(sum(n for severity, n in tally.severities.items() if severity.rank < 2), Tone.BAD),
                cells.count(tally.overdue, Tone.BAD),
            )
        )
    columns = (
        Column("department", _("Department"), width=28),
        Column("index", _("Index"), Shape.NUMBER, 14),
        Column("change", _("Change"), Shape.NUMBER, 9),
        Column("basis", _("Controls decided"), Shape.NUMBER, 9),
        Column("coverage", _("Coverage"), Shape.NUMBER, 9),
        Column("automated", _("Decided by checks"), Shape.NUMBER, 10),
        Column("attested", _("Attested"), Shape.NUMBER, 9),
        Column("open", _("Open findings"), Shape.NUMBER, 9),
        Column("worst", _("Critical and high"), Shape.NUMBER, 9),
        Column("overdue", _("Overdue"), Shape.NUMBER, 9),
    )
    empty, notes = _("No department is in scope."), index_notes(scene, scene.snapshot.departments)
    return Table("departments", _("Departments side by side"), columns, tuple(rows), empty, notes=notes)


def _missed(scene: Scene) -> tuple[Block, ...]:
    missed = scene.snapshot.missed
    if not missed:
        return ()
    long = [m for m in missed if m.last_reached is None]
    told = _("Hosts and networks not reached on {day}: {n}; never reached at all: {never}. The annex names each, and why.")
    when = scene.day(scene.snapshot.run.started, scene.own_zone)
    return (Paragraph(told.format(n=number(len(missed)), day=when, never=number(len(long))), Tone.FAIR),)
