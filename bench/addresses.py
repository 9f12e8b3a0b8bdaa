"""Which loopback address is which host of ``bench.replay``; apart from it, so that a night measured loads none of its server."""

from __future__ import annotations


def address_of(host: int) -> str:
    """The loopback address of a host."""
    return f"127.{64 + (host >> 16)}.{host >> 8 & 255}.{host & 255}"


def number_of(address: str) -> int:
    """The host of an address."""
    _, high, middle, low = (int(part) for part in address.split("."))
    return (high - 64) << 16 | middle << 8 | low
