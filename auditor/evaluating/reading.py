"""Observations become fact values, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from auditor.errors import ParseError
from auditor.evaluating.bounded import bounded, undeserved
from auditor.evaluating.memory import Remembered
from auditor.expressions import LONGEST, longest
from auditor.facts import by_name
from auditor.model import AssetResult, Json, Observation, ObservationStatus, ProbeCall, Reach, Reason, Scalar, VerdictKind
from auditor.model.texts import digest_of

Args: TypeAlias = tuple[tuple[str, Scalar], ...]
_CHARACTERS = 1_000_000  # of outputs whose values are kept, which take some ten times as much
_EACH = 300  # characters that count for an entry beside its output
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
    Reach.NO_SHELL: Reason.NO_SHELL,
    Reach.TIMED_OUT: Reason.HOST_TIMED_OUT,
    Reach.SKIPPED: Reason.SKIPPED,
}

_REFUSALS = ("sudo:", "sudo-rs:", "Sorry, ")  # how the lines begin in which sudo says why it does not


@dataclass(slots=True)
class Output:
    """What a probe printed, not read yet."""

    probe: ProbeCall
    text: str
    observed_at: datetime
    unjust: bool = False  # whether it could not be read for what the same asset had said before
    _digest: bytes = b""
    _reading: Reading | Missing | None = None

    @property
    def reading(self) -> Reading | Missing:
        """The value, or why there is none; read once, however many checks look at it."""
        if self._reading is None:
            before = undeserved()
            try:
                value = _value(self.probe.fact, self.probe.args, self.text)
            except ParseError as error:
                self._reading = Missing(Reason.PARSE_ERROR, str(error)[:300], VerdictKind.ERROR)
                self.unjust = undeserved() != before
            else:
                self._reading = Reading(value, self.observed_at, self.text)
        return self._reading

    @property
    def digest(self) -> bytes:
        """Of the text; equal texts read to equal values."""
        if not self._digest:
            self._digest = digest_of(self.text)
        return self._digest


@dataclass(slots=True)
class Reading:
    """A fact's value, the instant at which its output had come in, and that output."""

    value: Json
    observed_at: datetime
    output: str = ""
    _longest: int = -1

    @property
    def longest(self) -> int:
        """The length of the longest list in the value; looked up once, however many checks ask."""
        if self._longest < 0:
            self._longest = longest(self.value)
        return self._longest


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a fact has no value. ``kind`` is ERROR when our own parser gave up, else UNKNOWN."""

    reason: Reason
    detail: str
    kind: VerdictKind = VerdictKind.UNKNOWN


def read_result(result: AssetResult | None, probes: tuple[ProbeCall, ...]) -> dict[ProbeCall, Reading | Missing]:
    """A reading, or the reason for its absence, of every planned probe."""
    return {probe: read(output) for probe, output in outputs_of(result, probes).items()}


def outputs_of(result: AssetResult | None, probes: tuple[ProbeCall, ...]) -> dict[ProbeCall, Output | Missing]:
    """The output, or the reason for its absence, of every planned probe."""
    if result is None:
        return {probe: Missing(Reason.PROBE_NOT_RUN, "the asset was not visited") for probe in probes}
    seen = {observation.probe: observation for observation in result.observations}
    return {probe: _output(seen.get(probe), result) for probe in probes}


def read(output: Output | Missing) -> Reading | Missing:
    """The value in an output, or why there is none."""
    return output if isinstance(output, Missing) else output.reading


def _output(observation: Observation | None, result: AssetResult) -> Output | Missing:
    if observation is None or observation.status is ObservationStatus.NOT_RUN:
        reason = _BY_REACH.get(result.reach, Reason.PROBE_NOT_RUN)
        return Missing(reason, result.detail or (observation.stderr if observation else ""))
    key = observation.probe.key
    if observation.status is not ObservationStatus.OK:
        told = _told(observation)[:200]
        return Missing(_BY_STATUS[observation.status], f"{key}: {told}" if told else key)
    return Output(observation.probe, observation.stdout, observation.observed_at)


def _told(observation: Observation) -> str:
    """The last line of what the probe complained of; where privilege was denied, what sudo itself said first."""
    lines = observation.stderr.strip().splitlines() or [""]
    if observation.status is ObservationStatus.DENIED:
        return next((line for line in lines if line.startswith(_REFUSALS)), lines[-1])
    return lines[-1]


def not_too_long(reading: Reading, variable: str) -> Reading | Missing:
    """The reading, unless a list in it is longer than an expression may make another of."""
    if reading.longest <= LONGEST:
        return reading
    told = f"{variable} lists more than {LONGEST:,} entries, too many for this check"
    return Missing(Reason.PARSE_ERROR, told, VerdictKind.ERROR)


def proven_items(output: Output) -> list[Json]:
    """The items of which an output is proof, where silence may have shortened its list (see ``may_be_short``)."""
    fact = by_name(output.probe.fact)
    if fact is None or fact.proven is None:
        return []
    proven = fact.proven
    try:
        return bounded(lambda: proven(output.text, dict(output.probe.args)), f"reading {fact.name}")
    except (ParseError, ValueError):
        return []


def may_be_short(call: ProbeCall) -> bool:
    """Whether silence may have shortened what the probe tells."""
    fact = by_name(call.fact)
    return fact is not None and fact.proven is not None


_parsed = Remembered[tuple[str, Args, str], Json](_CHARACTERS)


def _value(name: str, args: Args, output: str) -> Json:
    """A fact's value, which nobody may change: hosts of one fleet mostly print the same. Raises ParseError, each time anew."""
    key = (name, args, output)
    value = _parsed.get(key)
    if value is None:
        fact = by_name(name)
        if fact is None:
            raise ParseError(f"the fact {name} is not known to this version")
        value = bounded(lambda: fact.value(output, dict(args)), f"reading {name}")
        _parsed.put(key, value, len(output) + _EACH)
    return value


def forget_values() -> None:
    """Let go of the values of outputs that were read."""
    _parsed.clear()
