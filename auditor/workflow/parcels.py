"""What waits to be sent, for whom, and what its readers will have been told by it: values, kept as JSON by the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from auditor.model import Person, Role
from auditor.notifying import Letter

D = TypeVar("D", date, datetime)


class Road(StrEnum):
    """How a letter goes. Each road remembers for itself what it has told: one may be closed while the other is open."""

    MAIL = "mail"
    HOOK = "hook"


@dataclass(frozen=True, slots=True)
class News:
    """What one letter changes in what its reader has been told, by part of the picture. ``reminds``: the day on which it
    listed all that presses."""

    at: datetime
    added: dict[str, tuple[str, ...]]
    removed: dict[str, tuple[str, ...]]
    reminds: date | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What one reader has been told, last ``at``; None: nothing yet."""

    at: datetime | None = None
    reminded: date | None = None
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def as_of(self, now: datetime) -> Memory:
        """Without a day that is still to come: a clock that was ahead for one night must not silence reminders until then."""
        today = now.astimezone().date()
        reminded = self.reminded if self.reminded is not None and self.reminded <= today else None
        return replace(self, at=min(self.at, now) if self.at is not None else None, reminded=reminded)

    def after(self, news: News, now: datetime) -> Memory:
        """What it is once the letter has been read, which is not after ``now``."""
        told = {
            part: tuple(sorted((set(self.told.get(part, ())) | set(news.added.get(part, ()))) - set(news.removed.get(part, ()))))
            for part in sorted({*self.told, *news.added})
        }
        held, new = self.as_of(now), Memory(news.at, news.reminds).as_of(now)
        return Memory(_later(held.at, new.at), _later(held.reminded, new.reminded), told)

    def news(self, now: Mapping[str, frozenset[str]], at: datetime, reminds: date | None) -> News:
        """What a letter changes that tells how things stand now."""
        added = {part: tuple(sorted(keys - set(self.told.get(part, ())))) for part, keys in sorted(now.items())}
        removed = {p: tuple(sorted(set(keys) - now.get(p, frozenset()))) for p, keys in sorted(self.told.items())}
        return News(at, added, removed, reminds)


def _later(one: D | None, other: D | None) -> D | None:
    return max((d for d in (one, other) if d is not None), default=None)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a letter was written for, and the departments that it tells of."""

    user: str
    departments: tuple[str, ...]

    def address(self, people: Mapping[str, Person]) -> str:
        """Where they get it today; "" where they are gone, or no longer answer for what it tells of."""
        person = people.get(self.user)
        if person is None:
            return ""
        theirs = Role.OFFICER in person.roles and {*self.departments} <= {person.department}
        return person.email if theirs or Role.COMMITTEE in person.roles else ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What waits: by mail one letter, by the hook all of a night. ``news`` is by reader.

    ``readers`` are those of the letters, in their order. An older auditor did not write them down: nobody can tell whom such a
    letter is for, and its news are told anew.
    """

    id: str
    road: Road
    at: datetime
    letters: tuple[Letter, ...]
    news: dict[str, News]
    readers: tuple[Reader, ...] = ()

    @property
    def address(self) -> str:
        """Under what the record of what was told is kept."""
        return address_of(self.road, next(iter(self.news)))

    def today(self, people: Mapping[str, Person]) -> Parcel | None:
        """With the letters of those whom they are still for, to the addresses that they have today; None where there are none."""
        pairs = [(letter, r) for letter, r in zip(self.letters, self.readers, strict=False) if r.user in self.news]
        kept = [(replace(letter, to=to), reader) for letter, reader in pairs if (to := reader.address(people))]
        if not kept:
            return None
        letters, readers = zip(*kept, strict=True)
        return replace(self, letters=letters, readers=readers, news={r.user: self.news[r.user] for r in readers})


def address_of(road: Road, reader: str) -> str:
    """Under what the record of what a reader was told is kept: the hook has one for all, as its letters go together."""
    return road.value if road is Road.HOOK else f"{road.value}.{reader}"


@dataclass(frozen=True, slots=True)
class Record:
    """What was told at one address. ``letters``: those sent whose files may still be in the outbox."""

    letters: tuple[str, ...] = ()
    readers: dict[str, Memory] = field(default_factory=dict)
