"""The plan and what it prints for others: never less than it seems."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Workspace

HOSTS = "department: remote\ntitle: {{en: Remote, ar: بعيدة}}\nhosts:\n{hosts}"
HOST = "  - {{uid: remote-{n}, name: remote-{n}, address: 10.0.0.{n}{more}}}\n"
NETWORK = "department: net\ntitle: {en: Net, ar: شبكة}\nnetworks:\n  - {uid: net-1, name: net-1, address: 10.0.1.0/24}\n"


def test_sudoers_lines_name_the_hosts_that_they_lack(full: Workspace, tmp_path: Path) -> None:
    """Regression: for hosts without a login user nothing was printed, with exit code 0, which reads as "nothing is needed"."""
    workspace = Workspace(Path(shutil.copytree(full.root, tmp_path / "workspace")))
    named = HOST.format(n=1, more=", user: auditor")
    hosts = HOSTS.format(hosts=named + HOST.format(n=2, more="") + HOST.format(n=3, more=", sudo: false"))
    workspace.inventory("remote", hosts)
    some = workspace.call("plan", "--sudoers", "--department", "remote")
    assert some.returncode == 0, some.stderr
    assert some.stdout.count(b"NOPASSWD") == 1
    assert "the inventory names no user who logs in to: remote-2; add user:" in some.stderr.decode()
    none = workspace.call("plan", "--sudoers", "--host", "remote-2")
    assert (none.returncode, none.stdout) == (2, b"")
    assert b"no user who logs in to: remote-2" in none.stderr
    whole = workspace.call("plan", "--sudoers", "--host", "remote-1")
    assert (whole.returncode, whole.stderr) == (0, b"")


def test_sudoers_lines_of_what_needs_none_say_so(workspace: Workspace) -> None:
    """Regression: a network has nobody who logs in, and an empty file was printed for it; nor is one told apart from a plan that
    needs no right at all."""
    workspace.inventory("net", NETWORK)
    network = workspace.call("plan", "--sudoers", "--department", "net")
    assert (network.returncode, network.stdout) == (2, b"")
    assert b"networks are looked at from outside" in network.stderr
    workspace.inventory("remote", HOSTS.format(hosts=HOST.format(n=1, more=", user: root")))
    root = workspace.call("plan", "--sudoers", "--department", "remote")
    assert (root.returncode, root.stdout) == (0, b"")
    assert b"Sudo need permit nothing" in root.stderr


@pytest.mark.parametrize("command", ["audit", "plan"])
def test_a_check_that_is_never_run_is_refused(workspace: Workspace, command: str) -> None:
    """Regression: an audit of a check that no control names ran nothing, found nothing and ended well."""
    folder = workspace.root / "checks" / "files"
    (folder / "other-file.yaml").write_text((folder / "lesser-file.yaml").read_text().replace("id: lesser", "id: other"))
    done = workspace.call(command, "--check", "other-file")
    assert done.returncode == 2
    assert b"no control of national-2026 names the check other-file" in done.stderr
    noted = workspace.call("validate")
    assert noted.returncode == 0
    assert b"checks/files/other-file.yaml:1:1: no control names the check other-file" in noted.stdout
    policy = workspace.root / "policies" / "national-2026.yaml"
    policy.write_text(policy.read_text() + "excluded_checks: [lesser-file]\n")
    excluded = workspace.call(command, "--check", "lesser-file")
    assert excluded.returncode == 2
    assert b"national-2026 excludes the check lesser-file" in excluded.stderr


def test_the_departments_own_checks_are_in_the_plan(full: Workspace) -> None:
    """Regression: the table and CSV left out what is judged of a department as a whole: fewer checks than the audit runs."""
    planned = json.loads(full.call("plan", "--format", "json").stdout)
    (department,) = planned["departments"]
    wanted = [len(a["checks"]) for a in department["assets"]] + [len(department["checks"])]
    assert wanted[-1] > 0
    rows = list(csv.DictReader(io.StringIO(full.call("plan", "--format", "csv").stdout.decode("utf-8-sig"))))
    assert [int(row["Checks"]) for row in rows] == wanted
    own = rows[-1]
    told = [own[name] for name in ("Asset", "Kind", "Address", "Connection", "Probes")]
    assert told == ["department:example", "department", "", "", "0"]
    one = full.call("plan", "--host", "example-this-machine")
    assert b"department:example" not in one.stdout  # of some hosts it cannot be judged, and is not


def test_a_network_cannot_be_logged_in_to(workspace: Workspace) -> None:
    """Regression: a network was asked for a login, and "not reached" was the answer."""
    workspace.inventory("net", NETWORK)
    done = workspace.call("hosts", "test", "net-1")
    assert done.returncode == 2
    assert b"net-1 is a network, which cannot be logged in to" in done.stderr
