"""Files that come with the program: found without a mistake when it was made, they are not gone through for mistakes again.

``shipped.txt``, written by ``scripts/docs``, has a mark of each: of its kind and its content, to the byte. A file that differs in
one of them is like any other.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

LIST = "shipped.txt"


def is_shipped(kind: str, content: bytes) -> bool:
    """Whether a file of this kind and content came with the program."""
    return mark(kind, content) in _marks()


def mark(kind: str, content: bytes) -> str:
    """What tells a file of this kind and content from any other: a SHA-256 in hexadecimal."""
    return hashlib.sha256(f"{kind}\0".encode() + content).hexdigest()


@functools.cache
def _marks() -> frozenset[str]:
    return frozenset(resources.files("auditor.loading").joinpath(LIST).read_text(encoding="ascii").split())
