"""The first stage of a login, within a deadline: key exchange with a peer that is not verified yet; and hanging up."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import TypeAlias

import paramiko

from auditor.collecting.interface import Cancelled, Flag
from auditor.collecting.ssh_errors import translate
from auditor.collecting.ssh_guard import GuardedTransport
from auditor.errors import CollectionError, DeadlineError, TransportError

Stream: TypeAlias = socket.socket | paramiko.Channel

_TICK = 0.25  # seconds between looks at deadline and cancel flag
# what OpenSSH itself no longer offers; every server of the last ten years has something better
_WEAK: dict[str, tuple[str, ...]] = {
    "macs": ("hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"),
}
# authenticated encryption first: its tag is checked in C, where paramiko compares a MAC byte by byte in Python
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline that also ends when a person cancels. ``what`` completes the sentence of the error."""

    end: float
    cancelled: Flag
    what: str

    def remaining(self) -> float:
        """Seconds left. Raises DeadlineError when there are none, Cancelled when a person asked to stop."""
        if self.cancelled.is_set():
            raise Cancelled
        left = self.end - time.monotonic()
        if left <= 0:
            raise DeadlineError(f"{self.what} took too long.")
        return left

    def until(self, seconds: float, what: str) -> Clock:
        """The earlier of this deadline and one that many seconds from now."""
        end = time.monotonic() + seconds
        return Clock(end, self.cancelled, what) if end < self.end else self

    def wait(self, event: threading.Event) -> None:
        """Wait for the event, no longer than the deadline."""
        while not event.wait(min(self.remaining(), _TICK)):
            pass


def quiet() -> None:
    """Paramiko logs what hosts do to it; the auditor reports that itself, once, in its own words."""
    logger = logging.getLogger("paramiko")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)


def shake_hands(stream: Stream, preferred: tuple[str, ...], clock: Clock, only: tuple[str, ...] = ()) -> paramiko.Transport:
    """Exchange keys with the peer, asking first for the host key types in ``preferred``. The peer is not verified yet."""
    transport = GuardedTransport(stream, _WEAK)
    wanted = [a for kind in preferred for a in _ALGORITHMS.get(kind, (kind,)) if a in _HOST_KEYS]
    # paramiko would wake up ten times a second to see whether it was closed; hang_up wakes it instead
    stream.settimeout(1.0)
    options = transport.get_security_options()
    options.ciphers = _CIPHERS
    options.key_types = only or tuple(dict.fromkeys((*wanted, *_HOST_KEYS)))
    transport.banner_timeout = transport.handshake_timeout = clock.remaining()
    done = threading.Event()
    transport.start_client(event=done)
    try:
        clock.wait(done)
        if not transport.is_active():
            raise _not_shaken(transport)
    except DeadlineError as error:
        hang_up(transport, stream)
        raise _unshaken_in_time(transport) from error
    except BaseException:
        hang_up(transport, stream)
        raise
    return transport


def _unshaken_in_time(transport: paramiko.Transport) -> DeadlineError:
    if not transport.remote_version:
        return DeadlineError("The host accepted the connection, but sent no SSH greeting in time.")
    return DeadlineError("The host greeted, but did not finish the key exchange in time.")


def _not_shaken(transport: paramiko.Transport) -> CollectionError:
    """Why the handshake broke off. Paramiko wraps whatever ended the greeting into words of its own."""
    error = transport.get_exception()
    if not transport.remote_version:
        cause = error.__context__ if error is not None else None
        if isinstance(cause, CollectionError):
            return cause
        if isinstance(cause, EOFError | OSError):
            return TransportError("The host closed the connection before it greeted as an SSH server does.")
        return TransportError("What answers at the SSH port does not greet as an SSH server does.")
    if error is None or isinstance(error, EOFError | ConnectionError):
        return TransportError("The host closed the connection in the middle of the key exchange.")
    return translate(error)


def hang_up(transport: paramiko.Transport | None, stream: Stream | None) -> None:
    """End the session and its threads at once, whatever state it is in."""
    if transport is not None:
        transport.packetizer.complete_handshake()  # ends paramiko's handshake timer, a thread that would outlive us
    if isinstance(stream, socket.socket):
        # wakes paramiko's thread, which would otherwise notice only at its next poll
        with contextlib.suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)
    if transport is not None:
        transport.close()
        if transport.is_alive():
            transport.join(1.0)
    if stream is not None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            stream.close()
