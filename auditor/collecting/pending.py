"""What an asset still waits for: its host's part and its network's part come at different times, and are judged together."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypeAlias

from auditor.collecting.interface import not_reached, to_millisecond, unseen, utcnow
from auditor.collecting.script import host_calls
from auditor.collecting.targets import network_probes
from auditor.model import AssetKind, AssetPlan, AssetResult, Observation, ObservationStatus, ProbeCall, Reach
from auditor.model.codec import from_json, to_json
from auditor.model.texts import digest_of

_IN_MEMORY = 100  # halves, each with all that a host has printed
_TEXTS = 20_000  # of which is known where they stand
_SHORT = 200  # characters; such a text stands in its host's record
_Place: TypeAlias = tuple[int, int]  # start and length in the file
_Part: TypeAlias = tuple[str, bool]  # an asset, and whether it is what its host told


@dataclass(slots=True)
class Pending:
    """One asset's parts as they come. ``dropped``: it has its result, or shall have none."""

    plan: AssetPlan
    started: datetime
    needs_host: bool
    calls: tuple[ProbeCall, ...]  # those that the network answers
    network: dict[ProbeCall, Observation] = field(default_factory=dict)
    host: AssetResult | None = None
    host_done: bool = False
    network_done: bool = True
    dropped: bool = False

    @classmethod
    def of(cls, plan: AssetPlan) -> Pending:
        """What is to come of an asset."""
        calls = tuple(call for call, _probe in network_probes(plan.probes))
        is_host = plan.asset.kind is AssetKind.HOST and plan.asset.connection.method != "none"
        # a host without any probe is still visited, so that its being reached is known
        needs_host = is_host and (len(calls) < len(plan.probes) or not plan.probes)
        calls = () if plan.skipped else calls
        return cls(plan, utcnow(), needs_host, calls, network_done=not calls)

    @property
    def whole(self) -> bool:
        """Whether both parts are there."""
        return self.network_done and (self.host_done or not self.needs_host)

    @property
    def scanned(self) -> bool:
        """Whether each network probe has its observation."""
        return len(self.network) == len(self.calls)

    def merged(self) -> AssetResult:
        """Both parts as one result."""
        ended = utcnow()
        seen = self._seen(to_millisecond(ended))
        if self.host is not None:
            return replace(self.host, observations=(*self.host.observations, *seen)) if seen else self.host
        asset = self.plan.asset
        calls = host_calls(self.plan.probes, asset.platform)
        why = "the inventory says that this asset is seen from the network only"
        at = to_millisecond(ended)
        observations = (*unseen(asset.uid, calls, ObservationStatus.NOT_RUN, at, why), *seen)
        answered = any(o.status is ObservationStatus.OK for o in seen)
        detail = "" if answered else next((o.stderr for o in seen if o.stderr), "Nothing was observed from the network.")
        started = min((o.observed_at for o in seen), default=self.started)
        reach = Reach.REACHED if answered else Reach.UNREACHABLE
        return AssetResult(asset.uid, reach, observations, min(started, self.started), ended, detail)

    def lost(self, of_host: bool, error: Exception) -> None:
        """Account for a part that was set aside and does not come back: it costs this asset alone."""
        if of_host:
            self.host = failed_on(self.plan, self.started, error)
        else:
            uid, at, why = self.plan.asset.uid, to_millisecond(utcnow()), _fault(error)
            self.network = {call: Observation(uid, call, ObservationStatus.FAILED, at, stderr=why) for call in self.calls}

    def _seen(self, at: datetime) -> tuple[Observation, ...]:
        uid = self.plan.asset.uid
        return tuple(self.network.get(call) or Observation(uid, call, ObservationStatus.NOT_RUN, at) for call in self.calls)


