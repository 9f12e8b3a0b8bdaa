"""Sets of TCP ports: what rules of a packet filter speak of.

A set is a number with a bit for each port. Thousands of rules over thousands of ranges then cost what as many rules over one
port do; in lists of ranges each step took their length.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import TypeAlias

Ports: TypeAlias = int
NONE: Ports = 0
ALL: Ports = (1 << 65536) - 1

_RANGE = re.compile(r"([0-9]{1,5})(?:[-:]([0-9]{1,5}))?")


def within(first: int, last: int) -> Ports:
    """The ports from the first to the last."""
    return (1 << last + 1) - (1 << first)


def meet(one: Ports, other: Ports) -> Ports:
    """The ports in both."""
    if one == ALL:  # the same number, where the operator would make it anew
        return other
    return one if other == ALL else one & other


def join(one: Ports, other: Ports) -> Ports:
    """The ports in either."""
    if not one:
        return other
    return one | other if other else one


def minus(one: Ports, other: Ports) -> Ports:
    """The ports of the first that are not in the second."""
    return one & ~other if other else one


def written(texts: Iterable[str]) -> Ports | None:
    """The numbers and ranges of a rule; None where one is a name, a set or no port."""
    single, found = bytearray(8192), NONE
    for text in texts:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last <= 65535:
            return None
        if first == last:
            single[first >> 3] |= 1 << (first & 7)
        else:
            found |= within(first, last)
    return found | int.from_bytes(single, "little")


def pieces(*sets: Ports) -> tuple[tuple[int, int], ...]:
    """All ports in ranges, first and last, cut so finely that none of the sets begins or ends within one."""
    edges = {0, 65536}
    for ports in sets:
        bits = f"{ports:065536b}"[::-1]
        at = 0
        while (at := bits.find("01"[bits[at] == "0"], at)) >= 0:
            edges.add(at)
    return tuple((first, after - 1) for first, after in itertools.pairwise(sorted(edges)))


def holds(ports: Ports, port: int) -> bool:
    """Whether the port is among them."""
    return bool(ports >> port & 1)
