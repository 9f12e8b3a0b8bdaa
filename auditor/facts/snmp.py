"""To whom a host's SNMP agent answers: versions 1 and 2c know no password but the community, which travels in the clear."""

from __future__ import annotations

import functools

from auditor.facts._ber import INTEGER, NULL, OID, SEQUENCE, STRING, elements, integer, tlv
from auditor.facts._datagrams import read
from auditor.facts._nmap_output import clean
from auditor.facts.interface import Arguments, Fact, NetworkProbe, Question
from auditor.facts.shape import STR, ListOf, record
from auditor.model import Json, Text

_PORT = 161
_ID = 0x4155
_GET, _RESPONSE, _REPORT = 0xA0, 0xA2, 0xA8
_DESCRIPTION = bytes((0x2B, 6, 1, 2, 1, 1, 1, 0))  # sysDescr.0, 1.3.6.1.2.1.1.1.0
_VERSIONS = {"1": 0, "2c": 1}
_COMMUNITIES = ("public", "private")
_ALIVE = "alive"
_LONGEST = 200


def _ask(version: int, community: str) -> bytes:
    variables = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, _DESCRIPTION), tlv(NULL)))
    request = tlv(_GET, integer(_ID), integer(0), integer(0), variables)
    return tlv(SEQUENCE, integer(version), tlv(STRING, community.encode()), request)


def _keep(data: bytes, version: int, community: str) -> bytes | None:
    """The description that the agent gives, "" when it gives another answer: that it answers at all is what counts."""
    ((tag, message),) = elements(data)
    (_, said_version), (_, said_community), (kind, body) = elements(message)
    (_, number), _error, _index, (_, variables) = elements(body)
    if tag != SEQUENCE or kind != _RESPONSE or int.from_bytes(number, "big") != _ID:
        return None
    if int.from_bytes(said_version, "big") != version or said_community != community.encode():
        return None
    values = [elements(pair) for _, pair in elements(variables)]
    return next((pair[1][1][:_LONGEST] for pair in values if len(pair) == 2 and pair[1][0] == STRING), b"")


def _discover() -> bytes:
    """What a manager of version 3 sends before it knows the agent; every agent that runs answers it, whatever its communities."""
    header = tlv(SEQUENCE, integer(_ID), integer(65507), tlv(STRING, b"\x04"), integer(3))
    security = tlv(STRING, tlv(SEQUENCE, tlv(STRING), integer(0), integer(0), tlv(STRING), tlv(STRING), tlv(STRING)))
    request = tlv(_GET, integer(_ID), integer(0), integer(0), tlv(SEQUENCE))
    return tlv(SEQUENCE, integer(3), header, security, tlv(SEQUENCE, tlv(STRING), tlv(STRING), request))


def _keep_report(data: bytes) -> bytes | None:
    """Nothing of it: it carries the agent's uptime."""
    ((_, message),) = elements(data)
    (tag, version), (_, header), *_rest = elements(message)
    (_, number), *_others = elements(header)
    return b"" if (tag, version) == (INTEGER, b"\x03") and int.from_bytes(number, "big") == _ID else None


_QUESTIONS = {
    (version, community): Question(
        f"v{version}-{community}",
        _PORT,
        _ask(number, community),
        functools.partial(_keep, version=number, community=community),
    )
    for version, number in _VERSIONS.items()
    for community in _COMMUNITIES
}
PROBE = NetworkProbe(what="datagrams", questions=(*_QUESTIONS.values(), Question(_ALIVE, _PORT, _discover(), _keep_report)))


def parse(output: str, _args: Arguments) -> Json:
    """Each default community, by version, to which the agent answers.

    An agent drops what it does not allow without a word, and so does a firewall: silence means that we are not answered.
    """
    replies = read(output, PROBE)
    return [
        {"version": version, "community": community, "description": clean(replies[question.name].kept.decode("utf-8", "replace"))}
        for (version, community), question in _QUESTIONS.items()
        if replies[question.name].answered
    ]


def proven(output: str, _args: Arguments) -> list[Json]:
    """All, where the port refused or the agent is there and answers to none but version 3; else those that answered."""
    replies = read(output, PROBE)
    alive = replies[_ALIVE].answered
    return [
        {"version": version, "community": community, "description": ""}
        for (version, community), question in _QUESTIONS.items()
        if alive or replies[question.name].answered or replies[question.name].refused
    ]


FACT = Fact(
    name="snmp",
    title=Text(en="Default communities that an SNMP agent answers", ar="المجتمعات الافتراضية التي يجيبها وكيل SNMP"),
    shape=ListOf(record(version=STR, community=STR, description=STR)),
    parse=parse,
    example=[{"version": "2c", "community": "public", "description": "Linux files-1 6.1.0-18-amd64"}],
    network=PROBE,
    proven=proven,
)
