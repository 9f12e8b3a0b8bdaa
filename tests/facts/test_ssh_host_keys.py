"""The SSH server's host keys, wherever it has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, cast

import pytest

from tests.facts.hosts import ALLOWED, REFUSED, SHELLS, fact, run, script

ALL_SHELLS = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])


def value(output: str) -> dict[str, Any]:
    """The fact's value."""
    return cast("dict[str, Any]", fact("ssh_host_keys").value(output, {}))


def keyed(place: Path) -> Path:
    """A new key of two halves."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place)], check=True)
    return place


def asked(folder: Path, *keys: Path | str) -> str:
    """The probe, on a host whose server says that it has these keys."""
    server = folder / "sshd"
    server.write_text("#!/bin/sh\nprintf '%s\\n' 'port 22' " + " ".join(f"'hostkey {key}'" for key in keys) + "\n")
    server.chmod(0o755)
    usual = folder / "ssh"
    usual.mkdir(exist_ok=True)
    return script("ssh_host_keys").replace("/etc/ssh", str(usual)).replace("/usr/sbin/sshd", str(server))


def private(told: dict[str, Any]) -> list[str]:
    """The private halves that were looked at."""
    return [key["path"] for key in told["private"]]


@ALL_SHELLS
def test_copies_of_host_keys_are_told(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: ssh_host_rsa_key.bak, which all may read, was not looked at."""
    text = asked(tmp_path)
    for name in ("ssh_host_rsa_key", "ssh_host_rsa_key.bak", "ssh_host_rsa_key.pub.old", "ssh_host_rsa_key-cert.pub"):
        (tmp_path / "ssh" / name).touch()
    told = value(run(shell, ALLOWED + text).stdout)
    assert [Path(path).name for path in private(told)] == ["ssh_host_rsa_key", "ssh_host_rsa_key.bak"]
    assert (told["unseen"], told["unread"]) == ([], [])


@ALL_SHELLS
def test_keys_are_looked_at_wherever_the_server_has_them(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: of keys outside /etc/ssh, or by other names there, nothing was known."""
    other = tmp_path / "my keys"
    other.mkdir()
    usual, named, below = (tmp_path / "ssh" / name for name in ("ssh_host_ed25519_key", "server", "ssh_host_key/one"))
    text = asked(
        tmp_path, usual, named, below, other / "open", other / "half", other / "link", other / "agent.pub", other / "never"
    )
    below.parent.mkdir()
    for key in (usual, named, below, other / "open", other / "half", other / "agent"):
        keyed(key)
    (other / "open").chmod(0o644)
    (other / "half.pub").unlink()
    (other / "link").symlink_to(named)
    (other / "agent").unlink()
    told = value(run(shell, ALLOWED + text).stdout)
    assert private(told) == [str(p) for p in (usual, below.parent, named, below, other / "open", other / "half", other / "link")]
    assert [key["path"] for key in told["private"] if key["other_readable"] and key["type"] == "file"] == [str(other / "open")]
    public = [key["path"] for key in told["public"]]
    assert public == [f"{p}.pub" for p in (usual, named, below, other / "open", other / "agent")]
    assert (told["unseen"], told["unread"]) == ([], [f"{other / 'half'}.pub", f"{other / 'link'}.pub"])


@ALL_SHELLS
def test_a_server_that_cannot_be_asked_leaves_open_whether_there_are_more(shell: list[str], tmp_path: Path) -> None:
    """What was seen is told all the same: a key that all may read fails without sudo too."""
    text = asked(tmp_path)
    keyed(tmp_path / "ssh" / "ssh_host_ed25519_key")
    told = value(run(shell, REFUSED + text).stdout)
    assert len(told["private"]) == len(told["public"]) == 1
    assert told["unseen"] == told["unread"] == ["sshd -T"]


@ALL_SHELLS
@pytest.mark.parametrize(("age", "unseen"), [(60, []), (-60, ["sshd -T"])])
def test_a_server_that_has_not_read_its_files_may_have_others(
    shell: list[str], age: int, unseen: list[str], tmp_path: Path
) -> None:
    """A HostKey that was taken out, without a reload: the server goes on with it."""
    text, program, number = asked(tmp_path), tmp_path / "running" / "sshd", tmp_path / "sshd.pid"
    program.parent.mkdir()
    shutil.copy("/bin/sleep", program)
    (tmp_path / "ssh" / "sshd_config").write_text("#HostKey /srv/key\n")
    with subprocess.Popen([program, "60"]) as running:
        try:
            number.write_text(f"{running.pid}\n")
            os.utime(number, (time.time() + age,) * 2)
            (tmp_path / "sshd").write_text(f"#!/bin/sh\nprintf '%s\\n' 'port 22' 'pidfile {number}'\n")
            assert value(run(shell, ALLOWED + text).stdout)["unseen"] == unseen
        finally:
            running.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@ALL_SHELLS
def test_a_key_in_a_closed_folder_is_unseen(shell: list[str], open_folder: Path) -> None:
    """It is not one that was never made; a link to it is not either."""
    closed, open_to_all = open_folder / "closed", open_folder / "open"
    closed.mkdir(mode=0o700)
    open_to_all.mkdir()
    (open_folder / "link").symlink_to(closed)
    keyed(closed / "key")
    (open_to_all / "to-key").symlink_to(closed / "key")
    hidden = (closed / "key", open_folder / "link" / "key", open_to_all / "to-key")
    done = run(
        shell, ALLOWED + asked(open_folder, *hidden, open_to_all / "never", open_to_all / "no" / "never"), user="nobody", cwd="/"
    )
    told = value(done.stdout)
    assert told["unseen"] == [str(path) for path in hidden]
    assert told["unread"] == [f"{path}.pub" for path in hidden]
    assert told["private"] == []


@ALL_SHELLS
def test_a_key_that_an_agent_holds_is_known_by_its_public_half(shell: list[str], tmp_path: Path) -> None:
    """By the private one's name too, as the server looks for it."""
    text = asked(tmp_path, keyed(tmp_path / "held"))
    (tmp_path / "held").unlink()
    told = value(run(shell, ALLOWED + text).stdout)
    assert [key["path"] for key in told["public"]] == [f"{tmp_path / 'held'}.pub"]
    assert (private(told), told["unseen"], told["unread"]) == ([], [], [])


@ALL_SHELLS
def test_a_server_that_is_not_found_leaves_open_where_its_keys_are(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: one of another make, or in another place, which holds this very session."""
    text = asked(tmp_path)
    (tmp_path / "sshd").unlink()
    session = "SSH_CONNECTION='192.0.2.1 50000 192.0.2.2 22'\n"
    assert value(run(shell, ALLOWED + session + text).stdout)["unseen"] == ["sshd -T"]
    assert value(run(shell, ALLOWED + text.replace("/usr/bin/sshd", "/bin/sh")).stdout)["unseen"] == ["sshd -T"]
    assert value(run(shell, ALLOWED + text).stdout)["unseen"] == []
