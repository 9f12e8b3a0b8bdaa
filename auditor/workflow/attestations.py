"""Asking departments, keeping their answers, and deciding them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.lifecycle import attestations as rules
from auditor.lifecycle.permissions import allow
from auditor.loading import Mistake, in_order
from auditor.loading.forms import Filled, Question, read_form, write_form
from auditor.loading.mistake import did_you_mean
from auditor.model import (
    Action,
    Answer,
    AnswerState,
    AttestedAnswer,
    Catalogue,
    Control,
    Event,
    EvidenceFile,
    Language,
    Person,
)
from auditor.model import (
    Evidence as Decided,
)
from auditor.planning import effective_policy
from auditor.text import _
from auditor.workflow.evidence import Evidence, read_evidence
from auditor.workflow.queries import reading
from auditor.workflow.settling import settle_due, standing_answers, world_of
from auditor.workflow.writing import refuse_own


@dataclass(frozen=True, slots=True)
class Asked:
    """A control that a department must answer, and its newest answer."""

    control: Control
    answer: AttestedAnswer | None


def asked_of(catalogue: Catalogue, department: str, *, now: datetime | None = None) -> tuple[Asked, ...]:
    """What a department is asked, in the framework's order."""
    answers: tuple[AttestedAnswer, ...] = ()
    if Ledger.exists(catalogue.settings.ledger):
        with reading(catalogue) as ledger:
            answers = ledger.records(AttestedAnswer)
    return asked_and(answers, catalogue, department, now=now or datetime.now(UTC))


def asked_and(answers: Iterable[AttestedAnswer], catalogue: Catalogue, department: str, *, now: datetime) -> tuple[Asked, ...]:
    """The same, with answers that are at hand, as they stand by then."""
    held = {a.control: a for a in standing_answers(answers, catalogue, now) if a.department == department}
    return tuple(Asked(control, held.get(control.id)) for control in _controls(catalogue, department, now))


def _controls(catalogue: Catalogue, department: str, now: datetime) -> tuple[Control, ...]:
    home = next((d for d in catalogue.inventory.departments if d.id == department), None)
    if home is None:
        raise UsageError(_("there is no department {name!r} in the inventories").format(name=department))
    policy = catalogue.policies[catalogue.settings.policy_of_record]
    in_force = set(effective_policy(catalogue, policy, home, now).controls)
    return tuple(
        c
        for c in catalogue.framework.controls
        if c.id in in_force and c.evidence is not Decided.TECHNICAL and c.attestation is not None
    )


def write_questions(catalogue: Catalogue, department: str, path: Path, language: Language) -> int:
    """Write the form that the department fills in, with what it answered before; how many questions."""
    refuse_own(catalogue.settings, path)
    asked = asked_of(catalogue, department)
    questions = [Question(a.control, a.answer) for a in asked]
    write_form(path, department, questions, language)
    return len(questions)


def import_answers(
    catalogue: Catalogue, user: str, path: Path, *, now: datetime | None = None
) -> tuple[tuple[AttestedAnswer, ...], tuple[Mistake, ...]]:
    """Keep the answers of a filled form, all or none: the answers, or what is wrong, each by its cell."""
    moment = now or datetime.now(UTC)
    department, filled, mistakes = read_form(path)
    if not department:
        return (), mistakes
    by = allow(catalogue.settings.people, user, Action.ANSWER, department)
    known = {c.id for c in _controls(catalogue, department, moment)}
    most = catalogue.policies[catalogue.settings.policy_of_record].terms.attestations
    today = world_of(catalogue, moment).today(department)
    found, kept = list(mistakes), [_evidence(path.parent, row) for row in filled]
    for row, (_read, problems) in zip(filled, kept, strict=True):
        if row.control not in known:
            found.append(
                row.mistake(_("{control} is no control that this department is asked about").format(control=row.control))
            )
        told = rules.objections(row.answer, row.justification, bool(row.evidence), row.review, most, today)
        found += map(row.mistake, (*problems, *told))
    if found or not filled:
        return (), in_order(found)
    files = [file for read, _problems in kept for file in read]
    given = [_answer(department, row, read, by, moment) for row, (read, _problems) in zip(filled, kept, strict=True)]
    events = [rules.answer(one, most, today, by, moment) for one in given]
    with Ledger.open(catalogue.settings.ledger) as ledger, ledger.transaction():
        for file in files:
            ledger.keep_file(file.content)
        ledger.apply(events)
        names = {e.subject for e in events}
        return tuple(a for a in ledger.records(AttestedAnswer) if a.id in names), ()


