"""Of which facts a check's expressions make lists by ``map`` and ``filter``, which take the square of their length in memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

LONGEST = 3000
"""Entries of a fact's list of which an expression may make another: 300 MB while it is evaluated."""

_MAKING = re.compile(r"\.\s*(?:map|filter)\s*\(")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_WORD = re.compile(r"[A-Za-z_]\w*")
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")


def mapped(
    texts: Iterable[str | None], facts: Collection[str], listing: Collection[str], *, rows: bool = False
) -> frozenset[str]:
    """Those of ``facts`` of which one of ``texts`` may make a list as long as theirs.

    ``listing`` are those that items are of. ``rows``: the variables are not the facts but what all hosts told of them.
    """
    found: set[str] = set()
    for text in filter(None, texts):
        blank = without_texts(text)
        for making in _MAKING.finditer(blank):
            roots, bare = _roots(blank[: making.start()].rstrip())
            for root in roots:
                if root in facts:
                    found |= set() if rows and bare else {root}
                elif bare and root != "params":  # the item, or a variable of a list around it
                    found |= {*listing} | ({*_WORD.findall(blank)} & {*facts})
    return frozenset(found)


def makes_lists(source: str) -> bool:
    """Whether the expression may make a list of another, which takes the square of its length in memory; texts count too."""
    return _MAKING.search(source) is not None


def without_texts(source: str) -> str:
    """The expression with nothing in its texts, each of which stays as long as it is."""
    return _TEXT.sub(lambda match: '"' * len(match[0]), source)


def _roots(receiver: str) -> tuple[set[str], bool]:
    """The variables from which the list comes of which another is made, and whether it is the only one, which stands first."""
    while receiver:
        if receiver[-1] in ")]":
            start = _opening(receiver)
            call = receiver[-1] == ")"
            receiver, inside = receiver[:start].rstrip(), receiver[start:]
            name = _NAME.search(receiver)
            # parentheses, a list as it is written, or a function that is no list's own
            if name is None or (call and not receiver[: name.start()].rstrip().endswith(".")):
                return {*_WORD.findall(inside)}, False
        name = _NAME.search(receiver)
        if name is None:
            return {*_WORD.findall(receiver)}, False
        receiver = receiver[: name.start()].rstrip()
        if not receiver.endswith("."):
            return {name[0]}, True
        receiver = receiver[:-1].rstrip()
    return set(), False


def _opening(text: str) -> int:
    """Where the parenthesis or bracket opens that the last character closes; 0 where none does."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += (text[place] in ")]}") - (text[place] in "([{")
        if depth == 0:
            return place
    return 0


def longest(value: object) -> int:
    """The length of the longest list or map anywhere in a fact's value."""
    found, left = 0, [value]
    while left:
        one = left.pop()
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        found = max(found, len(inner))
        left += [value for value in inner if isinstance(value, dict | list)]
    return found
