"""The fonts that reports bring with them (whose they are: fonts/OFL.txt), unpacked once per process where that is needed."""

from __future__ import annotations

import base64
import functools
import io
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

SCREEN = {
    "FONT_REGULAR": "IBMPlexSansArabic-Regular",
    "FONT_SEMIBOLD": "IBMPlexSansArabic-SemiBold",
    "FONT_MONO": "IBMPlexMono-Regular",
}
"""By the names that report.css gives them."""

# Arabic is set in Amiri on paper, of whose text every reader can search and copy: fonts that draw several letters as one, as the
# screen's does, come out of most readers of PDF with those letters turned round.
_PAPER = (
    ("Paper Latin", 400, "IBMPlexSans-Regular-Latin1"),
    ("Paper Latin", 600, "IBMPlexSans-SemiBold-Latin1"),
    ("Paper Arabic", 400, "Amiri-Regular"),
    ("Paper Arabic", 600, "Amiri-Bold"),
    ("Report Mono", 400, "IBMPlexMono-Regular"),
)


def embedded(css: str) -> str:
    """A style sheet with the fonts that it names in it, compressed, as browsers take them."""
    for name, font in SCREEN.items():
        css = css.replace(f"url({name})", f"url(data:font/woff2;base64,{base64.b64encode(_packed(font)).decode()})")
    return css


@functools.cache
def on_paper() -> Any:
    """WeasyPrint's configuration with the fonts of paper loaded: once, since that costs more than a page."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    loaded = FontConfiguration()
    faces = (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url({unpacked(font).as_uri()}); }}'
        for family, weight, font in _PAPER
    )
    CSS(string="".join(faces), font_config=loaded)
    return loaded


@functools.cache
def unpacked(font: str) -> Path:
    """A font as a file that drawing programs read."""
    from fontTools.ttLib import TTFont

    path = Path(_folder().name) / f"{font}.ttf"
    # else the file says when it was unpacked, and a report that embeds it is another one in each process
    opened = TTFont(io.BytesIO(_packed(font)), recalcTimestamp=False)
    opened.flavor = None
    opened.save(path)
    return path


def _packed(font: str) -> bytes:
    return files("auditor.reporting").joinpath("fonts", f"{font}.woff2").read_bytes()


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where unpacked fonts lie, as long as this process lives."""
    return tempfile.TemporaryDirectory(prefix="auditor-fonts-")
