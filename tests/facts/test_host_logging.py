"""Facts on logs and systemd's settings: what is particular to each."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import SHELLS, fact, run, script


def value(name: str, /, *lines: str, **args: Any) -> Any:
    return fact(name).value("\n".join((*lines, "end", "")), args)


def rotation(*lines: str) -> Any:
    main = ("/etc/logrotate.conf:", *(f"/etc/logrotate.conf:{line}" for line in lines))
    return {e["path"]: e.get("days") for e in value("log_rotation", "installed=yes", *main)["entries"]}


def test_days_kept_follow_period_count_and_age() -> None:
    """What stands before a block holds in it unless it says otherwise; maxage shortens, size makes the days unknown."""
    head = ("weekly", "rotate 4", "/a {", "}")
    assert rotation(*head, "/b /c {", " daily", " rotate 9", "}") == {"/a": 28, "/b": 9, "/c": 9}
    assert rotation("monthly", "rotate 12", "/a {", " maxage 100", "}", "/b {", " size 10M", "}") == {"/a": 100, "/b": None}
    assert rotation("/a {", " weekly", " rotate 1", " postrotate", "  rotate 99", " endscript", "}") == {"/a": 7}


def test_logrotate_s_words_may_have_an_equals_sign() -> None:
    """Regression, false pass: logrotate obeys `maxage=7` and `size=1M`; they were ignored, and what stood before was told."""
    head = ("weekly", "rotate 52")
    blocks = ("/a {", " rotate=1", "}", "/b {", " maxage = 7", "}", "/c {", " size=1M", "}")
    assert rotation(*head, *blocks, "/d {", " rotate =2", "}", "/e=f {", "}") == {
        "/a": 7,
        "/b": 7,
        "/c": None,
        "/d": 14,
        "/e=f": 364,
    }
    assert rotation(*head, "maxsize=0", "/a {", "}") == {"/a": 364}
    with pytest.raises(ParseError):
        rotation(*head, "rotate=many", "/a {", "}")
    with pytest.raises(ParseError):
        rotation(*head, "include=/opt/logs")


def test_a_log_that_a_size_ends_is_kept_nobody_knows_how_long() -> None:
    """Regression: Debian's MariaDB is rotated monthly, six times, and past 500 MB at any time; 180 days were told, and passed."""
    head = ("monthly", "rotate 6", "/a {", " maxsize 500M", "}", "/b {", " minsize 50M", "}")
    assert rotation(*head, "maxsize 10M", "/c {", "}", "/d {", " maxsize 0", "}") == {
        "/a": None,
        "/b": 180,
        "/c": None,
        "/d": 180,
    }
    # of a period and a size the last one holds, as logrotate -d tells
    assert rotation("rotate 6", "/a {", " size 1k", " monthly", "}", "/b {", " monthly", " size 1k", "}") == {
        "/a": 180,
        "/b": None,
    }


@pytest.mark.parametrize("lines", [("/a {", "weekly"), ("}",), ("include /opt/rotate",), ("/a {", "postrotate", "x", "}")])
def test_rotation_that_cannot_be_followed_is_refused(lines: tuple[str, ...]) -> None:
    """A block without its end, or an include that was not read, may hold anything."""
    with pytest.raises(ParseError):
        rotation(*lines)


def systemd(*lines: str) -> Any:
    return value("systemd_config", "present=yes", *lines, name="journald.conf")["settings"]


def test_drop_ins_override_the_main_file_by_name() -> None:
    """Of one name /etc's counts alone; a main file in /etc hides /usr's; an empty value unsets."""
    told = systemd(
        "file=/etc/systemd/journald.conf", "line=[Journal]", "line=Storage=auto", "line=Compress=no",
        "file=/etc/systemd/journald.conf.d/50-a.conf", "line=[Journal]", "line=Storage=persistent",
        "file=/usr/lib/systemd/journald.conf", "line=[Journal]", "line=Seal=no",
        "file=/usr/lib/systemd/journald.conf.d/50-a.conf", "line=[Journal]", "line=Storage=none",
        "file=/usr/lib/systemd/journald.conf.d/90-b.conf", "line=[Journal]", "line=Compress=",
    )  # fmt: skip
    assert told == {"Journal.Storage": "persistent"}


