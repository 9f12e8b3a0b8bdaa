"""A new check begins whole: whatever fact it rests on, its file loads and its two cases hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import ConfigurationError, UsageError
from auditor.facts import FACTS, Fact
from auditor.facts import by_name as known
from auditor.loading import load_workspace, stock_root
from auditor.workflow.authoring import new_check
from auditor.workflow.cases import run_cases
from auditor.workflow.setup import init_workspace
from auditor.workflow.workspace import open_workspace


def by_name(name: str) -> Fact:
    fact = known(name)
    assert fact is not None
    return fact


ARGUMENTS = {"systemd_config": {"name": "journald.conf"}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a new check for every fact; those whose example does not show their argument are given it."""
    root = tmp_path_factory.mktemp("authoring") / "workspace"
    init_workspace(root, stock=stock_root())
    catalogue = open_workspace(root)
    for fact in FACTS:
        new_check(catalogue, f"new-{fact.name.replace('_', '-')}", fact, None, ARGUMENTS.get(fact.name))
    return root


def test_a_new_check_over_any_fact_loads_and_its_cases_hold(workspace: Path) -> None:
    """No author starts from a file that is wrong."""
    loaded = load_workspace(workspace)
    assert loaded.mistakes == ()
    assert loaded.catalogue is not None
    fresh = [c for c in loaded.catalogue.checks.values() if c.area == "new"]
    assert len(fresh) == len(FACTS)
    for one in fresh:
        assert all(result.passed for result in run_cases(one, workspace)), one.id


def test_the_arguments_of_a_fact_are_in_the_file(tmp_path: Path) -> None:
    """Regression: the file over a fact with an argument lacked it, and from then on no command of the workspace would run. Given,
    the argument stands in the file and in the value of its cases; else it is that of the example; else it is asked for."""
    init_workspace(tmp_path / "workspace", stock=stock_root())
    catalogue = open_workspace(tmp_path / "workspace")
    given = new_check(catalogue, "new-motd", by_name("file_text"), None, {"path": "/etc/motd"}).read_text()
    assert "facts: {file_text: {file_text: {path: /etc/motd}}}" in given
    assert given.count("path: /etc/motd") == 3
    assert "{file_stat: {path: /etc/shadow}}" in new_check(catalogue, "new-shadow", by_name("file_stat"), None).read_text()
    for name, arguments in (("systemd_config", {}), ("file_text", {"pth": "/etc/motd"}), ("sshd", {"path": "/etc/motd"})):
        with pytest.raises(UsageError):
            new_check(catalogue, "new-other", by_name(name), None, arguments)
    assert load_workspace(tmp_path / "workspace").mistakes == ()


def test_a_file_that_would_not_load_is_not_written(tmp_path: Path) -> None:
    """Regression: whatever came of the fact was written, and told as written, before anybody had looked whether it loads."""
    init_workspace(tmp_path / "workspace", stock=stock_root())
    fact = by_name("file_text")
    wrong = replace(fact, example={"path": "/etc/motd", "exists": "perhaps"})
    with pytest.raises(ConfigurationError) as refused:
        new_check(open_workspace(tmp_path / "workspace"), "new-motd", wrong, None)
    assert all("new-motd.yaml" in mistake for mistake in refused.value.mistakes)
    assert not (tmp_path / "workspace" / "checks" / "new").exists()


@pytest.mark.parametrize(
    ("check_id", "area"), [("Root-Login", None), ("root", None), ("a-b/../c", None), ("ssh-root-login", None), ("a-b", "../x")]
)
def test_a_name_that_cannot_be_is_refused(workspace: Path, check_id: str, area: str | None) -> None:
    """Nothing is written outside checks/, and no check is written over."""
    before = sorted(workspace.rglob("*"))
    with pytest.raises(UsageError):
        new_check(open_workspace(workspace), check_id, FACTS[0], area)
    assert sorted(workspace.rglob("*")) == before
