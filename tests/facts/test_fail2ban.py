"""What fail2ban's client says, and what it may not be taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, REFUSED, SHELLS, fact, run, script

ALL_SHELLS = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
SAYS = {
    "two jails": ("Status\\n|- Number of jail:\\t2\\n`- Jail list:\\tdropbear, sshd\\n", 0, (True, ["dropbear", "sshd"])),
    "none": ("Status\\n|- Number of jail:\\t0\\n`- Jail list:\\t\\n", 0, (True, [])),
    "stopped": ("ERROR Failed to access socket path: /run/f/f.sock. Is fail2ban running?\\n", 255, (False, [])),
    "closed": ("ERROR Permission denied to socket: /run/f/f.sock, (you must be root)\\n", 255, None),
    "broken": ("Traceback (most recent call last):\\n", 1, None),
    "silent": ("", 0, None),
}


def asked(shell: list[str], folder: Path, said: str = "", status: int = 0, before: str = ALLOWED) -> Any:
    """The fact's value on a host whose client says that; None where the probe refuses."""
    client = folder / "client"
    client.write_text(f"#!/bin/sh\nprintf '{said}'\nexit {status}\n")
    client.chmod(0o755)
    done = run(shell, before + script("fail2ban").replace("/usr/bin/fail2ban-client", str(client)))
    return None if done.returncode else fact("fail2ban").value(done.stdout, {})


@ALL_SHELLS
@pytest.mark.parametrize("said", SAYS)
def test_what_the_client_says(shell: list[str], said: str, tmp_path: Path) -> None:
    """Only its own word that nothing runs means that; anything else is no answer."""
    text, status, expected = SAYS[said]
    found = asked(shell, tmp_path, text, status)
    assert expected == (found and (found["running"], found["jails"]))


@ALL_SHELLS
def test_refused_is_not_stopped(shell: list[str], tmp_path: Path) -> None:
    """Without sudo nothing is known; without the program nothing has to be asked."""
    assert asked(shell, tmp_path, before=REFUSED) is None
    done = run(shell, REFUSED + script("fail2ban").replace("/usr/bin/fail2ban-client", str(tmp_path / "none")))
    assert fact("fail2ban").value(done.stdout, {}) == {"installed": False, "running": False, "jails": []}


@given(st.lists(st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True)))
def test_names_come_as_they_are(names: list[str]) -> None:
    """However many."""
    value: Any = fact("fail2ban").value(f"installed=yes\nrunning=yes\njails={', '.join(names)}\nend\n", {})
    assert value["jails"] == names


@pytest.mark.parametrize(
    "lines", ["installed=yes", "installed=yes\nrunning=yes", "running=no", "installed=no\njails=sshd", "odd"]
)
def test_what_does_not_belong_there_is_refused(lines: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ParseError):
        fact("fail2ban").value(f"{lines}\nend\n", {})
