"""Findings on a shelf, and how the time of each stands for a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from auditor.lifecycle import is_due_soon, is_overdue
from auditor.model import Finding, Shelf, Standing


def shelve(findings: Iterable[Finding]) -> Shelf[Finding]:
    """Put findings that come worst first on a shelf, under their departments."""
    groups = groupby(findings, key=lambda f: (f.severity, f.department))
    return Shelf((department, group) for (_severity, department), group in groups)


@dataclass(frozen=True, slots=True)
class Shelved:
    """The findings of a shelf that are in a report's scope, each with how its time stands at one instant."""

    shelf: Shelf[Finding]
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
