"""Facts on the SSH server, accounts, passwords, lockout and sudo: what is particular to each."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from auditor.facts._sshd_probe import STARTED
from tests.facts.hosts import SHELLS, fact


def value(name: str, *lines: str) -> Any:
    return fact(name).value("\n".join((*lines, "end")), {})


@pytest.mark.parametrize("shell", SHELLS)
def test_command_lines_of_servers_are_told(shell: str, tmp_path: Path) -> None:
    """Listeners are told without their count of connections; sessions, containers and other programs are left out.

    Regression, false pass: a unit with ``machine`` in its name was a container's. And a person's own, that forbids to be looked
    into, was root's by its folder.
    """
    processes = {
        "10": (
            "sshd",
            b"sshd: /usr/sbin/sshd -D -oCiphers=a [listener] 3 of 10-100 startups\0",
            "0::/system.slice/ssh.service",
            "0",
        ),
        "11": ("sshd", b"/usr/sbin/sshd\0-D\0-o\0MACs=b\0", "0::/", "0"),
        "12": ("sshd", b"sshd: clerk [priv]\0", "0::/user.slice", "0"),
        "13": ("sshd", b"/usr/sbin/sshd\0-oCiphers=c\0", "0::/system.slice/docker-0123.scope", "0\t\nNSpid:\t13\t1"),
        "14": ("bash", b"/usr/sbin/sshd\0-oCiphers=d\0", "0::/", "0"),
        "15": ("sshd", b"/home/clerk/sshd\0-oCiphers=e\0", "0::/", "1000"),
        "16": ("sshd", b"/usr/sbin/sshd\0-oCiphers=f\0", "0::/system.slice/docker-0123.scope", "0"),
        "17": ("sshd", b"/usr/sbin/sshd\0-oCiphers=g\0", "0::/system.slice/ssh-machines.service", "0\t\nNSpid:\t17"),
    }
    for number, (name, line, group, uid) in processes.items():
        folder = tmp_path / number
        folder.mkdir()
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cmdline").write_bytes(line)
        (folder / "cgroup").write_text(f"{group}\n")
        (folder / "status").write_text(f"Uid:\t{uid}\t\n")
    script = STARTED.replace("/proc/", f"{tmp_path}/")
    done = subprocess.run([*SHELLS[shell], "-c", script], env={"LC_ALL": "C", "PATH": os.defpath}, capture_output=True)
    assert done.stdout.decode().splitlines() == [
        "/usr/sbin/sshd\t-D\t-o\tMACs=b\t",
        "/usr/sbin/sshd\t-oCiphers=g\t",
        "sshd: /usr/sbin/sshd -D -oCiphers=a",
    ]


def run(name: str, shell: str, before: str = "") -> subprocess.CompletedProcess[bytes]:
    script = f'as_root() {{ "$@"; }}\n{before}\n{fact(name).probes["linux"].script}'
    environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run([*SHELLS[shell], "-c", script], env=environment, stdin=subprocess.DEVNULL, capture_output=True)


@pytest.mark.parametrize("name", ["accounts", "sshd", "sudoers"])
def test_a_refused_command_is_no_answer(name: str) -> None:
    """When as_root fails, the fragment fails: a refusal never reads as an empty file."""
    done = run(name, "dash", "as_root() { return 1; }" if name == "accounts" else "as_root() { return 2; }")
    if done.stdout.decode().startswith("installed=no"):
        pytest.skip("the program is not installed here, so nothing was asked as root")
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("$6$salt$" + "h" * 86, "set:$6$"),
        ("$y$j9T$salt$" + "h" * 43, "set:$y$"),
        ("$2b$12$" + "h" * 53, "set:$2b$"),
        ("$md5,rounds=904$salt$$" + "h" * 22, "set:$md5$"),
        ("aaHyKr8ZDVdtU", "set:des"),
        ("!$6$salt$" + "h" * 86, "locked:"),
        ("!", "locked:"),
        ("!!", "locked:"),
        ("*", "none:"),
        ("*LK*", "none:"),
        ("", "empty:"),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_hash_stays_on_the_target(field: str, told: str, shell: str, tmp_path: Path) -> None:
    """Of a password only its state and its method are printed; no part of the salt or the hash leaves the host."""
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "shadow").write_text(f"clerk:{field}:20000:0:90:7:::\n")
    done = run("accounts", shell, f'as_root() {{ cat "{tmp_path}/shadow"; }}')
    assert done.returncode == 0
    rows = [line for line in done.stdout.decode().splitlines() if line.startswith("shadow:")]
    assert [f"shadow:clerk:{told}:20000:0:90:7::"] == rows
    assert "salt" not in done.stdout.decode()


def test_unreadable_line_of_passwd_is_named() -> None:
    """A line with a wrong number of fields, a number that is none, and a directory's entry each name the line."""
    with pytest.raises(ParseError, match="line 7 of /etc/passwd"):
        value("accounts", "passwd:1:root:x::0:0:/root:/bin/bash", "bad:passwd:7", "shadow:root:none::1:0:9:7::")
    with pytest.raises(ParseError, match="line 2 of /etc/passwd"):
        value("accounts", "passwd:2:clerk:x::1O:0:/:/bin/sh", "noshadow")
    with pytest.raises(ParseError, match="directory service"):
        value("accounts", "passwd:3:+:x::0:0::", "noshadow")


