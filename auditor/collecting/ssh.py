"""Observes hosts over SSH: one connection and one exec for all of a host's probes."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime

import paramiko

from auditor.collecting import known_hosts
from auditor.collecting.framing import decode
from auditor.collecting.interface import STOPPED, Cancelled, Flag, utcnow
from auditor.collecting.jumps import JumpPool
from auditor.collecting.known_hosts import trust_command
from auditor.collecting.redaction import redact
from auditor.collecting.script import BEGINNING, REMOTE_COMMAND, Lookup
from auditor.collecting.session import Session
from auditor.collecting.ssh_errors import printable, reach_of, translate
from auditor.collecting.ssh_handshake import Clock, Stream, hang_up, quiet, shake_hands
from auditor.collecting.ssh_login import Secrets, connect, log_in, verify
from auditor.collecting.ssh_target import Configs, Target, target_of
from auditor.errors import (
    BreachError,
    CollectionError,
    DeadlineError,
    ShellError,
    TransportError,
    UnreachableError,
    UntrustedError,
)
from auditor.facts import by_name
from auditor.model import AssetPlan, AssetResult, Reach, Settings

_TICK = 0.25
_WATCH = 1.0  # seconds between looks whether a person has cancelled while a host leaves paramiko waiting
_SPARE = 0.1  # seconds after the deadline in which whoever waits may notice it, before the connection is cut
_GATHER = 0.005  # what comes in within it is taken in one go rather than packet by packet
_CHUNK = 131_072
_NO_ROOM = 4  # SSH_OPEN_RESOURCE_SHORTAGE (RFC 4254, 5.1)
_PROMPT = re.compile(rb"[^\s>#$%\]][^\n]{0,60}[>#$%\]] ?\Z")  # what waits for a person to type: no end of line after it
_HEARD = 200  # characters of a host's own words that are repeated in a report


class SshTransport:
    """Hosts over SSH. Keys, configurations, known hosts and connections to jump hosts are shared between hosts."""

    def __init__(self, settings: Settings, *, cancelled: Flag | None = None, lookup: Lookup = by_name) -> None:
        quiet()
        self._settings = settings
        self._cancelled = cancelled or threading.Event()
        self._lookup = lookup
        self._known = known_hosts.load(settings.known_hosts)
        self._configs = Configs(settings.root)
        self._secrets = Secrets()
        self._jumps = JumpPool(self._known, self._secrets)

    def collect(self, plan: AssetPlan) -> AssetResult:
        """Observe one host; see ``Transport``."""
        started = utcnow()
        limit = plan.asset.connection.host_timeout or self._settings.host_timeout
        session = Session(plan, limit, self._lookup)
        attempt = _Attempt(plan, session, Clock(time.monotonic() + limit, self._cancelled, "The whole audit of the host"))
        error: Exception | None = None
        try:
            attempt.run(self._settings, self._known, self._configs, self._secrets, self._jumps)
        except Cancelled as raised:
            error = raised
        except (CollectionError, paramiko.SSHException, OSError, EOFError) as raised:
            error = attempt.explained(raised)
        except Exception as raised:
            # paramiko raises here whatever a malformed packet made its own thread raise; a fault of ours leaves the session up
            if not attempt.broken:
                raise
            error = attempt.explained(raised)
        finally:
            attempt.close()
        return self._result(plan, session, attempt, started, error)

    def close(self) -> None:
        """Close the connections to jump hosts."""
        self._jumps.close()

    def _result(
        self, plan: AssetPlan, session: Session, attempt: _Attempt, started: datetime, error: Exception | None
    ) -> AssetResult:
        if isinstance(error, Cancelled):
            reach, detail = (Reach.REACHED if session.started else Reach.SKIPPED), STOPPED
        elif isinstance(error, DeadlineError):
            reach, detail = Reach.TIMED_OUT, str(error)
        elif isinstance(error, CollectionError) and not session.started:
            reach, detail = reach_of(error), str(error)
        else:
            reach, detail = Reach.REACHED, str(error or "")
        observations = session.observations(timed_out=reach is Reach.TIMED_OUT)
        return AssetResult(plan.asset.uid, reach, observations, started, utcnow(), detail, attempt.host_key)


class _Attempt:
    """One connection to one host, which a watch cuts at the host's deadline, or when a person cancels, wherever it hangs."""

    def __init__(self, plan: AssetPlan, session: Session, clock: Clock) -> None:
        self._plan = plan
        self._session = session
        self._stream: Stream | None = None
        self._transport: paramiko.Transport | None = None
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_watch, name="watch", daemon=True)
        self._late = DeadlineError("The whole audit of the host took too long.")
        self._heard: _Words | None = None
        self._was_cut = False
        self._was_let_in = False
        self._hop = ""
        self.clock = clock
        self.host_key = ""

    @property
    def broken(self) -> bool:
        """Whether there was a session and it is no more."""
        return self._transport is not None and not self._transport.is_active()

    def explained(self, error: Exception) -> Exception:
        """What came of the attempt. An error after the deadline is how the cut that the deadline made looks from here."""
        if self._was_cut and self.clock.cancelled.is_set():
            return Cancelled()
        late = isinstance(error, DeadlineError) or self._was_cut or time.monotonic() >= self.clock.end
        if isinstance(error, UntrustedError):
            return error
        if not late:
            return self._behind_a_fault() or self._once_let_in(translate(error))
        if self._heard is not None and not self._session.started:
            # a prompt waits for a person and will do so again; a shell that says nothing may only be slow
            kind = ShellError if self._heard.prompted else DeadlineError
            return kind(
                f"The login succeeded, but its shell did not begin the script in time{self._heard}. "
                "The audit needs a login that may run /bin/sh."
            )
        return error if isinstance(error, DeadlineError) else self._late

    def _once_let_in(self, error: CollectionError) -> CollectionError:
        """A host that lets the auditor in and then breaks the protocol was reached: it gives no shell that can be used."""
        return ShellError(str(error)) if self._was_let_in and isinstance(error, BreachError) else error

    def _behind_a_fault(self) -> CollectionError | None:
        """What broke the jump host's session; from here it looks as if the host behind it had hung up."""
        fault = self._stream.get_transport().saved_exception if isinstance(self._stream, paramiko.Channel) else None
        return UnreachableError(f"The jump host {self._hop} could not be used: {translate(fault)}") if fault else None

    def run(self, settings: Settings, known: known_hosts.KnownHosts, configs: Configs, secrets: Secrets, jumps: JumpPool) -> None:
        """Log in and bring the session to its end. Raises what paramiko or the socket raises, and our own errors."""
        connection = self._plan.asset.connection
        target = target_of(self._plan.asset, configs)
        self._hop = target.jumps[-1].record if target.jumps else ""
        self._watch.start()
        remedy = trust_command(self._plan.asset)
        connecting = self.clock.until(connection.connect_timeout or settings.connect_timeout, "The connection")
        login_seconds = connection.login_timeout or settings.login_timeout
        self._stream = self._open(target, connecting, jumps, login_seconds, remedy)
        login = self.clock.until(login_seconds, "The login")
        self._transport = shake_hands(self._stream, known.types(target.record), login)
        self.host_key = verify(self._transport, target, known, remedy)
        log_in(self._transport, target, secrets, login)
        self._was_let_in = True
        self._exchange(self._transport)

    def _open(self, target: Target, clock: Clock, jumps: JumpPool, login_seconds: float, remedy: str) -> Stream:
        if not target.jumps:
            return connect(target, clock)
        return jumps.channel(target, self.clock, clock, login_seconds, remedy)

    def _exchange(self, transport: paramiko.Transport) -> None:
        session = self._session
        whole = self._late
        self._late = DeadlineError("The login succeeded, but the host opened no session in time.")
        channel = _session(transport, self.clock.remaining())
        self._late = DeadlineError("The login succeeded, but the host left the request for a shell without an answer.")
        channel.settimeout(self.clock.remaining())
        _start(channel)
        self._late = whole
        self._heard = _Words(session)
        with contextlib.suppress(OSError):  # a shell that ended early, or a deadline: what it said tells more
            channel.sendall(session.script)
            channel.shutdown_write()
        self._listen(channel, self._heard)
        if session.finished:
            return
        if session.flooded:
            raise ShellError("The host sent more than all probes together may print; the session was cut.")
        if not transport.is_active():
            raise translate(transport.get_exception())
        if not session.started:
            raise ShellError(
                f"The login succeeded, but its shell did not run the script{self._heard}. "
                "The audit needs a login that may run /bin/sh."
            )
        raise TransportError("The session ended before the script did.")

    def _listen(self, channel: paramiko.Channel, heard: _Words) -> None:
        """Take what comes until the script has ended, the host has, or it has sent too much."""
        news = threading.Event()
        channel.in_buffer.set_event(news)
        channel.in_stderr_buffer.set_event(news)
        while not (self._session.finished or self._session.flooded):
            came = _drain(channel.recv_ready, channel.recv, heard.stdout)
            came = _drain(channel.recv_stderr_ready, channel.recv_stderr, heard.stderr) or came
            if came:
                self.clock.remaining()
                continue
            if channel.closed or channel.eof_received:
                if channel.recv_ready() or channel.recv_stderr_ready():
                    continue
                return
            # set by whatever comes in, and cleared only by a read, which is followed by another look
            if news.wait(min(self.clock.remaining(), _TICK)):
                time.sleep(_GATHER)

    def _keep_watch(self) -> None:
        while not self._over.wait(max(0.0, min(self.clock.end + _SPARE - time.monotonic(), _WATCH))):
            if self.clock.cancelled.is_set() or time.monotonic() >= self.clock.end + _SPARE:
                self._cut()
                return

    def _cut(self) -> None:
        self._was_cut = True
        stream = self._stream
        if isinstance(stream, socket.socket):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
        elif stream is not None:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                stream.close()
        if self._transport is not None:
            self._transport.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._over.set()
        hang_up(self._transport, self._stream)


