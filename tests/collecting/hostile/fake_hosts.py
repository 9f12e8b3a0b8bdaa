"""What hosts do wrong once keys are exchanged: servers of paramiko's, which let everybody in unless they say otherwise."""

from __future__ import annotations

import struct
import subprocess
import threading
import time
from collections.abc import Iterator

import paramiko
from paramiko.common import (
    MSG_KEXINIT,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
    cMSG_CHANNEL_DATA,
    cMSG_IGNORE,
    cMSG_USERAUTH_BANNER,
)

DRIP = 0.2  # seconds from one byte to the next of those that send one at a time
PROMPT = b"\r\nUser Access Verification\r\nRouter>"
_LONG = 3600.0


class Host(paramiko.ServerInterface):
    """A sound host: any key logs in, and what is sent to its shell is run."""

    def __init__(self, transport: paramiko.Transport) -> None:
        self.transport = transport
        self.asked = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return True

    def talk(self, channel: paramiko.Channel) -> None:
        """What the host does once it was asked for a shell."""
        self.run_script(channel)
        channel.send_exit_status(0)
        channel.close()

    def run_script(self, channel: paramiko.Channel) -> None:
        done = subprocess.run(["/bin/sh"], input=b"".join(_all(channel)), capture_output=True, check=False)
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)


class MuteLogin(Host):
    """Never answers a login."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        time.sleep(_LONG)
        return paramiko.AUTH_FAILED


class ClosesInLogin(Host):
    """Hangs up when it should answer the login."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.transport.sock.close()
        return paramiko.AUTH_FAILED


class BannerFlood(Host):
    """A login banner of megabytes, again and again, and no answer."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        while self.transport.is_active():
            _send(self.transport, cMSG_USERAUTH_BANNER + _string(b"=" * 32_000) + _string(b"en"))
        return paramiko.AUTH_FAILED


class MuteOpen(Host):
    """Never opens the session that it is asked for."""

    def check_channel_request(self, kind: str, chanid: int) -> int:
        time.sleep(_LONG)
        return OPEN_SUCCEEDED


class RefusesSession(Host):
    """Lets log in, and opens no session."""

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class RefusesExec(Host):
    """Only shells on a terminal, as many an appliance; no commands."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return False


class MuteExec(Host):
    """Never answers the request for a shell."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        time.sleep(_LONG)
        return False


class Rekeys(Host):
    """Asks for new keys without end, and gives no data."""

    def talk(self, channel: paramiko.Channel) -> None:
        while self.transport.is_active():
            self.transport.renegotiate_keys()


class RekeysHalf(Host):
    """Begins an exchange of keys and never ends it."""

    def talk(self, channel: paramiko.Channel) -> None:
        self.transport._handler_table[MSG_KEXINIT] = lambda _message: time.sleep(_LONG)
        self.transport._send_kex_init()
        time.sleep(_LONG)


class Ignores(Host):
    """Sends what is to be ignored, without end."""

    def talk(self, channel: paramiko.Channel) -> None:
        while self.transport.is_active():
            _send(self.transport, cMSG_IGNORE + _string(b"x" * 1000))


class Floods(Host):
    """Ten gigabytes as fast as they are taken."""

    def talk(self, channel: paramiko.Channel) -> None:
        for _n in range(10 * 1024):
            channel.sendall(b"flood flood flood\n" * 58_254)


class Bursts(Host):
    """Ten gigabytes before it answers the request for a shell, whatever room it was given for them."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        data = cMSG_CHANNEL_DATA + struct.pack(">I", channel.remote_chanid) + _string(b"burst " * 5_000)
        for _n in range(10 * 35_000):
            _send(self.transport, data)
        return False


class Drips(Host):
    """One byte at a time instead of an answer."""

    def talk(self, channel: paramiko.Channel) -> None:
        while self.transport.is_active():
            channel.sendall(b"z")
            time.sleep(DRIP)


class DripsFrames(Host):
    """The true answer, from the end of its first frame on one byte at a time."""

    def talk(self, channel: paramiko.Channel) -> None:
        answer = _answer(channel)
        head = answer.index(b"\nhello\n") + 3
        channel.sendall(answer[:head])
        for at in range(head, len(answer)):
            channel.sendall(answer[at : at + 1])
            time.sleep(DRIP)


