"""Templates, letterheads, digits and dates of one's own."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import openpyxl
import pytest

from auditor.errors import UsageError
from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.reporting.html import as_html
from auditor.workflow.reports import make_report, verify_report
from auditor.workflow.stamped import input_hashes
from auditor.workflow.workspace import open_workspace

from .made import report
from .seed import NOW

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


def made(catalogue: Catalogue, folder: Path, written: ReportFormat = ReportFormat.HTML, tongue: Tongue = Tongue.EN) -> bytes:
    whole = report(catalogue, ReportKind.SUMMARY, written, tongue)
    return make_report(catalogue, whole.stamp.options, written, templates=folder, now=NOW).content


def test_any_block_can_be_overridden(seeded: Catalogue, tmp_path: Path) -> None:
    """The rest stays; the policy admits the style that was added; what a template is given is escaped."""
    (tmp_path / "report.html").write_text(
        '{% extends "stock/report.html" %}\n'
        "{% block letterhead %}<p>Our own head of {{ document.kind }}, run {{ stamp.run }}, {{ dir }}</p>{% endblock %}\n"
        "{% block styles %}{{ super() }} h1 { letter-spacing: 1px; }{% endblock %}\n"
        '{% block colophon %}{{ super() }}<p>{{ "<b>" }}</p>{% endblock %}\n',
        encoding="utf-8",
    )
    page = made(seeded, tmp_path).decode()
    assert "<p>Our own head of summary, run 3, ltr</p>" in page
    assert "&lt;b&gt;" in page
    assert "The controls that cost the index most" in page
    assert page.count("'sha256-") == 2
    assert page.split("style-src ")[1].split(";")[0] != made_stock(seeded).split("style-src ")[1].split(";")[0]
    assert made(seeded, tmp_path, ReportFormat.PDF).startswith(b"%PDF")


def made_stock(catalogue: Catalogue) -> str:
    return report(catalogue, ReportKind.SUMMARY, ReportFormat.HTML).content.decode()


def test_how_a_kind_of_block_looks_can_be_overridden(seeded: Catalogue, tmp_path: Path) -> None:
    """By a blocks.html of one's own, which may borrow from ours."""
    (tmp_path / "blocks.html").write_text(
        '{% import "stock/blocks.html" as stock with context %}{% set say = stock.say %}'
        "{% macro render(block) %}<section>{{ name_of(block) }}</section>{% endmacro %}",
        encoding="utf-8",
    )
    assert "<section>Figures</section>" in made(seeded, tmp_path).decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{% extends 'stock/report.html' %}\n{% block body %}\n{{ nothing.at.all }}{% endblock %}", r"report\.html:3: .*nothing"),
        ("{% block body %}", r"report\.html:1: "),
        ("{% extends 'stock/elsewhere.html' %}", "elsewhere"),
        ("{{ document.__class__.__mro__ }}", "unsafe"),
    ],
)
def test_a_template_that_cannot_be_used_is_named_by_its_line(seeded: Catalogue, tmp_path: Path, text: str, told: str) -> None:
    """And cannot reach beyond the report."""
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        made(seeded, tmp_path)


