"""A new check begins whole: whatever fact it rests on, its file loads and its two cases hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.facts import FACTS
from auditor.loading import load_workspace, stock_root
from auditor.workflow.authoring import new_check
from auditor.workflow.cases import run_cases
from auditor.workflow.setup import init_workspace
from auditor.workflow.workspace import open_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a new check for every fact that needs no argument."""
    root = tmp_path_factory.mktemp("authoring") / "workspace"
    init_workspace(root, stock=stock_root())
    catalogue = open_workspace(root)
    for fact in FACTS:
        if not fact.arguments:
            new_check(catalogue, f"new-{fact.name.replace('_', '-')}", fact, None)
    return root


def test_a_new_check_over_any_fact_loads_and_its_cases_hold(workspace: Path) -> None:
    """No author starts from a file that is wrong."""
    loaded = load_workspace(workspace)
    assert loaded.mistakes == ()
    assert loaded.catalogue is not None
    fresh = [c for c in loaded.catalogue.checks.values() if c.area == "new"]
    assert len(fresh) == sum(not fact.arguments for fact in FACTS)
    for one in fresh:
        assert all(result.passed for result in run_cases(one, workspace)), one.id


@pytest.mark.parametrize(
    ("check_id", "area"), [("Root-Login", None), ("root", None), ("a-b/../c", None), ("ssh-root-login", None), ("a-b", "../x")]
)
def test_a_name_that_cannot_be_is_refused(workspace: Path, check_id: str, area: str | None) -> None:
    """Nothing is written outside checks/, and no check is written over."""
    before = sorted(workspace.rglob("*"))
    with pytest.raises(UsageError):
        new_check(open_workspace(workspace), check_id, FACTS[0], area)
    assert sorted(workspace.rglob("*")) == before
