"""A document as one HTML file that loads nothing: fonts, pictures, styles and script are in it, and a policy admits only those.

The same file, without the script, is what PDF is made from. Everything that is not a template is escaped by Jinja.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from auditor.errors import UsageError
from auditor.model import Json, Stamp, Tongue
from auditor.reporting import charts
from auditor.reporting.document import Block, Cell, Chart, Column, Document, Phrase, Shape, Table, Tone, chapters, without_spare
from auditor.reporting.lettering import embedded
from auditor.reporting.stamps import colophon, stamp_text
from auditor.reporting.tongues import flat, languages, pick, set_apart, told
from auditor.text import _, instant, number

MOST_ROWS = 2000
"""Rows of a table that a page still scrolls through with ease; the rest is in the spreadsheet, and the page says so."""

_POLICY = "auditor:policy"
_MARKS = dict.fromkeys((0x200E, 0x200F, 0x2068, 0x2069))
_ROOM = 3  # characters that the space beside a column's text takes
_UPRIGHT, _ACROSS = 130, 195  # characters that a line of a table has on paper
_MOST_UPRIGHT = 160  # that columns may ask for there: texts of several lines take less
_UNBROKEN = 18  # characters that a word of a machine's may have before it is broken anywhere
_DATE = re.compile("\u200e?\\d+-\\d+-\\d+\u200e?(?= )")  # before a remark
_CONTROLS = re.compile(r"\w+(\.\w+)+( \w+(\.\w+)+)+")  # several; no line may break within one
_WORD = re.compile(r"\S+")
_SIGNS = re.compile(r"[^\s/:=_.,;|&?@+-]*[\s/:=_.,;|&?@+-]+|[^\s/:=_.,;|&?@+-]+")


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as an image: its address holds it whole."""

    source: str
    told: str
    width: int
    height: int


def as_html(document: Document, stamp: Stamp, templates: Path | None = None, most_rows: int = MOST_ROWS) -> str:
    """The page. Raises UsageError for templates that cannot be used, naming file and line."""
    tongue = stamp.options.tongue
    shortened = replace(document, blocks=tuple(_shortened(b, tongue, most_rows) for b in document.blocks))
    words = _words(stamp, document.zone)
    context = {
        "document": shortened,
        "chapters": chapters(document.blocks),
        "stamp": stamp,
        "stamp_json": stamp_text(stamp),
        "colophon": told(tongue, lambda: colophon(stamp)),
        "words": words,
        "script_words": json.dumps({k: flat(words[k]) for k in ("search", "all", "shown")}, ensure_ascii=False),
        "language": "en" if tongue is Tongue.EN else "ar",
        "dir": "ltr" if tongue is Tongue.EN else "rtl",
        "css": Markup(_styles()),
        "script": Markup(asset("report.js")),
        "policy": _POLICY,
        "flat": flat,
        "name_of": lambda block: type(block).__name__,
        "said": functools.partial(_said, rtl=tongue is not Tongue.EN),
        "tds": _Cells(rtl=tongue is not Tongue.EN).row,
        "shares": _shares,
        "pictures": functools.partial(_pictures, tongue=tongue),
    }
    try:
        page = _environment(templates).get_template("report.html").render(context)
    except TemplateError as error:
        raise UsageError(_template_problem(error, templates)) from error
    return page.replace(_POLICY, _policy(page), 1)


def lies_across(table: Table) -> bool:
    """Whether a table asks for more room than an upright page has."""
    return sum(column.width for column in table.columns) > _MOST_UPRIGHT


def _shares(table: Table) -> list[int]:
    """The columns' widths in hundredths of the table; together just 100, or the table would be wider than its page. Each has what
    its longest word needs; what then is left of a page is given out by what they ask for."""
    least = [_least(column, place, table) for place, column in enumerate(table.columns)]
    more = [max(0, column.width - needed) for column, needed in zip(table.columns, least, strict=True)]
    left = max(0, (_ACROSS if lies_across(table) else _UPRIGHT) - sum(least))
    part = min(1.0, left / max(1, sum(more)))
    ends = list(itertools.accumulate((n + part * m for n, m in zip(least, more, strict=True)), initial=0.0))
    return [round(100 * end / ends[-1]) - round(100 * start / ends[-1]) for start, end in itertools.pairwise(ends)]


def _least(column: Column, place: int, table: Table) -> int:
    """What the longest word of a column takes: of its title, and of what is not to be broken (ids, dates, figures, badges)."""
    said = set() if column.shape is Shape.TEXT else {row[place].shown for row in table.rows}
    words = (word for phrase in (column.title, *said) for word in flat(phrase, " ").translate(_MARKS).split())
    longest = max((len(word) for word in words if column.shape is not Shape.CODE or len(word) <= _UNBROKEN), default=0)
    return longest + _ROOM + (column.shape in (Shape.BADGE, Shape.CODE))  # the one has an edge, the other wide letters


def _breakable(text: str) -> str:
    """A machine's text, escaped, with the places where a line may break: after signs, and in a word that has none for long."""
    if len(text) <= _UNBROKEN:
        return str(escape(text))
    return "<wbr>".join(str(escape(part)) for run in _SIGNS.findall(text) for part in _pieces(run))


def _pieces(run: str) -> list[str]:
    return [run[start : start + _UNBROKEN] for start in range(0, len(run), _UNBROKEN)]


