"""Copies of the ledger for the day on which it is damaged or lost, by whoever may run the auditor."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from auditor.errors import LedgerError, UsageError
from auditor.ledger import Ledger, copy_ledger, restore_ledger
from auditor.model import Catalogue
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.belonging import refuse_run
from auditor.workflow.writing import refuse_no_folder, refuse_own


def make_copy(catalogue: Catalogue, user: str, target: Path) -> None:
    """Copy the ledger, also while others write to it. Raises UsageError for a file that is there already or is the auditor's."""
    refuse_run(catalogue.settings, user)
    refuse_own(catalogue.settings, target)
    refuse_no_folder(target)
    if os.path.lexists(target):
        raise UsageError(_("{path} is there already, and is not written over; name another file").format(path=target))
    ledger = catalogue.settings.ledger
    if not Ledger.exists(ledger):
        raise LedgerError(_("there is no ledger at {path} yet; `auditor audit` makes one").format(path=ledger))
    copy_ledger(ledger, target)


def put_back(catalogue: Catalogue, user: str, copy: Path, *, now: datetime | None = None) -> Path | None:
    """Put a copy that is whole in the ledger's place; where the ledger of before lies now, None where there was none."""
    refuse_run(catalogue.settings, user)
    ledger = catalogue.settings.ledger
    try:
        there = copy.is_file()
    except OSError as error:
        raise UsageError(_("{path} cannot be read: {reason}").format(path=copy, reason=reason_of(error))) from error
    if not there:
        raise UsageError(f"{copy}: " + _("there is no such file"))
    if Ledger.exists(ledger) and copy.samefile(ledger):
        raise UsageError(_("{path} is the ledger itself; name a copy of it").format(path=copy))
    return restore_ledger(copy, ledger, actor=user, now=now or datetime.now(UTC))
