"""A department's own list becomes its inventory, whole or not at all, and only where the next night can use it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.loading.yaml_reader import MAX_BYTES
from auditor.model import Text
from auditor.workflow.importing import ImportOutcome, import_inventory
from tests.loading.conftest import FILES, Workspace

MAINTENANCE = 'maintenance: [{from: "2026-01-01 00:00", until: "2026-01-02 00:00", hosts: [web-1], reason: {en: a, ar: ع}}]'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace that loads without a mistake."""
    made = Workspace(tmp_path)
    for name, content in FILES.items():
        made.write(name, content)
    return made


def bring(workspace: Workspace, rows: str, department: str = "health", title: str = "") -> ImportOutcome:
    catalogue = workspace.load().catalogue
    assert catalogue is not None
    workspace.write("hosts.csv", rows)
    return import_inventory(catalogue, workspace.root / "hosts.csv", department, Text(title, title))


def refused(workspace: Workspace, rows: str, said: str) -> None:
    """The import says what would be wrong, and leaves the file as it was."""
    target = workspace.root / "inventories/health.yaml"
    before = target.read_bytes()
    outcome = bring(workspace, rows)

    assert (outcome.hosts, len(outcome.mistakes)) == (0, 1)
    assert said in outcome.mistakes[0].message
    assert target.read_bytes() == before
    assert workspace.mistakes() == []


def test_what_is_brought_in_is_used(workspace: Workspace) -> None:
    """Into the inventory that is there, or into a new one, in a folder that is not there yet."""
    assert (bring(workspace, "name,address\nweb-2,10.1.1.12\n").hosts, workspace.mistakes()) == (1, [])
    catalogue = workspace.load().catalogue
    assert catalogue is not None
    for file in (workspace.root / "inventories").iterdir():
        file.unlink()
    (workspace.root / "inventories").rmdir()
    outcome = import_inventory(catalogue, workspace.root / "hosts.csv", "tourism", Text("Tourism", "السياحة"))
    assert (outcome.hosts, outcome.mistakes, outcome.path.is_file()) == (1, (), True)


def test_a_uid_of_another_department_is_refused(workspace: Workspace) -> None:
    """Regression: it was written with success, and the next night set both departments aside."""
    refused(
        workspace, "uid,name,address\nfinance-web-1,x,10.1.1.70\n", "the uid finance-web-1 is also in inventories/finance.yaml"
    )


def test_a_new_name_is_refused_while_a_maintenance_says_the_old(workspace: Workspace) -> None:
    """Regression: the host was renamed with success, and its department set aside the next night."""
    workspace.replace("health.yaml", "Asia/Riyadh", f"Asia/Riyadh\n{MAINTENANCE}")
    refused(workspace, "name,address\nwww-1,10.1.1.11\n", "there is no host 'web-1'")


def test_an_inventory_larger_than_is_read_is_refused(workspace: Workspace) -> None:
    """Regression: it was written with success, and could be neither audited nor imported into again."""
    tags = ";".join(f"tag-{n}" for n in range(40))
    rows = "".join(f"srv-{n},10.50.{n // 250}.{n % 250},{tags}\n" for n in range(2500))
    refused(workspace, f"name,address,tags\n{rows}", f"at most {MAX_BYTES} are read")


def test_an_import_says_what_it_changed(workspace: Workspace) -> None:
    """Regression: after a list of two was brought into a file of three, it said that 2 hosts were in the file."""
    outcome = bring(workspace, "name,address,role\nweb-1,10.1.1.11,web\nweb-2,10.1.1.12,web\nweb-3,10.1.1.13,web\n")
    assert (outcome.hosts, outcome.new, outcome.changed, outcome.others) == (3, 2, 0, ("db-1",))
    outcome = bring(workspace, "name,address,role\nweb-2,10.1.1.12,db\nweb-3,10.1.1.13,web\n")
    assert (outcome.hosts, outcome.new, outcome.changed, outcome.others) == (2, 0, 1, ("web-1", "db-1"))


def test_an_inventory_keeps_its_rights_and_its_place(workspace: Workspace, tmp_path: Path) -> None:
    """Regression: a private inventory came out readable by all, and a link to one was replaced by a file of its own."""
    target, real = workspace.root / "inventories/health.yaml", tmp_path / "shared.yaml"
    target.rename(real)
    target.symlink_to(real)
    real.chmod(0o600)
    before = real.read_bytes()
    assert bring(workspace, "name,address\nweb-2,10.1.1.12\n").hosts == 1
    assert (target.is_symlink(), real.stat().st_mode & 0o777, real.read_bytes() != before) == (True, 0o600, True)
    real.chmod(0o664)
    assert bring(workspace, "name,address\nweb-3,10.1.1.13\n").hosts == 1
    assert real.stat().st_mode & 0o777 == 0o664


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_an_inventory_stays_its_owners(workspace: Workspace) -> None:
    """What root brings in, the account that audits must be able to read as before."""
    target = workspace.root / "inventories/health.yaml"
    os.chown(target, 1234, 1235)
    target.chmod(0o600)
    assert bring(workspace, "name,address\nweb-2,10.1.1.12\n").hosts == 1
    assert (target.stat().st_uid, target.stat().st_gid, target.stat().st_mode & 0o777) == (1234, 1235, 0o600)


@pytest.mark.parametrize("name", [".health.yaml.part", ".health.yaml.PID"])
def test_an_import_writes_through_no_link(workspace: Workspace, tmp_path: Path, name: str) -> None:
    """Regression: a link that somebody had laid under the name of the draft led to a file of their choice."""
    prey = tmp_path / "prey"
    prey.write_text("mine")
    (workspace.root / "inventories" / name.replace("PID", str(os.getpid()))).symlink_to(prey)
    assert bring(workspace, "name,address\nweb-2,10.1.1.12\n").hosts == 1
    assert prey.read_text() == "mine"


def test_a_folder_that_is_a_file_is_told(workspace: Workspace) -> None:
    """Regression: a bare NotADirectoryError, which is an internal error."""
    catalogue = workspace.load().catalogue
    assert catalogue is not None
    workspace.write("hosts.csv", "name,address\nweb-2,10.1.1.12\n")
    lost = replace(catalogue, settings=replace(catalogue.settings, inventories=workspace.root / "hosts.csv" / "inventories"))
    with pytest.raises(UsageError, match="cannot be written"):
        import_inventory(lost, workspace.root / "hosts.csv", "tourism", Text("Tourism", "السياحة"))
