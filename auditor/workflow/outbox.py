"""What waits to be sent, and what each reader has been told: two folders beside the ledger, and the one order of steps between.

A letter in the outbox carries its news: what its reader will have been told once it has been sent. It is sent; then the news is
written into the record of its address, together with its id; then it leaves the outbox. Killed before the record is written, the
letter is sent again, with the same Message-ID; killed after, it is taken out unsent. A letter that is given up leaves no record,
so that the next one finds its news untold.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from auditor.errors import NoticeError, UsageError
from auditor.model import Catalogue
from auditor.model.codec import canonical, from_json, to_json
from auditor.notifying import Letter, post, send_mail
from auditor.text import _
from auditor.text.reasons import reason_of

T = TypeVar("T")
D = TypeVar("D", date, datetime)

_GIVEN_UP = timedelta(days=7)
_MOST_DETAIL = 500
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


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

    def after(self, news: News) -> Memory:
        """What it is once the letter has been read."""
        told = {
            part: tuple(sorted((set(self.told.get(part, ())) | set(news.added.get(part, ()))) - set(news.removed.get(part, ()))))
            for part in sorted({*self.told, *news.added})
        }
        return Memory(_later(self.at, news.at), _later(self.reminded, news.reminds), told)

    def news(self, now: Mapping[str, frozenset[str]], at: datetime, reminds: date | None) -> News:
        """What a letter changes that tells how things stand now."""
        added = {part: tuple(sorted(keys - set(self.told.get(part, ())))) for part, keys in sorted(now.items())}
        removed = {p: tuple(sorted(set(keys) - now.get(p, frozenset()))) for p, keys in sorted(self.told.items())}
        return News(at, added, removed, reminds)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What waits: by mail one letter, by the hook all of a night. ``news`` is by reader."""

    id: str
    road: Road
    at: datetime
    letters: tuple[Letter, ...]
    news: dict[str, News]

    @property
    def address(self) -> str:
        """Under what the record of what was told is kept."""
        return _address(self.road, next(iter(self.news)))


