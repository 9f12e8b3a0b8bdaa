"""Parts that several kinds of report share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from auditor.model import Coverage, Severity, ThemeScore
from auditor.reporting import cells
from auditor.reporting.document import (
    Bars,
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Lines,
    Paragraph,
    Series,
    Shape,
    Table,
    Tone,
)
from auditor.reporting.scene import Gap, Scene, Tally
from auditor.text import _, number, percent, points
from auditor.text.bidi import isolate
from auditor.text.labels import index_of, label, withheld

_AGES = (7, 30, 90)
_SEVERITY_TONES = dict(zip(Severity, (Tone.GRAVE, Tone.BAD, Tone.FAIR, Tone.MUTED), strict=True))


def gaps_table(scene: Scene, name: str, title: str, gaps: Sequence[Gap]) -> Table:
    """Controls that cost most."""
    return Table(
        name,
        title,
        (
            Column("control", _("Control"), Shape.CODE, 8),
            Column("title", _("Title"), width=40),
            Column("lost", _("Points lost"), Shape.NUMBER, 10),
            Column("share", _("Share"), Shape.NUMBER, 8),
            Column("findings", _("Open findings"), Shape.NUMBER, 10),
            Column("departments", _("Departments"), Shape.NUMBER, 10),
        ),
        tuple(
            (
                cells.code(gap.control.id),
                cells.words(scene.control_title(gap.control.id), gap.control.id),
                Cell(number(gap.lost, 1), round(gap.lost, 3)),
                cells.share(gap.share),
                cells.count(gap.findings),
                cells.count(len(gap.departments)),
            )
            for gap in gaps
        ),
        _("No control costs a point."),
    )


def formula(scene: Scene) -> Paragraph:
    """How the index is made, in words, with the policy's own numbers."""
    scoring = scene.policy.scoring
    told = _(
        "How the index is made: the share of a control is the weight of the checks that pass ÷ the weight of those that pass, "
        "fail, are unknown or in error; what does not apply is left out. Where the committee has accepted an answer, the share "
        "is {checks} that of the checks and {attested} the answer's. The index is the mean of the shares by their weights. "
        "What failed by exception has failed; what was not observed is not taken to pass, and a control of which nothing was "
        "seen counts as 0. Controls that await an answer are left out, and so are those that do not apply: beside each index "
        "stands how many are decided. No index is shown under a coverage of {floor}, and none of a theme of whose controls less "
        "than that, by weight, is decided."
    )
    return Paragraph(
        told.format(
            checks=percent(1 - scoring.attested, 0),
            attested=percent(scoring.attested, 0),
            floor=percent(scene.policy.coverage_floor, 0),
        )
    )


def basis_of(scene: Scene, departments: Iterable[str]) -> str:
    """On how many controls an index rests, of one department or summed over several."""
    return index_of(scene.scores[d].basis for d in departments if d in scene.scores)


def coverage_figure(scene: Scene, departments: Sequence[str]) -> Figure:
    """How much of the plan was judged: never far from an index."""
    held = Coverage.over(scene.scores[d].coverage for d in departments if d in scene.scores)
    note = _("{judged} of {counted} planned checks passed or failed; {left_out} more do not apply").format(
        judged=number(held.judged), counted=number(held.counted), left_out=number(held.not_applicable)
    )
    share = held.share
    cell = cells.share(share, 1)
    low = share is None or share < scene.policy.coverage_floor
    shown = replace(cell, tone=Tone.BAD if low else Tone.PLAIN)
    return Figure("coverage", _("Coverage"), shown, note, f"auditor runs show {scene.snapshot.run.id}")


def today(scene: Scene, command: str) -> str:
    """A command that knows the present alone; "" where the report is of a past state, which it would contradict."""
    return "" if scene.snapshot.past else command


def listing(scene: Scene, departments: Sequence[str], *filters: str) -> str:
    """The command that lists the findings of these departments."""
    return today(scene, " ".join(("auditor findings list", *named(scene, departments), *filters)))


def named(scene: Scene, departments: Sequence[str]) -> list[str]:
    """The options that name these departments to a command; none where they are all that there are."""
    inventory = scene.catalogue.inventory
    known = {d.id for d in inventory.departments} | {name for name, _mistakes in inventory.set_aside}
    return [word for name in departments for word in ("--department", name)] if known - set(departments) else []


