"""Everything that people and scans have brought into the ledger, as it stands or as it stood after any entry of the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from auditor.ledger import Ledger, record_kind
from auditor.lifecycle import replay
from auditor.model import MOVING, AttestedAnswer, Campaign, Circular, Event, EventKind, Finding, RiskException, Shelf, Spell
from auditor.model.codec import from_json
from auditor.workflow.standings import shelve

_CLASSES = {"exception": RiskException, "attestation": AttestedAnswer, "campaign": Campaign, "circular": Circular}


@dataclass(frozen=True, slots=True)
class State:
    """Findings, the worst first, and records in the order in which they were made, after the entry ``seq`` of the journal.

    ``last_seen`` of a finding out of the past is what it was at its last move: seeing it again moves nothing.
    """

    seq: int
    head: str
    findings: Shelf[Finding]
    exceptions: tuple[RiskException, ...]
    answers: tuple[AttestedAnswer, ...]
    campaigns: tuple[Campaign, ...]
    circulars: tuple[Circular, ...]


def present(ledger: Ledger) -> State:
    """As it stands."""
    seq, head = ledger.head()
    return State(
        seq,
        head,
        shelve(ledger.each_finding()),
        ledger.records(RiskException),
        ledger.records(AttestedAnswer),
        ledger.records(Campaign),
        ledger.records(Circular),
    )


def after(ledger: Ledger, seq: int) -> State:
    """As it stood after an entry of the journal."""
    if seq >= ledger.head()[0]:
        return present(ledger)
    head = ""
    newest: dict[tuple[type, str], Any] = {}

    def events() -> Iterator[Event]:
        nonlocal head
        for entry in takewhile(lambda entry: entry.seq <= seq, ledger.journal()):
            head = entry.hash
            kind = record_kind(entry.event.kind)
            if kind:
                newest[_CLASSES[kind], entry.event.subject] = entry.event.data["record"]
            yield entry.event

    findings = replay(events()).values()
    held = _records(newest)
    return State(
        seq,
        head,
        shelve(sorted(findings, key=lambda f: (f.severity.rank, f.department, f.asset, f.check, f.subject))),
        tuple(held[RiskException]),
        tuple(held[AttestedAnswer]),
        tuple(held[Campaign]),
        tuple(held[Circular]),
    )


def moved_since(ledger: Ledger, first: int, last: int) -> dict[str, Finding | None]:
    """Of every finding that moved after the entry ``first`` of the journal and up to ``last``: how it stood after the first; None
    where it was not there yet. What has not moved stood as it stands: to compare two nights, only their changes are read."""
    entries = takewhile(lambda entry: entry.seq <= last, ledger.journal(after=first))
    moved = dict.fromkeys(e.event.subject for e in entries if e.event.kind in MOVING)
    return {name: _at(ledger, name, first) for name in moved}


def _at(ledger: Ledger, name: str, seq: int) -> Finding | None:
    events = (e.event for e in takewhile(lambda entry: entry.seq <= seq, ledger.journal(subject=name)))
    return replay(events).get(name)


def spells(ledger: Ledger, name: str, last: int) -> tuple[Spell, ...]:
    """When a finding was closed and came back, up to the entry ``last`` of the journal: it forgets the one at the other."""
    found: list[Spell] = []
    closed: datetime | None = None
    for entry in takewhile(lambda entry: entry.seq <= last, ledger.journal(subject=name)):
        if entry.event.kind is EventKind.FINDING_CLOSED:
            closed = from_json(Finding, entry.event.data).closed_at
        elif entry.event.kind is EventKind.FINDING_REOPENED and closed is not None:
            found.append(Spell(closed, from_json(Finding, entry.event.data).reopened_at or entry.event.at))
    return tuple(found)


def _records(newest: dict[tuple[type, str], Any]) -> dict[type, list[Any]]:
    ordered = sorted(newest.items(), key=lambda item: (len(item[0][1]), item[0][1]))
    return {cls: [from_json(cls, data) for (own, _id), data in ordered if own is cls] for cls in _CLASSES.values()}
