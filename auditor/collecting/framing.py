"""Bytes from a hostile stream into frames, and payload bytes into text that is safe to keep and to show.

A frame is a line ``MARKER LETTER [INDEX [STATUS]]``. ``b`` begins a probe's payload, ``e`` ends it (``t``: it was late and was
stopped, ``x``: its output is not whole), ``z`` ends the session; a line end before these belongs to the frame. ``s`` tells the
probe's exit status, ``d`` that privilege was denied. These two come while output is still on its way, and so may stand anywhere
in it, also within a line: bash writes line by line, and a line end before them would be torn off. Whatever does not start with
the session's secret marker is payload, or noise between payloads, however much it looks like a frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LONGEST_FRAME = 48  # bytes after the marker; anything longer was not written by the script
_REST = re.compile(rb" ([bdesz])(?: (\d{1,5})(?: (\d{1,3}|[tx]))?)?\Z")
_LINE_END = 0x0A
_WINDOWS_LINE_END = re.compile(r"(?<!\r)\r+\n")  # from each run's beginning only, or a long one takes the square of its length
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
_PLAIN = bytes([0x09, 0x0A, *range(0x20, 0x7F)])
_SUSPECT = re.compile(_CONTROLS)  # nearly all output has none: this search spares it the costly one
_UNSAFE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC, DCS and other strings
    r"|\x1b[ -/]*[0-~]?"
    r"|" + _CONTROLS
)


@dataclass(slots=True)
class Payload:
    """What one probe sent on one stream, up to its cap."""

    data: bytearray = field(default_factory=bytearray)
    status: str = ""
    ended: bool = False
    denied: bool = False
    late: bool = False
    overflow: bool = False
    began_at: float = 0.0
    ended_at: float = 0.0


class FrameReader:
    """Cuts one stream into payloads as its bytes come in; any bytes at all are taken without an error.

    Of each probe at most its cap is kept, and of what comes outside frames nothing. A probe begins once: what a second ``b``
    of the same index brings is dropped.
    """

    def __init__(self, marker: str, caps: dict[int, int]) -> None:
        self._start = marker.encode("ascii")
        self._caps = caps
        self._buffer = bytearray()
        self._open: Payload | None = None
        self._index = -1
        self.payloads: dict[int, Payload] = {}
        self.finished = False

    def feed(self, data: bytes, now: float = 0.0) -> None:
        """Take the next bytes, which came at ``now`` on any clock that does not go back."""
        if self.finished:
            return
        buffer = self._buffer
        buffer += data
        position = 0
        while True:
            found = buffer.find(self._start, position)
            if found < 0:
                break
            rest = found + len(self._start)
            end = buffer.find(b"\n", rest, rest + _LONGEST_FRAME)
            if end < 0 and len(buffer) - rest < _LONGEST_FRAME:
                before = max(position, found - 1)
                self._keep(buffer[position:before])
                del buffer[:before]
                return  # the frame is not all here yet
            frame = _REST.match(buffer[rest:end]) if end >= 0 else None
            if frame is not None and frame[1] not in b"sd":
                # the line end before it, without which it is none
                if found > position and buffer[found - 1] == _LINE_END:
                    found -= 1
                else:
                    frame = None
            if frame is None:
                self._keep(buffer[position : found + 1])
                position = found + 1
                continue
            self._keep(buffer[position:found])
            self._frame(frame[1], frame[2], frame[3], now)
            position = end + 1
            if self.finished:
                buffer.clear()
                return
        held = len(buffer) if position == len(buffer) else max(position, len(buffer) - len(self._start))
        self._keep(buffer[position:held])
        del buffer[:held]

    def close(self) -> None:
        """The stream is over: what was held back as a possible frame was payload after all."""
        self._keep(bytes(self._buffer))
        self._buffer.clear()

    def _keep(self, data: bytes | bytearray) -> None:
        payload = self._open
        if payload is None or not data:
            return
        room = self._caps[self._index] - len(payload.data)
        if len(data) > room:
            payload.overflow = True
        payload.data += data[: max(room, 0)]

    def _frame(self, kind: bytes, index: bytes | None, status: bytes | None, now: float) -> None:
        if kind == b"z":
            self.finished = True
            return
        number = int(index) if index is not None else -1
        if kind == b"b":
            self._open = None
            if number in self._caps and number not in self.payloads:
                self._open = self.payloads[number] = Payload(began_at=now)
                self._index = number
        elif self._open is not None and number == self._index:
            told = status.decode("ascii") if status else ""
            if kind == b"d":
                self._open.denied = True
            elif kind == b"s":
                # a probe ends once: two answers are none
                self._open.status = told if not self._open.status else "x"
            else:
                self._open.ended, self._open.ended_at = True, now
                self._open.late = told == "t"
                if told:
                    self._open.status = "x"
                self._open = None


def decode(data: bytes | bytearray) -> str:
    """Text without NUL, surrogates, terminal controls, or characters that end a line or turn its direction unseen.

    Windows line ends become plain ones. Everything else unsafe becomes U+FFFD and is never simply dropped: dropping would
    turn ``tel<NUL>net`` into ``telnet``, and so let a hostile value pass for another.
    """
    if not data.translate(None, _PLAIN):
        return data.decode("ascii")
    text = data.decode("utf-8", "replace")
    if _SUSPECT.search(text) is None:
        return text
    return _UNSAFE.sub("\ufffd", _WINDOWS_LINE_END.sub("\n", text))
