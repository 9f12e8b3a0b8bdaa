"""How a department's open findings become fewer: week by week until now, and until each is due."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.model import SPARED, Finding
from auditor.reporting.document import Block, Chart, Lines, Series, Tone
from auditor.reporting.kinds.pieces import suffix
from auditor.reporting.scene import Scene
from auditor.text import _, number

_BACK, _AHEAD = 8, 8  # weeks
LOOKED_BACK = timedelta(weeks=_BACK, days=1)
"""How much of the past is shown; a day more, since days are those of the department."""


def burn_chart(scene: Scene, department: str) -> tuple[Block, ...]:
    """How many were open each week until now, and how many will be if each is mended by its due date."""
    found = [s.finding for s in scene.of(department) if s.finding.state not in SPARED]  # what is excepted is mended by no date
    zone = ZoneInfo(scene.zone(department))
    today = scene.snapshot.as_of.astimezone(zone).date()
    begun = _begun(scene, department, found, zone) or today
    days = tuple(today + timedelta(weeks=week) for week in range(-_BACK, _AHEAD + 1))
    left = [_open_on(scene, found, d, zone) if d >= begun else None for d in days if d <= today]
    if not any(left):
        return ()
    still = [s.finding for s in scene.open_of(department)]
    ahead = [float(sum(f.due is None or f.due.astimezone(zone).date() > d for f in still)) for d in days if d >= today]
    series = (
        Series(_("Open"), (*left, *[None] * _AHEAD), Tone.BAD),
        Series(_("If each is mended by its due date"), (*[None] * _BACK, *ahead), Tone.GOOD),
    )
    told = _("{now} are open now; {later} would be in {weeks} weeks if each is mended by its due date.").format(
        now=number(len(still)), later=number(ahead[-1]), weeks=number(_AHEAD)
    )
    picture = Lines(days, series, _("findings"), today=today)
    return (Chart(f"burn{suffix(department)}", _("Open findings against due dates"), told, picture),)


def _begun(scene: Scene, department: str, found: Sequence[Finding], zone: ZoneInfo) -> date | None:
    """The day of the first whole audit that came to anything here, an index or a finding: before it nothing is known, not even
    that there was nothing. None where there has been none."""
    first = min((f.first_seen for f in found), default=None)
    for point in scene.snapshot.trend:
        if point.departments.get(department) is not None:
            return point.at.astimezone(zone).date()
        if department in point.departments and first is not None and first <= point.at:
            return point.at.astimezone(zone).date()
    return None


def _open_on(scene: Scene, found: Iterable[Finding], when: date, zone: ZoneInfo) -> float:
    def past(moment: datetime) -> bool:
        return moment.astimezone(zone).date() <= when

    def is_open(finding: Finding) -> bool:
        spells = scene.snapshot.spells.get(finding.id, ())
        closed = any(past(spell.closed) and not past(spell.reopened) for spell in spells)
        return past(finding.first_seen) and not closed and not (finding.closed_at is not None and past(finding.closed_at))

    return float(sum(map(is_open, found)))
