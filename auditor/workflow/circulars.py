"""Numbered recommendations to departments, made from what fails again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.lifecycle import WORKED
from auditor.lifecycle.permissions import allow, told
from auditor.loading.mistake import did_you_mean
from auditor.model import Action, Approval, Catalogue, Check, Circular, Event, EventKind, Json, Language, Person, Text
from auditor.model.codec import to_json
from auditor.text import _, ngettext, number, using
from auditor.workflow.queries import reading, reading_now
from auditor.workflow.settling import today_in

_TITLES = 2  # that still fit on the line of a title


@dataclass(frozen=True, slots=True)
class Repeated:
    """A check with open findings in several departments."""

    check: str
    findings: int
    departments: tuple[str, ...]


def repeated_failures(catalogue: Catalogue, least: int = 2) -> tuple[Repeated, ...]:
    """Checks that fail in ``least`` departments or more, the most widespread first."""
    found: dict[str, list[str]] = defaultdict(list)
    with reading_now(catalogue) as ledger:
        for finding in ledger.findings(state=[s.value for s in WORKED]):
            found[finding.check].append(finding.department)
    rows = [Repeated(check, len(where), tuple(sorted(set(where)))) for check, where in found.items()]
    return tuple(
        sorted((r for r in rows if len(r.departments) >= least), key=lambda r: (-len(r.departments), -r.findings, r.check))
    )


def issue_circular(
    catalogue: Catalogue,
    user: str,
    checks: tuple[str, ...],
    departments: tuple[str, ...],
    due: date,
    *,
    title: Text | None = None,
    body: Text | None = None,
    now: datetime | None = None,
) -> Circular:
    """Issue one about these checks to these departments, or to all in which they fail. The texts are the checks' own where none
    are given, in both languages."""
    moment = now or datetime.now(UTC)
    by = allow(catalogue.settings.people, user, Action.CIRCULATE)
    unknown = next((c for c in checks if c not in catalogue.checks), None)
    if unknown is not None:
        near = did_you_mean(unknown, catalogue.checks)
        raise UsageError(_("there is no check {name!r}{hint}").format(name=unknown, hint=near))
    named = [catalogue.checks[c] for c in dict.fromkeys(checks)]
    if not named:
        raise UsageError(
            _("name the checks that the circular is about; `auditor circular suggest` shows what fails in several departments")
        )
    failing = {d for r in repeated_failures(catalogue, 1) if r.check in checks for d in r.departments}
    addressed = departments or tuple(sorted(failing))
    known = {d.id for d in catalogue.inventory.departments}
    if not addressed or not set(addressed) <= known:
        raise UsageError(_("name departments of the inventories; none of them fails these checks"))
    if due <= today_in(catalogue, addressed, moment):
        raise UsageError(_("{day} is no day to come; give departments time to act").format(day=due.isoformat()))
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        made = Circular(
            id=f"R-{ledger.next_number(Circular)}",
            title=title or Text(_title(named, "en"), _title(named, "ar")),
            body=body or Text(_body(named, "en"), _body(named, "ar")),
            checks=tuple(check.id for check in named),
            due=dict.fromkeys(addressed, due),
            issued_by=by.user,
            issued_at=moment,
        )
        ledger.apply([_event(EventKind.CIRCULAR_ISSUED, made, by, moment)])
        return made


def acknowledge_circular(catalogue: Catalogue, user: str, name: str, *, now: datetime | None = None) -> Circular:
    """Say that one's department has read it."""
    moment = now or datetime.now(UTC)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        held = ledger.record(Circular, name)
        by = allow(catalogue.settings.people, user, Action.ACKNOWLEDGE)
        if by.department not in held.due:
            raise UsageError(_("circular {id} is not addressed to {department}").format(id=held.id, department=by.department))
        if by.department in held.acknowledged:
            raise UsageError(
                _("{department} has acknowledged circular {id} already").format(id=held.id, department=by.department)
            )
        read: Mapping[str, Approval] = {**held.acknowledged, by.department: Approval(by.user, "", moment)}
        after = replace(held, acknowledged=dict(read))
        ledger.apply([_event(EventKind.CIRCULAR_ACKNOWLEDGED, after, by, moment)])
        return after


def list_circulars(catalogue: Catalogue) -> tuple[Circular, ...]:
    """All of them, by number."""
    with reading(catalogue) as ledger:
        return ledger.records(Circular)


def one_circular(catalogue: Catalogue, name: str) -> tuple[Circular, dict[str, int]]:
    """One of them, and how many findings of its checks are still open in each department addressed."""
    with reading_now(catalogue) as ledger:
        held = ledger.record(Circular, name)
        open_ones = ledger.findings(check=held.checks, department=tuple(held.due), state=[s.value for s in WORKED])
    return held, {d: sum(f.department == d for f in open_ones) for d in held.due}


def _title(checks: Sequence[Check], language: Language) -> str:
    """Of all its checks: whoever reads the first alone takes the circular to be about nothing else."""
    titles = [" ".join(check.title.to(language).split()) for check in checks]
    with using(language):
        if len(titles) <= _TITLES:
            return _("; ").join(titles)
        more = len(titles) - 1
        told = ngettext("{title}; and {n} more recommendation", "{title}; and {n} more recommendations", more)
        return told.format(title=titles[0], n=number(more))


def _body(checks: Sequence[Check], language: Language) -> str:
    return "\n\n".join(_paragraph(check, language) for check in checks)


def _paragraph(check: Check, language: Language) -> str:
    return "\n".join(text.to(language).strip() for text in (check.title, check.rationale, check.remediation))


def _event(kind: EventKind, circular: Circular, by: Person, now: datetime) -> Event:
    data: dict[str, Json] = {"record": to_json(circular), "by": told(by)}
    return Event(kind, now, by.user, circular.id, data)
