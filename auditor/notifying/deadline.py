"""One deadline for a conversation as a whole: who answers byte by byte keeps within the timeout of every single read."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

WHOLE = 60.0
"""Seconds that a delivery may take, from looking up the server's name to its last word."""

_CONNECTING = 20.0  # seconds for one of a server's addresses: another may answer where the first is dead


class Deadline:
    """The moment by which something must be through, ``seconds`` from now; those of a delivery where nothing is said."""

    def __init__(self, seconds: float | None = None) -> None:
        self._end = time.monotonic() + (WHOLE if seconds is None else seconds)

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self._end

    def left(self) -> float:
        """Seconds until then. Raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def hurry(self, seconds: float) -> None:
        """Bring it forward: there are no more than that from now."""
        self._end = min(self._end, time.monotonic() + seconds)


class _Stream(socket.socket):
    """A connection each step of which has only what is left of the whole."""

    until: Deadline

    def recv_into(self, *args: Any, **more: Any) -> int:
        self.settimeout(self.until.left())
        return super().recv_into(*args, **more)

    def sendall(self, *args: Any, **more: Any) -> None:
        self.settimeout(self.until.left())
        super().sendall(*args, **more)


class _TlsStream(ssl.SSLSocket):
    """The same within TLS. ``recv_into`` and ``sendall`` of an SSLSocket come down to these two; the handshake has a deadline as
    a whole already, what was left when it began."""

    until: Deadline

    def read(self, *args: Any, **more: Any) -> Any:
        self.settimeout(self.until.left())
        return super().read(*args, **more)

    def send(self, *args: Any, **more: Any) -> int:
        self.settimeout(self.until.left())
        return super().send(*args, **more)


def connect(host: str, port: int, until: Deadline) -> socket.socket:
    """A connection that is through by then, to the first of the host's addresses that takes it. Raises OSError."""
    failure: OSError | None = None
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        stream = _Stream(family, kind, protocol)
        stream.until = until
        try:
            stream.settimeout(min(_CONNECTING, until.left()))
            stream.connect(address)
            stream.settimeout(until.left())
        except OSError as error:
            stream.close()
            failure = error
        else:
            return stream
    raise failure or OSError(host)


def trusting(ca: Path | None, until: Deadline) -> ssl.SSLContext:
    """For TLS over such a connection; ``ca`` is a file of certificates that are trusted instead of the system's."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.sslsocket_class = type("_Own", (_TlsStream,), {"until": until})
    return context


def out_of_time(error: BaseException | None) -> bool:
    """Whether an error comes from a deadline that passed. smtplib and urllib raise their own in its place."""
    while error is not None and not isinstance(error, TimeoutError):
        error = error.__context__
    return error is not None
