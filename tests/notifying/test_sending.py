"""Letters through a real mail server and messages to a real web server: sent once, protected, kept when they cannot be sent."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from auditor.errors import NoticeError
from auditor.model import Catalogue, Notify, Person, Role, Text
from auditor.notifying import Letter, post, send_mail, signature
from auditor.workflow.digests import outbox, put_out, send_all, write_digests
from auditor.workflow.workspace import open_workspace
from tests.reporting.seed import HOSTILE, NOW, seed

LETTER = Letter("id", "sara@example.org", "Übersicht الملخص", "نص", "<p>نص</p>", NOW)


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


def test_a_letter_arrives_whole_and_protected(server: tuple[Server, str]) -> None:
    """Both languages in subject and body, as text and as HTML, marked as written by a program."""
    held, security = server
    send_mail(LETTER, settings(held, security), "right")
    (message,) = held.got
    assert (message["Subject"], message["To"], message["Auto-Submitted"]) == (LETTER.subject, LETTER.to, "auto-generated")
    assert message["Message-ID"] == "<id@example.org>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert (text.get_content().strip(), html.get_content().strip()) == ("نص", "<p>نص</p>")


def test_what_goes_wrong_is_said_without_the_secret(server: tuple[Server, str]) -> None:
    """A wrong password, a certificate that nobody vouches for, a server that is not there."""
    held, security = server
    with pytest.raises(NoticeError, match="refused the login of auditor") as refused:
        send_mail(LETTER, settings(held, security), "wr0ng-secret")
    assert "wr0ng-secret" not in str(refused.value)
    with pytest.raises(NoticeError, match="certificate"):
        send_mail(LETTER, settings(held, security, ca=None), "right")
    with pytest.raises(NoticeError, match="could not be sent"):
        send_mail(LETTER, replace(settings(held, security), port=1), "right")
    assert held.got == []


def test_a_subject_cannot_add_headers(server: tuple[Server, str]) -> None:
    """Line breaks from a department's title become blanks."""
    held, security = server
    send_mail(replace(LETTER, subject="a\r\nBcc: x@example.org"), settings(held, security), "right")
    assert (held.got[0]["Bcc"], held.got[0]["Subject"]) == (None, "a Bcc: x@example.org")


class _Hook(http.server.BaseHTTPRequestHandler):
    got: list[tuple[bytes, str]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((body, self.headers["X-Auditor-Signature"]))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[tuple[str, type[_Hook]]]:
    handler = type("Hook", (_Hook,), {"got": [], "answers": []})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/hook", handler
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_message_is_signed(hook: tuple[str, type[_Hook]]) -> None:
    """By HMAC-SHA256 over moment and body, as anybody can compute who has the secret."""
    url, handler = hook
    post(url, b'{"a":1}', "secret", 1700000000)
    ((body, told),) = handler.got
    expected = hmac.new(b"secret", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert (body, told) == (b'{"a":1}', f"t=1700000000,v1={expected}")
    assert signature(body, "other", 1700000000) != told


@pytest.mark.parametrize("status", [302, 400, 500])
def test_anything_but_success_is_a_failure(hook: tuple[str, type[_Hook]], status: int) -> None:
    """A redirection too: what is signed for one place goes to no other."""
    url, handler = hook
    handler.answers.append(status)
    with pytest.raises(NoticeError, match=str(status)):
        post(url, b"{}", "secret", 1)
    assert len(handler.got) == 1


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "ftp://localhost/x", "file:///etc/passwd"])
def test_only_https_is_spoken(url: str) -> None:
    """Save to this machine."""
    with pytest.raises(NoticeError, match="not https"):
        post(url, b"{}", "secret", 1)


@pytest.fixture
def told(tmp_path: Path) -> Catalogue:
    """The seeded workspace, with people who have addresses."""
    catalogue = seed(tmp_path / "workspace")
    people = {
        "sara": Person("sara", Text("Sara", "سارة"), (Role.OFFICER,), "health", email="sara@example.org", language="en"),
        "huda": Person(
            "huda", Text("Huda", "هدى"), (Role.COMMITTEE,), ministry="Interior", email="huda@example.org", language="ar"
        ),
        "nobody": Person("nobody", Text("N", "ن"), (Role.OFFICER,), "finance"),
    }
    return replace(open_workspace(catalogue.settings.root), settings=replace(catalogue.settings, people=people))


def test_each_is_told_of_their_own_in_their_language(told: Catalogue) -> None:
    """An officer of one department, the committee of all; new, reopened, overdue, ending, not reached; hostile text escaped."""
    officer, committee = write_digests(told, now=NOW)
    assert (officer.to, officer.subject) == ("sara@example.org", "What needs you this morning: Ministry of Health")
    assert ("finance" in officer.text, "Reopened findings: 2" in officer.text, "health-down-1" in officer.text) == (
        False,
        True,
        True,
    )
    assert (committee.to, "ما يحتاج إليك هذا الصباح" in committee.subject) == ("huda@example.org", True)
    assert ("finance-db-1" in committee.text, 'dir="rtl"' in committee.html) == (True, True)
    assert "<script>" not in (officer.html + committee.html).casefold()
    assert HOSTILE not in officer.text


def test_nobody_is_told_of_nothing(told: Catalogue) -> None:
    """A department where all is well has no letter; nor has one whose officer has no address."""
    quiet = replace(told.settings.people["sara"], department="nowhere")
    settings = replace(told.settings, people={"sara": quiet})
    assert write_digests(replace(told, settings=settings), now=NOW) == ()


def test_what_cannot_be_sent_waits_and_is_sent_once(
    told: Catalogue, server: tuple[Server, str], hook: tuple[str, type[_Hook]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is away, comes back; the hook fails first; nothing is sent twice; the outbox is closed to others."""
    held, security = server
    url, handler = hook
    handler.answers.append(503)
    monkeypatch.setenv("SMTP_PASSWORD", "right")
    monkeypatch.setenv("HOOK_SECRET", "secret")
    notify = settings(held, security, webhook=url, webhook_secret_env="HOOK_SECRET")
    catalogue = replace(told, settings=replace(told.settings, notify=notify))
    held.refuse = True
    letters = write_digests(catalogue, now=NOW)
    put_out(catalogue, letters, now=NOW)
    put_out(catalogue, letters, now=NOW)
    assert {p.stat().st_mode & 0o777 for p in outbox(catalogue).iterdir()} == {0o600}
    first = send_all(catalogue)
    assert (first.sent, first.waiting, len(first.problems)) == (0, 3, 3)
    held.refuse = False
    second = send_all(catalogue)
    assert (second.sent, second.waiting, second.problems) == (3, 0, ())
    assert send_all(catalogue).sent == 0
    assert sorted(str(m["To"]) for m in held.got) == ["huda@example.org", "sara@example.org"]
    assert json.loads(handler.got[-1][0])["event"] == "digest"


def test_what_nobody_takes_for_a_week_is_given_up(told: Catalogue) -> None:
    """And said so; a damaged letter does not stop the others."""
    put_out(told, write_digests(told, now=NOW), now=NOW)
    (outbox(told) / "0.mail.json").write_text("{")
    assert send_all(told).waiting == 3
    later = send_all(told, now=datetime.now(UTC) + timedelta(days=8))
    assert (later.waiting, len(later.problems)) == (0, 3)
    assert list(outbox(told).iterdir()) == []