def rsyslog(*lines: str) -> Any:
    return value("rsyslog", "installed=yes", "/etc/rsyslog.conf:", *(f"/etc/rsyslog.conf:{line}" for line in lines))


def test_targets_in_both_syntaxes() -> None:
    """An action over several lines, the old form, and encryption only where driver and mode say so."""
    told = rsyslog(
        'action(type="omfwd"', ' target="a" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1")', "*.* @@b:514", "mail.* @c"
    )
    assert [(t["host"], t["protocol"], t["encrypted"]) for t in told["targets"]] == [
        ("a", "tcp", True),
        ("b:514", "tcp", False),
        ("c", "udp", False),
    ]
    assert not rsyslog('action(type="omfwd" target="a" StreamDriver="gtls")')["targets"][0]["encrypted"]


def test_a_bracket_in_quotes_opens_nothing() -> None:
    """Bug, false pass: all that came behind a condition such as `contains "("` was left out, targets in the clear too."""
    for condition in ('if $msg contains "(" then stop', "if $msg contains '(' then stop", 'if $msg contains "\\" (" then stop'):
        assert [target["host"] for target in rsyslog(condition, "*.* @logs.example")["targets"]] == ["logs.example"]
    with pytest.raises(ParseError, match="never closed"):
        rsyslog('action(type="omfwd"', "*.* @logs.example")


def mode(*lines: str) -> str:
    """The mode that new log files come to have; what is not of a unit is of rsyslog's own file."""
    told = (line if line.startswith("/") else f"/etc/rsyslog.conf:{line}" for line in ("", *lines))
    made: str = value("rsyslog", "installed=yes", *told)["file_mode"]
    return made


def test_the_mask_of_the_service_takes_bits_from_new_logs() -> None:
    """Regression: RHEL's files are 0600 by its unit's mask, and log-new-file-mode failed every RHEL as installed."""
    vendor, admin = "/usr/lib/systemd/system/rsyslog.service", "/etc/systemd/system/rsyslog.service"
    rhel = (f"{vendor}:", f"{vendor}:UMask=0066")
    assert mode(*rhel) == "0600"
    assert mode(*rhel, "$Umask 0022") == mode(*rhel, 'global(umask="0022")') == "0644", "rsyslog's own mask comes last"
    assert mode(*rhel, f"{admin}:") == "0644", "a unit in /etc hides the packaged one"
    assert mode(*rhel, f"{admin}.d/open.conf:", f"{admin}.d/open.conf: UMask = 0000", "$FileCreateMode 0666") == "0666"
    dropped = (f"{vendor}.d/mask.conf:", f"{vendor}.d/mask.conf:UMask=0077", f"{admin}.d/mask.conf:")
    assert mode(*rhel, *dropped) == "0600", "a drop-in in /etc hides its namesake"
    assert mode(*rhel, *dropped[:2], f"{admin}.d/a.conf:", f"{admin}.d/a.conf:UMask=0002") == "0600", "the last name holds"
    assert mode(*rhel, f"{admin}.d/a.conf:", f"{admin}.d/a.conf:UMask=") == "0644", "nothing after the sign is systemd's default"
    assert mode() == "0644"


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_a_target_in_a_comment_is_none(shell: list[str], tmp_path: Path) -> None:
    """Regression: log-sent-to-collector passed hosts that had put their target between /* and */."""

    def told(text: str) -> Any:
        (tmp_path / "a.conf").write_text(text)
        probe = script("logging_config").replace("/etc/rsyslog.d", str(tmp_path)).replace("/etc/rsyslog.conf", "/nowhere")
        value: Any = fact("logging_config").value(run(shell, probe).stdout, {})
        return value["remote_targets"] if value["remote_known"] else None

    assert told('/*\n*.* @@a\n# old */\n/* *.* @@b */\naction(type="omfwd" /* Target="c" */\n/* x */ target="d")\n') == ["d"]
    shown = 'if $msg contains "/*" then @@a\n# /*\n$IncludeConfig /x/*.conf\n*.* /var/log/a /*\n*.* @b # /*\n'
    assert told(shown + "*.* @c\n# */\n") == ["a", "b", "c"]
    assert told("/* never closed\n") is None, "what follows in other files may be hidden too"


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_remote_targets_are_told_in_every_form(shell: list[str], tmp_path: Path) -> None:
    """Regression: log-sent-to-collector failed hosts that send by the old form of RELP, or have spaces around the sign."""
    (tmp_path / "a.conf").write_text(
        '*.* :omrelp:10.0.0.9:2514;Fwd\n*.* action(type="omfwd"\n  Target = "b.example" Port="514")\n'
    )
    text = script("logging_config").replace("/etc/rsyslog.d", str(tmp_path)).replace("/etc/rsyslog.conf", "/nowhere")
    told: Any = fact("logging_config").value(run(shell, text).stdout, {})
    assert told["remote_targets"] == ["10.0.0.9:2514", "b.example"]