def test_password_of_an_account_without_a_shadow_line() -> None:
    """``x`` without a line in shadow can never match; an empty field in passwd opens the account whatever shadow says."""
    found = value(
        "accounts",
        "passwd:1:clerk:x::1000:1000:/home/clerk:/bin/bash",
        "passwd:2:open:empty::1001:1001:/home/open:",
        "group:users:1000:open , clerk",
        "shadow:root:locked:::::::",
    )
    assert [(a["password"], a["can_log_in"], a["groups"]) for a in found] == [
        ("none", True, ["users"]),
        ("empty", True, ["users"]),
    ]
    assert "max_days" not in found[0]


SSHD = ("installed=yes", "port 22", "PermitRootLogin no", "maxauthtries 4", "x11forwarding no", "authenticationmethods any")


def test_match_blocks_end_as_sshd_ends_them() -> None:
    """A Match in an included file ends with that file, and the first value in a block holds."""
    main, extra = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/a.conf"
    found = value(
        "sshd",
        *SSHD,
        "== files",
        f"{main}:Include /etc/ssh/sshd_config.d/*.conf",
        f"{main}:X11Forwarding no",
        f"{main}:match  all",
        f"{main}:  MaxAuthTries=9",
        f"{main}:  MaxAuthTries 2",
        f'{extra}:Match User "bob" # a guest',
        f"{extra}:PERMITROOTLOGIN Yes",
        "/etc/ssh/sshd_config.d/a.conf.bak:Match User eve",
        "/etc/ssh/sshd_config.d/a.conf.bak:X11Forwarding yes",
    )
    blocks = [(b["match"], b["permitrootlogin"], b["maxauthtries"], b["x11forwarding"]) for b in found["match_blocks"]]
    assert blocks == [("User bob", "yes", 4, "no"), ("all", "no", 9, "no")]


def test_who_may_log_in_is_read_inside_match_blocks() -> None:
    """False pass: a block that lets everybody in was not seen. Every line of such a list counts; it replaces that outside."""
    main = "/etc/ssh/sshd_config"
    lines = ("Match User amal", "AllowUsers x", "AllowUsers y", "Match Address 10.0.0.0/8", "AllowUsers *", "Match User z")
    found = value(
        "sshd", *SSHD, "allowusers a", "allowgroups g", "== files", *(f"{main}:{line}" for line in (*lines, "Banner no"))
    )
    blocks = [(b["match"], b["allowusers"], b["allowgroups"]) for b in found["match_blocks"]]
    assert blocks == [("User amal", ["x", "y"], ["g"]), ("Address 10.0.0.0/8", ["*"], ["g"]), ("User z", ["a"], ["g"])]


def test_environment_and_tunnels_are_read_inside_match_blocks() -> None:
    """Regression: variables that sshd takes, and tunnels, were not told. A block's list replaces that outside (sshd -T -C)."""
    main = "/etc/ssh/sshd_config"
    lines = ("Match User amal", "AcceptEnv FOO", "AcceptEnv BAR", "PermitTunnel Ethernet", "Match User z", "Banner no")
    stated = ("acceptenv LANG", "acceptenv LC_*", "permittunnel no")
    found = value("sshd", *SSHD, *stated, "== files", *(f"{main}:{line}" for line in lines))
    assert (found["acceptenv"], found["permittunnel"]) == (["LANG", "LC_*"], "no")
    blocks = [(b["acceptenv"], b["permittunnel"]) for b in found["match_blocks"]]
    assert blocks == [(["FOO", "BAR"], "ethernet"), (["LANG", "LC_*"], "no")]


ROOT = "User root (sshd -T -C user=root,host=192.0.2.1,addr=192.0.2.1)"


@pytest.fixture
def asking(tmp_path: Path) -> Callable[..., str]:
    """Stubs under which this machine's sshd reads the test's settings; a file ``asked`` holds the questions. Servers that other
    tests have started are nobody's that counts.
    """
    if shutil.which("sshd", path="/usr/sbin") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH's server is not installed")
    key, config = tmp_path / "key", tmp_path / "config"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)

    def stub(settings: str, more: str = "") -> str:
        config.write_text(settings)
        return f"""
grep() {{ case $* in *'^Uid:'*) return 1 ;; *) command grep "$@" ;; esac; }}
as_root() {{
  program=$1
  shift
  case $program in
    /bin/grep) sed 's|^|/etc/ssh/sshd_config:|' "{config}" ;;
    *) printf '%s\\n' "$*" >>"{tmp_path}/asked"; {more} "$program" -f "{config}" -h "{key}" "$@" ;;
  esac
}}
"""

    return stub


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "match", ["User root", "Group root", "Address *,!10.0.0.0/8", "User *,!nobody", "all", "Host *2.1 User r*"]
)
def test_sshd_itself_says_what_holds_for_root(match: str, shell: str, asking: Callable[..., str]) -> None:
    """False pass, should our reading of Match ever miss what sshd reads: whatever lets root in, sshd's own answer says so."""
    done = run("sshd", shell, asking(f"PermitRootLogin no\nMatch {match}\n  PermitRootLogin yes\n"))
    found = {b["match"]: b["permitrootlogin"] for b in fact("sshd").value(done.stdout.decode(), {})["match_blocks"]}
    assert found[ROOT] == found[match] == "yes"


