"""A finding's identity: asset, check and subject, and nothing that may be reworded, renamed or re-rated."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii

# Crockford's letters in the place of RFC 4648's: no I, L, O, U, as ids are read out over the telephone
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_LETTERS = 10
_BYTES = 10  # of the digest: sixteen letters without padding, of which the first ten are taken


def finding_id(asset: str, check: str, subject: str, taken: Mapping[str, tuple[str, str, str]] | None = None) -> str:
    """``F-`` and ten letters that are the same each time for the same asset, check and subject.

    The three are hashed as a JSON list, so that no two different triples are written alike; with a number as the fourth where
    another triple bears the id, as ``taken`` tells: among a million findings two have the same with a chance of one in two
    thousand.
    """
    own = (asset, check, subject)
    name, again = _name(*own), 0
    while taken and taken.get(name, own) != own:
        again += 1
        name = _name(*own, str(again))
    return name


def _name(*parts: str) -> str:
    told = ", ".join(map(encode_basestring_ascii, parts))
    digest = hashlib.sha256(f"[{told}]".encode()).digest()
    return "F-" + base64.b32encode(digest[:_BYTES])[:_LETTERS].translate(_CROCKFORD).decode()
