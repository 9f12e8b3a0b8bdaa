"""The same page as PDF, by WeasyPrint: fonts embedded, page numbers, a table of contents, bookmarks; nothing fetched."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.model import Stamp, Tongue
from auditor.reporting.document import Block, Document, Heading, Table, without_spare
from auditor.reporting.html import as_html, asset, lies_across
from auditor.reporting.lettering import on_paper
from auditor.reporting.stamps import MARK, stamp_text

MOST_ROWS = 400
"""Rows of a table that anybody still reads on paper; the rest is in the spreadsheet, and the page says so."""

_WIDE = 10  # columns that still fit on an upright page
_WIDTHS = "".join(f".w-{n} {{ width: {n}%; }}\n" for n in range(1, 101))
"""Columns as wide as they ask: laying a table out by its contents costs more than all else."""

_NUMBERS = {
    Tongue.AR: '"صفحة " counter(page) " من " counter(pages)',
    Tongue.EN: '"Page " counter(page) " of " counter(pages)',
    Tongue.BOTH: 'counter(page) " / " counter(pages)',
}


_APART = re.compile('<bdi dir="ltr">([^<]*)</bdi>')
"""Latin passages of Arabic texts, which stand between marks on paper: WeasyPrint breaks the first word of an element anywhere."""


def as_pdf(document: Document, stamp: Stamp, templates: Path | None = None) -> bytes:
    """The pages; the same bytes each time."""
    from weasyprint import HTML  # half a second, which only this format pays
    from weasyprint.urls import URLFetcher

    paper = replace(document, blocks=tuple(_on_paper(document.blocks)))
    page = re.sub(r"<script>.*?</script>|<wbr>", "", as_html(paper, stamp, templates, MOST_ROWS), flags=re.DOTALL)
    page = _APART.sub("\u2066\\1\u2069", page)
    wide = not document.brief and any(map(_wide, map(without_spare, paper.tables())))
    side = "top-left" if stamp.options.tongue is Tongue.EN else "top-right"
    css = (
        asset("pdf.css")
        .replace("PAGE_ORIENTATION", "landscape" if wide else "portrait")
        .replace("FIGURES", "15.2" if wide else "18.5" if document.brief else "23.4")
        .replace("CHART_WIDTH", "60%" if wide else "100%")
        .replace("PAGE_NUMBERS", _NUMBERS[stamp.options.tongue])
        .replace("PAGE_SIDE", side)
    )
    # Ours come last, so that they prevail; paper has fonts of its own.
    page = re.sub(r"@font-face {[^}]*}", "", page, flags=re.DOTALL).replace("</style>", f"{css}{_WIDTHS}</style>", 1)
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # what of our styles is for screens alone is no news
    written: bytes = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=["data"], fail_on_errors=True)).write_pdf(
        font_config=on_paper(), pdf_identifier=stamp.head.encode(), pdf_tags=True
    )
    return written + f"%{MARK} {stamp_text(stamp)}\n".encode()


def _wide(table: Table) -> bool:
    return len(table.columns) > _WIDE or lies_across(table)


def _on_paper(blocks: Sequence[Block]) -> Iterator[Block]:
    """Without tables for sifting, and without the headings that stand over nothing else."""
    for place, block in enumerate(blocks):
        following = blocks[place + 1] if place + 1 < len(blocks) else None
        if not any(isinstance(b, Table) and b.again for b in (block, following if isinstance(block, Heading) else None)):
            yield block
