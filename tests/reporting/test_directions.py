"""Latin names inside Arabic sentences keep their own direction wherever they are read."""

from __future__ import annotations

import re

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.reporting.document import Cell, Column, Document, Figure, Figures, Paragraph, Shape, Table
from auditor.reporting.letters import as_html, as_text
from auditor.reporting.tongues import set_apart

from .made import report

PATH = "/etc/ssh/sshd_config.d"
LETTER = Document(
    "digest",
    "ما يحتاج إليك",
    "وزارة الصحة",
    (
        Paragraph("أضف السطر إلى /etc/sudoers.d/auditor ثم أعد التحميل.\nثم شغّل `sshd -t`"),
        Figures((Figure("n", "الملاحظات", Cell("3", 3)),)),
        Table("t", "الملاحظات", (Column("a", "أصل", Shape.CODE), Column("b", "عنوان")), ((Cell("web-1"), Cell("عنوان")),)),
    ),
    "t",
)


def test_a_path_in_an_arabic_page_keeps_its_first_slash(seeded: Catalogue) -> None:
    """Regression: ``/etc/sudoers.d/auditor`` was shown as ``etc/sudoers.d/auditor/``: signs took the direction around them."""
    for tongue in (Tongue.AR, Tongue.BOTH):
        page = report(seeded, ReportKind.FINDINGS, ReportFormat.HTML, tongue).content.decode()
        arabic = [p for p in re.findall(r"<p[^>]*>(.*?)</p>", page) if PATH in p and "المعالجة" in p]
        assert arabic
        assert all(f'<bdi dir="ltr">{PATH}</bdi>' in p for p in arabic)
    assert '<bdi dir="ltr">' not in report(seeded, ReportKind.FINDINGS, ReportFormat.HTML).content.decode()


def test_what_is_set_apart_is_escaped() -> None:
    """A host's text is no markup, inside such a passage and around it."""
    assert set_apart("قال <b> & x</b> «هنا»") == 'قال <bdi dir="ltr">&lt;b&gt; &amp; x&lt;/b&gt;</bdi> «هنا»'
    assert set_apart("/etc/x.") == '<bdi dir="ltr">/etc/x.</bdi>'
    assert set_apart("2026 <") == "2026 &lt;"


def test_an_arabic_letter_is_read_from_the_right() -> None:
    """Regression: a line of plain text that began with a Latin name ran from the left in most mail programs, and paths in it lost
    their first slash to the other end."""
    lines = as_text(LETTER, "ar").rstrip("\n").split("\n")
    assert all(line.startswith("\u200f") for line in lines if line)
    assert "" in lines  # between the parts
    assert "إلى \u2068/etc/sudoers.d/auditor\u2069 ثم" in lines[3]
    assert lines[-1] == "\u200f- \u2068web-1\u2069 | عنوان"
    assert not set("\u200f\u2068\u2069") & set(as_text(LETTER, "en"))


def test_the_letter_as_html_sets_names_apart_too() -> None:
    """Mail programs take no style sheet, but elements they know."""
    assert 'إلى <bdi dir="ltr">/etc/sudoers.d/auditor</bdi> ثم' in as_html(LETTER, "ar")
    assert "<bdi dir" not in as_html(LETTER, "en")