def test_condition_that_sshd_does_not_know_is_no_answer(asking: Callable[..., str]) -> None:
    """`Match exec` is ssh's alone: sshd refuses the whole file, and nothing is known of it."""
    assert run("sshd", "dash", asking('Match exec "true"\n  PermitRootLogin yes\n')).returncode != 0


@pytest.mark.parametrize(
    ("settings", "login", "asked"),
    [
        ("#Match User root\nBanner none\n", "amal", []),
        ("Match User x\n", "root", ["user=root"]),
        ("Match User x\n", "amal", ["user=root", "user=amal"]),
        ("Match User x\n", "DOMAIN\\amal", ["user=root", "user=DOMAIN\\amal"]),
        ("Match User x\n", "amal,user=x", ["user=root"]),
        ("Match User x\n", "am al", ["user=root"]),
        ('  "mAtch" User x\n', "$(x)`y`", ["user=root", "user=$(x)`y`"]),
    ],
)
def test_sshd_is_asked_only_where_a_block_may_change_its_answer(
    settings: str, login: str, asked: list[str], asking: Callable[..., str], tmp_path: Path
) -> None:
    """Hosts without Match blocks pay nothing; a name that would change the question is not put into it."""
    done = run("sshd", "dash", asking(settings) + f"id() {{ printf '%s\\n' {shlex.quote(login)}; }}")
    questions = [line.partition(",")[0] for line in (tmp_path / "asked").read_text().splitlines()]
    assert questions == ["-T", *(f"-T -C {user}" for user in asked)]
    found = fact("sshd").value(done.stdout.decode(), {})
    assert ("unanswered" in found) == (login in ("amal,user=x", "am al"))


def test_connection_that_sshd_did_not_answer_is_named(asking: Callable[..., str]) -> None:
    """False pass: a refused or failed question read as nothing to say. It is told, and no block stands for it."""
    stub = asking("Match User x\n  Banner none\n", '[ "$*" = -T ] || return 1;')
    found = fact("sshd").value(run("sshd", "dash", stub).stdout.decode(), {})
    assert [b["match"] for b in found["match_blocks"]] == ["User x"]
    assert found["unanswered"][0] == "sshd -T -C user=root,host=192.0.2.1,addr=192.0.2.1"


def test_blocks_without_an_answer_are_not_the_whole_truth() -> None:
    """False pass: an output in which sshd was not asked at all, as those stored before it was. Half an answer is an error."""
    block = ("== files", "/etc/ssh/sshd_config:Match User x", "/etc/ssh/sshd_config:Banner none")
    assert value("sshd", *SSHD, *block)["unanswered"] == ["sshd -T -C user=root,host=192.0.2.1,addr=192.0.2.1"]
    with pytest.raises(ParseError):
        value("sshd", *SSHD, *block, "== asked user=root,host=192.0.2.1,addr=192.0.2.1", "port 22")


def test_answer_counts_what_the_server_was_started_with() -> None:
    """False pass: `sshd -T -C` does not know the server's command line, which holds where no block says otherwise."""
    asked = ("== asked user=root,host=192.0.2.1,addr=192.0.2.1", "port 22", "permitrootlogin no", "maxauthtries 2")
    command = ("== started", "/usr/sbin/sshd\t-oPermitRootLogin=yes\t-oMaxAuthTries=9")
    (block,) = value("sshd", *SSHD, "== files", *asked, *command)["match_blocks"]
    assert (block["match"], block["permitrootlogin"], block["maxauthtries"]) == (ROOT, "yes", 2)


@pytest.mark.parametrize(
    "line",
    [
        "/etc/ssh/sshd_config:Include /opt/vendor/sshd.conf",
        "/etc/ssh/sshd_config:Include other.conf",
        '/etc/ssh/sshd_config:Banner "half',
        "Binary file /etc/ssh/sshd_config matches",
    ],
)
def test_configuration_that_was_not_read_is_refused(line: str) -> None:
    """An Include elsewhere may loosen anything in a Match block, so that the settings are not known."""
    with pytest.raises(ParseError):
        value("sshd", *SSHD, "== files", line)


@pytest.mark.parametrize("lines", [SSHD[:2], (*SSHD, "permitrootlogin yes"), (*SSHD, "logingracetime soon"), (*SSHD, "banner")])
def test_settings_that_are_not_whole_are_refused(lines: tuple[str, ...]) -> None:
    """A missing, doubled, or unreadable setting is an error, never a default."""
    with pytest.raises(ParseError):
        value("sshd", *lines, "== files")


def started(*servers: str) -> Any:
    head = ("installed=yes", "port 22", "permitrootlogin no", "ciphers aes256-ctr", "logingracetime 60")
    return value("sshd", *head, "== files", "/etc/ssh/sshd_config:", "== started", *servers)


