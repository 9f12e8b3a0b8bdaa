"""The tables, as named steps that are only ever added to; a released step is never edited.

Rule 5, history grows with change: what repeats is a row of ``blobs``, stored once and addressed by its SHA-256; a night adds one
small row per asset to ``results`` and to ``judgements``, and rows to ``verdict_changes`` and ``journal`` only for differences.
"""

from __future__ import annotations

from auditor.ledger.schema import JOURNAL_TRIGGERS, OPENED, OPENED_ON, RUN_BASE
from auditor.ledger.sqlite_tools import Database, Migrations

STEPS = Migrations("auditor")

_FIRST = (
    # raw outputs, manifests, plans, inputs and outcomes; `packed` tells whether `data` is zlib
    """CREATE TABLE blobs (
        id INTEGER PRIMARY KEY,
        sha256 BLOB NOT NULL UNIQUE,
        packed INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE assets (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE checks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        status TEXT NOT NULL,
        started TEXT NOT NULL,
        ended TEXT,
        now TEXT NOT NULL,
        policy TEXT NOT NULL,
        policy_version TEXT NOT NULL,
        plan_sha256 TEXT NOT NULL,
        plan INTEGER NOT NULL REFERENCES blobs (id),
        inputs INTEGER NOT NULL REFERENCES blobs (id),
        narrowed INTEGER NOT NULL,
        of_record INTEGER NOT NULL,
        actor TEXT NOT NULL,
        summary TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE results (
        run INTEGER NOT NULL REFERENCES runs (id),
        asset INTEGER NOT NULL REFERENCES assets (id),
        manifest INTEGER NOT NULL REFERENCES blobs (id),
        reach TEXT NOT NULL,
        times BLOB NOT NULL,
        volatile_sha256 BLOB,
        PRIMARY KEY (run, asset)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX results_by_asset ON results (asset, run)",
    # outputs that differ each night by nature: kept for an asset's newest results only
    """CREATE TABLE volatile_outputs (
        asset INTEGER NOT NULL REFERENCES assets (id),
        run INTEGER NOT NULL REFERENCES runs (id),
        data BLOB NOT NULL,
        PRIMARY KEY (asset, run)
    ) STRICT, WITHOUT ROWID""",
    # that an asset was judged in a run, and by which checks (a blob that is the same each night)
    """CREATE TABLE judgements (
        run INTEGER NOT NULL REFERENCES runs (id),
        asset INTEGER NOT NULL REFERENCES assets (id),
        checks INTEGER NOT NULL REFERENCES blobs (id),
        PRIMARY KEY (run, asset)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE verdict_changes (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        asset INTEGER NOT NULL REFERENCES assets (id),
        check_id INTEGER NOT NULL REFERENCES checks (id),
        of_record INTEGER NOT NULL,
        kind TEXT NOT NULL,
        outcome INTEGER NOT NULL REFERENCES blobs (id),
        observed_at INTEGER
    ) STRICT""",
    "CREATE INDEX verdict_changes_by_asset ON verdict_changes (asset, check_id, run)",
    # the newest verdicts under the policy of record; updated in place
    """CREATE TABLE verdicts (
        asset INTEGER NOT NULL REFERENCES assets (id),
        check_id INTEGER NOT NULL REFERENCES checks (id),
        change INTEGER NOT NULL REFERENCES verdict_changes (id),
        run INTEGER NOT NULL REFERENCES runs (id),
        observed_at INTEGER,
        PRIMARY KEY (asset, check_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE findings (
        id TEXT PRIMARY KEY,
        department TEXT NOT NULL,
        asset TEXT NOT NULL,
        check_id TEXT NOT NULL,
        subject TEXT NOT NULL,
        severity TEXT NOT NULL,
        state TEXT NOT NULL,
        controls TEXT NOT NULL,
        observed TEXT NOT NULL,
        expected TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        definition TEXT NOT NULL,
        due TEXT,
        resolution TEXT,
        closed_at TEXT,
        reopened INTEGER NOT NULL,
        reopened_at TEXT,
        UNIQUE (asset, check_id, subject)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX findings_by_department ON findings (department, state)",
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        actor TEXT NOT NULL,
        subject TEXT NOT NULL,
        data TEXT NOT NULL,
        prev BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX journal_by_subject ON journal (subject)",
    *JOURNAL_TRIGGERS.values(),
)


@STEPS(name="0001_first")
def _first(db: Database) -> None:
    for statement in _FIRST:
        db.execute(statement)


_SECOND = (
    "ALTER TABLE findings ADD COLUMN assignee TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE findings ADD COLUMN plan TEXT NOT NULL DEFAULT 'null'",
    "ALTER TABLE findings ADD COLUMN claimed_at TEXT",
    "ALTER TABLE findings ADD COLUMN exception TEXT NOT NULL DEFAULT ''",
    # what people decide, as it stands; the journal holds every version of it whole
    """CREATE TABLE records (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID""",
)


@STEPS(name="0002_people")
def _second(db: Database) -> None:
    for statement in _SECOND:
        db.execute(statement)


@STEPS(name="0003_shorter_nights")
def _third(db: Database) -> None:
    """No table changes. New rows keep summaries and instants shorter, in which an older auditor would find nothing."""
    del db


_FOURTH = (
    # what an asset's newest verdicts under the policy of record rest on beside its outputs; updated in place
    """CREATE TABLE bases (
        asset INTEGER PRIMARY KEY REFERENCES assets (id),
        run INTEGER NOT NULL REFERENCES runs (id),
        basis BLOB NOT NULL
    ) STRICT""",
)


@STEPS(name="0004_bases")
def _fourth(db: Database) -> None:
    for statement in _FOURTH:
        db.execute(statement)


_FIFTH = (
    """CREATE TABLE verdicts_wide (
        asset INTEGER NOT NULL REFERENCES assets (id),
        check_id INTEGER NOT NULL REFERENCES checks (id),
        change INTEGER NOT NULL REFERENCES verdict_changes (id),
        run INTEGER NOT NULL,
        observed_at INTEGER,
        PRIMARY KEY (asset, check_id)
    ) STRICT, WITHOUT ROWID""",
    f"INSERT INTO verdicts_wide SELECT asset, check_id, change, run + {RUN_BASE}, observed_at FROM verdicts",
    "DROP TABLE verdicts",
    "ALTER TABLE verdicts_wide RENAME TO verdicts",
    # An asset's findings lie beside each other: a night touches all of them, and ids are scattered over the whole file.
    """CREATE TABLE findings_beside (
        id TEXT NOT NULL UNIQUE,
        department TEXT NOT NULL,
        asset TEXT NOT NULL,
        check_id TEXT NOT NULL,
        subject TEXT NOT NULL,
        severity TEXT NOT NULL,
        state TEXT NOT NULL,
        controls TEXT NOT NULL,
        observed TEXT NOT NULL,
        expected TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        definition TEXT NOT NULL,
        due TEXT,
        resolution TEXT,
        closed_at TEXT,
        reopened INTEGER NOT NULL,
        reopened_at TEXT,
        assignee TEXT NOT NULL,
        plan TEXT NOT NULL,
        claimed_at TEXT,
        exception TEXT NOT NULL,
        UNIQUE (asset, check_id, subject)
    ) STRICT""",
    "INSERT INTO findings_beside SELECT * FROM findings ORDER BY asset, check_id, subject",
    "DROP TABLE findings",
    "ALTER TABLE findings_beside RENAME TO findings",
    "CREATE INDEX findings_by_department ON findings (department, state)",
)


@STEPS(name="0005_flat_nights")
def _fifth(db: Database) -> None:
    for statement in _FIFTH:
        db.execute(statement)


@STEPS(name="0006_settled_findings")
def _sixth(db: Database) -> None:
    """The digest of an asset's findings, where nothing is left to happen to them by the verdicts that were given."""
    db.execute("ALTER TABLE bases ADD COLUMN findings BLOB")


_SEVENTH = (
    "DROP INDEX IF EXISTS journal_by_subject",
    f"CREATE INDEX journal_by_subject ON journal (subject) WHERE NOT {OPENED}",
    f"CREATE INDEX journal_by_asset ON journal ({OPENED_ON}, subject) WHERE {OPENED}",
)


@STEPS(name="0007_openings_beside")
def _seventh(db: Database) -> None:
    for statement in _SEVENTH:
        db.execute(statement)
