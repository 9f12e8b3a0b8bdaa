"""What nmap's list of TLS versions lacks: refused by the server, or only not heard."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.conversations import CLOSED, GARBLED, NO_TIME, SILENT, converse
from auditor.collecting.nmap_xml import host_slice, ports_of
from auditor.facts import by_name
from auditor.facts._tls_hello import CONVERSATIONS, hello
from auditor.facts.interface import NetworkProbe

HERE = ipaddress.ip_address("127.0.0.1")
PROBE = NetworkProbe("scripts", scripts=("ssl-enum-ciphers",), service_detection=True, conversations=CONVERSATIONS)
TLS_13 = (
    '<table key="TLSv1.3"><table key="ciphers"><table><elem key="name">TLS_AKE_WITH_AES_256_GCM_SHA384</elem></table></table>'
    "</table>"
)
NAMES = [c.name for c in CONVERSATIONS]


def value(output: str) -> Any:
    fact = by_name("tls")
    assert fact is not None
    return fact.value(output, {})


def seen_by_nmap(port: int, *versions: str, service: str = '<service name="http" tunnel="ssl" method="probed"/>') -> Any:
    script = f'<script id="ssl-enum-ciphers">{"".join(versions)}</script>' if versions else ""
    listed = f'<port protocol="tcp" portid="{port}"><state state="open"/>{service}{script}</port>'
    return fromstring(f'<host><status state="up"/><ports>{listed}</ports></host>')


def spoken_to(port: int, *versions: str, **changes: str) -> str:
    """The slice of a server on this machine, of which nmap is said to have seen these versions."""
    host = seen_by_nmap(port, *versions, **changes)
    ports = ports_of(host, frozenset({port}))
    (told,) = converse([(HERE, PROBE, ports)], cancelled=lambda: False)
    return host_slice(host, PROBE, ports, told)


def slice_with(**answers: str) -> str:
    """A slice with what each question came to: `refused`, `chose …`, or why nothing did; the others were refused."""
    told = {name: answers.get(name.replace("-", "_"), "refused") for name in NAMES}
    keys = {n: "refused" if said == "refused" else "chose" if said.startswith("0") else "failed" for n, said in told.items()}
    scripts = "".join(f'<script id="{n}"><elem key="{keys[n]}">{said}</elem></script>' for n, said in told.items())
    ciphers = '<table key="TLSv1.3"><table key="ciphers"><elem>TLS_AKE_WITH_AES_256_GCM_SHA384</elem></table></table>'
    listed = f'<script id="ssl-enum-ciphers">{ciphers}</script>'
    return (
        '<host><status state="up"/><ports><port protocol="tcp" portid="443"><state state="open"/>'
        f'<service name="http" tunnel="ssl" method="probed"/>{listed}{scripts}</port></ports></host>'
    )


def test_a_version_that_nmap_missed_is_found() -> None:
    """Regression, false pass: nmap takes connections that a limit drops for refusals; TLS 1.0 was not on its list."""
    read = value(slice_with(tls_tls10="0301 0005"))
    assert read == [
        {
            "port": 443,
            "versions": ["TLSv1.0", "TLSv1.3"],
            "ciphers": ["TLS_AES_256_GCM_SHA384", "TLS_RSA_WITH_RC4_128_SHA"],
            "incomplete": True,
        }
    ]


@pytest.mark.parametrize("said", [CLOSED, SILENT])
def test_hanging_up_is_a_refusal_between_two_answers_alone(said: str) -> None:
    """Some servers do not say that they know no such version; one that drops all it is asked refuses nothing."""
    assert "incomplete" not in value(slice_with(tls_tls10=said, tls_tls11=said))[0]
    for witness in ("tls_before", "tls_after"):
        assert value(slice_with(tls_tls10=said, **{witness: said}))[0]["incomplete"] is True
        assert "incomplete" not in value(slice_with(**{witness: said}))[0]  # each was refused in so many words


@pytest.mark.parametrize("said", [GARBLED, NO_TIME])
def test_what_is_no_refusal_leaves_the_list_open(said: str) -> None:
    assert value(slice_with(tls_tls12_old=said))[0]["incomplete"] is True


def test_another_version_than_the_one_asked_for_is_a_refusal() -> None:
    """A server answers with the newest that it knows, below what is offered."""
    assert "incomplete" not in value(slice_with(tls_tls11="0301 002f"))[0]


def test_a_slice_from_before_these_questions_stands_as_it_is() -> None:
    assert "incomplete" not in value(slice_with().replace('id="tls-', 'id="old-'))[0]


def test_only_tls_from_the_first_byte_is_spoken() -> None:
    """A server that speaks TLS after STARTTLS would take it for garbage."""
    for service in ('<service name="smtp" method="probed"/>', '<service name="ldap" method="probed"/>'):
        assert "tls-before" not in spoken_to(1, TLS_13, service=service)
    assert "tls-before" not in spoken_to(1)
    assert "tls-before" in spoken_to(1, TLS_13, service='<service name="https" method="table"/>')


def test_the_first_words_are_short_enough_for_old_servers() -> None:
    """Some hang where they are 256 to 511 bytes long."""
    for conversation in CONVERSATIONS:
        talk = conversation.talk()
        assert len(next(talk) or b"") < 256


def answer(data: bytes) -> Any:
    talk = CONVERSATIONS[0].talk()
    next(talk)
    try:
        talk.send(data)
    except StopIteration as end:
        return end.value
    return None


ALERT, WARNING = bytes.fromhex("15030100020228"), bytes.fromhex("15030300020170")


def server_hello(version: str, cipher: str) -> bytes:
    body = bytes.fromhex(version) + bytes(32) + b"\x02ab" + bytes.fromhex(cipher) + b"\0"
    return b"\x16\x03\x03" + (len(body) + 4).to_bytes(2, "big") + b"\x02" + len(body).to_bytes(3, "big") + body


def test_an_answer_is_read_as_the_protocol_says() -> None:
    """A fatal alert refuses, a warning does not; a hello tells version and cipher."""
    assert answer(ALERT) == (("refused", "alert"),)
    assert answer(WARNING) is None
    assert answer(WARNING + server_hello("0301", "0005")) == (("chose", "0301 0005"),)
    assert answer(server_hello("0303", "c02f")[:30]) is None


@given(st.binary(max_size=200))
def test_no_answer_breaks_the_reading(data: bytes) -> None:
    try:
        assert answer(data) is None or data[:1] in (b"\x15", b"\x16")
    except (ValueError, IndexError):
        return


@contextmanager
def openssl(folder: Path, *arguments: str) -> Iterator[int]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = ["-key", str(key), "-cert", str(certificate)]
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *files, "-quiet", "-www", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@needs_openssl
def test_a_real_server_refuses_or_is_found_out(tmp_path: Path) -> None:
    """One of TLS 1.3 alone says so; of one that speaks TLS 1.0 and anonymous ciphers too, a short list of nmap's is mended."""
    with openssl(tmp_path, "-tls1_3") as port:
        (strict,) = value(spoken_to(port, TLS_13))
    assert (strict["versions"], "incomplete" in strict) == (["TLSv1.3"], False)
    with openssl(tmp_path, "-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0") as port:
        (lax,) = value(spoken_to(port, TLS_13))
    assert lax["versions"] == ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
    assert lax["incomplete"] is True


@contextmanager
def hangs_up() -> Iterator[int]:
    """A server that closes each connection at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    listening.accept()[0].close()
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        stop.set()
        thread.join()


def test_a_server_that_takes_no_more_connections_refuses_nothing() -> None:
    """Regression, false pass: what nmap had seen before a limit on connections was taken for all that there is."""
    with hangs_up() as port:
        (read,) = value(spoken_to(port, TLS_13))
    assert read["incomplete"] is True


def test_a_hello_offers_what_it_is_given() -> None:
    """Record, message, version, and the ciphers in order."""
    words = hello(0x0301, {0x0005: "", 0x000A: ""})
    assert words[:3] == b"\x16\x03\x01"
    assert words[9:11] == b"\x03\x01"
    assert b"\x00\x04\x00\x05\x00\x0a\x01\x00" in words
    assert len(words) == 5 + int.from_bytes(words[3:5], "big")
