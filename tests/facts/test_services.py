"""Facts on web servers and shares: what is particular to each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import SHELLS, fact, run, script


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


ACME = "location ^~ /.well-known/acme-challenge/ { root /srv/acme; }"
ON = "return 301 https://$host$request_uri;"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("listen 80;", ON), (False, True, True)),
        (("listen 80;", "listen 443 ssl;", "root /srv;"), (True, True, False)),
        (("listen 80;", "listen 443 ssl;", "if ($scheme = http) {", ON, "}"), (True, True, True)),
        (("listen 80;", "listen 443 ssl;", 'if ($https = "") {', ON, "}"), (True, True, True)),
        (("listen 443 ssl;", "root /srv;"), (True, False, False)),
        (("if ($host = a.example) {", ON, "}", "listen 80;", "return 404;"), (False, True, True)),
        (("if ($host = a.example) {", ON, "}", "listen 80;", "root /srv;"), (False, True, False)),
        (("listen 80;", "if ($http_user_agent ~ bot) {", ON, "}", "root /srv;"), (False, True, False)),
        (("listen 80;", ACME, f"location / {{ {ON} }}"), (False, True, True)),
        (("listen 80;", ACME, f"location / {{ {ON} }}", "location /app { root /srv; }"), (False, True, False)),
        (("listen 80;", ACME, f"location / {{ {ON} }}", r"location ~ /\.ht { return 403; }"), (False, True, True)),
        (("listen 80;", ACME, f"location = / {{ {ON} }}"), (False, True, False)),
        (("listen 80;", ACME), (False, True, False)),
        (("listen 80;", "return 200 https://a.example;"), (False, True, False)),
        (("listen 80 default_server;", "return 444;"), (False, True, True)),
        (("listen 80;", "if ($remote_addr = 10.0.0.1) { break; }", "return 444;", "root /srv;"), (False, True, False)),
        (("listen 80;", "if ($bad) { return 200 x; }", "return 444;"), (False, True, False)),
        (("listen 80;", "if ($bad) { set $x 1; }", "return 444;"), (False, True, True)),
        (("listen 80;", "rewrite ^ https://$host$request_uri? permanent;"), (False, True, True)),
        (("listen 80;", "rewrite ^/(.*)$ https://a.example/$1;"), (False, True, True)),
        (("listen 80;", "rewrite ^/$ https://a.example/;", "root /srv;"), (False, True, False)),
        (("listen 80;", "rewrite ^/old https://a.example/new;", "root /srv;"), (False, True, False)),
        (("listen 127.0.0.1:8080;", "location /status { stub_status; }"), (False, False, False)),
        (("listen unix:/run/app.sock;", "listen [::1]:8080;", "root /srv;"), (False, False, False)),
        (("listen 443 quic reuseport;", "listen 443 ssl;", "root /srv;"), (True, False, False)),
        (("listen 443;", "root /srv;"), (False, True, False)),
    ],
)
def test_what_a_server_does_with_what_comes_in_the_clear(lines: tuple[str, ...], expected: tuple[bool, bool, bool]) -> None:
    """Regressions, false pass: one server on 80 and 443 was not looked at, nor one on 443 without TLS.

    False failures: certbot's ``if`` and ``location /``, a refusal of everything, rewrite, QUIC, what does not leave the host.
    """
    server = nginx(*lines)
    assert (server["tls"], server["plain"], server["redirects"]) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ("autoindex On;",),
        ("location / { autoindex ON; }",),
        ("return 301 //x;", "autoindex on;"),
        ("location /* { }", "autoindex on;", "location /x*/ { }"),
        ("location / { location /x { autoindex on; } }",),
        ("location / { include snippets/list.conf; }", "}", "}", "== /etc/nginx/snippets/list.conf", "|autoindex on;"),
    ],
)
def test_nginx_s_lists_of_folders_are_found_wherever_they_are_set(lines: tuple[str, ...]) -> None:
    """Regression, false pass: other case, an address taken for a comment, and depth hid that folders are listed."""
    if "== /etc/nginx/snippets/list.conf" in lines:
        head = ("installed=yes", "version=nginx version: nginx/1.26.3", "== /etc/nginx/nginx.conf", "|http { server {")
        told = value("nginx", *head, *(line if line[:2] in ("==", "|a") else f"|{line}" for line in lines))["servers"][0]
    else:
        told = nginx(*lines)
    assert told["autoindex"] is True
    assert nginx("location / { location /x { autoindex off; } }")["autoindex"] is False


def test_an_address_of_nginx_speaks_tls_for_all_its_servers() -> None:
    """Regression, false failure: of two servers on one address one alone says ssl, and the other was told as open."""
    other = ("}", "server {", "listen *:8443 ssl;")
    assert (nginx("listen 8443;", *other)["plain"], nginx("listen 8444;", *other)["plain"]) == (False, True)


HSTS = 'add_header Strict-Transport-Security "max-age=31536000";'
ONE = "add_header X-Frame-Options DENY;"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((HSTS, f"location / {{ {ONE} }}"), []),
        ((HSTS, rf"location ~ \.php$ {{ {ONE} fastcgi_pass unix:/run/php.sock; }}"), []),
        ((HSTS, f"location / {{ location /app {{ {ONE} proxy_pass http://a; }} }}"), []),
        (
            (HSTS, f"location / {{ {HSTS} {ONE} location /app {{ proxy_pass http://a; }} }}"),
            ["Strict-Transport-Security max-age=31536000"],
        ),
        ((HSTS, "location /static/ { add_header Cache-Control public; }"), ["Strict-Transport-Security max-age=31536000"]),
        ((f"location / {{ {HSTS} }}",), ["Strict-Transport-Security max-age=31536000"]),
        ((f"location / {{ {HSTS} }}", "location /app { proxy_pass http://a; }"), []),
        (('add_header Strict-Transport-Security "";',), []),
    ],
)
def test_a_place_of_nginx_that_sets_a_header_drops_those_around_it(lines: tuple[str, ...], expected: list[str]) -> None:
    """Regression, false pass: a header that ``location /`` or a program's place drops passed for sent, as did an empty one."""
    assert [h for h in nginx("listen 443 ssl;", *lines)["headers"] if h.startswith("Strict")] == expected


