"""Facts on databases: what is particular to PostgreSQL, and to MySQL and MariaDB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, SHELLS, fact, run, script


def value(name: str, /, *lines: str) -> Any:
    return fact(name).value("\n".join((*lines, "end", "")), {})


def postgresql(*lines: str, hba: tuple[str, ...] = ("local all all peer",)) -> Any:
    top = "/etc/postgresql/15/main"
    told = [f"{top}/postgresql.conf:{line}" for line in lines] + [f"{top}/pg_hba.conf:{line}" for line in hba]
    return value("postgresql", "present=yes", *told)["clusters"][0]


def test_postgresql_s_rules_and_defaults() -> None:
    """Quotes and doubled quotes, an address with its mask apart, and what no file sets.

    Regression, false pass: where pg_hba.conf was not read, as where it is a link, there were no rules to judge.
    """
    told = postgresql("ssl = 'on'", "log_line_prefix = 'it''s '", hba=("host all all 10.0.0.0 255.0.0.0 md5 # old",))
    assert (told["settings"]["ssl"], told["settings"]["log_line_prefix"], told["settings"]["log_connections"]) == (
        "on",
        "it's ",
        "off",
    )
    assert [(r["address"], r["method"]) for r in told["hba"]] == [("10.0.0.0 255.0.0.0", "md5")]
    for lines, hba in (
        (("include '/opt/x'",), ("local all all peer",)),
        (("hba_file = '/opt/hba'",), ("local all all peer",)),
        ((), ("host all",)),
        (("ssl = on",), ()),  # it would not start: the file was not read
        (("ssl=on",), ("@include x",)),
    ):
        with pytest.raises(ParseError):
            postgresql(*lines, hba=hba)


@pytest.mark.parametrize(
    ("line", "database", "address", "method"),
    [
        ("host db1, db2 all 10.0.0.0/8 trust", "db1,db2", "10.0.0.0/8", "trust"),
        ("host db1,db2 , all 10.0.0.0/8 trust", "db1,db2", "10.0.0.0/8", "trust"),
        ('host "my db" all 10.0.0.0/8 trust', '"my db"', "10.0.0.0/8", "trust"),
        ('host "a#b, c" all 10.0.0.0/8 "trust"', '"a#b, c"', "10.0.0.0/8", "trust"),
        ('host all all "10.0.0.0" "255.0.0.0" trust map=x', "all", "10.0.0.0 255.0.0.0", "trust"),
        ("host all all ::ffff:10.0.0.0 ffff:: trust", "all", "::ffff:10.0.0.0 ffff::", "trust"),
        ("host all all db.example trust#old", "all", "db.example", "trust"),
    ],
)
def test_postgresql_s_rules_are_parted_as_it_parts_them(line: str, database: str, address: str, method: str) -> None:
    """Regression, false pass: a blank in a list or in quotes made the address the method, and quotes hid `trust`."""
    (rule,) = postgresql("ssl = on", hba=(line,))["hba"]
    assert (rule["database"], rule["address"], rule["method"]) == (database, address, method)


@pytest.mark.parametrize("line", ["host all all 10 255.0.0.0 trust", "local all all Trust", 'local "all all trust'])
def test_a_method_that_postgresql_does_not_know_is_no_strong_one(line: str) -> None:
    """Regression, false pass: whatever stood where the method was looked for counted as one that is not weak."""
    with pytest.raises(ParseError, match=r"is not known|does not close"):
        postgresql("ssl = on", hba=(line,))


@pytest.mark.parametrize("option", ["clientcert=1", "clientcert=no-verify", "clientcert", "mapp=x"])
def test_an_option_that_postgresql_refuses_is_no_rule_in_force(option: str) -> None:
    """Regression, closed without proof: told to read such a file anew, it goes on by the old one, and systemd says success."""
    with pytest.raises(ParseError, match="the option"):
        postgresql("ssl = on", hba=(f"hostssl all all 10.0.0.0/8 scram-sha-256 {option}",))
    postgresql("ssl = on", hba=("hostssl all all 10.0.0.0/8 scram-sha-256 clientcert=verify-full",))


def test_postgresql_s_alter_system_counts_on_debian() -> None:
    """Regression: it writes beside the data, which Debian keeps apart from the settings; TLS that it turned off passed."""
    top, data = "/etc/postgresql/15/main", "/var/lib/postgresql/15/main"
    lines = (
        f"{top}/postgresql.conf:data_directory = '{data}'",
        f"{top}/postgresql.conf:ssl = on",
        f"{top}/pg_hba.conf:local all all peer",
    )
    told = value("postgresql", "present=yes", *lines, f"{data}/postgresql.auto.conf:ssl = 'off'")["clusters"]
    assert [(c["folder"], c["settings"]["ssl"]) for c in told] == [(top, "off")]
    with pytest.raises(ParseError, match="/srv/pg"):
        postgresql("data_directory = '/srv/pg'")


@pytest.mark.parametrize(
    "words",
    [
        "-D /data/pg",
        "-D/data/pg",
        "--data-directory=/data/pg",
        "-D /var/lib/postgresql/15/main -c config_file=/srv/p.conf",
        "-c hba_file=/srv/hba",
        "-cssl=off",
        "--password_encryption=md5",
    ],
)
def test_a_server_of_other_files_than_those_read_is_an_error(words: str) -> None:
    """Regression: with its data in /data/pg PostgreSQL was not there, and none of its checks applied."""
    top = "/etc/postgresql/15/main"
    runs = f"runs=/usr/lib/postgresql/15/bin/postgres {words} ".replace(" ", "\t")
    for lines in (("present=no",), ("present=yes", f"{top}/postgresql.conf:ssl = on")):
        with pytest.raises(ParseError, match="server"):
            value("postgresql", *lines, runs)


def test_a_server_of_the_files_read_is_no_error() -> None:
    """As Debian and RHEL start it."""
    top = "/etc/postgresql/15/main"
    started = ("-D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf", "-D /var/lib/pgsql/data/")
    runs = [f"runs=/usr/bin/postgres {words}".replace(" ", "\t") for words in started]
    data = "/var/lib/pgsql/data"
    files = [
        f"{folder}/{line}" for folder in (top, data) for line in ("postgresql.conf:ssl = on", "pg_hba.conf:local all all peer")
    ]
    files += ["/var/lib/postgresql/15/main/PG_VERSION:15", f"{data}/PG_VERSION:13"]
    assert value("postgresql", "present=yes", *files, *runs)["present"] is True
    # Regression, closed without proof and false pass: the data had moved behind a link, which nobody follows
    for gone in (f"{data}/postgresql.conf:ssl = on", f"{data}/PG_VERSION:13", "/var/lib/postgresql/15/main/PG_VERSION:15"):
        with pytest.raises(ParseError, match="was not read"):
            value("postgresql", "present=yes", *[line for line in files if line != gone], *runs)


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_servers_of_postgresql_are_told_by_their_command_lines(shell: list[str], tmp_path: Path) -> None:
    """The server itself, neither its children nor a container's."""
    lines = {
        "1": ("postgres", b"/usr/bin/postgres\0-D\0/data/pg\0", "1"),
        "2": ("postgres", b"postgres: checkpointer \0\0", "2"),
        "3": ("postgres", b"postgres\0", "3\t1"),
        "4": ("bash", b"bash\0", "4"),
    }
    for number, (name, line, numbers) in lines.items():
        (folder := tmp_path / number).mkdir()
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cmdline").write_bytes(line)
        (folder / "status").write_text(f"NSpid:\t{numbers}\n")
    (tmp_path / "stat").write_text("btime 1700000000\n")
    text = script("postgresql").replace("/proc/", f"{tmp_path}/").replace("/etc/postgresql", "/nowhere")
    text = text.replace("/var/lib/pgsql", "/nowhere")
    assert run(shell, ALLOWED + text).stdout == "present=no\nruns=/usr/bin/postgres\t-D\t/data/pg\t\nend\n"


