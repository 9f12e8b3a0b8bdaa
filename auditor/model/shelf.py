"""Many values put away small: a nation's reports go through all findings, and hold those of one department at a time."""

from __future__ import annotations

import pickle
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Packets of values, each under a name that others may bear too; they are unpacked each time they are gone through.

    Findings take a fiftieth of their room so. Packets stay in this process and its forks: pickle, which writes once what values
    share, reads nothing here that it has not written.
    """

    def __init__(self, packets: Iterable[tuple[str, Iterable[T]]] = (), order: Sequence[str] = ()) -> None:
        """In the order in which they come, or in that of their names."""
        self._packets = [(name, *_packed(values)) for name, values in packets]
        if order:
            self._packets.sort(key=lambda packet: order.index(packet[0]))

    def __len__(self) -> int:
        return sum(n for _name, n, _packet in self._packets)

    def __iter__(self) -> Iterator[T]:
        return self.of(self.names)

    def of(self, names: Iterable[str]) -> Iterator[T]:
        """What lies under some names, in the shelf's order."""
        wanted = frozenset(names)
        for name, _n, packet in self._packets:
            if name in wanted:
                yield from pickle.loads(zlib.decompress(packet))

    @property
    def names(self) -> frozenset[str]:
        """All under which something lies."""
        return frozenset(name for name, _n, _packet in self._packets)

    @property
    def counts(self) -> Counter[str]:
        """How much lies under each name."""
        counts: Counter[str] = Counter()
        for name, n, _packet in self._packets:
            counts[name] += n
        return counts


def _packed(values: Iterable[T]) -> tuple[int, bytes]:
    held = tuple(values)
    return len(held), zlib.compress(pickle.dumps(held, pickle.HIGHEST_PROTOCOL), 1)
