"""The files every host starts from: a hardened Debian. Each defect is a departure from these."""

from __future__ import annotations

import time

from auditor.lab.tree import Tree

# The example hash of crypt(5); nobody has its password, and no host of the lab takes passwords.
HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
SHADOW_GROUP = 42
SUDOERS_OF_AUDITOR = "/etc/sudoers.d/auditor"
AUDITOR_MAY_ALL = "auditor ALL=(root) NOPASSWD: ALL\n"
STAFF = (("auditor", 1100), ("amal", 1101), ("omar", 1102), ("layla", 1103))

_SYSTEM = (
    ("daemon", 1, 1, "/usr/sbin"),
    ("bin", 2, 2, "/bin"),
    ("sys", 3, 3, "/dev"),
    ("sync", 4, 65534, "/bin"),
    ("games", 5, 60, "/usr/games"),
    ("man", 6, 12, "/var/cache/man"),
    ("mail", 8, 8, "/var/mail"),
    ("www-data", 33, 33, "/var/www"),
    ("backup", 34, 34, "/var/backups"),
    ("_apt", 42, 65534, "/nonexistent"),
    ("nobody", 65534, 65534, "/nonexistent"),
    ("sshd", 101, 65534, "/run/sshd"),
)

_GROUPS = (
    ("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("adm", 4), ("tty", 5), ("disk", 6), ("mail", 8), ("man", 12),
    ("sudo", 27), ("www-data", 33), ("backup", 34), ("shadow", SHADOW_GROUP), ("utmp", 43), ("staff", 50), ("games", 60),
    ("nogroup", 65534),
)  # fmt: skip

SSHD_CONFIG = """\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin no
PasswordAuthentication no
PermitEmptyPasswords no
KbdInteractiveAuthentication no
HostbasedAuthentication no
IgnoreRhosts yes
PermitUserEnvironment no
MaxAuthTries 3
MaxSessions 10
LoginGraceTime 30
ClientAliveInterval 300
ClientAliveCountMax 1
X11Forwarding no
Banner /etc/issue.net
LogLevel VERBOSE
UsePAM yes
PrintMotd no
AllowTcpForwarding no
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512
"""

SUDOERS = """\
Defaults env_reset
Defaults use_pty
Defaults logfile="/var/log/sudo.log"
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
"""

LOGIN_DEFS = """\
MAIL_DIR /var/mail
PASS_MAX_DAYS 60
PASS_MIN_DAYS 1
PASS_WARN_AGE 7
PASS_MIN_LEN 14
UMASK 027
HOME_MODE 0700
ENCRYPT_METHOD YESCRYPT
UID_MIN 1000
UID_MAX 60000
SYS_UID_MIN 100
SYS_UID_MAX 999
GID_MIN 1000
GID_MAX 60000
USERGROUPS_ENAB no
LOGIN_RETRIES 3
LOGIN_TIMEOUT 60
FAILLOG_ENAB yes
LOG_UNKFAIL_ENAB no
"""

PWQUALITY = "minlen = 14\nminclass = 4\ndcredit = -1\nucredit = -1\nlcredit = -1\nocredit = -1\nretry = 3\n"
FAILLOCK = "deny = 5\nfail_interval = 900\nunlock_time = 900\naudit\n"
COMMON_AUTH = """\
auth required pam_faillock.so preauth
auth [success=2 default=ignore] pam_unix.so
auth [default=die] pam_faillock.so authfail
auth requisite pam_deny.so
auth required pam_permit.so
"""
COMMON_ACCOUNT = """\
account required pam_unix.so
account required pam_faillock.so
"""
COMMON_CHANGE = """\
password requisite pam_pwquality.so retry=3
password required pam_pwhistory.so remember=24 use_authtok
password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt
password requisite pam_deny.so
password required pam_permit.so
"""
COMMON_SESSION = "session required pam_unix.so\nsession optional pam_umask.so nousergroups\n"
# The auditor is turned away before a password of its is tried: where empty passwords may log in, every client's first
# attempt is one, which would cost seconds and count towards the lockout.
# Without pam_loginuid: it fails where the kernel's audit refuses a second login identity, as in namespaces.
PAM_SSHD = """\
auth [success=ignore default=die] pam_succeed_if.so quiet user != auditor
@include common-auth
account required pam_nologin.so
@include common-account
@include common-session
session required pam_limits.so
session required pam_env.so
@include common-password
"""

NOTICE = "This system belongs to the government. Use it only if you are authorised; use is recorded.\n"

OS_RELEASE = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""

NFTABLES = """\
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		iif "lo" accept
		ip saddr 10.0.0.0/8 accept
		ip saddr 172.16.0.0/12 accept
		ip saddr 192.168.0.0/16 accept
	}
	chain forward {
		type filter hook forward priority 0; policy drop;
	}
	chain output {
		type filter hook output priority 0; policy accept;
	}
}
"""

# Those of the network belong to the host's own namespace. The others are the machine's: the host sees a file laid over them.
SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    **{
        f"net.ipv4.conf.{card}.{name}": value
        for card in ("all", "default")
        for name, value in (
            ("accept_redirects", "0"),
            ("secure_redirects", "0"),
            ("send_redirects", "0"),
            ("accept_source_route", "0"),
            ("log_martians", "1"),
            ("rp_filter", "1"),
        )
    },
    **{
        f"net.ipv6.conf.{card}.{name}": "0"
        for card in ("all", "default")
        for name in ("accept_redirects", "accept_source_route", "accept_ra")
    },
    "kernel.randomize_va_space": "2",
    "kernel.dmesg_restrict": "1",
    "kernel.kptr_restrict": "2",
    "kernel.perf_event_paranoid": "3",
    "kernel.sysrq": "0",
    "kernel.unprivileged_bpf_disabled": "1",
    "kernel.yama.ptrace_scope": "1",
    "fs.suid_dumpable": "0",
    "fs.protected_hardlinks": "1",
    "fs.protected_symlinks": "1",
    "fs.protected_fifos": "2",
    "fs.protected_regular": "2",
}