@pytest.mark.parametrize(("version", "expected"), [("9.6", "md5"), ("13", "md5"), ("14", "scram-sha-256")])
def test_postgresql_before_14_stores_md5_where_nothing_is_set(version: str, expected: str) -> None:
    """Regression: Debian 11 and RHEL 8 have releases whose default is md5; the default of 14 was told, and the check passed."""
    top, data = f"/etc/postgresql/{version}/main", f"/var/lib/postgresql/{version}/main"
    for lines in (
        (f"{top}/postgresql.conf:data_directory = '{data}'", f"{data}/PG_VERSION:{version}"),
        (f"{top}/postgresql.conf:ssl = on",),
        ("/var/lib/pgsql/data/postgresql.conf:ssl = on", f"/var/lib/pgsql/data/PG_VERSION:{version}"),
    ):
        hba = f"{lines[0].partition(':')[0].removesuffix('postgresql.conf')}pg_hba.conf:local all all peer"
        told = value("postgresql", "present=yes", *lines, hba)["clusters"]
        assert [c["settings"]["password_encryption"] for c in told] == [expected]


def test_postgresql_of_no_known_version_is_not_guessed() -> None:
    """Where no file tells the version, only what is set is told."""
    main, hba = "/var/lib/pgsql/data/postgresql.conf", "/var/lib/pgsql/data/pg_hba.conf:local all all peer"
    told = value("postgresql", "present=yes", f"{main}:password_encryption = md5", hba)["clusters"]
    assert [c["settings"]["password_encryption"] for c in told] == ["md5"]
    with pytest.raises(ParseError, match="version"):
        value("postgresql", "present=yes", f"{main}:port = 5432", hba)


