"""Remote desktops (RDP, VNC): a layer of security counts as refused only where the server clearly said so."""

from __future__ import annotations

import struct
from typing import Any
from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.collecting.nmap_scripts import kept
from auditor.errors import ParseError
from auditor.facts import rdp_service, vnc_service

NAMES = ("rdp-standard", "rdp-tls", "rdp-nla")
STANDARD, TLS, NLA = rdp_service.PROBE.conversations


def slice_of(number: int, inner: str) -> str:
    port = f'<port protocol="tcp" portid="{number}"><state state="open"/>{inner}</port>'
    return f'<host><status state="up"/><ports closed="">{port}</ports></host>'


def confirm(kind: int, value: int) -> bytes:
    return struct.pack("!BBHBBHHB", 3, 0, 19, 14, 0xD0, 0, 0x1234, 0) + struct.pack("<BBHI", kind, 0, 8, value)


def told(answer: bytes, piece: int = 1) -> tuple[tuple[str, str], ...]:
    """What the conversation tells when the server answers so, in pieces."""
    talk = NLA.talk()
    next(talk)
    try:
        for start in range(0, len(answer), piece):
            assert talk.send(answer[start : start + piece]) == b""
    except StopIteration as end:
        result: tuple[tuple[str, str], ...] = end.value
        return result
    raise AssertionError("it waits for more")


def rdp(standard: str, tls: str, nla: str) -> Any:
    """The value when the three conversations came to ``selected N`` or ``failure N``."""
    rows = ""
    for name, said in zip(NAMES, (standard, tls, nla), strict=True):
        key, _, value = said.partition(" ")
        rows += f'<script id="{name}"><elem key="{key}">{value}</elem></script>'
    (server,) = rdp_service.FACT.value(slice_of(3389, rows), {})  # type: ignore[misc]
    return {name for name in ("standard", "tls", "nla") if server[name]}  # type: ignore[index,call-overload]


def test_a_client_asks_for_one_layer_as_the_protocol_says() -> None:
    """The connection request of MS-RDPBCGR 4.1.1, without the cookie that a balancer would read."""
    assert "030000130ee000000000000100080000000000" == next(STANDARD.talk()).hex()  # type: ignore[union-attr]
    assert "030000130ee000000000000100080001000000" == next(TLS.talk()).hex()  # type: ignore[union-attr]
    assert "030000130ee000000000000100080003000000" == next(NLA.talk()).hex()  # type: ignore[union-attr]


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_an_answer_is_read_however_it_is_cut(piece: int) -> None:
    assert (("selected", "2"),) == told(confirm(2, 2), piece)
    assert (("failure", "5"),) == told(confirm(3, 5), piece)


def test_a_server_that_negotiates_nothing_has_its_old_layer_alone() -> None:
    """Windows before version 6 answers without the block; taken for silence it would pass."""
    assert (("selected", "0"),) == told(bytes.fromhex("0300000b06d00000123400"))


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x03\x00\xff\xff" + bytes(40),
        confirm(2, 2)[:-1] + b"\0\0",
        confirm(4, 2),
        bytes.fromhex("0300000b06800000123400"),
        bytes.fromhex("0300000c07d0000012340000"),
        b"\x03\x00\x00\x04",
    ],
)
def test_what_is_no_answer_ends_the_conversation(answer: bytes) -> None:
    with pytest.raises(ValueError, match="no "):
        told(answer, 100)


@pytest.mark.parametrize(
    ("said", "layers"),
    [
        (("selected 0", "selected 1", "selected 2"), {"standard", "tls", "nla"}),
        (("failure 1", "selected 1", "selected 2"), {"tls", "nla"}),
        (("failure 5", "failure 5", "selected 2"), {"nla"}),
        (("selected 0", "failure 2", "failure 2"), {"standard"}),
        (("selected 0", "failure 3", "failure 3"), {"standard"}),
        (("failure 5", "selected 0", "selected 2"), {"standard", "nla"}),
        (("failure 5", "failure 5", "selected 1"), {"tls"}),
    ],
)
def test_the_layers_are_those_that_the_server_chose(said: tuple[str, str, str], layers: set[str]) -> None:
    """Regression, false pass: a server of the old layer alone confirms a request for NLA, choosing the old layer."""
    assert layers == rdp(*said)


@pytest.mark.parametrize(
    "said",
    [
        ("failure 4", "failure 5", "selected 2"),
        ("failure 2", "failure 5", "selected 2"),
        ("failure 5", "failure 1", "selected 2"),
        ("failure 5", "failure 5", "failure 5"),
        ("failure 5", "failure 5", "selected 8"),
        ("selected 2", "failure 5", "selected 2"),
        ("failure 5", "failure 5", "failed silence"),
        ("failed silence", "failure 5", "selected 2"),
        ("failure 5", "failure 5", "selected x"),
        ("failure 5", "failure 5", "failure 2"),
    ],
)
def test_contradictions_and_silence_are_no_value(said: tuple[str, str, str]) -> None:
    """What was not offered, a failure that does not belong to the question, nothing accepted at all: unknown."""
    with pytest.raises(ParseError):
        rdp(*said)


