"""Facts on web servers, databases, containers and shares: what is particular to each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import fact, run, script


def value(name: str, /, *lines: str) -> Any:
    return fact(name).value("\n".join((*lines, "end", "")), {})


def nginx(*inside: str, http: tuple[str, ...] = (), version: str = "1.26.3") -> Any:
    lines = (f"version=nginx version: nginx/{version}", "== /etc/nginx/nginx.conf", "|http {", *(f"|{line}" for line in http))
    return value("nginx", "installed=yes", *lines, "|server {", *(f"|{line}" for line in inside), "|}", "|}")["servers"][0]


def test_a_server_of_nginx_inherits_until_it_says_otherwise() -> None:
    """One add_header of its own drops all of http's; a location may switch listings on; quotes and comments are read."""
    http = ("server_tokens off;", "add_header X-A a;", "ssl_protocols TLSv1 TLSv1.2;")
    assert nginx("listen 443 ssl;", http=http)["headers"] == ["X-A a"]
    own = nginx("listen 443 ssl;", 'add_header X-B "b; {c}"; # } not', "location / { autoindex on; }", http=http)
    assert (own["headers"], own["autoindex"], own["server_tokens"], own["protocols"]) == (
        ["X-B b; {c}"], True, "off", ["TLSv1", "TLSv1.2"],
    )  # fmt: skip
    assert nginx("listen 80;")["server_tokens"] == "on"


def test_protocols_that_no_file_names_are_those_of_the_version() -> None:
    """Bug: a server of an nginx before 1.27.3 that names none speaks TLS 1.0 and 1.1, and passed for one that does not."""
    served = {version: nginx("listen 443 ssl;", version=version)["protocols"] for version in ("1.14.1", "1.24.0", "1.27.3")}
    assert served == {
        "1.14.1": ["TLSv1", "TLSv1.1", "TLSv1.2"],
        "1.24.0": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        "1.27.3": ["TLSv1.2", "TLSv1.3"],
    }
    assert nginx("listen 443 ssl;", "ssl_protocols TLSv1.3;", version="")["protocols"] == ["TLSv1.3"]
    with pytest.raises(ParseError, match="does not tell its version"):
        nginx("listen 443 ssl;", version="")


@pytest.mark.parametrize("lines", [("include /opt/vhosts/*.conf;",), ("listen 80",), ('server_name "a;',), ("}", "}")])
def test_nginx_that_cannot_be_followed_is_refused(lines: tuple[str, ...]) -> None:
    """What an include elsewhere holds, or a text that ends too early, may change everything."""
    with pytest.raises(ParseError):
        nginx(*lines)


def apache(*lines: str) -> Any:
    return value("apache", "installed=yes", "== /etc/apache2/apache2.conf", *(f"|{line}" for line in lines))


def test_apache_s_directives_keep_their_section() -> None:
    """A condition is no section; names are told in small letters; lines may go on."""
    told = apache("<IfModule ssl>", "<VirtualHost *:443>", "SSLProtocol all \\", " -SSLv3", "</VirtualHost>", "</IfModule>")
    assert [(d["name"], d["value"], d["section"]) for d in told["directives"]] == [
        ("sslprotocol", "all -SSLv3", "VirtualHost *:443")
    ]
    for lines in (("Include /opt/x.conf",), ("<Directory />",), ("</Directory>",), ("Include absent.conf",)):
        with pytest.raises(ParseError):
            apache(*lines)
    assert apache("IncludeOptional sites-enabled/*.conf")["directives"] == []


@pytest.mark.parametrize(
    ("minimum", "lines", "expected"),
    [
        ("", ("SSLEngine on",), {"VirtualHost *:443": "all -SSLv3"}),
        ("TLSv1.2", ("SSLEngine on",), {"VirtualHost *:443": "all -SSLv3 -TLSv1 -TLSv1.1"}),
        ("TLSv1.2", ("SSLEngine on", "SSLProtocol TLSv1.3"), {"VirtualHost *:443": "TLSv1.3"}),
        ("", ("SSLEngine off",), {}),
    ],
)
def test_versions_of_tls_that_apache_speaks_unasked(minimum: str, lines: tuple[str, ...], expected: dict[str, str]) -> None:
    """Bug: a host of TLS without SSLProtocol was not judged at all, whatever RHEL's crypto policy or httpd's own default allow."""

    def protocols(*before: str) -> dict[str, str]:
        texts = (*before, "<VirtualHost *:443>", *lines, "</VirtualHost>")
        head = ("installed=yes", f"minimum={minimum}", "== /etc/httpd/conf/httpd.conf")
        found = value("apache", *head, *(f"|{line}" for line in texts))["directives"]
        return {d["section"]: d["value"] for d in found if d["name"] == "sslprotocol"}

    assert protocols() == expected
    own = {"": "TLSv1.2"}
    assert protocols("SSLProtocol TLSv1.2") == (own | expected if "SSLProtocol TLSv1.3" in lines else own)


def postgresql(*lines: str, hba: tuple[str, ...] = ()) -> Any:
    top = "/etc/postgresql/15/main"
    told = [f"{top}/postgresql.conf:{line}" for line in lines] + [f"{top}/pg_hba.conf:{line}" for line in hba]
    return value("postgresql", "present=yes", *told)["clusters"][0]


