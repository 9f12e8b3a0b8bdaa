"""The little of ASN.1's Basic Encoding Rules that SNMP and LDAP need: short tags, definite lengths (X.690)."""

from __future__ import annotations

SEQUENCE, INTEGER, STRING, NULL, OID = 0x30, 0x02, 0x04, 0x05, 0x06
BOOLEAN, ENUMERATED = 0x01, 0x0A


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element around its parts."""
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + body


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """The elements that ``data`` consists of, as (tag, content). Raises ValueError when it does not."""
    found: list[tuple[int, bytes]] = []
    while data:
        start, end = _bounds(data)
        if len(data) < end:
            raise ValueError("an element is cut")
        found.append((data[0], data[start:end]))
        data = data[end:]
    return found


def first_size(data: bytes, largest: int) -> int | None:
    """How long a stream's first element is with its head; None while that is not told. Raises ValueError beyond ``largest``."""
    if len(data) < 2 or (data[1] > 0x80 and len(data) < 2 + data[1] - 0x80 and data[1] <= 0x84):
        return None
    _, end = _bounds(data)
    if end > largest:
        raise ValueError("an element is too long")
    return end


def _bounds(data: bytes) -> tuple[int, int]:
    """Where the content of the first element starts and ends."""
    if len(data) < 2 or data[0] & 0x1F == 0x1F:
        raise ValueError("no element starts here")
    size, start = data[1], 2
    if size == 0x80 or size > 0x84:
        raise ValueError("an indefinite or absurd length")
    if size > 0x80:
        start += size - 0x80
        if len(data) < start:
            raise ValueError("an element is cut")
        size = int.from_bytes(data[2:start], "big")
    return start, start + size
