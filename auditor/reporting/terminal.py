"""Tables and paragraphs for people at a terminal, right to left when they read Arabic.

Some terminals order Arabic themselves and most do not. For the first kind, every cell is isolated, so that Latin names
keep their place; for the second, each line is wrapped, joined and ordered here. In both, columns run from the right.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import IO, Literal

from rich.align import Align
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from auditor.reporting.tabular import CONTROLS, Column, Row, Table
from auditor.text import current
from auditor.text.bidi import has_rtl, isolate, isolate_latin, terminal_orders_bidi, visual

_NARROWEST = 12
_WIDE_AT_LEAST = 28
_ISOLATES = dict.fromkeys((0x2068, 0x2069))


class _Console(Console):
    """A console that leaves it to the caller what a reader who has gone means: rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Terminal:
    """A console that knows the language and what the terminal does with Arabic."""

    def __init__(self, file: IO[str] | None = None, *, bidi: str = "auto", environ: Mapping[str, str] = os.environ) -> None:
        stream = file or sys.stdout
        # A pipe has no width and its reader may be a program: nothing is reordered for it, and lines are long.
        width = None if stream.isatty() or "COLUMNS" in environ else 160
        self.console = _Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)
        self.rtl = current() == "ar"
        orders_itself = bidi == "terminal" or (bidi == "auto" and (not stream.isatty() or terminal_orders_bidi(environ)))
        self._reorder = self.rtl and not orders_itself

    def say(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """A paragraph; each of its lines is wrapped to the terminal, ``indent`` columns in from where reading begins."""
        for line in text.split("\n"):
            for part in self._lines(line, self.console.width - indent):
                shown = RichText(part, style=style)
                if self.rtl:
                    shown.align("right", self.console.width - indent)
                self.console.print(RichText(" " * (0 if self.rtl else indent)) + shown, soft_wrap=True)

    def point(self, text: str) -> None:
        """``file:line:column: what is wrong``. A paragraph for a person who reads Arabic; else a line as editors read it."""
        if self.rtl and self.console.is_terminal:
            self.say(text)
        else:
            self.console.file.write(f"{text}\n")

    def page(self, text: str) -> str:
        """Lines that are laid out already, from the right where this terminal must be given Arabic in order."""
        if not self._reorder:
            return text
        width = max([self.console.width - 2, *map(len, text.split("\n"))])
        return "\n".join(visual(isolate_latin(line)).rjust(width).rstrip() for line in text.split("\n"))

    def inline(self, text: str) -> str:
        """A short text as it must be given to this terminal inside a line that something else lays out."""
        return self._lines(text, len(text) + 1)[0]

    def table(self, table: Table) -> None:
        """A table, with its title above it."""
        if table.title:
            self.say(table.title, "bold")
        columns = list(reversed(table.columns)) if self.rtl else list(table.columns)
        shown = RichTable(box=None, pad_edge=False, padding=(0, 1), header_style="bold", show_edge=False)
        widths = self._widths(columns, table.rows)
        for column, width in zip(columns, widths, strict=True):
            justify: Literal["left", "right"] = "right" if column.right or self.rtl else "left"
            shown.add_column(self._cell(column.title, width), justify=justify, no_wrap=True)
        for row in table.rows:
            cells = []
            for column, width in zip(columns, widths, strict=True):
                style = column.style(row) if callable(column.style) else column.style
                cells.append(RichText(self._cell(column.show(row), width), style=style))
            shown.add_row(*cells)
        self.console.print(Align.right(shown) if self.rtl else shown, soft_wrap=True)

    def _widths(self, columns: list[Column], rows: Iterable[Row]) -> list[int]:
        """Each column as wide as its longest line; when that is too much, wide columns give way first, then the widest, and
        no word is broken before every column is as narrow as its longest word.
        """
        rows = list(rows)
        cells = [[c.title, *(line for r in rows for line in c.show(r).split("\n"))] for c in columns]
        wanted = [max(map(len, lines)) for lines in cells]
        words = [max([_NARROWEST, *(len(word) for line in lines for word in line.split())]) for lines in cells]
        wide = [i for i, c in enumerate(columns) if c.wide]
        everything = range(len(columns))
        over = sum(wanted) - (self.console.width - 2 * len(columns))
        for candidates, least in (
            (wide, [_WIDE_AT_LEAST] * len(columns)),
            (everything, words),
            (everything, [_NARROWEST] * len(columns)),
        ):
            while over > 0 and (narrowing := [i for i in candidates if wanted[i] > least[i]]):
                wanted[max(narrowing, key=wanted.__getitem__)] -= 1
                over -= 1
        return wanted

    def _cell(self, text: str, width: int) -> str:
        return "\n".join(part for line in text.split("\n") for part in self._lines(line, width))

    def _lines(self, line: str, width: int) -> list[str]:
        if not self.rtl:
            line = line.translate(_ISOLATES)  # nothing is to be ordered, and few terminals hide them
        parts = textwrap.wrap(line.translate(CONTROLS), max(width, _NARROWEST), break_on_hyphens=False) or [""]
        if not self.rtl:
            return parts
        apart = [isolate_latin(part) if has_rtl(part) else part for part in parts]
        return [visual(part) for part in apart] if self._reorder else [isolate(part) for part in apart]
