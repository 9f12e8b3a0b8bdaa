"""Telling people and programs: mail and webhooks. What cannot be sent raises, and is tried again by whoever called."""

from auditor.notifying.deadline import Deadline
from auditor.notifying.mail import Letter, send_mail
from auditor.notifying.webhook import post, signature

__all__ = ["Deadline", "Letter", "post", "send_mail", "signature"]
