"""One run of the script on one host, whichever way its bytes travel: what to send, and what the answer amounts to."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from auditor.collecting.framing import FrameReader, Payload, decode
from auditor.collecting.interface import to_millisecond, utcnow
from auditor.collecting.redaction import redact
from auditor.collecting.script import HostCall, Lookup, build_script, host_calls
from auditor.facts import by_name
from auditor.model import AssetPlan, Observation, ObservationStatus

STDERR_CAP = 16_384
_NOISE = 1_048_576  # bytes outside frames (a shell's greeting) that are borne before the session is cut


class Session:
    """Sends one script, takes two streams, gives one observation per probe.

    ``finished`` when both streams came to their last frame; ``flooded`` when a stream brought more than all caps together.
    """

    def __init__(
        self, plan: AssetPlan, longest: float, lookup: Lookup = by_name, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._asset = plan.asset.uid
        self._clock = clock
        self._marker = secrets.token_hex(16)
        self.calls: tuple[HostCall, ...] = host_calls(plan.probes, plan.asset.platform, lookup)
        caps = {i: item.probe.max_bytes for i, item in enumerate(self.calls) if item.probe}
        self._out = FrameReader(self._marker, caps)
        self._err = FrameReader(self._marker, dict.fromkeys(caps, STDERR_CAP))
        self._room = [sum(caps.values()) + len(caps) * 256 + _NOISE, len(caps) * (STDERR_CAP + 256) + _NOISE]
        self.script = build_script(
            plan.probes, plan.asset.platform, self._marker, sudo=plan.asset.connection.sudo, longest=longest, lookup=lookup
        ).encode()

    @property
    def finished(self) -> bool:
        """Whether the script came to its end."""
        return self._out.finished and self._err.finished

    @property
    def flooded(self) -> bool:
        """Whether either stream brought more than an honest script can send."""
        return min(self._room) < 0

    @property
    def started(self) -> bool:
        """Whether the script began at all."""
        return bool(self._out.payloads) or self._out.finished

    def stdout(self, data: bytes) -> None:
        """Take bytes of the session's standard output."""
        self._room[0] -= len(data)
        self._out.feed(data, self._clock())

    def stderr(self, data: bytes) -> None:
        """Take bytes of the session's standard error."""
        self._room[1] -= len(data)
        self._err.feed(data, self._clock())

    def observations(self, timed_out: bool = False) -> tuple[Observation, ...]:
        """One observation per probe, once no more bytes will come; ``timed_out`` when a deadline was why."""
        self._out.close()
        self._err.close()
        tick, now = self._clock(), utcnow()
        instants: dict[float, datetime] = {}  # what came in together has one

        def at(ended: float) -> datetime:
            if ended not in instants:
                instants[ended] = to_millisecond(now - timedelta(seconds=max(0.0, tick - ended)))
            return instants[ended]

        return tuple(self._observation(i, item, timed_out, tick, at) for i, item in enumerate(self.calls))

    def _observation(
        self, index: int, item: HostCall, timed_out: bool, tick: float, at: Callable[[float], datetime]
    ) -> Observation:
        out, err = self._out.payloads.get(index), self._err.payloads.get(index)
        if item.probe is None:
            return Observation(self._asset, item.call, ObservationStatus.UNSUPPORTED, at(tick))
        if out is None:
            return Observation(self._asset, item.call, ObservationStatus.NOT_RUN, at(tick))
        ended_at = out.ended_at if out.ended else tick
        return Observation(
            asset=self._asset,
            probe=item.call,
            status=_status(out, timed_out),
            observed_at=at(ended_at),
            stdout=redact(decode(out.data)),
            stderr=redact(decode(err.data)) if err and err.data else "",
            exit_status=int(out.status) if out.status.isdigit() else None,
            seconds=round(max(0.0, ended_at - out.began_at), 3),
        )


def _status(out: Payload, timed_out: bool) -> ObservationStatus:
    """The worst that is known. OK only when the payload is whole, nothing was denied and the probe exited 0."""
    if out.denied:
        return ObservationStatus.DENIED
    if out.late:
        return ObservationStatus.TIMED_OUT
    if out.overflow:
        return ObservationStatus.TRUNCATED
    if not out.ended:
        return ObservationStatus.TIMED_OUT if timed_out else ObservationStatus.TRUNCATED
    return ObservationStatus.OK if out.status == "0" else ObservationStatus.FAILED
