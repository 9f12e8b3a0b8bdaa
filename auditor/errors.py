"""Every error the auditor raises on purpose, so that callers can tell a user's mistake from our own fault.

::

    AuditorError
    ├── UsageError             what was asked cannot be done as asked (exit 2)
    │   ├── ConfigurationError files people wrote are wrong; carries every mistake (exit 2)
    │   └── DeniedMoveError    the person has not the role, or not the department (exit 2)
    ├── CollectionError        a host or network could not be observed
    │   ├── UnreachableError   no connection
    │   ├── DeniedError        the login was refused
    │   ├── UntrustedError     the host key is unknown or changed
    │   ├── ShellError         the login succeeded, and gives no shell that runs what is asked
    │   ├── DeadlineError      a deadline passed
    │   └── TransportError     the connection was made, and broke
    │       └── BreachError    what came over it breaks the protocol, or the bounds that an honest peer keeps
    ├── ParseError             a probe's output is not what its fact promises
    ├── ExpressionError        an expression does not compile, or did not give a value
    ├── LedgerError            the ledger cannot be read or written (exit 4)
    │   ├── LockedError        another run holds the lock (exit 2)
    │   └── IntegrityError     the ledger contradicts itself
    │       └── TakenError     findings would bear ids of others
    ├── NoticeError            a letter or a message could not be sent
    └── LabError               the demonstration fleet cannot be built
"""

from __future__ import annotations

from collections.abc import Mapping


class AuditorError(Exception):
    """Base of all of them; the text is fit to be shown to a person."""


class UsageError(AuditorError):
    """What was asked cannot be done as asked."""


class ConfigurationError(UsageError):
    """The files people wrote are wrong; ``mistakes`` holds each one as a line of text."""

    def __init__(self, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class DeniedMoveError(UsageError):
    """Whoever asks has not the role, or not the department, that this needs."""


class CollectionError(AuditorError):
    """A host or a network could not be observed."""


class UnreachableError(CollectionError):
    """No connection could be made."""


class DeniedError(CollectionError):
    """The login was refused."""


class UntrustedError(CollectionError):
    """The host key is unknown or is not the one on record."""


class ShellError(CollectionError):
    """The login succeeded, but what it gives is no shell that runs what is asked."""


class DeadlineError(CollectionError):
    """A deadline passed before the work was done."""


class TransportError(CollectionError):
    """The connection was made, and broke or spoke nonsense."""


class BreachError(TransportError):
    """What came over the connection breaks the protocol, or the bounds that an honest peer keeps."""


class ParseError(AuditorError):
    """A probe's output is not what its fact promises."""


class ExpressionError(AuditorError):
    """An expression does not compile, or gave an error instead of a value."""


class LedgerError(AuditorError):
    """The ledger cannot be read or written."""


class LockedError(LedgerError):
    """Another run holds the lock; the text says who."""


class IntegrityError(LedgerError):
    """The ledger contradicts itself or its journal."""


class TakenError(IntegrityError):
    """Findings would bear ids of others: ``bearers`` are those, each an asset, a check and a subject, by id."""

    def __init__(self, message: str, bearers: Mapping[str, tuple[str, str, str]]) -> None:
        super().__init__(message)
        self.bearers = bearers


class NoticeError(AuditorError):
    """A letter or a message could not be sent; the text holds no secret."""


class LabError(AuditorError):
    """The demonstration fleet cannot be built on this machine."""