def test_mysql_reads_the_server_s_sections_alone() -> None:
    """The client's section does not count; the last file holds; hyphens are underscores."""
    main = "/etc/mysql/my.cnf"
    lines = (
        f"{main}:",
        f"{main}:[client]",
        f"{main}:local-infile=1",
        f"{main}:[mysqld]",
        f"{main}:local-infile",
        f"{main}:bind-address = ::1",
    )
    assert value("mysql", "installed=yes", *lines)["settings"] == {"local_infile": "on", "bind_address": "::1"}
    with pytest.raises(ParseError):
        value("mysql", "installed=yes", f"{main}:", f"{main}:!includedir /opt/my.d")


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("skip-grant", "skip_grant_tables", "on"),
        ("loose-enable-skip-grant", "skip_grant_tables", "on"),
        ("skip-grant-tables # until Sunday", "skip_grant_tables", "on"),
        ("skip-skip-grant-tables", "skip_grant_tables", "off"),
        ("skip-skip-grant-tables=0", "skip_grant_tables", "on"),
        ("skip-grant-tables=OFF", "skip_grant_tables", "off"),
        ("general_log=On", "general_log", "on"),
        ("general_log=1#x", "general_log", "on"),
        ("general_log='1'", "general_log", "on"),
        ("skip-general-log=0", "general_log", "on"),
        ("skip-general-log=off", "general_log", "off"),
        ("enable-general-log=off", "general_log", "on"),
        ("skip-enable-general-log", "general_log", "on"),
        ("skip-loose-general-log", "general_log", "on"),
        ("local=1", "local_infile", "on"),
        ("disable-local", "local_infile", "off"),
        ("skip_networking=0", "skip_networking", "off"),
        ("skip-net", "skip_networking", "on"),
        ("require_secure_transport=yes", "require_secure_transport", "off"),
        ("require_secure_transport=2", "require_secure_transport", "off"),
        ("require", "require_secure_transport", "on"),
        ("bind=0.0.0.0", "bind_address", "0.0.0.0"),
        ("bind-address=10.0.0.5#x", "bind_address", "10.0.0.5"),
        ("secure-file=", "secure_file_priv", ""),
    ],
)
def test_mysql_s_options_are_taken_as_the_server_takes_them(line: str, name: str, expected: str) -> None:
    """Regression: checks passed on names cut short, prefixes, comments and values that MariaDB takes for dangerous ones.

    Each line was given to 10.11's ``mariadbd --help --verbose``, which shows the value that it would have.
    """
    main = "/etc/mysql/my.cnf"
    assert value("mysql", "installed=yes", f"{main}:", f"{main}:[mysqld]", f"{main}:{line}")["settings"] == {name: expected}