def _session(transport: paramiko.Transport, seconds: float) -> paramiko.Channel:
    """The one session that is needed. A host that opens none, but for want of room just now, has nothing to offer a login."""
    try:
        return transport.open_session(timeout=seconds)
    except paramiko.ChannelException as error:
        if error.code == _NO_ROOM:
            raise
        raise ShellError(str(translate(error))) from error


def _start(channel: paramiko.Channel) -> None:
    """Have the login's shell become /bin/sh. Paramiko tells a refusal only by closing the channel."""
    try:
        channel.exec_command(REMOTE_COMMAND)
    except paramiko.SSHException as error:
        if channel.closed and channel.get_transport().is_active():
            raise ShellError(
                "The login succeeded, but the host does not let it run commands. The audit needs a login that may run /bin/sh."
            ) from error
        raise


class _Words:
    """Passes bytes on, and remembers the first of them in case they turn out to be no answer but words for people."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first = b""
        self._last = b""

    @property
    def prompted(self) -> bool:
        """Whether what came last is how a device or a menu asks a person for a command."""
        return _PROMPT.search(self._last) is not None

    def stdout(self, data: bytes) -> None:
        self._remember(data)
        self._session.stdout(data)

    def stderr(self, data: bytes) -> None:
        self._remember(data)
        self._session.stderr(data)

    def _remember(self, data: bytes) -> None:
        if len(self._first) < _HEARD:
            self._first += data[: _HEARD - len(self._first)]
        self._last = (self._last + data)[-_HEARD:]

    def __str__(self) -> str:
        theirs, echo, _ = decode(self._first).partition(BEGINNING)  # the rest of an echo is known
        said = " ".join(printable(redact(theirs + echo).replace("\n", " ")).split())
        return f"; it said: {said!r}" if said else ""


def _drain(ready: Callable[[], bool], read: Callable[[int], bytes], sink: Callable[[bytes], None]) -> bool:
    """One read of what has come in, so that neither stream starves the other nor a flood outruns the checks."""
    if not ready():
        return False
    sink(read(_CHUNK))
    return True
