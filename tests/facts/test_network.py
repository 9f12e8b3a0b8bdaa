"""Facts read from the network: real slices parse to what they show, and nothing else is ever taken for an observation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ParseError
from auditor.facts import Fact, by_name
from auditor.facts._nmap_output import clean, read
from auditor.loading import load_workspace
from auditor.model import Case
from auditor.workflow.cases import run_cases

GOLDENS = Path(__file__).parents[1] / "golden" / "facts"
DATAGRAMS = ("dns_service", "ntp_service", "snmp", "tftp_service", "udp_services")
NAMES = (
    "ldap_service",
    "live_hosts",
    "network_services",
    "open_ports",
    "open_ports_ipv6",
    "rdp_service",
    "smb_service",
    "ssh_algorithms",
    "tls",
    "vnc_service",
    "web_headers",
    *DATAGRAMS,
)
STORED = [path for name in NAMES for path in sorted((GOLDENS / name).glob("*.txt"))]


def fact(name: str) -> Fact:
    found = by_name(name)
    assert found is not None
    return found


def host(*ports: str) -> str:
    return f'<host><status state="up"/><address addr="10.0.0.1"/><ports>{"".join(ports)}</ports></host>'


def port(number: object, inner: str = "") -> str:
    return f'<port protocol="tcp" portid="{number}"><state state="open"/>{inner}</port>'


@pytest.mark.parametrize("path", STORED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_real_slices_parse_to_what_was_there(path: Path) -> None:
    """Each stored slice of a real scan gives the value beside it."""
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["value"] == fact(path.parent.name).value(path.read_text(), told["args"])


@pytest.mark.parametrize("name", NAMES)
def test_the_example_shown_to_authors_has_the_shape(name: str) -> None:
    """Every fact has goldens, and its example is a value that the parser could give."""
    from auditor.facts.shape import conform

    assert conform(fact(name).shape, fact(name).example) == fact(name).example
    assert any(path.parent.name == name for path in STORED)


@pytest.mark.parametrize("name", NAMES)
@given(text=st.one_of(st.text(), st.text(alphabet='<>/="&;#x0123 hostsportscripttableelem\0\x1b')))
def test_any_text_is_a_whole_value_or_a_parse_error(name: str, text: str) -> None:
    """No output makes a parser raise anything but ParseError; the shape is held in `value`."""
    try:
        fact(name).value(text, {})
    except ParseError:
        return


@given(data=st.data())
def test_a_slice_that_is_cut_is_never_a_shorter_list(data: Any) -> None:
    """However much of a slice's end is missing, what is left is a parse error, not fewer open ports."""
    path = data.draw(st.sampled_from(STORED))
    text = path.read_text().rstrip()
    with pytest.raises(ParseError):
        fact(path.parent.name).value(text[: data.draw(st.integers(0, len(text) - 1))], {})


@pytest.mark.parametrize("name", [n for n in NAMES if n != "live_hosts"])
def test_a_host_that_did_not_answer_has_no_value(name: str) -> None:
    """A slice that does not say `up` is not a host without open ports."""
    with pytest.raises(ParseError):
        fact(name).value('<host><status state="down"/><ports/></host>', {})


def test_entities_are_refused() -> None:
    """An entity bomb is refused at its declaration; the plain DOCTYPE that nmap writes is not."""
    bomb = '<!DOCTYPE host [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><host>&b;</host>'
    with pytest.raises(ParseError, match="entities"):
        fact("open_ports").value(bomb, {})
    assert read("<!DOCTYPE host><host/>", "host") == ([], True)


def test_deep_nesting_is_refused() -> None:
    """XML deeper than any that nmap writes is refused before it is built."""
    with pytest.raises(ParseError, match="deep"):
        fact("open_ports").value("<host>" + "<table>" * 500 + "</table>" * 500 + "</host>", {})


def test_banners_cannot_steer_a_terminal() -> None:
    """Control characters, also as references, and marks that reorder a line are replaced."""
    assert clean("a\x1b[2Jb\u202ec&#27;d&#x200F;e&#xD800;f&#10;") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffde\ufffdf&#10;"
    service = '<service name="ftp" product="x&#27;[2J" method="probed"/>'
    value: Any = fact("network_services").value(host(port(21, service)), {})
    assert value[0]["product"] == "x\ufffd[2J"


@pytest.mark.parametrize("number", ["0", "65536", "٢٢", "", "22 "])
def test_what_is_no_port_is_a_parse_error(number: str) -> None:
    """A port outside 1 to 65535 or in other digits breaks the slice."""
    with pytest.raises(ParseError):
        fact("open_ports").value(host(port(number)), {})


