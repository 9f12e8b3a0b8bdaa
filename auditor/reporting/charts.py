"""Charts as vector pictures: one drawing for HTML, PDF and print, with letters as outlines, so that Arabic is joined everywhere.

matplotlib shapes and orders text by HarfBuzz and Raqm. Colours are those of Okabe and Ito, which colour-blind readers can tell
apart; besides, every part has its own hatching, line style or number. In Arabic, time and groups run from the right.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from auditor.model import Language
from auditor.reporting.document import Bars, Chart, Heat, Lines, Tone
from auditor.reporting.lettering import unpacked
from auditor.reporting.tongues import pick
from auditor.text import number, rounded, using

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {Tone.GRAVE: "#7a1410", Tone.BAD: "#d55e00", Tone.FAIR: "#e69f00", Tone.MUTED: "#56b4e9", Tone.GOOD: "#009e73"}
_PLAIN = "#0072b2"
_HATCHES = {Tone.GRAVE: "xx", Tone.BAD: "//", Tone.FAIR: "..", Tone.MUTED: "", Tone.GOOD: "\\\\", Tone.PLAIN: ""}
_WIDTH = 8.0  # inches
_INK, _GRID = "#1b2430", "#c9d2db"


@functools.lru_cache(maxsize=16)
def svg(chart: Chart, language: Language) -> str:
    """The picture in one language, the same bytes each time."""
    with using(language):
        figure = _figure(chart.picture)
        axes = figure.subplots()
        picture = chart.picture
        if isinstance(picture, Lines):
            _lines(axes, picture, language)
        elif isinstance(picture, Heat):
            _heat(axes, picture, language)
        else:
            _bars(axes, picture, language)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"<!--.*?-->\n?", "", out.getvalue(), flags=re.DOTALL)


def ready() -> None:
    """Load what drawing needs."""
    _figure(Lines((), (), ""))
    _font()


def size(drawn: str) -> tuple[int, int]:
    """Width and height of a picture in CSS pixels."""
    found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', drawn)
    assert found is not None
    return round(float(found[1]) / 0.75), round(float(found[2]) / 0.75)


@functools.cache
def _font() -> Any:
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=str(unpacked("IBMPlexSansArabic-Regular")), size=9)


def _figure(picture: Lines | Heat | Bars) -> Figure:
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "auditor"
    matplotlib.rcParams["svg.fonttype"] = "path"
    matplotlib.rcParams["hatch.linewidth"] = 0.6
    height = 0.9 + 0.42 * len(picture.rows) if isinstance(picture, Heat) else 2.7
    return Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="white")


def _lines(axes: Axes, picture: Lines, language: Language) -> None:
    styles = ("-", "--", ":", "-.")
    x = [d.toordinal() for d in picture.days]
    for position, series in enumerate(picture.series):
        values = [float("nan") if v is None else v for v in series.values]
        colour = _COLOURS.get(series.tone, _PLAIN)
        axes.plot(x, values, styles[position % 4], color=colour, marker="o", markersize=4, label=pick(series.label, language))
        last = next((i for i in range(len(values) - 1, -1, -1) if series.values[i] is not None), None)
        if last is not None:
            _write(axes, x[last], values[last], number(values[last], 1 if picture.top else 0), va="bottom", ha="center")
    if picture.today is not None:
        axes.axvline(picture.today.toordinal(), color=_INK, linewidth=0.8)
    axes.set_ylim(0, picture.top if picture.top is not None else max(1.0, axes.get_ylim()[1] * 1.1))
    _days(axes, picture.days, language)
    _frame(axes, pick(picture.unit, language), language, legend=len(picture.series) > 1)


def _days(axes: Axes, days: Sequence[date], language: Language) -> None:
    step = max(1, len(days) // 8)
    shown = list(days[::step])
    axes.set_xticks([d.toordinal() for d in shown], [f"{d:%Y-%m-%d}" for d in shown], rotation=0)
    axes.tick_params(axis="x", labelsize=7)
    if language == "ar":
        axes.invert_xaxis()


def _bars(axes: Axes, picture: Bars, language: Language) -> None:
    bottom = [0.0] * len(picture.groups)
    for series in picture.series:
        values = [v or 0.0 for v in series.values]
        axes.bar(
            range(len(values)),
            values,
            bottom=bottom,
            width=0.6,
            color=_COLOURS.get(series.tone, _PLAIN),
            hatch=_HATCHES[series.tone],
            edgecolor="white",
            label=pick(series.label, language),
        )
        bottom = [b + v for b, v in zip(bottom, values, strict=True)]
    for place, total in enumerate(bottom):
        if total:
            _write(axes, place, total, number(total), va="bottom", ha="center")
    axes.set_xticks(range(len(picture.groups)), [pick(g, language) for g in picture.groups])
    axes.set_ylim(0, max(1.0, max(bottom, default=0.0) * 1.15))
    if language == "ar":
        axes.invert_xaxis()
    _frame(axes, pick(picture.unit, language), language, legend=True)


def _heat(axes: Axes, picture: Heat, language: Language) -> None:
    from matplotlib import colormaps

    values = [[float("nan") if v is None else v for v in row] for row in picture.values]
    if not values:
        values = [[float("nan")] * max(1, len(picture.columns))]
    colours = colormaps["cividis"].with_extremes(bad="#e6eaee")
    axes.imshow(values, cmap=colours, vmin=0, vmax=100, aspect="auto")
    for y, row in enumerate(picture.values):
        for x, value in enumerate(row):
            ink = "white" if value is not None and value < 55 else _INK
            _write(axes, x, y, "—" if value is None else number(rounded(value, 0)), va="bottom", ha="center", color=ink)
            _write(axes, x, y, pick(picture.notes[y][x], language), va="top", ha="center", color=ink, fontsize=6.5)
    axes.set_xticks(range(len(picture.columns)), [pick(c, language) for c in picture.columns])
    axes.set_yticks(range(len(picture.rows)), [pick(r, language) for r in picture.rows])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    if language == "ar":
        axes.invert_xaxis()
        axes.yaxis.tick_right()
    for spine in axes.spines.values():
        spine.set_visible(False)
    _letter(axes)


def _frame(axes: Axes, unit: str, language: Language, *, legend: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel(unit)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid(axis="y", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "left" if language == "ar" else "right"):
        axes.spines[side].set_visible(False)
    if language == "ar":
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("right")
    if legend:
        handles, labels = axes.get_legend_handles_labels()
        if language == "ar":
            handles, labels = handles[::-1], labels[::-1]
        axes.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, prop=_font())
    _letter(axes)


def _letter(axes: Axes) -> None:
    """Our font and ink for everything that is written."""
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels(), axes.yaxis.label):
        size_was = text.get_fontsize()
        text.set_fontproperties(_font())
        text.set_fontsize(min(float(size_was), 9))
        text.set_color(_INK)


def _write(axes: Axes, x: float, y: float, text: str, **how: Any) -> None:
    axes.text(x, y, text, fontproperties=_font(), **{"color": _INK, "fontsize": 8, **how})