def test_settings_on_the_command_line_override_the_files() -> None:
    """RHEL 8 hands its crypto policy to the server so, and `sshd -T` does not know of it."""
    told = started("sshd: /usr/sbin/sshd -D -oCiphers=aes256-ctr,aes128-cbc\t-o LoginGraceTime=2m -oUseless=1 -E /var/log/o-f")
    assert (told["ciphers"], told["logingracetime"], told["permitrootlogin"]) == (["aes256-ctr", "aes128-cbc"], 120, "no")
    assert started("/usr/sbin/sshd\t-De\t-oPermitRootLogin\tyes")["permitrootlogin"] == "yes"
    assert started("/usr/sbin/sshd\t-D\t-f\t/etc/ssh/sshd_config") == started()


@pytest.mark.parametrize(
    "servers",
    [
        ("/usr/sbin/sshd\t-Df\t/etc/ssh/other",),
        ("/usr/sbin/sshd\t-oCiphers=+3des-cbc",),
        ("/usr/sbin/sshd\t-D", "/usr/sbin/sshd\t-oPermitRootLogin=yes"),
    ],
)
def test_servers_that_cannot_be_asked_are_refused(servers: tuple[str, ...]) -> None:
    """Another configuration file, a list that is only changed, or servers that differ: nobody can say what is in force."""
    with pytest.raises(ParseError):
        started(*servers)


def rules(*lines: str) -> list[tuple[str, bool, list[str]]]:
    found = value("sudoers", "Sudo version 1.9.5p2", *(f"/etc/sudoers:{line}" for line in lines))
    return [(rule["text"], rule["nopasswd"], rule["commands"]) for rule in found["rules"]]


def test_a_blank_behind_a_name_belongs_to_it() -> None:
    """Regression, false pass: `root ` with the number 0 is another account, and account-uid-zero took it for root."""
    told = value(
        "accounts", "passwd:1:root:x::0:0:/root:/bin/sh", "passwd:2: root :empty::0:0:/:/bin/sh", "shadow:root:set:$y$:::::: "
    )
    assert [(account["name"], account["password"]) for account in told] == [("root", "set"), ("root ", "empty")]


def test_sudo_rules_are_told_one_by_one() -> None:
    """Users, tags that carry on, aliases, several hosts, digests, options and escapes are read as sudo reads them."""
    assert rules(
        "Cmnd_Alias LOGS = /bin/journalctl, \\",
        "   /bin/dmesg : OTHER = /bin/true",
        "alice  ALL = ALL   # the first",
        "%ops web1, web2 = (root : adm) NOPASSWD: /bin/a, /bin/b \\: -x, PASSWD: LOGS : db = /bin/c",
        "#1000 ALL=NOPASSWD: sha256:abcd /bin/d",
        "bob ALL=TIMEOUT=5 SETENV: NOPASSWD: NOEXEC: /bin/e",
    ) == [
        ("alice ALL=ALL", False, ["ALL"]),
        ("%ops web1,web2=(root : adm) /bin/a, /bin/b \\: -x", True, ["/bin/a", "/bin/b \\: -x"]),
        ("%ops web1,web2=(root : adm) LOGS", False, ["/bin/journalctl", "/bin/dmesg"]),
        ("%ops db=/bin/c", False, ["/bin/c"]),
        ("#1000 ALL=sha256:abcd /bin/d", True, ["/bin/d"]),
        ("bob ALL=/bin/e", True, ["/bin/e"]),
    ]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("sha512 : abcd== /bin/vim -R", "/bin/vim -R"),
        ("!!/bin/vim", "/bin/vim"),
        ("! /bin/vim", "!/bin/vim"),
        ("! ! !sha224:abcd /bin/vim", "!/bin/vim"),
    ],
)
def test_a_command_is_told_by_its_path(written: str, told: str) -> None:
    """Regression, false pass: behind a digest or two exclamation marks an editor was none of sudo-no-shell-escapes' programs."""
    assert [[told]] == [commands for _, _, commands in rules(f"ops ALL={written}")]


@pytest.mark.parametrize(
    ("defaults", "asked"),
    [
        ("Defaults !authenticate", [False, False]),
        ("Defaults !authenticate, authenticate", [True, True]),
        ("Defaults:alice !authenticate", [False, True]),
        ("Defaults exempt_group=sudo", [False, False]),
        ("Defaults:%ops !authenticate", [False, False]),  # who is in a group or an alias is not known here
        ("Defaults:OPERATORS !authenticate", [False, False]),
        ("Defaults>root !authenticate, authenticate", [False, False]),
        ("Defaults!/bin/sh !authenticate\nDefaults authenticate", [False, False]),  # applied last, wherever it stands
        ("Defaults !lecture", [True, True]),
    ],
)
def test_defaults_that_switch_passwords_off(defaults: str, asked: list[bool]) -> None:
    """A rule without a tag needs no password where Defaults says so; a tag overrides it."""
    told = rules(*defaults.split("\n"), "alice ALL=ALL", "bob ALL=ALL", "eve ALL=PASSWD: ALL")
    assert [*asked, True] == [not nopasswd for _, nopasswd, _ in told]


