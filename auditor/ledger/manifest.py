"""An asset's result taken apart into what repeats from night to night and what does not.

The manifest (reach, host key, and each probe's status with the hashes of its outputs) is a blob: the same each night while
nothing changes. The instants are deltas in variable-length integers, exact to the microsecond where they have any, as proof is
ordered by them; ``seconds``, which proves nothing, is kept to the millisecond. Outputs of volatile probes stay out of the
manifest.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from auditor.ledger.canonical import dumps, from_micros, to_micros
from auditor.ledger.compression import compressed
from auditor.ledger.edge import decoding
from auditor.model import AssetResult, Observation, ObservationStatus, ProbeCall, Reach
from auditor.model.codec import from_json
from auditor.model.texts import digest_of
from auditor.text import _

_PLAIN, _DEFLATED = b"\x01", b"\x02"  # how the instants are written
_RAW = -15  # no header and no checksum: a row's digest is in the journal
_REMEMBERED = 4096  # probe calls
_PRUNED = {"status": ObservationStatus.NOT_RUN.value, "stdout": "", "stderr": "", "exit_status": None}


@dataclass(frozen=True, slots=True)
class Packed:
    """``outputs`` are the texts that ``manifest`` names by hash; ``volatile`` is b"" when no probe is volatile."""

    manifest: bytes
    outputs: Mapping[bytes, str]
    times: bytes
    volatile: bytes


def pack(result: AssetResult, volatile: Callable[[ProbeCall], bool]) -> Packed:
    """Take ``result`` apart. Raises ValueError when it holds an observation of another asset."""
    outputs: dict[bytes, str] = {}
    rows: list[str] = []
    apart: dict[str, Any] = {}
    for position, o in enumerate(result.observations):
        if o.asset != result.asset:
            raise ValueError(f"the result of {result.asset} holds an observation of {o.asset}")
        if volatile(o.probe):
            rows.append(f"[{_told(o.probe)}]")
            apart[str(position)] = {"status": o.status, "stdout": o.stdout, "stderr": o.stderr, "exit_status": o.exit_status}
        else:
            said = f"{_keep(o.stdout, outputs)},{_keep(o.stderr, outputs)}"
            rows.append(f'[{_told(o.probe)},"{o.status}",{said},{"null" if o.exit_status is None else o.exit_status}]')
    # as ``dumps`` would write it, in a fifth of the time
    head = f'{{"detail":{dumps(result.detail)},"host_key":{dumps(result.host_key)}'
    return Packed(
        f'{head},"observations":[{",".join(rows)}],"reach":"{result.reach}"}}'.encode(),
        outputs,
        _times(result),
        compressed(dumps(apart).encode()) if apart else b"",
    )


def unpack(
    asset: str,
    manifest: bytes,
    times: bytes,
    volatile: bytes | None,
    text: Callable[[bytes], str],
    probes: Container[ProbeCall] | None = None,
) -> AssetResult:
    """Put a result together again, of these ``probes`` alone where they are given.

    A volatile output that was pruned comes back as NOT_RUN, which judges nothing.
    """
    with decoding(_("the result of {asset}").format(asset=asset)):
        head = json.loads(manifest)
        apart = json.loads(zlib.decompress(volatile)) if volatile else {}
        started, ended, instants = _instants(times, len(head["observations"]))
        observations = []
        for position, (row, (at, seconds)) in enumerate(zip(head["observations"], instants, strict=True)):
            probe = _call(row[0])
            if probes is not None and probe not in probes:
                continue
            if len(row) == 1:
                said = apart.get(str(position), _PRUNED)
            else:
                said = {"status": row[1], "stdout": _text(row[2], text), "stderr": _text(row[3], text), "exit_status": row[4]}
            observations.append(
                Observation(
                    asset=asset,
                    probe=probe,
                    status=ObservationStatus(said["status"]),
                    observed_at=from_micros(at),
                    stdout=said["stdout"],
                    stderr=said["stderr"],
                    exit_status=said["exit_status"],
                    seconds=seconds,
                )
            )
        return AssetResult(
            asset=asset,
            reach=Reach(head["reach"]),
            observations=tuple(observations),
            started=from_micros(started),
            ended=from_micros(ended),
            detail=head["detail"],
            host_key=head["host_key"],
        )


def changed(before: bytes, now: bytes) -> frozenset[ProbeCall]:
    """The probes of which ``now`` tells something else than ``before``, or which that does not tell of."""
    known = set(map(repr, json.loads(before)["observations"]))
    return frozenset(_call(row[0]) for row in json.loads(now)["observations"] if repr(row) not in known)


def references(manifest: bytes) -> Iterator[bytes]:
    """The hashes of the outputs that a manifest names."""
    for row in json.loads(manifest)["observations"]:
        for name in row[2:4]:
            if name is not None:
                yield bytes.fromhex(name)


def _call(told: Any) -> ProbeCall:
    """A probe call as it stands in a manifest; the hosts of a fleet answer the same few hundred."""
    key = repr(told)
    known = _calls.get(key)
    if known is None:
        if len(_calls) >= _REMEMBERED:
            _calls.clear()
        known = _calls[key] = from_json(ProbeCall, told)
    return known


_calls: dict[str, ProbeCall] = {}


def _told(call: ProbeCall) -> str:
    return _written(call.fact, repr(call.args), call)


@lru_cache(maxsize=_REMEMBERED)
def _written(fact: str, args: str, call: ProbeCall) -> str:
    """A call as JSON. Unlike equality, how arguments are shown tells 1, 1.0 and true apart."""
    del fact, args
    return dumps(call)


def _keep(text: str, outputs: dict[bytes, str]) -> str:
    """The output's hash as JSON; null for none."""
    if not text:
        return "null"
    digest = digest_of(text)
    outputs[digest] = text
    return f'"{digest.hex()}"'