@pytest.mark.parametrize(
    ("section", "product", "read"),
    [
        ("[client-server]", "10.11.19-MariaDB-0+deb12u1", True),
        ("[mysqld] # ours", "10.11.19-MariaDB-0+deb12u1", True),
        ("[MYSQLD]", "10.11.19-MariaDB-0+deb12u1", True),
        ("[mariadb-10.11]", "10.11.19-MariaDB-0+deb12u1", True),
        ("[mysqld-10.6]", "10.11.19-MariaDB-0+deb12u1", False),
        ("[ mysqld ]", "10.11.19-MariaDB-0+deb12u1", False),
        ("[mysqldump]", "10.11.19-MariaDB-0+deb12u1", False),
        ("[mysqld-8.0]", "8.0.40", True),
        ("[mariadb]", "8.0.40", False),
    ],
)
def test_mysql_reads_the_sections_of_its_version(section: str, product: str, read: bool) -> None:
    """Regression: [client-server] and a section with a comment were left out, and those of other versions counted."""
    main = "/etc/mysql/my.cnf"
    lines = (f"version=/usr/sbin/mysqld  Ver {product} for Linux", f"{main}:", f"{main}:{section}", f"{main}:skip-grant-tables")
    assert ("skip_grant_tables" in value("mysql", "installed=yes", *lines)["settings"]) == read
    with pytest.raises(ParseError, match="does not tell"):
        value("mysql", "installed=yes", "version=", f"{main}:", f"{main}:[mysqld-8.0]", f"{main}:skip-grant-tables")


@pytest.mark.parametrize(
    ("product", "lines", "expected"),
    [
        ("8.0.36", (), {"local_infile": "off", "secure_file_priv": "/var/lib/mysql-files", "mysqlx_bind_address": "*"}),
        ("8.0.36", ("secure-file-priv=", "mysqlx=OFF"), {"local_infile": "off", "secure_file_priv": "", "mysqlx": "OFF"}),
        ("8.0.36", ("loose-mysqlx-bind-address=::1", "local-infile"), {
            "local_infile": "on", "secure_file_priv": "/var/lib/mysql-files", "mysqlx_bind_address": "::1",
        }),
        ("5.7.44", (), {}),
        ("10.3.39-MariaDB", ("loose-mysqlx-bind-address=*",), {}),
    ],
)  # fmt: skip
def test_mysql_8_has_defaults_of_its_own(product: str, lines: tuple[str, ...], expected: dict[str, str]) -> None:
    """Bug: unset, MySQL 8 reads no clients' files and failed for it, and listens for protocol X on all addresses and passed."""
    main = "/etc/my.cnf"
    told = (f"version=/usr/libexec/mysqld  Ver {product} for Linux on x86_64", f"{main}:", f"{main}:[mysqld]")
    assert value("mysql", "installed=yes", *told, *(f"{main}:{line}" for line in lines))["settings"] == expected


_MYSQL, _MARIA = "version=/usr/sbin/mysqld  Ver 8.0.36 for Linux", "version=/usr/sbin/mariadbd  Ver 10.11.6-MariaDB-0 for Linux"


