"""Of which facts a check's expressions make lists by ``map`` and ``filter``, which take the square of their length in memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

LONGEST = 3000
"""Entries of a fact's list of which an expression may make another: 300 MB while it is evaluated."""

_MAKING = re.compile(r"\.\s*(?:map|filter)\s*\(")
_RECEIVER = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(?:\.[A-Za-z_]\w*|\[[^\[\]]*\])*\Z")
_WORD = re.compile(r"[A-Za-z_]\w*")


def mapped(texts: Iterable[str | None], facts: Collection[str], listing: Collection[str]) -> frozenset[str]:
    """Those of ``facts`` of which one of ``texts`` may make a list. ``listing`` are those that items and rows are of."""
    found: set[str] = set()
    for text in filter(None, texts):
        for making in _MAKING.finditer(text):
            receiver = _RECEIVER.search(text[: making.start()].rstrip())
            if receiver is not None and receiver[1] in facts:
                found.add(receiver[1])
            elif receiver is None or receiver[1] != "params":  # of the item, of what another call gave, of a variable of its own
                found |= {*listing} | ({*_WORD.findall(text)} & {*facts})
    return frozenset(found)


def longest(value: object) -> int:
    """The length of the longest list or map anywhere in a fact's value."""
    found, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            found = max(found, len(one))
            left += [inner for inner in one.values() if isinstance(inner, dict | list)]
        elif isinstance(one, list):
            found = max(found, len(one))
            left += [inner for inner in one if isinstance(inner, dict | list)]
    return found