def test_postgresql_s_rules_and_defaults() -> None:
    """Quotes and doubled quotes, an address with its mask apart, and what no file sets."""
    told = postgresql("ssl = 'on'", "log_line_prefix = 'it''s '", hba=("host all all 10.0.0.0 255.0.0.0 md5 # old",))
    assert (told["settings"]["ssl"], told["settings"]["log_line_prefix"], told["settings"]["log_connections"]) == (
        "on",
        "it's ",
        "off",
    )
    assert [(r["address"], r["method"]) for r in told["hba"]] == [("10.0.0.0 255.0.0.0", "md5")]
    for lines, hba in (
        (("include '/opt/x'",), ()),
        (("hba_file = '/opt/hba'",), ()),
        ((), ("host all",)),
        (("ssl=on",), ("@include x",)),
    ):
        with pytest.raises(ParseError):
            postgresql(*lines, hba=hba)


def test_postgresql_s_alter_system_counts_on_debian() -> None:
    """Regression: it writes beside the data, which Debian keeps apart from the settings; TLS that it turned off passed."""
    top, data = "/etc/postgresql/15/main", "/var/lib/postgresql/15/main"
    lines = (f"{top}/postgresql.conf:data_directory = '{data}'", f"{top}/postgresql.conf:ssl = on")
    told = value("postgresql", "present=yes", *lines, f"{data}/postgresql.auto.conf:ssl = 'off'")["clusters"]
    assert [(c["folder"], c["settings"]["ssl"]) for c in told] == [(top, "off")]
    with pytest.raises(ParseError, match="/srv/pg"):
        postgresql("data_directory = '/srv/pg'")


@pytest.mark.parametrize(("version", "expected"), [("9.6", "md5"), ("13", "md5"), ("14", "scram-sha-256")])
def test_postgresql_before_14_stores_md5_where_nothing_is_set(version: str, expected: str) -> None:
    """Regression: Debian 11 and RHEL 8 have releases whose default is md5; the default of 14 was told, and the check passed."""
    top, data = f"/etc/postgresql/{version}/main", f"/var/lib/postgresql/{version}/main"
    for lines in (
        (f"{top}/postgresql.conf:data_directory = '{data}'", f"{data}/PG_VERSION:{version}"),
        (f"{top}/postgresql.conf:ssl = on",),
        ("/var/lib/pgsql/data/postgresql.conf:ssl = on", f"/var/lib/pgsql/data/PG_VERSION:{version}"),
    ):
        told = value("postgresql", "present=yes", *lines)["clusters"]
        assert [c["settings"]["password_encryption"] for c in told] == [expected]


def test_postgresql_of_no_known_version_is_not_guessed() -> None:
    """Where no file tells the version, only what is set is told."""
    main = "/var/lib/pgsql/data/postgresql.conf"
    told = value("postgresql", "present=yes", f"{main}:password_encryption = md5")["clusters"]
    assert [c["settings"]["password_encryption"] for c in told] == ["md5"]
    with pytest.raises(ParseError, match="version"):
        value("postgresql", "present=yes", f"{main}:port = 5432")


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


def test_docker_s_command_line_adds_to_its_file() -> None:
    """A socket opened by an option is seen beside those of the file."""
    told = value(
        "docker_daemon",
        "installed=yes",
        "file",
        '|{"hosts": ["fd://"]}',
        "line=/usr/bin/dockerd\t-H\ttcp://0.0.0.0:2375\t--icc=false",
    )
    assert (told["hosts"], told["settings"]["icc"], told["running"]) == (["fd://", "tcp://0.0.0.0:2375"], "false", True)
    with pytest.raises(ParseError):
        value("docker_daemon", "installed=yes", "file", "|{")


def test_an_export_without_a_client_is_for_everyone() -> None:
    """So exports(5) has it; options before a client hold for those behind it."""
    source = "/etc/exports"
    told = value("nfs_exports", f"{source}:", f"{source}:/a", f"{source}:/b -ro,root_squash c (rw)", "done")
    assert [(e["path"], e["client"], e["options"]) for e in told] == [
        ("/a", "*", []),
        ("/b", "c", ["ro", "root_squash"]),
        ("/b", "*", ["ro", "root_squash", "rw"]),
    ]


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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_what_samba_says_of_all_shares_holds_in_each() -> None:
    """Regression: `guest ok = yes` in [global] opened shares that do not speak of guests, and samba-no-guests passed."""
    text = "installed=yes\nsmb encrypt=required\n[global]\n\tguest ok = Yes\n\tlogging = file\n\n[a]\n\tpath = /a\n"
    found: Any = fact("samba").value(f"{text}\n[b]\n\tguest ok = No\nend\n", {})
    assert [share["settings"] for share in found["shares"]] == [{"guest ok": "Yes", "path": "/a"}, {"guest ok": "No"}]


def test_encryption_that_samba_does_not_list_is_asked_for() -> None:
    """Regression: testparm -s leaves out a global `smb encrypt`, and samba-signing failed where it is required."""
    found: Any = fact("samba").value(
        "installed=yes\nsmb encrypt=required\n[global]\n\tserver role = standalone server\nend\n", {}
    )
    assert found["settings"]["smb encrypt"] == "required"
