"""The one room that speaks SQL: runs, observations, verdict changes, findings, journal, evidence."""

from auditor.ledger.copying import copy_ledger, restore_ledger, unwritable
from auditor.ledger.integrity import VerifyReport
from auditor.ledger.journal import Entry
from auditor.ledger.ledger import Ledger
from auditor.ledger.lock import under_way
from auditor.ledger.records import record_kind
from auditor.ledger.runs import RunInput
from auditor.ledger.seal import Seal, check_signature, make_key, open_key, public_text, read_seal

__all__ = [
    "Entry",
    "Ledger",
    "RunInput",
    "Seal",
    "VerifyReport",
    "check_signature",
    "copy_ledger",
    "make_key",
    "open_key",
    "public_text",
    "read_seal",
    "record_kind",
    "restore_ledger",
    "under_way",
    "unwritable",
]