def time_figures(scene: Scene, departments: Sequence[str]) -> tuple[Figure, ...]:
    """What presses."""
    tallies = [scene.tallies[name] for name in departments]
    overdue = sum(t.overdue for t in tallies)
    soon = sum(t.due_soon for t in tallies)
    days = scene.policy.terms.due_soon
    command = partial(listing, scene, departments)
    return (
        Figure(
            "open", _("Open findings"), cells.count(sum(t.open for t in tallies)), _worst(tallies), command("--state to_mend")
        ),
        Figure("overdue", _("Overdue"), cells.count(overdue, Tone.BAD), "", command("--overdue")),
        Figure(
            "due_soon",
            _("Due soon"),
            cells.count(soon, Tone.FAIR),
            _("within {days} days").format(days=number(days)),
            command("--due-soon"),
        ),
    )


def _worst(tallies: Iterable[Tally]) -> str:
    counts = sum((t.severities for t in tallies), Counter[Severity]())
    return _("; ").join(f"{label(s)}: {number(counts[s])}" for s in Severity if counts[s])


def index_notes(scene: Scene, departments: Iterable[str]) -> tuple[str, ...]:
    """Below a table: which departments have no index, and why."""
    why: dict[str, list[str]] = {}
    for name in departments:
        if reason := scene.withheld(name):
            why.setdefault(reason, []).append(isolate(scene.department(name)))
    told = _("No index: {department}. Reason: {reason}.")
    return tuple(told.format(department=_("; ").join(names), reason=withheld(reason)) for reason, names in why.items())


def theme_notes(scores: Iterable[ThemeScore]) -> tuple[str, ...]:
    """Below a table: why some themes have no index, in departments that have one."""
    reasons = dict.fromkeys(s.withheld for s in scores if s.index is None and s.basis.controls and s.withheld)
    return tuple(_("No index of a theme: {reason}.").format(reason=withheld(reason)) for reason in reasons)


def trend_chart(scene: Scene, department: str = "") -> tuple[Block, ...]:
    """The index over the runs: of a department, or of all where all are in scope. Two that have one at least make a line."""
    runs = scene.snapshot.trend
    values = tuple(p.departments.get(department) if department else p.index for p in runs)
    known = [(p, v) for p, v in zip(runs, values, strict=True) if v is not None]
    if len(known) < 2 or not (department or scene.of_all):
        return ()
    zone = scene.zone(department) if department else scene.own_zone
    (first, begun), (last, newest) = known[0], known[-1]
    told = _("From {first} on {since} to {last} on {until}, over {n} runs.").format(
        first=points(begun),
        since=scene.day(first.at, zone),
        last=points(newest),
        until=scene.day(last.at, zone),
        n=number(len(known)),
    )
    if last is not runs[-1]:
        told += " " + _("The newest run, of {day}, has no index.").format(day=scene.day(runs[-1].at, zone))
    # of two policies, a step between them may be the policies'
    others = [p for (before, _v), (p, _w) in pairwise(known) if p.policy != before.policy]
    if others:
        told += " " + _("The policy was another from {days} on.").format(days=", ".join(scene.day(p.at, zone) for p in others))
    lines = Lines(tuple(p.at.astimezone(ZoneInfo(zone)).date() for p in runs), (Series(_("Index"), values),), _("Index"), 100.0)
    return (Chart(f"trend{suffix(department)}", _("The index over time"), told, lines),)


def age_chart(scene: Scene, department: str) -> tuple[Block, ...]:
    """Open findings by age and severity."""
    standings = scene.open_of(department)
    if not standings:
        return ()
    bounds = [0, *_AGES]
    groups = [_("{a} to {b} days").format(a=number(a + (a > 0)), b=number(b)) for a, b in zip(bounds, _AGES, strict=False)]
    groups.append(_("more than {a} days").format(a=number(_AGES[-1])))
    counts: dict[Severity, Counter[int]] = {s: Counter() for s in Severity}
    for standing in standings:
        age = (scene.snapshot.as_of - standing.finding.first_seen).days
        counts[standing.finding.severity][sum(age > bound for bound in _AGES)] += 1
    series = tuple(
        Series(label(s), tuple(float(counts[s][g]) for g in range(len(groups))), _SEVERITY_TONES[s])
        for s in Severity
        if counts[s]
    )
    told = _("; ").join(
        f"{group}: {number(sum(counts[s][g] for s in Severity))}" for g, group in enumerate(groups)
    )  # the same numbers in words
    title = _("Open findings by age and severity")
    return (Chart(f"ages{suffix(department)}", title, told, Bars(tuple(groups), series, _("findings"))),)


def suffix(department: str) -> str:
    """What a chart's id ends with, where it is of one department."""
    return f"-{department}" if department else ""
