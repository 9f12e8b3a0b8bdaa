"""The morning's letters: written after a night, put into an outbox, and sent from there until they are gone.

Nothing here fails an audit. What cannot be sent stays in the outbox, a folder beside the ledger, and is tried again by the next
night or by ``auditor digest --send``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auditor.errors import AuditorError, NoticeError
from auditor.model import Catalogue, Language, Person, ReportKind, ReportOptions, Role, Snapshot, Tongue
from auditor.model.codec import canonical, from_json, to_json
from auditor.model.codec import digest as hashed
from auditor.notifying import Letter, post, send_mail
from auditor.reporting import letters
from auditor.reporting.kinds.digest import digest
from auditor.reporting.scene import Scene
from auditor.text import _, using
from auditor.workflow.reports import write_file
from auditor.workflow.snapshots import Archive, archive

_GIVEN_UP = timedelta(days=7)
_MOST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the outbox: how many went out, and why others are still in it."""

    sent: int
    waiting: int
    problems: tuple[str, ...]


def write_digests(catalogue: Catalogue, *, now: datetime | None = None) -> tuple[Letter, ...]:
    """The letters of the newest audit: to each officer of their department, to the committee of all; to nobody where there is
    nothing to tell."""
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    options = ReportOptions(kind=ReportKind.SUMMARY, tongue=Tongue.EN)
    with archive(catalogue, options, now=moment) as held:
        return tuple(_letters(catalogue, held, options, moment))


def _letters(catalogue: Catalogue, held: Archive, options: ReportOptions, now: datetime) -> Iterator[Letter]:
    for person in catalogue.settings.people.values():
        scope = _scope(person, held)
        if not person.email or not scope:
            continue
        snapshot = held.snapshot(ReportOptions(kind=options.kind, tongue=options.tongue, departments=scope))
        with using(person.language or catalogue.settings.language):
            letter = _letter(snapshot, person, person.language or catalogue.settings.language, now)
        if letter is not None:
            yield letter


def _scope(person: Person, held: Archive) -> tuple[str, ...]:
    if Role.COMMITTEE in person.roles:
        return held.departments
    return (person.department,) if Role.OFFICER in person.roles and person.department in held.departments else ()


def _letter(snapshot: Snapshot, person: Person, language: Language, now: datetime) -> Letter | None:
    document = digest(Scene(snapshot))
    if document is None:
        return None
    subject = f"{document.title}: {document.subject}" if document.subject else str(document.title)
    name = hashed([snapshot.head, snapshot.run.id, person.user])[:32]
    return Letter(name, person.email, subject, letters.as_text(document), letters.as_html(document, language), now)


def put_out(catalogue: Catalogue, written: tuple[Letter, ...], *, now: datetime | None = None) -> None:
    """Put letters, and the message of the webhook, into the outbox; the same ones are there once."""
    folder = outbox(catalogue)
    for letter in written:
        _keep(folder / f"{letter.id}.mail.json", canonical(letter))
    if catalogue.settings.notify.webhook and written:
        body = _message(written, now or datetime.now(UTC))
        _keep(folder / f"{hashed([letter.id for letter in written])[:32]}.hook.json", body)


def _message(written: tuple[Letter, ...], now: datetime) -> bytes:
    told = [{"to": letter.to, "subject": letter.subject, "text": letter.text} for letter in written]
    return canonical({"event": "digest", "at": to_json(now), "letters": told})


def outbox(catalogue: Catalogue) -> Path:
    """Where letters wait."""
    return catalogue.settings.ledger.parent / "outbox"


def _keep(path: Path, content: bytes) -> None:
    if not path.exists():
        write_file(path, content)
        path.chmod(0o600)


def send_all(catalogue: Catalogue, *, now: datetime | None = None) -> Sent:
    """Try everything in the outbox once. Raises nothing for what cannot be sent: that is told, and waits.

    After a week it is given up, since by then other letters have said the same.
    """
    moment = now or datetime.now(UTC)
    sent, problems, waiting = 0, [], 0
    for path in sorted(outbox(catalogue).glob("*.json")):
        try:
            _send(catalogue, path, moment)
        except (AuditorError, OSError, ValueError, KeyError, TypeError) as error:
            problems.append(str(error)[:_MOST_DETAIL])
            if moment.timestamp() - path.stat().st_mtime < _GIVEN_UP.total_seconds():
                waiting += 1
                continue
        else:
            sent += 1
        path.unlink(missing_ok=True)
    return Sent(sent, waiting, tuple(problems))


def _send(catalogue: Catalogue, path: Path, now: datetime) -> None:
    settings = catalogue.settings.notify
    content = path.read_bytes()
    if path.name.endswith(".hook.json"):
        post(settings.webhook, content, _secret(settings.webhook_secret_env, ""), int(now.timestamp()))
    elif not settings.host:
        raise NoticeError(_("auditor.toml names no mail server: [notify] smtp"))
    else:
        data: Any = json.loads(content)
        password = _secret(settings.password_env, settings.password_command) if settings.user else ""
        send_mail(from_json(Letter, data), settings, password)


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
