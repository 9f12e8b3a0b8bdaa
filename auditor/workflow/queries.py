"""Questions to the ledger that the command line asks, and a portal will."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from auditor.errors import IntegrityError, LedgerError, UsageError
from auditor.ledger import Ledger, Seal, VerifyReport, check_signature, make_key, open_key, public_text, read_seal
from auditor.lifecycle import LIVE, WORKED, is_due_soon, is_overdue
from auditor.lifecycle.permissions import allow
from auditor.model import Action, Catalogue, EventKind, Finding, FindingState, Json, Run, Severity
from auditor.text import _
from auditor.text.reasons import reason_of
from auditor.workflow.settling import due_events
from auditor.workflow.writing import refuse_own


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings: each field lists the values that match, empty for any; states empty means all that are not closed."""

    departments: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    states: tuple[FindingState, ...] = ()
    assignee: str = ""
    overdue: bool = False
    due_soon: bool = False


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event in a finding's life."""

    seq: int
    at: datetime
    kind: EventKind
    actor: str
    note: str = ""


def list_findings(catalogue: Catalogue, wanted: FindingFilter) -> tuple[Finding, ...]:
    """Findings that match, the worst first."""
    with reading_now(catalogue) as ledger:
        return matching(ledger, catalogue, wanted)


def matching(ledger: Ledger, catalogue: Catalogue, wanted: FindingFilter) -> tuple[Finding, ...]:
    """Findings that match, from a ledger that is open already."""
    _refuse_unknown(catalogue, ledger, wanted)
    found = ledger.findings(
        department=wanted.departments,
        asset=wanted.assets,
        check=wanted.checks,
        control=wanted.controls,
        severity=_values(wanted.severities),
        state=_values(wanted.states or tuple(LIVE)),
    )
    if wanted.assignee:
        found = tuple(f for f in found if f.assignee == wanted.assignee)
    now = datetime.now(UTC)
    if wanted.overdue:
        found = tuple(f for f in found if is_overdue(f, now))
    if wanted.due_soon:
        days = catalogue.policies[catalogue.settings.policy_of_record].terms.due_soon
        found = tuple(f for f in found if is_due_soon(f, now, days))
    return found


def _refuse_unknown(catalogue: Catalogue, ledger: Ledger, wanted: FindingFilter) -> None:
    """A mistyped filter must not read as clean. What only older findings know (a check since removed, an officer who
    has left) is known too."""
    if not (wanted.departments or wanted.assets or wanted.checks or wanted.controls or wanted.assignee):
        return
    held = ledger.findings()
    departments = catalogue.inventory.departments
    known = (
        (_("departments"), wanted.departments, {d.id for d in departments} | {f.department for f in held}),
        (_("assets"), wanted.assets, {a.uid for d in departments for a in d.assets} | {f.asset for f in held}),
        (_("checks"), wanted.checks, set(catalogue.checks) | {f.check for f in held}),
        (_("controls"), wanted.controls, {c.id for c in catalogue.framework.controls}),
        (_("people"), (wanted.assignee,) if wanted.assignee else (), {*catalogue.settings.people, *(f.assignee for f in held)}),
    )
    for kind, asked, names in known:
        for name in asked:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = _("; did you mean {word!r}?").format(word=near[0]) if near else ""
                message = _("nothing is named {name!r} among the {kind}{hint}")
                raise UsageError(message.format(name=name, kind=kind, hint=hint))


def one_finding(catalogue: Catalogue, finding_id: str) -> Finding:
    """A finding by its id, or by a beginning of it that no other shares."""
    with reading_now(catalogue) as ledger:
        return ledger.finding(finding_id)


