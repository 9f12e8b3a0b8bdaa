"""What an inventory may say only where nobody but the auditor's own account can change it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.loading.conftest import Workspace

HEALTH = "inventories/health.yaml"
SAID = ("password_command: pass show audit", "password_env: AUDIT_PASSWORD", "ssh_config: ssh/config")
OTHER = 65534


def mistakes(workspace: Workspace, said: str, *, mode: int = 0o644, owner: int = 0, group: int = 0) -> list[str]:
    """What is wrong with the inventory where one of its hosts says this, and the file is whose and as open as told."""
    path = Path(workspace.root, HEALTH)
    path.write_text(path.read_text().replace("address: 10.1.1.11", f"address: 10.1.1.11, {said}"))
    if os.geteuid() == 0:
        os.chown(path, owner, group)
    path.chmod(mode)
    return [str(m) for m in workspace.load().mistakes]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize(("mode", "owner", "group"), [(0o644, OTHER, OTHER), (0o664, 0, OTHER), (0o666, 0, 0)])
def test_an_officer_s_file_cannot_have_the_auditor_run_or_tell_anything(
    workspace: Workspace, said: str, mode: int, owner: int, group: int
) -> None:
    """Regression: whoever could edit one department's file ran commands as the account that has all departments' keys."""
    (told,) = mistakes(workspace, said, mode=mode, owner=owner, group=group)
    assert f"{said.partition(':')[0]} may stand only in a file that nobody but the auditor's own account can change" in told


@pytest.mark.parametrize("said", SAID)
def test_its_own_file_may(workspace: Workspace, said: str) -> None:
    assert mistakes(workspace, said) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("said", ["ssh_config: none", "key: ~/.ssh/audit", "user: audit"])
def test_what_runs_and_tells_nothing_may_stand_anywhere(workspace: Workspace, said: str) -> None:
    assert mistakes(workspace, said, mode=0o666, owner=OTHER, group=OTHER) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_whose_the_settings_are_may(workspace: Workspace) -> None:
    """Root audits the workspace of whoever called it, who could name commands in auditor.toml as well."""
    os.chown(Path(workspace.root, "auditor.toml"), OTHER, OTHER)
    assert mistakes(workspace, SAID[0], owner=OTHER, group=OTHER) == []
