"""Remedies that nobody can follow in a namespace, each with what is missing there."""

from __future__ import annotations

NETWORK = "judged from the network, by a service that would have to run"
SYSTEMD = "judged by what systemd runs, which has to be the first process"
MACHINE = "judged by the machine itself: its hardware, its kernel or its boot loader"
ARCHIVE = "installs or updates packages, for which the namespace has no network"
SHOWS = "its commands show what a person then decides or changes by hand; they change nothing"
DOCKER = "needs Docker's daemon"
OTHER = "has no commands for Debian"

UNTRIED = {
    **dict.fromkeys(
        (
            *("net-dns-recursion", "net-ipv6-ports-as-ipv4", "net-ldap-anonymous", "net-ldap-encrypted", "net-ntp-queries"),
            *("net-open-port-let-in", "net-open-port-let-in-ipv6", "net-plaintext-services", "net-ports-declared", "net-rdp-nla"),
            *("net-rdp-standard-security", "net-smb-signing", "net-smb-version-1", "net-snmp-community", "net-ssh-offer-as-set"),
            *("net-tftp-closed", "net-tls-certificate-expiry", "net-tls-certificate-strength", "net-tls-ciphers"),
            *("net-tls-forward-secrecy", "net-udp-services", "net-vnc-encrypted", "net-vnc-login", "net-web-hsts"),
            *("net-web-security-headers", "net-web-version-hidden"),
        ),
        NETWORK,
    ),
    **dict.fromkeys(
        (
            *("endpoint-usb-rules", "process-replaced-files", "service-critical-starts", "service-debug-shell-off"),
            *("service-legacy-running", "time-zone-as-set"),
        ),
        SYSTEMD,
    ),
    **dict.fromkeys(
        (
            *(
                "audit-daemon-active",
                "audit-from-boot",
                "boot-command-line",
                "boot-loader-password",
                "coredump-storage-off",
                "cpu-vulnerabilities-mitigated",
            ),
            *("hardware-disks-monitored", "hardware-firmware-age", "hardware-memory-errors", "hardware-raid-complete"),
            *(
                "hardware-temperature",
                "hardware-ups-monitored",
                "mac-enforcing",
                "mac-enforcing-at-boot",
                "mac-profiles-enforced",
            ),
            "time-offset",
        ),
        MACHINE,
    ),
    **dict.fromkeys(
        (
            *("apt-extended-support-source", "host-one-environment", "integrity-tool-ready", "malware-protection-active"),
            *("malware-signatures-fresh", "package-attack-tools", "package-cloud-sync", "package-development-tools"),
            *("package-file-sharing", "package-games-mining", "package-graphical-server", "package-index-verified"),
            *("package-integrity", "package-legacy-clients", "package-legacy-services", "package-remote-control"),
            *("package-security-updates", "package-tunnel-tools", "update-recent", "apt-keys-strong"),
        ),
        ARCHIVE,
    ),
    **dict.fromkeys(
        (
            *(
                "apt-signatures-enforced",
                "apt-sources-approved",
                "apt-sources-release",
                "apt-sources-signed",
                "desktop-autologin",
            ),
            *("package-index-approved", "restart-after-update", "runtime-supported", "software-unpackaged", "support-end-near"),
            "unattended-upgrades-complete",
        ),
        SHOWS,
    ),
    **dict.fromkeys(
        (
            *("docker-icc-off", "docker-no-insecure-registries", "docker-no-new-privileges", "docker-no-open-socket"),
            *("docker-socket-closed", "docker-user-namespaces"),
        ),
        DOCKER,
    ),
    **dict.fromkeys(("dnf-encrypted", "dnf-repositories-approved", "dnf-signatures"), OTHER),
    "audit-account-limited": "the first of its commands runs where the auditor is",
    "dept-shared-host-keys": "judged over several hosts",
}
