"""Files that come with the program are not gone through again; whatever differs in one byte is."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.expressions import compile_check
from auditor.loading import load_workspace, stock_root
from auditor.loading.shipped import is_shipped
from tests.loading.conftest import Workspace

ROOT = Path(__file__).parents[2]
CHECK = ROOT / "checks" / "ssh" / "ssh-root-login.yaml"


def test_the_list_has_all_that_comes_with_the_program() -> None:
    """Whoever changes a check runs scripts/docs, which finds its mistakes first."""
    found = [("check", path) for path in ROOT.glob("checks/*/*.yaml")]
    found += [("control", path) for path in ROOT.glob("policies/iso27001-2022/A.*.yaml")]
    assert len(found) > 400
    assert [path for kind, path in found if not is_shipped(kind, path.read_bytes())] == []


def test_loading_is_the_same_with_and_without_the_list() -> None:
    quick, thorough = load_workspace(stock_root()), load_workspace(stock_root(), thorough=True)
    assert quick == thorough
    assert quick.catalogue is not None
    assert thorough.catalogue is not None
    assert all(check.shipped for check in quick.catalogue.checks.values())
    assert not any(check.shipped for check in thorough.catalogue.checks.values())


def test_a_shipped_check_compiles_to_the_same_expressions() -> None:
    """Only what is asked of types is left out: what is evaluated, named and remembered is as ever."""
    quick, thorough = load_workspace(ROOT).catalogue, load_workspace(ROOT, thorough=True).catalogue
    assert quick is not None
    assert thorough is not None
    for name, check in quick.checks.items():
        (ours, mistakes), (whole, _) = compile_check(check), compile_check(thorough.checks[name])
        assert not mistakes
        assert ours is not None
        assert whole is not None
        assert (ours.names, ours.beside, ours.asset_fields, ours.mapped, ours.shown_of) == (
            whole.names, whole.beside, whole.asset_fields, whole.mapped, whole.shown_of
        )  # fmt: skip
        assert (ours.gathering is None) == (whole.gathering is None)
        for program in ("expect", "applies", "for_each", "where", "decidable", "subject", "observed", "expected"):
            one, other = getattr(ours, program), getattr(whole, program)
            assert (one and one.source) == (other and other.source)


def test_a_shipped_check_that_was_changed_is_gone_through(workspace: Workspace) -> None:
    """One letter more in an expression: the list has no such file."""
    content = CHECK.read_text(encoding="utf-8")
    workspace.write("checks/ssh/ssh-root-login.yaml", content)
    assert not [m for m in workspace.load().mistakes if m.file == "checks/ssh/ssh-root-login.yaml"]
    workspace.write("checks/ssh/ssh-root-login.yaml", content.replace("sshd.permitrootlogin", "sshd.permitrootlogins", 1))
    assert [m for m in workspace.load().mistakes if m.file == "checks/ssh/ssh-root-login.yaml"]


@pytest.mark.parametrize("kind", ["control", "policy", "framework", "overlay", "inventory", "settings"])
def test_a_shipped_check_is_no_other_kind_of_file(kind: str) -> None:
    assert is_shipped("check", CHECK.read_bytes())
    assert not is_shipped(kind, CHECK.read_bytes())
