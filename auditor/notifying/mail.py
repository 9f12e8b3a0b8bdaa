"""Mail by SMTP, over TLS from the start or from STARTTLS on, the server's certificate verified."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from auditor.errors import NoticeError
from auditor.model import Notify
from auditor.text import _

_PATIENCE = 30.0  # seconds


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
    """Send one letter. Raises NoticeError, whose text holds no secret."""
    try:
        message = _message(letter, settings.sender)
        context = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=_PATIENCE, context=context)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=_PATIENCE)
        with server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, password)
            server.send_message(message)
    except smtplib.SMTPAuthenticationError:
        raise NoticeError(_("{host} refused the login of {user}").format(host=settings.host, user=settings.user)) from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise NoticeError(
            _("the mail to {to} could not be sent by {host}: {why}").format(to=letter.to, host=settings.host, why=why)
        ) from error


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
