"""Proves that real hosts are observed over SSH, and that each way of not being reached is named for what it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.collecting.known_hosts import trust
from auditor.collecting.ssh import SshTransport
from auditor.collecting.ssh_target import Configs, target_of
from auditor.errors import UnreachableError
from auditor.model import Asset, AssetResult, ObservationStatus, Reach, Settings
from tests.collecting.conftest import Facts, Server, fact, free_port, host, keygen, needs_lab, start_sshd, stop

pytestmark = [pytest.mark.lab, pytest.mark.alone, needs_lab]

Listener = Callable[[Callable[[socket.socket], None]], int]
ONE = Facts(fact("hello", "echo hello"), fact("who", "id -un"))


def collect(settings: Settings, asset: Asset, facts: Facts = ONE) -> AssetResult:
    transport = SshTransport(settings, lookup=facts.lookup)
    try:
        return transport.collect(facts.plan(asset))
    finally:
        transport.close()


def statuses(result: AssetResult) -> list[str]:
    return [o.status.value for o in result.observations]


def test_login_by_key(sshd: Server, trusted: Settings) -> None:
    """A host whose key is on record is reached, and every probe answers."""
    result = collect(trusted, sshd.asset)
    assert (result.reach, result.detail, [o.stdout for o in result.observations]) == (Reach.REACHED, "", ["hello\n", "root\n"])
    assert statuses(result) == ["ok", "ok"]
    assert result.host_key == sshd.public().fingerprint
    assert all(result.started <= o.observed_at <= result.ended for o in result.observations)


def test_unknown_key(sshd: Server, settings: Settings) -> None:
    """A host that is not on record is not logged in to, and the remedy is told."""
    result = collect(settings, sshd.asset)
    assert (result.reach, statuses(result)) == (Reach.UNTRUSTED, ["not_run"] * 2)
    assert "`" not in result.detail
    assert result.detail.endswith("Accept it with: auditor hosts trust health/web1")
    assert sshd.public().fingerprint in result.detail


def test_changed_key(sshd: Server, settings: Settings, tmp_path: Path) -> None:
    """Another key than the one on record is refused, and called changed."""
    keygen(tmp_path / "other")
    trust(settings.known_hosts, (replace(sshd.public(), base64=(tmp_path / "other.pub").read_text().split()[1]),))
    result = collect(settings, sshd.asset)
    assert result.reach == Reach.UNTRUSTED
    assert "CHANGED" in result.detail
    assert "auditor hosts trust health/web1" in result.detail


def test_key_type_on_record_is_negotiated(sshd: Server, settings: Settings) -> None:
    """A host with several keys does not look changed when another than its best is on record."""
    trust(settings.known_hosts, (sshd.public("ecdsa"),))
    assert (Reach.REACHED, sshd.public("ecdsa").fingerprint) == ((r := collect(settings, sshd.asset)).reach, r.host_key)


def test_denied(sshd: Server, trusted: Settings, tmp_path: Path) -> None:
    """A key that the host does not accept is a refused login."""
    result = collect(trusted, sshd.connecting(key=str(keygen(tmp_path / "stranger"))))
    assert (result.reach, statuses(result)) == (Reach.DENIED, ["not_run"] * 2)
    assert "refused the login of 'root'" in result.detail


def test_locked_key(sshd: Server, trusted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with a passphrase says so; with the passphrase in the environment it opens, and the passphrase shows nowhere."""
    locked = keygen(tmp_path / "locked", passphrase="open sesame")
    assert "passphrase_env" in collect(trusted, sshd.connecting(key=str(locked))).detail
    monkeypatch.setenv("AUDIT_PASSPHRASE", "open sesame")
    result = collect(trusted, sshd.connecting(key=str(locked), passphrase_env="AUDIT_PASSPHRASE"))
    assert "refused" in result.detail
    assert "sesame" not in repr(result)


def test_refused_and_unroutable(settings: Settings) -> None:
    """A closed port and an unknown name are unreachable, quickly."""
    for asset in (host(port=free_port()), host("name.invalid", port=22)):
        assert collect(settings, asset).reach == Reach.UNREACHABLE


