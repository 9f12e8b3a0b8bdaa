"""Paramiko's and the socket's exceptions, translated at the edge into the auditor's own."""

from __future__ import annotations

import socket

from paramiko import ssh_exception

from auditor.errors import (
    BreachError,
    CollectionError,
    DeadlineError,
    DeniedError,
    ShellError,
    TransportError,
    UnreachableError,
    UntrustedError,
)
from auditor.model import Reach

# searched from the top: a class stands before the classes that it derives from
ERRORS: tuple[tuple[type[BaseException], type[CollectionError], str], ...] = (
    (ssh_exception.BadHostKeyException, UntrustedError, "The host key is not the one on record"),
    (ssh_exception.PasswordRequiredException, DeniedError, "The key is locked by a passphrase that was not given"),
    (ssh_exception.BadAuthenticationType, DeniedError, "The host does not accept this kind of login"),
    (ssh_exception.PartialAuthentication, DeniedError, "The host asks for a second proof of identity"),
    (ssh_exception.UnableToAuthenticate, DeniedError, "The login was refused"),
    (ssh_exception.AuthenticationException, DeniedError, "The login was refused"),
    (ssh_exception.ChannelException, TransportError, "The host refused the session"),
    (ssh_exception.IncompatiblePeer, TransportError, "The host offers no algorithm that the auditor accepts"),
    (ssh_exception.ProxyCommandFailure, UnreachableError, "The proxy command failed"),
    (ssh_exception.NoValidConnectionsError, UnreachableError, "No connection could be made"),
    (ssh_exception.CouldNotCanonicalize, UnreachableError, "The host's name could not be made canonical"),
    (ssh_exception.ConfigParseError, UnreachableError, "The SSH configuration cannot be read"),
    (ssh_exception.MessageOrderError, BreachError, "The host broke the order of the protocol"),
    (ssh_exception.SSHException, TransportError, "The SSH session broke"),
    (TimeoutError, DeadlineError, "No answer came in time"),
    (socket.gaierror, UnreachableError, "The host's name is not known"),
    (ConnectionRefusedError, UnreachableError, "The connection was refused"),
    (ConnectionError, TransportError, "The connection broke"),
    (OSError, UnreachableError, "No connection could be made"),
    (EOFError, TransportError, "The host closed the connection"),
)

REACH: tuple[tuple[type[CollectionError], Reach], ...] = (
    (UnreachableError, Reach.UNREACHABLE),
    (DeniedError, Reach.DENIED),
    (UntrustedError, Reach.UNTRUSTED),
    (ShellError, Reach.NO_SHELL),
    (DeadlineError, Reach.TIMED_OUT),
    (TransportError, Reach.UNREACHABLE),
)


def translate(error: BaseException | None) -> CollectionError:
    """Our error for one of paramiko's or the socket's; anything else that a peer made paramiko raise is a broken session."""
    if isinstance(error, CollectionError):
        return error
    for kind, ours, sentence in ERRORS:
        if isinstance(error, kind):
            said = " ".join(str(error).split())[:200]
            return ours(f"{sentence}: {printable(said)}." if said else f"{sentence}.")
    if error is None:
        return TransportError("The SSH session ended.")
    return BreachError(f"The host broke the SSH protocol ({type(error).__name__}).")


def reach_of(error: CollectionError) -> Reach:
    """How an asset whose attempt ended so was reached."""
    return next(reach for kind, reach in REACH if isinstance(error, kind))


def printable(text: str) -> str:
    """A peer's words without what would steer a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
