"""Facts on web servers and shares: what is particular to each."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import fact


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
    ],
)
def test_what_a_server_does_with_what_comes_in_the_clear(lines: tuple[str, ...], expected: tuple[bool, bool, bool]) -> None:
    """Regression, false pass: one server on 80 and 443 was not looked at; false failures: certbot's ``if`` and ``location /``."""
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