@pytest.mark.parametrize(
    ("lines", "tokens", "logged"),
    [
        (("server_tokens OFF;",), "off", True),
        (("server_tokens off;", "location /t { server_tokens on; }"), "on", True),
        (("access_log /dev/null;",), "on", False),
        (("access_log off;", "access_log /var/log/a.log;"), "on", False),
        (("location / { access_log off; }",), "on", False),
        (("location = /favicon.ico { access_log off; }",), "on", True),
        (("access_log /var/log/a.log;", "access_log /dev/null;"), "on", True),
    ],
)
def test_nginx_s_version_and_log_are_judged_where_they_are_set(lines: tuple[str, ...], tokens: str, logged: bool) -> None:
    """Regressions: a place of its own tells the version, or leaves no log, as does /dev/null; `OFF` was not off."""
    told = nginx("listen 443 ssl;", *lines)
    assert (told["server_tokens"], told["access_log"]) == (tokens, logged)


def test_nginx_s_lines_of_protocols_add_up() -> None:
    """Regression, false pass: of two lines the last alone counted, and nginx speaks what both name."""
    told = nginx(
        "listen 443 ssl;", "ssl_protocols tlsv1.1 TLSv1.2;", "ssl_protocols TLSv1.2 TLSv1.3;", http=("ssl_protocols TLSv1;",)
    )
    assert told["protocols"] == ["TLSv1.1", "TLSv1.2", "TLSv1.3"]


