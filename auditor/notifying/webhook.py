"""A JSON object by POST, signed: whoever gets it can tell that it is ours, and of which moment.

The header ``X-Auditor-Signature`` is ``t=SECONDS,v1=HEX``, HEX being HMAC-SHA256 of ``SECONDS.BODY`` under the shared secret.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from auditor.errors import NoticeError
from auditor.text import _

_PATIENCE = 30.0  # seconds
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def signature(body: bytes, secret: str, seconds: int) -> str:
    """The header's value."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def post(url: str, body: bytes, secret: str, seconds: int) -> None:
    """Send it. Raises NoticeError for anything but an answer of 2xx; a secret goes over https only, save to this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise NoticeError(_("{url} is not https").format(url=url))
    headers = {"Content-Type": "application/json", "X-Auditor-Signature": signature(body, secret, seconds)}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with _OPENER.open(request, timeout=_PATIENCE) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, ValueError, http.client.HTTPException) as error:  # the last: whatever is no answer in HTTP
        why = str(getattr(error, "reason", "") or error) or type(error).__name__
        raise NoticeError(_("{url} did not take the message: {why}").format(url=url, why=why)) from error
    if not 200 <= status < 300:
        raise NoticeError(_("{url} did not take the message: {why}").format(url=url, why=status))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer of 3xx, and no success: what is signed for one place goes to no other."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
