"""A finding's identity: asset, check and subject, and nothing that may be reworded, renamed or re-rated."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: ids are read out over the telephone
_LETTERS = 10


def finding_id(asset: str, check: str, subject: str) -> str:
    """``F-`` and ten letters that are the same each time for the same asset, check and subject.

    The three are hashed as a JSON list, so that no two different triples are written alike.
    """
    told = ", ".join(map(encode_basestring_ascii, (asset, check, subject)))
    digest = hashlib.sha256(f"[{told}]".encode()).digest()
    number = int.from_bytes(digest, "big") >> (len(digest) * 8 - _LETTERS * 5)
    return "F-" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range((_LETTERS - 1) * 5, -1, -5))