def finding_history(catalogue: Catalogue, finding_id: str) -> tuple[HistoryEntry, ...]:
    """What happened to a finding, oldest first."""
    with reading(catalogue) as ledger:
        return tuple(
            HistoryEntry(e.seq, e.event.at, e.event.kind, e.event.actor, _said(e.event.data))
            for e in ledger.journal(subject=finding_id)
        )


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that somebody attached to a finding."""

    name: str
    sha256: str
    size: int
    at: datetime
    by: str


def attached_files(catalogue: Catalogue, finding_id: str) -> tuple[Attached, ...]:
    """The files attached to a finding, oldest first."""
    with reading(catalogue) as ledger:
        name = ledger.finding(finding_id).id
        return tuple(
            Attached(str(d["name"]), str(d["sha256"]), int(str(d["size"])), e.event.at, e.event.actor)
            for e in ledger.journal(subject=name)
            if e.event.kind is EventKind.FINDING_ATTACHED
            for d in (e.event.data,)
        )


def save_kept(catalogue: Catalogue, name: str, sha256: str, folder: Path) -> Path:
    """Write a kept file into a folder, under its name behind the beginning of its hash; never over another file."""
    with reading(catalogue) as ledger:
        content = ledger.kept_file(sha256)
    path = folder / f"{sha256[:12]}-{Path(name).name}"
    refuse_own(catalogue.settings, path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=reason_of(error))) from error
    return path


def _said(data: dict[str, Json]) -> str:
    """What a person wrote with a move: a comment, a note, the name of a file."""
    return str(data.get("text") or data.get("note") or data.get("name") or "")


def list_runs(catalogue: Catalogue) -> tuple[Run, ...]:
    """All runs, the newest first, with the figures of their summaries."""
    with reading(catalogue) as ledger:
        return ledger.runs()


def one_run(catalogue: Catalogue, which: str) -> Run:
    """A run by number, or ``latest``."""
    with reading(catalogue) as ledger:
        return ledger.run(which)


def worst_open(catalogue: Catalogue, run: Run) -> Severity | None:
    """The worst severity among open findings of what the run covered; None when there is none."""
    with reading(catalogue) as ledger:
        plan = ledger.plan(run.id)
        assets = {a.asset.uid for d in plan.departments for a in d.assets} | {d.asset.uid for d in plan.departments}
        found = [f.severity for f in ledger.findings(state=_values(tuple(WORKED))) if f.asset in assets]
    return min(found, key=lambda severity: severity.rank, default=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run was of: the departments, assets and checks that it was narrowed to, each empty where it was not."""

    departments: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def has(self, finding: Finding) -> bool:
        """Whether the run looked, or was to look, for this finding."""
        pairs = ((self.departments, finding.department), (self.assets, finding.asset), (self.checks, finding.check))
        return all(not wanted or own in wanted for wanted, own in pairs)


def scope_of(catalogue: Catalogue, run: Run) -> Scope:
    """What a run was of. Hosts may have been named otherwise than by their uid: its plan tells which they are."""
    told = run.summary.get("run")
    scope = told.get("scope") if isinstance(told, dict) else None
    if not isinstance(scope, dict) or not scope:
        return Scope()
    lists = {name: tuple(map(str, held)) for name, held in scope.items() if isinstance(held, list)}
    assets: tuple[str, ...] = ()
    if lists.get("hosts"):
        with reading(catalogue) as ledger:
            assets = tuple(a.asset.uid for d in ledger.plan(run.id).departments for a in d.assets)
    return Scope(lists.get("departments", ()), assets, lists.get("checks", ()))


def is_newest(catalogue: Catalogue, run: Run) -> bool:
    """Whether no whole audit has moved the findings since."""
    with reading(catalogue) as ledger:
        return max(ledger.counted_runs(), default=0) <= run.id


def verify_ledger(catalogue: Catalogue, seal: Path | None = None) -> VerifyReport:
    """Whether the record contradicts itself, or a seal that was made of it."""
    held = None if seal is None else read_seal(seal)
    with reading(catalogue) as ledger:
        if held is not None:
            try:
                check_signature(held, catalogue.settings.seal_key)
            except IntegrityError as error:
                return VerifyReport(False, str(error), "", ())
        return ledger.verify(held)


def seal_ledger(catalogue: Catalogue, user: str, key: Path, *, new: bool, now: datetime | None = None) -> Seal:
    """Sign the head of the journal with the key in a file; ``new`` makes the key, once nothing else can be wrong.

    Raises UsageError for a key that is not trusted, IntegrityError for an unsound ledger.
    """
    by = allow(catalogue.settings.people, user, Action.SEAL)
    trusted = catalogue.settings.seal_key
    if trusted and (new or public_text(open_key(key)) != trusted):
        raise UsageError(_("{path} is not the key that auditor.toml names as seal_key").format(path=key))
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger:
        report = ledger.verify()
        if not report.ok:
            raise IntegrityError(report.problem)
        return ledger.seal(by, now or datetime.now(UTC), make_key(key) if new else open_key(key))


def reading(catalogue: Catalogue) -> Ledger:
    """The workspace's ledger, to be read only. Raises LedgerError when there is none yet."""
    path = catalogue.settings.ledger
    if not Ledger.exists(path):
        raise LedgerError(_("there is no ledger at {path} yet; `auditor audit` makes one").format(path=path))
    return Ledger.open(path, create=False, readonly=True)


def reading_now(catalogue: Catalogue, now: datetime | None = None) -> Ledger:
    """The same, in the state of now. Whoever may write has written down what came due (see ``settle_if_due``); for whoever may
    only read it is supposed, so that nobody is shown an exception that has run out as one in force."""
    ledger = reading(catalogue)
    try:
        if not may_write(catalogue) and (due := due_events(ledger, catalogue, now or datetime.now(UTC))):
            ledger.suppose(due)
    except BaseException:
        ledger.close()
        raise
    return ledger


def may_write(catalogue: Catalogue) -> bool:
    """Whether whoever runs this may write to the ledger, and beside it, which SQLite needs."""
    path = catalogue.settings.ledger
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _values(members: Sequence[Severity] | Sequence[FindingState]) -> list[str]:
    return [member.value for member in members]
