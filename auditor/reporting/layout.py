"""How wide the columns of a table are on a screen, and which are left out where it is too narrow for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.reporting.tabular import Column, Row

_NARROWEST = 12
_NARROWER = 6
_WIDE = 28
_WIDE_AT_LEAST = 20
_LONG_WORD = 24
_GAP = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that are shown, each with its width, and those that are left out; all by their number."""

    widths: dict[int, int]
    left_out: tuple[int, ...]


def lay_out(columns: Sequence[Column], rows: Sequence[Row], room: int) -> Layout:
    """Each column as wide as its longest line. When that is too much, wide columns give way first, then the widest; then spare
    columns are left out; then words are broken. Ids, dates, states and severities, and figures, are shown whole in any case.
    """
    cells = [[line for row in rows for line in column.show(row).split("\n")] for column in columns]
    kept = list(range(len(columns)))
    spare = sorted((i for i in kept if columns[i].spare), key=lambda i: columns[i].spare)
    while True:
        widths, over = _narrowed(columns, cells, kept, room, breaking=not spare)
        if over <= 0 or not spare:
            return Layout(widths, tuple(i for i in range(len(columns)) if i not in widths))
        kept.remove(spare.pop())


def _narrowed(
    columns: Sequence[Column], cells: list[list[str]], kept: list[int], room: int, *, breaking: bool
) -> tuple[dict[int, int], int]:
    """Widths, and by how much they are too wide together all the same."""
    titles = {i: [len(word) for word in columns[i].title.split()] for i in kept}
    widths = {i: max([len(columns[i].title), *map(len, cells[i])]) for i in kept}
    words = {i: max([1, *titles[i], *(len(word) for line in cells[i] for word in line.split())]) for i in kept}
    whole = {i: max([1, *titles[i], *map(len, cells[i])]) for i in kept if columns[i].whole or columns[i].right}
    wide = [i for i in kept if columns[i].wide and i not in whole]
    steps: list[tuple[list[int], dict[int, int]]] = [
        (wide, dict.fromkeys(kept, _WIDE)),
        (kept, {i: max(_NARROWEST, words[i]) for i in kept}),
        (kept, {i: max(_WIDE_AT_LEAST if columns[i].wide else 1, min(words[i], _LONG_WORD)) for i in kept}),
    ]
    if breaking:
        steps += [(kept, words), *((kept, {i: min(words[i], least) for i in kept}) for least in (_NARROWEST, _NARROWER))]
    over = sum(widths.values()) - (room - _GAP * (len(kept) - 1))
    for candidates, bounds in steps:
        least = bounds | whole
        while over > 0 and (narrowing := [i for i in candidates if widths[i] > least[i]]):
            widths[max(narrowing, key=lambda i: widths[i])] -= 1
            over -= 1
    return widths, over