@dataclass(frozen=True, slots=True)
class Record:
    """What was told at one address. ``letters``: those sent whose files may still be in the outbox."""

    letters: tuple[str, ...] = ()
    readers: dict[str, Memory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the outbox: how many went out, and why others are still in it."""

    sent: int
    waiting: int
    problems: tuple[str, ...]


def outbox(catalogue: Catalogue) -> Path:
    """Where letters wait."""
    return catalogue.settings.ledger.parent / "outbox"


def roads(catalogue: Catalogue) -> tuple[Road, ...]:
    """Those that the settings open."""
    notify = catalogue.settings.notify
    return tuple(road for road, opened in ((Road.MAIL, notify.host), (Road.HOOK, notify.webhook)) if opened)


@contextmanager
def alone(catalogue: Catalogue) -> Iterator[None]:
    """While nobody else puts into the outbox or sends from it: a night and a person could otherwise send the same twice."""
    folder = outbox(catalogue)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=folder, reason=reason_of(error))) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def waiting(catalogue: Catalogue) -> tuple[Parcel, ...]:
    """What is to be sent, the oldest first; what is damaged is told by ``send_all``."""
    found = [parcel for path in outbox(catalogue).glob("*.json") if (parcel := _read(path, Parcel)) is not None]
    sent = {address: _record(catalogue, address).letters for address in {p.address for p in found}}
    return tuple(sorted((p for p in found if p.id not in sent[p.address]), key=lambda p: (p.at, p.id)))


def memory(catalogue: Catalogue, road: Road, reader: str, held: Iterable[Parcel]) -> Memory:
    """What a reader will have been told when all that waits, ``held``, has been sent."""
    known = _record(catalogue, _address(road, reader)).readers.get(reader, Memory())
    for parcel in held:
        if parcel.road is road and reader in parcel.news:
            known = known.after(parcel.news[reader])
    return known


def put(catalogue: Catalogue, parcel: Parcel) -> None:
    """Put something into the outbox, whole or not at all; the same is there once."""
    path = _path(catalogue, parcel)
    if not path.exists():
        _keep(path, canonical(parcel))


def send_all(catalogue: Catalogue, *, now: datetime | None = None) -> Sent:
    """Try everything in the outbox once. Raises nothing for what cannot be sent: that is told, and waits.

    So do the later letters to the same address: each tells what is new after the one before, and read the other way round they
    would tell, and leave on record, what no longer holds.

    After a week it is given up. What it would have told then counts as untold, and stands in the next letter if it still holds.
    """
    moment = now or datetime.now(UTC)
    sent, problems, left = 0, [], 0
    held: set[str] = set()
    with alone(catalogue):
        found = [(path, _read(path, Parcel)) for path in sorted(outbox(catalogue).glob("*.json"))]
        for path, parcel in sorted(found, key=lambda pair: (pair[1].at if pair[1] else moment, pair[0])):
            if parcel is not None and parcel.address in held:
                left += 1
                continue
            try:
                sent += _deliver(catalogue, path, parcel, moment)
            except Exception as error:  # servers are strangers: whatever one of them provokes must not keep the other letters
                problems.append((str(error) or type(error).__name__)[:_MOST_DETAIL])
                if moment.timestamp() - path.stat().st_mtime < _GIVEN_UP.total_seconds():
                    left += 1
                    held.update([parcel.address] if parcel is not None else ())
                    continue
            path.unlink(missing_ok=True)
    return Sent(sent, left, tuple(problems))


def _deliver(catalogue: Catalogue, path: Path, parcel: Parcel | None, now: datetime) -> bool:
    """Send one and record that it was; whether it was sent now."""
    if parcel is None:
        raise NoticeError(_("{path} is damaged and cannot be sent").format(path=path))
    record = _record(catalogue, parcel.address)
    if parcel.id in record.letters:
        return False
    _send(catalogue, parcel, now)
    readers = {name: record.readers.get(name, Memory()).after(news) for name, news in parcel.news.items()}
    still = tuple(name for name in record.letters if _path(catalogue, replace(parcel, id=name)).exists())
    _keep(_told(catalogue, parcel.address), canonical(Record((*still, parcel.id), {**record.readers, **readers})))
    return True


def _send(catalogue: Catalogue, parcel: Parcel, now: datetime) -> None:
    settings = catalogue.settings.notify
    if parcel.road is Road.HOOK:
        post(settings.webhook, _message(parcel), _secret(settings.webhook_secret_env, ""), int(now.timestamp()))
        return
    if not settings.host:
        raise NoticeError(_("auditor.toml names no mail server: [notify] smtp"))
    password = _secret(settings.password_env, settings.password_command) if settings.user else ""
    for letter in parcel.letters:
        send_mail(letter, settings, password)


def _message(parcel: Parcel) -> bytes:
    told = [{"to": letter.to, "subject": letter.subject, "text": letter.text} for letter in parcel.letters]
    return canonical({"event": "digest", "at": to_json(parcel.at), "letters": told})


def _secret(variable: str, command: str) -> str:
    """A secret from where the settings say that it is; it is kept nowhere."""
    if command:
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise NoticeError(
                _("the command that prints the password of the mail server ended with {code}").format(code=done.returncode)
            )
        return done.stdout.rstrip("\n")
    if variable not in os.environ:
        raise NoticeError(_("the environment variable {name} is not set").format(name=variable or "password_env"))
    return os.environ[variable]


def _address(road: Road, reader: str) -> str:
    return road.value if road is Road.HOOK else f"{road.value}.{reader}"


def _path(catalogue: Catalogue, parcel: Parcel) -> Path:
    return outbox(catalogue) / f"{parcel.id}.{parcel.road.value}.json"


def _told(catalogue: Catalogue, address: str) -> Path:
    return catalogue.settings.ledger.parent / "told" / f"{address}.json"


def _record(catalogue: Catalogue, address: str) -> Record:
    """What was told at an address. A record that is missing or damaged says nothing: better told twice than never."""
    return _read(_told(catalogue, address), Record) or Record()


def _read(path: Path, cls: type[T]) -> T | None:
    try:
        return from_json(cls, json.loads(path.read_bytes()))
    except _UNREADABLE:
        return None


def _keep(path: Path, content: bytes) -> None:
    """Write whole and durably, for this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _later(one: D | None, other: D | None) -> D | None:
    return max((d for d in (one, other) if d is not None), default=None)
