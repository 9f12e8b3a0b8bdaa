"""TMOUT in shells' start files, which are followed as the bash of this machine follows them."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import fact

_CONDITIONS = (
    '[ -z "$TMOUT" ]',
    '[ -n "$PS1" ]',
    '[ "$PS1" ]',
    "false",
    '[ -z "$PS1" ]',
    "[[ $- == *i* ]]",
    '[ "$X" = 1 ]',
    'test -z "${TMOUT:-}"',
    "! true",
    '[ "$PS1" ] && [ -z "$TMOUT" ]',
    "false; true",
    '[ "$X" ] || true',
)
_SIMPLE = (
    "TMOUT=600",
    "TMOUT='44'",
    "readonly TMOUT=900",
    "readonly TMOUT",
    "export TMOUT",
    "unset TMOUT",
    "declare -xr TMOUT=300",
    "echo hi >/dev/null",
    "TMOUT=5 true",
    ': "${TMOUT:=77}"',
    "TMOUT=${TMOUT:-88}",
    "return",
)
_COMPOUND = (
    "if {c}; then\n{a}\n{b}\nfi",
    "if {c}; then\n{a}\nelse\n{b}\nfi",
    "if {c}; then\n{a}\nelif {d}; then {s}\nelse {b}\nfi",
    "{c} && {s}",
    "{c} || {s}",
    "{c} && {s} && {t}",
    "{c} &&\n{s}",
    "{c} && {{ {a}\n}} || {s}",
    "f() {{\n{a}\n}}",
    "function g {{ {s}; }}",
    "for i in 1 2; do\n{a}\ndone",
    "while false; do {a}\ndone",
    "case $X in\n1) {a}\n;;\n*)\n{b}\n;;\nesac",
    "( {a}\n)",
    "{{ {a}\n{b}\n}}",
)


def _statement(dice: random.Random, depth: int = 0) -> str:
    if depth > 2 or dice.random() < 0.5:
        return dice.choice(_SIMPLE)
    return dice.choice(_COMPOUND).format(
        a=_statement(dice, depth + 1),
        b=_statement(dice, depth + 1),
        c=dice.choice(_CONDITIONS),
        d=dice.choice(_CONDITIONS),
        s=dice.choice(_SIMPLE),
        t=dice.choice(_SIMPLE),
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize("seed", range(60))
def test_what_bash_makes_of_a_file_is_among_what_may_be(seed: int, tmp_path: Path) -> None:
    """Whatever an interactive bash sets, the fact holds possible; so where it knows one value alone, that is the one."""
    dice = random.Random(seed)
    text = "\n".join(_statement(dice) for _ in range(dice.randint(1, 4)))
    (tmp_path / "tmout.sh").write_text(f"{text}\n")
    command = ["bash", "--norc", "--noprofile", "-ic", f". {tmp_path}/tmout.sh; declare -p TMOUT"]
    asked = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL)
    assert "syntax error" not in asked.stderr
    found = re.search(r'declare -(\S+) TMOUT(?:="(\d*)")?', asked.stdout)
    real = (int(found[2]) if found and found[2] else None, found is not None and "r" in found[1])
    lines = [f"/etc/profile.d/tmout.sh:{line}" for line in text.split("\n")]
    possible = fact("shell_timeout").value("\n".join(["/etc/profile.d/tmout.sh:", *lines, "end"]), {})["possible"]
    assert real in [(p.get("seconds"), p["readonly"]) for p in possible], text


def told(*lines: str) -> Any:
    return fact("shell_timeout").value("\n".join((*lines, "end")), {})


def idle(*lines: str, path: str = "/etc/profile.d/tmout.sh") -> list[tuple[int | None, bool]]:
    possible = told(f"{path}:", *(f"{path}:{line}" for line in lines))["possible"]
    return [(p.get("seconds"), p["readonly"]) for p in possible]


def test_idle_time_is_the_last_one_set_before_it_is_fixed() -> None:
    """Files are read in order; once TMOUT is readonly, later lines change nothing; what only a shell can tell is an error."""
    first, second = "/etc/profile.d/a.sh", "/etc/profile.d/b.sh"
    lines = (f"{first}:", f"{first}:TMOUT=600", f"{second}:", f"{second}:export TMOUT=7200")
    assert told(*lines)["possible"] == [{"seconds": 7200, "source": second, "readonly": False}]
    fixed = (f"{first}:", f"{first}:readonly TMOUT=600", f"{second}:", f"{second}:TMOUT=0", f"{second}:unset TMOUT")
    assert told(*fixed)["possible"] == [{"seconds": 600, "source": first, "readonly": True}]
    assert idle("echo $TMOUT") == [(None, False)]
    for line in ("TMOUT=$LIMIT", "eval TMOUT=600", "read TMOUT < /etc/limit"):
        with pytest.raises(ParseError):
            idle(line)
    with pytest.raises(ParseError):
        told(f"unreadable {first}")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["readonly TMOUT=900 ; export TMOUT"], (900, True)),
        (["TMOUT=900", "readonly TMOUT", "export TMOUT"], (900, True)),
        (["declare -xr TMOUT=900"], (900, True)),
        (["typeset -xr TMOUT=900  # STIG: don't wait"], (900, True)),
        (['if [ -z "$TMOUT" ]; then', "  readonly TMOUT=900", "  export TMOUT", "fi"], (900, True)),
        (['if [ -z "$TMOUT" ]; then', "  TMOUT=900", "  readonly TMOUT", "fi"], (900, True)),
        (['if [ -z "${TMOUT:-}" ]; then TMOUT=900; fi', "readonly TMOUT"], (900, True)),
        (['[ -n "$PS1" ] && TMOUT=900 && readonly TMOUT'], (900, True)),
        (["[[ $- == *i* ]] || return", "readonly TMOUT=900"], (900, True)),
        (['if [ -z "$BASHRCSOURCED" ]; then', 'if [ "$PS1" ]; then', "readonly TMOUT=900", "fi", "fi"], (900, True)),
        ([': "${TMOUT:=900}"', "readonly TMOUT"], (900, True)),
        (["TMOUT=${TMOUT:-900}", "readonly TMOUT"], (900, True)),
        (["{ TMOUT=900; readonly TMOUT; }"], (900, True)),
        (["TMOUT=900", "unset TMOUT"], (None, False)),
        (["if false; then TMOUT=600; readonly TMOUT; fi"], (None, False)),
        (["TMOUT=600 less /etc/motd"], (None, False)),
        (["return", "readonly TMOUT=600"], (None, False)),
        (["readonly TMOUT", "TMOUT=600"], (None, True)),
        (['[ -z "$TMOUT" ] && TMOUT=7200', 'if [ -z "$TMOUT" ]; then TMOUT=600; fi', "readonly TMOUT"], (7200, True)),
    ],
)
def test_idle_time_where_it_can_be_told(lines: list[str], expected: tuple[int | None, bool]) -> None:
    """What benchmarks write counts, also where it asks for an interactive shell or an unset TMOUT; what never holds does not."""
    assert idle(*lines) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        ['if [ "$USER" = amal ]; then', "  readonly TMOUT=600", "fi"],
        ["if grep -q x /etc/hosts; then :; else readonly TMOUT=600; fi"],
        ['[ "$USER" = root ] && return 0', "readonly TMOUT=600"],
        ['[ "$USER" = root ] || readonly TMOUT=600'],
        ["limit() {", "  readonly TMOUT=600", "}"],
        ["function limit {", "  readonly TMOUT=600", "}"],
        ["function limit() { readonly TMOUT=600; }"],
        ["for user in $STAFF; do readonly TMOUT=600; done"],
        ['case "$USER" in', "  amal|omar) readonly TMOUT=600 ;;", "esac"],
        ["( readonly TMOUT=600 )"],
        ["cat <<END", "readonly TMOUT=600", "END"],
        ['if [ $UID -gt 0 ] && [ -n "$PS1" ]; then readonly TMOUT=600; fi'],
        ['if [ -n "$PS1" ] && { false; }; then readonly TMOUT=600; fi'],
        ["names=(a b)", "readonly TMOUT=600"],
        ["if true; then readonly TMOUT=600"],
    ],
)
def test_idle_time_that_only_a_shell_can_tell(lines: list[str]) -> None:
    """Regression: TMOUT inside any condition, or a function that nobody may call, passed as if it were always set."""
    assert idle(*lines) == [(None, False), (600, True)]


def test_idle_time_in_the_order_of_a_log_on() -> None:
    """Regression: /etc/bash.bashrc was taken to come last, where Debian's /etc/profile reads it before /etc/profile.d."""
    profile = [
        'if [ "${PS1-}" ]; then',
        "  if [ -f /etc/bash.bashrc ]; then",
        "    . /etc/bash.bashrc",
        "  fi",
        "fi",
        "for i in /etc/profile.d/*.sh; do",
        '  if [ -r "$i" ]; then . "$i"; fi',
        "done",
        "readonly TMOUT=300",
    ]
    lines = [f"/etc/profile:{line}" for line in profile]
    lines += ["/etc/profile.d/tmout.sh:readonly TMOUT=600", "/etc/bash.bashrc:readonly TMOUT=7200"]
    assert [p["source"] for p in told(*lines)["possible"]] == ["/etc/bash.bashrc"]
    assert [p["source"] for p in told(*lines[:-1])["possible"]] == ["/etc/profile.d/tmout.sh"]


def test_idle_time_that_the_last_file_of_the_rhel_family_sets() -> None:
    """Regression: sh.local, which RHEL's /etc/profile reads after profile.d/*.sh, was not read, so what it took back passed."""
    fixed = ["/etc/profile.d/tmout.sh:TMOUT=600", "/etc/profile.d/sh.local:TMOUT=0"]
    loop = "/etc/profile:for i in /etc/profile.d/*.sh{} ; do"
    body = ['/etc/profile:  . "$i"', "/etc/profile:done", "/etc/profile:readonly TMOUT"]
    family = told(loop.format(" /etc/profile.d/sh.local"), *body, *fixed)
    assert family["possible"] == [{"seconds": 0, "source": "/etc/profile.d/sh.local", "readonly": True}]
    other = told(loop.format(""), *body, *fixed)
    assert other["possible"] == [{"seconds": 600, "source": "/etc/profile.d/tmout.sh", "readonly": True}]
    assert "sh.local" in fact("shell_timeout").probes["linux"].script