@pytest.mark.parametrize(
    ("may", "version", "settings", "found"),
    [
        (True, _MYSQL, [], "maybe"),
        (True, "version=", [], "maybe"),
        (True, _MYSQL, ["datadir=/srv/mysql"], "no"),
        (False, _MYSQL, [], "no"),
        (False, _MYSQL, ["datadir=/var/lib/mysql/"], "no"),
        (False, _MYSQL, ["persisted-globals-load=OFF"], "maybe"),
        (False, _MARIA, [], "maybe"),
    ],
)
def test_what_set_persist_wrote_may_override_the_files(may: bool, version: str, settings: list[str], found: str) -> None:
    """Regression: mysqld-auto.cnf in the data directory has the last word, and the files alone passed."""
    lines = ["[mysqld]", "local_infile=0", *settings]
    output = ["installed=yes", version, *(f"/etc/my.cnf:{line}" for line in lines), f"persisted={found}", "end"]
    assert fact("mysql").value("\n".join(output), {}).get("persisted", False) == may


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--basedir=/usr", "--skip-grant-tables"), {"skip_grant_tables": "on", "bind_address": "127.0.0.1"}),
        (("--bind-address", "0.0.0.0", "--user=mysql"), {"bind_address": "0.0.0.0"}),
        (("--no-defaults",), {}),
        (("--defaults-file=/etc/my.cnf",), {"bind_address": "127.0.0.1"}),
        (("--skip-networking", "--init-file=/x"), {"skip_networking": "on", "bind_address": "127.0.0.1"}),
    ],
)
def test_mysql_s_command_line_overrides_its_files(tmp_path: Path, options: tuple[str, ...], expected: dict[str, str]) -> None:
    """Regression, false pass: a server started with --skip-grant-tables lets everybody in, and its files say nothing of it."""
    for number, group in ((7, "/system.slice/mysqld.service"), (8, f"/system.slice/docker-{'0f' * 32}.scope")):
        process = tmp_path / "proc" / str(number)
        process.mkdir(parents=True)
        (process / "comm").write_text("mysqld\n")
        (process / "cgroup").write_text(f"0::{group}\n")
        (process / "cmdline").write_text("\0".join(("/usr/sbin/mysqld", *(options if number == 7 else ("--local-infile",)), "")))
    (tmp_path / "my.cnf").write_text("[mysqld]\nbind-address=127.0.0.1\nwsrep_sst_auth = sst:secret\n")
    text = script("mysql").replace("/usr/sbin/mysqld", "/bin/true").replace("/etc/my.cnf ", f"{tmp_path}/my.cnf ")
    text = text.replace("/etc/mysql/", f"{tmp_path}/none/").replace("/proc/[0-9]*", f"{tmp_path}/proc/[0-9]*")
    told = run(["sh"], text).stdout
    assert "secret" not in told
    settings: Any = fact("mysql").value(told.replace(str(tmp_path), "/etc"), {})["settings"]  # type: ignore[call-overload, index]
    assert {key: text for key, text in settings.items() if key != "wsrep_sst_auth"} == expected


@pytest.mark.parametrize(
    "lines",
    [
        ("server", "option=--defaults-file=/srv/my.cnf"),
        ("server", "option=--defaults-group-suffix=.a"),
        ("server", "server", "option=--skip-networking"),
    ],
)
def test_a_server_of_mysql_that_reads_other_files_is_not_guessed(lines: tuple[str, ...]) -> None:
    """What such a server sets is not known, nor which of two servers a setting is of."""
    with pytest.raises(ParseError):
        value("mysql", "installed=yes", _MARIA, *lines, "persisted=no")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
@pytest.mark.parametrize(
    ("version", "sudo", "told"),
    [
        (_MYSQL, "return 0", "no"),
        (_MYSQL, "echo there", "maybe"),
        (_MYSQL, "return 1", "maybe"),
        (_MARIA, "return 1", "no"),
    ],
)
def test_what_was_persisted_is_looked_for_by_sudo(open_folder: Path, version: str, sudo: str, told: str) -> None:
    """Regression: the data directory is closed to an ordinary login, so that nothing was known of any server of MySQL's."""
    server, data = open_folder / "mysqld", open_folder / "data"
    server.write_text(f"#!/bin/sh\necho '{version.removeprefix('version=')}'\n")
    server.chmod(0o755)
    data.mkdir(mode=0o700)
    text = script("mysql").replace("/usr/sbin/mysqld", str(server)).replace("/var/lib/mysql", str(data))
    done = run(["dash"], f"exec 3>/dev/null\nas_root() {{ {sudo}; }}\n{text}", user="nobody", cwd="/")
    assert f"persisted={told}" in done.stdout.splitlines(), done.stderr


