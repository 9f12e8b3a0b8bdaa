"""Runs: what was planned, with every input by hash, and how far it has come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple

from auditor.errors import LedgerError, UsageError
from auditor.facts import is_volatile
from auditor.ledger import digests, summaries
from auditor.ledger.canonical import dumps, sha256
from auditor.ledger.edge import decoding
from auditor.ledger.journal import ENDINGS, Journal
from auditor.ledger.lock import RunLock
from auditor.ledger.store import Store
from auditor.model import DepartmentPlan, Event, EventKind, Json, Plan, Run, RunStatus
from auditor.model.codec import from_json, to_json
from auditor.model.packing import pack, unpack
from auditor.text import _
from auditor.text.labels import label

_COLUMNS = "id, status, started, ended, policy, policy_version, plan_sha256, narrowed, actor, summary"
_ENDINGS = "({})".format(", ".join(f"'{kind.value}'" for kind in ENDINGS))
_RESUMABLE = (RunStatus.COLLECTING, RunStatus.INTERRUPTED)


class RunInput(NamedTuple):
    """Something the run rests on: ``kind`` is file, fact, program…; ``content`` its text or version."""

    kind: str
    name: str
    content: str


class Runs(Journal):
    """Begins, ends and lists runs. All that writes needs the run lock."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._parts: dict[str, str] = {}  # by digest, whose part of a plan it is
        self._own = 0  # the run that was begun or resumed here
        self._nights: dict[int, bool] = {}  # by number, whether a run is one

    @contextmanager
    def lock(self, *, actor: str, now: datetime) -> Iterator[None]:
        """Hold the right to run. Raises LockedError, which names the holder, when another process or ledger object has it."""
        lock = RunLock(self._store.path, actor=actor, now=now)
        self._lock = lock
        try:
            yield
        finally:
            self._lock = None
            lock.release()

    def begin_run(self, plan: Plan, inputs: Iterable[tuple[str, str, str]], *, actor: str, now: datetime) -> Run:
        """Start a run of ``plan``. An unfinished run must be resumed or abandoned first."""
        lock = self._require_lock()
        unfinished = self.unfinished_run()
        if unfinished is not None:
            message = _("run {run} is unfinished; resume or abandon it first")
            raise LedgerError(message.format(run=unfinished.id))
        with self._store.writing():
            self._forget_unsealed()
            head, names = self._put_plan(plan), [(kind, name, self._put_text(content)) for kind, name, content in inputs]
            blobs = (self._blobs.put(head), self._blobs.put(dumps(names).encode()))
            run_id = self._store.run(
                "INSERT INTO runs (status, started, now, policy, policy_version, plan_sha256, plan, inputs, narrowed, of_record,"
                " actor, summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}')",
                (
                    RunStatus.COLLECTING.value,
                    to_json(now),
                    to_json(plan.now),
                    plan.policy,
                    plan.policy_version,
                    plan.sha256,
                    *blobs,
                    int(plan.narrowed),
                    int(plan.of_record),
                    actor,
                ),
            )
            self._append(Event(EventKind.RUN_STARTED, now, actor, str(run_id), self._beginning(run_id)))
        lock.name_run(run_id)
        self._own = run_id
        self._volatile = _volatile_checks(plan)
        return self.run(run_id)

    def resume_run(self, run_id: int, *, actor: str, now: datetime) -> Run:
        """Go on with an unfinished run."""
        self._require_lock().name_run(run_id)
        self._move(run_id, RunStatus.COLLECTING, EventKind.RUN_RESUMED, actor, now)
        self._own = run_id
        self._volatile = _volatile_checks(self.plan(run_id))
        return self.run(run_id)

    def finish_run(self, run_id: int, summary: dict[str, Json], *, actor: str, now: datetime) -> Run:
        """End a run with its summary; its tables are sealed into the journal."""
        self._require_lock()
        self._move(run_id, RunStatus.FINISHED, EventKind.RUN_FINISHED, actor, now, summary)
        return self.run(run_id)

    def interrupt_run(self, run_id: int, *, actor: str, now: datetime) -> Run:
        """Stop a run, to be resumed."""
        self._require_lock()
        self._move(run_id, RunStatus.INTERRUPTED, EventKind.RUN_INTERRUPTED, actor, now)
        return self.run(run_id)

    def abandon_run(self, run_id: int, *, actor: str, now: datetime) -> Run:
        """Give up an unfinished run; what it observed and judged is kept."""
        self._require_lock()
        self._move(run_id, RunStatus.ABANDONED, EventKind.RUN_ABANDONED, actor, now)
        return self.run(run_id)

    def unfinished_run(self) -> Run | None:
        """The run that was killed or interrupted, if there is one. (It may be under way in another process: see the lock.)"""
        row = self._store.one(f"SELECT {_COLUMNS} FROM runs WHERE status IN (?, ?) ORDER BY id DESC LIMIT 1", _RESUMABLE)
        return None if row is None else self._read(row)

    def runs(self) -> tuple[Run, ...]:
        """All runs, newest first; of their summaries the figures alone, as the rest of years of nights would fill memory."""
        return tuple(self._read(r, summaries.figures) for r in self._store.each(f"SELECT {_COLUMNS} FROM runs ORDER BY id DESC"))

    def counted_runs(self) -> tuple[int, ...]:
        """The numbers of those that are finished, not narrowed, of the policy of record; oldest first."""
        sql = "SELECT id FROM runs WHERE status = ? AND NOT narrowed AND of_record ORDER BY id"
        return tuple(run for (run,) in self._store.all(sql, (RunStatus.FINISHED.value,)))

    def indices(self, last: int) -> Iterator[tuple[Run, dict[str, Json]]]:
        """Those up to a run, oldest first, with the index of each department: of their summaries that and the figures alone."""
        known: dict[str, tuple[str, Json]] = {}
        counted = f"SELECT {_COLUMNS} FROM runs WHERE status = ? AND NOT narrowed AND of_record AND id <= ? ORDER BY id"
        for row in self._store.each(counted, (RunStatus.FINISHED.value, last)):
            with decoding(_("run {run}").format(run=row[0])):
                told = summaries.indices(row[-1], self._blobs.text_once, known)
            yield self._read(row, summaries.figures), told

    def newest_night(self) -> Run | None:
        """The newest run of everything, or of all of some departments, whatever became of it.

        A rescan of one host in the morning is no night, and must not hide how the night went.
        """
        newest = next((run for (run,) in self._store.each("SELECT id FROM runs ORDER BY id DESC") if self._is_night(run)), None)
        return None if newest is None else self.run(newest)

    def run(self, which: int | str) -> Run:
        """A run by its number, or ``latest``: the newest that is finished, not narrowed, of the policy of record."""
        if which == "latest":
            row = self._store.one(
                f"SELECT {_COLUMNS} FROM runs WHERE status = ? AND NOT narrowed AND of_record ORDER BY id DESC LIMIT 1",
                (RunStatus.FINISHED.value,),
            )
            if row is None:
                raise UsageError(_("there is no finished run of the policy of record yet; `auditor audit` makes one"))
            return self._read(row)
        number = int(which) if str(which).isdecimal() and len(str(which)) < 18 else 0
        row = self._store.one(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (number,))
        if row is None:
            newest = self._store.one("SELECT max(id) FROM runs")
            message = _("there is no run {run}; there is none yet (`latest` names the newest finished one)")
            if newest and newest[0]:
                message = _("there is no run {run}; the newest is {newest} (`latest` names the newest finished one)")
            raise UsageError(message.format(run=which, newest=newest and newest[0]))
        return self._read(row)

    def plan(self, run_id: int) -> Plan:
        """The plan of a run, equal to the one it was begun with."""
        row = self._store.one("SELECT plan, now, plan_sha256 FROM runs WHERE id = ?", (self.run(run_id).id,))
        blob, now, digest = self._found(row, _("run {run}").format(run=run_id))
        with decoding(_("the plan of run {run}").format(run=run_id)):
            head = json.loads(self._blobs.get(blob))
            departments = tuple(_department(self._part(name)) for name in head["departments"])
            return replace(from_json(Plan, {**head, "departments": [], "now": now, "sha256": digest}), departments=departments)

    def planned(self, department: str, at: datetime) -> DepartmentPlan | None:
        """A department's part of the newest run that was under way at an instant."""
        # instants are kept as text in UTC, in whose order they lie
        sql = "SELECT id, plan FROM runs WHERE started <= ?1 AND (ended IS NULL OR ended >= ?1) ORDER BY id DESC LIMIT 1"
        row = self._store.one(sql, (to_json(at),))
        if row is None:
            return None
        with decoding(_("the plan of run {run}").format(run=row[0])):
            for name in json.loads(self._blobs.get(row[1]))["departments"]:
                if self._parts.get(name, department) == department:
                    part = self._part(name)
                    if part["department"] == department:
                        return _department(part)
        return None

    def _is_night(self, run_id: int) -> bool:
        known = self._nights.get(run_id)
        if known is None:
            narrowed, plan = self._found(
                self._store.one("SELECT narrowed, plan FROM runs WHERE id = ?", (run_id,)), _("run {run}").format(run=run_id)
            )
            known = self._nights[run_id] = not narrowed or self._scope(run_id, plan) == {"departments"}
        return known

    def _scope(self, run_id: int, plan: int) -> set[str]:
        """By what a run was narrowed; of its plan that alone is read, as the departments are large."""
        with decoding(_("the plan of run {run}").format(run=run_id)):
            return set(json.loads(self._blobs.get(plan)).get("scope", ()))

    def _part(self, name: str) -> dict[str, Any]:
        part: dict[str, Any] = json.loads(self._blobs.find(bytes.fromhex(name)))
        self._parts[name] = part["department"]
        return part

    def inputs(self, run_id: int) -> tuple[RunInput, ...]:
        """Everything the run rested on."""
        return tuple(RunInput(kind, name, self.input_text(digest)) for (kind, name), digest in self.input_digests(run_id).items())

    def input_digests(self, run_id: int) -> dict[tuple[str, str], str]:
        """The SHA-256 of everything the run rested on, by kind and name; the contents stay unread."""
        row = self._store.one("SELECT inputs FROM runs WHERE id = ?", (self.run(run_id).id,))
        (blob,) = self._found(row, _("run {run}").format(run=run_id))
        with decoding(_("the inputs of run {run}").format(run=run_id)):
            return {(kind, name): digest for kind, name, digest in json.loads(self._blobs.get(blob))}

    def input_text(self, digest: str) -> str:
        """The content of one of them."""
        return self._blobs.text(bytes.fromhex(digest))

    def _read(self, row: tuple[Any, ...], summary_of: Callable[[str], dict[str, Json]] | None = None) -> Run:
        """A row of ``_COLUMNS``; ``summary_of`` its text is all of it where nothing else is asked for."""
        told = dict(zip(_COLUMNS.split(", "), row, strict=True))
        with decoding(_("run {run}").format(run=row[0])):
            written = told["summary"]
            summary = summary_of(written) if summary_of else summaries.put_together(written, self._blobs.text)
            return from_json(Run, {**told, "narrowed": bool(told["narrowed"]), "summary": summary})

    def _put_plan(self, plan: Plan) -> bytes:
        """The plan's head. Departments are blobs of their own, and the instant stays out: most are the same the next night."""
        head = {f.name: getattr(plan, f.name) for f in fields(Plan) if f.name not in ("now", "sha256")}
        head["departments"] = [self._put_text(dumps(pack(d))) for d in plan.departments]
        return dumps(head).encode()

    def _put_text(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        self._blobs.put(content)
        return sha256(content).hex()

    def _beginning(self, run_id: int) -> dict[str, Json]:
        """What the journal keeps of a run's row from its start."""
        return beginning(
            self._found(self._store.one(BEGINNING + " WHERE r.id = ?", (run_id,)), _("run {run}").format(run=run_id)),
        )

    def _move(
        self, run_id: int, to: RunStatus, kind: EventKind, actor: str, now: datetime, summary: dict[str, Json] | None = None
    ) -> None:
        with self._store.writing():
            run = self.run(run_id)
            if run.status not in _RESUMABLE:
                raise LedgerError(_("run {run} is {status} and stays so").format(run=run_id, status=label(run.status)))
            if run_id != self._own:
                self._forget_unsealed()
            data: dict[str, Json] = {"status": to.value}
            if to is RunStatus.COLLECTING:
                self._store.run("UPDATE runs SET status = ?, ended = NULL WHERE id = ?", (to.value, run_id))
            else:
                written = summaries.taken_apart(run.summary if summary is None else summary, self._put_text)
                self._store.run(
                    "UPDATE runs SET status = ?, ended = ?, summary = ? WHERE id = ?", (to.value, to_json(now), written, run_id)
                )
                data |= {"summary": digests.of_summary(written), "state": digests.of_state(self._store)}
                data |= {**digests.of_run(self._store, run_id), "bases": digests.of_bases(self._store)}
                self._own = 0  # who goes on with it later looks at the bases first
            self._append(Event(kind, now, actor, str(run_id), data))

    def _forget_unsealed(self) -> None:
        """Let go of all bases, unless they are as the last ending of a run left them.

        What they vouch for is not looked at again; and the next ending would seal what somebody put there meanwhile.
        """
        row = self._store.one(f"SELECT seq, data FROM journal WHERE kind IN {_ENDINGS} ORDER BY seq DESC LIMIT 1")
        sealed = None
        if row is not None:
            with decoding(_("entry {number} of the journal").format(number=row[0])):
                sealed = json.loads(row[1]).get("bases")
        if sealed != digests.of_bases(self._store):
            self._store.run("DELETE FROM bases")


def _department(part: dict[str, Any]) -> DepartmentPlan:
    # ledgers of before kept each host's tasks with it
    return unpack(part) if "tasks" in part else from_json(DepartmentPlan, part)


def _volatile_checks(plan: Plan) -> frozenset[str]:
    """Checks that rest on values which differ each night by nature: another observed value alone is then no change."""
    tasks = (task for d in plan.departments for own in (d.checks, *(a.checks for a in d.assets)) for task in own)
    found: dict[str, bool] = {}
    for task in tasks:
        if task.check not in found:
            found[task.check] = any(is_volatile(call) for _, call in task.facts)
    return frozenset(check for check, volatile in found.items() if volatile)


BEGINNING = """
    SELECT r.id, r.started, r.now, r.policy, r.policy_version, r.plan_sha256,
        hex(p.sha256), hex(i.sha256), r.narrowed, r.of_record, r.actor
    FROM runs r JOIN blobs p ON p.id = r.plan JOIN blobs i ON i.id = r.inputs"""


def beginning(row: tuple[Any, ...]) -> dict[str, Json]:
    """A row of BEGINNING as the journal's RUN_STARTED holds it."""
    names = ("run", "started", "now", "policy", "version", "plan_sha256", "plan", "inputs", "narrowed", "of_record", "actor")
    return dict(zip(names, row, strict=True))
