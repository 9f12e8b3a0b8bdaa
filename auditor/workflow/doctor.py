"""Looking whether all that an audit needs is there, and saying how to mend what is not."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from auditor.collecting import knock, knock_at_hop, load_known_hosts
from auditor.errors import AuditorError, ConfigurationError, IntegrityError, LedgerError
from auditor.ledger import Ledger, unwritable
from auditor.model import Asset, AssetKind, Catalogue
from auditor.text import N_, _, instant, number
from auditor.workflow import schedules
from auditor.workflow.clocks import still_to_come
from auditor.workflow.outbox import count
from auditor.workflow.policies import idle_overlays
from auditor.workflow.queries import reading
from auditor.workflow.secrets import GIVING, variables
from auditor.workflow.workspace import open_workspace

_LEAST_FREE = 1_000_000_000  # bytes
_PATIENCE = 5.0  # seconds for a jump host
_AS_OWNER = N_("run it as the account whose ledger it is")


class Health(StrEnum):
    """How a part of the auditor is."""

    WELL = "well"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One part: what was seen, and what mends it where it is not well."""

    part: str
    health: Health
    told: str
    mend: str = ""


def examine(root: Path | None, *, now: datetime | None = None) -> Iterator[Diagnosis]:
    """Every part in turn. Files that are wrong end it: nothing else can be looked at then."""
    try:
        catalogue = open_workspace(root)
    except ConfigurationError as error:
        told = error.mistakes[0] if error.mistakes else str(error)
        yield Diagnosis(_("files"), Health.BAD, told, _("auditor validate names every mistake"))
        return
    yield from _files(catalogue)
    for part, look in _PARTS:
        yield from look(catalogue, _(part), now or datetime.now(UTC))


def _files(catalogue: Catalogue) -> Iterator[Diagnosis]:
    aside = [name for name, _mistakes in catalogue.inventory.set_aside]
    if aside:
        told = _("set aside because their files are wrong: {departments}").format(departments=", ".join(aside))
        yield Diagnosis(_("files"), Health.BAD, told, _("auditor validate names every mistake"))
    elif idle := idle_overlays(catalogue):
        told = _("overlays for another policy than that of record, so that nothing they say is in force: {departments}")
        mend = _("write them for the policy of record, or remove them; auditor validate names each")
        yield Diagnosis(_("files"), Health.WARNING, told.format(departments=", ".join(idle)), mend)
    else:
        hosts = sum(a.kind is AssetKind.HOST for a in _assets(catalogue))
        told = _("departments: {departments}; hosts: {hosts}; checks: {checks}")
        counts = {"departments": number(len(catalogue.inventory.departments)), "hosts": number(hosts)}
        yield Diagnosis(_("files"), Health.WELL, told.format(checks=number(len(catalogue.checks)), **counts))


def _assets(catalogue: Catalogue) -> Iterator[Asset]:
    return (asset for department in catalogue.inventory.departments for asset in department.assets)


def _ledger(catalogue: Catalogue, part: str, now: datetime) -> Iterator[Diagnosis]:
    path = catalogue.settings.ledger
    try:
        there = Ledger.exists(path)
    except LedgerError as error:
        yield Diagnosis(part, Health.BAD, str(error), _(_AS_OWNER))
        return
    if not there:
        yield Diagnosis(part, Health.WARNING, _("there is none yet"), _("auditor audit makes it"))
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        told = _("others may read {path}").format(path=path)
        yield Diagnosis(part, Health.BAD, told, f"chmod 600 {path}")
    closed = unwritable(path)
    try:
        with reading(catalogue) as ledger:
            report = ledger.verify()
            newest = still_to_come(ledger, now)
    except AuditorError as error:
        yield Diagnosis(part, Health.BAD, str(error), _mend(error, path))
        return
    if report.ok and closed is not None:
        told = _("whole, and cannot be written by this account: {path}").format(path=closed)
        mend = _("mount its file system for writing, and let the account that audits own it: chown and chmod u+w {path}")
        yield Diagnosis(part, Health.BAD, told, mend.format(path=closed))
    elif report.ok:
        size = number(path.stat().st_size / 1e6, 1)
        yield Diagnosis(part, Health.WELL, _("whole; megabytes: {size}").format(size=size))
    else:
        mend = _("find out who wrote to it, and put back the newest copy that is whole: auditor ledger restore FILE")
        yield Diagnosis(part, Health.BAD, report.problem, mend)
    if newest is not None:
        told = _("the ledger holds an entry of {instant}, which is still to come").format(instant=instant(newest))
        mend = _(
            "set this machine's clock, and keep it with chrony or systemd-timesyncd; where it is right, it was fast when that "
            "entry was made, and this ends by itself"
        )
        yield Diagnosis(_("clock"), Health.BAD, told, mend)
    else:
        yield Diagnosis(_("clock"), Health.WELL, instant(now))