def _evidence(folder: Path, row: Filled) -> tuple[list[Evidence], list[str]]:
    """The files that a row names, and what is wrong with those that cannot be had."""
    read, problems = [], []
    for name in row.evidence:
        try:
            read.append(read_evidence(folder / name))
        except UsageError as error:
            apart = _("; several files are separated by ; or stand each on a line of its own") if re.search("[,،]", name) else ""
            problems.append(f"{error}{apart}")
    return read, problems


def _answer(department: str, row: Filled, kept: Iterable[Evidence], by: Person, now: datetime) -> AttestedAnswer:
    assert row.answer is not None
    assert row.review is not None
    return AttestedAnswer(
        id=f"{department}:{row.control}",
        department=department,
        control=row.control,
        state=AnswerState.ANSWERED,
        answer=row.answer,
        justification=row.justification,
        review=row.review,
        answered_by=by.user,
        answered_at=now,
        evidence=tuple(EvidenceFile(e.name, e.sha256, len(e.content), row.dated) for e in kept),
    )


def accept_answer(catalogue: Catalogue, user: str, department: str, control: str) -> AttestedAnswer:
    """Accept an answer."""
    return _decide(catalogue, user, department, control, rules.accept)


def return_answer(catalogue: Catalogue, user: str, department: str, control: str, reason: str) -> AttestedAnswer:
    """Return an answer with a reason."""
    return _decide(catalogue, user, department, control, lambda held, by, at: rules.give_back(held, reason, by, at))


def _decide(
    catalogue: Catalogue, user: str, department: str, control: str, make: Callable[[AttestedAnswer, Person, datetime], Event]
) -> AttestedAnswer:
    moment = datetime.now(UTC)
    with Ledger.open(catalogue.settings.ledger, create=False) as ledger, ledger.transaction():
        settle_due(ledger, catalogue, moment)
        held = _answered(ledger, catalogue, department, control, moment)
        by = allow(catalogue.settings.people, user, Action.ACCEPT, department)
        ledger.apply([make(held, by, moment)])
        return ledger.record(AttestedAnswer, held.id)


def _answered(ledger: Ledger, catalogue: Catalogue, department: str, control: str, now: datetime) -> AttestedAnswer:
    """The department's answer. Raises UsageError that tells what is not there: the department, the question or the answer."""
    name = f"{department}:{control}".casefold()
    held = next((a for a in ledger.records(AttestedAnswer) if a.id.casefold() == name), None)
    if held is not None:
        return held
    asked = {c.id for c in _controls(catalogue, department, now)}
    if control not in asked:
        told = _("{control} is no control that this department is asked about").format(control=control)
        raise UsageError(told + did_you_mean(control, asked))
    raise UsageError(_("{department} has not answered {control} yet").format(department=department, control=control))


def accepted_answers(ledger: Ledger, catalogue: Catalogue, now: datetime) -> dict[str, dict[str, Answer]]:
    """Answers of the ledger that count today; see ``accepted``."""
    return accepted(ledger.records(AttestedAnswer), catalogue, now)


def accepted(answers: Iterable[AttestedAnswer], catalogue: Catalogue, now: datetime) -> dict[str, dict[str, Answer]]:
    """Answers that count today, by department and control; one whose review date has passed does not, recorded so or not."""
    found: dict[str, dict[str, Answer]] = {}
    for held in standing_answers(answers, catalogue, now):
        if held.state is AnswerState.ACCEPTED:
            found.setdefault(held.department, {})[held.control] = held.answer
    return found
