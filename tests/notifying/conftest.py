"""Real servers for mail and for webhooks."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from auditor.model import Notify


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
