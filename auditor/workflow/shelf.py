"""Findings put away small: a nation's reports go through all of them, and hold those of one department at a time."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from auditor.lifecycle import is_due_soon, is_overdue
from auditor.model import Finding, Standing


class Shelf:
    """Findings in the order in which they came, a packet for each severity and department; they are unpacked each time they are
    gone through.

    Packed they are a fiftieth of their size. Packets stay in this process and its forks, so pickle, which writes what equal
    findings share once, reads nothing that it has not written.
    """

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._packets: list[tuple[str, int, bytes]] = []
        for (_severity, department), group in groupby(findings, key=lambda f: (f.severity, f.department)):
            held = tuple(group)
            self._packets.append((department, len(held), zlib.compress(pickle.dumps(held, pickle.HIGHEST_PROTOCOL), 1)))

    def __len__(self) -> int:
        return sum(n for _department, n, _packet in self._packets)

    def __iter__(self) -> Iterator[Finding]:
        return self.of(self.departments)

    def of(self, departments: Iterable[str]) -> Iterator[Finding]:
        """Those of some departments, in the same order."""
        wanted = frozenset(departments)
        for department, _n, packet in self._packets:
            if department in wanted:
                yield from pickle.loads(zlib.decompress(packet))

    @property
    def departments(self) -> frozenset[str]:
        """Whose findings are here."""
        return frozenset(department for department, _n, _packet in self._packets)


@dataclass(frozen=True, slots=True)
class Shelved:
    """The findings of a shelf that are in a report's scope, each with how its time stands at one instant."""

    shelf: Shelf
    departments: tuple[str, ...]
    as_of: datetime
    due_soon: int  # days

    def __iter__(self) -> Iterator[Standing]:
        return map(self._standing, self.shelf.of(self.departments))

    def of(self, department: str) -> Iterator[Standing]:
        """Those of one department, in the same order."""
        return map(self._standing, self.shelf.of({department} & set(self.departments)))

    def _standing(self, finding: Finding) -> Standing:
        return Standing(finding, is_overdue(finding, self.as_of), is_due_soon(finding, self.as_of, self.due_soon))
