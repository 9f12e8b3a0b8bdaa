"""A JSON object by POST, signed: whoever gets it can tell that it is ours, and of which moment.

The header ``X-Auditor-Signature`` is ``t=SECONDS,v1=HEX``, HEX being HMAC-SHA256 of ``SECONDS.BODY`` under the shared secret.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from auditor.errors import NoticeError
from auditor.notifying.deadline import Deadline, connect, out_of_time, trusting
from auditor.text import _

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def signature(body: bytes, secret: str, seconds: int) -> str:
    """The header's value."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def post(url: str, body: bytes, secret: str, seconds: int) -> None:
    """Send it, within one deadline. Raises NoticeError for anything but an answer of 2xx; a secret goes over https only, save to
    this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise NoticeError(_("{url} is not https").format(url=url))
    headers = {"Content-Type": "application/json", "X-Auditor-Signature": signature(body, secret, seconds)}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with _opener(Deadline()).open(request) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    except (OSError, ValueError, http.client.HTTPException) as error:  # the last: whatever is no answer in HTTP
        late = _("it did not answer in time") if out_of_time(error) else ""
        why = late or str(getattr(error, "reason", "") or error) or type(error).__name__
        raise NoticeError(_("{url} did not take the message: {why}").format(url=url, why=why)) from error
    if not 200 <= status < 300:
        raise NoticeError(_("{url} did not take the message: {why}").format(url=url, why=status))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is an answer of 3xx, and no success: what is signed for one place goes to no other."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        return None


class _Connection(http.client.HTTPConnection):
    """A connection that keeps the deadline, its tunnel through a proxy included."""

    def __init__(self, host: str, *, until: Deadline, **more: Any) -> None:
        super().__init__(host, **more)
        self._create_connection = lambda address, *_more: connect(address[0], address[1], until)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, until: Deadline) -> None:
        super().__init__()
        self._until = until

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, until=self._until), req)


class _Tls(urllib.request.HTTPSHandler):
    def __init__(self, until: Deadline) -> None:
        super().__init__()
        self._until = until

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_TlsConnection, until=self._until), req, context=trusting(None, self._until))


def _opener(until: Deadline) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect, _Plain(until), _Tls(until))
