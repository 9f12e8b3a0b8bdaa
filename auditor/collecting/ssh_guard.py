"""Bounds on what a peer can make paramiko hold in memory or do without end; paramiko itself trusts the peer with these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paramiko
from paramiko.buffered_pipe import BufferedPipe
from paramiko.packet import Packetizer

from auditor.errors import TransportError

if TYPE_CHECKING:
    from auditor.collecting.ssh_handshake import Stream

_LONGEST_PACKET = 262_144  # bytes, as OpenSSH; a length field could ask for 4 GB
_LONGEST_GREETING = 65_536  # bytes before and in the line that says SSH-2.0
_FREE_EXCHANGES = 16  # of keys in one session, however little was sent
_BYTES_PER_EXCHANGE = 1_048_576  # sent by the peer, that allow one more
_DISCONNECT = 1


class GuardedPacketizer(Packetizer):
    """Reads packets as paramiko does, but takes no endless greeting, no giant packet and no endless exchange of keys."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)  # type: ignore[arg-type]
        self._greeting = 0
        self._received = 0
        self._exchanges = 0
        self.said_goodbye = False

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Read ``n`` bytes, once they are no more than a packet may have."""
        if n > _LONGEST_PACKET:
            raise TransportError(f"The host announced an SSH packet of {n} bytes, more than is taken; the session was cut.")
        self._received += n
        return super().read_all(n, check_rekey)

    def read_message(self) -> tuple[int, paramiko.Message]:
        """The next packet; notes whether the peer took its leave rather than just hung up."""
        kind, message = super().read_message()
        self.said_goodbye = self.said_goodbye or kind == _DISCONNECT
        return kind, message

    def set_inbound_cipher(self, *args: Any, **kwargs: Any) -> None:
        """Take new keys, as long as data comes between one change and the next."""
        self._exchanges += 1
        if self._exchanges > _FREE_EXCHANGES + self._received // _BYTES_PER_EXCHANGE:
            raise TransportError("The host asked for new session keys again and again; the session was cut.")
        super().set_inbound_cipher(*args, **kwargs)

    def _read_timeout(self, timeout: float) -> bytes:
        """A piece of the greeting: the only reads that do not go through ``read_all``."""
        data: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self._greeting += len(data)
        if self._greeting > _LONGEST_GREETING:
            raise TransportError(f"What answers at the SSH port gave no SSH greeting in its first {_LONGEST_GREETING} bytes.")
        return data


class _BoundedPipe(BufferedPipe):  # type: ignore[type-arg]
    """Bytes that have come in and were not read yet; a peer that ignores the window it was given ends its session."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def feed(self, data: bytes) -> None:
        """Take bytes. Called in paramiko's thread, which ends with what is raised here."""
        if len(self) + len(data) > self._room:
            raise TransportError("The host sent more than it was given room for; the session was cut.")
        super().feed(data)


def bound(channel: paramiko.Channel) -> paramiko.Channel:
    """The channel, with no more unread bytes than its window. What came in before is lost, so nothing may have been asked for."""
    channel.in_buffer = _BoundedPipe(channel.in_window_size)
    channel.in_stderr_buffer = _BoundedPipe(channel.in_window_size)
    if channel.closed:  # it was closed before: whoever reads must not wait for these
        channel.in_buffer.close()
        channel.in_stderr_buffer.close()
    return channel


def took_leave(transport: paramiko.Transport) -> bool:
    """Whether the peer ended the session with a word, rather than just hung up."""
    return isinstance(transport.packetizer, GuardedPacketizer) and transport.packetizer.said_goodbye