def silent(peer: socket.socket) -> None:
    """Accepts, and says nothing until the other side hangs up."""
    while peer.recv(4096):
        pass


def dripping(peer: socket.socket) -> None:
    """One byte at a time, so that no single read ever runs into its own deadline."""
    while True:
        peer.sendall(b"x")
        threading.Event().wait(0.05)


def rambling(peer: socket.socket) -> None:
    """Lines without end before the banner."""
    while True:
        peer.sendall(b"hello\r\n" * 1000)


def babbling(peer: socket.socket) -> None:
    """A banner, then noise instead of the protocol."""
    peer.sendall(b"SSH-2.0-x\r\n" + b"\xff\x00\x1b[2J" * 4096)
    silent(peer)


@pytest.mark.parametrize("talk", [silent, dripping, rambling, babbling])
def test_hostile_server_costs_its_own_deadline(
    talk: Callable[[socket.socket], None], settings: Settings, listener: Listener
) -> None:
    """Whatever a server does before the login, the attempt ends in time, and leaves no thread behind."""
    before = set(threading.enumerate())
    began = time.monotonic()
    result = collect(replace(settings, login_timeout=0.5), host(port=listener(talk), user="root", agent=False))
    assert time.monotonic() - began < 2
    assert result.reach in (Reach.TIMED_OUT, Reach.UNREACHABLE)
    assert statuses(result) == ["not_run"] * 2
    left = [t for t in set(threading.enumerate()) - before if not t.name.endswith("(loop)")]
    for thread in left:
        thread.join(1)  # a timer that was called off needs a moment to end
    assert not [t for t in left if t.is_alive()]


def test_jump_host(sshd: Server, trusted: Settings, tmp_path: Path) -> None:
    """A host behind a jump host is reached once both keys are on record; the jump host's key is verified too."""
    jump = start_sshd(tmp_path / "jump")
    try:
        (jump.root / "authorized").write_text((sshd.root / "login.pub").read_text())
        asset = sshd.connecting(jump=(f"root@127.0.0.1:{jump.port}",))
        result = collect(trusted, asset)
        assert result.reach == Reach.UNTRUSTED
        assert f"[127.0.0.1]:{jump.port}" in result.detail
        trust(trusted.known_hosts, (jump.public(),))
        assert statuses(collect(trusted, asset)) == ["ok", "ok"]
        gone = collect(trusted, replace(asset, connection=replace(asset.connection, port=free_port())))
        assert (gone.reach, "cannot connect" in gone.detail) == (Reach.UNREACHABLE, True)
    finally:
        stop(jump.process)
    dead = collect(trusted, asset)
    assert (dead.reach, "jump host" in dead.detail) == (Reach.UNREACHABLE, True)


def test_ssh_config(sshd: Server, trusted: Settings, tmp_path: Path) -> None:
    """Name, user, port and key may come from an OpenSSH client configuration."""
    config = tmp_path / "config"
    config.write_text(f"Host alias\n HostName 127.0.0.1\n User root\n Port {sshd.port}\n IdentityFile {sshd.key}\n")
    assert collect(trusted, host("alias", ssh_config=str(config), agent=False)).reach == Reach.REACHED


def test_ssh_config_that_asks_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: the commands of ``Match exec`` read the auditor's own standard input, and nothing ended one that hung."""
    config = tmp_path / "config"
    config.write_text('Match exec "test %h = db1"\n Port 2201\nHost *\n Port 2202\n')
    assert [target_of(host(name, ssh_config=str(config)), Configs()).port for name in ("db1", "db2")] == [2201, 2202]
    config.write_text('Match exec "sleep 30 & true"\n Port 2203\n')
    began = time.monotonic()
    assert target_of(host(ssh_config=str(config)), Configs()).port == 2203
    assert time.monotonic() - began < 5  # what a command leaves behind is not waited for
    config.write_text('Match exec "sleep 60"\n Port 2201\n')
    monkeypatch.setattr("auditor.collecting._paramiko._SECONDS", 0.1)
    with pytest.raises(UnreachableError, match=r"'sleep 60', which did not end within 0\.1 seconds"):
        target_of(host(ssh_config=str(config)), Configs())