def test_root_follows_no_link_of_the_database_s_account(tmp_path: Path) -> None:
    """Regression: a file that find had seen could be a link by the time that grep opened it, to any file of root's."""
    secret = tmp_path / "secret"
    secret.write_text("key = hunter22\n")
    cluster = tmp_path / "pg/15/main"
    cluster.mkdir(parents=True)
    (cluster / "pg_hba.conf").symlink_to(secret)
    (cluster / "postgresql.conf").write_text("ssl = on\nssl_passphrase_command = 'echo hunter22'\n")
    (cluster / "base").mkdir()
    (cluster / "base/postgresql.conf").write_text("ssl = hunter22\n")
    text = script("postgresql").replace("/etc/postgresql", str(tmp_path / "pg")).replace("/proc/[0-9]*", f"{tmp_path}/none*")
    done = run(["dash"], ALLOWED + text)
    assert done.returncode == 0
    assert "ssl = on" in done.stdout
    assert "hunter22" not in done.stdout


def test_what_comes_after_a_nul_byte_is_told_too(tmp_path: Path) -> None:
    """Regression, false pass: of a file with such a byte grep told that it matches, and nothing of the rules behind it."""
    cluster = tmp_path / "pg/15/main"
    cluster.mkdir(parents=True)
    (cluster / "postgresql.conf").write_text("ssl = on\n")
    (cluster / "PG_VERSION").write_text("15\n")
    (cluster / "pg_hba.conf").write_text("local all all peer\n# \0\nhost all all 0.0.0.0/0 trust\n")
    text = script("postgresql").replace("/etc/postgresql", str(tmp_path / "pg")).replace("/proc/[0-9]*", f"{tmp_path}/none*")
    output = run(["dash"], ALLOWED + text).stdout.replace(str(tmp_path / "pg"), "/etc/postgresql")
    told: Any = fact("postgresql").value(output, {})
    assert [rule["method"] for rule in told["clusters"][0]["hba"]] == ["peer", "trust"]


def test_a_grep_that_cannot_look_is_not_no_cluster(tmp_path: Path) -> None:
    """Regression, false pass: busybox's grep refuses the options with the status of a folder that is missing."""
    (tmp_path / "pg").mkdir()
    (tmp_path / "grep").write_text('#!/bin/sh\nexec busybox grep "$@"\n')
    (tmp_path / "grep").chmod(0o755)
    text = script("postgresql").replace("/etc/postgresql", str(tmp_path / "pg")).replace("/bin/grep", str(tmp_path / "grep"))
    assert run(["dash"], ALLOWED + text).returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_of_mysql_behind_a_closed_folder_hides_no_others(tmp_path: Path) -> None:
    """Regression, false pass: the probe ended in the middle of a pipe, and the files after the hidden one were told as absent."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed/a.cnf").write_text("[mysqld]\n")
    (tmp_path / "mysql/conf.d").mkdir(parents=True)
    (tmp_path / "mysql/conf.d/a.cnf").symlink_to(tmp_path / "closed/a.cnf")
    (tmp_path / "mysql/conf.d/b.cnf").write_text("[mysqld]\nlocal_infile = on\n")
    (tmp_path / "mysqld").write_text("#!/bin/sh\necho 8.0\n")
    (tmp_path / "mysqld").chmod(0o755)
    text = script("mysql").replace("/etc/mysql", str(tmp_path / "mysql")).replace("/usr/sbin/mysqld", str(tmp_path / "mysqld"))
    text = text.replace("$(running mysqld mariadbd)", "")
    done = run(["dash"], ALLOWED + text, user=65534, group=65534, extra_groups=[])
    assert (done.returncode, "a closed folder hides" in done.stderr) == (1, True)
    (tmp_path / "closed").chmod(0o755)
    assert "local_infile" in run(["dash"], ALLOWED + text, user=65534, group=65534, extra_groups=[]).stdout
