"""Proves that every exception of paramiko and the socket has its translation."""

from __future__ import annotations

import inspect
import socket

import paramiko
import pytest
from paramiko import ssh_exception

from auditor.collecting.ssh_errors import ERRORS, reach_of, translate
from auditor.errors import CollectionError, DeniedError, TransportError
from auditor.model import Reach

_CLASSES = [c for _, c in inspect.getmembers(ssh_exception, inspect.isclass) if issubclass(c, Exception)]


@pytest.mark.parametrize("kind", _CLASSES, ids=lambda c: c.__name__)
def test_map_is_complete(kind: type[Exception]) -> None:
    """Each of paramiko's exceptions has a line of its own in the table, which no line above it hides."""
    lines = [known for known, _, _ in ERRORS]
    assert kind in lines
    assert next(known for known in lines if issubclass(kind, known)) is kind


def test_examples() -> None:
    """A few that matter most; whatever else a peer makes paramiko raise is a broken session, never our crash."""
    assert isinstance(translate(paramiko.AuthenticationException("no")), DeniedError)
    assert reach_of(translate(TimeoutError())) is Reach.TIMED_OUT
    assert reach_of(translate(socket.gaierror(-2, "Name or service not known"))) is Reach.UNREACHABLE
    assert reach_of(translate(ConnectionRefusedError(111, "Connection refused"))) is Reach.UNREACHABLE
    assert isinstance(translate(IndexError("bytes")), TransportError)
    assert isinstance(translate(None), CollectionError)


def test_a_peers_words_do_not_steer_a_terminal() -> None:
    """Escapes in an error's text are made harmless."""
    assert "\x1b" not in str(translate(paramiko.SSHException("\x1b[2Jboo")))