class _Cells:
    """Cells of tables as HTML: by the hundred thousand, most of them said before, so that no template is asked for each."""

    def __init__(self, *, rtl: bool) -> None:
        self._rtl = rtl
        self._known: dict[tuple[Phrase, str, str, Json], str] = {}

    def row(self, row: Sequence[Cell], columns: Sequence[Column]) -> Markup:
        """The cells of a row."""
        return Markup("".join(map(self._cell, row, columns)))

    def _cell(self, cell: Cell, column: Column) -> str:
        shape = column.shape
        ordered = cell.raw if shape in (Shape.NUMBER, Shape.DAY) and not isinstance(cell.raw, list | dict) else None
        key = (cell.shown, shape.value, cell.tone.value, ordered)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _td(str(_said(cell.shown, rtl=self._rtl)), cell.shown, shape, cell.tone, ordered)
        return found


def _td(shown: str, phrase: Phrase, shape: Shape, tone: Tone, ordered: Json) -> str:
    if shape is Shape.CODE and isinstance(phrase, str) and phrase:
        words = _WORD.sub(r'<span class="word">\g<0></span>', phrase) if _CONTROLS.fullmatch(phrase) else _breakable(phrase)
        shown = f'<bdi class="code">{words}</bdi>'
    elif shape is Shape.DAY:
        shown = _DATE.sub(r'<span class="word">\g<0></span>', shown)
    elif shape is Shape.BADGE and phrase:
        shown = f'<span class="tag {tone.value}">{shown}</span>'
    value = "" if ordered is None else f' data-value="{escape(str(ordered))}"'
    return f'<td class="c-{shape.value}{" " if tone else ""}{tone.value}"{value}>{shown}</td>'


def _said(phrase: Phrase, *, rtl: bool) -> Markup:
    """A phrase as HTML; ``rtl`` where what is not in two languages stands on an Arabic page."""
    if isinstance(phrase, str):
        return set_apart(phrase) if rtl else escape(phrase)
    ar, en = set_apart(phrase.ar), escape(phrase.en)
    return Markup(f'<span class="ar" lang="ar" dir="rtl">{ar}</span> <span class="en" lang="en" dir="ltr">{en}</span>')


def _words(stamp: Stamp, zone: str) -> Mapping[str, Phrase]:
    """What the frame itself says."""

    def said() -> tuple[tuple[str, str], ...]:
        return (
            ("skip", _("Skip to the content")),
            ("contents", _("Contents")),
            ("as_of", _("As of {instant}").format(instant=instant(stamp.as_of, zone))),
            (
                "rests_on",
                _("audit {run}, policy {policy} {version}").format(
                    run=number(stamp.run), policy=stamp.policy, version=stamp.policy_version
                ),
            ),
            ("colophon", _("What this report rests on")),
            ("verify", _("Whoever has the ledger can check this file: auditor report verify FILE")),
            ("search", _("Search")),
            ("all", _("all")),
            ("shown", _("{shown} of {all} rows")),
        )

    return dict(told(stamp.options.tongue, said))


def _shortened(block: Block, tongue: Tongue, most: int) -> Block:
    if not isinstance(block, Table):
        return block
    block = without_spare(block)
    if len(block.rows) <= most:
        return block
    more = len(block.rows) - most

    def said() -> str:
        return _("{n} more rows are in the spreadsheet: --format xlsx").format(n=number(more))

    return replace(block, rows=block.rows[:most], more=told(tongue, said))


def _pictures(block: Chart, *, tongue: Tongue) -> list[Picture]:
    found = []
    for language in languages(tongue):
        drawn = charts.svg(block, language)
        data = base64.b64encode(drawn.encode()).decode()
        found.append(Picture(f"data:image/svg+xml;base64,{data}", pick(block.told, language), *charts.size(drawn)))
    return found


@functools.cache
def asset(name: str) -> str:
    """One of the files beside the templates."""
    return files("auditor.reporting").joinpath("templates", name).read_text(encoding="utf-8")


@functools.cache
def _styles() -> str:
    return embedded(asset("report.css"))


def _environment(templates: Path | None) -> ImmutableSandboxedEnvironment:
    stock = PackageLoader("auditor.reporting", "templates")
    loaders: list[BaseLoader] = [stock, PrefixLoader({"stock": stock})]
    if templates is not None:
        if not templates.is_dir():
            raise UsageError(_("{path} is no folder").format(path=templates))
        loaders.insert(0, FileSystemLoader(templates))
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _template_problem(error: TemplateError, templates: Path | None) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:  # the innermost template that was being filled in
        name = trace.tb_frame.f_code.co_filename
        if templates is not None and name.startswith(str(templates)):
            place = f"{name}:{trace.tb_lineno}: "
        trace = trace.tb_next
    line = getattr(error, "lineno", None)
    if not place and line is not None:
        place = f"{getattr(error, 'filename', None) or getattr(error, 'name', None) or templates}:{line}: "
    return _("the template cannot be used: {place}{problem}").format(place=place, problem=error.message or type(error).__name__)


def _policy(page: str) -> str:
    """A Content-Security-Policy that admits the page's own styles and script by their hashes, and nothing from anywhere."""
    hashes = {
        kind: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
            for content in re.findall(rf"<{kind}>(.*?)</{kind}>", page, flags=re.DOTALL)
        )
        for kind in ("style", "script")
    }
    return (
        f"default-src 'none'; style-src {hashes['style']}; script-src {hashes['script'] or chr(39) + 'none' + chr(39)}; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
