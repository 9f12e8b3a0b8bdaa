"""Compression of the many short texts of a night."""

from __future__ import annotations

import zlib

_SMALLEST, _LARGEST = 12, 15  # bits of zlib's window
_BESIDE = 7  # by so much less its memory level, as with its own choice for the largest window


def compressed(data: bytes, level: int = 6, *, bare: bool = False) -> bytes:
    """``data`` by zlib, with a window no larger than it has use for, which any reader takes: its own takes longer to set up than
    what a host brings takes to compress. ``bare``: without header and checksum.
    """
    window = min(max(len(data).bit_length(), _SMALLEST), _LARGEST)
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window if bare else window, window - _BESIDE)
    return compressor.compress(data) + compressor.flush()
