"""Departments side by side: their indices, and a heat map of the themes."""

from __future__ import annotations

from auditor.reporting import cells
from auditor.reporting.document import Chart, Column, Document, Heading, Heat, Shape, Table
from auditor.reporting.kinds.pieces import formula, index_notes, theme_notes
from auditor.reporting.kinds.summary import departments_table
from auditor.reporting.scene import Scene
from auditor.text import _, points
from auditor.text.labels import rests_on


def league(scene: Scene) -> Document:
    """In the order of the index, the highest first; departments without one come last, in the order of the inventories."""
    indices = {name: scene.scores[name].index if name in scene.scores else None for name in scene.snapshot.departments}
    names = tuple(sorted(indices, key=lambda name: (indices[name] is None, -(indices[name] or 0.0))))
    themes = scene.themes()
    grid = {name: scene.snapshot.themes.get(name, {}) for name in names}
    told = _("No department has an index.")
    if names and (highest := indices[names[0]]) is not None:
        told = _("The highest index is {index}, of {department}. The table below holds the same figures.").format(
            index=points(highest), department=scene.department(names[0])
        )
    if names:
        told += " " + _("Under each figure: how many of the theme's controls are decided.")
    heat = Heat(
        tuple(scene.department(n) for n in names),
        tuple(scene.theme(t) for t in themes),
        tuple(tuple(grid[n][t].index if t in grid[n] else None for t in themes) for n in names),
        tuple(tuple(rests_on(grid[n][t].basis) if t in grid[n] else "" for t in themes) for n in names),
        _("Index"),
    )
    columns = (
        Column("department", _("Department"), width=28),
        Column("index", _("Index"), Shape.NUMBER, 8),
        Column("coverage", _("Coverage"), Shape.NUMBER, 10),
        *(Column(t, scene.theme(t), Shape.NUMBER, 16) for t in themes),
    )
    rows = tuple(
        (
            cells.words(scene.department(name), name),
            cells.index_above(indices[name], scene.withheld(name)),
            cells.share(scene.scores[name].coverage.share if name in scene.scores else None, 1),
            *(cells.theme(grid[name].get(t)) for t in themes),
        )
        for name in names
    )
    themed = [grid[n][t] for n in names if indices[n] is not None for t in themes if t in grid[n]]
    notes = (*index_notes(scene, names), *theme_notes(themed))
    return Document(
        "league",
        _("Departments side by side"),
        "",
        (
            Heading(_("Themes"), "themes"),
            Chart("heat", _("Index by department and theme"), told, heat),
            Table("league", _("Index by department and theme"), columns, rows, _("No department is in scope."), notes=notes),
            Heading(_("Departments"), "departments"),
            departments_table(scene),
            formula(scene),
        ),
        "league",
    )
