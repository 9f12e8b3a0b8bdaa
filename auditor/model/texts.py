"""What is known of the texts that hosts print: hosts of one fleet mostly print the same."""

from __future__ import annotations

import hashlib
from typing import Generic, TypeVar

T = TypeVar("T")
_CHARACTERS = 4_000_000  # what fifty systems print
_EACH = 250  # characters that count for a text beside its own
_SHARE = 10  # a longer part of all that is allowed than one in so many is not remembered


class ByText(Generic[T]):
    """Remembers something of each text, until they are too many characters together: then it begins anew.

    Several threads may use it: at worst it holds a few texts more.
    """

    def __init__(self, characters: int = _CHARACTERS) -> None:
        self._limit = characters
        self._known: dict[str, T] = {}
        self._characters = 0

    def get(self, text: str) -> T | None:
        """What is remembered of the text."""
        return self._known.get(text)

    def put(self, text: str, told: T) -> None:
        """Remember it, unless it is so long that it would push out all others."""
        room = len(text) + _EACH
        if room > self._limit // _SHARE:
            return
        self._characters += room
        if self._characters > self._limit:
            self._known.clear()
            self._characters = room
        self._known[text] = told


_digests = ByText[bytes]()


def digest_of(text: str) -> bytes:
    """The SHA-256 of the text in UTF-8, lone surrogates as they are: 32 bytes. A text is asked for more than once on its way."""
    known = _digests.get(text)
    if known is None:
        known = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        _digests.put(text, known)
    return known
