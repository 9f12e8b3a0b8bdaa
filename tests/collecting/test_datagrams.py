"""Questions over UDP: an answer, a refusal and silence are three things, and strangers' datagrams are none of them."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from auditor.collecting import datagrams
from auditor.collecting.datagrams import Unasked, ask
from auditor.facts._datagrams import ANSWERED, REFUSED, SILENT, Reply
from auditor.facts.interface import Question

pytestmark = pytest.mark.alone

HERE = ipaddress.ip_address("127.0.0.1")
THERE = ipaddress.ip_address("127.0.0.2")


def keep(data: bytes) -> bytes | None:
    """Answers start with `yes`; what starts with `bad` breaks the reading of it."""
    if data.startswith(b"bad"):
        raise ValueError("not this")
    return data[3:] if data.startswith(b"yes") else None


@contextmanager
def server(*answers: bytes, after: int = 1) -> Iterator[int]:
    """A service on 127.0.0.1 that answers so once it was asked ``after`` times; gives its port."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((str(HERE), 0))
    made.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        turn = 0
        while not stop.is_set():
            try:
                _, peer = made.recvfrom(100)
            except OSError:
                continue
            turn += 1
            for answer in answers if turn >= after else ():
                made.sendto(answer, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield made.getsockname()[1]
    finally:
        stop.set()
        thread.join(5)
        made.close()


def put(port: int, address: ipaddress.IPv4Address = HERE, **changes: Callable[[], bool]) -> Reply | Unasked | None:
    question = Question("q", port, b"hello", keep)
    options = {"cancelled": lambda: False, **changes}
    return ask([(address, question)], patience=0.2, **options).get((address, question))


def test_an_answer_is_kept_as_its_question_keeps_it() -> None:
    with server(b"yes42") as port:
        assert Reply(ANSWERED, b"42") == put(port)


@pytest.mark.parametrize("answer", [b"", b"no", b"bad", b"x" * 60_000])
def test_what_is_no_answer_is_silence(answer: bytes) -> None:
    """Empty, foreign, unreadable and huge datagrams are not taken for an answer, and harm nothing."""
    with server(answer) as port:
        assert Reply(SILENT) == put(port)


def test_an_answer_behind_noise_is_heard() -> None:
    """A datagram that is no answer does not end the waiting for one."""
    with server(b"no", b"bad", b"yes!") as port:
        assert Reply(ANSWERED, b"!") == put(port)


def test_a_lost_datagram_is_sent_again() -> None:
    with server(b"yes", after=datagrams.TRIES) as port:
        assert Reply(ANSWERED) == put(port)


def test_a_port_on_which_nothing_listens_refuses() -> None:
    with server() as port:
        pass
    assert Reply(REFUSED) == put(port)


def test_an_answer_from_another_address_does_not_count() -> None:
    """Whoever guesses the port cannot speak for the host that was asked."""
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind((str(THERE), 0))
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((str(HERE), 0))
    silent.settimeout(2)
    told: list[Reply | Unasked | None] = []
    asking = threading.Thread(target=lambda: told.append(put(silent.getsockname()[1])))
    asking.start()
    _, peer = silent.recvfrom(100)
    stranger.sendto(b"yes", peer)
    asking.join()
    stranger.close()
    silent.close()
    assert [Reply(SILENT)] == told


def test_what_cannot_be_sent_is_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """No route, no permission, no socket: the question stays unasked, with the reason."""
    told = put(9, ipaddress.ip_address("255.255.255.255"))
    assert isinstance(told, Unasked)
    assert "255.255.255.255" in told.reason


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES])
def test_a_firewall_that_says_no_is_silence(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Regression: on every host with firewalld's rules, whose ports answer "prohibited", no question over UDP was judged."""
    sent: list[bytes] = []

    class Prohibited(socket.socket):
        """The error of each try waits for whoever comes next, to send or to listen."""

        waiting = False

        def recvfrom(self, *_arguments: object, **_named: object) -> tuple[bytes, tuple[str, int]]:
            self.waiting = False
            raise OSError(number, "prohibited")

        def send(self, data: bytes, *_arguments: object) -> int:  # type: ignore[override]
            if self.waiting:
                self.waiting = False
                raise OSError(number, "prohibited")
            self.waiting = True
            sent.append(data)
            return super().send(data)

    with server(b"no") as port:
        monkeypatch.setattr(datagrams.socket, "socket", Prohibited)
        assert put(port) == Reply(SILENT)
    assert len(sent) == datagrams.TRIES


def test_what_never_gets_out_is_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that comes again at once is this machine's own."""

    class Shut(socket.socket):
        def send(self, *_arguments: object) -> int:
            raise OSError(errno.EACCES, "not allowed")

    with server(b"no") as port:
        monkeypatch.setattr(datagrams.socket, "socket", Shut)
        told = put(port)
    assert isinstance(told, Unasked)
    assert "not allowed" in told.reason


def test_stopping_leaves_out_what_was_not_finished() -> None:
    """A run that is stopped does not call silent what it did not wait for."""
    with server() as port:
        started = time.monotonic()
        assert put(port, cancelled=lambda: True) is None
        assert time.monotonic() - started < 2


def test_more_questions_than_sockets_are_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "MOST_AT_ONCE", 3)
    with server(b"yes") as port:
        pairs = [(HERE, Question(str(n), port, b"hello", keep)) for n in range(10)]
        assert {pair: Reply(ANSWERED) for pair in pairs} == ask(pairs, cancelled=lambda: False, patience=0.5)


@pytest.mark.parametrize(
    ("limits", "raised", "expected"),
    [
        ((1024, 1024), None, 204),
        ((3, 3), None, 1),
        ((1024, 4096), 4096, 819),
        ((1024, 1_048_576), 32_768, 4096),
        ((20_000, 20_000), None, 4000),
    ],
)
def test_as_many_are_asked_side_by_side_as_files_may_be_open(
    limits: tuple[int, int], raised: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: 256 at a time, whatever the system allows, made 200 hosts wait for one another for longer than nmap took."""
    asked: list[int] = []
    monkeypatch.setattr(datagrams.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(datagrams.resource, "setrlimit", lambda _, wanted: asked.append(wanted[0]))
    assert datagrams.at_once() == expected
    assert asked == ([] if raised is None else [raised])


def test_an_answer_from_another_port_is_heard_where_the_service_answers_so() -> None:
    """TFTP's way; from another address it counts no more than elsewhere, and a refusal is still told from silence."""
    asked, other, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
    asked.bind((str(HERE), 0))
    asked.settimeout(2)
    other.bind((str(HERE), 0))
    stranger.bind((str(THERE), 0))
    question = Question("q", asked.getsockname()[1], b"hello", keep, any_port=True)
    told: list[Reply | Unasked | None] = []

    def wait() -> None:
        told.append(ask([(HERE, question)], cancelled=lambda: False, patience=0.2).get((HERE, question)))

    for answering, expected in ((stranger, SILENT), (other, ANSWERED), (None, REFUSED)):
        if answering is None:
            asked.close()
        asking = threading.Thread(target=wait)
        asking.start()
        if answering is not None:
            _, peer = asked.recvfrom(100)
            answering.sendto(b"yes", peer)
        asking.join()
        assert expected == getattr(told[-1], "state", None)
        if answering is stranger:  # the two repeated questions of the silent turn
            asked.recvfrom(100)
            asked.recvfrom(100)
    other.close()
    stranger.close()