def failed_on(plan: AssetPlan, started: datetime, error: Exception) -> AssetResult:
    """The result of a host on which the auditor itself failed."""
    calls = host_calls(plan.probes, plan.asset.platform)
    return not_reached(plan, calls, Reach.UNREACHABLE, started, f"The auditor failed on this host: {_fault(error)}")


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class Halves:
    """Parts that wait: for the other one, or, where both are there, for whoever takes them.

    Hosts are visited in all departments at once and networks looked at a few departments at a time, so that a good part of a
    nation waits at some hour. Beyond a hundred they lie in a file without a name, which goes with the process. What several hosts
    have printed stands in it once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[_Part, AssetResult] = {}
        self._places: dict[_Part, _Place] = {}
        self._texts: dict[bytes, _Place] = {}  # by digest
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, pending: Pending) -> None:
        """Set aside what has come of an asset so far."""
        uid = pending.plan.asset.uid
        if pending.host is not None:
            self._keep((uid, True), pending.plan, pending.host)
            pending.host = None
        if pending.network_done and pending.network:
            seen = tuple(pending.network.values())
            self._keep((uid, False), pending.plan, AssetResult(uid, Reach.REACHED, seen, pending.started, pending.started))
            pending.network = {}

    def give_back(self, pending: Pending) -> None:
        """Put back all that was set aside of an asset. What cannot be read is told as lost."""
        for part in ((pending.plan.asset.uid, True), (pending.plan.asset.uid, False)):
            try:
                half = self._kept.pop(part, None) or self._read(part, pending.plan)
            except (OSError, ValueError) as error:
                pending.lost(part[1], error)
                continue
            if half is not None and part[1]:
                pending.host = half
            elif half is not None:
                pending.network = {o.probe: o for o in half.observations}

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    def _keep(self, part: _Part, plan: AssetPlan, half: AssetResult) -> None:
        if len(self._kept) < _IN_MEMORY or not self._write(part, plan, half):
            self._kept[part] = half

    def _write(self, part: _Part, plan: AssetPlan, half: AssetResult) -> bool:
        """Whether it is in the file: with a full disk it stays in memory, and the ledger says what is wrong."""
        numbers = {call: number for number, call in enumerate(plan.probes)}
        new: dict[bytes, _Place] = {}
        parts: list[bytes] = []
        end = self._end

        def place(text: str) -> str | _Place:
            nonlocal end
            if len(text) <= _SHORT:
                return text
            digest = digest_of(text)
            found = self._texts.get(digest) or new.get(digest)
            if found is None:
                told = text.encode("utf-8", "surrogatepass")
                found = new[digest] = (end, len(told))
                parts.append(told)
                end += len(told)
            return found

        rows = [
            (numbers[o.probe], o.status, o.observed_at.timestamp(), place(o.stdout), place(o.stderr), o.exit_status, o.seconds)
            for o in half.observations
        ]
        record = json.dumps([to_json(replace(half, observations=())), rows]).encode()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - open until ``close``
            self._file.seek(self._end)
            if self._file.write(b"".join((*parts, record))) != end - self._end + len(record):
                return False
        except OSError:
            return False
        if len(self._texts) > _TEXTS:
            self._texts.clear()
        self._texts.update(new)
        self._places[part] = (end, len(record))
        self._end = end + len(record)
        return True

    def _read(self, part: _Part, plan: AssetPlan) -> AssetResult | None:
        place = self._places.pop(part, None)
        if place is None:
            return None
        head, rows = json.loads(self._piece(place))
        observations = tuple(
            Observation(
                plan.asset.uid,
                plan.probes[number],
                ObservationStatus(status),
                datetime.fromtimestamp(at, UTC),
                self._text(out),
                self._text(err),
                exit_status,
                seconds,
            )
            for number, status, at, out, err, exit_status, seconds in rows
        )
        return replace(from_json(AssetResult, head), observations=observations)

    def _text(self, place: str | _Place) -> str:
        return place if isinstance(place, str) else self._piece(place).decode("utf-8", "surrogatepass")

    def _piece(self, place: _Place) -> bytes:
        """What stands there, whole: a part of what a host has printed must not pass for all of it."""
        start, length = place
        piece = os.pread(self._file.fileno(), length, start) if self._file else b""
        if len(piece) != length:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return piece