def test_a_folder_that_is_not_there_is_refused(seeded: Catalogue, tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(UsageError, match="no folder"):
        made(seeded, tmp_path / "nowhere")


def test_a_report_of_ones_own_templates_is_verified_with_them(seeded: Catalogue, tmp_path: Path) -> None:
    """Without them, or with others, the answer says so."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "report.html").write_text('{% extends "stock/report.html" %}', encoding="utf-8")
    path = tmp_path / "report.html"
    path.write_bytes(made(seeded, folder))
    assert verify_report(seeded, path, folder).ok
    assert "other templates" in verify_report(seeded, path).problem
    (folder / "report.html").write_text('{% extends "stock/report.html" %} ', encoding="utf-8")
    assert "other templates" in verify_report(seeded, path, folder).problem


@pytest.fixture
def headed(seeded: Catalogue, tmp_path: Path) -> Path:
    """A copy of the workspace whose reports have heads and pictures."""
    root = tmp_path / "workspace"
    shutil.copytree(seeded.settings.root, root)
    (root / "logo.png").write_bytes(PNG)
    (root / "health.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', encoding="utf-8")
    path = root / "auditor.toml"
    more = 'logo = "logo.png"\nnumerals = "arabic"\ndates = "long"\n\n[report.departments.health]\nlogo = "health.svg"\n'
    own = 'letterhead = {en = "Health", ar = "وزارة الصحة"}\n'
    path.write_text(path.read_text(encoding="utf-8") + more + own, encoding="utf-8")
    return root


def test_a_department_has_a_head_of_its_own(headed: Path) -> None:
    """On a report of that department alone; the committee's is on all others."""
    catalogue = open_workspace(headed)
    whole = report(catalogue, ReportKind.SUMMARY, ReportFormat.HTML).content.decode()
    alone = report(catalogue, ReportKind.SUMMARY, ReportFormat.HTML, departments=("health",)).content.decode()
    assert ("Joint Compliance Committee" in whole, "data:image/png;base64," in whole) == (True, True)
    assert ("<p>Health</p>" in alone, 'src="data:image/svg+xml;base64,' in alone) == (True, True)
    assert "Joint Compliance Committee" not in alone


def test_digits_and_dates_follow_the_settings(headed: Path) -> None:
    """Arabic digits in Arabic texts alone; the month by its name in both; values for programs as ever."""
    catalogue = open_workspace(headed)
    arabic = report(catalogue, ReportKind.SUMMARY, ReportFormat.HTML, Tongue.AR).content.decode()
    assert "٥٤٫٣" in arabic
    assert "٢٢ نوفمبر ٢٠٢٦" in arabic
    english = report(catalogue, ReportKind.SUMMARY, ReportFormat.HTML).content.decode()
    assert ("54.3" in english, "22 November 2026" in english) == (True, True)
    assert '"value": "2026-11-' in report(catalogue, ReportKind.PLAN, ReportFormat.JSON, Tongue.AR).content.decode()


def test_a_changed_picture_is_a_changed_file(headed: Path, tmp_path: Path) -> None:
    """A report with another logo than it was made with is not called forged: the files have changed."""
    path = tmp_path / "report.html"
    path.write_bytes(report(open_workspace(headed), ReportKind.SUMMARY, ReportFormat.HTML).content)
    assert verify_report(open_workspace(headed), path).ok
    (headed / "logo.png").write_bytes(PNG + b"x")
    assert "changed since" in verify_report(open_workspace(headed), path).problem


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), (b"x" * 500_001, "too much for a letterhead")])
def test_a_picture_that_is_missing_or_huge_is_refused(headed: Path, content: bytes | None, told: str) -> None:
    """With a sentence that names it."""
    (headed / "logo.png").unlink()
    if content is not None:
        (headed / "logo.png").write_bytes(content)
    with pytest.raises(UsageError, match=told):
        report(open_workspace(headed), ReportKind.SUMMARY, ReportFormat.HTML)


def test_a_picture_outside_the_workspace_is_used(headed: Path, tmp_path: Path) -> None:
    """Regression: validate took it, and then every report, every letter and the night ended with an internal error."""
    (headed / "logo.png").rename(tmp_path / "seal.png")
    settings = headed / "auditor.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace('"logo.png"', f'"{tmp_path}/seal.png"'), encoding="utf-8")
    path = tmp_path / "report.html"
    path.write_bytes(report(open_workspace(headed), ReportKind.SUMMARY, ReportFormat.HTML).content)
    assert b"data:image/png;base64," in path.read_bytes()
    assert verify_report(open_workspace(headed), path).ok
    assert str(tmp_path / "seal.png") in dict(input_hashes(open_workspace(headed)))


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_a_share_is_a_percentage_whatever_the_digits(headed: Path, tongue: Tongue) -> None:
    """Regression: workbooks knew one by the sign %, and with Arabic digits, whose sign is another, every share became 0.67."""
    made = report(open_workspace(headed), ReportKind.SCORECARD, ReportFormat.XLSX, tongue)
    formats = {
        column.id: {sheet.cell(y, x).number_format for y, row in enumerate(table.rows, 2) if row[x - 1].raw is not None}
        for table, sheet in zip(
            sorted((t for t in made.document.tables() if not t.excerpt), key=lambda t: t.id != made.document.main),
            openpyxl.load_workbook(io.BytesIO(made.content)).worksheets[:-1],
            strict=True,
        )
        for x, column in enumerate(table.columns, 1)
        if column.id in ("share", "weight")
    }
    assert formats == {"share": {"0.0%"}, "weight": {"#,##0.##"}}


def test_the_page_is_made_of_the_document_alone(seeded: Catalogue) -> None:
    """The same document and stamp give the same page."""
    whole = report(seeded, ReportKind.LEAGUE, ReportFormat.HTML)
    assert as_html(whole.document, whole.stamp) == as_html(whole.document, whole.stamp)
