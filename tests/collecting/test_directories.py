"""What our conversation tells of a real slapd, whatever it requires of those who ask: and what it cannot tell."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from auditor.collecting.conversations import converse
from auditor.collecting.nmap_xml import host_slice, ports_of, read_scan
from auditor.errors import ParseError
from auditor.facts.ldap_service import FACT, PROBE
from tests.collecting.conftest import free_port
from tests.collecting.servers import lacking, program

WHY_NOT = lacking("slapd", "openssl")
pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

CONFIG = """
pidfile {folder}/pid
objectclass ( 1.3.6.1.4.1.55555.1 NAME 'thing' SUP top STRUCTURAL MUST cn MAY userPassword )
{first}
database ldif
suffix "cn=directory"
directory {folder}/entries
{then}
"""
ENTRIES = """dn: cn=directory
objectClass: thing
cn: directory

dn: cn=somebody,cn=directory
objectClass: thing
cn: somebody
userPassword: known
"""
TLS = "TLSCertificateFile {folder}/tls.pem\nTLSCertificateKeyFile {folder}/tls.pem\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificate") / "tls.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=directory", "-days", "2"]
    subprocess.run([*words, "-keyout", str(path), "-out", str(path) + ".crt"], check=True, capture_output=True, timeout=60)
    path.write_bytes(path.read_bytes() + Path(str(path) + ".crt").read_bytes())
    return path


@contextmanager
def slapd(folder: Path, certificate: Path, first: str, then: str, scheme: str) -> Iterator[int]:
    """A real directory with two entries and that configuration; gives its port on loopback."""
    shutil.copy(certificate, folder / "tls.pem")
    (folder / "entries").mkdir()
    config, port, slapd_here = folder / "slapd.conf", free_port(), program("slapd")
    config.write_text(CONFIG.format(folder=folder, first=first.format(folder=folder), then=then))
    subprocess.run([slapd_here, "-T", "add", "-f", str(config)], input=ENTRIES.encode(), check=True, timeout=30)
    words = [slapd_here, "-d", "0", "-f", str(config), "-h", f"{scheme}://127.0.0.1:{port}"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, "slapd does not listen"
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def told(port: int, scheme: str) -> dict[str, Any]:
    """The fact's item for the port, from the conversations as a scan holds them. Raises ParseError as the fact does."""
    tunnel = ' tunnel="ssl"' if scheme == "ldaps" else ""
    service = f'<service name="ldap" method="probed"{tunnel}/>'
    listed = f'<port protocol="tcp" portid="{port}"><state state="open"/>{service}</port>'
    host = f'<host><status state="up"/><address addr="127.0.0.1" addrtype="ipv4"/><ports>{listed}</ports></host>'
    end = '<runstats><finished exit="success"/></runstats>'
    here = ip_address("127.0.0.1")
    element = read_scan(f"<nmaprun>{host}{end}</nmaprun>").hosts[here]
    ports = ports_of(element, frozenset({port}))
    (came,) = converse([(here, PROBE, ports)], cancelled=lambda: False)
    value: Any = FACT.value(host_slice(element, PROBE, ports, came), {})
    return dict(value[0])


SEEN = {
    # configuration before and in the database: entries shown to strangers, StartTLS, whether mechanisms are told in the clear
    "no certificate": ("", "", 2, False, True),
    "a certificate": (TLS, "", 2, True, True),
    "for the owner alone": (TLS, "access to * by users read by anonymous auth", 0, True, True),
    "entries over TLS alone": (TLS, "access to * by ssf=128 read by * none", 2, True, True),
    "nothing without TLS": (TLS + "security ssf=128", "", 2, True, False),
    "nothing without TLS, by name": (TLS + "security tls=1", "", 2, True, False),
    "nothing without encryption, and no certificate": ("security ssf=128", "", 0, False, False),
    "no entries without TLS": (TLS, "security ssf=128", 2, True, True),
    "no changes without TLS": (TLS + "security update_ssf=128", "", 2, True, True),
    "no password without TLS": (TLS + "security simple_bind=64", "", 2, True, True),
    "who it is": (TLS + "require authc", "", 0, True, False),
    "who it is, of entries": (TLS, "require authc", 0, True, True),
    "a strong proof": (TLS + "require strong", "", 0, True, False),
    "SASL": (TLS + "require SASL", "", 0, True, False),
    "any bind": (TLS + "require bind", "", 2, True, True),
    "any bind, of entries": (TLS, "require bind", 2, True, True),
    "a bind that names somebody, and no bind at all": (TLS + "disallow bind_anon", "", 2, True, True),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_a_directory_requires_is_told_as_it_is(tmp_path: Path, certificate: Path, name: str) -> None:
    """Regression: ``any bind`` was unknown, and lets every stranger read who binds and names nobody."""
    first, then, entries, starttls, mechanisms = SEEN[name]
    with slapd(tmp_path, certificate, first, then, "ldap") as port:
        item = told(port, "ldap")
    assert (item["tls"], item["anonymous_entries"], item["starttls"]) == (False, entries, starttls)
    assert bool(item["mechanisms"]) == mechanisms


def test_tls_from_the_first_byte(tmp_path: Path, certificate: Path) -> None:
    with slapd(tmp_path, certificate, TLS, "access to * by users read by anonymous auth", "ldaps") as port:
        item = told(port, "ldaps")
    assert (item["tls"], item["starttls"], item["anonymous_entries"]) == (True, False, 0)


def test_a_password_in_the_clear_looks_the_same_whether_it_is_refused_or_not(tmp_path: Path, certificate: Path) -> None:
    """What the texts of `net-ldap-encrypted` say: that encryption is required cannot be seen without sending a password."""
    seen = []
    for number, required in enumerate(("", "security simple_bind=64")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with slapd(folder, certificate, TLS + required, "", "ldap") as port:
            seen.append(({**told(port, "ldap"), "port": 0}, password(port)))
    assert seen[0][0] == seen[1][0]
    assert (seen[0][1], seen[1][1]) == (0, 13)  # success, and confidentiality required


def password(port: int) -> int:
    """The code by which the directory answers a right password in the clear."""
    name, word = b"cn=somebody,cn=directory", b"known"
    bind = b"\x02\x01\x03\x04" + bytes([len(name)]) + name + b"\x80" + bytes([len(word)]) + word
    message = b"\x02\x01\x01\x60" + bytes([len(bind)]) + bind
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(b"\x30" + bytes([len(message)]) + message)
        answer = line.recv(1000)
    return answer[answer.index(b"\x0a\x01") + 2]


def test_whom_the_directory_lets_speak_tls_is_not_known_to_whoever_has_no_certificate(tmp_path: Path, certificate: Path) -> None:
    """StartTLS that ends in nothing is left out where entries were shown, and otherwise nothing is told."""
    demand = TLS + "TLSCACertificateFile {folder}/tls.pem\nTLSVerifyClient demand"
    for number, (then, shown) in enumerate((("", True), ("access to * by users read by anonymous auth", False))):
        folder = tmp_path / str(number)
        folder.mkdir()
        with slapd(folder, certificate, demand, then, "ldap") as port:
            if shown:
                assert "starttls" not in told(port, "ldap")
            else:
                with pytest.raises(ParseError, match="StartTLS"):
                    told(port, "ldap")


def test_a_restricted_operation_is_no_refusal(tmp_path: Path, certificate: Path) -> None:
    """Nobody may search, also who logged on: that says nothing of strangers."""
    with (
        slapd(tmp_path, certificate, TLS, "restrict search", "ldap") as port,
        pytest.raises(ParseError, match="code 53"),
    ):
        told(port, "ldap")