@pytest.mark.parametrize("service", ["", '<service name="ms-wbt-server" tunnel="ssl" method="probed"/>'])
def test_a_remote_desktop_that_was_not_asked_has_no_value(service: str) -> None:
    """Also where nmap found TLS: RDP's own first words are plain."""
    with pytest.raises(ParseError, match="3389"):
        rdp_service.FACT.value(slice_of(3389, service), {})


@given(data=st.binary(max_size=60))
def test_no_answer_breaks_the_reading_of_rdp(data: bytes) -> None:
    try:
        told(data, 60)
    except (ValueError, AssertionError):
        return


def vnc(inner: str, number: int = 5900) -> Any:
    return vnc_service.FACT.value(slice_of(number, f'<script id="vnc-info">{inner}</script>'), {})


def types(key: str, *numbers: object) -> str:
    return f'<table key="{key}">{"".join(f"<elem>{n}</elem>" for n in numbers)}</table>'


OFFERED, VENCRYPT, TLS_AUTH, TIGHT = "Security types", "VeNCrypt auth subtypes", "TLS auth subtypes", "Tight auth subtypes"


@pytest.mark.parametrize(
    "inner",
    [
        types(OFFERED, 1),
        types(OFFERED, 19) + types(VENCRYPT, 257),
        types(OFFERED, 19) + types(VENCRYPT, 260, 261),
        types(OFFERED, 19) + types(VENCRYPT, 1),
        types(OFFERED, 18) + types(TLS_AUTH, 1),
        types(OFFERED, 16) + types(TIGHT, "None"),
        types(OFFERED, 2, 16) + types(TIGHT, 1, 2),
        types(OFFERED, 16, 1),
    ],
)
def test_a_way_in_without_login_is_found_wherever_it_is(inner: str) -> None:
    """Also X509None, which nmap's own warning overlooks, and behind TLS and Tight."""
    assert vnc(inner)[0]["no_login"]


@pytest.mark.parametrize(("way", "encrypted"), [(18, True), (16, False)])
def test_what_is_behind_tls_and_was_not_read_is_left_out(way: int, encrypted: bool) -> None:
    """No check passes on it; what is known of the port stays known."""
    (server,) = vnc(types(OFFERED, way))
    assert ("no_login" in server, server["encrypted"]) == (False, encrypted)


@pytest.mark.parametrize("number", [2, 6, 17, 30, 113, 130, 255, 256])
def test_a_type_that_does_not_encrypt_or_is_unknown_is_unencrypted(number: int) -> None:
    inner = types(OFFERED, 19) + types(VENCRYPT, number) if number == 256 else types(OFFERED, number)
    (server,) = vnc(inner)
    assert (server["encrypted"], server["unencrypted"]) == (False, True)


@pytest.mark.parametrize(
    "inner", ["", types(OFFERED), types(OFFERED, 19), types(OFFERED, "x"), types(OFFERED, 19) + types(VENCRYPT, "²")]
)
def test_a_vnc_server_whose_types_were_not_read_has_no_value(inner: str) -> None:
    """Too many failed log-ons, a version that nmap does not know: it is there, and how one logs on is unknown."""
    with pytest.raises(ParseError):
        vnc(inner)


@pytest.mark.parametrize(
    ("number", "service"),
    [(5901, ""), (5901, '<service name="tcpwrapped" method="probed"/>'), (6901, '<service name="vnc" method="probed"/>')],
)
def test_a_vnc_port_that_says_nothing_is_not_the_absence_of_vnc(number: int, service: str) -> None:
    with pytest.raises(ParseError, match=str(number)):
        vnc_service.FACT.value(slice_of(number, service), {})
    assert vnc_service.FACT.proven is not None
    assert [] == vnc_service.FACT.proven(slice_of(number, service), {})


def test_nmap_s_order_and_names_do_not_reach_the_slice() -> None:
    """The elements of one type stand now so, now so; an unchanged server must not look changed."""
    one = '<table><elem key="type">19</elem><elem key="name">VeNCrypt</elem></table>'
    two = '<table><elem key="name">VNC Authentication</elem><elem key="type">2</elem></table>'
    slices = [
        tostring(kept(fromstring(f'<script id="vnc-info"><table key="Security types">{rows}</table></script>')))
        for rows in (one + two, two + one)
    ]
    assert slices[0] == slices[1]
    assert b"VeNCrypt" not in slices[0]