@pytest.mark.parametrize("number", [443, 8443])
@pytest.mark.parametrize(
    "service", ["", '<service name="https" method="table"/>', '<service name="tcpwrapped" method="probed"/>']
)
def test_silence_on_a_tls_port_is_not_the_absence_of_tls(number: int, service: str) -> None:
    """A port usual for TLS that did not say what it is leaves the question open; one that speaks plain HTTP answers it."""
    with pytest.raises(ParseError, match="TLS"):
        fact("tls").value(host(port(number, service)), {})
    assert fact("tls").value(host(port(number, '<service name="http" method="probed"/>')), {}) == []


@pytest.mark.parametrize("service", ["", '<service name="http" method="table"/>', '<service name="tcpwrapped" method="probed"/>'])
def test_silence_on_a_web_port_is_not_the_absence_of_a_web_server(service: str) -> None:
    """Regression, false pass: no web server asked for a password in the clear where the one on port 80 hung up on nmap."""
    for number in (80, 8080):
        with pytest.raises(ParseError, match="headers"):
            fact("web_headers").value(host(port(number, service)), {})
    assert fact("web_headers").value(host(port(80, '<service name="ssh" method="probed"/>')), {}) == []
    assert fact("web_headers").value(host(port(81, service)), {}) == []


@pytest.mark.parametrize(
    ("alternative", "names"),
    [
        ("", ["www.health.example"]),
        ("DNS:old.health.example", ["old.health.example"]),
        ("DNS:www.health.example, DNS:old.health.example", ["www.health.example", "old.health.example"]),
        ("IP Address:10.0.0.5", ["www.health.example", "10.0.0.5"]),
        ("email:a@health.example", ["www.health.example"]),
    ],
)
def test_a_certificate_s_common_name_counts_only_where_it_has_no_other(alternative: str, names: list[str]) -> None:
    """Regression, false pass: clients refuse a host whose name stands in the common name alone, beside names of other hosts."""
    text = (GOLDENS / "tls" / "good.txt").read_text()
    text = text.replace(
        "DNS:portal.health.example, DNS:www.health.example, IP Address:10.213.7.2", alternative or "email:x@y.example"
    ).replace('<elem key="commonName">portal', '<elem key="commonName">www')
    value: Any = fact("tls").value(text, {})
    assert names == value[0]["certificate"]["names"]


@pytest.mark.parametrize(
    ("key", "ciphers", "another"),
    [
        ("ec", ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], True),
        ("rsa", ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], True),
        ("rsa", ["TLS_RSA_PSK_WITH_AES_128_CBC_SHA", "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"], True),
        (
            "rsa",
            ["TLS_AKE_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "TLS_DH_anon_WITH_AES_128_CBC_SHA"],
            False,
        ),
        ("unknown", ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"], False),
        ("ec", ["TLS_AKE_WITH_AES_256_GCM_SHA384"], False),
    ],
)
def test_a_second_certificate_is_told_by_the_ciphers(key: str, ciphers: list[str], another: bool) -> None:
    """Regression, false pass: a server's old RSA certificate, expired and weak, hid behind its new one with a curve."""
    listed = "".join(f"<elem>{name}</elem>" for name in ciphers)
    said = f'<script id="ssl-enum-ciphers"><table key="TLSv1.2"><table key="ciphers">{listed}</table></table></script>'
    text = (GOLDENS / "tls" / "good.txt").read_text().replace('<elem key="type">rsa', f'<elem key="type">{key}')
    start, end = text.index('<script id="ssl-enum-ciphers">'), text.index("</script>", text.index("ssl-enum-ciphers"))
    value: Any = fact("tls").value(text[:start] + said + text[end + len("</script>") :], {})
    assert another is value[0].get("another_certificate", False)


def test_a_tls_port_without_versions_is_a_parse_error() -> None:
    """A certificate without versions would let a check pass on what nobody saw."""
    half = '<script id="ssl-cert"><table key="subject"/></script>'
    with pytest.raises(ParseError, match="versions"):
        fact("tls").value(host(port(4444, half)), {})


def test_a_certificate_that_could_not_be_read_passes_no_check() -> None:
    """A port that speaks only old TLS fails on its versions; what rests on its certificate is unknown, for that port alone."""
    half = '<script id="ssl-enum-ciphers"><table key="TLSv1.0"/></script>'
    value = fact("tls").value(host(port(9443, half)), {})
    assert value == [{"port": 9443, "versions": ["TLSv1.0"]}]
    loaded = load_workspace(Path(__file__).parents[2])
    assert loaded.catalogue is not None
    kinds = {}
    for name in ("net-tls-versions", "net-tls-certificate-expiry", "net-tls-certificate-strength"):
        one = loaded.catalogue.checks[name]
        case = Case("half", {"tls": value}, "fail")
        (given,) = run_cases(replace(one, cases=(case,)), Path())
        kinds[name] = given.got
    assert kinds == {
        "net-tls-versions": "fail",
        "net-tls-certificate-expiry": "unknown",
        "net-tls-certificate-strength": "unknown",
    }


