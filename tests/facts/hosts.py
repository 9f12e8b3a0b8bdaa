"""Runs the fragments of facts as a host would, and finds what is stored of them."""

from __future__ import annotations

import json
import os
import shlex
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.facts import FACTS, Fact, by_name
from auditor.model import Scalar

GOLDENS = Path(__file__).parents[1] / "golden" / "facts"
HOST_FACTS = tuple(fact for fact in FACTS if fact.network is None)
OUTPUTS = tuple(path for fact in HOST_FACTS for path in sorted((GOLDENS / fact.name).glob("*.txt")))
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ALLOWED = 'as_root() { "$@"; }\n'
REFUSED = "as_root() { return 1; }\n"


def fact(name: str) -> Fact:
    """The fact of that name, which there must be."""
    found = by_name(name)
    assert found is not None
    return found


def stored(path: Path) -> Any:
    """What stands beside an output: its source, the arguments and the value."""
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def arguments(name: str) -> dict[str, Scalar]:
    """Arguments that a fact can be read with: those of its first golden."""
    args: dict[str, Scalar] = stored(min((GOLDENS / name).glob("*.txt")))["args"]
    return args


def script(name: str, args: Mapping[str, Scalar] | None = None) -> str:
    """A fact's fragment with its arguments before it."""
    given = arguments(name) if args is None else args
    lines = "".join(f"arg_{key}={shlex.quote(str(value))}\n" for key, value in given.items())
    return lines + fact(name).probes["linux"].script


def run(shell: list[str], text: str, path: str = PATH, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a text of shell with the environment that the auditor gives."""
    environment = {"LC_ALL": "C", "PATH": path}
    return subprocess.run([*shell, "-s"], input=text, env=environment, capture_output=True, text=True, timeout=120, **more)


def audit_rules(
    *rules: str, saved: tuple[str, ...] = (), folders: tuple[str, ...] = (), machine: str = "x86_64", enabled: int = 1
) -> Any:
    """The fact's value, of rules as auditctl prints them and as a file has them."""
    lines = [
        "installed=yes",
        f"machine={machine}",
        f"enabled={enabled}",
        *(f"loaded={rule}" for rule in rules),
        *(f"saved=/etc/audit/rules.d/a.rules:{rule}" for rule in saved),
        *(f"folder={path}" for path in folders),
        "end",
        "",
    ]
    return fact("audit_rules").value("\n".join(lines), {})


def let_in(path: Path, rights: int) -> None:
    """An access control list by which the user 4242 has these rights; the test is skipped where none can be made."""
    nobody = 0xFFFFFFFF
    entries = ((1, 6, nobody), (2, rights, 4242), (4, 0, nobody), (0x10, rights, nobody), (0x20, 0, nobody))
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
    except OSError:
        pytest.skip("the file system of temporary files takes no access control lists")
