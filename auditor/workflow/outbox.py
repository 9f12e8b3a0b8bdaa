"""What waits to be sent, and what each reader has been told: two folders beside the ledger, and the one order of steps between.

A letter in the outbox carries its news: what its reader will have been told once it has been sent. It is sent; then the news is
written into the record of its address, together with its id; then it leaves the outbox. Killed before the record is written, the
letter is sent again, with the same Message-ID; killed after, it is taken out unsent. A letter that is given up leaves no record,
so that the next one finds its news untold. So is one whose reader has gone, or answers for something else by now.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from auditor.errors import LedgerError, NoticeError, UsageError
from auditor.model import Catalogue
from auditor.model.codec import canonical, from_json, to_json
from auditor.notifying import Deadline, post, send_mail
from auditor.text import _, number
from auditor.text.reasons import reason_of
from auditor.workflow.parcels import Memory, Parcel, Record, Road, address_of
from auditor.workflow.secrets import hook_secret, mail_password

T = TypeVar("T")

_GIVEN_UP = timedelta(days=7)
_TOGETHER = 600.0  # seconds after which nothing more is begun on a road: a slow server must not take the next night's
_WAITS = (0.2, 1.0, 3.0, 10.0)  # seconds between tries while another has the outbox
_MOST_DETAIL = 500
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the outbox: how many went out, why others are still in it, and how many were taken out because auditor.toml
    no longer names their readers. ``fault``: not what is out there was to blame, but the auditor."""

    sent: int
    waiting: int
    problems: tuple[str, ...]
    dropped: int = 0
    fault: bool = False


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
        _lock(held)
        yield
    finally:
        os.close(held)


def _lock(folder: int) -> None:
    """Lock it. Raises UsageError where another holds it for long: who waited without end would hold up the night after, too."""
    for wait in (*_WAITS, None):
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is None:
                raise UsageError(_("another auditor holds the outbox; what waits in it is sent the next time")) from None
            time.sleep(wait)
        else:
            return


def count(catalogue: Catalogue) -> int:
    """How many wait, as files: those that are damaged too. Raises LedgerError where this account may not look."""
    return len(_files(catalogue))


def _files(catalogue: Catalogue) -> list[Path]:
    """What lies in the outbox. ``Path.glob`` would say nothing of a folder that is closed, or let the system's error out."""
    folder = outbox(catalogue)
    try:
        return [path for path in folder.iterdir() if path.suffix == ".json"]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(_("{path} cannot be read: {reason}").format(path=folder, reason=reason_of(error))) from error


def waiting(catalogue: Catalogue) -> tuple[Parcel, ...]:
    """What is to be sent, the oldest first, as it would be sent now; what is damaged is told by ``send_all``.

    Raises LedgerError where this account may not look."""
    people = catalogue.settings.people
    read = (_read(path, Parcel) for path in _files(catalogue))
    found = [today for parcel in read if parcel is not None and (today := parcel.today(people)) is not None]
    sent = {address: _record(catalogue, address).letters for address in {p.address for p in found}}
    return tuple(sorted((p for p in found if p.id not in sent[p.address]), key=lambda p: (p.at, p.id)))


def memory(catalogue: Catalogue, road: Road, reader: str, held: Iterable[Parcel], now: datetime) -> Memory:
    """What a reader will have been told when all that waits, ``held``, has been sent."""
    known = _record(catalogue, address_of(road, reader)).readers.get(reader, Memory()).as_of(now)
    for parcel in held:
        if parcel.road is road and reader in parcel.news:
            known = known.after(parcel.news[reader], now)
    return known


def put(catalogue: Catalogue, parcel: Parcel) -> None:
    """Put something into the outbox, whole or not at all; the same is there once."""
    path = _path(catalogue, parcel)
    if not path.exists():
        _keep(path, canonical(parcel))


def send_all(catalogue: Catalogue, *, now: datetime | None = None) -> Sent:
    """Try everything in the outbox once. Raises nothing for what cannot be sent: that is told, and waits.

    So do the later letters to the same address: each tells what is new after the one before, and read the other way round they
    would tell, and leave on record, what no longer holds. So does what is not begun within the time that all have together.

    After a week it is given up. What it would have told then counts as untold, and stands in the next letter if it still holds.
    """
    moment = now or datetime.now(UTC)
    with alone(catalogue):
        found = [(path, _read(path, Parcel)) for path in sorted(_files(catalogue))]
        going = _Round(catalogue, moment)
        for path, parcel in sorted(found, key=lambda pair: (pair[1].at if pair[1] else moment, pair[0])):
            if going.is_done_with(path, parcel):
                path.unlink(missing_ok=True)
    untried = _("letters that were not tried, because those before them took too long: {n}")
    late = (untried.format(n=number(going.late)),) if going.late else ()
    return Sent(going.sent, going.left, (*going.problems, *late), going.dropped)


@dataclass(slots=True)
class _Round:
    """One way through the outbox, and what has become of it so far."""

    catalogue: Catalogue
    now: datetime
    sent: int = 0
    left: int = 0
    late: int = 0
    dropped: int = 0
    problems: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    until: dict[Road, Deadline] = field(default_factory=dict)

    def is_done_with(self, path: Path, kept: Parcel | None) -> bool:
        """Try one; whether its file is to go."""
        parcel = kept.today(self.catalogue.settings.people) if kept is not None else None
        if kept is not None and parcel is None:
            self.dropped += 1
            return True
        late = parcel is not None and self.until.setdefault(parcel.road, Deadline(_TOGETHER)).over
        if parcel is not None and (late or parcel.address in self.held):
            self.left += 1
            self.late += late
            return False
        try:
            self.sent += _deliver(self.catalogue, path, parcel, self.now)
        except Exception as error:  # servers are strangers: whatever one of them provokes must not keep the other letters
            self.problems.append((str(error) or type(error).__name__)[:_MOST_DETAIL])
            if self.now.timestamp() - path.stat().st_mtime < _GIVEN_UP.total_seconds():
                self.left += 1
                self.held.update([parcel.address] if parcel is not None else ())
                return False
        return True


def _deliver(catalogue: Catalogue, path: Path, parcel: Parcel | None, now: datetime) -> bool:
    """Send one and record that it was; whether it was sent now."""
    if parcel is None:
        raise NoticeError(_("{path} is damaged and cannot be sent").format(path=path))
    record = _record(catalogue, parcel.address)
    if parcel.id in record.letters:
        return False
    _send(catalogue, parcel, now)
    readers = {name: record.readers.get(name, Memory()).after(news, now) for name, news in parcel.news.items()}
    still = tuple(name for name in record.letters if _path(catalogue, replace(parcel, id=name)).exists())
    _keep(_told(catalogue, parcel.address), canonical(Record((*still, parcel.id), {**record.readers, **readers})))
    return True


def _send(catalogue: Catalogue, parcel: Parcel, now: datetime) -> None:
    settings = catalogue.settings.notify
    if parcel.road is Road.HOOK:
        post(settings.webhook, _message(parcel), hook_secret(settings), int(now.timestamp()))
        return
    if not settings.host:
        raise NoticeError(_("auditor.toml names no mail server: [notify] smtp"))
    password = mail_password(settings)
    for letter in parcel.letters:
        send_mail(letter, settings, password)


def _message(parcel: Parcel) -> bytes:
    told = [{"to": letter.to, "subject": letter.subject, "text": letter.text} for letter in parcel.letters]
    return canonical({"event": "digest", "at": to_json(parcel.at), "letters": told})


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
