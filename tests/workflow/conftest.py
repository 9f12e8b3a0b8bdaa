"""What tests of the workflow share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.ledger import Ledger
from tests.builders import NOW


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger, held as by a run."""
    with Ledger.open(tmp_path / "findings" / "ledger.db") as opened, opened.lock(actor="test", now=NOW):
        yield opened
