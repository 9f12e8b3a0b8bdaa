"""Each fact on each platform that the auditor is for: a golden, or the reason why there is none.

Of the three releases of Debian real output can be had, so it must be; of the others a documented format will do. The tables
below say, by reason, what has neither.
"""

from __future__ import annotations

import pytest

from tests.facts.hosts import HOST_FACTS
from tests.scripts import load

NAMES = tuple(fact.name for fact in HOST_FACTS)
DOCS = load("docs")
PREFIXES: dict[str, tuple[str, ...]] = {prefixes[0]: prefixes for prefixes in DOCS.PLATFORMS.values()}
REAL = ("debian11", "debian12", "debian13")

WITHOUT_REAL: dict[str, dict[str, str]] = {platform: {} for platform in REAL}
"""By Debian release: the facts of which no real output can be had, each with its reason."""

_KERNEL = "the kernel answers, in one format whatever the distribution"
_SAME = "as on Debian: the same program, packaged with the same paths, writes or prints it"
_DPKG = "as on Debian: read from what dpkg and apt keep"
_PEOPLE = "read from files that the host's own people write, in one format everywhere"
_ANYWHERE = "asked of the file system itself, which answers alike on every Linux with coreutils and findutils"
_NEWER_UBUNTU = "as on Ubuntu 24.04, whose golden stands for both"
_NEWER_RHEL = "as on RHEL 9, whose golden stands for both"
_UPSTREAM = "as on Debian: the program itself prints it or defines its file"
_RPM = "read from rpm's database, which only an installed system holds: its lines are cased in test_supply.py"

_UBUNTU = {
    _SAME: (
        "accounts apache audit_rules auditd auditd_config boot_loader desktop docker_daemon firewall "
        "kernel_modules last_logins listening_sockets malware_protection mysql nginx pam_lockout postgresql "
        "pwquality samba services shell_timeout ssh_client ssh_host_keys systemd_config time_sync"
    ),
    _DPKG: "apt_keys dnf_repositories package_integrity packages runtimes unpackaged_programs update_history updates",
    _PEOPLE: "authorized_keys backups cloud_credentials nfs_exports package_indexes proxy_settings",
    _KERNEL: "clock cpu_vulnerabilities disk_encryption disk_usage hardware_health mounts stale_processes sysctl",
    _ANYWHERE: "file_stat file_text file_walk home_directories log_files timezone user_files",
}

WITHOUT: dict[str, dict[str, str]] = {
    "ubuntu2204": {
        **_UBUNTU,
        _NEWER_UBUNTU: "groups hardware log_rotation logging_config mandatory_access pam_stacks sysctl_saved",
    },
    "ubuntu2404": _UBUNTU,
    "rhel8": {
        _NEWER_RHEL: (
            "accounts apache apt_keys apt_settings apt_sources audit_rules auditd_config automatic_updates file_stat "
            "log_rotation logging_config mandatory_access mysql nginx packages "
            "postgresql resolver rsyslog runtimes shell_timeout ssh_client sysctl_saved "
            "time_sync unattended_upgrades unpackaged_programs update_history updates"
        ),
        _UPSTREAM: (
            "auditd desktop firewall groups kernel_modules last_logins listening_sockets malware_protection samba services"
        ),
        _PEOPLE: "authorized_keys backups cloud_credentials nfs_exports package_indexes proxy_settings",
        _KERNEL: "clock disk_encryption disk_usage hardware hardware_health mounts stale_processes sysctl",
        _ANYWHERE: "file_text file_walk home_directories log_files timezone user_files",
    },
    "rhel9": {
        _UPSTREAM: (
            "auditd desktop docker_daemon firewall groups kernel_modules last_logins listening_sockets "
            "malware_protection samba services ssh_host_keys systemd_config"
        ),
        _PEOPLE: "authorized_keys backups cloud_credentials nfs_exports package_indexes proxy_settings",
        _KERNEL: "clock cpu_vulnerabilities disk_encryption disk_usage mounts stale_processes sysctl",
        _ANYWHERE: "file_text file_walk home_directories log_files timezone user_files",
        _RPM: "package_integrity",
    },
    "busybox": {
        "refused: the applet called find has neither -printf nor -print0 of GNU's": "cloud_credentials file_walk user_files",
        "refused: there is no ssh-keygen to tell of keys": "authorized_keys",
        "refused: there is no package manager, and the applet called rpm only unpacks": (
            "automatic_updates package_integrity packages runtimes unpackaged_programs update_history updates"
        ),
        "refused: there is neither last's nor lastlog's program": "last_logins",
        "refused: there is no ss": "listening_sockets",
        "refused: the applet called grep has no --include": "stale_processes",
        "the kernel's command line alone, which is the machine's and not the root's": "boot_loader",
    },
}
"""By platform and reason: the facts without a golden there."""


def reasons(platform: str) -> dict[str, str]:
    """The reason by fact; a fact told twice is a mistake."""
    if platform in WITHOUT_REAL:
        return WITHOUT_REAL[platform]
    told = [(name, reason) for reason, names in WITHOUT[platform].items() for name in names.split()]
    assert len(told) == len(dict(told)), "a fact has two reasons"
    return dict(told)


def recorded(platform: str) -> set[str]:
    """The facts with a golden that counts on that platform."""
    counts = {"real"} if platform in REAL else {"real", "documented"}
    return {name for name in NAMES if DOCS.read_from(name, PREFIXES[platform]) in counts}


@pytest.mark.parametrize("platform", PREFIXES)
def test_every_fact_is_accounted_for_on_every_platform(platform: str) -> None:
    """A golden or a reason, and never both: a reason is taken back when the golden comes."""
    told, have = reasons(platform), recorded(platform)
    assert set(told) - set(NAMES) == set(), "no such fact"
    assert set(told) & have == set(), "a reason that a golden made stale"
    assert set(NAMES) - have - set(told) == set(), "neither golden nor reason"
    assert all(reason.strip() for reason in told.values())
