"""What came back over UDP, as text and read again: one line a question, so that silence is never taken for a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auditor.errors import ParseError
from auditor.facts.interface import NetworkProbe

ANSWERED, REFUSED, SILENT, WITHHELD = "answered", "refused", "silent", "withheld"


@dataclass(frozen=True, slots=True)
class Reply:
    """To one question: ``answered`` with what was kept of it, ``refused`` (nothing listens on the port) or ``silent``.

    ``withheld`` is silence that has a witness: the server answered another question before this one and after it.
    """

    state: str
    kept: bytes = b""

    @property
    def answered(self) -> bool:
        """Whether an answer came."""
        return self.state == ANSWERED

    @property
    def refused(self) -> bool:
        """Whether the host said that nothing listens there."""
        return self.state == REFUSED

    @property
    def withheld(self) -> bool:
        """Whether the question came to a server that answers others, and was left without an answer."""
        return self.state == WITHHELD


def write(replies: Iterable[tuple[str, Reply]]) -> str:
    """``name state [hex]`` for each question, in the order given, and ``end``."""
    return "".join(f"{name} {reply.state} {reply.kept.hex()}".rstrip() + "\n" for name, reply in replies) + "end\n"


def read(output: str, probe: NetworkProbe) -> Mapping[str, Reply]:
    """The replies by question. Raises ParseError unless exactly the probe's questions are there, each once."""
    *lines, last = output.splitlines() or [""]
    if last != "end":
        raise ParseError("the replies do not end as they should")
    replies: dict[str, Reply] = {}
    for line in lines:
        name, _, rest = line.partition(" ")
        state, _, kept = rest.partition(" ")
        if name in replies or state not in (ANSWERED, REFUSED, SILENT, WITHHELD) or (kept and state != ANSWERED):
            raise ParseError(f"{line[:60]!r} is no reply to a question")
        replies[name] = Reply(state, bytes.fromhex(kept))
    if set(replies) != {question.name for question in probe.questions}:
        raise ParseError("the replies are not those to the questions asked")
    return replies
