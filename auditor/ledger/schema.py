"""What every reader and writer of a ledger knows of its schema.

The tables are made in ``migrations``, which only a new or an older ledger needs: sqlite-utils, which does it, would be a tenth of
what each command loads.
"""

from __future__ import annotations

APPLICATION_ID = 0x41554454  # "AUDT" in the header of every ledger

VERSION = 7  # how many steps there are; written to user_version, so that an older auditor refuses a newer ledger

# Added to runs' numbers in ``verdicts``. SQLite writes 1 in no byte, numbers to 127 in one, those to 32,767 in two: rows that are
# updated in place each night, some 260 of each host, would grow with them.
RUN_BASE = 128

# Entries of findings that were opened are found by their asset, beside each other: on a first night some 160 come together of
# each host, whose subjects are scattered over the whole index. SQLite finds no asset in an entry that was altered, nor in one
# that holds NaN or infinity.
OPENED = "kind = 'finding_opened'"
OPENED_ON = "CASE WHEN json_valid(data) THEN json_extract(data, '$.asset') END"

JOURNAL_TRIGGERS = {
    f"journal_no_{verb.lower()}": (
        f"CREATE TRIGGER journal_no_{verb.lower()} BEFORE {verb} ON journal "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    )
    for verb in ("UPDATE", "DELETE")
}