@pytest.mark.parametrize(
    ("version", "lines", "told"),
    [
        ("1.9.5p2", [], False),
        ("1.9.14", [], True),
        ("1.9.15p5", ["Defaults !use_pty"], False),
        ("1.9.5", ["Defaults env_reset , use_pty"], True),
        ("1.9.5", ["Defaults use_pty", "Defaults:vendor !use_pty"], False),
    ],
)
def test_use_pty_follows_version_order_and_exceptions(version: str, lines: list[str], told: bool) -> None:
    """sudo 1.9.14 made it the default; the last line holds; an exception for one user makes it false."""
    assert told == value("sudoers", f"Sudo version {version}", "/etc/sudoers:", *(f"/etc/sudoers:{s}" for s in lines))["use_pty"]


def test_a_tag_that_forbids_programs_holds_until_the_next() -> None:
    """Regression, false failure: NOEXEC and `Defaults noexec` were not read. A section begins anew; one exception undoes all."""

    def held(*lines: str) -> list[list[str]]:
        output = "\n".join(("Sudo version 1.9.5", *(f"/etc/sudoers:{line}" for line in lines), "end"))
        told: Any = fact("sudoers").value(output, {})
        return [rule.get("noexec", []) for rule in told["rules"]]

    line = "bob ALL=(root) NOEXEC: /bin/a, /bin/b, EXEC: /bin/c, (adm) /bin/d, NOEXEC: /bin/e : db = /bin/f"
    assert held(line) == [["/bin/a", "/bin/b"], ["/bin/e"], []]
    assert held("Defaults noexec", line) == [["/bin/a", "/bin/b"], ["/bin/e"], ["/bin/f"]]
    assert held("Defaults noexec", "Defaults:amal !noexec", "bob ALL=/bin/a") == [[]]
    assert held("Defaults!/bin/x noexec", "bob ALL=/bin/a") == [[]]
    assert held("Cmnd_Alias PAGERS = /bin/a, /bin/b", "bob ALL=NOEXEC: PAGERS, EXEC: /bin/b") == [["/bin/a"]]


def setenv(*lines: str) -> list[str]:
    """The rules, by what stands behind =, of which a command takes any variable of its user."""
    output = "\n".join(("Sudo version 1.9.5", *(f"/etc/sudoers:{line}" for line in lines), "end"))
    told: Any = fact("sudoers").value(output, {})
    return [rule["who"] + "=" + rule["text"].split("=", 1)[1] for rule in told["rules"] if rule.get("setenv")]


def test_a_tag_that_takes_any_variable_holds_until_the_next() -> None:
    """Regression, false pass: SETENV was parsed and dropped, and with it LD_PRELOAD makes a rule for one command one for all.

    A section begins anew, a runas or another tag does not; ALL implies it for itself and hands it to no other.
    """
    assert setenv("bob ALL=SETENV: /bin/a, (adm) /bin/b, NOPASSWD: /bin/c, NOSETENV: /bin/d, (bin) /bin/e : db = /bin/f") == [
        "bob=/bin/a",
        "bob=(adm) /bin/b",
        "bob=(adm) /bin/c, /bin/d",
    ]
    assert setenv("bob ALL=ALL, /bin/a", "eve ALL=SETENV: ALL", "amal ALL=SETENV: !/bin/a") == []
    assert setenv("bob ALL=SETENV: ALL, /bin/a") == ["bob=ALL, /bin/a"]
    assert setenv("Cmnd_Alias TOOLS = /bin/a, ALL", "bob ALL=SETENV: TOOLS") == ["bob=TOOLS"]
    assert setenv("bob ALL=NOSETENV: /bin/a, SETENV: /bin/a") == ["bob=/bin/a, /bin/a"]


@pytest.mark.parametrize(
    ("defaults", "told"),
    [
        (["setenv"], ["bob", "eve"]),
        ([" setenv", " ! setenv"], []),
        ([":bob setenv"], ["bob"]),
        ([":bob, amal setenv"], ["bob"]),
        ([":%ops setenv"], ["bob", "eve"]),  # who is in a group or an alias is not known here
        (["@web setenv"], ["bob", "eve"]),
        (["!/bin/b setenv"], ["eve"]),
        (["!/bin/b, /bin/c setenv"], ["eve"]),
        (["!/bin/b setenv", " !setenv"], ["eve"]),  # applied last, wherever it stands
        (["!/bin/ setenv"], ["bob", "eve"]),
        ([">root setenv", " !setenv"], ["bob", "eve"]),
        ([":bob setenv", " !setenv"], []),
        (["!/bin/d setenv"], []),
        (["!SHOW setenv"], ["eve"]),  # Regression, false failure: an alias of commands was taken for all commands
        (["!OTHER setenv"], ["bob", "eve"]),
    ],
)
def test_defaults_that_take_any_variable(defaults: list[str], told: list[str]) -> None:
    """Of a rule without a tag Defaults decides, for one user or command; a tag overrides it; in doubt it holds."""
    lines = [f"Defaults{line if line[0] in ' :@!>' else ' ' + line}" for line in defaults]
    found = setenv(
        "Cmnd_Alias SHOW = /bin/b, /bin/c",
        *lines,
        "bob ALL=/bin/a -x",
        "eve ALL=/bin/b -x",
        "amal ALL=NOSETENV: /bin/b",
        "omar ALL=ALL",
    )
    assert [rule.split("=")[0] for rule in found] == told


