"""The morning's letters: what is new to each reader since the last letter to them, written after a night and put into the outbox.

Nothing here fails an audit. What cannot be sent stays in the outbox, a folder beside the ledger, and is tried again by the next
night or by ``auditor digest --send``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from auditor.model import Catalogue, Language, Person, ReportKind, ReportOptions, Role, Run, RunStatus, Tongue
from auditor.model.codec import digest as hashed
from auditor.notifying import Letter
from auditor.reporting import letters
from auditor.reporting.kinds.digest import digest, picture
from auditor.reporting.scene import Scene
from auditor.text import using
from auditor.workflow.outbox import alone, memory, put, roads, waiting
from auditor.workflow.parcels import Memory, News, Parcel, Reader, Road
from auditor.workflow.queries import reading
from auditor.workflow.snapshots import Archive, archive


@dataclass(frozen=True, slots=True)
class _Written:
    reader: Reader
    letter: Letter
    news: News


def due_letters(catalogue: Catalogue, *, now: datetime | None = None) -> tuple[Letter, ...]:
    """What waits to be sent to people, and what would be put beside it now; nothing is changed."""
    road = next(iter(roads(catalogue)), Road.MAIL)
    found = [letter for parcel in waiting(catalogue) if parcel.road is road for letter in parcel.letters]
    return (*found, *write_digests(catalogue, now=now, road=road))


def write_digests(catalogue: Catalogue, *, now: datetime | None = None, road: Road = Road.MAIL) -> tuple[Letter, ...]:
    """The letters of the newest audit: to each officer of their department, to the committee of all; to nobody whom they would
    tell nothing new. Where no audit was ever of all, those of the newest night of some departments, to their officers."""
    return tuple(written.letter for written in _written(catalogue, (road,), _moment(now), _of_some(catalogue)).get(road, ()))


def put_out(catalogue: Catalogue, *, now: datetime | None = None, night: Run | None = None) -> None:
    """Write what is new and put it into the outbox, for every road that is open. Done again, nothing is new any more.

    Of a ``night`` of some departments their officers alone are told: it says nothing of the others, which the committee asks for
    too. Of one that was narrowed further nobody is.
    """
    moment, run = _moment(now), ""
    if night is not None and night.narrowed:
        if not _of_departments(night):
            return
        run = str(night.id)
    with alone(catalogue):
        for road, written in _written(catalogue, roads(catalogue), moment, run).items():
            for parcel in _parcels(road, written, moment):
                put(catalogue, parcel)


def _of_some(catalogue: Catalogue) -> str:
    """The newest night of some departments, "" where there is an audit of all or no night at all."""
    with reading(catalogue) as ledger:
        if ledger.counted_runs():
            return ""
        night = next((r for r in ledger.runs() if r.status is RunStatus.FINISHED and _of_departments(r)), None)
    return str(night.id) if night else ""


def _of_departments(night: Run) -> bool:
    """Whether all of some departments was looked at, by the policy of record."""
    told, policy = night.summary.get("run"), night.summary.get("policy")
    scope = told.get("scope") if isinstance(told, dict) else None
    return (
        isinstance(scope, dict) and set(scope) == {"departments"} and isinstance(policy, dict) and policy.get("of_record") is True
    )


def _moment(now: datetime | None) -> datetime:
    return (now or datetime.now(UTC)).replace(microsecond=0)


def _parcels(road: Road, written: list[_Written], now: datetime) -> Iterator[Parcel]:
    if road is Road.MAIL:
        yield from (Parcel(w.letter.id, road, now, (w.letter,), {w.reader.user: w.news}, (w.reader,)) for w in written)
    elif written:
        name = hashed([w.letter.id for w in written])[:32]
        news = {w.reader.user: w.news for w in written}
        yield Parcel(name, road, now, tuple(w.letter for w in written), news, tuple(w.reader for w in written))


def _written(catalogue: Catalogue, by: tuple[Road, ...], now: datetime, run: str = "") -> dict[Road, list[_Written]]:
    """What is to be told by each road: of the newest audit, or of a ``run`` of some departments to their officers."""
    options = ReportOptions(kind=ReportKind.SUMMARY, tongue=Tongue.EN, run=run)
    found: dict[Road, list[_Written]] = {road: [] for road in by}
    scenes: dict[tuple[str, ...], Scene] = {}
    held = waiting(catalogue)
    with archive(catalogue, options, now=now) as at:
        for person in catalogue.settings.people.values():
            scope = _scope(person, at, of_all=not run)
            if not person.email or not scope:
                continue
            if scope not in scenes:
                scenes[scope] = Scene(at.snapshot(replace(options, departments=scope), trend=False))
            for road in by:
                known = memory(catalogue, road, person.user, held, now)
                letter = _letter(scenes[scope], person, Reader(person.user, scope), road, known, now)
                found[road] += [letter] if letter is not None else []
    return found


def _scope(person: Person, at: Archive, *, of_all: bool) -> tuple[str, ...]:
    """Departments whose letter a person gets; those that were set aside are among them, lest silence be taken for health."""
    if Role.COMMITTEE in person.roles:
        return at.planned if of_all else ()
    return (person.department,) if Role.OFFICER in person.roles and person.department in at.planned else ()


def _letter(scene: Scene, person: Person, reader: Reader, road: Road, known: Memory, now: datetime) -> _Written | None:
    settings = scene.catalogue.settings
    language: Language = person.language or settings.language
    today = now.astimezone().date()  # by this machine's clock, as the schedule is
    due = _reminder_due(settings.notify.reminder, known.reminded, today)
    told = {part: frozenset(keys) for part, keys in known.told.items()}
    with using(language):
        document = digest(scene, told, since=known.at, remind=due)
        if document is None:
            return None
        subject = f"{document.title}: {document.subject}" if document.subject else str(document.title)
        text, html = letters.as_text(document, language), letters.as_html(document, language)
    news = known.news(picture(scene), now, today if due else None)
    snap = scene.snapshot
    name = hashed([snap.head, snap.run.id, reader, road, news.added, news.removed, due])[:32]
    return _Written(reader, Letter(name, person.email, subject, text, html, now), news)


def _reminder_due(weekday: int | None, reminded: date | None, today: date) -> bool:
    """Whether the newest day of reminding has brought none yet. A night that was missed does not put it off for a week, nor one
    under a clock that was ahead for longer."""
    if weekday is None:
        return False
    newest = today - timedelta(days=(today.weekday() - weekday) % 7)
    return reminded is None or not newest <= reminded <= today
