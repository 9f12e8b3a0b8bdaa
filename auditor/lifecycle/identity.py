"""A finding's identity: asset, check and subject, and nothing that may be reworded, renamed or re-rated."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from json.encoder import encode_basestring_ascii

# Crockford's letters in the place of RFC 4648's: no I, L, O, U, as ids are read out over the telephone
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LETTERS = 10
_BYTES = 10  # of the digest: sixteen letters without padding, of which the first ten are taken


def finding_id(asset: str, check: str, subject: str, taken: Collection[str] = ()) -> str:
    """``F-`` and ten letters that are the same each time for the same asset, check and subject, and none of those ``taken``.

    The three are hashed as a JSON list, so that no two different triples are written alike; with a number as the fourth where the
    id is taken: among a million findings two have the same with a chance of one in two thousand.
    """
    name = _name(asset, check, subject)
    again = 0
    while name in taken:
        again += 1
        name = _name(asset, check, subject, str(again))
    return name


def _name(*parts: str) -> str:
    told = ", ".join(map(encode_basestring_ascii, parts))
    digest = hashlib.sha256(f"[{told}]".encode()).digest()
    return "F-" + base64.b32encode(digest[:_BYTES])[:_LETTERS].translate(_CROCKFORD).decode()