def test_a_scope_of_several_names() -> None:
    """Regression, false pass: behind a comma and a blank the second name was taken for the setting."""
    told = rules("Defaults:alice, bob !authenticate", "alice ALL=/bin/a", "bob ALL=/bin/a", "eve ALL=/bin/a")
    assert [nopasswd for _, nopasswd, _ in told] == [True, True, False]


def test_a_comment_of_sudoers_does_not_go_on() -> None:
    """Regression, false pass: the line after a comment that ends in a backslash, which sudo honours, was taken for comment."""
    told = rules(
        "# old \\", "bob ALL=(ALL) NOPASSWD: ALL", "amal ALL=(root) /bin/a, \\", "  /bin/b # both \\", "omar ALL=(root) /bin/c"
    )
    assert [(text.split()[0], commands) for text, _nopasswd, commands in told] == [
        ("bob", ["ALL"]),
        ("amal", ["/bin/a", "/bin/b"]),
        ("omar", ["/bin/c"]),
    ]


@pytest.mark.parametrize(
    "line",
    ["@include /opt/rules", "@includedir /opt/rules.d", "alice ALL", "alice ALL=", "alice ALL=bin", "Cmnd_Alias x = /bin/a"],
)
def test_sudo_line_that_cannot_be_followed_is_refused(line: str) -> None:
    """A rule that cannot be read, or a file that was not, may grant anything: that is an error, never no rule."""
    with pytest.raises(ParseError):
        rules("root ALL=ALL", line)


def pam(service: str, *lines: str) -> list[str]:
    return [f"/etc/pam.d/{service}:", *(f"/etc/pam.d/{service}:{line}" for line in lines)]


def test_a_comment_of_pam_does_not_go_on() -> None:
    """Regression, false pass: a line that lets everybody pass stood after a comment with a backslash, and was not seen."""
    lines = pam("su", "auth required pam_wheel.so # \\", "auth sufficient pam_permit.so")
    (wheel, permit) = value("pam_stacks", *lines)["services"]["su"]["auth"]
    assert (wheel["module"], permit["module"]) == ("pam_wheel", "pam_permit")


@pytest.mark.parametrize(
    ("line", "days"),
    [("PASS_MAX_DAYS 90", 90), ('PASS_MAX_DAYS\t"90"', 90), ("PASS_MAX_DAYS 010", 8), ("#PASS_MAX_DAYS 90", None)],
)
def test_numbers_of_login_defs_are_read_as_the_tools_do(line: str, days: int | None) -> None:
    assert value("login_defs", "nopam", f"/etc/login.defs:{line}").get("pass_max_days") == days


def test_login_defs_knows_no_comment_behind_a_value() -> None:
    """Regression, false pass: useradd cannot parse `90 # days` and sets no limit; 90 was told."""
    with pytest.raises(ParseError, match="PASS_MAX_DAYS"):
        value("login_defs", "nopam", "/etc/login.defs:PASS_MAX_DAYS 90 # days")


def test_pam_that_cannot_be_followed_is_refused() -> None:
    """An include that is not there, a loop, and a file this login may not read are errors; other services do not matter."""
    for lines in (["@include gone"], ["auth include sshd"], ["auth required"], ["[auth required pam_unix.so"]):
        with pytest.raises(ParseError):
            value("pam_lockout", *pam("sshd", *lines))
    with pytest.raises(ParseError, match="may not be read"):
        value("pam_lockout", "unreadable /etc/pam.d/sshd")
    assert value("pam_lockout", "unreadable /etc/pam.d/secret", *pam("other"))["services"] == []


def test_lockout_takes_the_most_lenient_figures() -> None:
    """Arguments override faillock.conf; of several lines the most lenient counts; 0 attempts is never, not soon."""
    conf = [
        "/etc/security/faillock.conf:",
        "/etc/security/faillock.conf:deny = 4",
        "/etc/security/faillock.conf:unlock_time=never",
    ]
    stack = ["auth required pam_faillock.so preauth {}", "auth sufficient pam_unix.so", "auth required pam_faillock.so authfail"]
    for argument, told in (("", (4, 0)), ("deny=0", (0, 0)), ("deny=9 unlock_time=60", (9, 60))):
        lines = [line.format(argument) for line in stack]
        service = value("pam_lockout", *pam("sshd", *lines), *conf)["services"][0]
        assert told == (service["deny"], service["unlock_time"])
    assert not value("pam_lockout", *pam("sshd", *(line.format("") for line in stack[:2])))["services"][0]["in_use"]


