"""Cells for the values that reports show, each with the tone that it bears."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from auditor.model import Basis, FindingState, Json, Level, Reach, Severity, ThemeScore, VerdictKind
from auditor.reporting.document import Cell, Tone
from auditor.text import _, day, instant, number, percent, points, rounded, values
from auditor.text.bidi import safe
from auditor.text.labels import label, rests_on, withheld

TONES: dict[StrEnum, Tone] = {
    Severity.CRITICAL: Tone.GRAVE,
    Severity.HIGH: Tone.BAD,
    Severity.MEDIUM: Tone.FAIR,
    Severity.LOW: Tone.MUTED,
    Level.FULLY: Tone.GOOD,
    Level.PARTLY: Tone.FAIR,
    Level.NOT: Tone.BAD,
    Level.NOT_APPLICABLE: Tone.MUTED,
    Level.NOT_KNOWN: Tone.MUTED,
    FindingState.CLOSED: Tone.GOOD,
    FindingState.EXCEPTED: Tone.MUTED,
    FindingState.FALSE_POSITIVE: Tone.MUTED,
    FindingState.REOPENED: Tone.BAD,
    VerdictKind.PASS: Tone.GOOD,
    VerdictKind.FAIL: Tone.BAD,
    VerdictKind.UNKNOWN: Tone.FAIR,
    VerdictKind.ERROR: Tone.FAIR,
    Reach.REACHED: Tone.GOOD,
}
NONE = "—"


def badge(value: StrEnum) -> Cell:
    """A value of an enum, by its label."""
    return Cell(label(value), value.value, TONES.get(value, Tone.PLAIN))


def code(value: Json) -> Cell:
    """A name or value from a machine, or text that a person typed: shown with whatever hides or steers made visible."""
    return Cell(values.shown(value), value)


def words(text: str, raw: Json = None) -> Cell:
    """A text of ours in the reader's language; ``raw`` where a program is given something else."""
    return Cell(text, text if raw is None else raw)


def typed(text: str) -> Cell:
    """A text that a person typed."""
    return Cell(safe(text, lines=True), text)


def count(n: int, tone: Tone = Tone.PLAIN) -> Cell:
    """A whole number; ``tone`` is for any but none."""
    return Cell(number(n), n, tone if n else Tone.PLAIN)


def share(value: float | None, digits: int = 0) -> Cell:
    """A share from 0 to 1."""
    return Cell(NONE, None, Tone.MUTED) if value is None else Cell(percent(value, digits), value, share=True)


def rests(basis: Basis | None) -> Cell:
    """How many of the controls that apply are decided."""
    return Cell(NONE, None, Tone.MUTED) if basis is None else Cell(rests_on(basis), [basis.decided, basis.controls])


def index(value: float | None, why: str = "") -> Cell:
    """An index from 0 to 100, or why there is none, as ``DepartmentScore.withheld`` codes it."""
    if value is None:
        return Cell(withheld(why) if why else NONE, None, Tone.MUTED)
    return Cell(points(value), rounded(value), grade(value))


def index_above(value: float | None, why: str = "") -> Cell:
    """The same in a table, below which stands why there is none: in a cell a sentence makes the other columns narrow."""
    cell = index(value, why)
    return cell if value is not None else replace(cell, shown=NONE, alone=cell.shown)


def theme(score: ThemeScore | None) -> Cell:
    """A theme's index and, below it, the controls that it rests on; why there is none is said below the table."""
    if score is None or not score.basis.controls:
        return Cell(NONE, None, Tone.MUTED)
    cell = index(score.index, score.withheld)
    alone = _("{index} ({n} of {all} controls)").format(
        index=cell.shown, n=number(score.basis.decided), all=number(score.basis.controls)
    )
    shown = NONE if score.index is None else cell.shown
    return replace(cell, shown=f"{shown}\n{rests_on(score.basis)}", alone=alone)


def grade(value: float) -> Tone:
    """How an index bodes."""
    return Tone.GOOD if value >= 80 else Tone.FAIR if value >= 50 else Tone.BAD


def on(value: date | datetime | None, zone: str = "UTC", tone: Tone = Tone.PLAIN) -> Cell:
    """A day; of an instant, the day that it is in the time zone."""
    if value is None:
        return Cell("", None)
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone)).date()
    return Cell(day(value), value.isoformat(), tone)


def at(value: datetime | None, zone: str = "UTC") -> Cell:
    """An instant."""
    return Cell(NONE, None) if value is None else Cell(instant(value, zone), value.isoformat())