@pytest.mark.parametrize("line", ["include ssl_params;", "location / { include ssl_params; }", "include snippets/missing.conf;"])
def test_a_file_that_nginx_includes_and_the_probe_did_not_read_is_no_empty_one(line: str) -> None:
    """Regression, false pass: what ssl_params sets was passed over as if it were a list of parameters."""
    with pytest.raises(ParseError, match="which the probe does not read"):
        nginx("listen 443 ssl;", line)
    assert nginx("location / { include fastcgi_params; }")["tls"] is False


def test_ssl_on_makes_a_server_of_nginx_one_of_tls() -> None:
    """Regression, false pass: the old way to turn TLS on was not known, and the server's protocols not judged."""
    told = nginx("listen 8443;", "ssl on;", version="1.14.1")
    assert (told["tls"], told["plain"], told["protocols"]) == (True, False, ["TLSv1", "TLSv1.1", "TLSv1.2"])


@pytest.mark.parametrize(
    ("name", "main", "lines", "options"),
    [
        (
            "nginx",
            "/etc/nginx/nginx.conf",
            ("http { server {", "listen 443 ssl;", "include {};", "} }"),
            "ssl_protocols TLSv1.2;",
        ),
        ("apache", "/etc/apache2/apache2.conf", ("<VirtualHost *:443>", "Include {}", "</VirtualHost>"), "SSLProtocol TLSv1.2"),
    ],
)
def test_certbot_s_options_are_read(name: str, main: str, lines: tuple[str, ...], options: str, tmp_path: Path) -> None:
    """Bug: of no host whose certificates certbot looks after was anything known, for each includes a file of certbot's folder."""
    path = f"/etc/letsencrypt/options-ssl-{name}.conf"
    text = [f"== {main}", *(f"|{line.replace('{}', path)}" for line in lines)]
    head = ("installed=yes", "version=nginx version: nginx/1.22.1") if name == "nginx" else ("installed=yes",)
    told = value(name, *head, *text, f"== {path}", f"|{options}")
    found = told["servers"][0]["protocols"] if name == "nginx" else [d["value"] for d in told["directives"]]
    assert found == ["TLSv1.2"]
    with pytest.raises(ParseError, match="which the probe does not read"):
        value(name, *head, *text)
    folder = tmp_path / "letsencrypt"
    folder.mkdir()
    (folder / f"options-ssl-{name}.conf").write_text(f"{options}\n")
    probe = script(name).replace("/usr/sbin/nginx", "/bin/true").replace("/usr/sbin/apache2", "/bin/true")
    probe = probe.replace("/etc/letsencrypt", str(folder)).replace("[ -r /etc/nginx ] && [ -x /etc/nginx ]", "true")
    assert f"|{options}" in run(["sh"], probe).stdout.splitlines()


def apache(*lines: str) -> Any:
    return value("apache", "installed=yes", "== /etc/apache2/apache2.conf", *(f"|{line}" for line in lines))


def test_a_tab_parts_apache_s_words() -> None:
    """Regression, false pass: a directive with a tab after its name was dropped, and its safe default taken for it."""
    told = apache("ServerTokens\tFull", "Options \tIndexes\tFollowSymLinks", "SSLProtocol\tall")["directives"]
    expected = [("servertokens", "Full"), ("options", "Indexes FollowSymLinks"), ("sslprotocol", "all")]
    assert [(d["name"], d["value"]) for d in told] == expected
    with pytest.raises(ParseError, match="which the probe does not read"):
        apache("Include\t/srv/x.conf")


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


