"""Every check of the library: its cases hold, it can pass and can fail, and it was tried on real output."""

from __future__ import annotations

import json
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


def goldens_in(value: object) -> list[str]:
    if isinstance(value, dict):
        if set(value) == {"golden"}:
            return [f"{value['golden']}.json"]
        return [name for inner in value.values() for name in goldens_in(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in goldens_in(inner)]
    return []
