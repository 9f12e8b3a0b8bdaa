"""Drops secrets that came all the same, before anything is stored.

Probes filter on the target; this is the second fence. It must never change what a parser reads: parse(redact(x)) = parse(x)
for every golden.
"""

from __future__ import annotations

import re

from auditor.model.texts import ByText

GONE = "[redacted]"

_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL)
# crypt(3): an id, then salt and hash; the length keeps prices and shell variables out
_CRYPT = re.compile(
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|argon2(?:id|i|d)|scrypt|pbkdf2[a-z0-9-]*)\$[./A-Za-z0-9$=,+*-]{12,}"
)
# the second field of a line of shadow, unless it is empty, x or a lock; old DES hashes are 13 letters
_SHADOW = re.compile(r":([!*]?)[./A-Za-z0-9_]{13,}(?=:[0-9]*:[0-9]*:[0-9]*:[0-9]*:[0-9]*:[0-9]*:)")
_ASSIGNED = re.compile(
    r"(?i)(\b(?:[a-z0-9]+[_-])?(?:password|passphrase|secret|secret[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|private[_-]?key)"
    r"\s*=\s*)(\"[^\"\n]+\"|'[^'\n]+'|[^\s\"';,]+)"
)
_WORDS = ("password", "passphrase", "secret", "key", "token")
_NAMED = re.compile(rf"(?:{'|'.join(_WORDS)})\s*=")
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:)[^\s/@]{1,128}(?=@)")


_clean = ByText[str]()  # texts that hold no secret, by themselves: hosts that print the same share one text


def redact(text: str) -> str:
    """The text with every secret that it is known to look like replaced by ``[redacted]``."""
    known = _clean.get(text)
    if known is not None:
        return known
    without = _redacted(text)
    if without == text:
        _clean.put(text, text)
    return without


def _redacted(text: str) -> str:
    if "PRIVATE KEY" in text:
        text = _PEM.sub(GONE, text)
    if "$" in text:
        text = _CRYPT.sub(GONE, text)
    if ":" in text:
        text = _SHADOW.sub(rf":\1{GONE}", text)
    if "://" in text and "@" in text:
        text = _URL.sub(rf"\1{GONE}", text)
    if "=" in text and _names_a_secret(text.lower()):
        text = _ASSIGNED.sub(rf"\1{GONE}", text)
    return text


def _names_a_secret(lowered: str) -> bool:
    """Spares most text the costly search."""
    return any(word in lowered for word in _WORDS) and _NAMED.search(lowered) is not None
