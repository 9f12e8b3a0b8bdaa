"""To whom a host's SNMP agent answers: versions 1 and 2c know no password but the community, which travels in the clear."""

from __future__ import annotations

import functools

from auditor.errors import ParseError
from auditor.facts._ber import INTEGER, NULL, OID, SEQUENCE, STRING, elements, integer, tlv
from auditor.facts._datagrams import Reply, read
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
    """What a manager of version 3 sends before it knows the agent; one that knows version 3 answers, whatever its communities."""
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
        witness=_ALIVE,
    )
    for version, number in _VERSIONS.items()
    for community in _COMMUNITIES
}
# The witness goes first: of questions that come together a limit lets the first through.
PROBE = NetworkProbe(what="datagrams", questions=(Question(_ALIVE, _PORT, _discover(), _keep_report), *_QUESTIONS.values()))


def parse(output: str, _args: Arguments) -> Json:
    """Each default community, by version, with what its question came to; none where nobody vouches for the silence.

    ``answer`` is ``given``, ``none`` where an agent that answers version 3 before and after left just this out, or ``refused``
    when nothing listens. An agent drops what it does not allow without a word, but so do a firewall, a limit and a bad line.
    ParseError when there is an agent, no community was answered, and of one it is not known whether it would have been.
    """
    replies = read(output, PROBE)
    items: list[Json] = []
    for (version, community), question in _QUESTIONS.items():
        reply = replies[question.name]
        if answer := _came_to(reply):
            description = clean(reply.kept.decode("utf-8", "replace"))
            items.append({"version": version, "community": community, "answer": answer, "description": description})
    given = any(replies[question.name].answered for question in _QUESTIONS.values())
    if replies[_ALIVE].answered and not given and len(items) < len(_QUESTIONS):
        raise ParseError("the agent answers version 3, and nothing shows that all communities came to it")
    return items


def _came_to(reply: Reply) -> str:
    if reply.answered:
        return "given"
    return "none" if reply.withheld else "refused" if reply.refused else ""


def proven(output: str, args: Arguments) -> list[Json]:
    """Those that were answered or refused, and those that were left out by an agent that was there to answer."""
    value = parse(output, args)
    return value if isinstance(value, list) else []


FACT = Fact(
    name="snmp",
    title=Text(en="Default communities that an SNMP agent answers", ar="المجتمعات الافتراضية التي يجيبها وكيل SNMP"),
    shape=ListOf(record(version=STR, community=STR, answer=STR, description=STR)),
    parse=parse,
    example=[{"version": "2c", "community": "public", "answer": "given", "description": "Linux files-1 6.1.0-18-amd64"}],
    network=PROBE,
    version=2,
    proven=proven,
)
