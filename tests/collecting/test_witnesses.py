"""Silence beside an answer: it counts when the server would have answered just then."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from auditor.collecting.datagrams import Pair, ask
from auditor.collecting.witnesses import Replies, witnessed
from auditor.facts import by_name
from auditor.facts._datagrams import ANSWERED, REFUSED, SILENT, WITHHELD, Reply
from auditor.facts.interface import Question

HOST = ipaddress.ip_address("10.0.0.1")


def questions(fact: str) -> tuple[Question, ...]:
    found = by_name(fact)
    assert found is not None
    assert found.network is not None
    return found.network.questions


class Server:
    """Answers the questions of ``rounds``, one set of names a time it is asked, and is silent to all others."""

    def __init__(self, *rounds: Iterable[str], stop_after: int = 9) -> None:
        self.rounds = [set(names) for names in rounds]
        self.asked: list[list[str]] = []
        self._stop_after = stop_after

    def cancelled(self) -> bool:
        return len(self.asked) >= self._stop_after

    def ask(self, pairs: Iterable[Pair], *, cancelled: object) -> Replies:
        pairs = list(pairs)
        self.asked.append([question.name for _, question in pairs])
        if self.cancelled():
            return {}
        answering = self.rounds.pop(0)
        return {pair: Reply(ANSWERED if pair[1].name in answering else SILENT) for pair in pairs}


def told(server: Server, fact: str, **first: str) -> dict[str, str | None]:
    asked = questions(fact)
    replies = {(HOST, q): Reply(first[q.name]) for q in asked}
    settled = witnessed(replies, [(HOST, asked)], cancelled=server.cancelled, ask=server.ask, pause=0)
    found = [settled.get((HOST, q)) for q in asked]
    return {q.name: r.state if isinstance(r, Reply) else r and "unasked" for q, r in zip(asked, found, strict=True)}


NTP = {"time": ANSWERED, "control": SILENT, "monlist": SILENT}


def test_a_server_that_refuses_what_it_is_asked_alone_is_believed() -> None:
    """`noquery` drops the queries and answers the time before and after: the silence is its own."""
    server = Server((), {"time"}, (), {"time"})
    assert told(server, "ntp_service", **NTP) == {**NTP, "control": WITHHELD, "monlist": WITHHELD}
    assert server.asked == [["control"], ["time"], ["monlist"], ["time"]]


def test_a_server_that_limits_its_answers_is_not_taken_for_one_that_refuses() -> None:
    """Regression, false pass and closed without proof: a limit dropped the queries beside the time, which counted as proof."""
    assert told(Server((), (), (), {"time"}), "ntp_service", **NTP) == {**NTP, "control": "unasked", "monlist": WITHHELD}
    assert told(Server((), {"time"}, (), ()), "ntp_service", **NTP) == {**NTP, "control": WITHHELD, "monlist": "unasked"}


def test_a_query_that_is_answered_alone_was_dropped_before() -> None:
    """The finding is a finding, also where nothing is known of the other query."""
    for last, monlist in (({"time"}, WITHHELD), ((), SILENT)):
        assert told(Server({"control"}, (), last), "ntp_service", **NTP) == {**NTP, "control": ANSWERED, "monlist": monlist}
    assert told(Server((), ()), "ntp_service", **{**NTP, "control": ANSWERED}) == {**NTP, "control": ANSWERED}


def test_a_name_servers_silence_about_its_version_needs_an_answer_beside_it() -> None:
    """Regression, as above: an answer to the other question counted as proof."""
    first = {"recursion": ANSWERED, "version": SILENT}
    assert told(Server((), {"recursion"}), "dns_service", **first) == {**first, "version": WITHHELD}
    assert told(Server((), ()), "dns_service", **first) == {**first, "version": "unasked"}


SNMP = {"alive": ANSWERED, "v1-public": SILENT, "v1-private": SILENT, "v2c-public": SILENT, "v2c-private": SILENT}


def snmp(settled: dict[str, str | None]) -> list[tuple[str, str]]:
    """The fact's value of what was told, as subjects with their answers."""
    fact = by_name("snmp")
    assert fact is not None
    items: Any = fact.value("".join(f"{name} {state}\n" for name, state in settled.items()) + "end\n", {})
    return [(f"{item['community']} v{item['version']}", item["answer"]) for item in items]


