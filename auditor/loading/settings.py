"""auditor.toml: where a workspace begins, and how it likes to be run."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, time
from pathlib import Path
from typing import Any

from auditor.errors import ConfigurationError, UsageError
from auditor.loading import toml_words
from auditor.loading.document import Document, Keys, Place, Report
from auditor.loading.files import WEEK, Files, text
from auditor.loading.known import require
from auditor.loading.mistake import Mistake, in_order
from auditor.loading.schema import check_schema
from auditor.loading.yaml_reader import RefusedError, decode
from auditor.model import Letterhead, Nightly, Notify, Person, Role, Settings
from auditor.text import _

SETTINGS_FILE = "auditor.toml"
_PATHS = ("policies", "checks", "inventories", "ledger", "known_hosts")
_SECONDS = ("connect_timeout", "login_timeout", "host_timeout", "network_timeout")
_NOTIFY = ("security", "user", "password_env", "password_command", "webhook", "webhook_secret_env", "webhook_secret_command")


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds auditor.toml. Raises UsageError when there is none."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    message = _("no {file} in {folder} or above it; go to a workspace, or lay one out with: auditor init DIR")
    raise UsageError(message.format(file=SETTINGS_FILE, folder=start))


def load_settings(path: Path, content: str | None = None) -> Settings:
    """The settings in ``path``, an auditor.toml or the folder that holds it; with ``content``, were that what it holds.

    Raises ConfigurationError with every mistake.
    """
    path = path / SETTINGS_FILE if path.is_dir() else path
    drafts = {} if content is None else {path.resolve(): content.encode()}
    files = Files(path.resolve().parent, drafts=drafts)
    settings, _document = read_settings(files, path.resolve())
    if files.report.mistakes:
        mistakes = tuple(str(mistake) for mistake in in_order(files.report.mistakes))
        raise ConfigurationError(_("{file} is wrong").format(file=path.name), mistakes)
    return settings


def read_settings(files: Files, path: Path) -> tuple[Settings, Document | None]:
    """The settings and their document; defaults stand for what is wrong, which the report then holds."""
    document = _read(files, path)
    data: Any = {}
    if document is not None:
        found = check_schema(document, "settings")
        files.report.mistakes.extend(found.mistakes)
        data = {} if found.unusable else document.value
    root = path.parent
    folders = {name: root / name for name in _PATHS} | {
        name: _path(root, value) for name, value in data.get("paths", {}).items() if name in _PATHS
    }
    folders["ledger"] = folders["ledger"] if "ledger" in data.get("paths", {}) else root / "findings" / "ledger.db"
    audit = {name: float(value) if name in _SECONDS else value for name, value in data.get("audit", {}).items()}
    plain = {**data.get("auditor", {}), **audit}
    known = {name: value for name, value in plain.items() if name in Settings.__dataclass_fields__}
    of_record = data.get("policy", {}).get("of_record", "")
    seal_key = data.get("ledger", {}).get("seal_key", "")
    report = data.get("report", {})
    own = {name: _letterhead(root, entry) for name, entry in report.get("departments", {}).items()}
    notify = _notify(root, data.get("notify", {}))
    night = _nightly(root, data.get("nightly", {}))
    shown = {key: report[key] for key in ("numerals", "dates") if key in report}
    people = {user: _person(user, entry) for user, entry in data.get("people", {}).items()}
    head = _letterhead(root, report)
    if document is not None:
        _check_people(files.report, document, people)
        _note_pictures(files.report, document, head, own)
    return Settings(
        root=root,
        policy_of_record=of_record,
        people=people,
        seal_key=seal_key,
        letterhead=head,
        letterheads=own,
        nightly=night,
        notify=notify,
        **shown,
        **folders,
        **known,
    ), document


def _path(root: Path, path: str) -> Path:
    """Where a path leads that stands in the file."""
    try:
        return root / Path(path).expanduser()
    except RuntimeError:  # ~NAME, of an account that is not there: a file of that name, as to a shell
        return root / path


def _person(user: str, entry: dict[str, Any]) -> Person:
    roles = tuple(Role(role) for role in entry["roles"])
    return Person(
        user,
        text(entry["name"]),
        roles,
        entry.get("department", ""),
        entry.get("ministry", ""),
        entry.get("email", ""),
        entry.get("language"),
    )


def _notify(root: Path, entry: dict[str, Any]) -> Notify:
    host, _colon, port = entry.get("smtp", "").rpartition(":")
    plain = {key: entry[key] for key in _NOTIFY if key in entry}
    ca = _path(root, entry["ca"]) if "ca" in entry else None
    reminder = entry.get("reminder", "sunday")
    day = None if reminder == "never" else WEEK.index(reminder)
    return Notify(host=host.strip("[]"), port=int(port or 587), sender=entry.get("from", ""), ca=ca, reminder=day, **plain)


def _nightly(root: Path, entry: dict[str, Any]) -> Nightly:
    seconds = {key: float(entry[key]) for key in ("window", "grace", "retry_after") if key in entry}
    skip = {tag: text(reason) for tag, reason in entry.get("skip", {}).items()}
    metrics = _path(root, entry["metrics"]) if "metrics" in entry else None
    return Nightly(**seconds, retries=entry.get("retries", Nightly().retries), skip=skip, metrics=metrics)


def _letterhead(root: Path, entry: dict[str, Any]) -> Letterhead:
    words = entry.get("letterhead")
    return Letterhead(text(words) if words else None, _path(root, entry["logo"]) if "logo" in entry else None)


def _note_pictures(report: Report, document: Document, head: Letterhead, own: dict[str, Letterhead]) -> None:
    """Name the pictures that cannot be read. An audit goes on without them; its reports and letters do not."""
    heads: dict[Keys, Letterhead] = {("report",): head, **{("report", "departments", name): one for name, one in own.items()}}
    for keys, one in heads.items():
        if one.logo is not None and not (one.logo.is_file() and os.access(one.logo, os.R_OK)):
            message = _("{path} cannot be read, and without it no report and no letter is written")
            report.note(document, (*keys, "logo"), message.format(path=one.logo))


def _check_people(report: Report, document: Document, people: dict[str, Person]) -> None:
    """An officer without a department, or a member without a ministry, could do nothing and would not know why."""
    for person in people.values():
        for role, key, value in ((Role.OFFICER, "department", person.department), (Role.COMMITTEE, "ministry", person.ministry)):
            if role in person.roles and not value:
                message = _("people.{user} has the role {role} and no {key}").format(user=person.user, role=role.value, key=key)
                report.add(document, ("people", person.user), message)


def check_officers(report: Report, document: Document, people: dict[str, Person], departments: Collection[str]) -> None:
    """An officer of a misspelt department may do nothing, and hears of nothing. A new workspace has no department yet.

    As with an overlay of a department that is not there, that department is set aside and the others are audited.
    """
    found = Report()
    for person in people.values() if departments else ():
        if person.department:
            require(document, found, ("people", person.user, "department"), person.department, departments, "department")
            report.mistakes.extend(replace(mistake, department=person.department) for mistake in found.mistakes)
            found.mistakes.clear()


def account_of(settings: Settings) -> str:
    """Whose the ledger is, or the workspace while there is none: by name, or by number where it has no name."""
    held = settings.root
    with suppress(OSError):  # none there, or in a folder that only that account may enter
        settings.ledger.stat()
        held = settings.ledger
    try:
        return held.owner()
    except KeyError:
        return str(held.stat().st_uid)


def note_own_account(report: Report, document: Document, settings: Settings) -> None:
    """Note where the account that cron runs the auditor as is listed, and may not run it: unlisted it may, and the night's audit
    would end with nobody to see why."""
    account = account_of(settings)
    person = settings.people.get(account)
    if person is not None and Role.OPERATOR not in person.roles:
        message = _(
            "{user} owns the ledger and runs the nightly audit, which whoever is listed here may do only with the role operator: "
            "add the role, or take the account out of the list"
        )
        report.note(document, ("people", account), message.format(user=account))


def _read(files: Files, path: Path) -> Document | None:
    data = files.bytes_of(path)
    if data is None:
        return None
    shown = files.shown(path)
    try:
        content = decode(data)
        value = _plain(tomllib.loads(content))
    except RefusedError as error:
        files.report.mistakes.append(Mistake(shown, error.line, error.column, error.message))
        return None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        said = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(said[1]), int(said[2])) if said else (content.count("\n") + 1, 1)
        message = re.sub(r" \(at [^)]*\)", "", str(error)) or type(error).__name__
        told = _("this is not valid TOML: {problem}").format(problem=toml_words.told(message))
        files.report.mistakes.append(Mistake(shown, line, column, told))
        return None
    files.contents[shown] = content
    return Document(shown, content, value, _places(content))


def _plain(value: Any) -> Any:
    """The value with days and times as texts, as in YAML: no key takes one, nor has JSON, in which mistakes tell a value."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | time) else value


