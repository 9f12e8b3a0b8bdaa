"""One seeded ledger for all tests that make reports of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.model import Catalogue
from auditor.text import style, use

from .seed import seed


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The workspace of ``seed``, to be read only."""
    return seed(tmp_path_factory.mktemp("seeded") / "workspace")


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
