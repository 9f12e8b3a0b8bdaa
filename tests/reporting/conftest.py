"""One seeded ledger for all tests that make reports of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.model import Catalogue
from auditor.text import style, use
from auditor.workflow.workspace import open_workspace

from .seed import seed


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The workspace of ``seed``, to be read only."""
    return seed(tmp_path_factory.mktemp("seeded") / "workspace")


@pytest.fixture
def own(seeded: Catalogue, tmp_path: Path) -> Catalogue:
    """A copy of it, to be changed, as commands do by themselves when something has come due."""
    return open_workspace(Path(shutil.copytree(seeded.settings.root, tmp_path / "workspace")))


@pytest.fixture(autouse=True)
def _plain(tmp_path: Path) -> Iterator[None]:
    """Each test in English, with the default digits; nothing of the environment's own."""
    told = os.environ.pop("SOURCE_DATE_EPOCH", None)
    use("en")
    style()
    yield
    use("en")
    style()
    if told is not None:
        os.environ["SOURCE_DATE_EPOCH"] = told
