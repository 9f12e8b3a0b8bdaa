"""Text from hosts cannot steer a terminal, and Arabic reads rightly on terminals that do not order it."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.text import using
from auditor.text.bidi import has_rtl, isolate, isolate_latin, safe, terminal_orders_bidi, visual

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-01", "web-01"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a‹U+202E›b"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\ud800", "‹U+D800›"),
        ("\u2028\ufeff\u200b", "‹U+2028›‹U+FEFF›‹U+200B›"),
        ("خادم é 日", "خادم é 日"),
        ("\u0601", "\u0601"),
    ],
)
def test_safe_shows_what_would_steer_or_hide(text: str, shown: str):
    """Controls are shown by name; letters of any script stay."""
    assert safe(text) == shown


@given(ANY_TEXT)
def test_safe_leaves_nothing_that_a_terminal_obeys(text: str):
    """Whatever comes in, what goes out holds no control, bidi control or surrogate, and can be encoded."""
    shown = safe(text)
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in shown)
    assert not any(unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE", "PDF", "FSI", "RLI", "LRI", "PDI"} for c in shown)
    shown.encode()


def test_safe_can_keep_lines():
    """A block of text keeps its lines and tabs, and loses its carriage returns."""
    assert safe("a\r\n\tb", lines=True) == "a\\r\n\tb"


def test_isolate_sets_text_apart():
    """A foreign name is set apart; nothing is set around nothing."""
    assert isolate("web-01") == "\u2068web-01\u2069"
    assert isolate("") == ""


def test_visual_joins_and_orders_arabic():
    """The first letter read comes last in what is sent, in its joined form; the Latin name inside keeps its order."""
    with using("ar"):
        assert visual("المضيف web-01.") == ".web-01 \ufed2\ufef4\ufec0\ufee4\ufedf\ufe8d"


def test_visual_leaves_latin_alone_and_drops_marks_that_are_not_seen():
    """A line without Arabic is what it was, less its invisible marks."""
    with using("ar"):
        assert visual("web-01 (\u200e85.0%\u200e)") == "web-01 (85.0%)"


def test_visual_follows_the_current_language_for_the_line():
    """An English sentence with an Arabic name still reads from the left."""
    with using("en"):
        assert visual("host مد is up").startswith("host ")
    with using("ar"):
        assert visual("host مد is up").endswith("host")


@given(st.text(max_size=60))
def test_visual_takes_any_text(text: str):
    """No text makes it raise; what is sent holds no bidi control."""
    with using("ar"):
        assert not has_rtl(text) or not any(c in visual(text) for c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_a_line_whose_isolates_were_cut_by_wrapping_is_still_ordered():
    """Half a pair of marks does not turn the rest of the line."""
    with using("ar"):
        assert visual("المضيف \u2068web") == visual("المضيف web")
        assert visual("\u2069المضيف web") == visual("المضيف web")


@pytest.mark.parametrize(
    ("environ", "orders"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "linux"}, False),
        ({"VTE_VERSION": "7600", "TERM": "xterm-256color"}, True),
        ({"VTE_VERSION": "5402"}, False),
        ({"VTE_VERSION": "٧٦٠٠"}, False),
        ({"KONSOLE_VERSION": "230800"}, True),
        ({"MLTERM": "3.9.3"}, True),
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, True),
        ({"TERM_PROGRAM": "mintty"}, True),
        ({"TERM": "putty-256color"}, True),
        ({"WT_SESSION": "1", "TERM": "xterm-256color"}, False),
        ({"TERM_PROGRAM": "vscode"}, False),
    ],
)
def test_terminals_known_to_order_bidi(environ: dict[str, str], orders: bool):
    """Each terminal is judged by what is documented of it; an unknown one is taken not to."""
    assert terminal_orders_bidi(environ) is orders


def test_the_libraries_are_not_loaded_before_they_are_needed(tmp_path):
    """Commands that print no Arabic do not pay for ordering it."""
    import subprocess

    code = "import sys, auditor.text.bidi as b; b.visual('x'); print('arabic_reshaper' in sys.modules or 'bidi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize(
    ("line", "apart"),
    [
        ("في الملف /etc/ssh/sshd_config.", "في الملف \u2068/etc/ssh/sshd_config\u2069."),
        ("الاستعمال: auditor audit [OPTIONS]", "الاستعمال: \u2068auditor audit [OPTIONS]\u2069"),
        ("الأمر `sudo -n` (وفي RHEL: /sbin/x)", "الأمر \u2068`sudo -n`\u2069 (وفي \u2068RHEL: /sbin/x\u2069)"),
        ("  --lang [ar|en]  لغة العرض", "  \u2068--lang [ar|en]\u2069  لغة العرض"),
        ("من 59.9 إلى 100%", "من 59.9 إلى 100%"),
        ("...", "..."),
    ],
)
def test_latin_passages_are_set_apart_with_their_signs(line: str, apart: str):
    """A path keeps its slash and an option its hyphens; stops and brackets of the sentence, and figures, stay the sentence's."""
    assert apart == isolate_latin(line)


@given(st.text(st.sampled_from(" .,:;!?()[]`/-ab1مد")))
def test_setting_apart_adds_only_pairs_of_isolates(line: str):
    """Whatever the signs, nothing of the line is lost and every isolate that is opened is closed."""
    apart = isolate_latin(line)
    assert apart.replace("\u2068", "").replace("\u2069", "") == line
    assert apart.count("\u2068") == apart.count("\u2069")


def test_a_path_keeps_its_first_slash_where_arabic_is_ordered_here():
    """What a reader would copy from the screen is the path."""
    with using("ar"):
        assert "/etc/shadow" in visual(isolate_latin("في الملف /etc/shadow الآن"))


@pytest.mark.parametrize(
    ("language", "line", "seen"),
    [
        ("ar", "(نعم)", "(ﻢﻌﻧ)"),
        ("ar", "نعم (root) [1] {x}", "{x} [1] (root) ﻢﻌﻧ"),
        ("ar", "((نعم) a)", "(a (ﻢﻌﻧ))"),
        ("ar", "«نعم»", "«ﻢﻌﻧ»"),
        ("en", "host (نعم) [a]", "host (ﻢﻌﻧ) [a]"),
        ("ar", f"نعم {isolate('(a) [b]')}", "(a) [b] ﻢﻌﻧ"),
    ],
)
def test_brackets_are_turned_with_the_order(language: str, line: str, seen: str) -> None:
    """Regression: on a terminal that does not order Arabic every bracket beside it faced outward, as in )root(."""
    with using("ar" if language == "ar" else "en"):
        assert visual(line) == seen