def test_apache_s_comments_go_on_as_its_lines_do() -> None:
    """Regression, false pass: what a comment that ends in a backslash hides from Apache counted as in force; seen in 2.4.71."""
    assert apache("   \\", "# x", "ServerTokens Prod", "# x \\")["directives"][0]["value"] == "Prod"
    assert apache("# hidden \\", "ServerTokens Prod")["directives"] == []
    told = apache("Options No\\", "ne \\", "", "ServerTok\\", "ens Prod")["directives"]
    assert [(d["name"], d["value"]) for d in told] == [("options", "None"), ("servertokens", "Prod")]


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_what_apache_s_comments_hide_is_not_printed(shell: list[str], tmp_path: Path) -> None:
    """Regression, as above: the probe left out the comment alone, and let its next line stand. Folders are named."""
    text = (
        "# a \\\r\nServerTokens Prod \\\r\nServerTokens Prod\r\n\nOptions None \\\n# b\n\n  #c\nTimeout 9 \\\n\nTimeout 8\n# d \\"
    )
    (tmp_path / "apache2.conf").write_bytes(text.encode())
    (tmp_path / "sites-enabled" / "deeper").mkdir(parents=True)
    (tmp_path / "sites-enabled" / "plain").write_text("# e\n")
    probe = script("apache").replace("/usr/sbin/apache2", "/bin/sh").replace("/etc/apache2", str(tmp_path))
    lines = run(shell, probe).stdout.splitlines()
    assert [line for line in lines if line.startswith("|")] == ["|Options None \\", "|# b", "|Timeout 9 \\", "|", "|Timeout 8"]
    assert f"folder={tmp_path}/sites-enabled/deeper" in lines
    assert f"== {tmp_path}/sites-enabled/plain" in lines


def test_quotes_around_apache_s_words_are_nothing() -> None:
    """Regression, false pass: `Options "Indexes"` was no listing, and a directive whose name stands in quotes was dropped."""
    told = apache('"<Directory" "/x y">', "Options \"Indexes\" '+FollowSymLinks'", '"SSLProtocol" "TLSv1"', "</Directory>")
    assert [(d["name"], d["value"]) for d in told["directives"]] == [
        ("options", "Indexes +FollowSymLinks"),
        ("sslprotocol", "TLSv1"),
    ]
    assert apache('LoadModule "status_module" x.so')["modules"] == ["status"]
    assert apache('ErrorLog "a b"')["directives"][0]["value"] == '"a b"'


@pytest.mark.parametrize(
    "line",
    [
        "IncludeOptional sites-enabled",
        "IncludeOptional sites-enabled/*/*.conf",
        "IncludeOptional vhosts.d/*.conf",
        "IncludeOptional sites-enabled/.*",
        "IncludeOptional sites-enabled/[^a]*.conf",
        "Include ports.conf conf-enabled/*.conf",
        "IncludeOptional ${WHERE}/*.conf",
        "ServerRoot /srv/apache",
        "Options ${OPTIONS}",
    ],
)
def test_what_apache_may_include_unseen_is_refused(line: str) -> None:
    """Regression, false pass: patterns that match what the probe does not read counted as without a match."""
    with pytest.raises(ParseError):
        value("apache", "installed=yes", "== /etc/apache2/apache2.conf", f"|{line}", "folder=/etc/apache2/sites-enabled/deeper")


def test_every_file_of_apache_s_folders_may_be_included() -> None:
    """Regression, false pass: of `sites-enabled/*` only what ends in .conf was read. A closed file matters if included."""
    lines = ("installed=yes", "== /etc/apache2/apache2.conf", '|Include "sites-enabled/*"', '|ServerRoot "/etc/apache2"')
    assert value("apache", *lines, "== /etc/apache2/sites-enabled/a", "|Options All")["directives"][0]["value"] == "All"
    with pytest.raises(ParseError, match="does not read"):
        value("apache", *lines, "unread=/etc/apache2/sites-enabled/a")
    assert value("apache", *lines[:2], "unread=/etc/apache2/sites-enabled/a")["directives"] == []


def test_what_stands_under_a_condition_is_told_with_it() -> None:
    """Regression, false pass: `ServerTokens Prod` under <IfDefine NEVER> counted as if it held."""
    load = "LoadModule ssl_module x.so"

    def conditional(*lines: str) -> list[bool]:
        return ["conditional" in d for d in apache(*lines)["directives"]]

    assert conditional("<IfDefine NEVER>", "Timeout 1", "</IfDefine>", "Timeout 2") == [True, False]
    assert conditional("<IfModule mod_ssl.c>", "Timeout 1", "</IfModule>") == [True]
    assert conditional(load, "<IfModule mod_ssl.c>", "<IfModule !ssl_module>", "Timeout 1", "</IfModule>", "</IfModule>") == [
        True
    ]
    assert conditional(load, "<IfModule ssl_module>", '<Directory "/x">', "Timeout 1", "</Directory>", "</IfModule>") == [False]
    assert conditional(load, '<IfModule "mod_ssl.c" >', "Timeout 1", "</IfModule>", "<IfModule x.c>", "Timeout 2") == [
        False,
        True,
    ]