class ClosesAfterFrame(Host):
    """The connection breaks after the first probe."""

    def talk(self, channel: paramiko.Channel) -> None:
        answer = _answer(channel)
        channel.sendall(answer[: answer.index(b" b 1\n") + 5])
        time.sleep(0.2)
        self.transport.sock.close()


class Forges(Host):
    """Frames of its own making, that say all is well, with a marker that it had to guess."""

    def talk(self, channel: paramiko.Channel) -> None:
        list(_all(channel))
        for marker in (b"0" * 32, b"f" * 32, b"$a_marker", b""):
            frames = (
                b"\n%s b 0\nhello\n%s s 0 0\n\n%s e 0\n\n%s b 1\nroot\n%s s 1 0\n\n%s e 1\n\n%s z\n",
                b"\n%s z\n",
            )
            channel.sendall(frames[0] % ((marker,) * 7))
            channel.sendall_stderr(frames[1] % marker)
        channel.send_exit_status(0)
        channel.close()


class Parrots(Host):
    """Says back whatever it is told, with the marker in it."""

    def talk(self, channel: paramiko.Channel) -> None:
        for piece in _all(channel):
            channel.sendall(piece)
            channel.sendall_stderr(piece)
        channel.send_exit_status(0)
        channel.close()


class Device(Host):
    """A network device: a prompt, and an error for each line."""

    def talk(self, channel: paramiko.Channel) -> None:
        channel.sendall(PROMPT)
        for piece in _all(channel):
            for _line in range(piece.count(b"\n")):
                channel.sendall(b"\r\n% Invalid input detected at '^' marker.\r\nRouter>")
        time.sleep(_LONG)


class Leaves(Host):
    """Says why not, and closes before it has been told anything."""

    def talk(self, channel: paramiko.Channel) -> None:
        channel.sendall(b"This account is currently not available.\n")
        channel.send_exit_status(1)
        channel.close()


class NoStatus(Host):
    """Runs the script, and never says that it ended."""

    def talk(self, channel: paramiko.Channel) -> None:
        self.run_script(channel)
        time.sleep(_LONG)


class NoWords(Host):
    """Runs the script and closes, without an exit status."""

    def talk(self, channel: paramiko.Channel) -> None:
        self.run_script(channel)
        channel.close()


class FloodsThrough(Host):
    """A jump host that opens the way to any host, and once it is used sends without end, whatever room it was given."""

    def check_channel_direct_tcpip_request(self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]) -> int:
        self.asked.set()
        return OPEN_SUCCEEDED

    def talk(self, channel: paramiko.Channel) -> None:
        channel.recv(1)
        self.flood(channel.remote_chanid)

    def flood(self, remote_chanid: int) -> None:
        data = cMSG_CHANNEL_DATA + struct.pack(">I", remote_chanid) + _string(b"x" * 30_000)
        while self.transport.is_active():
            _send(self.transport, data)


class FloodsFirst(FloodsThrough):
    """A jump host that sends without end where it should say whether the way is open."""

    def check_channel_direct_tcpip_request(self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]) -> int:
        self.flood(0)  # the number that a client gives its first channel
        return OPEN_SUCCEEDED


HOSTS: dict[str, type[Host]] = {
    h.__name__: h
    for h in (Host, MuteLogin, ClosesInLogin, BannerFlood, MuteOpen, RefusesSession, RefusesExec, MuteExec, Rekeys, RekeysHalf,
              Ignores, Floods, Bursts, Drips, DripsFrames, ClosesAfterFrame, Forges, Parrots, Device, Leaves, NoStatus, NoWords)
}  # fmt: skip
JUMPS: dict[str, type[Host]] = {h.__name__: h for h in (FloodsThrough, FloodsFirst)}


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _send(transport: paramiko.Transport, payload: bytes) -> None:
    transport.packetizer.send_message(paramiko.Message(payload))


def _all(channel: paramiko.Channel) -> Iterator[bytes]:
    while data := channel.recv(65_536):
        yield data


def _answer(channel: paramiko.Channel) -> bytes:
    """The whole standard output of the script."""
    return subprocess.run(["/bin/sh"], input=b"".join(_all(channel)), capture_output=True, check=False).stdout