def _mend(error: AuditorError, ledger: Path) -> str:
    """What mends a ledger that was not read. An older copy takes the place of a damaged one alone: a sound one would lose by it
    what came since. "" where the error itself says what to do."""
    if isinstance(error, IntegrityError):
        return _("put back the newest copy that is whole: auditor ledger restore FILE")
    for path in (ledger, *(ledger.with_name(ledger.name + end) for end in ("-wal", "-shm"))):
        if path.exists() and not os.access(path, os.R_OK):
            return f"chmod 600 {path}" if path.stat().st_uid == os.geteuid() else _(_AS_OWNER)
    return ""


def _disk(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    folder = next(p for p in catalogue.settings.ledger.parents if os.access(p, os.F_OK))  # not one that may not be looked at
    free = shutil.disk_usage(folder).free
    try:
        size = catalogue.settings.ledger.stat().st_size
    except OSError:  # there is none yet, or it may not be looked at, which its own part tells
        size = 0
    told = _("free megabytes: {free}").format(free=number(free / 1e6))
    if free < max(_LEAST_FREE, size):
        yield Diagnosis(part, Health.WARNING, told, _("make room at {path}").format(path=folder))
    else:
        yield Diagnosis(part, Health.WELL, told)


def _nmap(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    found = shutil.which("nmap", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    networks = sum(a.kind is AssetKind.NETWORK for a in _assets(catalogue))
    if found:
        yield Diagnosis(part, Health.WELL, found)
    else:
        health = Health.BAD if networks else Health.WARNING
        yield Diagnosis(part, health, _("it is not installed; no network is scanned"), "apt-get install nmap")


def _keys(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    named = {a.connection.key for a in _assets(catalogue) if a.connection.key and a.connection.method == "ssh"}
    wrong = False
    for name in sorted(str(n) for n in named):
        path = catalogue.settings.root / Path(name).expanduser()
        if not path.is_file() or not os.access(path, os.R_OK):
            wrong = True
            yield Diagnosis(
                part, Health.BAD, _("{path} cannot be read").format(path=path), _("make it with ssh-keygen -t ed25519")
            )
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            wrong = True
            yield Diagnosis(part, Health.BAD, _("others may read {path}").format(path=path), f"chmod 600 {path}")
    if not wrong:
        yield Diagnosis(part, Health.WELL, _("private keys: {n}").format(n=number(len(named))))


def _jumps(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    behind = [a.connection for a in _assets(catalogue) if a.connection.jump]
    first = {(c.jump[0], c.ssh_config or ""): c for c in behind}
    for (hop, _config), connection in sorted(first.items(), key=lambda pair: pair[0]):
        why = knock_at_hop(connection, catalogue.settings.root, _PATIENCE)
        if why:
            mend = _("find out whether it is up, and whether a firewall lets this machine through")
            yield Diagnosis(part, Health.BAD, f"{hop}: {why}", mend)
        else:
            yield Diagnosis(part, Health.WELL, _("{host} answers").format(host=hop))


def _host_keys(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    by_ssh = any(a.connection.method == "ssh" and a.kind is AssetKind.HOST for a in _assets(catalogue))
    path = catalogue.settings.known_hosts
    try:
        load_known_hosts(path)
    except ConfigurationError as error:
        told = error.mistakes[0] if error.mistakes else str(error)
        yield Diagnosis(part, Health.BAD, told, _("put this right: until then no host can be audited over SSH"))
        return
    if by_ssh and (not path.exists() or not path.read_text(encoding="utf-8", errors="replace").strip()):
        mend = _("auditor hosts trust HOST shows fingerprints and takes them on record")
        yield Diagnosis(part, Health.BAD, _("no host key is on record, so that no host is logged in to"), mend)
    elif not path.exists():
        yield Diagnosis(part, Health.WELL, _("none is on record, and no host is visited over SSH"))
    else:
        yield Diagnosis(part, Health.WELL, str(path))


def _schedule(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    mend, root = schedules.advice(), catalogue.settings.root.resolve()
    units, needed = schedules.units_of(root), schedules.longest(catalogue.settings.nightly)
    for unit in units:
        told = _("{path}: every day at {time}").format(path=unit.timer, time=unit.at)
        yield Diagnosis(part, Health.WELL, told)
        if unit.seconds is not None and unit.seconds < needed:
            told = _("{path}: a night is cut off after {seconds} seconds, and may need {needed}")
            told = told.format(path=unit.timer, seconds=number(unit.seconds), needed=number(needed))
            yield Diagnosis(part, Health.WARNING, told, f"auditor schedule install --at {unit.at} --systemd {unit.timer.parent}")
    if units:
        return
    if not schedules.has_crontab():
        told = _("nothing audits this workspace every night, and there is no crontab on this machine")
        yield Diagnosis(part, Health.WARNING, told, mend)
        return
    try:
        entry = schedules.entry_of(schedules.read_crontab(), root)
    except AuditorError as error:
        yield Diagnosis(part, Health.WARNING, str(error), _("find out why crontab refuses this account"))
        return
    if entry:
        yield Diagnosis(part, Health.WELL, entry)
    else:
        yield Diagnosis(part, Health.WARNING, _("nothing audits this workspace every night"), mend)


def _mail(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    notify = catalogue.settings.notify
    why = knock(notify.host, notify.port, _PATIENCE) if notify.host else ""
    if why:
        mend = _("find out whether it is up, and whether a firewall lets this machine through")
        yield Diagnosis(part, Health.BAD, f"{notify.host}:{notify.port}: {why}", mend)
    elif notify.host:
        yield Diagnosis(part, Health.WELL, _("{host} answers").format(host=f"{notify.host}:{notify.port}"))
    try:
        waiting = count(catalogue)
    except LedgerError as error:
        yield Diagnosis(part, Health.BAD, str(error), _(_AS_OWNER))
        return
    if waiting:  # for a hook, too
        told = _("letters that wait: {n}").format(n=number(waiting))
        yield Diagnosis(part, Health.WARNING, told, "auditor digest --send")


def _secrets(catalogue: Catalogue, part: str, _now: datetime) -> Iterator[Diagnosis]:
    """Variables are there for who asks, and not for cron and systemd, which begin with hardly any."""
    names = variables(catalogue)
    scheduled = schedules.environment_of(catalogue.settings.root.resolve())
    lacking = names if scheduled is None else schedules.not_given(names, scheduled)
    wrong = [name for name in lacking if scheduled is not None or name not in os.environ]
    for name in wrong:
        if name in os.environ:
            told = _("the environment variable {name} is set here, and not where the schedule runs the audit")
        else:
            told = _("the environment variable {name} is not set")
        yield Diagnosis(part, Health.WARNING, told.format(name=name), _(GIVING))
    if names and not wrong:
        yield Diagnosis(part, Health.WELL, _("environment variables: {n}").format(n=number(len(names))))


_Look = Callable[[Catalogue, str, datetime], Iterator[Diagnosis]]


_PARTS: tuple[tuple[str, _Look], ...] = (
    (N_("ledger"), _ledger),
    (N_("disk"), _disk),
    (N_("network scanner"), _nmap),
    (N_("private keys"), _keys),
    (N_("host keys"), _host_keys),
    (N_("jump hosts"), _jumps),
    (N_("mail"), _mail),
    (N_("secrets"), _secrets),
    (N_("schedule"), _schedule),
)