def test_whole_host_deadline(sshd: Server, trusted: Settings) -> None:
    """A host that hangs is cut at its deadline: what was whole by then counts, the rest does not."""
    facts = Facts(fact("a", "echo a"), fact("b", "sleep 60", timeout=50), fact("c", "echo c", timeout=60))
    result = collect(trusted, sshd.connecting(host_timeout=1.0), facts)
    assert (result.reach, statuses(result)) == (Reach.TIMED_OUT, ["ok", "timed_out", "not_run"])


def test_hostile_output(sshd: Server, trusted: Settings) -> None:
    """Flood, forged frames, escapes and invalid text each cost only their own probe."""
    facts = Facts(
        fact("flood", "yes", max_bytes=50_000),
        fact("forged", f"printf '\\n{'a' * 32} s 1 0\\n'; echo tail"),
        fact("escapes", "printf 'a\\033[2Jb\\r\\nc\\0d'"),
        fact("invalid", "printf '\\377\\376x'"),
        fact("noisy", "yes error | head -c 300000 >&2; echo fine"),
        fact("last", "echo last"),
    )
    result = collect(trusted, sshd.asset, facts)
    assert statuses(result) == ["truncated", "ok", "ok", "ok", "ok", "ok"]
    outputs = [o.stdout for o in result.observations]
    assert len(outputs[0]) == 50_000
    assert [f"\n{'a' * 32} s 1 0\ntail\n", "a\ufffdb\nc\ufffdd", "\ufffd\ufffdx", "fine\n", "last\n"] == outputs[1:]
    assert len(result.observations[4].stderr) <= 16_384


@pytest.mark.parametrize(
    ("command", "reach"),
    [
        ("/usr/sbin/nologin", Reach.NO_SHELL),
        ("cat", Reach.NO_SHELL),
        ("yes", Reach.NO_SHELL),
        ("sleep 60", Reach.TIMED_OUT),
        ("/bin/busybox sh", Reach.REACHED),
        ("bash --posix", Reach.REACHED),
    ],
)
def test_login_shell(command: str, reach: Reach, settings: Settings, tmp_path: Path) -> None:
    """A login that does not run the script is never taken for a clean host, whatever it answers."""
    server = start_sshd(tmp_path / "forced", f"ForceCommand {command}\n")
    try:
        trust(settings.known_hosts, (server.public(),))
        result = collect(settings, server.connecting(host_timeout=10 if reach is Reach.REACHED else 1.5))
    finally:
        stop(server.process)
    expected = ObservationStatus.OK if reach is Reach.REACHED else ObservationStatus.NOT_RUN
    assert (reach, {expected}) == (result.reach, {o.status for o in result.observations})


def test_cancelled(sshd: Server, trusted: Settings) -> None:
    """A cancelled attempt ends at once and says so."""
    flag = threading.Event()
    flag.set()
    transport = SshTransport(trusted, cancelled=flag, lookup=ONE.lookup)
    result = transport.collect(ONE.plan(sshd.asset))
    assert (result.reach, result.detail) == (Reach.SKIPPED, "Stopped by the operator.")


def test_secret_is_not_in_the_process_list(sshd: Server, trusted: Settings) -> None:
    """Other users of the target cannot learn the session's marker from its process list, and it would be seen if they could.

    Regression: any 32 hexadecimal digits used to pass for the marker, so that another program's commit id failed the test.
    """
    look = "cat /proc/[0-9]*/cmdline /proc/self/environ 2>/dev/null | tr '\\0' ' '"
    tell = 'case $seen in *"$a_marker"*) echo leaked ;; *sshd*) echo kept ;; esac'
    facts = Facts(
        fact("careful", f"seen=$({look})\n{tell}"),
        fact("careless", f'seen=$(sh -c "{look}" "$a_marker")\n{tell}'),
    )
    assert [o.stdout for o in collect(trusted, sshd.asset, facts).observations] == ["kept\n", "leaked\n"]
