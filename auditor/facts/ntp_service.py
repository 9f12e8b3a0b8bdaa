"""What a host's time server answers beside the time: queries whose answers are many times their size, from anyone's name."""

from __future__ import annotations

import struct

from auditor.facts._datagrams import read
from auditor.facts.interface import Arguments, Fact, NetworkProbe, Question
from auditor.facts.shape import BOOL, INT, ListOf, record
from auditor.model import Json, Text

_PORT = 123
_CLIENT, _SERVER, _CONTROL, _PRIVATE = 3, 4, 6, 7
_TIME_QUERY = bytes([4 << 3 | _CLIENT]) + bytes(47)
_CONTROL_QUERY = struct.pack("!BBHHHHH", 2 << 3 | _CONTROL, 2, 0x4155, 0, 0, 0, 0)  # read variables (RFC 9327)
_MONLIST = 42  # MON_GETLIST_1 of ntpd's private mode, implementation 3 (XNTPD)
_MONLIST_QUERY = bytes([2 << 3 | _PRIVATE, 0, 3, _MONLIST]) + bytes(44)
_RESPONSE = 0x80


def _keep_time(data: bytes) -> bytes | None:
    """Nothing of it: it is the time."""
    return b"" if len(data) >= 48 and data[0] & 7 == _SERVER else None


def _keep_control(data: bytes) -> bytes | None:
    """Nothing of it: it holds clock readings. A reply that is an error is no answer."""
    ours = len(data) >= 12 and data[0] & 7 == _CONTROL and data[2:4] == _CONTROL_QUERY[2:4]
    return b"" if ours and data[1] & _RESPONSE and not data[1] & 0x40 else None


def _keep_monlist(data: bytes) -> bytes | None:
    """Nothing of it: it lists who asked for the time. A reply that is an error is no answer."""
    ours = len(data) >= 8 and data[0] & 7 == _PRIVATE and data[0] & _RESPONSE and data[3] == _MONLIST
    return b"" if ours and data[4] >> 4 == 0 else None


PROBE = NetworkProbe(
    what="datagrams",
    questions=(
        Question("time", _PORT, _TIME_QUERY, _keep_time),
        Question("control", _PORT, _CONTROL_QUERY, _keep_control, witness="time"),
        Question("monlist", _PORT, _MONLIST_QUERY, _keep_monlist, witness="time"),
    ),
)


def parse(output: str, _args: Arguments) -> Json:
    """One item when a time server answers us anything: the time, control queries (mode 6), the list of its clients (mode 7)."""
    replies = read(output, PROBE)
    if not any(reply.answered for reply in replies.values()):
        return []
    return [{"port": _PORT, **{name: replies[name].answered for name in ("time", "control", "monlist")}}]


def proven(output: str, _args: Arguments) -> list[Json]:
    """The server, when it answered anything or its port refused: silence beside the time has a witness."""
    replies = read(output, PROBE)
    told = any(reply.answered or reply.refused for reply in replies.values())
    return [{"port": _PORT, "time": False, "control": False, "monlist": False}] if told else []


FACT = Fact(
    name="ntp_service",
    title=Text(en="What a time server answers beside the time", ar="ما يجيب عنه خادم الوقت غير الوقت"),
    shape=ListOf(record(port=INT, time=BOOL, control=BOOL, monlist=BOOL)),
    parse=parse,
    example=[{"port": 123, "time": True, "control": False, "monlist": False}],
    network=PROBE,
    proven=proven,
)
