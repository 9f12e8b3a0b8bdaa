"""Letters through a real mail server and messages to a real web server: whole, protected, and failures said without secrets."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from socket import socket

import pytest

from auditor.errors import NoticeError
from auditor.model import Notify
from auditor.notifying import Letter, post, send_mail, signature
from tests.reporting.seed import NOW

from .conftest import Hook, Scripted, Server, Talk, drip, settings

LETTER = Letter("id", "sara@example.org", "Übersicht الملخص", "نص", "<p>نص</p>", NOW)


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


def test_a_message_is_signed(hook: tuple[str, type[Hook]]) -> None:
    """By HMAC-SHA256 over moment and body, as anybody can compute who has the secret."""
    url, handler = hook
    post(url, b'{"a":1}', "secret", 1700000000)
    ((body, told),) = handler.got
    expected = hmac.new(b"secret", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert (body, told) == (b'{"a":1}', f"t=1700000000,v1={expected}")
    assert signature(body, "other", 1700000000) != told


@pytest.mark.parametrize("status", [302, 400, 500])
def test_anything_but_success_is_a_failure(hook: tuple[str, type[Hook]], status: int) -> None:
    """A redirection too: what is signed for one place goes to no other."""
    url, handler = hook
    handler.answers.append(status)
    with pytest.raises(NoticeError, match=str(status)):
        post(url, b"{}", "secret", 1)
    assert len(handler.got) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
    ],
)
def test_what_is_no_answer_in_http_is_a_failure(hook: tuple[str, type[Hook]], raw: bytes) -> None:
    """Regression, a night that fails: what another service, or a hostile one, says in place of HTTP was no failure to send, but
    one of the auditor."""
    url, handler = hook
    handler.raw.append(raw)
    with pytest.raises(NoticeError):
        post(url, b"{}", "secret", 1)


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "ftp://localhost/x", "file:///etc/passwd"])
def test_only_https_is_spoken(url: str) -> None:
    """Save to this machine."""
    with pytest.raises(NoticeError, match="not https"):
        post(url, b"{}", "secret", 1)


def plain(port: int, **more: object) -> Notify:
    return replace(Notify(host="127.0.0.1", port=port, security="none", sender="auditor@example.org"), **more)  # type: ignore[arg-type]


def within_tls(certificate: tuple[Path, Path]) -> Talk:
    """What drips within TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])

    def talk(stream: socket) -> None:
        with context.wrap_socket(stream, server_side=True) as wrapped:
            drip(wrapped)

    return talk


def test_a_server_that_answers_byte_by_byte_ends_at_the_deadline(
    serve: Callable[[Talk], int], certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: each timeout was of one read, so that such a server held the night for ever, by mail and by the hook; so did
    one that sends interim answers without end."""
    monkeypatch.setattr("auditor.notifying.deadline.WHOLE", 0.5)

    def interim(stream: socket) -> None:
        while True:
            stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.02)

    tls = plain(serve(within_tls(certificate)), host="localhost", security="tls", ca=certificate[1])
    no_tls = plain(serve(drip), security="tls", ca=certificate[1])
    deliveries: list[Callable[[], None]] = [
        lambda: send_mail(LETTER, plain(serve(drip)), ""),
        lambda: send_mail(LETTER, tls, ""),
        lambda: send_mail(LETTER, no_tls, ""),
        lambda: send_mail(LETTER, plain(serve(Scripted({"DATA": ""}))), ""),
        lambda: post(f"http://127.0.0.1:{serve(drip)}/x", b"{}", "secret", 1),
        lambda: post(f"http://127.0.0.1:{serve(interim)}/x", b"{}", "secret", 1),
        lambda: post(f"https://127.0.0.1:{serve(lambda _stream: time.sleep(5))}/x", b"{}", "secret", 1),
    ]
    for deliver in deliveries:
        began = time.monotonic()
        with pytest.raises(NoticeError) as told:
            deliver()
        assert time.monotonic() - began < 2
        assert "did not answer in time" in str(told.value) or deliver is deliveries[2]  # what drips there is no TLS


@pytest.mark.parametrize("answer", ["421 closing", "250 well", None, ""])
def test_what_is_said_to_quit_does_not_count(
    serve: Callable[[Talk], int], monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    """Regression: a letter that the server had taken counted as unsent when QUIT was answered by anything but 221, or by hanging
    up; it came again night after night."""
    monkeypatch.setattr("auditor.notifying.mail._FAREWELL", 0.2)
    server = Scripted({"QUIT": answer})
    send_mail(LETTER, plain(serve(server)), "")
    assert server.taken == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("after", ["421 closing", None, ""])
def test_a_refusal_is_told_as_the_server_gave_it(
    serve: Callable[[Talk], int], monkeypatch: pytest.MonkeyPatch, step: str, after: str | None
) -> None:
    """Regression: where the server closed after a refusal, "421 closing" was told in place of the reason."""
    monkeypatch.setattr("auditor.notifying.mail._FAREWELL", 0.2)
    server = Scripted({step: "550-5.1.1 no such\r\n550 5.1.1 user", "RSET": after, "QUIT": after})
    with pytest.raises(NoticeError) as told:
        send_mail(LETTER, plain(serve(server)), "")
    assert str(told.value).endswith(": 550 5.1.1 no such 5.1.1 user")
