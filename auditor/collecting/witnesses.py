"""Whether a server that left a question unanswered would have answered at all just then.

Several questions that reach one server together may be more than it answers to one sender (``limited`` of ntpd, a firewall's
limit): it then gives the first its answer and drops the others, which looks like a server that refuses just those. What was
left silent beside an answer is therefore asked once more, alone and after a pause, and another question that the server answers
follows after the same pause. Where that goes unanswered too, nothing is known.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from auditor.collecting.datagrams import Pair, Unasked, ask
from auditor.collecting.nmap_xml import Address
from auditor.facts._datagrams import WITHHELD, Reply
from auditor.facts.interface import Question

PAUSE = 3.0  # seconds: ntpd's `limited` drops what comes within two seconds of the last

Ask: TypeAlias = Callable[..., Mapping[Pair, Reply | Unasked]]
Replies: TypeAlias = Mapping[Pair, Reply | Unasked]
_UNEVEN = "the server answers only some of what it is asked; something limits how often it answers"


def witnessed(
    replies: Replies,
    asked: Iterable[tuple[Address, Sequence[Question]]],
    *,
    cancelled: Callable[[], bool],
    ask: Ask = ask,
    pause: float = PAUSE,
) -> dict[Pair, Reply | Unasked]:
    """The replies, with each silence that has a ``witness`` confirmed (``withheld``), mended or made Unasked; where another
    question with a witness was answered it stays silence, for what was answered is seen and must not be lost.

    Takes ``2 * pause`` seconds and the tries for each such question of a probe; all hosts are asked side by side. When
    ``cancelled`` becomes true what was not settled is left out.
    """
    settled = dict(replies)
    asked = list(asked)
    doubtful = [_doubtful(replies, address, questions) for address, questions in asked]
    for turn in itertools.zip_longest(*doubtful):
        pairs = dict(pair for pair in turn if pair is not None)
        _wait(pause, cancelled)
        again = ask(pairs, cancelled=cancelled)
        silent = [pair for pair in pairs if _is_silent(again.get(pair))]
        heard: Replies = {}
        if silent:
            _wait(pause, cancelled)
            heard = ask([pairs[pair] for pair in silent], cancelled=cancelled)
        for pair, witness in pairs.items():
            reply = again.get(pair)
            if pair in silent:
                told = heard.get(witness)
                reply = Reply(WITHHELD) if _is_answer(told) else told and Unasked(_UNEVEN)
            if reply is None:
                settled.pop(pair)
            else:
                settled[pair] = reply
    for address, questions in asked:
        own = [(address, q) for q in questions if q.witness]
        if any(_is_answer(settled.get(pair)) for pair in own):
            settled.update((pair, replies[pair]) for pair in own if isinstance(settled.get(pair), Unasked))
    return settled


def _doubtful(replies: Replies, address: Address, questions: Sequence[Question]) -> list[tuple[Pair, Pair]]:
    """The questions left silent whose witness was answered, each with it."""
    pairs = {q.name: (address, q) for q in questions}
    wanted = [(pairs[q.name], pairs[q.witness]) for q in questions if q.witness]
    return [(pair, witness) for pair, witness in wanted if _is_silent(replies.get(pair)) and _is_answer(replies.get(witness))]


def _wait(pause: float, cancelled: Callable[[], bool]) -> None:
    until = time.monotonic() + pause
    while (left := until - time.monotonic()) > 0 and not cancelled():
        time.sleep(min(left, 0.2))


def _is_silent(reply: Reply | Unasked | None) -> bool:
    return isinstance(reply, Reply) and not reply.answered and not reply.refused


def _is_answer(reply: Reply | Unasked | None) -> bool:
    return isinstance(reply, Reply) and reply.answered
