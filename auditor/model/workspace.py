"""A workspace: its settings, and all that was loaded from its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from auditor.model.check import Check
from auditor.model.common import Language, Text
from auditor.model.control import Framework
from auditor.model.inventory import Inventory
from auditor.model.people import Person
from auditor.model.policy import Overlay, Policy


@dataclass(frozen=True, slots=True)
class Nightly:
    """How the night's audit goes. Durations are seconds; ``metrics`` None: no metrics are written.

    ``skip`` gives tags whose hosts are left out, with the reason.
    """

    window: float = 6 * 3600.0
    grace: float = 300.0
    retries: int = 2
    retry_after: float = 900.0
    skip: dict[str, Text] = field(default_factory=dict)
    metrics: Path | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """How letters and messages go out; ``host`` and ``webhook`` are "" where they do not. No secret is here, only where one is.

    ``security`` is ``starttls``, ``tls`` or ``none``; ``ca`` a file of certificates that are trusted instead of the system's.
    ``reminder`` is the day of the week on which a letter lists all that presses, not only what is new; None for never.
    """

    host: str = ""
    port: int = 587
    security: str = "starttls"
    sender: str = ""
    user: str = ""
    password_env: str = ""
    password_command: str = ""
    ca: Path | None = None
    webhook: str = ""
    webhook_secret_env: str = ""
    webhook_secret_command: str = ""
    reminder: int | None = 6  # as date.weekday() counts: Sunday


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who sends a report: a text, which may have several lines, and the path of a picture; either may be missing."""

    text: Text | None = None
    logo: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """auditor.toml, with defaults filled in. Paths are absolute. Durations are seconds."""

    root: Path
    language: Language = "ar"
    bidi: str = "auto"  # auto | terminal | reorder
    policies: Path = Path("policies")
    checks: Path = Path("checks")
    inventories: Path = Path("inventories")
    ledger: Path = Path("findings/ledger.db")
    known_hosts: Path = Path("known_hosts")
    policy_of_record: str = ""
    fail_severity: str = "low"  # findings at or above it make exit code 1
    concurrency: int = 32
    connect_timeout: float = 10.0
    login_timeout: float = 20.0
    host_timeout: float = 120.0
    network_timeout: float = 600.0
    network_concurrency: int = 4
    department_concurrency: int = 0  # hosts of one department at a time; 0 for no limit of its own
    network_rate: float = 0.0  # new visits a second that one network (/24, /64) sees; 0 for no limit
    notify: Notify = Notify()
    nightly: Nightly = field(default_factory=lambda: Nightly())
    people: dict[str, Person] = field(default_factory=dict)  # by their name at the operating system
    numerals: str = "western"  # or arabic: the digits of Arabic texts
    dates: str = "iso"  # or long: with the month's name
    letterhead: Letterhead = Letterhead()
    letterheads: dict[str, Letterhead] = field(default_factory=dict)  # of departments, for reports of theirs alone
    seal_key: str = ""  # the public key whose seals are believed, as base64


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything loaded: what planning needs."""

    settings: Settings
    framework: Framework
    checks: dict[str, Check]
    policies: dict[str, Policy]
    overlays: dict[str, Overlay]  # by department
    inventory: Inventory
    sources: tuple[tuple[str, str], ...] = ()  # (path relative to the workspace, content) of every file, for the run's record
