"""SSH keys that open accounts and hidden files of homes, found where a tree of files has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, SHELLS, fact, run

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} amal\n"
each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])


def put(tree: Path, path: str, text: str) -> None:
    """One file of the tree, with the folders above it."""
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def key(letter: str) -> str:
    """A line of an authorized_keys file, another for each letter."""
    return KEY.format(letter * 43)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A host with empty folders and root alone."""
    for folder in ("root", "home", "srv", "opt", "var/lib", "usr/app", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    put(tmp_path, "etc/passwd", f"root:x:0:0::{tmp_path}/root:/bin/sh\n")
    put(tmp_path, "etc/ssh/sshd_config", "PermitRootLogin no\n#AuthorizedKeysFile /elsewhere\n")
    return tmp_path


def found(shell: list[str], tree: Path) -> list[tuple[str, str, bool]]:
    """Account and path of each entry, and whether it was not looked into; the tree is the host."""
    text = re.sub(
        r"(?<=[ |</('])/(root|home|srv|opt|var/lib|etc|proc)\b", rf"{tree}/\1", fact("authorized_keys").probes["linux"].script
    )
    text = text.replace("== /root/", f"== {tree}/root/")
    done = run(shell, ALLOWED + text)
    assert done.returncode == 0, done.stderr
    value: Any = fact("authorized_keys").value(done.stdout.replace(f"{tree}/", "/"), {})
    return sorted((item["account"], item["path"], "unread" in item) for item in value)


@each_shell
def test_keys_behind_links_and_in_the_homes_of_services(shell: list[str], tree: Path) -> None:
    """Regression: a key file that is a link, /home that is one (image-based hosts) and homes of services were passed by."""
    put(tree, "keys", key("B"))
    (tree / "root/.ssh").mkdir()
    (tree / "root/.ssh/authorized_keys").symlink_to(tree / "keys")
    (tree / "home").rename(tree / "var/home")
    (tree / "home").symlink_to(tree / "var/home")
    put(tree, "home/amal/.ssh/authorized_keys2", key("C"))
    put(tree, "var/lib/postgresql/.ssh/authorized_keys", key("D"))
    with (tree / "etc/passwd").open("a") as passwd:
        passwd.write(f"postgres:x:105:105::{tree}/var/lib/postgresql:/bin/bash\n")
    assert found(shell, tree) == [
        ("amal", "/home/amal/.ssh/authorized_keys2", False),
        ("postgres", "/var/lib/postgresql/.ssh/authorized_keys", False),
        ("root", "/root/.ssh/authorized_keys", False),
    ]


@each_shell
def test_a_copy_that_sshd_does_not_read_opens_nothing(shell: list[str], tree: Path) -> None:
    """Regression, false failure: authorized_keys.bak and its like failed ssh-root-keys-approved."""
    put(tree, "root/.ssh/authorized_keys.bak", key("B"))
    assert found(shell, tree) == []


@each_shell
def test_a_home_by_another_name_is_its_account_s(shell: list[str], tree: Path) -> None:
    """Regression: a key in root's home was a person's where root's home is not /root, and a shared home was one account's."""
    put(tree, "etc/passwd", f"root:x:0:0::{tree}/home/adm/:/bin/sh\nsami:x:1000:1000::{tree}/home/adm:/bin/sh\n")
    put(tree, "home/adm/.ssh/authorized_keys", key("B"))
    assert [account for account, _, _ in found(shell, tree)] == ["root", "sami"]


@each_shell
def test_what_may_hold_keys_elsewhere_is_told(shell: list[str], tree: Path) -> None:
    """Regression: keys in homes elsewhere, behind a linked .ssh or home, or where sshd is told to look read as no keys."""
    (tree / "usr/app/.ssh").mkdir()
    (tree / "srv/link").symlink_to(tree / "usr/app")
    (tree / "root/.ssh").symlink_to(tree / "usr/app")
    with (tree / "etc/passwd").open("a") as passwd:
        passwd.write(f"app:x:900:900::{tree}/usr/app:/bin/sh\nlink:x:901:901::{tree}/srv/link:/bin/sh\n")
        passwd.write(f"none:x:902:902::{tree}/nowhere:/bin/sh\nshut:x:903:903::{tree}/usr/app:/usr/sbin/nologin\n")
    settings = 'authorizedkeysfile=".ssh/authorized_keys" /etc/ssh/keys/%u\nMatch User x\n  AuthorizedKeysCommand /bin/keys %u\n'
    put(
        tree,
        "etc/ssh/sshd_config",
        f"{settings}  AuthorizedKeysCommandUser nobody\nAuthorizedKeysFile %h/.ssh/authorized_keys # x\n",
    )
    assert found(shell, tree) == [
        ("*", "AuthorizedKeysCommand /bin/keys", True),
        ("*", "authorizedkeysfile .ssh/authorized_keys /etc/ssh/keys/%u", True),
        ("app", "/usr/app/.ssh", True),
        ("link", "/srv/link/.ssh", True),
        ("root", "/root/.ssh", True),
    ]


def test_keys_that_the_running_server_was_told_of() -> None:
    """Regression: clouds give their command for keys on sshd's command line."""
    line = "started=sshd: /usr/sbin/sshd -D -o AuthorizedKeysCommand /usr/share/eic/run %u %f -o AuthorizedKeysCommandUser eic"
    value: Any = fact("authorized_keys").value(f"{line}\nend\n", {})
    assert [(item["account"], item["path"]) for item in value] == [("*", "AuthorizedKeysCommand /usr/share/eic/run")]


def test_a_folder_s_name_turns_no_key_away() -> None:
    """Regression: a folder of a user's with a line end in its name could say that cloud-init turns root's keys away."""
    lines = [
        "== /root/.ssh/authorized_keys",
        "256 SHA256:ab x (ED25519)",
        "== /home/amal/a",
        "others=0",
        "== /x",
        "others=1",
        "end",
    ]
    with pytest.raises(ParseError):
        fact("authorized_keys").value("\n".join(lines), {})


@each_shell
def test_hidden_files_of_homes_behind_a_link(shell: list[str], tree: Path) -> None:
    """Regression: where /home is a link no file in a home was seen, and without /home none at all."""
    put(tree, "root/.netrc", "")
    put(tree, "var/home/amal/.netrc", "")
    text = re.sub(r"(?<=[ ])/(root|home)\b", rf"{tree}/\1", fact("user_files").probes["linux"].script)

    def told() -> list[str]:
        value: Any = fact("user_files").value(run(shell, ALLOWED + text).stdout.replace(f"|{tree}/", "|/"), {})
        return [item["path"] for item in value]

    (tree / "home").rmdir()
    assert told() == ["/root/.netrc"]
    (tree / "home").symlink_to(tree / "var/home")
    assert told() == ["/home/amal/.netrc", "/root/.netrc"]


def host_keys(main: str, **others: str) -> list[tuple[str, str]]:
    """What is told of StrictHostKeyChecking in such files."""
    stated = ["installed=yes", "stricthostkeychecking ask", "ciphers a", "macs b", "kexalgorithms c", "== files"]
    texts = {"/etc/ssh/ssh_config": main, **{f"/etc/ssh/ssh_config.d/{name}.conf": text for name, text in others.items()}}
    lines = [f"{path}:{line}" for path, text in texts.items() for line in text.split("\n")]
    value: Any = fact("ssh_client").value("\n".join([*stated, *lines, "end"]), {})
    return [(item["hosts"], item["value"]) for item in value["host_keys"]]


def test_host_keys_are_told_block_by_block() -> None:
    """Regression: a block for one network that takes any host key passed. What holds for every host ends what comes after it."""
    assert host_keys(
        "Host 10.* lab\n\tStrictHostKeyChecking=No\nHost *\n  StrictHostKeyChecking ask\nMatch host x\nStrictHostKeyChecking no"
    ) == [
        ("10.* lab", "no"),
        ("*", "ask"),
    ]
    included = "Include /etc/ssh/ssh_config.d/*.conf\nstricthostkeychecking\taccept-new"
    assert host_keys(included, b="Host *.lan\nStrictHostKeyChecking off", a="Match host y exec z\nStrictHostKeyChecking yes") == [
        ("Match host y exec z", "yes"),
        ("*.lan", "off"),
        ("*", "accept-new"),
    ]
    assert host_keys(included, a="Host *\nStrictHostKeyChecking ask", b="Host x\nStrictHostKeyChecking no") == [("*", "ask")]
    assert host_keys("Host x", a="StrictHostKeyChecking no") == []