def test_a_macro_s_own_words_are_no_values() -> None:
    """Regression, false pass: `Options $options` in a macro that is used with Indexes was no listing."""
    with pytest.raises(ParseError, match="variable"):
        apache("<Macro Site $options>", "Options $options", "</Macro>")
    assert apache("<Macro Site $name>", "Options None", "</Macro>")["directives"][0]["value"] == "None"


@pytest.mark.parametrize(
    "line",
    [
        "IncludeOptional vhosts.d/*.conf",
        "IncludeOptional sites-enabled/*/*.conf",
        "IncludeOptional ${SITES}/*.conf",
        "IncludeOptional extra.conf",
        "SSLProtocol ${PROTOCOLS}",
        "Options ${MORE}",
    ],
)
def test_what_apache_s_probe_cannot_follow_is_no_empty_place(line: str) -> None:
    """Regression, false pass: files of /etc/httpd that are not read passed for none, and a variable for a safe word."""
    with pytest.raises(ParseError):
        apache(line)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("ServerTokens OS", "ServerTokens Prod"), ["Prod"]),
        (("ServerTokens OS", "<IfDefine X>", "ServerTokens Prod", "</IfDefine>"), ["OS", "Prod"]),
        (("ServerTokens OS", "<IfModule mod_x.c>", "ServerTokens Prod", "</IfModule>"), ["OS", "Prod"]),
        (("LoadModule x_module x.so", "ServerTokens OS", "<IfModule mod_x.c>", "ServerTokens Prod", "</IfModule>"), ["Prod"]),
        (
            ("LoadModule x_module x.so", "ServerTokens OS", "<IfModule !mod_x.c>", "ServerTokens Prod", "</IfModule>"),
            ["OS", "Prod"],
        ),
        (('ServerTokens "Prod"',), ["Prod"]),
    ],
)
def test_of_directives_for_apache_s_whole_server_the_last_holds(lines: tuple[str, ...], expected: list[str]) -> None:
    """Regression, false failure: a line of Debian's own that a later file overrides was judged beside it; quotes said nothing."""
    assert [d["value"] for d in apache(*lines)["directives"]] == expected


def test_of_apache_s_virtual_hosts_each_has_its_own() -> None:
    """Two virtual hosts may have one name, and the later says nothing of the earlier."""
    hosts = [f"<VirtualHost *:443>\nSSLProtocol {told}\n</VirtualHost>" for told in ("all", "TLSv1.3")]
    told = apache(*"\n".join(hosts).split("\n"))["directives"]
    assert [d["value"] for d in told] == ["all", "TLSv1.3"]


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
    """Bug: a host of TLS without SSLProtocol was not judged at all, whatever the crypto policy or httpd itself allow."""

    def protocols(*before: str) -> dict[str, str]:
        texts = (*before, "<VirtualHost *:443>", *lines, "</VirtualHost>")
        head = ("installed=yes", f"minimum={minimum}", "== /etc/httpd/conf/httpd.conf")
        found = value("apache", *head, *(f"|{line}" for line in texts))["directives"]
        return {d["section"]: d["value"] for d in found if d["name"] == "sslprotocol"}

    assert protocols() == expected
    own = {"": "TLSv1.2"}
    assert protocols("SSLProtocol TLSv1.2") == (own | expected if "SSLProtocol TLSv1.3" in lines else own)


