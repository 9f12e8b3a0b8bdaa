"""Whether a host hands out files over TFTP, which knows no log-on and no encryption: whoever knows a name gets the file."""

from __future__ import annotations

from auditor.facts._datagrams import read
from auditor.facts.interface import Arguments, Fact, NetworkProbe, Question
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

_PORT = 69
_READ, _DATA, _ERROR, _OPTIONS = 1, 3, 5, 6
# A name that nobody has: the answer that it is not there is answer enough, and no file leaves the host.
_ASK = _READ.to_bytes(2, "big") + b"compliance-audit-no-such-file\0octet\0"
_REFUSED = "refused"
_ANSWERS = {_DATA: "file", _ERROR: "error", _OPTIONS: "file"}


def _keep(data: bytes) -> bytes | None:
    """The kind of the answer and an error's number; nothing of a file."""
    kind = int.from_bytes(data[:2], "big")
    if kind not in _ANSWERS or len(data) < 4:
        return None
    return data[:4] if kind == _ERROR else data[:2]


PROBE = NetworkProbe(what="datagrams", questions=(Question("read", _PORT, _ASK, _keep, any_port=True),))


def parse(output: str, _args: Arguments) -> Json:
    """One item when the port answered or refused; none where nothing came back, for which nobody vouches.

    ``answer`` is ``file`` when one came for a name that nobody has, ``error N`` (RFC 1350: 1 there is no such file, 2 it may not
    be read; both serve whoever knows a name), or ``refused`` when nothing listens. A server answers from another port than the
    one asked, which firewalls on the way drop, the auditor's own too: silence is no proof that there is no server.
    """
    reply = read(output, PROBE)["read"]
    if reply.refused:
        return [{"port": _PORT, "answer": _REFUSED}]
    if not reply.answered:
        return []
    answer = _ANSWERS[int.from_bytes(reply.kept[:2], "big")]
    return [{"port": _PORT, "answer": f"{answer} {int.from_bytes(reply.kept[2:4], 'big')}" if reply.kept[2:] else answer}]


def proven(output: str, _args: Arguments) -> list[Json]:
    """The server when it answered, or its port when it refused."""
    value = parse(output, _args)
    return value if isinstance(value, list) else []


FACT = Fact(
    name="tftp_service",
    title=Text(en="Whether files are handed out over TFTP", ar="تسليم الملفات عبر TFTP"),
    shape=ListOf(record(port=INT, answer=STR)),
    parse=parse,
    example=[{"port": 69, "answer": "error 1"}],
    network=PROBE,
    proven=proven,
)
