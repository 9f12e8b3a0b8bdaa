"""Observations become fact values, or the reason why there is none."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime

from auditor.errors import ParseError
from auditor.facts import by_name
from auditor.model import AssetResult, Json, Observation, ObservationStatus, ProbeCall, Reach, Reason, VerdictKind

_BY_STATUS = {
    ObservationStatus.FAILED: Reason.PROBE_FAILED,
    ObservationStatus.DENIED: Reason.PROBE_DENIED,
    ObservationStatus.TIMED_OUT: Reason.PROBE_TIMED_OUT,
    ObservationStatus.TRUNCATED: Reason.PROBE_TRUNCATED,
    ObservationStatus.UNSUPPORTED: Reason.PROBE_UNSUPPORTED,
    ObservationStatus.NOT_RUN: Reason.PROBE_NOT_RUN,
}
_BY_REACH = {
    Reach.UNREACHABLE: Reason.UNREACHABLE,
    Reach.DENIED: Reason.HOST_DENIED,
    Reach.UNTRUSTED: Reason.UNTRUSTED,
    Reach.TIMED_OUT: Reason.HOST_TIMED_OUT,
    Reach.SKIPPED: Reason.SKIPPED,
}

_REFUSALS = ("sudo:", "sudo-rs:", "Sorry, ")  # how the lines begin in which sudo says why it does not


@dataclass(frozen=True, slots=True)
class Reading:
    """A fact's value, the instant at which its output had come in, and that output."""

    value: Json
    observed_at: datetime
    output: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a fact has no value. ``kind`` is ERROR when our own parser gave up, else UNKNOWN."""

    reason: Reason
    detail: str
    kind: VerdictKind = VerdictKind.UNKNOWN


def read_result(result: AssetResult | None, probes: tuple[ProbeCall, ...]) -> dict[ProbeCall, Reading | Missing]:
    """A reading, or the reason for its absence, of every planned probe."""
    if result is None:
        return {probe: Missing(Reason.PROBE_NOT_RUN, "the asset was not visited") for probe in probes}
    seen = {observation.probe: observation for observation in result.observations}
    return {probe: _read(seen.get(probe), result) for probe in probes}


def _read(observation: Observation | None, result: AssetResult) -> Reading | Missing:
    if observation is None or observation.status is ObservationStatus.NOT_RUN:
        reason = _BY_REACH.get(result.reach, Reason.PROBE_NOT_RUN)
        return Missing(reason, result.detail or (observation.stderr if observation else ""))
    key = observation.probe.key
    if observation.status is not ObservationStatus.OK:
        told = _told(observation)[:200]
        return Missing(_BY_STATUS[observation.status], f"{key}: {told}" if told else key)
    try:
        value = _parsed(observation.probe.fact, observation.probe.args, observation.stdout)
    except ParseError as error:
        return Missing(Reason.PARSE_ERROR, str(error)[:300], VerdictKind.ERROR)
    return Reading(value, observation.observed_at, observation.stdout)


def _told(observation: Observation) -> str:
    """The last line of what the probe complained of; where privilege was denied, what sudo itself said first."""
    lines = observation.stderr.strip().splitlines() or [""]
    if observation.status is ObservationStatus.DENIED:
        return next((line for line in lines if line.startswith(_REFUSALS)), lines[-1])
    return lines[-1]


def proven_items(call: ProbeCall, reading: Reading) -> list[Json] | None:
    """The items of which a reading is proof, where silence may have shortened its list; None where all of it is proof."""
    fact = by_name(call.fact)
    if fact is None or fact.proven is None:
        return None
    try:
        return fact.proven(reading.output, dict(call.args))
    except (ParseError, ValueError):
        return []


@functools.lru_cache(maxsize=2048)
def _parsed(name: str, args: tuple[tuple[str, str | int | float | bool], ...], output: str) -> Json:
    """Hosts of one fleet mostly print the same: each distinct output is parsed once. Callers must not change the value."""
    fact = by_name(name)
    if fact is None:
        raise ParseError(f"the fact {name} is not known to this version")
    return fact.value(output, dict(args))
