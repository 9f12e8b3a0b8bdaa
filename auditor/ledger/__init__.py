"""The one room that speaks SQL: runs, observations, verdict changes, findings, journal, evidence."""

from auditor.ledger.integrity import VerifyReport
from auditor.ledger.journal import Entry
from auditor.ledger.ledger import Ledger
from auditor.ledger.runs import RunInput

__all__ = ["Entry", "Ledger", "RunInput", "VerifyReport"]