# A line or two of each protocol, as their servers greet: enough for a person or nmap to know what answers.
SPEAK = r"""
use IO::Socket::INET;
my ($port, $kind) = @ARGV;
my %greeting = (
    telnet => "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27" . "Debian GNU/Linux\r\nlogin: ",
    ftp => "220 (vsFTPd 2.3.4)\r\n",
);
$SIG{PIPE} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "port $port: $!";
while (1) {
    my $client = $server->accept or next;
    print $client $greeting{$kind};
    $client->flush;
    my $readable = '';
    vec($readable, fileno($client), 1) = 1;
    sysread($client, my $said, 1024) if select($readable, undef, undef, 0.5);
    close $client;
}
"""


def write_base(tree: Tree) -> None:
    """Write the files that all hosts have in common."""
    _write_accounts(tree)
    _write_logins(tree)
    _write_system(tree)
    for path in ("/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"):
        tree.folder(path, 0o700)
    tree.write("/etc/crontab", "SHELL=/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n", 0o600)
    tree.folder("/root", 0o700)
    tree.link("/dev/ptmx", "pts/ptmx")
    tree.link("/dev/fd", "/proc/self/fd")
    tree.folder("/var", 0o755)
    tree.folder("/var/log", 0o755)
    for log in ("auth.log", "sudo.log"):
        tree.write(f"/var/log/{log}", "", 0o640, 0, 4)
    for record in ("wtmp", "lastlog", "btmp"):
        tree.write(f"/var/log/{record}", "", 0o660 if record == "btmp" else 0o664, 0, 43)
    tree.folder("/usr", 0o755)
    tree.folder("/usr/local", 0o755)
    tree.write("/usr/local/lib/lab/speak", SPEAK, 0o755)


