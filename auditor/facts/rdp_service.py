"""By which layers of security a remote desktop (RDP) is entered: its own old one, TLS alone, or proof of who one is."""

from __future__ import annotations

import functools
import struct

from auditor.errors import ParseError
from auditor.facts._conversations import held, spoken
from auditor.facts._nmap_output import as_items, closed_ports, number, open_ports
from auditor.facts.interface import Arguments, Conversation, Fact, NetworkProbe, Talk
from auditor.facts.shape import BOOL, INT, ListOf, record
from auditor.model import Json, Text

# MS-RDPBCGR 2.2.1.1 and 2.2.1.2: the negotiation within X.224's connection request and confirm, inside TPKT.
_STANDARD, _TLS, _NLA = 0, 1, 2
_REQUEST, _CONFIRM = 0xE0, 0xD0
_NEGOTIATION, _RESPONSE, _FAILURE = 1, 2, 3
_LARGEST = 256
# Failure codes: TLS required, TLS not allowed, no certificate, NLA required, TLS with the user's certificate required.
_TLS_REQUIRED, _TLS_NOT_ALLOWED, _NO_CERTIFICATE, _NLA_REQUIRED, _USER_CERTIFICATE = "1", "2", "3", "5", "6"

# By conversation: what is asked for, and which failures then say clearly that it is refused.
_LAYERS = {
    "rdp-standard": (_STANDARD, {_TLS_REQUIRED, _NLA_REQUIRED, _USER_CERTIFICATE}),
    "rdp-tls": (_TLS, {_TLS_NOT_ALLOWED, _NO_CERTIFICATE, _NLA_REQUIRED, _USER_CERTIFICATE}),
    "rdp-nla": (_TLS | _NLA, {_TLS_NOT_ALLOWED, _NO_CERTIFICATE, _USER_CERTIFICATE}),
}


def _ask(protocols: int) -> Talk:
    """Ask for these protocols; told is the one selected, or the failure. One that negotiates nothing has its old layer alone."""
    wanted = struct.pack("<BBHI", _NEGOTIATION, 0, 8, protocols)
    request = struct.pack("!BBHBBHHB", 3, 0, 11 + len(wanted), 6 + len(wanted), _REQUEST, 0, 0, 0) + wanted
    data, words = b"", request
    while len(data) < 4 or len(data) < int.from_bytes(data[2:4], "big"):
        data += yield words
        words = b""
        if not b"\x03\0".startswith(data[:2]) or int.from_bytes(data[2:4], "big") > _LARGEST:
            raise ValueError("no TPKT")
    if len(data) not in (11, 19):
        raise ValueError("no confirm")
    version, _, size, length, kind = struct.unpack("!BBHBB", data[:6])
    if version != 3 or size != len(data) or length != size - 5 or kind & 0xF0 != _CONFIRM:
        raise ValueError("no confirm")
    if size == 11:
        return (("selected", str(_STANDARD)),)
    answer, _, told, value = struct.unpack("<BBHI", data[11:])
    if told != 8 or answer not in (_RESPONSE, _FAILURE):
        raise ValueError("no negotiation")
    return (("selected" if answer == _RESPONSE else "failure", str(value)),)


PROBE = NetworkProbe(
    what="conversations",
    service_detection=True,
    conversations=tuple(
        Conversation(name, frozenset({3389}), frozenset({"ms-wbt-server"}), functools.partial(_ask, asked), plain_first=True)
        for name, (asked, _) in _LAYERS.items()
    ),
)


def parse(output: str, _args: Arguments) -> Json:
    """A host's slice: for each port that speaks RDP which layers it accepts from a client that offers no other.

    ``standard``: RDP's own encryption with RC4, in which nobody proves who the server is. ``tls``: TLS, and log-on on the remote
    screen. ``nla``: the user proves who he is before a session begins (CredSSP). An answer that is neither an acceptance nor a
    clear refusal, or a server that accepts nothing: ParseError.
    """
    servers: list[Json] = []
    for port, conversations in held(output, PROBE):
        # whatever it was asked for, what it chose it accepts: a server of the old layer alone chooses that, asked for another
        chosen = {layer for name in _LAYERS for layer in _chosen(name, conversations[name], number(port))}
        if not chosen:
            raise ParseError(f"port {number(port)} speaks RDP and accepts no layer of security that was asked for")
        value: dict[str, Json] = {"standard": _STANDARD in chosen, "tls": _TLS in chosen, "nla": _NLA in chosen}
        servers.append({"port": number(port), **value})
    return servers


def _chosen(name: str, told: dict[str, list[str]], port: int) -> set[int]:
    """The layer that the server chose, none when it clearly refused. Raises ParseError on anything else."""
    asked, refusing = _LAYERS[name]
    if selected := told.get("selected"):
        layer = int(selected[0])
        if layer not in (_STANDARD, _TLS, _NLA) or layer & asked != layer:
            raise ParseError(f"port {port} was asked for {name} and chose {layer}, which was not offered")
        return {layer}
    failure = told.get("failure", ["nothing"])[0]
    if failure not in refusing:
        raise ParseError(f"port {port} was asked for {name} and answered with failure {failure[:20]}")
    return set()


def proven(output: str, _args: Arguments) -> list[Json]:
    """Ports whose layers were told, those that said they are something else, and those that refused."""
    return as_items(spoken(open_ports(output), PROBE)) + closed_ports(output)


FACT = Fact(
    name="rdp_service",
    title=Text(
        en="Layers of security that a remote desktop (RDP) accepts", ar="طبقات الحماية التي يقبلها سطح المكتب البعيد (RDP)"
    ),
    shape=ListOf(record(port=INT, standard=BOOL, tls=BOOL, nla=BOOL)),
    parse=parse,
    example=[{"port": 3389, "standard": False, "tls": False, "nla": True}],
    network=PROBE,
    version=2,
    proven=proven,
)
