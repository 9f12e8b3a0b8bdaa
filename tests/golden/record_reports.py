"""Records the goldens of reports: every kind, format and language of the seeded ledger, as text that people can compare.

Usage: ``python -m tests.golden.record_reports``. Read the difference before you commit it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.reporting.made import all_made, golden
from tests.reporting.seed import seed

FOLDER = Path(__file__).parent / "reports"


def main() -> int:
    """Write them all anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        catalogue = seed(Path(folder) / "workspace")
        for kind, written, tongue in all_made():
            path = FOLDER / f"{kind.value}.{tongue.value}.{written.value}.txt"
            path.write_text(golden(catalogue, kind, written, tongue), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
