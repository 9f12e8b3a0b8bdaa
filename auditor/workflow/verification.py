"""Rescanning just what proves a finding, at once: closed, or why not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from auditor.errors import DeniedMoveError, LockedError, UsageError
from auditor.ledger import Ledger, under_way
from auditor.lifecycle import LIVE
from auditor.lifecycle.permissions import allow
from auditor.loading import account_of
from auditor.model import Action, AssetKind, Catalogue, Finding, Outcome, Reason, Role, Run, VerdictKind
from auditor.planning import Narrowing, run_by_policy
from auditor.text import _
from auditor.text.labels import label
from auditor.workflow.audit import Watcher, audit
from auditor.workflow.belonging import refuse_run
from auditor.workflow.remediation import refuse_unread


@dataclass(frozen=True, slots=True)
class Verified:
    """A finding after the rescan; ``why_not`` is "" when it is closed."""

    finding: Finding
    why_not: str = ""


def verify_findings(
    catalogue: Catalogue,
    names: Sequence[str],
    *,
    actor: str,
    watcher: Watcher,
    cancelled: threading.Event | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Verified, ...]:
    """Audit the assets of these findings by their checks alone, and tell what became of each.

    Raises UsageError for a finding that is closed already, or whose asset or check is no longer there, or whose department is
    set aside; LockedError while another run is under way.
    """
    with Ledger.open(catalogue.settings.ledger, create=False, readonly=True) as ledger:
        found = tuple({f.id: f for f in map(ledger.finding, names)}.values())
        unfinished = ledger.unfinished_run()
    for finding in found:
        allow(catalogue.settings.people, actor, Action.VERIFY, finding.department)
        _refuse_unprovable(catalogue, finding)
    if unfinished is not None:
        _refuse_unfinished(catalogue, unfinished, actor)
    outcomes: dict[tuple[str, str], Outcome] = {}
    for narrowing in _narrowings(found):
        run = audit(catalogue, actor=actor, watcher=watcher, narrowing=narrowing, cancelled=cancelled, clock=clock)
        with Ledger.open(catalogue.settings.ledger, create=False, readonly=True) as ledger:
            outcomes |= {(o.asset, o.check): o for o in ledger.verdicts(run.id)}
    with Ledger.open(catalogue.settings.ledger, create=False, readonly=True) as ledger:
        return tuple(_verified(ledger.finding(f.id), outcomes.get((f.asset, f.check))) for f in found)


def _refuse_unfinished(catalogue: Catalogue, run: Run, actor: str) -> NoReturn:
    """Raise LockedError while the run is under way, else UsageError with what this person can do about it."""
    busy = under_way(catalogue.settings.ledger)
    if busy:
        raise LockedError(busy)
    try:
        refuse_run(catalogue.settings, actor)
    except DeniedMoveError:
        operators = [p.user for p in catalogue.settings.people.values() if Role.OPERATOR in p.roles]
        message = _(
            "run {run} is unfinished: the next night finishes it, or whoever runs the auditor does by `auditor audit --resume` "
            "({names}); verify after that"
        )
        told = message.format(run=run.id, names=", ".join(operators) or account_of(catalogue.settings))
        raise UsageError(told) from None
    message = _("run {run} is unfinished; finish it first with `auditor audit --resume`")
    raise UsageError(message.format(run=run.id))


def _refuse_unprovable(catalogue: Catalogue, finding: Finding) -> None:
    refuse_unread(finding.asset, [name for name, _mistakes in catalogue.inventory.set_aside if name == finding.department])
    if finding.state not in LIVE:
        raise UsageError(_("{finding} is closed already").format(finding=finding.id))
    if finding.check not in run_by_policy(catalogue):
        message = _(
            "the policy no longer runs the check {check}: no scan can prove {finding}; the committee can close what it left open "
            "by `auditor retire --check {check} --reason TEXT`"
        )
        raise UsageError(message.format(check=finding.check, finding=finding.id))
    known = {a.uid for d in catalogue.inventory.departments for a in d.assets}
    if finding.asset not in known and not _of_department(finding):
        message = _("no inventory lists {asset} any more: list it, or retire it with `auditor retire`")
        raise UsageError(message.format(asset=finding.asset))


def _of_department(finding: Finding) -> bool:
    return finding.asset.startswith(f"{AssetKind.DEPARTMENT.value}:")


def _narrowings(found: Sequence[Finding]) -> tuple[Narrowing, ...]:
    """One run for hosts, each with its checks; one for each department whose hosts only all together can prove something."""
    hosts = tuple(dict.fromkeys(f.asset for f in found if not _of_department(f)))
    checks = tuple(dict.fromkeys(f.check for f in found if not _of_department(f)))
    wide: dict[str, list[str]] = {}
    for finding in found:
        if _of_department(finding):
            wide.setdefault(finding.department, []).append(finding.check)
    narrow = (Narrowing(hosts=hosts, checks=checks),) if hosts else ()
    return (*narrow, *(Narrowing(departments=(d,), checks=tuple(dict.fromkeys(c))) for d, c in wide.items()))


def _verified(finding: Finding, outcome: Outcome | None) -> Verified:
    if finding.state not in LIVE:
        return Verified(finding)
    if outcome is None:
        return Verified(finding, _("the check does not run on this asset any more"))
    verdict = next((v for v in outcome.verdicts if v.subject == finding.subject), None)
    whole = next((v for v in outcome.verdicts if v.subject == ""), None)
    said = verdict or whole
    if said is not None and said.kind is VerdictKind.FAIL:
        return Verified(finding, _("it still fails"))
    if said is not None and said.kind in (VerdictKind.UNKNOWN, VerdictKind.ERROR):
        return Verified(finding, label(said.reason if said.reason is not Reason.NONE else Reason.PARTLY_OBSERVED))
    if not outcome.complete:
        return Verified(finding, label(Reason.PARTLY_OBSERVED))
    return Verified(finding, _("the observation is not newer than the failure"))
