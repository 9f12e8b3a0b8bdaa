"""The documentation says what the program does: reference pages, examples and links cannot go stale unseen."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from auditor.loading import load_workspace, stock_root
from auditor.text import use
from auditor.workflow.setup import init_workspace
from tests.scripts import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLES = [
    pytest.param(found[1], id=f"{page.name}-{number}")
    for page in PAGES
    for number, found in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), 1)
]
WHOLE = {
    "checks/docs/{id}.yaml": {"id", "expect", "cases"},
    "policies/iso27001-2022/{id}.yaml": {"id", "theme", "statement"},
    "policies/{id}.yaml": {"id", "framework", "controls"},
    "inventories/{department}.yaml": {"department", "title"},
    "policies/departments/{department}.yaml": {"department", "policy"},
}


@pytest.fixture(scope="module")
def docs() -> Iterator[ModuleType]:
    """scripts/docs as a module."""
    yield load("docs")
    use("en")


def test_the_reference_is_not_stale(docs: ModuleType, capsys: pytest.CaptureFixture[str]):
    """Whoever changes a command or a schema runs scripts/docs."""
    assert docs.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_named(docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    """--check writes nothing, names the page and ends with 1; without it the page is written."""
    monkeypatch.setattr(docs, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(docs, "FOLDER", tmp_path / "docs" / "reference")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert docs.main(["--check"]) == 1
    assert "docs/reference/cli.ar.md is stale" in capsys.readouterr().err
    assert not docs.FOLDER.exists()
    assert docs.main([]) == docs.main(["--check"]) == 0
    (docs.FOLDER / "formats.md").write_text("old")
    assert docs.main(["--check"]) == 1


@pytest.mark.parametrize("text", EXAMPLES)
def test_yaml_examples_hold(text: str, tmp_path: Path):
    """Every example is YAML, and one that is a whole file loads in a workspace beside the stock files without a mistake."""
    value = yaml.safe_load(text)
    assert isinstance(value, dict | list)
    place = next((place for place, keys in WHOLE.items() if isinstance(value, dict) and keys <= set(value)), None)
    if place is None:
        return
    init_workspace(tmp_path / "workspace", stock=stock_root())
    path = tmp_path / "workspace" / place.format(**value)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if place == "policies/{id}.yaml" and path.name != "national-2026.yaml":
        path.with_name("national-2026.yaml").unlink()
    use("en")
    assert load_workspace(tmp_path / "workspace").mistakes == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path):
    """Every relative link names a file that is kept, and every anchor a heading of it."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    kept = set(listed.stdout.splitlines())
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{target} leads nowhere"
        relative = path.relative_to(ROOT).as_posix()
        assert not kept or relative in kept or any(k.startswith(f"{relative}/") for k in kept), f"{target} is not kept"
        if anchor:
            assert anchor in anchors(path), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_there_are_pages_and_examples():
    """The tests above have something to look at."""
    assert EXAMPLES
    assert ROOT / "README.md" in PAGES