@dataclass
class _Table:
    """Where a table and what is in it stand, while the lines are read."""

    at: tuple[int, int] = (1, 1)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str | int, Place] = field(default_factory=dict)
    tables: dict[str, _Table] = field(default_factory=dict)

    def place(self) -> Place:
        inner: dict[str | int, Place] = {name: table.place() for name, table in self.tables.items()}
        heads = {name: table.at for name, table in self.tables.items()}
        return Place(*self.at, "", {**self.keys, **heads}, self.values | inner)


def _places(text: str) -> Place:
    """Where keys and values stand; tomllib does not tell, so the lines are looked through for headings and keys."""
    whole = _Table()
    table = whole
    for number, line in enumerate(text.split("\n"), start=1):
        header = re.match(r"\s*\[+\s*([A-Za-z0-9_.\"-]+)", line)
        pair = re.match(r"(\s*\"?)([A-Za-z0-9_-]+)\"?\s*=\s*", line)
        if header:
            table = whole
            for name in header[1].replace('"', "").split("."):
                table = table.tables.setdefault(name, _Table((number, header.start(1) + 1)))
        elif pair:
            table.keys[pair[2]] = (number, pair.start(2) + 1)
            table.values[pair[2]] = Place(number, pair.end() + 1)
    return whole.place()


def settle_policy(settings: Settings, document: Document | None, report: Report, policies: set[str]) -> str:
    """The id of the policy of record: the one named, or the only one there is."""
    if not settings.policy_of_record and len(policies) == 1:
        return next(iter(policies))
    if document is not None and not settings.policy_of_record and policies:
        known = ", ".join(sorted(policies))
        report.add(
            document,
            (),
            _("there are several policies: say which is of record under [policy] as of_record = one of {names}").format(
                names=known
            ),
        )
    return settings.policy_of_record