def test_a_zone_s_other_names_are_that_zone() -> None:
    """Regression: time-zone-as-set failed links into posix/, RHEL's second copy of the zones, and Etc/ before UTC's old names."""
    names = {
        "posix/Asia/Riyadh": "Asia/Riyadh",
        "Etc/Zulu": "UTC",
        "Etc/UTC": "UTC",
        "Universal": "UTC",
        "Etc/GMT+3": "Etc/GMT+3",
    }
    assert {name: value("timezone", f"zone={name}")["name"] for name in names} == names


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_logs_in_closed_folders_are_closed_whoever_asks(shell: list[str], tmp_path: Path) -> None:
    """Regression: a root login saw the 0644 logs in RHEL's closed /var/log/httpd, and log-file-permissions failed them."""
    for name, bits in (("open/error.log", 0o755), ("httpd/error_log", 0o700), ("unattended-upgrades/a.log", 0o750)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch(0o644)
        (tmp_path / name).parent.chmod(bits)
    tmp_path.chmod(0o750)
    done = run(shell, script("log_files").replace("/var/log", str(tmp_path)))
    assert [item["path"] for item in fact("log_files").value(done.stdout, {})] == [f"{tmp_path}/open/error.log"]


def test_files_of_a_day_are_one_log() -> None:
    """Regression: sysstat's file of each day was a subject of its own, whose finding closed when the file was thrown away."""
    found = value(
        "log_files",
        "644 0 /var/log/sa/sa28:root:root",
        "600 0 /var/log/sa/sa29:root:adm",
        "644 0 /var/log/sa/sar28:root:root",
        "640 0 /var/log/sysstat/sa20261128:root:root",
        "640 0 /var/log/tomcat/catalina.2026-11-28.log:tomcat:adm",
        "640 0 /var/log/postgresql/postgresql-2026-11-28_000000.log:postgres:adm",
        "640 0 /var/log/sa1:root:root",
        "640 0 /var/log/salt28/build-20261340123:root:root",
    )
    assert [item["path"] for item in found] == [
        "/var/log/sa/sa*",
        "/var/log/sa/sar*",
        "/var/log/sysstat/sa*",
        "/var/log/tomcat/catalina.*.log",
        "/var/log/postgresql/postgresql-*.log",
        "/var/log/sa1",
        "/var/log/salt28/build-20261340123",
    ]
    assert (found[0]["mode"], found[0]["group"], found[0]["other_readable"]) == ("0644", "root adm", True)


def sends(*lines: str) -> list[tuple[str, str, bool]]:
    return [(t["host"], t["protocol"], t["encrypted"]) for t in rsyslog(*lines)["targets"]]


def test_actions_behind_filters_and_in_conditions_are_told() -> None:
    """Regression: log-remote-encrypted passed by what RHEL's manual writes, `*.* action(…)`, and the old form of RELP."""
    plain = 'action(type="omfwd" target="a" port="514" protocol="tcp")'
    for line in (f"*.* {plain}", f"if $syslogseverity <= 4 then {plain}", f'ruleset(name="far") {{ {plain} }}', f"& {plain}"):
        assert sends(line) == [("a", "tcp", False)]
    assert sends("*.* action(", ' type="omfwd" StreamDriver="ossl"', ' StreamDriverMode="1" target="b" protocol="tcp"', ")") == [
        ("b", "tcp", True)
    ]
    assert sends("*.* :omrelp:10.0.0.9:2514;RSYSLOG_ForwardFormat") == [("10.0.0.9:2514", "relp", False)]
    assert rsyslog('module(load="imudp") input(type="imudp" port="514")')["listens"] == ["udp"]


def test_a_driver_alone_encrypts_nothing() -> None:
    """Regression: log-remote-encrypted passed targets in the clear: by TCP in the driver's mode 0, and by UDP."""
    head = "$DefaultNetstreamDriver gtls"
    assert sends(head, "*.* @@a") == sends(head, "*.* @@a", "$ActionSendStreamDriverMode 1") == [("a", "tcp", False)]
    assert sends(head, "$ActionSendStreamDriverMode 1", "*.* @@a", "*.* @b") == [("a", "tcp", True), ("b", "udp", False)]
    assert sends("$ActionSendStreamDriver ossl", "$ActionSendStreamDriverMode 1", "*.* @@(o)a:6514") == [("a:6514", "tcp", True)]
    tls = 'StreamDriver="gtls" StreamDriverMode="1"'
    assert sends(f'action(type="omfwd" target="a" {tls})', f'action(type="omfwd" target="a" protocol="tcp" {tls})') == [
        ("a", "udp", False),
        ("a", "tcp", True),
    ]
    late = 'action(type="omfwd" target="a" protocol="tcp" StreamDriverMode="1")', 'global(DefaultNetstreamDriver="gtls")'
    assert sends(*late) == [("a", "tcp", True)]


def test_a_listener_for_the_host_itself_is_none_for_the_network() -> None:
    """Regression: log-receiver-closed failed hosts whose haproxy logs to rsyslog at 127.0.0.1."""
    assert rsyslog('input(type="imudp" address="127.0.0.1" port="514")')["listens"] == []
    assert rsyslog("$ModLoad imudp", "$UDPServerAddress 127.0.0.1", "$UDPServerRun 514")["listens"] == []
    assert rsyslog("$UDPServerRun 514", "$UDPServerAddress 127.0.0.1", "$InputPTCPServerRun 601")["listens"] == ["tcp", "udp"]
    assert rsyslog('input(type="imtcp" address="10.0.0.9" port="514")')["listens"] == ["tcp"]


def test_what_stands_in_comments_holds_nothing() -> None:
    """Regression: what C-style comments hold counted: a mode for log-new-file-mode, a target for log-remote-encrypted."""
    tls = 'action(type="omfwd" target="a" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1")'
    assert sends("/*", tls, "# old */", "*.* @b") == sends(f"/* {tls} */", "*.* @b") == [("b", "udp", False)]
    assert sends('action(type="omfwd" /* protocol="tcp"', '*/ target="c")') == [("c", "udp", False)]
    assert rsyslog("/* $FileCreateMode 0640 */", "*.* /var/log/a")["file_mode"] == "0644"
    with pytest.raises(ParseError, match="never closed"):
        rsyslog("/* *.* @b")


def test_what_only_looks_like_a_comment_hides_nothing() -> None:
    """As rsyslog 8.2302 does: in strings, in old directives, behind a sign for comments, and in the rest of an old rule."""
    for line in (
        "$IncludeConfig /etc/rsyslog.d/*.conf",
        "if $msg contains \"/*\" or $msg contains '/*' then /var/log/a",
        "# /* old",
        "*.* /var/log/a # /* old",
        "*.* /var/log/a /* old",
        ':msg, contains, "/*" /var/log/a',
    ):
        assert sends(line, "*.* @b", "# */") == [("b", "udp", False)], line


def test_each_file_has_the_mode_of_its_own_action() -> None:
    """Regression: log-new-file-mode passed by the last mode set, also for actions that it does not hold for. Seen of 8.2302."""
    action = 'action(type="omfile" file="/var/log/a"'
    module = 'module(load="builtin:omfile" fileCreateMode="0604")'
    assert mode("*.* /var/log/a", "$FileCreateMode 0640") == "0644", "the rule stands before it"
    assert mode("$FileCreateMode 0640", "*.* -?Each;Form", "$FileCreateMode 0600", "& /var/log/b") == "0640"
    assert mode("$FileCreateMode 0640", f"{action})") == "0644", "what is old holds for no object"
    assert mode(f"{action})", module) == "0644"
    assert mode(module, f"*.* {action})") == "0604"
    assert mode(module, "*.* /var/log/a") == "0644", "what is new holds for no old rule"
    assert mode("$FileCreateMode 0640", "*.* /var/log/a", f'{action} fileCreateMode="0604")') == "0644", "all of them"
    assert mode("$FileCreateMode 0640", "*.* /var/log/a", "$FileCreateMode 0666", "*.* |/dev/xconsole", "*.* /dev/tty8") == "0640"
    assert mode('global(umask="0002")', "$Umask 0077", "$FileCreateMode 0666") == "0664", "the global mask comes first"


def test_an_included_file_is_read_in_its_place() -> None:
    """Regression: a mode that the included files set was read as if the main file's rules stood before it."""
    drop_in = ("/etc/rsyslog.d/a.conf:", "/etc/rsyslog.d/a.conf:$FileCreateMode 0604", "/etc/rsyslog.d/a.conf:*.* @b")
    include, rule = "$IncludeConfig /etc/rsyslog.d/*.conf", "*.* /var/log/a"
    assert mode("$FileCreateMode 0640", include, rule, *drop_in) == "0604"
    assert mode("$FileCreateMode 0640", rule, include, *drop_in) == "0640"
    assert mode("$FileCreateMode 0640", rule, *drop_in) == "0640", "what nothing includes holds for nothing"
    with pytest.raises(ParseError, match="within itself"):
        mode(include, "/etc/rsyslog.d/a.conf:", f"/etc/rsyslog.d/a.conf:{include}")


def test_a_target_alone_on_its_line_is_one() -> None:
    """Regression: log-remote-encrypted passed by what stands alone in a condition's braces."""
    assert sends('if $msg contains "a @c" then {', "  @@b:514", "}") == [("b:514", "tcp", False)]


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_the_end_of_a_comment_reaches_the_parser(shell: list[str], tmp_path: Path) -> None:
    """A line that begins with a sign for comments may end one of several lines; without it the rest of the file was hidden."""
    (tmp_path / "rsyslog.conf").write_text("/*\n# old\n# older */\n*.* @@b\n")
    (tmp_path / "rsyslogd").write_text("")
    (tmp_path / "rsyslogd").chmod(0o755)
    text = script("rsyslog").replace("/usr/sbin/rsyslogd", f"{tmp_path}/rsyslogd").replace("/etc/rsyslog", f"{tmp_path}/rsyslog")
    told: Any = fact("rsyslog").value(run(shell, text).stdout.replace(f"{tmp_path}/", "/etc/"), {})
    assert [target["host"] for target in told["targets"]] == ["b"]


def test_an_include_elsewhere_is_refused() -> None:
    """What another folder says of listeners is not known."""
    for line in ("$IncludeConfig /opt/*.conf", 'include(file="/opt/x.conf")'):
        with pytest.raises(ParseError):
            rsyslog(line)
    assert rsyslog("$IncludeConfig /etc/rsyslog.d/*.conf", "# $ModLoad imudp")["listens"] == []


def test_a_line_with_a_bar_is_only_text() -> None:
    """A banner may hold what looks like the probe's own words."""
    for lines in (("exists=yes", "|exists=no", "|end", "||"), ("exists=plain", "exists=no", "end", "|")):
        told = value("file_text", *lines, path="/etc/issue")
        assert told == {"path": "/etc/issue", "exists": True, "text": "exists=no\nend\n|"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"a", "a"),
        (b"a\n", "a"),
        (b"a\n\n", "a\n"),
        (b"\n", ""),
        (b" a \n\nend", " a\n\nend"),
        (b"exists=no\nend\n", "exists=no\nend"),
    ],
)
def test_a_last_line_without_its_end_is_a_line(content: bytes, text: str, tmp_path: Path) -> None:
    """The probe itself reads any file whole; one whose last line was not ended used to be an error."""
    (tmp_path / "file").write_bytes(content)
    args = {"path": str(tmp_path / "file")}
    script = f"arg_path={args['path']}\n{fact('file_text').probes['linux'].script}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert fact("file_text").value(done.stdout, args)["text"] == text


