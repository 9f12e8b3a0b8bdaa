"""From an address to a login, within deadlines: the connection, the verdict on the host key, the proof of who we are."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import paramiko
from paramiko import ssh_exception

from auditor.collecting.known_hosts import KeyState, KnownHosts, fingerprint
from auditor.collecting.ssh_errors import translate
from auditor.collecting.ssh_guard import took_leave
from auditor.collecting.ssh_handshake import Clock
from auditor.collecting.ssh_target import Target
from auditor.errors import DeadlineError, DeniedError, UnreachableError, UntrustedError

_COMMAND_TIMEOUT = 30.0  # of a command that prints a password
_MEMORY = 60.0  # seconds for which what could not be read is not tried again for the next host
_TICK = 0.25  # seconds between looks at the deadline
S = TypeVar("S")


@dataclass(slots=True)
class _Secret(Generic[S]):
    """One that is read once. Who waits for another host to read it waits no longer than its own time allows."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: S | None = None
    _failure: Exception | None = None
    _failed_at: float = 0.0

    def read(self, how: Callable[[], S], clock: Clock) -> S:
        """It; or the failure to read it, which stands for a while: a vault that hangs must not hang for each host anew."""
        while not self._lock.acquire(timeout=min(clock.remaining(), _TICK)):
            pass
        try:
            if self._failure is not None and time.monotonic() - self._failed_at < _MEMORY:
                raise self._failure
            if self._found is None:
                try:
                    self._found = how()
                except (DeniedError, OSError) as error:
                    self._failure, self._failed_at = error, time.monotonic()
                    raise
                self._failure = None
            return self._found
        finally:
            self._lock.release()


