"""The whole family of facts as one explicit tuple; a test compares it with the folder."""

from __future__ import annotations

from auditor.facts import (
    accounts,
    apt_settings,
    apt_sources,
    auditd,
    automatic_updates,
    clock,
    dnf_repositories,
    file_stat,
    firewall,
    home_directories,
    live_hosts,
    log_files,
    logging_config,
    login_defs,
    mounts,
    network_services,
    open_ports,
    os_release,
    package_indexes,
    packages,
    pam_lockout,
    pwquality,
    services,
    ssh_algorithms,
    ssh_host_keys,
    sshd,
    stale_processes,
    sudoers,
    sysctl,
    time_sync,
    tls,
    unattended_upgrades,
    update_history,
    updates,
)
from auditor.facts.interface import Fact

FACTS: tuple[Fact, ...] = (
    accounts.FACT,
    apt_settings.FACT,
    apt_sources.FACT,
    auditd.FACT,
    automatic_updates.FACT,
    clock.FACT,
    dnf_repositories.FACT,
    file_stat.FACT,
    firewall.FACT,
    home_directories.FACT,
    live_hosts.FACT,
    log_files.FACT,
    logging_config.FACT,
    login_defs.FACT,
    mounts.FACT,
    network_services.FACT,
    open_ports.FACT,
    os_release.FACT,
    package_indexes.FACT,
    packages.FACT,
    pam_lockout.FACT,
    pwquality.FACT,
    services.FACT,
    ssh_algorithms.FACT,
    ssh_host_keys.FACT,
    sshd.FACT,
    stale_processes.FACT,
    sudoers.FACT,
    sysctl.FACT,
    time_sync.FACT,
    tls.FACT,
    unattended_upgrades.FACT,
    update_history.FACT,
    updates.FACT,
)

_BY_NAME = {fact.name: fact for fact in FACTS}


def by_name(name: str) -> Fact | None:
    """The fact of that name, or None."""
    return _BY_NAME.get(name)