def test_settings_in_files_follow_systemd_s_order() -> None:
    """/etc masks a file of the same name elsewhere; slashes and dots name one key; the last file by name holds."""
    told = value(
        "sysctl_saved",
        "/etc/sysctl.d/10-a.conf:", "/etc/sysctl.d/10-a.conf:net/ipv4/ip_forward = 0",
        "/run/sysctl.d/10-a.conf:", "/run/sysctl.d/10-a.conf:kernel.sysrq = 1",
        "/usr/lib/sysctl.d/90-z.conf:", "/usr/lib/sysctl.d/90-z.conf:-net.ipv4.ip_forward=1",
        "/usr/lib/sysctl.d/91-z.conf:", "/usr/lib/sysctl.d/91-z.conf:-net.ipv4.conf.lo.rp_filter",
    )  # fmt: skip
    assert {key: entry["value"] for key, entry in told.items()} == {"net.ipv4.ip_forward": "1"}


def test_only_an_install_command_that_does_nothing_blocks_a_module() -> None:
    """A blacklist line, or an install line that loads the module after all, blocks nothing."""
    lines = ("modules=yes", "modules.dep sctp", "modules.dep rds", "modules.dep tipc")
    told = value("kernel_modules", *lines, "install sctp /bin/false", "blacklist rds", "install tipc /sbin/modprobe -i tipc")
    blocked = {m["name"]: (m["available"], m["blocked"]) for m in told if m["available"]}
    assert blocked == {"sctp": (True, True), "rds": (True, False), "tipc": (True, False)}


