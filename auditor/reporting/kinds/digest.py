"""What somebody must know in the morning, and nothing else: what is new since the last letter to them, in full, and what still
presses, as counts. Sent, not shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from auditor.model import SPARED, FindingState, Missed, Resolution, RiskException, Standing
from auditor.reporting import cells
from auditor.reporting.document import Block, Cell, Column, Document, Figure, Figures, Heading, Paragraph, Shape, Table, Tone
from auditor.reporting.kinds.annex import exceptions_table, missed_table
from auditor.reporting.kinds.findings import due
from auditor.reporting.kinds.pieces import named
from auditor.reporting.scene import Scene
from auditor.text import _, instant, number
from auditor.text.bidi import safe

Picture = Mapping[str, frozenset[str]]
"""What a letter can tell, by part: one key for each thing that is so. A thing that ends and comes back has another key."""

PRESSING = ("overdue", "due_soon", "exceptions", "missed", "set_aside")
"""The parts of a picture that ask somebody to act, and of which a reminder tells all."""

_MOST = 25
"""Rows of a part: a letter is read, not searched. The rest is in the report of findings."""

_Listed = tuple[str, Callable[[Standing], bool]]
_TO_MEND: _Listed = "--state to_mend", lambda s: s.finding.state not in {FindingState.CLOSED, *SPARED}
_CLOSED: _Listed = "--state closed", lambda s: s.finding.state is FindingState.CLOSED
_LISTED: Mapping[str, _Listed] = {
    "overdue": ("--overdue", lambda s: s.overdue),
    "due_soon": ("--due-soon", lambda s: s.due_soon),
    "fixed": _CLOSED,
    "closed": _CLOSED,
}
"""The narrowest list that holds a part's findings, and what else is in it; of a part that is not named, all there is to mend."""


def picture(scene: Scene) -> dict[str, frozenset[str]]:
    """How things stand, to be compared with what a person has been told."""
    return {
        "open": frozenset(_life(s) for s in scene.open),
        "spared": frozenset(_life(s) for s in scene.live if s.finding.state in SPARED),
        "overdue": frozenset(_time(s) for s in scene.open if s.overdue),
        "due_soon": frozenset(_time(s) for s in scene.open if s.due_soon),
        "exceptions": frozenset(_end(e) for e in _ending(scene)),
        "missed": frozenset(_absence(m) for m in scene.snapshot.missed),
        "set_aside": frozenset(_aside(name, why) for name, why in scene.set_aside),
    }


def _life(standing: Standing) -> str:
    return f"{standing.finding.id}:{standing.finding.reopened}"


def _time(standing: Standing) -> str:
    f = standing.finding
    return f"{_life(standing)}:{f.due.isoformat() if f.due else ''}"


def _end(held: RiskException) -> str:
    return f"{held.id}:{held.ends}"


def _absence(missed: Missed) -> str:
    """Another once the asset was reached in between, and once the reason is of another kind: after a maintenance, say."""
    since = missed.last_reached.isoformat() if missed.last_reached else ""
    return f"{missed.asset}:{missed.reach.value}:{since}"


def _aside(name: str, why: Sequence[str]) -> str:
    return f"{name}:{hashlib.sha256(chr(10).join(why).encode()).hexdigest()[:16]}"


def _ending(scene: Scene) -> list[RiskException]:
    return [e for e in scene.snapshot.exceptions if e.id in scene.snapshot.expiring]


def digest(scene: Scene, before: Picture, *, since: datetime | None, remind: bool) -> Document | None:
    """The letter to who answers for the departments in scope and was told ``before``, last at ``since``; None when there is
    nothing to tell. ``remind``: all that presses is listed too, not only counted."""
    now = picture(scene)
    news = {part: keys - before.get(part, frozenset()) for part, keys in now.items()}
    fresh = list(_news(scene, news, before))
    remind = remind and any(now[part] - news[part] for part in PRESSING)
    if not fresh and not remind:
        return None
    blocks: list[Block] = [Paragraph(_lead(scene, since, new=bool(fresh)))]
    if fresh:
        blocks.append(Figures(tuple(figure for figure, _table in fresh)))
        blocks += [table for _figure, table in fresh]
    blocks += [Heading(_("All that presses now"), "presses"), Figures(tuple(_presses(scene)))]
    if remind:
        blocks += [table for _figure, table in _all_pressing(scene)]
    names = scene.snapshot.departments
    subject = scene.department(names[0]) if len(names) == 1 else ""
    title = _("What needs you this morning") if fresh else _("The week's reminder: what still needs you")
    return Document("digest", title, subject, tuple(blocks), "new", True)


