"""Proves that only keys on record are trusted, and that the record is changed whole and only as asked."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from auditor.collecting.known_hosts import HostKey, KeyState, import_known_hosts, key_state, load, trust
from auditor.collecting.trusting import fetch_host_keys, state_of
from auditor.errors import ConfigurationError, UnreachableError
from auditor.model import Settings
from tests.collecting.conftest import Server, free_port, host, keygen, needs_lab


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[HostKey]:
    """Two ed25519 keys and an ECDSA key of one host."""
    root = tmp_path_factory.mktemp("keys")
    made = []
    for name, kind in (("a", "ed25519"), ("b", "ed25519"), ("c", "ecdsa")):
        fields = Path(f"{keygen(root / name, kind)}.pub").read_text().split()
        made.append(HostKey("web1", fields[0], fields[1]))
    return made


def line(key: HostKey, names: str) -> str:
    return f"{names} {key.type} {key.base64}\n"


def test_states(keys: list[HostKey], tmp_path: Path) -> None:
    """A key is known, unknown or changed; one of a type not on record counts as changed where another type is on record."""
    path = tmp_path / "known_hosts"
    assert key_state(path, keys[0]) is KeyState.UNKNOWN
    trust(path, (keys[0],))
    assert [key_state(path, k) for k in keys] == [KeyState.KNOWN, KeyState.CHANGED, KeyState.CHANGED]
    assert load(path).types("web1") == ("ssh-ed25519",)
    assert path.stat().st_mode & 0o777 == 0o600


def test_hashed_patterns_ports_and_markers(keys: list[HostKey], tmp_path: Path) -> None:
    """OpenSSH's own ways of writing a line are understood: hashes, patterns, negation, ports, revocation."""
    path = tmp_path / "known_hosts"
    path.write_text(line(keys[0], "[web1]:2222,web2"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, stderr=subprocess.DEVNULL)
    path.write_text(
        path.read_text()
        + line(keys[1], "*.gov,!bad.gov")
        + "@revoked "
        + line(keys[2], "*")
        + "@cert-authority "
        + line(keys[2], "*")
    )
    known = load(path)
    blobs = [base64.b64decode(k.base64) for k in keys]

    def state(name: str, i: int) -> KeyState:
        return known.state(name, keys[i].type, blobs[i])

    assert "|1|" in path.read_text()
    assert [state(n, 0) for n in ("[web1]:2222", "web2", "web1")] == [KeyState.KNOWN, KeyState.KNOWN, KeyState.UNKNOWN]
    assert [state(n, 1) for n in ("a.gov", "bad.gov")] == [KeyState.KNOWN, KeyState.UNKNOWN]
    assert state("web2", 2) is KeyState.REVOKED


def test_trust_replaces_only_its_hosts(keys: list[HostKey], tmp_path: Path) -> None:
    """Other hosts' lines, comments and revocations stay; a line shared with another host keeps speaking for that one."""
    path = tmp_path / "known_hosts"
    path.write_text("# ours\n" + line(keys[0], "web1,web2") + "@revoked " + line(keys[2], "web1"))
    assert trust(path, (keys[1],)) == 1
    assert path.read_text() == "# ours\n" + line(keys[0], "web2") + "@revoked " + line(keys[2], "web1") + line(keys[1], "web1")


def test_import(keys: list[HostKey], tmp_path: Path) -> None:
    """A supplied file is taken in bulk, once; one that contradicts the record is refused and changes nothing."""
    path, source = tmp_path / "known_hosts", tmp_path / "supplied"
    source.write_text(line(keys[0], "web1") + line(keys[1], "web2"))
    assert [import_known_hosts(path, source), import_known_hosts(path, source)] == [2, 0]
    before = path.read_text()
    source.write_text(line(keys[1], "web1") + line(keys[0], "web3"))
    with pytest.raises(ConfigurationError) as refused:
        import_known_hosts(path, source)
    assert "web1" in refused.value.mistakes[0]
    assert path.read_text() == before
    with pytest.raises(ConfigurationError):
        import_known_hosts(path, tmp_path / "nowhere")


def test_a_name_in_capitals_is_the_same_host(keys: list[HostKey], tmp_path: Path) -> None:
    """Regression, false pass: WEB1 with another key passed for a new host, and that key was then trusted for web1."""
    path, source = tmp_path / "known_hosts", tmp_path / "supplied"
    path.write_text(line(keys[0], "web1"))
    source.write_text(line(keys[1], "WEB1"))
    with pytest.raises(ConfigurationError) as refused:
        import_known_hosts(path, source)
    assert "web1: another" in refused.value.mistakes[0]
    assert key_state(path, keys[1]) is KeyState.CHANGED
    source.write_text(line(keys[0], "WEB1"))
    assert import_known_hosts(path, source) == 1


def hashed(name: str, tmp_path: Path, key: HostKey) -> str:
    """The line as ``ssh-keygen -H`` writes it, with a salt of its own each time."""
    path = tmp_path / "to-hash"
    path.write_text(line(key, name))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    return path.read_text()


@pytest.mark.parametrize("supplied", ["web1.example.org", "hashed", "*.example.org", "web?.example.org,!web2.example.org"])
@pytest.mark.parametrize("recorded", ["web1.example.org", "hashed", "*.example.org,!db.example.org"])
def test_a_contradiction_is_seen_through_hashes_and_patterns(
    keys: list[HostKey], tmp_path: Path, supplied: str, recorded: str
) -> None:
    """Regression, false pass: a supplied line with a hashed name or a pattern was held against nothing, and so was the record's
    own where the name that it spoke of was not written out; another key was then trusted beside the one on record."""

    def names(told: str, key: HostKey) -> str:
        return hashed("web1.example.org", tmp_path, key) if told == "hashed" else line(key, told)

    path, source = tmp_path / "known_hosts", tmp_path / "supplied"
    path.write_text(names(recorded, keys[0]))
    source.write_text(names(supplied, keys[1]))
    before = path.read_text()
    with pytest.raises(ConfigurationError) as refused:
        import_known_hosts(path, source, ["web1.example.org", "web2.example.org", "db.example.org"])
    assert "web1.example.org: another" in refused.value.mistakes[0]
    assert path.read_text() == before
    source.write_text(names(supplied, keys[0]))
    assert import_known_hosts(path, source, ["web1.example.org"]) == (0 if supplied == recorded != "hashed" else 1)


def test_hosts_that_a_pattern_leaves_out_contradict_nothing(keys: list[HostKey], tmp_path: Path) -> None:
    """A negated name, another host or another type of key; and the same pattern twice is one, whomever it means."""
    path, source = tmp_path / "known_hosts", tmp_path / "supplied"
    path.write_text(line(keys[0], "web1.example.org") + line(keys[0], "*.example.net"))
    source.write_text(line(keys[1], "*.example.org,!web1.example.org") + line(keys[2], "web1.*") + line(keys[1], "db.*"))
    assert import_known_hosts(path, source, ["web1.example.org", "web2.example.org"]) == 3
    source.write_text(line(keys[1], "*.example.net"))
    with pytest.raises(ConfigurationError) as refused:
        import_known_hosts(path, source)
    assert "*.example.net: another" in refused.value.mistakes[0]


@pytest.mark.parametrize(
    "bad", ["web1", "web1 ssh-ed25519 !!!", "@revokd web1 ssh-ed25519 AAAA", "web1 ssh-rsa AAAAC3NzaC1lZDI1NTE5"]
)
def test_a_line_that_cannot_be_read_is_refused(bad: str, tmp_path: Path) -> None:
    """It may be a revocation: the file is not used until it is mended, and the place is named."""
    path = tmp_path / "known_hosts"
    path.write_text(f"# fine\n{bad}\n")
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    assert refused.value.mistakes[0].startswith(f"{path}:2:1: ")


@pytest.mark.lab
@needs_lab
def test_fetch(sshd: Server, settings: Settings) -> None:
    """All keys that a host shows are fetched without logging in; trusting them makes the host known."""
    shown = fetch_host_keys(sshd.connecting(user="nobody", key=None), settings)
    assert shown == (sshd.public("ed25519"), sshd.public("ecdsa"))
    assert state_of(sshd.asset, settings) is KeyState.UNKNOWN
    trust(settings.known_hosts, shown)
    assert state_of(sshd.asset, settings) is KeyState.KNOWN
    with pytest.raises(UnreachableError):
        fetch_host_keys(host(port=free_port()), settings)
