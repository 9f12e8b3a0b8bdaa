"""The audit rules that a remedy writes are such that its check passes: each is followed, and what it wrote judged as loaded."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.loading import load_workspace
from auditor.model import Case, Check, Json, VerdictKind
from auditor.workflow.cases import run_cases
from tests.facts.hosts import audit_rules

ROOT = Path(__file__).parents[2]
LOADED = load_workspace(ROOT)
CHECKS = [
    check
    for check in sorted(LOADED.catalogue.checks.values() if LOADED.catalogue else (), key=lambda c: c.id)
    if "50-baseline.rules" in check.remediation_shell
]


def followed(check: Check, folder: Path) -> tuple[str, ...]:
    """The rules that a remedy leaves after it was followed twice for each path that a finding may name."""
    paths = next((param.default for param in check.params if param.name == "paths"), None)
    for path in 2 * (paths if isinstance(paths, list) else [""]):
        shell = check.remediation_shell.replace("/etc/audit/rules.d", str(folder)).replace("-w PATH", f"-w {path}")
        subprocess.run(["sh", "-eu"], input=f"augenrules() {{ :; }}\n{shell}", text=True, check=True)
    return tuple((folder / "50-baseline.rules").read_text().splitlines())


def judged(check: Check, rules: tuple[str, ...]) -> str:
    """The verdict of a host on which these rules are saved and loaded."""
    given: dict[str, Json] = {"audit_rules": audit_rules(*rules, saved=rules)}
    given |= {use.variable: {"path": "", "exists": False} for use in check.facts if use.fact == "file_stat"}
    case = Case(name="followed", verdict=VerdictKind.PASS.value, given=given)
    return run_cases(replace(check, cases=(case,)), Path())[0].got


def test_all_of_them_are_looked_at() -> None:
    """Six checks of calls and four of files."""
    assert len(CHECKS) == 10


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_remedy_of_audit_rules_mends(check: Check, tmp_path: Path) -> None:
    """Without the rules the check fails; with those that the remedy writes, and nothing else, it passes."""
    assert judged(check, ()) == VerdictKind.FAIL.value
    rules = followed(check, tmp_path)
    assert len(rules) == len(set(rules))
    assert judged(check, rules) == VerdictKind.PASS.value


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_never_ahead_of_a_remedy_is_seen(check: Check, tmp_path: Path) -> None:
    """Regression (false pass): a rule that comes first and leaves one program out leaves out what that program does."""
    rules = followed(check, tmp_path)
    never = "-a never,exit -F arch=b64 -S all -F exe=/usr/bin/python3"
    assert judged(check, (never, *rules)) == VerdictKind.FAIL.value
    assert judged(check, (*rules, never)) == VerdictKind.PASS.value
