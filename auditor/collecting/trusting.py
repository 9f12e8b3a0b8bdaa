"""What ``auditor hosts trust`` needs: which keys a host shows, and what is on record about them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable

import paramiko

from auditor.collecting import known_hosts
from auditor.collecting.jumps import JumpPool
from auditor.collecting.known_hosts import HostKey, KeyState, trust_command
from auditor.collecting.ssh_errors import translate
from auditor.collecting.ssh_handshake import Clock, Stream, hang_up, quiet, shake_hands
from auditor.collecting.ssh_login import Secrets, connect
from auditor.collecting.ssh_target import Configs, Target, target_of
from auditor.errors import CollectionError, TransportError
from auditor.model import Asset, Settings
from auditor.text import _

# one exchange per family: a server offers one key of each
_FAMILIES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)


def fetch_host_keys(asset: Asset, settings: Settings) -> tuple[HostKey, ...]:
    """The keys that the asset shows now, without logging in to it; nothing is trusted by this.

    While the key of a jump host on the way is not on record, that jump host's keys are returned instead (``HostKey.host`` says
    whose they are), because there is no safe way past it. Raises CollectionError when no key can be had.
    """
    quiet()
    known = known_hosts.load(settings.known_hosts)
    target = target_of(asset, Configs(settings.root))
    pool = JumpPool(known, Secrets())
    try:
        for index, hop in enumerate(target.jumps):
            if not known.types(hop.record):
                return _keys(_behind(hop, target.jumps[:index]), asset, settings, pool)
        return _keys(target, asset, settings, pool)
    finally:
        pool.close()


def state_of(asset: Asset, settings: Settings) -> KeyState:
    """Whether a key is on record for the asset, without a look at the host; that it changed is seen by ``fetch_host_keys``."""
    target = target_of(asset, Configs(settings.root))
    return KeyState.KNOWN if known_hosts.load(settings.known_hosts).types(target.record) else KeyState.UNKNOWN


def recorded_names(assets: Iterable[Asset], settings: Settings) -> frozenset[str]:
    """The names under which keys of these assets, and of the jump hosts before them, are looked up.

    An asset whose SSH configuration cannot be followed has none: it is not logged in to.
    """
    configs = Configs(settings.root)
    found: set[str] = set()
    for asset in assets:
        with contextlib.suppress(CollectionError):
            target = target_of(asset, configs)
            found |= {target.record, *(hop.record for hop in target.jumps)}
    return frozenset(found)


def _behind(hop: Target, before: tuple[Target, ...]) -> Target:
    return Target(hop.host, hop.port, hop.user, hop.record, hop.keys, hop.connection, before, hop.explicit_key)


def _keys(target: Target, asset: Asset, settings: Settings, pool: JumpPool) -> tuple[HostKey, ...]:
    keys: list[HostKey] = []
    failure: CollectionError | None = None
    for family in _FAMILIES:
        try:
            keys.append(_key(target, asset, settings, pool, family))
        except paramiko.ssh_exception.IncompatiblePeer:
            continue  # the server has no key of this family
        except (CollectionError, paramiko.SSHException, OSError, EOFError) as error:
            failure = translate(error)
            if not isinstance(failure, TransportError):
                break
    if not keys:
        raise failure or TransportError(
            _("{host} shows no host key of a kind that the auditor accepts.").format(host=target.record)
        )
    return tuple(keys)


def _key(target: Target, asset: Asset, settings: Settings, pool: JumpPool, family: tuple[str, ...]) -> HostKey:
    connection = asset.connection
    login_seconds = connection.login_timeout or settings.login_timeout
    connect_seconds = connection.connect_timeout or settings.connect_timeout
    clock = Clock(time.monotonic() + connect_seconds + 2 * login_seconds, threading.Event(), "Asking for the host key")
    connecting = clock.until(connect_seconds, "The connection")
    stream: Stream
    if target.jumps:
        stream = pool.channel(target, clock, connecting, login_seconds, trust_command(asset))
    else:
        stream = connect(target, connecting)
    transport = None
    try:
        transport = shake_hands(stream, (), clock.until(login_seconds, "The key exchange"), only=family)
        key = transport.get_remote_server_key()
        return HostKey(target.record, key.get_name(), key.get_base64())
    finally:
        hang_up(transport, stream)
