"""Mail by SMTP, over TLS from the start or from STARTTLS on, the server's certificate verified."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from auditor.errors import NoticeError
from auditor.model import Notify
from auditor.notifying.deadline import Deadline, connect, out_of_time, trusting
from auditor.text import _

_FAREWELL = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Letter:
    """What one person is sent. ``id`` is the same when it is sent again, so that a mail program shows it once."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    at: datetime


def send_mail(letter: Letter, settings: Notify, password: str) -> None:
    """Send one letter, within one deadline. Raises NoticeError, whose text holds no secret."""
    until = Deadline()
    try:
        message = _message(letter, settings.sender)
        context = trusting(settings.ca, until)
        server = _Server(settings, until, context)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, password)
            server.send_message(message)
        finally:
            _take_leave(server, until)
    except smtplib.SMTPAuthenticationError:
        raise NoticeError(_("{host} refused the login of {user}").format(host=settings.host, user=settings.user)) from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NoticeError(
            _("the mail to {to} could not be sent by {host}: {why}").format(to=letter.to, host=settings.host, why=_why(error))
        ) from error


class _Server(smtplib.SMTP):
    """A mail server, over a connection that keeps the deadline."""

    def __init__(self, settings: Notify, until: Deadline, context: ssl.SSLContext) -> None:
        self._until = until
        self._tls = context if settings.security == "tls" else None
        super().__init__(settings.host, settings.port)

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        stream = connect(host, port, self._until)
        return self._tls.wrap_socket(stream, server_hostname=host) if self._tls else stream

    def rset(self) -> tuple[int, bytes]:
        """Say nothing: smtplib takes a refused letter back before it tells of the refusal, which would not be told where that
        fails. After one letter comes QUIT."""
        return 250, b""


def _take_leave(server: smtplib.SMTP, until: Deadline) -> None:
    """QUIT. The letter has been taken or refused before: whatever comes of this changes nothing."""
    until.hurry(_FAREWELL)
    with contextlib.suppress(OSError, ValueError):
        server.quit()
    server.close()


def _why(error: Exception) -> str:
    """What the server said, where it refused; what else went wrong otherwise."""
    said: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    elif out_of_time(error):
        return _("it did not answer in time")
    else:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(words.split())}"


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(letter.subject.split())
    message["From"], message["To"] = sender, letter.to
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message
