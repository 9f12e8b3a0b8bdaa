"""The little of ASN.1's Basic Encoding Rules that SNMP needs: short tags, definite lengths (X.690, RFC 3417)."""

from __future__ import annotations

SEQUENCE, INTEGER, STRING, NULL, OID = 0x30, 0x02, 0x04, 0x05, 0x06


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
        if len(data) < 2 or data[0] & 0x1F == 0x1F:
            raise ValueError("no element starts here")
        size, start = data[1], 2
        if size == 0x80 or size > 0x84:
            raise ValueError("an indefinite or absurd length")
        if size > 0x80:
            start += size - 0x80
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start or len(data) - start < size:
            raise ValueError("an element is cut")
        found.append((data[0], data[start : start + size]))
        data = data[start + size :]
    return found
