"""Conversations over TCP: what a server says is bounded, and whatever is no answer says why there is none."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from auditor.collecting import conversations
from auditor.collecting.conversations import CLOSED, GARBLED, LONG, NO_TIME, NO_TLS, SILENT, Call, converse, hold
from auditor.collecting.nmap_xml import host_slice, ports_of
from auditor.facts.interface import SECURE, Conversation, NetworkProbe, Talk

pytestmark = pytest.mark.alone

HERE = ipaddress.ip_address("127.0.0.1")
Serve = Callable[[socket.socket], None]


def greet() -> Talk:
    """Say hello, and take a line."""
    line = b""
    while not line.endswith(b"\n"):
        line += yield b"" if line else b"hello\n"
    if not line.startswith(b"yes"):
        raise ValueError("no answer")
    return (("said", line.decode().strip()),)


def greet_securely() -> Talk:
    """The same over TLS."""
    yield SECURE
    return (yield from greet())


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A service on 127.0.0.1; gives its port."""
    made = socket.create_server((str(HERE), 0))
    stop = threading.Event()

    def take() -> None:
        made.settimeout(0.05)
        while not stop.is_set():
            try:
                peer, _ = made.accept()
            except OSError:
                continue
            peer.settimeout(2)
            with peer:
                try:
                    serve(peer)
                except OSError:
                    continue

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield made.getsockname()[1]
    finally:
        stop.set()
        thread.join(5)
        made.close()


def call(port: int, talk: Callable[[], Talk] = greet, *, tls: bool = False) -> Call:
    return Call(HERE, port, tls, Conversation("greet", frozenset({port}), frozenset({"greeter"}), talk))


def outcome(port: int, talk: Callable[[], Talk] = greet, *, tls: bool = False) -> object:
    one = call(port, talk, tls=tls)
    return hold([one], cancelled=lambda: False, patience=0.4)[one]


def says(*pieces: bytes, then: float = 0.0) -> Serve:
    def serve(peer: socket.socket) -> None:
        peer.recv(100)
        for piece in pieces:
            peer.sendall(piece)
            time.sleep(0.02)
        time.sleep(then)

    return serve


def test_what_comes_in_pieces_is_put_together() -> None:
    with server(says(b"ye", b"s 4", b"2\n")) as port:
        assert (("said", "yes 42"),) == outcome(port)


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (says(), CLOSED),
        (says(b"yes"), CLOSED),
        (says(then=1.0), SILENT),
        (says(b"yes", then=1.0), SILENT),
        (says(b"no\n"), GARBLED),
        (says(b"y" * 70_000), LONG),
    ],
)
def test_what_is_no_answer_says_why(serve: Serve, reason: str) -> None:
    """Nothing, half of it, something else, or too much of it: never an answer."""
    with server(serve) as port:
        assert reason == outcome(port)


@pytest.mark.parametrize("fault", [struct.error, KeyError, AssertionError, RecursionError, UnicodeDecodeError])
def test_words_that_nobody_thought_of_cost_one_conversation(fault: type[Exception]) -> None:
    """Regression: five bytes from one host's port 3389 ended the scan of its whole department."""

    def stumble() -> Talk:
        yield b"hello\n"
        if fault is UnicodeDecodeError:
            b"\xff".decode("ascii")
        raise fault

    with server(says(b"what")) as port, server(says(b"yes 42\n")) as other:
        one, two = call(port, stumble), call(other)
        assert hold([one, two], cancelled=lambda: False, patience=0.4) == {one: GARBLED, two: (("said", "yes 42"),)}


def test_a_port_that_closed_since_it_was_found_is_no_answer() -> None:
    with server(says()) as port:
        pass
    assert CLOSED == outcome(port)


def test_a_connection_that_fails_once_is_tried_again() -> None:
    turns: list[int] = []

    def serve(peer: socket.socket) -> None:
        turns.append(1)
        if len(turns) > 1:
            says(b"yes\n")(peer)

    with server(serve) as port:
        assert (("said", "yes"),) == outcome(port)


def test_a_server_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte at a time, each in time, would hold up a night."""
    monkeypatch.setattr(conversations, "LONGEST", 0.5)
    with server(says(*[b"y"] * 200)) as port:
        started = time.monotonic()
        assert LONG == outcome(port)
        assert time.monotonic() - started < 3


def test_a_host_that_is_all_such_ports_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked for want of time is told as that."""
    monkeypatch.setattr(conversations, "FOR_A_HOST", 0.0)
    with server(says(b"yes\n")) as port:
        assert NO_TIME == outcome(port)


def test_stopping_leaves_out_what_was_not_finished() -> None:
    with server(says(then=1.0)) as port:
        assert {} == hold([call(port)], cancelled=lambda: True)
        probe = NetworkProbe("conversations", conversations=(call(port).conversation,))
        seen = host(port)
        assert [None] == converse([(HERE, probe, ports_of(seen, frozenset({port})))], cancelled=lambda: True)


def host(port: int, service: str = "") -> Element:
    state = f'<port protocol="tcp" portid="{port}"><state state="open"/>{service}</port>'
    return fromstring(f'<host><address addr="127.0.0.1" addrtype="ipv4"/><ports>{state}</ports></host>')


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    import subprocess

    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.mark.parametrize(("talk", "tls"), [(greet, True), (greet_securely, False)])
def test_tls_is_spoken_from_the_first_byte_or_later(certificate: ssl.SSLContext, talk: Callable[[], Talk], tls: bool) -> None:
    """Whatever the certificate: nothing secret is said."""

    def serve(peer: socket.socket) -> None:
        with certificate.wrap_socket(peer, server_side=True) as secured:
            says(b"yes\n")(secured)

    with server(serve) as port:
        assert (("said", "yes"),) == outcome(port, talk, tls=tls)
    with server(says(b"yes\n")) as port:
        assert NO_TLS == outcome(port, talk, tls=tls)


def test_only_open_ports_that_may_speak_it_are_asked() -> None:
    """One that said that it is something else is left alone; one that said it is such a service is asked on any port."""
    with server(says(b"yes\n")) as port:
        usual = NetworkProbe("conversations", conversations=(call(port).conversation,))
        other = NetworkProbe("conversations", conversations=(call(1).conversation,))
        greeter = '<service name="greeter" method="probed"/>'
        wanted = [
            (host(port), usual, port),
            (host(port, '<service name="ssh" method="probed"/>'), usual, port),
            (host(port, greeter), other, port),
            (host(port), other, port),
            (host(port), usual, 1),
        ]
        known = [(seen, probe, ports_of(seen, frozenset({asked}))) for seen, probe, asked in wanted]
        told = converse([(HERE, probe, ports) for _, probe, ports in known], cancelled=lambda: False)
    assert None not in told
    made = [host_slice(*one, came) for one, came in zip(known, told, strict=True)]
    assert [True, False, True, False, False] == ["yes" in text for text in made]
    assert all("<status" in text for text in made)
