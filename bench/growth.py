"""What a night adds to the ledger, table by table: bytes that rows hold, volatile outputs and the slack of pages apart."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

_VOLATILE = "volatile_outputs"


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes in a ledger. ``rows`` by table and index; ``pages`` those in use, ``free`` those on the list of free ones."""

    rows: dict[str, int] = field(default_factory=dict)
    pages: int = 0
    free: int = 0

    @property
    def slack(self) -> int:
        """What pages hold beside rows: their headers, pointers to rows, and room that is left."""
        return self.pages - sum(self.rows.values())


def size_of(ledger: Path) -> Size:
    """How much is in the ledger; nothing where there is none yet."""
    if not ledger.exists():
        return Size()
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        rows = {str(name): int(held) for name, held in connection.execute("SELECT name, sum(payload) FROM dbstat GROUP BY name")}
        (pages,), (page,), (free,) = (
            connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size", "freelist_count")
        )
    return Size(rows, (pages - free) * page, free * page)


def grown(before: Size, after: Size, hosts: int) -> dict[str, float]:
    """Bytes a host: of all rows but volatile outputs (``rows``), of those, of slack, of the file, and of each table that grew."""
    by_table = {name: held - before.rows.get(name, 0) for name, held in after.rows.items()}
    volatile = by_table.pop(_VOLATILE, 0)
    told = {
        "rows": sum(by_table.values()),
        "volatile": volatile,
        "slack": after.slack - before.slack,
        "file": after.pages + after.free - before.pages - before.free,
        **{f"in {name}": held for name, held in sorted(by_table.items(), key=lambda item: -abs(item[1]))},
    }
    return {name: round(held / hosts, 1) for name, held in told.items() if abs(held) * 2 >= hosts or not name.startswith("in ")}