def test_an_agent_that_answers_version_3_is_no_proof_that_communities_came_to_it() -> None:
    """Regression, false pass and closed without proof: an answer to version 3 counted as silence to all communities.

    Each is asked again alone; where version 3 goes unanswered after it, nothing is known of any.
    """
    alive = {"alive"}
    believed = Server((), alive, (), alive, (), alive, (), alive)
    settled = told(believed, "snmp", **SNMP)
    assert snmp(settled) == [(f"{name} v{v}", "none") for v in ("1", "2c") for name in ("public", "private")]
    assert [turn[0] for turn in believed.asked[::2]] == list(SNMP)[1:]
    doubted = told(Server((), alive, (), alive, (), (), (), alive), "snmp", **SNMP)
    assert doubted == {**dict.fromkeys(SNMP, WITHHELD), "alive": ANSWERED, "v2c-public": "unasked"}


def test_a_community_that_is_answered_alone_was_dropped_before() -> None:
    """It is a finding; of those whose silence has no witness nothing is told, so that no finding of theirs closes."""
    alive = {"alive"}
    settled = told(Server((), alive, (), (), {"v2c-public"}, (), alive), "snmp", **SNMP)
    assert snmp(settled) == [("public v1", "none"), ("public v2c", "given"), ("private v2c", "none")]


def test_the_witness_is_the_first_that_a_limit_lets_through() -> None:
    """Regression, false pass: a limit of one answer a second was spent on a community, and the agent never showed itself."""
    assert "alive" == questions("snmp")[0].name


@pytest.mark.parametrize("state", [SILENT, REFUSED])
def test_where_nothing_answers_nothing_is_asked_again(state: str) -> None:
    """Most hosts have no such server, and cost no second more."""
    server = Server()
    first = dict.fromkeys(NTP, state)
    assert (told(server, "ntp_service", **first), server.asked) == (first, [])


def test_what_was_not_settled_when_the_run_is_stopped_is_left_out() -> None:
    """Half a witness is none."""
    assert told(Server((), stop_after=1), "ntp_service", **NTP) == {**NTP, "control": None, "monlist": None}


def test_a_witness_is_a_question_of_its_probe() -> None:
    """A misspelt name would leave the silence unexamined."""
    for name in ("ntp_service", "dns_service", "snmp"):
        names = {q.name for q in questions(name)}
        assert {q.witness for q in questions(name) if q.witness} <= names


@contextlib.contextmanager
def limiting(seconds: float, dropped: bytes = b"") -> Iterator[int]:
    """A server on loopback that answers whatever comes no sooner than so many seconds after the last, but for ``dropped``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            last = 0.0
            while (come := server.recvfrom(100))[0] != b"stop":
                now = time.monotonic()
                if now - last >= seconds and come[0] != dropped:
                    server.sendto(come[0], come[1])
                last = now

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield port
        server.sendto(b"stop", ("127.0.0.1", port))
        thread.join()


@pytest.mark.parametrize(("seconds", "dropped", "second"), [(0.4, b"", ANSWERED), (0.4, b"b", WITHHELD), (0.0, b"b", WITHHELD)])
def test_a_real_server_that_limits_is_asked_until_it_is_known(seconds: float, dropped: bytes, second: str) -> None:
    """Together the second question is dropped; alone it is answered, unless the server refuses just that."""
    with limiting(seconds, dropped) as port:
        here = ipaddress.ip_address("127.0.0.1")
        first, other = Question("a", port, b"a", bytes), Question("b", port, b"b", bytes, witness="a")
        quickly = functools.partial(ask, cancelled=lambda: False, patience=0.2)
        before = quickly([(here, first), (here, other)])
        again = witnessed(
            before, [(here, (first, other))], cancelled=lambda: False, ask=functools.partial(ask, patience=0.2), pause=0.5
        )
    assert [r.state for r in (before[here, first], before[here, other]) if isinstance(r, Reply)] == [ANSWERED, SILENT]
    assert [r.state for r in again.values() if isinstance(r, Reply)] == [ANSWERED, second]