@pytest.mark.parametrize(
    ("preauth", "authfail", "told"),
    [("", "", 900), ("fail_interval=60", "", 60), ("", "fail_interval=1", 1), ("", "fail_interval=never", 0)],
)
def test_either_line_may_forget_failures(preauth: str, authfail: str, told: int) -> None:
    """Regression, false pass: the line that counts a failure strikes out older ones by its own interval, which was not read."""
    stack = [f"auth required pam_faillock.so preauth {preauth}", "auth sufficient pam_unix.so"]
    lines = pam("sshd", *stack, f"auth required pam_faillock.so authfail {authfail}")
    assert value("pam_lockout", *lines)["services"][0]["fail_interval"] == told


def test_minimum_length_counts_files_arguments_and_enforcing() -> None:
    """The main file outranks its folder, arguments outrank both, and a rule that only warns lets everything through."""
    conf = "/etc/security/pwquality.conf"
    files = [f"{conf}:", f"{conf}:minlen = 10", f"{conf}.d/a.conf:minlen = 16"]
    stack = "password requisite pam_pwquality.so {}"
    for argument, told in (("", 10), ("minlen=20", 20), ("enforcing=0", 0), ("dcredit=2", 8)):
        assert told == value("pwquality", *pam("passwd", stack.format(argument)), *files)["min_length"]
    optional = pam("passwd", "password optional pam_pwquality.so", "password required pam_unix.so")
    assert value("pwquality", *optional, *files)["min_length"] == 0
    assert value("pwquality", "nopam")["min_length"] == 0


def test_six_characters_are_demanded_by_the_pam_of_debian_alone() -> None:
    """Regression: RHEL's pam_unix, which takes a password of any length, was told to refuse fewer than six, as Debian's does."""
    stack = ["password sufficient pam_unix.so sha512 shadow", "password required pam_deny.so"]
    assert value("pwquality", *pam("passwd", *stack))["min_length"] == 0
    assert value("pwquality", *pam("passwd", f"{stack[0]} minlen=9"))["min_length"] == 9
    debian = [*pam("passwd", "@include common-password"), *pam("common-password", *stack)]
    assert value("pwquality", *debian)["min_length"] == 6


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ("027", True),
        ("0077", True),
        ("22", False),
        ("007", False),
        ("u=rwx,g=rx,o=", True),
        ("u=rwx,go=rx", False),
        ('"$old"', False),
    ],
)
def test_masks(mask: str, told: bool) -> None:
    """Octal and symbolic masks are compared bit by bit; what only a shell can tell does not count as strict."""
    found = value("login_defs", "nopam", f"/etc/profile:  [ -n x ] && umask {mask}", "/etc/profile:umask -S")["umasks"]
    assert [{"source": "/etc/profile", "mask": mask, "at_least_027": told}] == found


@pytest.mark.parametrize(
    ("line", "masks"),
    [
        ("[ $# -gt 0 ] && umask 000", ["000"]),
        ("[ ${#x} = 1 ] || umask 000", ["000"]),
        ("echo ' # '; umask 000 # umask 027", ["000"]),
        ('echo "\\" #"; umask 000', ["000"]),
        ("{ umask 000; }", ["000"]),
        ("f() { umask 000; }; f", ["000"]),
        ("case $x in a) umask 000 ;; *) umask 027 ;; esac", ["000", "027"]),
        ("if true; then umask 000; else umask 027; fi", ["000", "027"]),
        ("for x in 1; do umask 000; done", ["000"]),
        ("# umask 000", []),
        ("true # && umask 000", []),
        ("true;# umask 000", []),
        ("echo umask 000", []),
    ],
)
def test_a_mask_is_set_wherever_a_command_may_stand(line: str, masks: list[str]) -> None:
    """Regression, false pass: `[ $# -gt 0 ] && umask 000` was cut at its `$#`, and `{ umask 000; }` was not seen."""
    assert [u["mask"] for u in value("login_defs", "nopam", f"/etc/profile:{line}")["umasks"]] == masks