def _text(name: str | None, text: Callable[[bytes], str]) -> str:
    return "" if name is None else text(bytes.fromhex(name))


def _times(result: AssetResult) -> bytes:
    """Instants in whole milliseconds where all are, as those of hosts are, each as what it is later than the one before and its
    own duration: mostly nothing. Durations stand together behind, so that both compress.
    """
    started = to_micros(result.started)
    instants = [to_micros(o.observed_at) for o in result.observations]
    unit = 1000 if all(at % 1000 == 0 for at in instants) else 1
    last = started - started % unit
    later, durations = [], []
    for at, o in zip(instants, result.observations, strict=True):
        took = round(o.seconds * 1000)
        later.append((at - last) // unit - took)
        durations.append(took)
        last = at
    plain = _varints((started, to_micros(result.ended) - started, unit, *later, *durations))
    packed = compressed(plain, 9, bare=True)
    return _DEFLATED + packed if len(packed) < len(plain) else _PLAIN + plain


def _instants(data: bytes, observations: int) -> tuple[int, int, list[tuple[int, float]]]:
    """When the result began and ended, in microseconds; and of each observation when it came in, and its seconds."""
    if data[:1] not in (_PLAIN, _DEFLATED):  # of before: no instant since 1970 begins with one of them
        return _instants_of_before(data, observations)
    numbers = _integers(data[1:] if data[:1] == _PLAIN else zlib.decompress(data[1:], wbits=_RAW))
    started = next(numbers)
    ended, unit = started + next(numbers), next(numbers)
    if unit not in (1, 1000):
        raise ValueError("the instants have no unit")
    later = [next(numbers) for _n in range(observations)]
    at, told = started - started % unit, []
    for gap in later:
        took = next(numbers)
        at += (gap + took) * unit
        told.append((at, took / 1000))
    return started, ended, told


def _instants_of_before(data: bytes, observations: int) -> tuple[int, int, list[tuple[int, float]]]:
    numbers = _integers(data)
    started = next(numbers)
    ended = started + next(numbers)
    at, told = started, []
    for _n in range(observations):
        at += next(numbers)
        told.append((at, next(numbers) / 1000))
    return started, ended, told


def _varints(numbers: Iterable[int]) -> bytes:
    """Seven bits a byte, lowest first; the sign goes to the lowest bit."""
    out = bytearray()
    for number in numbers:
        left = number << 1 if number >= 0 else (-number << 1) - 1
        while left > 127:
            out.append(left & 127 | 128)
            left >>= 7
        out.append(left)
    return bytes(out)


def _integers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield (number >> 1) if not number & 1 else -((number + 1) >> 1)
            number = shift = 0
    if shift:
        raise ValueError("the instants end inside a number")
