"""The fleet on paper: which hosts there are, where they stand and what each is built to show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trust(StrEnum):
    """What the workspace's known_hosts says of a host."""

    KNOWN = "known"
    CHANGED = "changed"  # another key is on record
    UNLISTED = "unlisted"  # the host is in no inventory


class Login(StrEnum):
    """What the auditor's account may do on a host."""

    SUDO = "sudo"  # any command by sudo until ``Fleet.permit`` says which
    LIMITED = "limited"  # just what ``Fleet.permit`` was given; no sudo before
    PLAIN = "plain"  # no sudo
    REFUSED = "refused"  # its key is not accepted


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host. ``number`` is the last byte of its address; ``subnet`` 0 is the inner network behind the jump host.

    ``absent`` hosts are listed and do not exist. ``twin`` names the host whose SSH host key this one carries too.
    """

    uid: str
    department: str
    subnet: int
    number: int
    role: str
    defects: tuple[str, ...] = ()
    ports: tuple[str, ...] = ("22/tcp",)
    zone: str = "internal"
    criticality: str = "medium"
    tags: tuple[str, ...] = ("production",)
    login: Login = Login.SUDO
    trust: Trust = Trust.KNOWN
    absent: bool = False
    jump: str = ""
    twin: str = ""
    shell: str = "dash"
    host_timeout: int = 0  # seconds, 0: the department's default
    release: str = ""  # the unpacked system it runs in (see ``roots``), "" for this machine's own

    @property
    def name(self) -> str:
        """The name people use inside the department."""
        return self.uid.removeprefix(f"{self.department}-")


@dataclass(frozen=True, slots=True)
class DepartmentSpec:
    """One department and its part of the lab's addresses."""

    id: str
    subnet: int
    title_en: str
    title_ar: str


DEPARTMENTS = (
    DepartmentSpec("health", 1, "Ministry of Health", "وزارة الصحة"),
    DepartmentSpec("finance", 2, "Ministry of Finance", "وزارة المالية"),
    DepartmentSpec("interior", 3, "Ministry of Interior", "وزارة الداخلية"),
)

HARDENED = "health-web-1"

HOSTS = (
    HostSpec(HARDENED, "health", 1, 11, "web", ports=("22/tcp", "443/tcp"), zone="dmz", criticality="high"),
    HostSpec(
        "health-db-1",
        "health",
        1,
        12,
        "database",
        ("root-login", "password-login", "empty-password-login", "many-auth-tries", "x11-forwarding", "no-banner", "sudo-all"),
        criticality="high",
        shell="bash",
    ),
    HostSpec(
        "health-files-1",
        "health",
        1,
        13,
        "files",
        ("shadow-readable", "passwd-writable", "sshd-config-writable", "crontab-writable", "home-open", "host-key-owned"),
    ),
    HostSpec(
        "health-legacy-1", "health", 1, 14, "legacy", ("telnet", "ftp", "http", "telnet-package", "old-release"), tags=("legacy",)
    ),
    HostSpec("health-down-1", "health", 1, 15, "archive", absent=True),
    HostSpec("health-shadow-it", "health", 1, 29, "unknown", trust=Trust.UNLISTED),
    HostSpec(
        "finance-app-1",
        "finance",
        2,
        11,
        "application",
        ("no-ageing-omar", "no-ageing-layla", "no-ageing-default", "weak-hash", "short-passwords", "no-lockout", "open-umask"),
        criticality="high",
    ),
    HostSpec("finance-crypto-1", "finance", 2, 12, "gateway", ("weak-ciphers", "weak-macs", "weak-kex"), zone="dmz"),
    HostSpec(
        "finance-tls-1",
        "finance",
        2,
        13,
        "web",
        ("expired-certificate", "weak-certificate", "old-tls"),
        ports=("22/tcp", "443/tcp", "8443/tcp", "9443/tcp"),
        zone="dmz",
    ),
    HostSpec("finance-clock-1", "finance", 2, 14, "batch", ("wrong-clock",)),
    HostSpec("finance-limited-1", "finance", 2, 15, "ledger", ("sudo-nopasswd", "sudo-no-log"), login=Login.LIMITED),
    HostSpec("finance-nosudo-1", "finance", 2, 16, "kiosk", login=Login.PLAIN, criticality="low"),
    HostSpec("interior-changed-1", "interior", 3, 11, "registry", trust=Trust.CHANGED),
    HostSpec("interior-refused-1", "interior", 3, 12, "registry", login=Login.REFUSED),
    HostSpec("interior-jump-1", "interior", 3, 13, "jump", tags=("production", "bastion"), zone="dmz", criticality="high"),
    HostSpec(
        "interior-inner-1",
        "interior",
        0,
        11,
        "records",
        ("second-root", "empty-password", "system-shell"),
        jump="interior-jump-1",
    ),
    HostSpec("interior-hostile-1", "interior", 3, 14, "kiosk", ("hostile-mixed",), criticality="low", host_timeout=8),
    HostSpec("interior-twin-1", "interior", 3, 15, "print", shell="busybox"),
    HostSpec("interior-twin-2", "interior", 3, 16, "print", ("redirects-accepted", "no-firewall"), twin="interior-twin-1"),
)


_PLANTED = (
    *("root-login", "weak-macs", "shadow-readable", "no-ageing-omar", "open-umask", "short-passwords", "no-lockout"),
    *("sudo-nopasswd", "second-root", "telnet-package", "crontab-writable"),
)

RELEASE_HOSTS = tuple(
    HostSpec(f"health-{release}-{name}", "health", 1, number + place, "server", defects, release=release)
    for number, release in ((40, "debian11"), (50, "debian12"), (60, "debian13"))
    for place, name, defects in ((1, "sound", ()), (2, "planted", _PLANTED))
)
"""Hosts of other releases, one as the hardened base is and one with defects; started only when they are asked for by name."""


def host_spec(uid: str) -> HostSpec:
    """The host of that uid; KeyError when the fleet has none."""
    for spec in (*HOSTS, *RELEASE_HOSTS):
        if spec.uid == uid:
            return spec
    raise KeyError(uid)