@pytest.mark.parametrize(
    ("command", "blocked"),
    [
        ("/bin/true", True),
        ("/usr/bin/false\t", True),
        ("/bin/false  # not needed", True),
        ("/bin/true && modprobe -i sctp", False),
        ("/bin/false || modprobe -i sctp", False),
        ("/bin/true; modprobe -i sctp", False),
        ("/bin/true#x", False),
        ("/bin/true \\", False),
    ],
)
def test_what_follows_a_command_that_does_nothing_may_load_the_module(command: str, blocked: bool) -> None:
    """Regression, false pass: `install sctp /bin/true && modprobe -i sctp` loads the module, and it was told as blocked."""
    told = value("kernel_modules", "modules=yes", "modules.dep sctp", f"install sctp {command}")
    assert {m["name"]: m["blocked"] for m in told}["sctp"] is blocked


@pytest.mark.parametrize("commands", [("/sbin/modprobe -i sctp", "/bin/true"), ("/bin/true", "/sbin/modprobe -i sctp")])
def test_install_lines_that_contradict_each_other_are_no_answer(commands: tuple[str, str]) -> None:
    """Regression, false pass: modprobe obeys the first by its file's name, the last one printed was told.

    A probe before version 5 of the fact printed no names, so that nobody knows which is first. Lines that agree do no harm.
    """
    lines = ("modules=yes", "modules.dep sctp")
    with pytest.raises(ParseError):
        value("kernel_modules", *lines, *(f"install sctp {command}" for command in commands))
    for command in commands:
        told = value("kernel_modules", *lines, *[f"install sctp {command}"] * 2)
        assert {m["name"]: m["blocked"] for m in told}["sctp"] is (command == "/bin/true")
    value("kernel_modules", *lines, *(f"install other {command}" for command in commands))