def _lead(scene: Scene, since: datetime | None, *, new: bool) -> str:
    if since is None:
        return _("This is the first letter to you: everything in it counts as new.")
    names = scene.snapshot.departments
    at = instant(since, scene.zone(names[0]) if len(names) == 1 else "UTC")
    if new:
        return _("New since the last letter to you, of {instant}:").format(instant=at)
    return _("Nothing is new since the last letter to you, of {instant}.").format(instant=at)


def _news(scene: Scene, news: Picture, before: Picture) -> Iterator[tuple[Figure, Table]]:
    """The parts that have news, each with its count."""
    spared = before.get("spared", frozenset())
    added = [s for s in scene.open if _life(s) in news["open"]]
    unseen = [s for s in added if _life(s) not in spared]
    known = {key.partition(":")[0] for key in (*before.get("open", ()), *spared)}
    closed = [s for s in scene.snapshot.standings if s.finding.state is FindingState.CLOSED and s.finding.id in known]
    parts = (
        ("new", _("New findings"), [s for s in unseen if not s.finding.reopened], Tone.BAD),
        ("reopened", _("Reopened findings"), [s for s in unseen if s.finding.reopened], Tone.BAD),
        ("restored", _("No longer excepted"), [s for s in added if _life(s) in spared], Tone.BAD),
        ("overdue", _("Newly overdue"), [s for s in scene.open if s.overdue and _time(s) in news["overdue"]], Tone.BAD),
        ("due_soon", _("Newly due soon"), [s for s in scene.open if s.due_soon and _time(s) in news["due_soon"]], Tone.FAIR),
    )
    for name, title, found, tone in parts:
        if found:
            yield Figure(name, title, cells.count(len(found), tone)), _findings(scene, name, title, found)
    ending = [e for e in _ending(scene) if _end(e) in news["exceptions"]]
    missed = [m for m in scene.snapshot.missed if _absence(m) in news["missed"]]
    aside = [(name, why) for name, why in scene.set_aside if _aside(name, why) in news["set_aside"]]
    yield from _others(scene, ending, missed, aside)
    for name, title, proven, tone in (
        ("fixed", _("Fixed"), True, Tone.GOOD),
        ("closed", _("Closed for another reason"), False, Tone.PLAIN),
    ):
        found = [s for s in closed if (s.finding.resolution is Resolution.FIXED) is proven]
        if found:
            yield Figure(name, title, cells.count(len(found), tone)), _closed(scene, name, title, found)


def _all_pressing(scene: Scene) -> Iterator[tuple[Figure, Table]]:
    for name, title, found in (
        ("all_overdue", _("Overdue"), [s for s in scene.open if s.overdue]),
        ("all_due_soon", _("Due soon"), [s for s in scene.open if s.due_soon]),
    ):
        if found:
            yield Figure(name, title, cells.count(len(found), Tone.BAD)), _findings(scene, name, title, found)
    yield from _others(scene, _ending(scene), scene.snapshot.missed, scene.set_aside, "all_")


def _others(
    scene: Scene,
    ending: Sequence[RiskException],
    missed: Sequence[Missed],
    aside: Sequence[tuple[str, tuple[str, ...]]],
    prefix: str = "",
) -> Iterator[tuple[Figure, Table]]:
    """What is no finding: exceptions that end soon, assets that were not reached, departments that were set aside."""
    found: tuple[tuple[str, str, int, Callable[[], Table], Tone], ...] = (
        ("exceptions", _("Exceptions ending soon"), len(ending), lambda: exceptions_table(scene, ending), Tone.FAIR),
        ("missed", _("Not reached"), len(missed), lambda: missed_table(scene, missed), Tone.BAD),
        ("set_aside", _("Departments set aside"), len(aside), lambda: _aside_table(scene, aside), Tone.BAD),
    )
    for name, title, n, make, tone in found:
        if n:
            table = replace(make(), id=prefix + name, title=title)
            yield Figure(prefix + name, title, cells.count(n, tone)), _short(scene, table)


