"""Tables and paragraphs for people at a terminal, right to left when they read Arabic.

Some terminals order Arabic themselves and most do not. For the first kind, every cell is isolated, so that Latin names
keep their place; for the second, each line is wrapped, joined and ordered here. In both, columns run from the right.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import IO, Literal

from rich.align import Align
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from auditor.reporting.layout import lay_out
from auditor.reporting.tabular import CONTROLS, Row, Table
from auditor.text import _, current
from auditor.text.bidi import has_rtl, isolate, isolate_latin, terminal_orders_bidi, visual
from auditor.text.commands import pasteable

_NARROWEST = 12
_NO_CODE = {code: None for code in CONTROLS if code != ord("\t")}
_ISOLATES = dict.fromkeys((0x2068, 0x2069))


def _telling(show: Callable[[Row], str]) -> Callable[[Row], str]:
    return lambda row: pasteable(show(row))


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
        for line in pasteable(text).split("\n"):
            for part in self._lines(line, max(self.console.width - indent, _NARROWEST)):
                shown = RichText(part, style=style)
                if self.rtl:
                    shown.align("right", self.console.width - indent)
                self.console.print(RichText(" " * (0 if self.rtl else indent)) + shown, soft_wrap=True)

    def point(self, text: str) -> None:
        """``file:line:column: what is wrong``. A paragraph for a person who reads Arabic; else a line as editors read it."""
        if self.rtl and self.console.is_terminal:
            self.say(text)
        else:
            self.console.file.write(f"{pasteable(text)}\n")

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
        columns = [replace(c, show=_telling(c.show)) if c.told else c for c in table.columns]
        laid = lay_out(columns, table.rows, self.console.width)
        kept = [(columns[i], width) for i, width in sorted(laid.widths.items(), reverse=self.rtl)]
        # Wider than the screen, a line goes on below: rich would cut it instead.
        needed = sum(width + 2 for _column, width in kept) - 2
        shown = RichTable(box=None, pad_edge=False, padding=(0, 1), header_style="bold", show_edge=False)
        shown.width = needed if needed > self.console.width else None
        for column, width in kept:
            justify: Literal["left", "right"] = "right" if column.right or self.rtl else "left"
            shown.add_column(self._cell(column.title, width), justify=justify, no_wrap=True)
        for row in table.rows:
            cells = []
            for column, width in kept:
                style = column.style(row) if callable(column.style) else column.style
                cells.append(RichText(self._cell(column.show(row), width), style=style))
            shown.add_row(*cells)
        self.console.print(Align.right(shown) if self.rtl else shown, soft_wrap=True)
        if laid.left_out:
            names = _("; ").join(isolate(table.columns[i].title) for i in laid.left_out)
            told = _("Left out for want of room: {names}. A wider terminal shows them, and so does --format csv.")
            self.say(told.format(names=names), "dim")

    def code(self, text: str) -> None:
        """Lines of a shell as they are to be copied: never wrapped, from the left in every language."""
        for line in text.strip("\n").split("\n"):
            self.console.file.write(f"{line.translate(_NO_CODE)}\n")

    def _cell(self, text: str, width: int) -> str:
        return "\n".join(part for line in text.split("\n") for part in self._lines(line, width))

    def _lines(self, line: str, width: int) -> list[str]:
        if not self.rtl:
            line = line.translate(_ISOLATES)  # nothing is to be ordered, and few terminals hide them
        parts = textwrap.wrap(line.translate(CONTROLS), max(width, 1), break_on_hyphens=False) or [""]
        if not self.rtl:
            return parts
        apart = [isolate_latin(part) if has_rtl(part) else part for part in parts]
        return [visual(part) for part in apart] if self._reorder else [isolate(part) for part in apart]
