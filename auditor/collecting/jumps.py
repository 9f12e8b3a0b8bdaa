"""Connections to jump hosts, one per chain of hops however many hosts lie behind it: a bastion refuses a crowd of logins."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import paramiko

from auditor.collecting.known_hosts import KnownHosts
from auditor.collecting.ssh_errors import translate
from auditor.collecting.ssh_handshake import Clock, Stream, hang_up, shake_hands
from auditor.collecting.ssh_login import Secrets, connect, log_in, verify
from auditor.collecting.ssh_target import Target
from auditor.errors import CollectionError, DeadlineError, UnreachableError, UntrustedError

_MEMORY = 60.0  # seconds for which a jump host that failed is not tried again for the next host
_Key: TypeAlias = tuple[Target, ...]


@dataclass(slots=True)
class _Hop:
    """The state of one chain of hops."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stream: Stream | None = None
    transport: paramiko.Transport | None = None
    failure: CollectionError | None = None
    failed_at: float = 0.0


class JumpPool:
    """Opens channels through jump hosts. Each hop's key is verified like any host's."""

    def __init__(self, known: KnownHosts, secrets: Secrets) -> None:
        self._known = known
        self._secrets = secrets
        self._hops: dict[_Key, _Hop] = {}
        self._lock = threading.Lock()

    def channel(self, target: Target, clock: Clock, connecting: Clock, login_seconds: float, remedy: str) -> paramiko.Channel:
        """A stream to ``target`` through its hops. Raises a CollectionError that names the jump host at fault."""
        transport = self._through(target.jumps, clock, login_seconds, remedy)
        hop, seconds = target.jumps[-1].record, connecting.remaining()
        try:
            return transport.open_channel("direct-tcpip", (target.host, target.port), ("127.0.0.1", 0), timeout=seconds)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(
                f"The jump host {hop} cannot connect to {target.host} port {target.port}: {translate(error)}"
            ) from error
        except Exception as error:  # whatever a breach of the protocol raised in paramiko's thread is raised here again
            raise UnreachableError(f"The jump host {hop} could not be used: {translate(error)}") from error

    def close(self) -> None:
        """Hang up on every jump host, the far ends first."""
        with self._lock:
            hops = [self._hops.pop(key) for key in sorted(self._hops, key=len, reverse=True)]
        for hop in hops:
            hang_up(hop.transport, hop.stream)

    def _through(self, chain: _Key, clock: Clock, login_seconds: float, remedy: str) -> paramiko.Transport:
        # what differs from host to host without changing the login must not split the pool
        key = tuple(replace(hop, connection=replace(hop.connection, jump=(), host_timeout=None, sudo=True)) for hop in chain)
        with self._lock:
            hop = self._hops.setdefault(key, _Hop())
        if not hop.lock.acquire(timeout=clock.remaining()):
            raise DeadlineError(f"The jump host {chain[-1].record} was still being logged in to when the host's time was over.")
        try:
            if hop.transport is not None and hop.transport.is_active():
                return hop.transport
            if hop.failure is not None and time.monotonic() - hop.failed_at < _MEMORY:
                raise hop.failure
            hang_up(hop.transport, hop.stream)
            hop.transport = hop.stream = None
            try:
                hop.stream, hop.transport = self._log_in(chain, clock, login_seconds, remedy)
            except CollectionError as error:
                # an unknown key may be accepted meanwhile; a host whose own time was over says nothing of the jump host
                if not isinstance(error, UntrustedError) and time.monotonic() < clock.end:
                    hop.failure, hop.failed_at = error, time.monotonic()
                raise
            hop.failure = None
            return hop.transport
        finally:
            hop.lock.release()

    def _log_in(self, chain: _Key, clock: Clock, login_seconds: float, remedy: str) -> tuple[Stream, paramiko.Transport]:
        last = chain[-1]
        limit = clock.until(login_seconds, f"The login to the jump host {last.record}")
        transport = None
        stream: Stream | None = None
        try:
            stream = (
                connect(last, limit)
                if len(chain) == 1
                else self.channel(replace(last, jumps=chain[:-1]), clock, limit, login_seconds, remedy)
            )
            transport = shake_hands(stream, self._known.types(last.record), limit)
            verify(transport, last, self._known, remedy)
            log_in(transport, last, self._secrets, limit)
        except BaseException as error:
            with contextlib.suppress(OSError):
                hang_up(transport, stream)
            if isinstance(error, UntrustedError):
                raise
            if isinstance(error, CollectionError | paramiko.SSHException | OSError | EOFError):
                raise UnreachableError(f"The jump host {last.record} could not be used: {translate(error)}") from error
            raise
        return stream, transport