def _short(scene: Scene, table: Table) -> Table:
    more = len(table.rows) - _MOST
    if more <= 0:
        return table
    departments = named(scene, scene.snapshot.departments)
    aside = table.id.endswith("set_aside")  # the annex says of these alone that nothing was judged
    command = f"auditor runs show {scene.snapshot.run.id}" if aside else " ".join(("auditor report annex", *departments))
    return replace(table, rows=table.rows[:_MOST], more=_see(more, command))


def _presses(scene: Scene) -> Iterator[Figure]:
    """How much there is in all, so that silence about it in the rest of the letter is not taken for its end."""
    yield Figure("open", _("Open findings"), cells.count(len(scene.open)))
    yield Figure("overdue", _("Overdue"), cells.count(sum(s.overdue for s in scene.open), Tone.BAD))
    yield Figure("due_soon", _("Due soon"), cells.count(sum(s.due_soon for s in scene.open), Tone.FAIR))
    yield Figure("exceptions", _("Exceptions ending soon"), cells.count(len(_ending(scene)), Tone.FAIR))
    yield Figure("missed", _("Not reached"), cells.count(len(scene.snapshot.missed), Tone.BAD))
    if scene.set_aside:
        yield Figure("set_aside", _("Departments set aside"), cells.count(len(scene.set_aside), Tone.BAD))


def _aside_table(scene: Scene, aside: Sequence[tuple[str, tuple[str, ...]]]) -> Table:
    columns = (Column("department", _("Department"), width=28), Column("why", _("Why"), width=60))
    rows = tuple(
        (
            cells.words(scene.department(name), name),
            Cell(_("; ").join(safe(mistake) for mistake in why[:3]), list(why)),
        )
        for name, why in aside
    )
    return Table("set_aside", "", columns, rows)


def _closed(scene: Scene, name: str, title: str, found: list[Standing]) -> Table:
    columns = (
        Column("finding", _("Finding"), Shape.CODE, 14),
        Column("resolution", _("Result"), Shape.BADGE, 14),
        Column("asset", _("Asset"), Shape.CODE, 18),
        Column("title", _("What should hold"), width=40),
        Column("closed", _("Closed on"), Shape.DAY, 17),
    )
    rows = tuple(
        (
            cells.code(s.finding.id),
            cells.badge(s.finding.resolution) if s.finding.resolution else Cell(cells.NONE),
            cells.code(f"{s.finding.asset} {s.finding.subject}".strip()),
            cells.words(scene.check_title(s.finding.check), s.finding.check),
            cells.on(s.finding.closed_at, scene.zone(s.finding.department)),
        )
        for s in found[:_MOST]
    )
    return Table(name, title, columns, rows, more=_more(scene, name, found))


def _findings(scene: Scene, name: str, title: str, found: list[Standing]) -> Table:
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
    return Table(name, title, columns, rows, more=_more(scene, name, found))


def _more(scene: Scene, name: str, found: Sequence[Standing]) -> str:
    """How many more there are, and what lists them; that it lists all of them and nothing else is said only where it is so."""
    more = len(found) - _MOST
    if more <= 0:
        return ""
    option, listed = _LISTED.get(name.removeprefix("all_"), _TO_MEND)
    command = " ".join(("auditor findings list", *named(scene, scene.snapshot.departments), option))
    every = not scene.snapshot.past and sum(map(listed, scene.snapshot.standings)) == len(found)
    return _("More of them: {n}. All: {command}").format(n=number(more), command=command) if every else _see(more, command)


def _see(more: int, command: str) -> str:
    return _("More of them: {n}. See: {command}").format(n=number(more), command=command)
