"""Real servers for mail and for webhooks."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from auditor.model import Catalogue, Notify, Person, Role, Text
from auditor.notifying import Letter
from auditor.workflow import outbox as post_office
from auditor.workflow.digests import put_out
from auditor.workflow.outbox import send_all
from auditor.workflow.workspace import open_workspace
from tests.reporting.seed import seed


@dataclass
class Server:
    """A mail server that keeps what it gets; it may refuse for a while."""

    port: int
    ca: Path
    got: list[EmailMessage] = field(default_factory=list)
    refuse: bool = False

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 — aiosmtpd's name
        if self.refuse:
            return "451 later"
        assert isinstance(envelope.content, bytes)
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 kept"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=data.login == b"auditor" and data.password == b"right", handled=False)


@pytest.fixture(params=["starttls", "tls"])
def server(request: pytest.FixtureRequest, certificate: tuple[Path, Path]) -> Iterator[tuple[Server, str]]:
    """A real SMTP server that demands TLS and a login."""
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as free:
        found = Server(free.getsockname()[1], cert)
    tls = request.param == "tls"
    more: dict[str, Any] = {} if tls else {"tls_context": context, "require_starttls": True}
    controller = Controller(
        found,
        hostname="127.0.0.1",
        port=found.port,
        ssl_context=context if tls else None,
        authenticator=_authenticate,
        auth_required=not tls,
        auth_require_tls=not tls,
        **more,
    )
    controller.start()
    yield found, request.param
    controller.stop()


def settings(server: Server, security: str, **more: Any) -> Notify:
    given = {"user": "auditor", "password_env": "SMTP_PASSWORD", "ca": server.ca, **more}
    return Notify(host="localhost", port=server.port, security=security, sender="auditor@example.org", **given)


class Hook(http.server.BaseHTTPRequestHandler):
    got: list[tuple[bytes, str]]
    answers: list[int]
    raw: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.raw:
            self.close_connection = True
            self.wfile.write(self.raw.pop(0))
            return
        type(self).got.append((body, self.headers["X-Auditor-Signature"]))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[tuple[str, type[Hook]]]:
    handler = type("Own", (Hook,), {"got": [], "answers": [], "raw": []})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/hook", handler
    running.shutdown()
    thread.join()
    running.server_close()


Talk = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], int]]:
    """Begins servers that talk as they are told to, each in a thread for each who calls; gives their ports."""
    open_ones: list[socket.socket] = []

    def _talk(talk: Talk, stream: socket.socket) -> None:
        with contextlib.suppress(OSError), stream:
            talk(stream)

    def _accept(listening: socket.socket, talk: Talk) -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _address = listening.accept()
                threading.Thread(target=_talk, args=(talk, stream), daemon=True).start()

    def begin(talk: Talk) -> int:
        listening = socket.create_server(("127.0.0.1", 0))
        open_ones.append(listening)
        threading.Thread(target=_accept, args=(listening, talk), daemon=True).start()
        return int(listening.getsockname()[1])

    yield begin
    for listening in open_ones:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def drip(stream: socket.socket) -> None:
    """Answer without end, a byte at a time, each sooner than any timeout of one read."""
    while True:
        stream.sendall(b"2")
        time.sleep(0.02)


@dataclass
class Scripted:
    """A mail server without TLS that answers the first words of ``answers`` as they say, None by hanging up and "" not at all."""

    answers: dict[str, str | None]
    taken: int = 0

    def __call__(self, stream: socket.socket) -> None:
        lines = stream.makefile("rb")
        stream.sendall(b"220 here\r\n")
        while line := lines.readline():
            word = line.decode().split()[0].upper()
            answer = self.answers.get(word, "354 go on" if word == "DATA" else "250 well")
            if answer is None:
                return
            if answer:
                stream.sendall(answer.encode() + b"\r\n")
            if word == "DATA" and answer and answer.startswith("354"):
                while lines.readline() != b".\r\n":
                    """The letter."""
                self.taken += 1
                stream.sendall(self.answers.get("END", "250 kept").encode() + b"\r\n")  # type: ignore[union-attr]


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def told(tmp_path: Path) -> Catalogue:
    """The seeded workspace, with people who have addresses, and no mail server yet."""
    catalogue = seed(tmp_path / "workspace")
    people = {
        "sara": Person("sara", Text("Sara", "سارة"), (Role.OFFICER,), "health", email="sara@example.org", language="en"),
        "huda": Person(
            "huda", Text("Huda", "هدى"), (Role.COMMITTEE,), ministry="Interior", email="huda@example.org", language="ar"
        ),
        "nobody": Person("nobody", Text("N", "ن"), (Role.OFFICER,), "finance"),
    }
    opened = replace(catalogue.settings, people=people, notify=Notify(host="localhost", sender="auditor@example.org"))
    return replace(open_workspace(catalogue.settings.root), settings=opened)


@pytest.fixture
def mailed(monkeypatch: pytest.MonkeyPatch) -> list[Letter]:
    """Every letter that went out, in order, by a server that takes all."""
    sent: list[Letter] = []
    monkeypatch.setattr(post_office, "send_mail", lambda letter, _settings, _password: sent.append(letter))
    return sent


def only(catalogue: Catalogue, user: str) -> Catalogue:
    people = {user: catalogue.settings.people[user]}
    return replace(catalogue, settings=replace(catalogue.settings, people=people))


def morning(catalogue: Catalogue, now: datetime) -> None:
    """What a night does with its letters."""
    put_out(catalogue, now=now)
    send_all(catalogue, now=now)
