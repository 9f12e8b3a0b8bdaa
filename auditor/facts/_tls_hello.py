"""What nmap's list of TLS versions and ciphers lacks, asked for once more: whether the server refuses it or was only not heard.

nmap opens a hundred connections and takes each that is dropped for a refusal: of a server that lets so many connections in a
minute, or is busy, the rest of the list is missing. Here each version is asked for with all ciphers that nmap did not list with
it. Before and after comes a question that every server of TLS answers, so that a connection dropped between them is its answer.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from auditor.facts._conversations import CLOSED, FAILED, SILENT
from auditor.facts._nmap_output import script
from auditor.facts.interface import Conversation, Talk

SCRIPT = "ssl-enum-ciphers"
_ALERT, _HANDSHAKE, _SERVER_HELLO, _FATAL = 21, 22, 2, 2
_MOST_WARNINGS = 4
_LARGEST = 20_000
# By their numbers and names in IANA's registry: what servers in use know or knew, of every version, and of TLS 1.2 alone.
_OLD = {
    0x0001: "TLS_RSA_WITH_NULL_MD5", 0x0002: "TLS_RSA_WITH_NULL_SHA", 0x0003: "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
    0x0004: "TLS_RSA_WITH_RC4_128_MD5", 0x0005: "TLS_RSA_WITH_RC4_128_SHA", 0x0006: "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
    0x0007: "TLS_RSA_WITH_IDEA_CBC_SHA", 0x0008: "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", 0x0009: "TLS_RSA_WITH_DES_CBC_SHA",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x0011: "TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA",
    0x0012: "TLS_DHE_DSS_WITH_DES_CBC_SHA", 0x0013: "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
    0x0014: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", 0x0015: "TLS_DHE_RSA_WITH_DES_CBC_SHA",
    0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", 0x0017: "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5",
    0x0018: "TLS_DH_anon_WITH_RC4_128_MD5", 0x0019: "TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA",
    0x001A: "TLS_DH_anon_WITH_DES_CBC_SHA", 0x001B: "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA", 0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0032: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA", 0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    0x0034: "TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x0038: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA", 0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003A: "TLS_DH_anon_WITH_AES_256_CBC_SHA", 0x0041: "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
    0x0044: "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA", 0x0045: "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA",
    0x0046: "TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA", 0x0084: "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
    0x0087: "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA", 0x0088: "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
    0x0089: "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA", 0x0096: "TLS_RSA_WITH_SEED_CBC_SHA",
    0x0099: "TLS_DHE_DSS_WITH_SEED_CBC_SHA", 0x009A: "TLS_DHE_RSA_WITH_SEED_CBC_SHA", 0x009B: "TLS_DH_anon_WITH_SEED_CBC_SHA",
    0xC003: "TLS_ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA", 0xC004: "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA",
    0xC005: "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", 0xC006: "TLS_ECDHE_ECDSA_WITH_NULL_SHA",
    0xC007: "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", 0xC008: "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC00D: "TLS_ECDH_RSA_WITH_3DES_EDE_CBC_SHA", 0xC00E: "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA",
    0xC00F: "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", 0xC010: "TLS_ECDHE_RSA_WITH_NULL_SHA",
    0xC011: "TLS_ECDHE_RSA_WITH_RC4_128_SHA", 0xC012: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC015: "TLS_ECDH_anon_WITH_NULL_SHA", 0xC016: "TLS_ECDH_anon_WITH_RC4_128_SHA",
    0xC017: "TLS_ECDH_anon_WITH_3DES_EDE_CBC_SHA", 0xC018: "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
    0xC019: "TLS_ECDH_anon_WITH_AES_256_CBC_SHA",
}  # fmt: skip
_NEW = {
    0x003B: "TLS_RSA_WITH_NULL_SHA256", 0x003C: "TLS_RSA_WITH_AES_128_CBC_SHA256", 0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
    0x0040: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", 0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    0x006A: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", 0x006B: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x006C: "TLS_DH_anon_WITH_AES_128_CBC_SHA256", 0x006D: "TLS_DH_anon_WITH_AES_256_CBC_SHA256",
    0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
    0x009E: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009F: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    0x00A2: "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", 0x00A3: "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384",
    0x00A6: "TLS_DH_anon_WITH_AES_128_GCM_SHA256", 0x00A7: "TLS_DH_anon_WITH_AES_256_GCM_SHA384",
    0x00BA: "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256", 0x00BE: "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    0x00C0: "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256", 0x00C4: "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256",
    0xC023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xC024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xC028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC050: "TLS_RSA_WITH_ARIA_128_GCM_SHA256", 0xC051: "TLS_RSA_WITH_ARIA_256_GCM_SHA384",
    0xC052: "TLS_DHE_RSA_WITH_ARIA_128_GCM_SHA256", 0xC053: "TLS_DHE_RSA_WITH_ARIA_256_GCM_SHA384",
    0xC05C: "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256", 0xC05D: "TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384",
    0xC060: "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", 0xC061: "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384",
    0xC072: "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256", 0xC073: "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384",
    0xC076: "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256", 0xC077: "TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384",
    0xC07A: "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256", 0xC07B: "TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    0xC07C: "TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", 0xC07D: "TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    0xC086: "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256", 0xC087: "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
    0xC08A: "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", 0xC08B: "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    0xC09C: "TLS_RSA_WITH_AES_128_CCM", 0xC09D: "TLS_RSA_WITH_AES_256_CCM", 0xC09E: "TLS_DHE_RSA_WITH_AES_128_CCM",
    0xC09F: "TLS_DHE_RSA_WITH_AES_256_CCM", 0xC0A0: "TLS_RSA_WITH_AES_128_CCM_8", 0xC0A1: "TLS_RSA_WITH_AES_256_CCM_8",
    0xC0A2: "TLS_DHE_RSA_WITH_AES_128_CCM_8", 0xC0A3: "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    0xC0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0xC0AD: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    0xC0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", 0xC0AF: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}  # fmt: skip
_ASKED: dict[str, tuple[str, int, Mapping[int, str]]] = {
    "tls-ssl30": ("SSLv3", 0x0300, _OLD),
    "tls-tls10": ("TLSv1.0", 0x0301, _OLD),
    "tls-tls11": ("TLSv1.1", 0x0302, _OLD),
    "tls-tls12-old": ("TLSv1.2", 0x0303, _OLD),
    "tls-tls12-new": ("TLSv1.2", 0x0303, _NEW),
}
_BEFORE, _AFTER = "tls-before", "tls-after"
_WITNESS = dict.fromkeys(
    (0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0x9C, 0x9E, 0xC013, 0xC014, 0x2F, 0x35, 0x0A, 0x05), ""
)
_CURVES = struct.pack("!6H", 10, 8, 29, 23, 24, 25)
_SIGNATURES = bytes.fromhex("040305030603080408050806040105010601020302010402050206020202")


def _extension(number: int, body: bytes) -> bytes:
    return struct.pack("!2H", number, len(body)) + body


def hello(version: int, ciphers: Mapping[int, str], *, newest: bool = False) -> bytes:
    """The first words of a client that speaks ``version`` at most; ``newest``: or TLS 1.3, without a share of a key."""
    extensions = b""
    if version > 0x0300:
        extensions = _extension(10, _CURVES) + _extension(11, b"\x01\x00")
    if version == 0x0303:
        extensions += _extension(13, struct.pack("!H", len(_SIGNATURES)) + _SIGNATURES)
    if newest:
        extensions += _extension(43, b"\x04\x03\x04\x03\x03") + _extension(51, b"\x00\x00")
    listed = b"".join(number.to_bytes(2, "big") for number in ciphers)
    body = version.to_bytes(2, "big") + b"compliance-audit".ljust(32, b"\0") + b"\0" + len(listed).to_bytes(2, "big") + listed
    body += b"\x01\x00" + (len(extensions).to_bytes(2, "big") + extensions if extensions else b"")
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", _HANDSHAKE, min(version, 0x0301), len(message)) + message


def _answer(words: bytes) -> Talk:
    """Say them; told is the version and the cipher that the server chose, in hexadecimal, or that it refused."""
    data, warnings, message = b"", 0, b""
    while True:
        while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
            if len(data) > _LARGEST or (data and data[0] not in (_ALERT, _HANDSHAKE)) or (len(data) > 1 and data[1] != 3):
                raise ValueError("no words of TLS")
            data += yield words
            words = b""
        size = 5 + int.from_bytes(data[3:5], "big")
        kind, body, data = data[0], data[5:size], data[size:]
        if kind == _ALERT and body[0] == _FATAL:
            return (("refused", "alert"),)
        if kind == _ALERT:
            warnings += 1
        elif kind == _HANDSHAKE:
            message += body
        if warnings > _MOST_WARNINGS or kind not in (_ALERT, _HANDSHAKE):
            raise ValueError("no answer to a client's first words")
        if len(message) > 39 and len(message) > 40 + message[38]:
            if message[0] != _SERVER_HELLO:
                raise ValueError("no hello of a server")
            cipher = message[39 + message[38] : 41 + message[38]]
            return (("chose", f"{message[4:6].hex()} {cipher.hex()}"),)


def _witness() -> Talk:
    return (yield from _answer(hello(0x0303, _WITNESS, newest=True)))


def _further(version: int, candidates: Mapping[int, str], *listed: str) -> Talk:
    """Offer what nmap did not list; nothing is left to ask where it listed all."""
    offered = {number: name for number, name in candidates.items() if name not in listed}
    return (yield from _answer(hello(version, offered))) if offered else (("refused", "nothing to ask"),)


def _listed(port: Element, version: str) -> tuple[str, ...]:
    """The ciphers that nmap lists with a version, in its own XML."""
    tables = (t for t in script(port, SCRIPT) or () if t.get("key") == version)
    return tuple(e.text or "" for t in tables for e in t.iter("elem") if e.get("key") == "name")


def _conversation(name: str, talk: Callable[..., Talk], version: str = "") -> Conversation:
    about = functools.partial(_listed, version=version) if version else None
    return Conversation(name, frozenset(), frozenset(), talk, plain_first=True, after=SCRIPT, about=about)


CONVERSATIONS = (
    _conversation(_BEFORE, _witness),
    *(_conversation(name, functools.partial(_further, number, asked), v) for name, (v, number, asked) in _ASKED.items()),
    _conversation(_AFTER, _witness),
)


def further(port: Element) -> tuple[Mapping[str, frozenset[str]], bool]:
    """By version the ciphers that the server chose and nmap had not listed, and whether it refused all others.

    A slice from before these questions were asked holds no answers: nmap's list then stands as it is.
    """
    told = {c.name: said for c in CONVERSATIONS if (said := script(port, c.name)) is not None}
    answers = {name: {e.get("key", ""): e.text or "" for e in said} for name, said in told.items()}
    awake = all(FAILED not in answers.get(name, {FAILED: ""}) for name in (_BEFORE, _AFTER))
    chosen: dict[str, frozenset[str]] = {}
    whole = True
    for name, (version, number, candidates) in _ASKED.items():
        answer = answers.get(name, {FAILED: "it was not asked"} if told else {})
        if FAILED in answer:
            whole &= awake and answer[FAILED] in (CLOSED, SILENT)
        said_version, _, cipher = answer.get("chose", "").partition(" ")
        if said_version == f"{number:04x}":
            whole = False
            chosen[version] = chosen.get(version, frozenset()) | {candidates.get(int(cipher, 16), f"0x{cipher}")}
    return chosen, whole
