"""Services that answer strangers over UDP with more than they were sent: whoever forges a sender makes them strike him."""

from __future__ import annotations

import struct

from auditor.facts._ber import INTEGER, SEQUENCE, elements
from auditor.facts._datagrams import read
from auditor.facts._ldap import BASE, search_request
from auditor.facts.interface import Arguments, Fact, NetworkProbe, Question
from auditor.facts.shape import INT, STR, ListOf, record
from auditor.model import Json, Text

_ID = 0x41554454
_CALL, _REPLY, _PORTMAPPER = 0, 1, 100000
_RPC_NULL = struct.pack("!6I", _ID, _CALL, 2, _PORTMAPPER, 2, 0) + bytes(16)
_MEMCACHED = struct.pack("!4H", 0x4155, 0, 1, 0) + b"version\r\n"
_NETBIOS = struct.pack("!6H", 0x4155, 0, 1, 0, 0, 0) + b"\x20CK" + b"A" * 30 + b"\0" + struct.pack("!2H", 0x21, 1)
_SSDP = b'M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
_MDNS = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + b"\x09_services\x07_dns-sd\x04_udp\x05local\0" + struct.pack("!2H", 12, 1)
# Every attribute of the root DSE, as any client may ask: of a domain controller's 3,000 bytes come back for 40.
_CLDAP = search_request(0x4155, b"", BASE, (), 0)


def _rpc(data: bytes) -> bytes | None:
    return b"" if data[:8] == struct.pack("!2I", _ID, _REPLY) else None


def _memcached(data: bytes) -> bytes | None:
    return b"" if data[:2] == _MEMCACHED[:2] and data[8:].startswith(b"VERSION ") else None


def _netbios(data: bytes) -> bytes | None:
    return b"" if data[:2] == _NETBIOS[:2] and len(data) > 12 and data[2] & 0x80 else None


def _ssdp(data: bytes) -> bytes | None:
    return b"" if data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")) else None


def _mdns(data: bytes) -> bytes | None:
    return b"" if len(data) >= 12 and data[2] & 0x80 and data[6:8] != b"\0\0" else None


def _cldap(data: bytes) -> bytes | None:
    """Nothing of it: it carries clocks and counters. An error is an answer all the same."""
    tag, content = elements(data)[0]
    (kind, number), (operation, _), *_rest = elements(content)
    ours = tag == SEQUENCE and kind == INTEGER and int.from_bytes(number, "big") == 0x4155
    return b"" if ours and operation in (0x64, 0x65) else None


_SERVICES = (
    ("rpcbind", Question("rpcbind", 111, _RPC_NULL, _rpc)),
    ("netbios-ns", Question("netbios-ns", 137, _NETBIOS, _netbios)),
    ("cldap", Question("cldap", 389, _CLDAP, _cldap)),
    ("ssdp", Question("ssdp", 1900, _SSDP, _ssdp)),
    ("mdns", Question("mdns", 5353, _MDNS, _mdns)),
    ("memcached", Question("memcached", 11211, _MEMCACHED, _memcached)),
)
PROBE = NetworkProbe(what="datagrams", questions=tuple(question for _, question in _SERVICES))


def parse(output: str, _args: Arguments) -> Json:
    """Each service that answered, with its port."""
    replies = read(output, PROBE)
    return [{"port": q.port, "service": name} for name, q in _SERVICES if replies[q.name].answered]


def proven(output: str, _args: Arguments) -> list[Json]:
    """Those that answered and those whose port refused."""
    replies = read(output, PROBE)
    return [{"port": q.port, "service": name} for name, q in _SERVICES if replies[q.name].answered or replies[q.name].refused]


FACT = Fact(
    name="udp_services",
    title=Text(en="Services that answer strangers over UDP", ar="الخدمات التي تجيب الغرباء عبر UDP"),
    shape=ListOf(record(port=INT, service=STR)),
    parse=parse,
    example=[{"port": 111, "service": "rpcbind"}],
    network=PROBE,
    version=2,
    proven=proven,
)
