"""Bounds on what a peer can make paramiko hold in memory or do without end; paramiko itself trusts the peer with these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import paramiko
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA
from paramiko.packet import Packetizer

from auditor.errors import BreachError, TransportError

if TYPE_CHECKING:
    from auditor.collecting.ssh_handshake import Stream

_LONGEST_PACKET = 262_144  # bytes, as OpenSSH; a length field could ask for 4 GB
_LONGEST_GREETING = 65_536  # bytes before and in the line that says SSH-2.0
_FREE_EXCHANGES = 16  # of keys in one session, however little was sent
_BYTES_PER_EXCHANGE = 1_048_576  # sent by the peer, that allow one more
_HEADERS = 8  # of a message with data: its kind and its length, which are no data
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
            raise BreachError(f"The host announced an SSH packet of {n} bytes, more than is taken; the session was cut.")
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
            raise BreachError("The host asked for new session keys again and again; the session was cut.")
        super().set_inbound_cipher(*args, **kwargs)

    def _read_timeout(self, timeout: float) -> bytes:
        """A piece of the greeting: the only reads that do not go through ``read_all``."""
        data: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self._greeting += len(data)
        if self._greeting > _LONGEST_GREETING:
            raise TransportError(f"What answers at the SSH port gave no SSH greeting in its first {_LONGEST_GREETING} bytes.")
        return data


def _feed(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Take data, where the peer keeps to the window that the channel has."""
    _require_room(channel, message)
    channel._feed(message)  # type: ignore[attr-defined]


def _feed_extended(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """The same for standard error, which shares the window."""
    _require_room(channel, message)
    channel._feed_extended(message)  # type: ignore[attr-defined]


def _require_room(channel: paramiko.Channel, message: paramiko.Message) -> None:
    unread = len(channel.in_buffer) + len(channel.in_stderr_buffer)
    if unread + len(message.get_remainder()) > channel.in_window_size + _HEADERS:
        raise BreachError("The host sent more than it was given room for; the session was cut.")


class GuardedTransport(paramiko.Transport):
    """Ends the session of a peer that ignores the window of a channel, whichever: a login's, or one through a jump host.

    Paramiko keeps whatever comes. The data of all channels is taken here, in paramiko's thread, which ends with what is raised.
    """

    _channel_handler_table: ClassVar[dict[int, Any]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_DATA: _feed,
        MSG_CHANNEL_EXTENDED_DATA: _feed_extended,
    }

    def __init__(self, stream: Stream, disabled: Mapping[str, Iterable[str]]) -> None:
        super().__init__(stream, disabled_algorithms=disabled)
        self.packetizer = GuardedPacketizer(stream)


def took_leave(transport: paramiko.Transport) -> bool:
    """Whether the peer ended the session with a word, rather than just hung up."""
    return isinstance(transport.packetizer, GuardedPacketizer) and transport.packetizer.said_goodbye