@pytest.mark.parametrize(
    ("ciphers", "none"),
    [
        (("TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_PSK_DHE_WITH_AES_128_CCM_8"), True),
        (("TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"), True),
        (("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"), False),
        (("TLS_RSA_PSK_WITH_AES_128_CBC_SHA",), False),
        (("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA",), False),
        (("TLS_AKE_WITH_AES_128_GCM_SHA256",), False),
        ((), False),
    ],
)
def test_there_is_no_certificate_only_where_every_cipher_says_so(ciphers: tuple[str, ...], none: bool) -> None:
    """Anonymous TLS and keys known before have none; from anything else a missing certificate is one that was not read."""
    listed = "".join(f"<elem>{name}</elem>" for name in ciphers)
    said = f'<table key="TLSv1.2"><table key="ciphers">{listed}</table></table>'
    (value,) = fact("tls").value(host(port(10050, f'<script id="ssl-enum-ciphers">{said}</script>')), {})  # type: ignore[misc,union-attr]
    assert ("no_certificate" in value, "certificate" in value) == (none, False)


def test_an_ssh_port_without_algorithms_is_a_parse_error() -> None:
    """SSH that did not show its algorithms is not SSH without weak ones."""
    with pytest.raises(ParseError, match="SSH"):
        fact("ssh_algorithms").value(host(port(22, '<service name="ssh" method="table"/>')), {})


def test_both_directions_of_an_ssh_connection_count() -> None:
    """Where a server offers other ciphers in the other direction, the weak one is seen."""
    lists = "".join(
        f'<table key="{key}"><elem>{name}</elem></table>'
        for key, name in (
            ("kex_algorithms", "k"),
            ("server_host_key_algorithms", "h"),
            ("encryption_algorithms_client_to_server", "strong"),
            ("encryption_algorithms_server_to_client", "weak"),
        )
    )
    value: Any = fact("ssh_algorithms").value(host(port(22, f'<script id="ssh2-enum-algos">{lists}</script>')), {})
    assert value == [{"port": 22, "kex": ["k"], "host_keys": ["h"], "ciphers": ["strong", "weak"], "macs": []}]


def test_port_22_that_hangs_up_is_not_the_absence_of_ssh() -> None:
    """An SSH server that takes the connection and says nothing (too busy, or it shuns the auditor) is not "no SSH server"."""
    output = (
        '<host><status state="up"/><ports closed=""><port protocol="tcp" portid="22"><state state="open"/>'
        '<service name="tcpwrapped" method="probed"/></port></ports></host>'
    )
    with pytest.raises(ParseError):
        fact("ssh_algorithms").value(output, {})


@pytest.mark.parametrize(
    ("service", "web", "network"),
    [
        ('<service name="http" method="probed"/>', False, False),
        ('<service name="http" tunnel="ssl" method="probed"/>', True, True),
        ('<service name="https" tunnel="ssl" method="table"/>', True, True),
        ('<service name="ssl" method="probed"/>', True, True),
        ('<service name="https" method="table"/>', None, None),
        ('<service name="tcpwrapped" method="probed"/>', None, None),
        ('<service name="unknown" method="probed"/>', None, None),
        ("", None, None),
    ],
)
def test_tls_that_nmap_could_not_tell_is_left_out(service: str, web: bool | None, network: bool | None) -> None:
    """Regression: a service that was not identified, or in TLS, was said to speak in the clear."""
    output = host(port(443, f'{service}<script id="http-headers"/><script id="http-title"/>'))
    found: list[Any] = [fact(name).value(output, {}) for name in ("web_headers", "network_services")]
    assert [web, network] == [value[0].get("tls") for value in found]


def test_a_front_page_that_was_not_read_redirects_nobody_and_is_not_plain() -> None:
    """Regression: a server whose title was not told was said not to redirect; what has no front page surely does not."""
    http, ssh = ('<service name="http" method="probed"/>', '<service name="ssh" method="probed"/>')
    value: Any = fact("network_services").value(host(port(22, ssh), port(80, http), port(81)), {})
    assert [False, None, None] == [one.get("redirects_to_tls") for one in value]