@dataclass(slots=True)
class Secrets:
    """Keys and passwords, each read once however many hosts use it, and none waiting for another."""

    _keys: dict[tuple[Path, str | None], _Secret[paramiko.PKey]] = field(default_factory=dict)
    _passwords: dict[str, _Secret[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, path: Path, passphrase_env: str | None, clock: Clock) -> paramiko.PKey:
        """The private key in a file. Raises DeniedError when it cannot be used, OSError when it cannot be read."""
        with self._lock:
            secret = self._keys.setdefault((path, passphrase_env), _Secret())
        return secret.read(lambda: _load_key(path, _environment(passphrase_env)), clock)

    def password(self, target: Target, clock: Clock) -> str | None:
        """The password for a login, from the environment or a command; None when none is configured. Raises DeniedError."""
        command = target.connection.password_command
        if target.connection.password_env:
            return _environment(target.connection.password_env)
        if command is None:
            return None
        with self._lock:
            secret = self._passwords.setdefault(command, _Secret())
        return secret.read(lambda: _run(command), clock)


def _environment(name: str | None) -> str | None:
    if name is None:
        return None
    if name not in os.environ:
        raise DeniedError(f"The environment variable {name}, which is to hold the secret of the login, is not set.")
    return os.environ[name]


def _run(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_TIMEOUT, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # its arguments and output may hold the secret: neither is repeated
        raise DeniedError(f"The command that is to print the password failed ({type(error).__name__}).") from None
    return done.stdout.split("\n", 1)[0]


def _load_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    refused: Exception | None = None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key_file(str(path), password=passphrase)
        except paramiko.PasswordRequiredException as error:
            raise DeniedError(f"The key {path} is locked, and no passphrase_env is configured for it.") from error
        except OSError:
            raise
        except (paramiko.SSHException, ValueError, TypeError, UnicodeDecodeError) as error:
            refused = error
            continue
        certificate = Path(f"{path}-cert.pub")
        if certificate.exists():
            key.load_certificate(str(certificate))
        return key
    raise DeniedError(f"The key {path} cannot be read: not a private key that is supported, or a wrong passphrase.") from refused


def connect(target: Target, clock: Clock) -> socket.socket:
    """A TCP connection to the target, by whichever of its addresses answers first in order."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in _addresses(target, clock):
        stream = socket.socket(family, kind, protocol)
        try:
            stream.settimeout(clock.remaining())
            stream.connect(address)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return stream
        except OSError as error:
            failure = error
            stream.close()
        except BaseException:
            stream.close()
            raise
    if isinstance(failure, TimeoutError):
        raise UnreachableError(f"No connection to {target.host} port {target.port}: no answer.") from failure
    raise UnreachableError(
        f"No connection to {target.host} port {target.port}: {failure.strerror if failure else 'no address'}."
    ) from failure


def _addresses(
    target: Target, clock: Clock
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]]:
    """The name's addresses. A resolver has no deadline of its own, so names are looked up beside."""
    found: list[object] = []
    done = threading.Event()

    def look_up(flags: int = 0) -> None:
        try:
            found.append(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=flags))
        except (OSError, UnicodeError) as error:
            found.append(error)
        done.set()

    look_up(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    if isinstance(found[-1], Exception):
        done.clear()
        threading.Thread(target=look_up, daemon=True, name="resolver").start()
        clock.wait(done)
    answer = found[-1]
    if isinstance(answer, Exception):
        raise UnreachableError(f"The name {target.host!r} is not known.") from answer
    return answer  # type: ignore[return-value]


def verify(transport: paramiko.Transport, target: Target, known: KnownHosts, remedy: str) -> str:
    """The fingerprint of the peer's key, when it is the one on record; else UntrustedError, which says how to accept it."""
    key = transport.get_remote_server_key()
    blob = key.asbytes()
    shown = fingerprint(blob)
    match known.state(target.record, key.get_name(), blob):
        case KeyState.KNOWN:
            return shown
        case KeyState.CHANGED:
            raise UntrustedError(
                f"The host key of {target.record} has CHANGED: it shows {key.get_name()} {shown}, which is not on record. "
                f"Find out why before you accept it with: {remedy}"
            )
        case KeyState.REVOKED:
            raise UntrustedError(f"The host key of {target.record}, {key.get_name()} {shown}, is marked as revoked.")
    raise UntrustedError(f"The host key of {target.record} is not on record: {key.get_name()} {shown}. Accept it with: {remedy}")


def log_in(transport: paramiko.Transport, target: Target, secrets: Secrets, clock: Clock) -> None:
    """Prove who we are: named key, configured keys, the agent's, the password, in that order."""
    refusals: list[str] = []
    for what, attempt in _attempts(transport, target, secrets, refusals, clock):
        clock.remaining()
        done = threading.Event()
        transport.auth_timeout = clock.remaining()
        attempt(done)
        try:
            clock.wait(done)
        except DeadlineError as late:
            raise DeadlineError(f"The host left the login of {target.user!r} without an answer.") from late
        if transport.is_authenticated():
            return
        error = transport.get_exception()
        if not refusals and isinstance(error, EOFError | ConnectionError) and not took_leave(transport):
            # rather than answer, sshd hangs up on an account that PAM turns away
            raise DeniedError(
                f"The host hung up in the middle of the login of {target.user!r}, as hosts do when the account has expired or is "
                "locked."
            )
        refusals.append(what)
        if isinstance(error, ssh_exception.PartialAuthentication):
            refusals.append("a second proof is asked for")
        if not transport.is_active():
            if error is None or isinstance(error, EOFError | OSError | paramiko.SSHException):
                break  # a server hangs up on one refusal too many
            raise translate(error)
    tried = "; ".join(refusals) if refusals else "no key, agent or password is configured"
    raise DeniedError(f"{target.record} refused the login of {target.user!r} (tried: {tried}).")


def _attempts(
    transport: paramiko.Transport, target: Target, secrets: Secrets, refusals: list[str], clock: Clock
) -> Iterator[tuple[str, Callable[[threading.Event], object]]]:
    for path in target.keys:
        try:
            key = secrets.key(path, target.connection.passphrase_env, clock)
        except OSError as error:
            if target.explicit_key:
                refusals.append(f"key {path} cannot be read: {error.strerror}")
            continue
        yield f"key {path}", lambda done, key=key: transport.auth_publickey(target.user, key, done)  # type: ignore[misc]
    if target.connection.agent and os.environ.get("SSH_AUTH_SOCK"):
        with contextlib.closing(paramiko.Agent()) as agent:
            for held in agent.get_keys():
                yield "agent key", lambda done, key=held: transport.auth_publickey(target.user, key, done)  # type: ignore[misc]
    password = secrets.password(target, clock)
    if password is not None:
        yield "password", lambda done: transport.auth_password(target.user, password, done, fallback=False)
        yield "keyboard-interactive", lambda done: _interactive(transport, target.user, password, done)


def _interactive(transport: paramiko.Transport, user: str, password: str, done: threading.Event) -> None:
    """Answer each hidden question with the password, as PAM asks for it; paramiko has no such attempt with an event."""
    transport.auth_handler = paramiko.auth_handler.AuthHandler(transport)
    transport.auth_handler.auth_interactive(
        user, lambda _t, _i, prompts: [password if not echo else "" for _, echo in prompts], done
    )
