"""Findings as they stand: written in the transaction that journals the event which moved them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from auditor.errors import IntegrityError, TakenError, UsageError
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.edge import decoding
from auditor.ledger.observations import Observations
from auditor.ledger.store import Store
from auditor.model import MOVING, Confirmed, Event, EventKind, Finding, FindingState, Outcome, VerdictKind
from auditor.model.codec import field_readers, to_json
from auditor.text import _

_NAMES = tuple(field.name for field in fields(Finding))
LAST_SEEN = _NAMES.index("last_seen")
_NULL = dumps(None)
_JSON = ("controls", "observed", "expected", "plan")
_COLUMNS = ", ".join("check_id" if name == "check" else name for name in _NAMES)
# in its place, where it stands beside the others of its asset
_KEEP = (
    f"INSERT INTO findings ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))}) ON CONFLICT (asset, check_id, subject)"
    f" DO UPDATE SET ({_COLUMNS}) = ({', '.join(f'excluded.{name}' for name in _COLUMNS.split(', '))})"
)
_WORST_FIRST = "CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END"
# one text for all findings of an asset: they are not made values to be compared
_UNSEEN = f"""
    SELECT json_group_array(json_array({", ".join(name for name in _COLUMNS.split(", ") if name != "last_seen")}))
    FROM (SELECT * FROM findings WHERE asset = ? ORDER BY check_id, subject)"""
_SEEN = "UPDATE findings SET last_seen = ?1 WHERE asset = ?2 AND check_id = ?3 AND state <> ?4 AND last_seen < ?1"
_OWN = ("id", "subject")  # texts that no two findings need share
_AT_ONCE = 500
_ALIASES = str.maketrans("OIL", "011")  # what people write for the digits that Crockford's letters leave out


class Findings(Observations):
    """Finds findings, and applies events to them."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._reader = _Reader(limit=20_000)

    def findings(
        self,
        *,
        department: Sequence[str] = (),
        asset: Sequence[str] = (),
        severity: Sequence[str] = (),
        state: Sequence[str] = (),
        control: Sequence[str] = (),
        check: Sequence[str] = (),
        open_only: bool = False,
    ) -> tuple[Finding, ...]:
        """Findings that match every filter given (each: any of its values), worst first; ``open_only`` leaves out the closed."""
        terms, values = [], []
        columns = {"department": department, "asset": asset, "severity": severity, "state": state, "check_id": check}
        for column, wanted in columns.items():
            if wanted:
                terms.append(f"{column} IN ({_marks(wanted)})")
                values += [str(w) for w in wanted]
        if open_only:
            terms.append("state <> ?")
            values.append(FindingState.CLOSED.value)
        if control:
            terms.append(f"EXISTS (SELECT 1 FROM json_each(controls) WHERE value IN ({_marks(control)}))")
            values += control
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        rows = self._store.all(
            f"SELECT {_COLUMNS} FROM findings{where} ORDER BY {_WORST_FIRST}, department, asset, check_id, subject", values
        )
        return tuple(_Reader().each(rows))

    def each_finding(self) -> Iterator[Finding]:
        """Every finding, worst first, one by one: of a whole nation they are too many to hold."""
        rows = self._store.each(f"SELECT {_COLUMNS} FROM findings ORDER BY {_WORST_FIRST}, department, asset, check_id, subject")
        return _Reader(limit=20_000).each(rows)

    def finding(self, name: str) -> Finding:
        """A finding by its id or a beginning of it that no other shares; case, and o for 0, do not matter."""
        bare = name.strip().upper().removeprefix("F-").translate(_ALIASES)
        if not bare.isalnum() or not bare.isascii():
            raise UsageError(_("{name!r} is no finding's id; ids look like F-1A2B3C4D5E").format(name=name))
        rows = self._store.all(
            f"SELECT {_COLUMNS} FROM findings WHERE id >= ? AND id < ? ORDER BY id LIMIT 6", (f"F-{bare}", f"F-{bare}~")
        )
        if not rows:
            raise UsageError(_("there is no finding {name}; `auditor findings list` shows them").format(name=name))
        if len(rows) > 1:
            message = _("{name} could be {names}; write more of it")
            if len(rows) > 5:
                message = _("{name} could be {names} and others; write more of it")
            raise UsageError(message.format(name=name, names=", ".join(row[0] for row in rows[:5])))
        return next(_Reader().each(rows))

    def finding_rows(self) -> list[tuple[Any, ...]]:
        """Every finding as its columns hold it, in the order of ``to_row``."""
        return self._store.all(f"SELECT {_COLUMNS} FROM findings")

    def findings_by_asset(self, asset: str, checks: Collection[str] | None = None) -> tuple[Finding, ...]:
        """Findings of an asset, of these checks or of all, closed ones too."""
        among = "" if checks is None else f" AND check_id IN ({_marks(checks)})"
        sql = f"SELECT {_COLUMNS} FROM findings WHERE asset = ?{among} ORDER BY check_id, subject"
        return tuple(self._reader.each(self._store.all(sql, (asset, *(checks or ())))))

    def findings_digest(self, asset: str, rules: bytes) -> bytes:
        """Of an asset's findings, all but when they were last seen, and of the digest of what else decides on them: 32 bytes."""
        (told,) = self._found(self._store.one(_UNSEEN, (asset,)), asset)
        return sha256(rules + told.encode())

    def failing_subjects(self, asset: str, states: Iterable[FindingState]) -> Iterator[tuple[str, str]]:
        """Check and subject of an asset's findings in these states: all that judging needs to know of them."""
        wanted = [state.value for state in states]
        yield from self._store.all(
            f"SELECT check_id, subject FROM findings WHERE asset = ? AND state IN ({_marks(wanted)})", [asset, *wanted]
        )

    def assets_with_open_findings(self) -> tuple[tuple[str, str], ...]:
        """Asset and department of whatever has a finding that is not closed."""
        sql = "SELECT DISTINCT asset, department FROM findings WHERE state <> ? ORDER BY asset, department"
        return tuple(self._store.all(sql, (FindingState.CLOSED.value,)))

    def _apply(self, *events: Event) -> None:
        """Journal events and move their findings, in their order. Call it inside a write transaction."""
        moved = [event for event in events if event.kind in MOVING]
        rows = []
        for event in moved:
            with decoding(_("the event of finding {name}").format(name=event.subject)):
                row = _columns(event.data)
                self._reader.check(row)
            rows.append(row)
        held = self._identities([row[0] for row in rows])
        taken: dict[str, tuple[str, str, str]] = {}
        for event, row in zip(moved, rows, strict=True):
            name, own = row[0], row[2:5]
            opened_twice = event.kind is EventKind.FINDING_OPENED and name in held  # of which no replay could make anything
            if held.setdefault(name, own) != own:
                taken[name] = held[name]
            elif opened_twice or name != event.subject:
                raise IntegrityError(_("{name} is the id of two findings").format(name=event.subject))
        if taken:
            raise TakenError(_("{name} is the id of two findings").format(name=min(taken)), taken)
        self._store.run_many(_KEEP, rows)
        self._append(*events)

    def _suppose_findings(self, findings: Iterable[Finding]) -> None:
        marks = ", ".join("?" * len(_NAMES))
        self._store.run_many(f"INSERT INTO supposed_findings ({_COLUMNS}) VALUES ({marks})", [to_row(f) for f in findings])

    def _identities(self, ids: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        """What the findings of these ids are of: asset, check and subject."""
        found: dict[str, tuple[str, str, str]] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            rows = self._store.all(f"SELECT id, asset, check_id, subject FROM findings WHERE id IN ({_marks(some)})", some)
            found.update((name, (asset, check, subject)) for name, asset, check, subject in rows)
        return found

    def _see(self, outcomes: Iterable[Outcome], confirmed: Iterable[Confirmed], events: Iterable[Event]) -> None:
        """Move ``last_seen`` of findings that fail again, without a journal entry (see ``digests``); ``events`` moved theirs."""
        moved = {tuple([event.data.get(name) for name in ("asset", "check", "subject")]) for event in events}
        again, closed = [c for c in confirmed if c.kind is VerdictKind.FAIL], FindingState.CLOSED.value
        self._store.run_many(
            f"{_SEEN} AND subject = ?5",
            [
                (to_json(o.observed_at), o.asset, o.check, closed, verdict.subject)
                for o in [*outcomes, *(c.outcome for c in again if c.outcome is not None)]
                for verdict in o.verdicts
                if verdict.kind is VerdictKind.FAIL
                and o.observed_at is not None
                and (o.asset, o.check, verdict.subject) not in moved
            ],
        )
        self._store.run_many(_SEEN, [(to_json(c.observed_at), c.asset, c.check, closed) for c in again if c.outcome is None])


def to_row(finding: Finding) -> tuple[Any, ...]:
    """A finding's columns, in the order of ``_NAMES``."""
    return _columns(to_json(finding))


def _columns(told: dict[str, Any]) -> tuple[Any, ...]:
    """A finding's columns, of the finding as JSON."""
    return tuple([told[name] if name not in _JSON else _NULL if told[name] is None else dumps(told[name]) for name in _NAMES])


class _Reader:
    """Rows as findings. A hundred thousand of them hold the same few checks, assets, instants and values, which they share.

    ``limit`` is how many of those it knows at a time, where it is used for ever.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._known: dict[str, dict[Any, Any]] = {name: {} for name in _NAMES}  # by column, what a raw value stands for
        self._many = 0
        self._readers = dict(field_readers(Finding))

    def each(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Finding]:
        columns = [(name, self._known[name]) for name in _NAMES]
        at = ""
        with decoding(lambda: _("finding {name}").format(name=at)):
            for row in rows:
                at = row[0]
                values = [
                    known[raw] if raw in known else self._learn(name, raw)
                    for (name, known), raw in zip(columns, row, strict=True)
                ]
                yield Finding(*values)

    def check(self, row: tuple[Any, ...]) -> None:
        """Make sure that ``row`` can be read: what is written here must come out again. Raises what reading it would."""
        for name, raw in zip(_NAMES, row, strict=True):
            if raw not in self._known[name]:
                self._learn(name, raw)

    def _learn(self, name: str, raw: Any) -> Any:
        if name in _OWN:
            return raw
        if self._limit is not None and self._many > self._limit:
            self._forget()
        value = self._known[name][raw] = self._readers[name](json.loads(raw) if name in _JSON else raw)
        self._many += 1
        return value

    def _forget(self) -> None:
        for known in self._known.values():
            known.clear()
        self._many = 0


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
