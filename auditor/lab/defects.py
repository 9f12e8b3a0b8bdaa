"""The defects that can be planted in a host, each small and named, with the checks that must find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.lab.base import AUDITOR_MAY_ALL, HASH, SHADOW_GROUP, SUDOERS_OF_AUDITOR
from auditor.lab.tree import Tree

_AMAL = 1101
_SSHD = "/etc/ssh/sshd_config"
_PRELOAD = "/etc/ld.so.preload"


@dataclass(frozen=True, slots=True)
class Finds:
    """A check that fails while the defect is there. ``subjects`` are those that fail, empty for a check of one subject."""

    check: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Defect:
    """One departure from the hardened base.

    ``paths`` are the files that ``plant`` changes: mending puts them back and plants the host's other defects again.
    ``sysctls`` are of the host's own network namespace; ``services`` run while the defect is there.
    """

    name: str
    finds: tuple[Finds, ...]
    paths: tuple[str, ...] = ()
    plant: Callable[[Tree], None] | None = None
    sysctls: tuple[tuple[str, str], ...] = ()
    services: tuple[tuple[str, ...], ...] = ()
    firewall: str = ""  # an nft command run in the host

    @property
    def reloads_sshd(self) -> bool:
        """Whether sshd must start anew, to read its settings or to be loaded with what all programs are."""
        return not {_SSHD, _PRELOAD}.isdisjoint(self.paths)


def _sshd(name: str, check: str, option: str, value: str, *more: str) -> Defect:
    def plant(tree: Tree) -> None:
        lines = tree.read(_SSHD).splitlines()
        changed = [f"{option} {value}" if line.split(" ")[0] == option else line for line in lines]
        if changed == lines:
            raise ValueError(f"{_SSHD} holds no {option}")
        tree.write(_SSHD, "\n".join(changed) + "\n")

    return Defect(name, tuple(Finds(c) for c in (check, *more)), (_SSHD,), plant)


def _sshd_adds(name: str, check: str, option: str, extra: str) -> Defect:
    def plant(tree: Tree) -> None:
        tree.replace(_SSHD, f"{option} ", f"{option} {extra},")

    return Defect(name, (Finds(check), Finds("net-ssh-algorithms")), (_SSHD,), plant)


def _match(name: str, check: str, *lines: str) -> Defect:
    def plant(tree: Tree) -> None:
        tree.append(_SSHD, "".join(f"{line}\n" for line in lines))

    return Defect(name, (Finds(check),), (_SSHD,), plant)


def _mode(name: str, check: str, path: str, mode: int, uid: int = 0, gid: int = 0, subject: str = "") -> Defect:
    def plant(tree: Tree) -> None:
        tree.mode(path, mode, uid, gid)

    return Defect(name, (Finds(check, (subject or path,)),), (path,), plant)


def _swap(name: str, check: str, path: str, old: str, new: str) -> Defect:
    def plant(tree: Tree) -> None:
        tree.replace(path, old, new)

    return Defect(name, (Finds(check),), (path,), plant)


def _no_ageing(user: str) -> Defect:
    def plant(tree: Tree) -> None:
        rows = [row.split(":") for row in tree.read("/etc/shadow").splitlines()]
        for row in rows:
            if row[0] == user:
                row[4] = "99999"
        tree.write("/etc/shadow", "".join(":".join(row) + "\n" for row in rows))

    return Defect(f"no-ageing-{user}", (Finds("account-password-max-days", (user,)),), ("/etc/shadow",), plant)


def _account(name: str, user: str, uid: int, password: str, shell: str, *finds: Finds) -> Defect:
    def plant(tree: Tree) -> None:
        tree.append("/etc/passwd", f"{user}:x:{uid}:{uid}::/nonexistent:{shell}\n")
        tree.append("/etc/shadow", f"{user}:{password}:20000:1:60:7:::\n")

    return Defect(name, finds, ("/etc/passwd", "/etc/shadow"), plant)


def _system_shell(tree: Tree) -> None:
    tree.replace("/etc/passwd", "/usr/games:/usr/sbin/nologin", "/usr/games:/bin/bash")


def _no_lockout(tree: Tree) -> None:
    auth = tree.read("/etc/pam.d/common-auth").splitlines()
    tree.write(
        "/etc/pam.d/common-auth",
        "\n".join(line for line in auth if "faillock" not in line).replace("success=2", "success=1") + "\n",
    )
    tree.write("/etc/pam.d/common-account", "account required pam_unix.so\n")
    tree.write("/etc/security/faillock.conf", "deny = 0\n")


def _telnet_package(tree: Tree) -> None:
    entry = (
        "Package: {}\nStatus: install ok installed\nPriority: optional\nSection: net\nArchitecture: all\nVersion: 0.17+2.4-2\n"
    )
    entry += "Maintainer: The Lab <lab@example.org>\nDescription: planted by the lab\n\n"
    status = tree.read("/var/lib/dpkg/status")
    present = [p for p in ("telnetd", "rsh-server") if f"Package: {p}\n" in status]
    tree.append("/var/lib/dpkg/status", "".join(entry.format(p) for p in ("telnetd", "rsh-server") if p not in present))


def _old_release(tree: Tree) -> None:
    text = 'PRETTY_NAME="Debian GNU/Linux 9 (stretch)"\nNAME="Debian GNU/Linux"\nVERSION_ID="9"\nVERSION="9 (stretch)"\n'
    tree.write("/etc/os-release", text + "VERSION_CODENAME=stretch\nID=debian\n")


def _clock(name: str, offset: str) -> Defect:
    def plant(tree: Tree) -> None:
        # The dynamic linker expands $LIB for the host's own architecture.
        tree.write(_PRELOAD, "/usr/$LIB/faketime/libfaketime.so.1\n", 0o644)
        tree.write("/etc/faketimerc", f"{offset}\n", 0o644)

    return Defect(name, (Finds("time-offset"),), (_PRELOAD, "/etc/faketimerc"), plant)


def _sudo_nopasswd(tree: Tree) -> None:
    tree.write("/etc/sudoers.d/amal", "amal ALL=(ALL) NOPASSWD: ALL\n", 0o440)


def _sudo_all(tree: Tree) -> None:
    tree.write(SUDOERS_OF_AUDITOR, AUDITOR_MAY_ALL, 0o440)


def _listener(name: str, port: int, command: tuple[str, ...]) -> Defect:
    subject = f"{port}/tcp"
    return Defect(
        name, (Finds("net-ports-declared", (subject,)), Finds("net-plaintext-services", (subject,))), services=(command,)
    )


def tls_server(port: int, certificate: str, *more: str) -> tuple[str, ...]:
    """The command of a TLS server that shows a certificate of the lab."""
    files = ("-cert", f"/etc/lab/{certificate}.crt", "-key", f"/etc/lab/{certificate}.key")
    return ("/usr/bin/openssl", "s_server", "-quiet", "-accept", str(port), *files, "-www", *more)


def _tls(name: str, check: str, port: int, certificate: str, *more: str) -> Defect:
    return Defect(name, (Finds(check, (f"{port}/tcp",)),), services=(tls_server(port, certificate, *more),))


_SPEAK = ("/usr/bin/perl", "/usr/local/lib/lab/speak")

_FILES = (
    _mode("shadow-readable", "file-shadow-permissions", "/etc/shadow", 0o644, 0, SHADOW_GROUP),
    _mode("passwd-writable", "file-passwd-permissions", "/etc/passwd", 0o666),
    _mode("sshd-config-writable", "file-sshd-config-permissions", _SSHD, 0o666),
    _mode("crontab-writable", "file-cron-permissions", "/etc/crontab", 0o666),
    _mode("home-open", "home-directory-permissions", "/home/amal", 0o777, _AMAL, _AMAL, subject="amal"),
    # sshd refuses a key of its own that others can read, but not one that is another's.
    _mode("host-key-owned", "file-ssh-host-key-permissions", "/etc/ssh/ssh_host_ed25519_key", 0o640, _AMAL, _AMAL),
)  # fmt: skip

_SSH = (
    _sshd("root-login", "ssh-root-login", "PermitRootLogin", "yes"),
    _sshd("password-login", "ssh-password-authentication", "PasswordAuthentication", "yes"),
    _sshd("empty-password-login", "ssh-empty-passwords", "PermitEmptyPasswords", "yes"),
    _sshd("many-auth-tries", "ssh-max-auth-tries", "MaxAuthTries", "10"),
    _sshd("long-login-grace", "ssh-login-grace-time", "LoginGraceTime", "600"),
    _sshd("no-idle-timeout", "ssh-idle-timeout", "ClientAliveInterval", "0"),
    _sshd("x11-forwarding", "ssh-x11-forwarding", "X11Forwarding", "yes"),
    _sshd("host-based-login", "ssh-host-based-auth", "HostbasedAuthentication", "yes"),
    _sshd("no-banner", "ssh-banner", "Banner", "none"),
    _sshd("quiet-log", "ssh-log-level", "LogLevel", "QUIET"),
    _match("root-login-by-group", "ssh-root-login", "Match Group root", "    PermitRootLogin yes"),
    # Either block alone ends an idle session after ten minutes; who meets both is left alone for twenty.
    _match(
        "idle-by-two-blocks",
        "ssh-idle-timeout",
        *("Match User auditor", "    ClientAliveInterval 600"),
        *("Match User *,!root", "    ClientAliveCountMax 2"),
    ),
    _sshd_adds("weak-ciphers", "ssh-strong-ciphers", "Ciphers", "aes128-cbc,3des-cbc"),
    _sshd_adds("weak-macs", "ssh-strong-macs", "MACs", "hmac-sha1,hmac-md5"),
    _sshd_adds("weak-kex", "ssh-strong-kex", "KexAlgorithms", "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1"),
)

_ACCOUNTS = (
    _no_ageing("omar"),
    _no_ageing("layla"),
    _account(
        "second-root",
        "toor",
        0,
        HASH,
        "/bin/bash",
        Finds("account-uid-zero", ("toor",)),
        Finds("account-duplicate-uid", ("UID 0",)),
    ),
    _account("empty-password", "guest", 1201, "", "/bin/bash", Finds("account-empty-password", ("guest",))),
    _account("duplicate-uid", "omar2", 1102, HASH, "/bin/bash", Finds("account-duplicate-uid", ("UID 1102",))),
    Defect("system-shell", (Finds("account-system-shell", ("games",)),), ("/etc/passwd",), _system_shell),
    _swap("no-ageing-default", "password-max-days-default", "/etc/login.defs", "PASS_MAX_DAYS 60", "PASS_MAX_DAYS 99999"),
    _swap("weak-hash", "password-hash-method", "/etc/login.defs", "ENCRYPT_METHOD YESCRYPT", "ENCRYPT_METHOD MD5"),
    _swap("open-umask", "umask-default", "/etc/login.defs", "UMASK 027", "UMASK 000"),
    _swap("short-passwords", "password-min-length", "/etc/security/pwquality.conf", "minlen = 14", "minlen = 6"),
    Defect(
        "no-lockout",
        (Finds("account-lockout"),),
        ("/etc/pam.d/common-auth", "/etc/pam.d/common-account", "/etc/security/faillock.conf"),
        _no_lockout,
    ),
    Defect(
        "sudo-nopasswd",
        (Finds("sudo-nopasswd", ("/etc/sudoers.d/amal: amal ALL=(ALL) ALL",)),),
        ("/etc/sudoers.d/amal",),
        _sudo_nopasswd,
    ),
    Defect(
        "sudo-all",
        (Finds("sudo-nopasswd", (f"{SUDOERS_OF_AUDITOR}: auditor ALL=(root) ALL",)),),
        (SUDOERS_OF_AUDITOR,),
        _sudo_all,
    ),
    _swap("sudo-no-pty", "sudo-use-pty", "/etc/sudoers", "Defaults use_pty\n", ""),
    _swap("sudo-no-log", "sudo-log-file", "/etc/sudoers", 'Defaults logfile="/var/log/sudo.log"\n', ""),
)

_SYSTEM = (
    Defect(
        "telnet-package",
        (Finds("package-legacy-services", ("telnetd", "rsh-server")),),
        ("/var/lib/dpkg/status",),
        _telnet_package,
    ),
    Defect("old-release", (Finds("os-release-supported"),), ("/etc/os-release",), _old_release),
    _clock("wrong-clock", "-3h"),
    _clock("clock-years-ahead", "+3y"),
    _clock("clock-years-behind", "-20y"),
    Defect(
        "redirects-accepted",
        (Finds("kernel-icmp-redirects", tuple(f"net.ipv4.conf.{card}.accept_redirects" for card in ("all", "default"))),),
        sysctls=(("net.ipv4.conf.all.accept_redirects", "1"), ("net.ipv4.conf.default.accept_redirects", "1")),
    ),
    Defect("no-firewall", (Finds("firewall-active"),), firewall="flush ruleset"),
)

_NETWORK = (
    _listener("telnet", 23, (*_SPEAK, "23", "telnet")),
    _listener("ftp", 21, (*_SPEAK, "21", "ftp")),
    _listener("http", 80, ("/usr/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/srv")),
    _tls("expired-certificate", "net-tls-certificate-expiry", 443, "expired"),
    _tls("weak-certificate", "net-tls-certificate-strength", 8443, "weak", "-cipher", "DEFAULT@SECLEVEL=0"),
    _tls("old-tls", "net-tls-versions", 9443, "good", "-cipher", "DEFAULT@SECLEVEL=0", "-min_protocol", "TLSv1"),
)


def _hostile(behaviour: str) -> Defect:
    def plant(tree: Tree) -> None:
        tree.write("/etc/lab/hostile", f"{behaviour}\n", 0o644)
        if "ForceCommand" not in tree.read(_SSHD):
            tree.append(_SSHD, "ForceCommand /usr/local/lib/lab/hostile\n")

    return Defect(f"hostile-{behaviour}", (), (_SSHD, "/etc/lab/hostile"), plant)


HOSTILE = ("flood", "hang", "parrot", "escapes", "invalid", "silent", "liar", "mixed")

DEFECTS: dict[str, Defect] = {d.name: d for d in (*_FILES, *_SSH, *_ACCOUNTS, *_SYSTEM, *_NETWORK, *map(_hostile, HOSTILE))}
