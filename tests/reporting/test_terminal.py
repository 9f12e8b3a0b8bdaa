"""Tables and paragraphs read rightly in both directions, and no host's text steers the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from auditor.reporting.tabular import Column, Table, field
from auditor.reporting.terminal import Terminal
from auditor.text import using

PLAIN = {"COLUMNS": "60"}
ARABIC = "المضيف"
VISUAL = "\ufed2\ufef4\ufec0\ufee4\ufedf\ufe8d"
TABLE = Table(
    [
        Column("A", field("a")),
        Column("B", field("b"), wide=True),
        Column("C", field("c"), right=True),
    ],
    [{"a": "web-1", "b": "one", "c": 7}, {"a": "web-22", "b": "two", "c": 10}],
)


@pytest.fixture(params=[60, 40])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def shown(table: Table | str, language: str, bidi: str = "terminal") -> list[str]:
    """The lines that reach a terminal."""
    out = io.StringIO()
    with using("ar" if language == "ar" else "en"):
        terminal = Terminal(out, bidi=bidi, environ=PLAIN)
        terminal.table(table) if isinstance(table, Table) else terminal.say(table)
    return out.getvalue().rstrip("\n").split("\n")


def test_columns_run_from_the_left_in_english(width: int):
    """Text to the left, figures to the right of their columns."""
    assert [line.split() for line in shown(TABLE, "en")] == [["A", "B", "C"], ["web-1", "one", "7"], ["web-22", "two", "10"]]
    assert shown(TABLE, "en")[1].startswith("web-1 ")
    assert shown(TABLE, "en")[1].rstrip().endswith(" 7")


@pytest.mark.parametrize("bidi", ["terminal", "reorder"])
def test_columns_run_from_the_right_in_arabic(width: int, bidi: str):
    """The first column is the rightmost, and the table ends at the right edge."""
    lines = [line.translate({0x2068: None, 0x2069: None}) for line in shown(TABLE, "ar", bidi)]
    assert [line.split() for line in lines] == [["C", "B", "A"], ["7", "one", "web-1"], ["10", "two", "web-22"]]
    assert {width} == {len(line.rstrip()) for line in lines}
    assert lines[1].rstrip().endswith("web-1")


def test_arabic_is_ordered_for_terminals_that_do_not(width: int):
    """The word comes joined and in the order it is seen; a terminal that orders gets it as it is written, set apart."""
    assert VISUAL in shown(ARABIC, "ar", "reorder")[0]
    assert ARABIC in shown(ARABIC, "ar", "terminal")[0]
    assert "\u2068" in shown(ARABIC, "ar", "terminal")[0]
    assert ARABIC in shown(ARABIC, "en", "reorder")[0]


def test_a_pipe_is_never_reordered(width: int):
    """Whoever reads a pipe gets letters as they are written."""
    assert ARABIC in shown(ARABIC, "ar", "auto")[0]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("hostile", ["\x1b[31mred", "a\u202eb", "\x07", "[bold red]x[/]", "\x9b31m", "a\rb"])
def test_nothing_of_a_hosts_text_steers_the_terminal(width: int, language: str, hostile: str):
    """Neither by a column that makes it safe nor by one that forgot to; markup of our own library is text as well."""
    forgetful = Column("x", lambda r: str(r["x"]))
    for column in (Column("x", field("x")), forgetful):
        text = "\n".join(shown(Table([column], [{"x": hostile}]), language))
        assert not {"\x1b", "\x07", "\x9b", "\r"} & set(text)
    safe = "\n".join(shown(Table([Column("x", field("x"))], [{"x": hostile}]), language))
    assert "\u202e" not in safe
    assert "[bold red]x[/]" in safe or not hostile.startswith("[")


def test_no_word_is_broken_while_another_column_has_room(width: int):
    """A long title gives way before a name is cut in two."""
    columns = [Column("Asset", field("a")), Column("Title", field("t"), wide=True)]
    lines = shown(Table(columns, [{"a": "example-this-machine", "t": "a title of many short words that can be wrapped"}]), "en")
    assert any("example-this-machine" in line for line in lines)
    assert all(len(line.rstrip()) <= width for line in lines)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_is_lost_by_wrapping(width: int, language: str):
    """Every letter of a text longer than the screen is shown."""
    text = " ".join(f"word{n}" for n in range(60))
    told = " ".join(line.translate({0x2068: None, 0x2069: None}).strip() for line in shown(text, language))
    assert told == text


FINDINGS = Table(
    [
        Column("Finding", field("id"), whole=True),
        Column("Severity", field("severity"), whole=True),
        Column("Asset", field("asset")),
        Column("Title", field("title"), wide=True),
        Column("Subject", field("subject"), spare=1),
        Column("Observed", field("observed"), spare=2),
        Column("State", field("state"), whole=True),
        Column("Due", field("due"), whole=True),
    ],
    [
        {
            "id": "F-FGCMJF7QKX",
            "severity": "critical",
            "asset": "health-web-1",
            "title": "Packages come only from repositories whose signatures are checked",
            "subject": "Acquire::AllowInsecureRepositories",
            "observed": "true in /etc/apt/apt.conf.d/99local",
            "state": "in progress",
            "due": "2026-12-20",
        }
    ],
)


@pytest.mark.parametrize("columns", ["200", "120", "100", "80", "60"])
@pytest.mark.parametrize(("language", "bidi"), [("en", "terminal"), ("ar", "terminal"), ("ar", "reorder")])
def test_ids_states_and_dates_are_never_cut(columns: str, language: str, bidi: str, monkeypatch: pytest.MonkeyPatch):
    """Regression: at 80 columns a finding's id was shown as F-FGCMJF7…, its date as 2026-1…, and nothing said so. What there is
    no room for is named below the table."""
    monkeypatch.setenv("COLUMNS", columns)
    text = "\n".join(shown(FINDINGS, language, bidi)).translate({0x2068: None, 0x2069: None})
    for whole in ("F-FGCMJF7QKX", "critical", "in progress", "2026-12-20"):
        assert whole in text
    assert "…" not in text
    for name, title in (("subject", "Subject"), ("observed", "Observed")):
        parts = [word for word in str(FINDINGS.rows[0][name]).split() if len(word) <= 24]
        assert title in text  # above its column, or below the table
        assert all(part in text for part in parts) or columns != "200"
    if columns == "80":
        assert max(cell_len(line.rstrip()) for line in text.split("\n")) <= 80


def test_code_is_neither_wrapped_nor_moved(width: int):
    """Regression: commands of a remedy were wrapped and, in Arabic, set to the right: copied, they did not run."""
    code = "cat > /etc/x <<'EOF'\n    an indented line that is longer than any screen on which it is shown to anybody\nEOF"
    for language in ("en", "ar"):
        out = io.StringIO()
        with using("ar" if language == "ar" else "en"):
            Terminal(out, bidi="reorder", environ=PLAIN).code(code)
        assert out.getvalue() == code + "\n"
