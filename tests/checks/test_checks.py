"""Every check of the library: its cases hold, it can pass and can fail, and it was tried on real output."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from auditor.loading import load_workspace
from auditor.model import Check, VerdictKind
from auditor.workflow.cases import run_cases

ROOT = Path(__file__).parents[2]
GOLDENS = ROOT / "tests" / "golden" / "facts"
LOADED = load_workspace(ROOT)
CHECKS = sorted(LOADED.catalogue.checks.values(), key=lambda c: c.id) if LOADED.catalogue else []


def test_the_library_loads() -> None:
    """The stock files have no mistake, and there are at least forty checks in both languages."""
    assert LOADED.mistakes == ()
    assert len(CHECKS) >= 40


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_cases(check: Check) -> None:
    """Each case gives the verdict it promises, none is left out, and the check can both pass and fail."""
    results = run_cases(check, GOLDENS)
    assert [(r.case, r.expected) for r in results] == [(r.case, r.got or r.detail) for r in results]
    kinds = {case.verdict for case in check.cases}
    assert {VerdictKind.PASS.value, VerdictKind.FAIL.value} <= kinds


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_one_case_rests_on_real_output(check: Check) -> None:
    """At least one case is given what a real command printed."""
    sources = [
        json.loads((GOLDENS / use.fact / name).with_suffix(".json").read_text(encoding="utf-8"))["source"]
        for case in check.cases
        for use in check.facts
        for name in goldens_in(case.given.get(use.variable))
    ]
    assert any(source.startswith("real") for source in sources)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_what_is_expected_does_not_change_with_the_night(check: Check) -> None:
    """Regression: an expected value told from `now` made every open finding change each night."""
    assert not re.search(r"\bnow\b|observed_at", check.expected or "")


def test_breadth_is_real() -> None:
    """At least 220 checks on at least 60 facts, no more than 80 of them on single keys of sysctl or sshd."""
    assert len(CHECKS) >= 220
    assert len({use.fact for check in CHECKS for use in check.facts}) >= 60
    assert sum({use.fact for use in check.facts} <= {"sysctl", "sshd"} for check in CHECKS) <= 80


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_is_proved_twice_each_way(check: Check) -> None:
    """Two cases that pass and two that fail, at the least."""
    verdicts = Counter(case.verdict for case in check.cases)
    assert min(verdicts[VerdictKind.PASS.value], verdicts[VerdictKind.FAIL.value]) >= 2


def goldens_in(value: object) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"golden"}:
            return [f"{value['golden']}.json"]
        return [name for inner in value.values() for name in goldens_in(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in goldens_in(inner)]
    return []