def test_the_first_file_by_its_name_says_what_blocks_a_module() -> None:
    """Regression, false pass: a file in /etc hides its namesake, and a pattern that comes first holds; both seen in kmod 30."""

    def told(*lines: str) -> tuple[bool, str]:
        found = {m["name"]: m for m in value("kernel_modules", "modules=yes", "modules.dep sctp", *lines)}["sctp"]
        return found["blocked"], found.get("source", "")

    loads, blocks = "install sctp /sbin/modprobe -i sctp", "install sctp /bin/false"
    etc, lib = "file=/etc/modprobe.d", "file=/usr/lib/modprobe.d"
    assert told(f"{etc}/a.conf", f"{lib}/a.conf", blocks) == (False, ""), "an empty file hides as well"
    assert told(f"{etc}/a.conf", blocks, f"{lib}/a.conf", loads) == (True, "/etc/modprobe.d/a.conf")
    assert told(f"{etc}/b.conf", blocks, f"{lib}/a.conf", loads) == (False, "/usr/lib/modprobe.d/a.conf")
    assert told(f"{etc}/a.conf", "install s[a-c]t* /bin/echo", f"{etc}/b.conf", blocks) == (False, "/etc/modprobe.d/a.conf")
    assert told(f"{etc}/a.conf", blocks, "install * /bin/echo") == (True, "/etc/modprobe.d/a.conf")
    listed = value("kernel_modules", "modules=yes", f"{etc}/a.conf", f"{lib}/a.conf", "blacklist rds")
    assert not any(m["blacklisted"] for m in listed)


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_modprobe_s_lines_are_read_as_it_reads_them(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: a comment that ends in a backslash hides the next line, and a last line without its end ran into

    the next file's, which hid the command that loads the module. A link that leads nowhere hides a file, and so it is told.
    """
    etc, lib = tmp_path / "etc", tmp_path / "lib"
    etc.mkdir()
    lib.mkdir()
    (etc / "a.conf").write_text("# x \\\ninstall sctp /bin/false\n\tinstall \\\n tipc /bin/false\nblacklist rds")
    (etc / "b.conf").write_text("install sctp /sbin/modprobe -i sctp")
    (etc / "c.alias").write_text("install dccp /bin/false\\")
    (etc / "d.conf").symlink_to("/nowhere")
    (lib / "d.conf").write_text("install can /bin/false\n")
    text = script("kernel_modules").replace(" /run/modprobe.d /usr/local/lib/modprobe.d", "")
    text = text.replace("/usr/lib/modprobe.d /lib/modprobe.d", str(lib)).replace("/etc/modprobe.d", str(etc))
    lines = run(shell, text).stdout.splitlines()
    assert lines[lines.index(f"file={etc}/a.conf") : -1] == [
        *(f"file={etc}/a.conf", "install tipc /bin/false", "blacklist rds"),
        *(f"file={etc}/b.conf", "install sctp /sbin/modprobe -i sctp"),
        *(
            f"file={etc}/d.conf",
            f"file={etc}/c.alias",
            "install dccp /bin/false\\",
            f"file={lib}/d.conf",
            "install can /bin/false",
        ),
    ]


def test_a_module_whose_need_is_blocked_is_blocked() -> None:
    """Regression: of a host that blocks usb-storage, as benchmarks ask, uas was told as free; modprobe cannot load it alone."""
    lines = ("modules=yes", "modules.dep uas", "modules.dep usb-storage", "install usb-storage /bin/false")
    later = {m["name"]: m["blocked"] for m in value("kernel_modules", *lines)}
    loaded = {m["name"]: m["blocked"] for m in value("kernel_modules", *lines, "loaded usb_storage")}
    assert (later["uas"], later["usb_storage"]) == (True, True)
    assert (loaded["uas"], loaded["usb_storage"]) == (False, True)
