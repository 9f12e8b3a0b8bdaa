"""Other programs that read our reports, from ``scripts/readers``. Where they are missing, tests skip; in CI they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from auditor.model import Catalogue
from tests.conftest import IN_CI
from tests.reporting.seed import seed

HOME = Path(
    os.environ.get("AUDITOR_READERS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor" / "readers"
)
PROGRAMS = ("chromium", "chromedriver", "node")


@pytest.fixture(scope="session", autouse=True)
def home() -> Path:
    """Where they are installed."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    missing += [] if (HOME / ".made").exists() else ["scripts/readers"]
    if missing:
        why = f"missing: {', '.join(missing)}"
        if IN_CI:
            pytest.fail(why)
        pytest.skip(why)
    return HOME


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The workspace that all reports are made of."""
    return seed(tmp_path_factory.mktemp("seeded") / "workspace")
