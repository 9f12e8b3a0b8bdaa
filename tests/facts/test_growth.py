"""What a hostile host prints cannot keep the night: parsers read it in steps that grow with it, or refuse it whole.

Steps are lines of Python that run and calls that begin, never time, which on a busy machine says nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from auditor.errors import ParseError
from auditor.facts import rsyslog
from auditor.facts._budget import Budget, Folders
from auditor.facts._sshd_blocks import _words
from tests.facts.hosts import fact

_SUDO = "Sudo version 1.9.15\n/etc/sudoers:\n"
_SSHD = "installed=yes\npermitrootlogin no\nport 22\n"
_APT = "installed=yes\nid=debian\ncodename=bookworm\n"
_UPGRADES = "installed=yes\nid=debian\ncodename=bookworm\n"
_AUDIT = "installed=yes\nmachine=x86_64\nenabled=1\n"
_NFT = "tool=nftables\nchain=inet filter input\nbase=type filter hook input priority 0; policy drop;\n"
_LONG = f"Timeout {'5' * 8000}"  # counts as a hundred lines
_HERE = "client=192.0.2.1 192.0.2.2\nipv6=no\n"


def _lines(path: str, *texts: str) -> str:
    return f"{path}:\n" + "".join(f"{path}:{text}\n" for text in texts)


def _file(path: str, *texts: str) -> str:
    return f"== {path}\n" + "".join(f"|{text}\n" for text in texts)


def _many(count: int, text: Callable[[int], str]) -> str:
    return "".join(text(i) for i in range(count))


def _value(name: str, output: str, args: dict[str, str] | None = None) -> Any:
    return fact(name).value(f"{output}end\n", args or {})


def _steps(run: Callable[[], object]) -> int:
    """How many lines run and how many calls begin."""
    count = 0

    def trace(_frame: FrameType, _event: str, _argument: object) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


# How each is printed at a size, and that size.
GROWING: dict[str, tuple[str, Callable[[int], str], int]] = {
    "sudo's aliases that each name two others": (
        "sudoers",
        lambda n: (
            _SUDO
            + _many(n, lambda i: f"/etc/sudoers:Cmnd_Alias A{i} = A{i + 1}, B{i + 1}\n")
            + _many(n, lambda i: f"/etc/sudoers:Cmnd_Alias B{i} = A{i + 1}, B{i + 1}\n")
            + "/etc/sudoers:a ALL = A0\n"
        ),
        6,
    ),
    "sudo's users, each held against each default": (
        "sudoers",
        lambda n: _SUDO + _many(n, lambda i: f"/etc/sudoers:Defaults:u{i} !authenticate\n/etc/sudoers:u{i} ALL = /bin/a\n"),
        100,
    ),
    "sudo's commands, each held against each default of the environment": (
        "sudoers",
        lambda n: (
            _SUDO
            + _many(n, lambda i: f"/etc/sudoers:Defaults:u{i} setenv\n/etc/sudoers:Defaults!/bin/b{i} setenv\n")
            + _many(n, lambda i: f"/etc/sudoers:u{i} ALL = /bin/a{i}\n")
        ),
        100,
    ),
    "the places of a server of nginx, each held against the headers around it": (
        "nginx",
        lambda n: (
            "installed=yes\nversion=nginx version: nginx/1.22.1\n"
            + _file(
                "/etc/nginx/nginx.conf",
                "http { server {",
                *[f"add_header X-{i} a;" for i in range(n)],
                *[f"location /{i} {{ proxy_pass http://a; add_header X-{i} a; }}" for i in range(n)],
                *[f"location /i{i} {{ proxy_pass http://a; }}" for i in range(n)],
                "} }",
            )
        ),
        100,
    ),
    "the servers of nginx, each held against all that http holds": (
        "nginx",
        lambda n: (
            "installed=yes\nversion=nginx version: nginx/1.22.1\n"
            + _file("/etc/nginx/nginx.conf", "http {", *["server { listen 80; }"] * n, "}")
        ),
        100,
    ),
    "clusters of PostgreSQL, each among all files": (
        "postgresql",
        lambda n: (
            "present=yes\n"
            + _many(
                n,
                lambda i: "".join(
                    f"/etc/postgresql/15/c{i}/{line}\n" for line in ("postgresql.conf:ssl = on", "pg_hba.conf:local a a peer")
                ),
            )
        ),
        100,
    ),
    "links, each among all files of networks": (
        "router_advertisements",
        lambda n: (
            "ipv6=yes\nversion=255\n"
            + _many(n, lambda i: f"link=e{i} /etc/systemd/network/{i}.network\nfile=/etc/systemd/network/{i}.network:[Network]\n")
        ),
        100,
    ),
    "other names of a service that many sockets start": (
        "services",
        lambda n: (
            "manager=systemd\n"
            + _many(n, lambda i: f"file=a{i}.service alias\nfile=s{i}.socket enabled\nunit=s{i}.socket loaded active\n")
            + f"Id=a.service\nNames={' '.join(f'a{i}.service' for i in range(n))}\n"
            + _many(n, lambda i: f"triggers=s{i}.socket a.service\n")
            + "daemon=a\n"
        ),
        100,
    ),
    "databases of dconf, each among all files": (
        "desktop",
        lambda n: (
            "display\ninstalled=gnome\ndconf\n/etc/dconf/profile/user:profile\n"
            + _many(n, lambda i: f"/etc/dconf/profile/user:system-db:d{i}\n")
            + _many(n, lambda i: f"/etc/dconf/db/d{i}.d/a:keys\n")
        ),
        100,
    ),
    "a shell's commands, each asking all that are open around it": (
        "shell_timeout",
        lambda n: _lines("/etc/profile", "TMOUT=900", *["{"] * n, *[": a"] * n, *["}"] * n),
        100,
    ),
    "a shell's loops, each looking through all files": (
        "shell_timeout",
        lambda n: (
            _lines("/etc/profile", "TMOUT=900", *["for f in /etc/profile.d/*.sh; do :; done"] * n)
            + _many(10 * n, lambda i: f"/etc/other{i}:\n")
        ),
        150,
    ),
    "audit rules, each held against each call that another names": (
        "audit_rules",
        lambda n: _AUDIT + _many(n, lambda i: f"loaded=-a always,exit -F arch=b64 -S call{i}\n"),
        100,
    ),
    "audit rules, each held against each path that another watches": (
        "audit_rules",
        lambda n: _AUDIT + _many(n, lambda i: f"loaded=-w /etc/{i} -p wa\n"),
        100,
    ),
    "saved audit rules, each held against each that is loaded": (
        "audit_rules",
        lambda n: (
            _AUDIT
            + _many(
                n, lambda i: f"loaded=-a always,exit -S call{i}\nsaved=/etc/audit/rules.d/a.rules:-a always,exit -S other{i}\n"
            )
        ),
        100,
    ),
    "rules of a filter, each over another port": (
        "firewall",
        lambda n: _NFT + _many(n, lambda i: f"rule=tcp dport {2 * i} accept\n") + _HERE,
        300,
    ),
    "rules of a filter, all over one set of many ports": (
        "firewall",
        lambda n: (
            _NFT
            + "rule=tcp dport @p accept\n" * n
            + f"chain=inet filter other\nports=inet filter p {' '.join(str(2 * i) for i in range(n))}\n"
            + _HERE
        ),
        200,
    ),
    "proxies of apt-config, each held against all before": (
        "proxy_settings",
        lambda n: "file=apt-config\n" + _many(n, lambda i: f'line=Acquire::http::Proxy "http://{i}.example";\n'),
        200,
    ),
    "a control of PAM with many answers, its words parted anew at each step": (
        "pam_lockout",
        lambda n: (
            "/etc/pam.d/sshd:auth [" + " ".join(f"a{i}=ignore" for i in range(n)) + "] pam_a.so\n"
            "/etc/pam.d/sshd:auth required pam_faillock.so preauth\n/etc/pam.d/sshd:auth required pam_unix.so\n"
        ),
        300,
    ),
}


@pytest.mark.parametrize("shape", GROWING)
def test_the_steps_grow_with_what_is_read(shape: str) -> None:
    """Regression: twice as much of it takes twice the steps, not four times as many or their square."""
    name, printed, size = GROWING[shape]
    once, twice = (_steps(lambda size=size: _value(name, printed(size))) for size in (size, 2 * size))  # type: ignore[misc]
    assert twice < 3 * once, (once, twice)


def _levels(file: Callable[[str, list[str]], str], place: str, include: str, count: int, last: str) -> str:
    """Files that each include the next one five times."""
    told = _many(count, lambda i: file(place.format(i), [include.format(place.format(i + 1))] * 5))
    return told + file(place.format(count), [last])


REFUSED: dict[str, tuple[str, str, str]] = {
    "PAM's services that include each other": (
        "pam_lockout",
        "/etc/pam.d/sshd:auth include a0\n"
        + _levels(
            lambda path, texts: _lines(f"/etc/pam.d/{path}", *texts), "a{}", "auth include {}", 8, "account required pam_a.so"
        ),
        "come to more than 200,000 lines",
    ),
    "sudo's files that include each other": (
        "sudoers",
        _SUDO
        + "/etc/sudoers:@include /etc/sudoers.d/0\n"
        + _levels(lambda path, texts: _lines(path, *texts), "/etc/sudoers.d/{}", "@include {}", 8, "a ALL = /bin/a"),
        "come to more than 200,000 lines",
    ),
    "sudo's users, each told all commands of a rule": (
        "sudoers",
        _SUDO
        + "/etc/sudoers:"
        + ",".join(f"u{i}" for i in range(2000))
        + " ALL = "
        + ", ".join(f"/bin/{i}" for i in range(2000))
        + "\n",
        "come to more than 200,000 lines",
    ),
    "files of the SSH server that include each other": (
        "sshd",
        _SSHD
        + "== files\n/etc/ssh/sshd_config:Include /etc/ssh/sshd_config.d/0\n"
        + _levels(lambda path, texts: _lines(path, *texts), "/etc/ssh/sshd_config.d/{}", "Include {}", 6, _LONG),
        "come to more than 200,000 lines",
    ),
    "Match blocks, each told all users that are let in": (
        "sshd",
        _SSHD
        + f"allowusers {' '.join(f'u{i}' for i in range(3000))}\n== files\n"
        + "/etc/ssh/sshd_config:Match User a\n/etc/ssh/sshd_config:Banner none\n" * 1000,
        "come to more than 200,000 lines",
    ),
    "files of Apache that include each other": (
        "apache",
        "installed=yes\nminimum=\n"
        + _file("/etc/apache2/apache2.conf", "Include conf.d/0.conf")
        + _levels(lambda path, texts: _file(f"/etc/apache2/{path}", *texts), "conf.d/{}.conf", "Include {}", 6, _LONG),
        "come to more than 500,000 lines",
    ),
    "sections of Apache in each other": (
        "apache",
        "installed=yes\nminimum=\n"
        + _file("/etc/apache2/apache2.conf", *["<Location />"] * 60, "Timeout 5", *["</Location>"] * 60),
        "nested too deeply",
    ),
    "files of nginx that include each other": (
        "nginx",
        "installed=yes\n"
        + _file("/etc/nginx/nginx.conf", "http {", "include snippets/0;", "}")
        + _levels(lambda path, texts: _file(f"/etc/nginx/{path}", *texts), "snippets/{}", "include {};", 6, f"{_LONG};"),
        "come to more than 500,000 lines",
    ),
    "a folder of MySQL's that is included again and again": (
        "mysql",
        "installed=yes\nversion=mysqld  Ver 8.0.36 for Linux\n"
        + _lines("/etc/my.cnf", *["!includedir /etc/my.cnf.d"] * 100)
        + _many(50, lambda i: f"/etc/my.cnf.d/{i}.cnf:# {_LONG}\n"),
        "come to more than 200,000 lines",
    ),
    "a folder of MySQL's that includes itself": (
        "mysql",
        "installed=yes\n"
        + _lines("/etc/my.cnf", "!includedir /etc/my.cnf.d")
        + _lines("/etc/my.cnf.d/a.cnf", "!includedir /etc/my.cnf.d"),
        "nested too deeply",
    ),
    "a name of MySQL's with a prefix before each prefix": (
        "mysql",
        "installed=yes\n" + _lines("/etc/my.cnf", "[mysqld]", f"{'skip_' * 1000}networking"),
        "a name of more than 1024 characters",
    ),
    "a folder of logrotate's that is included again and again": (
        "log_rotation",
        "installed=yes\n"
        + _lines("/etc/logrotate.conf", *["include /etc/logrotate.d"] * 100)
        + _many(50, lambda i: f"/etc/logrotate.d/{i}:{_LONG}\n"),
        "come to more than 200,000 lines",
    ),
    "a folder of rsyslog's that is included again and again": (
        "rsyslog",
        "installed=yes\n"
        + _lines("/etc/rsyslog.conf", *["$IncludeConfig /etc/rsyslog.d/*.conf"] * 100)
        + _lines("/etc/rsyslog.d/a.conf", *[f"${_LONG}"] * 50),
        "come to more than 200,000 lines",
    ),
    "a folder of PostgreSQL's that is included again and again": (
        "postgresql",
        "present=yes\n"
        + "/etc/postgresql/15/main/postgresql.conf:include_dir 'conf.d'\n" * 500
        + _many(500, lambda i: f"/etc/postgresql/15/main/conf.d/{i}.conf:ssl = on\n"),
        "come to more than 200,000 lines",
    ),
    "types, addresses and suites of apt": (
        "apt_sources",
        _APT + f"/a.sources:Types: deb\n/a.sources:URIs: {'a ' * 200}\n/a.sources:Suites: {'b ' * 200}\nreleases\n",
        "come to more than 20,000 sources",
    ),
    "brackets of apt's that do not close": (
        "apt_sources",
        _APT + f"/a.list:deb {'[' * 5000}\nreleases\n",
        "a line of more than 4,096 characters",
    ),
    "patterns, each held against each archive": (
        "unattended_upgrades",
        _UPGRADES
        + _many(500, lambda i: f"suite=s{i}\n")
        + _many(500, lambda i: f'set=Unattended-Upgrade::Origins-Pattern:: "suite=x{i}*";\n'),
        "come to more than 200,000 lines",
    ),
    "a pattern of many brackets": (
        "unattended_upgrades",
        _UPGRADES + f'set=Unattended-Upgrade::Origins-Pattern:: "suite={"[" * 5000}";\n',
        "a pattern of more than 255 characters",
    ),
    "options of NFS, told of each client": (
        "nfs_exports",
        _lines("/etc/exports", f"/srv -{'rw,' * 1500} {'c ' * 1500}") + "done\n",
        "come to more than 200,000 lines",
    ),
    "accounts and groups of one number": (
        "accounts",
        _many(1100, lambda i: f"passwd:{i}:u{i}:x::0:0:/:/bin/sh\n") + "noshadow\n" + _many(1100, lambda i: f"group:g{i}:0:\n"),
        "come to more than 1,000,000 names",
    ),
    "databases of dconf that a profile names again and again": (
        "desktop",
        "display\ninstalled=gnome\ndconf\n/etc/dconf/profile/user:profile\n"
        + "/etc/dconf/profile/user:system-db:a\n" * 500
        + "/etc/dconf/db/a.d/a:keys\n"
        + _many(500, lambda i: f"/etc/dconf/db/a.d/a:k{i}=1\n"),
        "come to more than 200,000 lines",
    ),
    "files that ufw sets again and again": (
        "sysctl_saved",
        "ufw=/etc/ufw/sysctl.conf\n" * 2 + _lines("/etc/ufw/sysctl.conf", "a=1"),
        "more than one file",
    ),
    "audit rules that may be about any call": (
        "audit_rules",
        _AUDIT + _many(400, lambda i: f"loaded=-a always,exit -F arch=b64 -S call{i},1 -F a1={i}\n"),
        "come to more than 200,000 lines",
    ),
    "a long word of a release": ("os_release", f"ID={'a' * 5000}\n", "a line of more than 4,096 characters"),
    "a long word of apt-config": (
        "proxy_settings",
        f"file=apt-config\nline={'Acquire::http::Proxy::' * 1000}\n",
        "a line of more than 10,000 characters",
    ),
    "escaped quotes of a text that does not close": (
        "rsyslog",
        "installed=yes\n" + _lines("/etc/rsyslog.conf", '"' + '\\"' * 1000),
        "escaped quotes",
    ),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_what_comes_to_too_much_is_refused_whole(shape: str) -> None:
    """Regression: it was read to its end, however far that was. A part of it is never told."""
    name, printed, message = REFUSED[shape]
    with pytest.raises(ParseError, match=re.escape(message)):
        _value(name, printed)


def test_objects_of_rsyslog_that_do_not_close_are_sought_twice_at_most() -> None:
    """Regression: each was sought to the end of the statement; those behind one with as many open quotes are as hopeless."""

    class _Counting:
        count = 0

        def match(self, text: str, at: int) -> re.Match[str] | None:
            self.count += 1
            return kept.match(text, at)

    kept, counting = rsyslog._INSIDE, _Counting()
    rsyslog._INSIDE = counting  # type: ignore[assignment]
    try:
        found = [kind for _before, kind, _inside in rsyslog._objects('input(type="imudp") ' + 'action( action(" ' * 500) if kind]
    finally:
        rsyslog._INSIDE = kept
    assert found == ["input"]
    assert counting.count <= 3


def test_words_of_the_ssh_server_are_those_of_a_shell_without_escapes() -> None:
    """Quotes may stand within a word, and a comment begins anywhere outside them."""
    assert _words("Match  User \"a b\",c'#'d # e", "x") == ["Match", "User", "a b,c#d"]
    assert _words('Banner=""', "x") == ["Banner", ""]
    assert _words("AllowUsers a#b c", "x") == ["AllowUsers", "a"]
    with pytest.raises(ParseError, match="does not close"):
        _words("Banner 'a", "x")


def test_patterns_of_includes_are_held_against_their_folder_alone() -> None:
    """A plain name costs nothing, a pattern as many lines as it is tried; the same pattern is tried once."""
    paths = [*(f"/a/{i}.conf" for i in range(50)), *(f"/b/{i}.conf" for i in range(50))]
    budget = Budget("x", 120)
    folders = Folders("x", paths, budget)
    assert folders.matching("/a/7.conf") == ["/a/7.conf"]
    assert folders.matching("/a/*7.conf") == ["/a/17.conf", "/a/27.conf", "/a/37.conf", "/a/47.conf", "/a/7.conf"]
    assert [len(folders.matching(pattern)) for pattern in ("/a/*7.conf", "/b/*", "/c/*")] == [5, 50, 0]
    with pytest.raises(ParseError, match="x come to more than 120 lines"):
        folders.matching("/a/*8.conf")
    with pytest.raises(ParseError, match="a pattern of more than 255 characters"):
        folders.matching(f"/a/{'[' * 256}")
