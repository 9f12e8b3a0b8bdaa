"""Which jails fail2ban runs, held against how Python, in which it is written, reads such files."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ParseError
from tests.facts.hosts import SHELLS, fact, run, script

DEFAULTS = """\
[INCLUDES]
before = paths-debian.conf
[DEFAULT]
enabled = false
filter = %(__name__)s[mode=%(mode)s]
[sshd]
port = ssh
"""
NAMES = ("jail.conf", "jail.d/10.conf", "jail.d/9.conf", "jail.local", "jail.d/a.local")
"""In fail2ban's order."""


def probed(folder: Path, files: dict[str, str], shell: list[str] | None = None, **more: Any) -> Any:
    """The fact's value on a host with these files; None where the probe refuses."""
    home = folder / "fail2ban"
    (home / "jail.d").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (home / name).write_text(content)
    done = run(shell or ["dash"], script("fail2ban").replace("/etc/fail2ban", str(home)), **more)
    return None if done.returncode else fact("fail2ban").value(done.stdout, {})


def names(value: Any) -> list[str]:
    """The jails that run."""
    return [jail["name"] for jail in value["jails"]]


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_a_later_file_overrides_an_earlier_one(shell: list[str], tmp_path: Path) -> None:
    """The package's own files come before those of the administrator."""
    assert names(probed(tmp_path, {"jail.conf": DEFAULTS}, shell)) == []
    assert names(probed(tmp_path, {"jail.d/defaults-debian.conf": "[sshd]\nenabled = true\n"}, shell)) == ["sshd"]
    assert names(probed(tmp_path, {"jail.local": "[sshd]\nENABLED: off ; not yet\n"}, shell)) == []
    found = probed(tmp_path, {"jail.d/own.local": "[DEFAULT]\nenabled = Yes\n[mail]\nfilter = postfix[mode=auth]\n"}, shell)
    assert found == {"installed": True, "jails": [{"name": "mail", "filter": "postfix"}], "unclear": []}


def test_what_is_no_setting_is_none(tmp_path: Path) -> None:
    """Comments, and lines that go on with the value before them."""
    content = "[sshd]\n#enabled = true\n; enabled = true\nlogpath = /var/log/auth.log\n  enabled = true\nenabled_by = x\n"
    assert names(probed(tmp_path, {"jail.local": content})) == []


def test_what_the_files_alone_do_not_tell_is_unclear(tmp_path: Path) -> None:
    """A setting that others make, and files that are read besides."""
    content = "[INCLUDES]\nafter = more.conf\n[sshd]\nenabled = %(guarded)s\n[postfix]\nenabled = true\n"
    found = probed(tmp_path, {"jail.conf": DEFAULTS, "jail.local": content})
    assert (names(found), found["unclear"]) == (["postfix"], ["after = more.conf", "[sshd] enabled = %(guarded)s"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("closed", ["", "jail.d", "jail.local"])
def test_a_closed_file_is_not_one_without_jails(open_folder: Path, closed: str) -> None:
    """The probe refuses."""
    files = {"jail.conf": DEFAULTS, "jail.local": "[sshd]\nenabled = true\n"}
    assert names(probed(open_folder, files, user="nobody", cwd="/")) == ["sshd"]
    (open_folder / "fail2ban" / closed).chmod(0o600)
    assert probed(open_folder, {}, user="nobody", cwd="/") is None


@pytest.mark.parametrize("line", ["line=enabled = true", "line=[sshd", "lines=", "odd"])
def test_what_does_not_belong_there_is_refused(line: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ParseError):
        fact("fail2ban").value(f"installed=yes\nfile=/etc/fail2ban/jail.conf\n{line}\nend\n", {})


SECTIONS = st.dictionaries(
    st.sampled_from(["DEFAULT", "sshd", "ssh-2222", "mail"]),
    st.fixed_dictionaries({}, optional={"enabled": st.sampled_from(["true", "false", "1", "0", "Yes", "NO", "on", "off"])}),
)


@given(st.lists(SECTIONS, min_size=5, max_size=5))
def test_as_python_reads_such_files(told: list[dict[str, dict[str, str]]]) -> None:
    """Whatever is said in whichever file."""
    reader = configparser.RawConfigParser()
    lines = ["installed=yes"]
    for name, sections in zip(NAMES, told, strict=True):
        own = [line for title, values in sections.items() for line in (f"[{title}]", *(f"{k} = {v}" for k, v in values.items()))]
        reader.read_string("\n".join(own))
        lines += [f"file={name}", *(f"line={line}" for line in own)]
    value: Any = fact("fail2ban").value("\n".join([*lines, "end", ""]), {})
    assert names(value) == [title for title in reader.sections() if reader.getboolean(title, "enabled", fallback=False)]
    assert value["unclear"] == []