def in_plain_words(*said: bytes) -> str:
    """What is told of a server that is asked for its page in plain words and says this."""
    probe = fact("network_services").network
    assert probe is not None
    talk = probe.conversations[0].talk()
    assert next(talk) == b"GET / HTTP/1.0\r\n\r\n"
    assert [talk.send(words) for words in said[:-1]] == [b""] * (len(said) - 1)
    with pytest.raises(StopIteration) as end:
        talk.send(said[-1])
    ((key, value),) = end.value.value
    return f"{key} {value}"


def test_a_page_for_plain_words_is_told_by_its_status() -> None:
    assert in_plain_words(b"HTTP/1.1 200 OK\r\nX: y\r\n", b"\r\nbody") == "status 200"
    assert in_plain_words(b"HTTP/1.0 404 no\n\n") == "status 404"
    assert in_plain_words(b"HTTP/1.1 301 Moved\r\nLocation: HTTPS://h/\r\n\r\n") == "elsewhere 301"
    assert in_plain_words(b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\nLocation: https://h") == "status 302"


@pytest.mark.parametrize(
    ("said", "clear"),
    [
        ("status 200", True),
        ("status 401", True),
        ("status 302", True),
        ("status 400", False),
        ("status 403", False),
        ("elsewhere 301", False),
        ("failed silence", False),
    ],
)
def test_a_server_that_nmap_cannot_name_speaks_in_the_clear_on_proof(said: str, clear: bool) -> None:
    """Regression, false failure: HTTPS on 8080, of which nmap lost its own probes for TLS, was told as without encryption.

    Its page says nothing, for the script speaks TLS where plain words fail. An answer to plain words of our own does, unless it
    is one that servers of TLS alone give to them.
    """
    key, value = said.split()
    told = f'<script id="plain-http"><elem key="{key}">{value}</elem></script>'
    output = host(port(8080, f'<service name="http-proxy" method="table"/><script id="http-title"/>{told}'))
    (one,) = cast("list[Any]", fact("network_services").value(output, {}))
    assert (one["service"], one.get("tls")) == (("http", False) if clear else ("http-proxy", None))
    assert one["redirects_to_tls"] is False


def test_a_port_that_is_known_to_speak_tls_and_nothing_else_is_not_settled() -> None:
    """Regression: nmap names a service in TLS that it cannot look into `ssl`, which was taken for its being something else."""
    output = host(port(4443, '<service name="ssl" method="probed"/>'))
    for name in ("ldap_service", "rdp_service", "ssh_algorithms", "vnc_service", "web_headers"):
        assert (name, []) == (name, fact(name).proven(output, {}))  # type: ignore[misc]
    with pytest.raises(ParseError, match="TLS"):
        fact("tls").value(output, {})


@pytest.mark.parametrize("name", ["network_services", "tls", "ssh_algorithms"])
def test_an_open_port_that_says_nothing_proves_nothing(name: str) -> None:
    """What a port offered once cannot be told to have ended by a port that is open and silent; a refusal can."""
    output = (
        '<host><status state="up"/><ports closed="2300-2301"><port protocol="tcp" portid="2323"><state state="open"/>'
        '<service name="3d-nfsd" method="table"/></port></ports></host>'
    )
    assert fact(name).proven is not None
    assert [i["port"] for i in fact(name).proven(output, {})] == [2300, 2301]


@pytest.mark.parametrize("name", DATAGRAMS)
@given(data=st.binary(max_size=80))
def test_what_comes_back_over_udp_is_an_answer_or_none(name: str, data: bytes) -> None:
    """No datagram makes a question's filter raise anything but what the sender takes for no answer."""
    probe = fact(name).network
    assert probe is not None
    for question in probe.questions:
        try:
            assert question.keep(data) is None or isinstance(question.keep(data), bytes)
        except (ValueError, IndexError, TypeError):
            continue


def test_a_resolver_that_cannot_reach_others_is_open_all_the_same() -> None:
    """Regression, false pass: SERVFAIL with `recursion available` says that the server tried for us."""
    for case in ("open", "forwarder"):
        value: Any = fact("dns_service").value((GOLDENS / f"dns_service/{case}.txt").read_text(), {})
        assert [True] == [server["recursion"] for server in value]


def test_a_name_server_that_answers_only_about_itself_leaves_recursion_open() -> None:
    """It is there, and whether it asks others for us was not answered: no value rather than a pass."""
    with pytest.raises(ParseError, match="about itself"):
        fact("dns_service").value("recursion silent\nversion answered 8500\nend\n", {})


def test_silence_over_udp_proves_nothing_and_an_agent_that_is_there_does() -> None:
    """A finding closes when an agent that answers version 3 before and after leaves the community out, or the port refuses.

    Regression, closed without proof: the answer to version 3 alone was taken for it.
    """
    one = fact("snmp")
    names = [q.name for q in one.network.questions]  # type: ignore[union-attr]
    quiet = "".join(f"{name} silent\n" for name in names) + "end\n"
    alive = quiet.replace("alive silent", "alive answered")
    assert one.proven is not None
    assert ([], []) == (one.value(quiet, {}), one.proven(quiet, {}))
    for output in (quiet.replace("silent", "refused"), alive.replace("silent", "withheld")):
        assert 4 == len(one.proven(output, {}))
    for output in (alive, alive.replace("v1-public silent", "v1-public withheld")):
        with pytest.raises(ParseError, match="nothing shows"):
            one.value(output, {})
    partly = alive.replace("v2c-public silent", "v2c-public answered").replace("v1-public silent", "v1-public withheld")
    assert 2 == len(one.proven(partly, {}))


def test_a_device_cannot_steer_a_terminal_by_its_description() -> None:
    """What an SNMP agent calls itself is a stranger's text."""
    names = [q.name for q in fact("snmp").network.questions]  # type: ignore[union-attr]
    said = "".join(f"{name} answered {b'x'.hex()}\n" for name in names).replace(b"x".hex(), b"\x1b[2J".hex()) + "end\n"
    value: Any = fact("snmp").value(said, {})
    assert "\ufffd[2J" == value[0]["description"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("answered 00050001", [{"port": 69, "answer": "error 1"}]),
        ("answered 0003", [{"port": 69, "answer": "file"}]),
        ("refused", [{"port": 69, "answer": "refused"}]),
        ("silent", []),
    ],
)
def test_tftp_that_is_silent_is_not_tftp_that_is_absent(line: str, value: list[dict[str, object]]) -> None:
    """A server answers from another port, which firewalls drop: silence is neither a pass nor proof."""
    one = fact("tftp_service")
    assert one.proven is not None
    assert (value, value) == (one.value(f"read {line}\nend\n", {}), one.proven(f"read {line}\nend\n", {}))


