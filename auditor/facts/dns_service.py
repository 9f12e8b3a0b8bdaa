"""What a host's DNS server does for a stranger: whether it looks up foreign names for him, and whether it tells its version."""

from __future__ import annotations

import struct

from auditor.errors import ParseError
from auditor.facts._datagrams import read
from auditor.facts._nmap_output import clean
from auditor.facts.interface import Arguments, Fact, NetworkProbe, Question
from auditor.facts.shape import BOOL, INT, STR, ListOf, record
from auditor.model import Json, Text

_PORT = 53
_ID = 0x4155
_RECURSION_DESIRED, _RESPONSE, _RECURSION_AVAILABLE = 0x0100, 0x8000, 0x0080
_NS, _TXT, _IN, _CHAOS = 2, 16, 1, 3
_REFUSED = 5
_VERSION = b"\x07version\x04bind\x00"


def _query(name: bytes, kind: int, group: int) -> bytes:
    return struct.pack("!6H", _ID, _RECURSION_DESIRED, 1, 0, 0, 0) + name + struct.pack("!2H", kind, group)


_ROOT_QUERY, _VERSION_QUERY = _query(b"\0", _NS, _IN), _query(_VERSION, _TXT, _CHAOS)


def _keep_flags(data: bytes) -> bytes | None:
    """The flags: of the records behind them order and lifetime change."""
    return data[2:4] if _answers(data, _ROOT_QUERY) else None


def _answers(data: bytes, query: bytes) -> bool:
    """Whether it is a response to the query. A refusal may leave out what was asked, as unbound's does."""
    flags = int.from_bytes(data[2:4], "big")
    if len(data) < 12 or data[:2] != query[:2] or not flags & _RESPONSE:
        return False
    return data[12 : len(query)].lower() == query[12:] or (len(data) == 12 and flags & 0x000F == _REFUSED)


def _keep_version(data: bytes) -> bytes | None:
    """The flags and the text of the first record, "" when none is told."""
    if not _answers(data, _VERSION_QUERY):
        return None
    flags = data[2:4]
    if int.from_bytes(data[6:8], "big") == 0:
        return flags
    position = len(_VERSION_QUERY)
    while data[position] and data[position] < 0xC0:
        position += data[position] + 1
    position += 2 if data[position] >= 0xC0 else 1
    kind = int.from_bytes(data[position : position + 2], "big")
    text = data[position + 10 :]
    return flags + text[1 : 1 + text[0]] if kind == _TXT else flags


PROBE = NetworkProbe(
    what="datagrams",
    questions=(
        Question("recursion", _PORT, _ROOT_QUERY, _keep_flags),
        Question("version", _PORT, _VERSION_QUERY, _keep_version, witness="recursion"),
    ),
)


def parse(output: str, _args: Arguments) -> Json:
    """One item when a DNS server answers. ``recursion``: it asks others on our behalf; ``version``: as it tells it, or "".

    A server that is willing to ask others says so in any answer, also in one about itself or in the failure to reach them. One
    that answers about itself alone, without saying so, leaves the question open: ParseError.
    """
    replies = read(output, PROBE)
    query, version = replies["recursion"], replies["version"]
    answers = [int.from_bytes(reply.kept[:2], "big") for reply in (query, version) if reply.answered]
    if not answers:
        return []
    willing = [bool(flags & _RECURSION_AVAILABLE) and flags & 0x000F != _REFUSED for flags in answers]
    if not query.answered and not any(willing):
        raise ParseError("the DNS server answers about itself and not what was asked of it")
    return [{"port": _PORT, "recursion": any(willing), "version": clean(version.kept[2:].decode("utf-8", "replace"))}]


def proven(output: str, _args: Arguments) -> list[Json]:
    """The server, when it answered or its port refused: silence beside the first answer has a witness, and the other no value."""
    replies = read(output, PROBE)
    told = any(reply.answered or reply.refused for reply in replies.values())
    return [{"port": _PORT, "recursion": False, "version": ""}] if told else []


FACT = Fact(
    name="dns_service",
    title=Text(en="What a DNS server does for a stranger", ar="ما يقدمه خادم DNS للغرباء"),
    shape=ListOf(record(port=INT, recursion=BOOL, version=STR)),
    parse=parse,
    example=[{"port": 53, "recursion": False, "version": ""}],
    network=PROBE,
    proven=proven,
)