@pytest.mark.parametrize(
    ("address", "expected", "loopback"),
    [("[::ffff:127.0.0.1]", "127.0.0.1", True), ("[::ffff:10.0.0.5]", "10.0.0.5", False), ("127.0.0.53%lo", "127.0.0.53", True)],
)
def test_an_address_of_ipv4_in_ipv6_is_one_of_ipv4(address: str, expected: str, loopback: bool) -> None:
    """Bug: Tomcat's port 8005, which Java opens on ::ffff:127.0.0.1, was told as open to others, and two checks failed."""
    (told,) = fact("listening_sockets").value(f'tcp LISTEN 0 1 {address}:8005 *:* users:(("java",pid=7,fd=4))\nend\n', {})
    assert (told["address"], told["loopback"], told["program"]) == (expected, loopback, "java")


def test_an_export_without_a_client_is_for_everyone() -> None:
    """So exports(5) has it; options before a client hold for those behind it."""
    source = "/etc/exports"
    told = value("nfs_exports", f"{source}:", f"{source}:/a", f"{source}:/b -ro,root_squash c (rw)", "done")
    assert [(e["path"], e["client"], e["options"]) for e in told] == [
        ("/a", "*", []),
        ("/b", "c", ["ro", "root_squash"]),
        ("/b", "*", ["ro", "root_squash", "rw"]),
    ]


def test_what_nfs_exports_now_is_told_besides() -> None:
    """Regression: an export that `exportfs -o` alone named passed, and so did one that still runs without root_squash."""
    source, running = "/etc/exports", "/var/lib/nfs/etab"
    lines = (
        f"{source}:/srv 10.0.0.0/24(rw)",
        f"{source}:/same 10.0.0.0/24(rw)",
        f"{running}:/same\t10.0.0.0/24(rw,sync,root_squash,anonuid=65534)",
        f"{running}:/srv\t10.0.0.0/24(rw,sync,no_root_squash)",
        f"{running}:/tmp\t*(ro,root_squash)",
        "done",
    )
    told = [(item["path"], item["client"], "no_root_squash" in item["options"]) for item in value("nfs_exports", *lines)]
    assert told == [
        ("/srv", "10.0.0.0/24", False),
        ("/same", "10.0.0.0/24", False),
        ("/srv", "10.0.0.0/24", True),
        ("/tmp", "*", False),
    ]


def test_a_client_that_is_root_until_exportfs_is_run_is_told() -> None:
    """Regression, false pass: `anonuid=0` was taken out of the file, and the kernel still made root of whoever came."""
    source, running = "/etc/exports", "/var/lib/nfs/etab"
    options = "rw,sync,all_squash,anonuid=0,anongid=0"
    told = value("nfs_exports", f"{source}:/srv 10.0.0.5(rw,sync)", f"{running}:/srv\t10.0.0.5({options})", "done")
    assert [item["options"] for item in told] == [["rw", "sync"], options.split(",")]
    same = value("nfs_exports", f"{source}:/srv 10.0.0.5({options})", f"{running}:/srv\t10.0.0.5({options})", "done")
    assert len(same) == 1


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


def test_includes_of_folders_that_are_not_read_are_errors() -> None:
    """Bug, false pass: a pattern in a folder that the probe does not read came to nothing, and so did a slash too many."""
    main = ("installed=yes", "minimum=", "== /etc/apache2/apache2.conf")
    for pattern in ("sites-extra/*.conf", "*/a.conf", "/etc/apache2/conf.d/more/*.conf", "/srv/*.conf"):
        with pytest.raises(ParseError, match="which the probe does not read"):
            value("apache", *main, f"|IncludeOptional {pattern}")
    assert value("apache", *main, "|IncludeOptional conf-enabled/*.conf")["directives"] == []
    lines = ("== /etc/nginx/nginx.conf", "|http {", "|include /etc/nginx//conf.d/*.conf;", "|}")
    told = value("nginx", "installed=yes", *lines, "== /etc/nginx/conf.d/a.conf", "|server { listen 81; }")
    assert [server["name"] for server in told["servers"]] == ["81"]