def test_of_a_file_or_a_directory_nothing_is_kept() -> None:
    """A block of a file, a domain controller's root entry: that they came is all there is to know."""
    (tftp,) = fact("tftp_service").network.questions  # type: ignore[union-attr]
    assert b"\0\x03" == tftp.keep(b"\0\x03\0\x01root:x:0:0")
    assert b"\0\x05\0\x01" == tftp.keep(b"\0\x05\0\x01File not found\0")
    assert [None, None] == [tftp.keep(b"\0\x01\0\0"), tftp.keep(b"\0\x05")]
    cldap = next(q for q in fact("udp_services").network.questions if q.name == "cldap")  # type: ignore[union-attr]
    entry, done = bytes.fromhex("300a02024155640404003000"), bytes.fromhex("300d0202415565070a010004000400")
    assert [b"", b""] == [cldap.keep(entry), cldap.keep(done)]
    assert [None, None] == [cldap.keep(entry.replace(b"AU", b"AV")), cldap.keep(entry.replace(b"\x64", b"\x61"))]


def test_a_server_whose_headers_or_dialects_were_not_read_has_no_value() -> None:
    """It is there and did not show what was asked: unknown, never in order."""
    with pytest.raises(ParseError, match="headers"):
        fact("web_headers").value(host(port(8080, '<service name="http" product="nginx" method="probed"/>')), {})
    with pytest.raises(ParseError, match="dialects"):
        fact("smb_service").value(host(port(445)), {})


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("max-age=31536000", 31536000),
        ('includeSubDomains; Max-Age = "63072000" ; preload', 63072000),
        ("max-age=0", 0),
        ("includeSubDomains", 0),
        ("max-age=", 0),
        ("x-max-age=31536000", 0),
    ],
)
def test_how_long_a_browser_is_told_to_come_over_tls(said: str, seconds: int) -> None:
    """The directive in any spelling that browsers take, and no other."""
    elem = f"<elem key='strict-transport-security'>{said}</elem>".replace('"', "&quot;")
    value: Any = fact("web_headers").value(host(port(443, f'<script id="http-headers">{elem}</script>')), {})
    assert seconds == value[0]["hsts_seconds"]


def test_what_hosts_show_alike_is_held_once() -> None:
    """Each of a department's hosts lists the same thousand ports; four departments of them are read at the same time."""
    (one, other), whole = read("<nmaprun><host ports='1-9,11'/><host ports='1-9,11'/></nmaprun>", "nmaprun")
    assert whole
    assert one.get("ports") is other.get("ports") is not None
