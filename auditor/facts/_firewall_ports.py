"""Sets of TCP ports as ranges: what rules of a packet filter speak of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import TypeAlias

Ports: TypeAlias = tuple[tuple[int, int], ...]  # ranges in order, each first and last; no two touch
NONE: Ports = ()
ALL: Ports = ((0, 65535),)

_RANGE = re.compile(r"([0-9]{1,5})(?:[-:]([0-9]{1,5}))?")


def meet(one: Ports, other: Ports) -> Ports:
    """The ports in both."""
    return join((max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) <= min(b, d))


def join(ranges: Iterable[tuple[int, int]]) -> Ports:
    """The ranges in order, those that touch made one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def minus(one: Ports, other: Ports) -> Ports:
    """The ports of the first that are not in the second."""
    edges = [-1, *(edge for first, last in other for edge in (first, last)), 65536]
    gaps = ((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2))
    return meet(one, tuple((first, last) for first, last in gaps if first <= last))


def written(texts: Iterable[str]) -> Ports | None:
    """The numbers and ranges of a rule; None where one is a name, a set or no port."""
    found: list[tuple[int, int]] = []
    for text in texts:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last <= 65535:
            return None
        found.append((first, last))
    return join(found)


def pieces(*sets: Ports) -> Ports:
    """All ports, cut so finely that none of the sets begins or ends within a piece."""
    starts = {0, 65536} | {edge for ports in sets for first, last in ports for edge in (first, last + 1)}
    return tuple((first, after - 1) for first, after in itertools.pairwise(sorted(starts)))