@pytest.mark.parametrize(
    ("release", "arguments", "expected"),
    [
        ('ID=debian,VERSION_ID="12"', "", "027"),
        ('ID=debian,VERSION_ID="12"', "usergroups", "007"),
        ('ID=debian,VERSION_ID="13"', "", "007"),
        ('ID=debian,VERSION_ID="13"', "umask=077", "007"),
        ('ID=debian,VERSION_ID="13"', "usergroups nousergroups", "027"),
        ("ID='debian' ,VERSION_ID=13 ", "", "007"),
        ("ID=debian,VERSION_CODENAME=sid", "silent", "007"),
        ('ID="rhel",VERSION_ID="9.4"', "silent", "027"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="22.04"', "", "007"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="24.04"', "", "007"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="24.04"', "nousergroups", "027"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="24.04"', "umask=027", "027"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="24.04"', "umask=027 usergroups", "007"),
        ('ID=ubuntu,ID_LIKE=debian,VERSION_ID="20.04"', "nousergroups", "007"),
        ('ID=linuxmint,ID_LIKE="ubuntu debian",VERSION_ID="22"', "", "007"),
    ],
)
def test_groups_of_one_s_own_get_the_owner_s_rights(release: str, arguments: str, expected: str) -> None:
    """Regression: pam_umask made 007 of 027 by its argument, on Debian 13 and Ubuntu without one, and the check passed on 027.

    Debian's modules were tried; Ubuntu's and RHEL's are as their manuals say. login.defs says USERGROUPS_ENAB on all of them.
    """
    pam = f"/etc/pam.d/sshd:session optional pam_umask.so {arguments}"
    lines = (f"/etc/os-release:{line}" for line in release.split(","))
    found = value("login_defs", pam, "/etc/login.defs:UMASK 027", "/etc/login.defs:USERGROUPS_ENAB yes", *lines)["umasks"]
    assert [(u["mask"], u["at_least_027"]) for u in found] == [(expected, expected == "027")]


def test_ubuntu_s_groups_of_one_s_own_that_login_defs_does_not_want() -> None:
    """Without USERGROUPS_ENAB Ubuntu's pam_umask leaves the mask as it is."""
    lines = ("/etc/os-release:ID=ubuntu", "/etc/pam.d/sshd:session optional pam_umask.so", "/etc/login.defs:UMASK 027")
    assert [u["mask"] for u in value("login_defs", *lines, "/etc/login.defs:USERGROUPS_ENAB no")["umasks"]] == ["027"]


def told(name: str, *lines: str) -> Any:
    return value(name, *lines)


def test_keys_are_told_by_fingerprint_alone() -> None:
    """A comment may hold spaces or be missing; a file of comments holds no key; any other line is an error."""
    head = "== /home/amal/.ssh/authorized_keys"
    keys = told("authorized_keys", head, "3072 SHA256:ab+/c a b (RSA)", "256 SHA256:de no comment (ED25519)")
    assert [(k["account"], k["type"], k["bits"], k["comment"]) for k in keys] == [
        ("amal", "RSA", 3072, "a b"),
        ("amal", "ED25519", 256, ""),
    ]
    assert told("authorized_keys", head, "/home/amal/.ssh/authorized_keys is not a public key file.") == []
    with pytest.raises(ParseError):
        told("authorized_keys", head, "ssh-rsa AAAA")
    with pytest.raises(ParseError):
        told("authorized_keys", "256 SHA256:de x (ED25519)")


CLOUD = (
    'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo \'Please login as the user \\"{}\\" rather than the'
)
CLOUD += ' user \\"root\\".\';echo;sleep 10;exit 142" ssh-ed25519 AAAA amal'


@pytest.mark.parametrize(
    ("others", "lines"),
    [
        ("0", [CLOUD.format("amal")]),
        ("0", ["# by cloud-init", "", CLOUD.format("cloud-user"), CLOUD.format("ubuntu")]),
        ("1", [CLOUD.format("amal"), "ssh-ed25519 AAAA amal"]),
        ("1", [CLOUD.format("$(sh)")]),
        ("1", [CLOUD.format("amal").replace("no-port-forwarding,", "")]),
        ("1", [CLOUD.format("amal").replace("echo;", "sh;")]),
        ("1", ['command="sh" ' + CLOUD.format("amal")]),
    ],
)
def test_a_key_of_root_s_that_cloud_init_turns_away(others: str, lines: list[str], tmp_path: Path) -> None:
    """Regression: the key that cloud-init leaves in root's file, to say which account to take, failed as one that lets in."""
    keys = tmp_path / "authorized_keys"
    keys.write_text("".join(f"{line}\n" for line in lines))
    command = next(c for c in fact("authorized_keys").probes["linux"].privileged if c.startswith("/bin/grep"))
    words = [*shlex.split(command)[:-1], str(keys)]
    assert subprocess.run(words, capture_output=True, text=True, env={"LC_ALL": "C"}).stdout == f"{others}\n"
    head = (
        "== /root/.ssh/authorized_keys",
        "256 SHA256:de x (ED25519)",
        "== /root/.ssh/authorized_keys2",
        "256 SHA256:de x (ED25519)",
    )
    assert [k.get("turned_away") for k in told("authorized_keys", *head, f"others={others}")] == [others == "0" or None, None]


def test_only_lines_with_an_instant_or_never_are_logins() -> None:
    """A name with nothing behind it is an error, not an account that never logged in."""
    head = "Username         Port     From             Latest"
    assert told("last_logins", head, "amal  pts/0  10.0.0.1  Sat Nov 21 09:30:01 +0300 2026") == {"amal": {"at": 1795242601}}
    assert told("last_logins", head, "amal    **Never logged in**") == {"amal": {}}
    with pytest.raises(ParseError):
        told("last_logins", head, "amal  pts/0  10.0.0.1")


def test_a_group_of_a_directory_is_an_error() -> None:
    """Entries that come from elsewhere are not read, so nothing may be said of groups."""
    with pytest.raises(ParseError):
        told("groups", "root:x:0:", "+::0:")


def test_equal_lines_of_a_group_are_told_apart() -> None:
    """Regression, false pass: two lines of one name and number, with other members, were one to the checks of duplicates."""
    found = told("groups", "root:x:0:", "ops:x:1500:amal", "ops:x:1500:omar")
    assert [(group["line"], group["members"]) for group in found] == [(1, []), (2, ["amal"]), (3, ["omar"])]
