"""How each department stands: its controls by theme and level, who decided them, whether deadlines are kept, and the trend."""

from __future__ import annotations

from collections import Counter

from auditor.model import DepartmentScore, Level, ThemeScore
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Figure, Figures, Heading, Shape, Table, Tone
from auditor.reporting.kinds.burn import burn_chart
from auditor.reporting.kinds.pieces import (
    age_chart,
    basis_of,
    coverage_figure,
    formula,
    gaps_table,
    theme_notes,
    time_figures,
    today,
    trend_chart,
)
from auditor.reporting.kinds.unseen import absent, absent_id
from auditor.reporting.scene import Scene
from auditor.text import _, number
from auditor.text.labels import label

_GAPS = 10


def scorecard(scene: Scene) -> Document:
    """A chapter for each department in scope."""
    names = scene.snapshot.departments
    blocks: list[Block] = [block for name in names for block in _department(scene, name)]
    subject = scene.department(names[0]) if len(names) == 1 else ""
    main = next((f"controls-{name}" if name in scene.scores else absent_id(name) for name in names), "")
    return Document("scorecard", _("Scorecard"), subject, (*blocks, formula(scene)), main)


def _department(scene: Scene, name: str) -> tuple[Block, ...]:
    score = scene.scores.get(name)
    heading = Heading(scene.department(name), f"department-{name}")
    if score is None:
        return (heading, absent(scene, name))
    adherence = scene.adherence(name)
    kept = _("{kept} of {of} findings that were mended, or whose deadline has passed").format(
        kept=number(adherence.kept), of=number(adherence.of)
    )
    return (
        heading,
        Figures(
            (
                Figure(
                    "index",
                    _("Index"),
                    cells.index(score.index, score.withheld),
                    basis_of(scene, [name]),
                    today(scene, f"auditor score --department {name}"),
                ),
                coverage_figure(scene, [name]),
                Figure("automated", _("Decided by checks"), cells.share(score.automated_share), _controls(scene, name, 0)),
                Figure("attested", _("Attested"), cells.share(score.attested_share), _controls(scene, name, 1)),
            )
        ),
        Figures((*time_figures(scene, [name]), Figure("sla", _("Deadlines kept"), cells.share(adherence.share), kept))),
        *trend_chart(scene, name),
        *age_chart(scene, name),
        *burn_chart(scene, name),
        Heading(_("Where points are lost"), f"gaps-{name}", 3),
        gaps_table(scene, f"gaps-{name}", _("The controls that cost the index most"), scene.gaps([name])[:_GAPS]),
        Heading(_("Themes"), f"themes-{name}", 3),
        _themes(scene, score),
        Heading(_("Controls"), f"controls-of-{name}", 3),
        _controls_table(scene, score),
    )


def _controls(scene: Scene, name: str, which: int) -> str:
    return _("by weight; {n} of {all} controls in force").format(
        n=number(scene.weighed(name)[which]), all=number(len(scene.scores[name].controls))
    )


def _themes(scene: Scene, score: DepartmentScore) -> Table:
    counts: dict[str, Counter[Level]] = {theme: Counter() for theme in scene.themes()}
    for one in score.controls:
        counts[scene.controls[one.control].theme][one.level] += 1
    indices = scene.snapshot.themes.get(score.department, {})
    rows = tuple(
        (
            cells.words(scene.theme(theme), theme),
            *_themed(indices.get(theme)),
            *(cells.count(counts[theme][level]) for level in Level),
        )
        for theme in scene.themes()
    )
    columns = (
        Column("theme", _("Theme"), width=20),
        Column("index", _("Index"), Shape.NUMBER, 14),
        Column("basis", _("Controls decided"), Shape.NUMBER, 10),
        *(Column(level.value, label(level), Shape.NUMBER, 10) for level in Level),
    )
    notes = theme_notes(indices.values())
    return Table(f"themes-{score.department}", _("Controls by theme and level"), columns, rows, notes=notes)


def _themed(score: ThemeScore | None) -> tuple[Cell, Cell]:
    if score is None or not score.basis.controls:
        return cells.index(None), cells.rests(None)
    return cells.index_above(score.index, score.withheld), cells.rests(score.basis)


def _controls_table(scene: Scene, score: DepartmentScore) -> Table:
    rows = tuple(
        (
            cells.code(one.control),
            cells.words(scene.control_title(one.control), one.control),
            cells.badge(one.level),
            cells.badge(one.state),
            cells.share(one.share),
            cells.count(one.passed),
            cells.count(one.failed, Tone.BAD),
            cells.count(one.unknown + one.errors, Tone.FAIR),
            cells.count(one.excepted),
            Cell(str(one.weight), one.weight),
        )
        for one in score.controls
    )
    columns = (
        Column("control", _("Control"), Shape.CODE, 8),
        Column("title", _("Title"), width=36),
        Column("level", _("Level"), Shape.BADGE, 14),
        Column("state", _("How decided"), Shape.BADGE, 20),
        Column("share", _("Share"), Shape.NUMBER, 8),
        Column("passed", _("Passed"), Shape.NUMBER, 8),
        Column("failed", _("Failed"), Shape.NUMBER, 8),
        Column("unknown", _("Unknown"), Shape.NUMBER, 8),
        Column("excepted", _("Failed by exception"), Shape.NUMBER, 10),
        Column("weight", _("Weight"), Shape.NUMBER, 7),
    )
    return Table(f"controls-{score.department}", _("Every control in force"), columns, rows, _("No control is in force."))