def _write_accounts(tree: Tree) -> None:
    today = int(time.time() // 86400) - 1
    people = [f"{name}:x:{uid}:{uid}::/home/{name}:{'/bin/sh' if name == 'auditor' else '/bin/bash'}" for name, uid in STAFF]
    system = [f"{n}:x:{u}:{g}:{n}:{home}:{'/bin/sync' if n == 'sync' else '/usr/sbin/nologin'}" for n, u, g, home in _SYSTEM]
    tree.write("/etc/passwd", "\n".join(["root:x:0:0:root:/root:/bin/bash", *system, *people]) + "\n", 0o644)
    rows = [f"root:!:{today}:1:60:7:30::"]
    rows += [f"{name}:*:{today}:1:60:7:::" for name, *_ in _SYSTEM]
    rows += [f"{name}:{'*' if name == 'auditor' else HASH}:{today}:1:60:7:30::" for name, _ in STAFF]
    tree.write("/etc/shadow", "\n".join(rows) + "\n", 0o640, 0, SHADOW_GROUP)
    groups = [*_GROUPS, *STAFF]
    tree.write("/etc/group", "".join(f"{name}:x:{gid}:\n" for name, gid in groups), 0o644)
    tree.write("/etc/gshadow", "".join(f"{name}:*::\n" for name, _ in groups), 0o640, 0, SHADOW_GROUP)
    tree.folder("/home", 0o755)
    for name, uid in STAFF:
        tree.folder(f"/home/{name}", 0o700, uid, uid)


def _write_logins(tree: Tree) -> None:
    tree.folder("/etc", 0o755)
    tree.folder("/etc/ssh", 0o755)
    tree.write("/etc/ssh/sshd_config", SSHD_CONFIG, 0o600)
    tree.write("/etc/sudoers", SUDOERS, 0o440)
    tree.folder("/etc/sudoers.d", 0o750)
    tree.write("/etc/login.defs", LOGIN_DEFS, 0o644)
    tree.write("/etc/security/pwquality.conf", PWQUALITY, 0o644)
    tree.write("/etc/security/faillock.conf", FAILLOCK, 0o644)
    tree.write("/etc/pam.d/common-auth", COMMON_AUTH, 0o644)
    tree.write("/etc/pam.d/common-account", COMMON_ACCOUNT, 0o644)
    tree.write("/etc/pam.d/common-password", COMMON_CHANGE, 0o644)
    tree.write("/etc/pam.d/common-session", COMMON_SESSION, 0o644)
    tree.write("/etc/pam.d/common-session-noninteractive", COMMON_SESSION, 0o644)
    tree.write("/etc/pam.d/sshd", PAM_SSHD, 0o644)
    tree.write(
        "/etc/pam.d/sudo", "@include common-auth\n@include common-account\n@include common-session-noninteractive\n", 0o644
    )
    tree.folder("/run", 0o755)
    tree.folder("/run/sshd", 0o755)


def _write_system(tree: Tree) -> None:
    tree.write("/etc/os-release", OS_RELEASE, 0o644)
    for path in ("/etc/issue", "/etc/issue.net", "/etc/motd"):
        tree.write(path, NOTICE, 0o644)
    tree.folder("/etc/profile.d", 0o755)
    tree.write("/etc/profile", "umask 027\nTMOUT=900\nreadonly TMOUT\nexport TMOUT\n", 0o644)
    tree.write("/etc/bash.bashrc", "umask 027\n", 0o644)
    tree.write("/etc/nftables.conf", NFTABLES, 0o600)
    tree.folder("/etc/sysctl.d", 0o755)
    tree.write("/etc/sysctl.d/60-hardening.conf", "".join(f"{k} = {v}\n" for k, v in SYSCTLS.items()), 0o644)
    tree.write("/etc/resolv.conf", "", 0o644)
