"""What was not looked at, said where a list of findings would else read as clean."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Figure, Figures, Shape, Table, Tone
from auditor.reporting.kinds.annex import missed_table
from auditor.reporting.kinds.pieces import coverage_figure
from auditor.reporting.scene import Scene
from auditor.text import _, number
from auditor.text.labels import withheld


def unseen(scene: Scene) -> tuple[Block, ...]:
    """How much was judged, and each asset and department that was not; nothing where all was."""
    missed = scene.snapshot.missed
    if not (scene.not_audited or missed or scene.unanswered):
        return ()
    figures = Figures(
        (
            coverage_figure(scene, scene.snapshot.departments),
            Figure(
                "unreached",
                _("Not reached"),
                cells.count(len(missed), Tone.BAD),
                _("of {n} hosts and networks").format(n=number(scene.planned)),
                f"auditor runs show {scene.snapshot.run.id}",
            ),
        )
    )
    aside = (absent(scene, *scene.not_audited),) if scene.not_audited else ()
    return (figures, *aside, *((missed_table(scene, missed),) if missed else ()))


def none_known(scene: Scene, none: str) -> str:
    """``none`` where all was looked at; else that no finding is known, and what was not looked at."""
    told = []
    if scene.not_audited:
        names = _("; ").join(scene.department(name) for name in scene.not_audited)
        told.append(_("Not audited: {names}.").format(names=names))
    if missed := len(scene.snapshot.missed):
        told.append(_("Hosts and networks not reached: {n} of {all}.").format(n=number(missed), all=number(scene.planned)))
    if scene.unanswered:
        told.append(_("Planned checks without an answer: {n}.").format(n=number(scene.unanswered)))
    return " ".join((_("No finding is known."), *told)) if told else none


def absent(scene: Scene, *departments: str) -> Table:
    """What stands for departments of which there is nothing to show: they must not be missing, nor read as clean."""
    columns = (
        Column("department", _("Department"), width=28),
        Column("why", _("Why"), width=40),
        Column("mistakes", _("Mistakes"), Shape.CODE, 40),
    )
    return Table(absent_id(*departments), _("Not audited"), columns, tuple(_absent_row(scene, name) for name in departments))


def _absent_row(scene: Scene, department: str) -> tuple[Cell, ...]:
    mistakes = scene.mistakes(department)
    why = withheld("set_aside" if mistakes else "not_in_run")
    return cells.words(scene.department(department), department), Cell(why, why, Tone.BAD), cells.typed("\n".join(mistakes))


def absent_id(*departments: str) -> str:
    """Under which name that stands."""
    return f"absent-{departments[0]}" if len(departments) == 1 else "absent"


def main_of(scene: Scene, name: str, rows: Sequence[object]) -> str:
    """The table that CSV holds: ``name``, but for departments of which nothing is known the one that says why."""
    unknown = not rows and scene.not_audited and not scene.scores
    return absent_id(*scene.not_audited) if unknown else name
