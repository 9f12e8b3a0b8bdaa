"""Start files are followed as the bash of this machine follows them, on files made up at random."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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
