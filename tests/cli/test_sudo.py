"""Through sudo the ledger's account acts for whoever calls it: in a workspace that nobody else can change, and never over its own
files."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.loading.callers import open_as_caller

from .conftest import Workspace

SERVICE, CALLER = os.geteuid(), "54321"


def through_sudo(workspace: Workspace, *args: str, root: Path | None = None) -> tuple[int, str]:
    called = workspace.call(*args, SUDO_UID=CALLER, AUDITOR_WORKSPACE=str(root or workspace.root))
    return called.returncode, called.stderr.decode()


@pytest.fixture
def _no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an account that is not root: a test may run as root, whose folders such an account believes too."""
    monkeypatch.setattr(os, "geteuid", lambda: SERVICE or 54320)


@pytest.mark.usefixtures("_no_root")
@pytest.mark.parametrize(
    "name", [".", "auditor.toml", "policies", "policies/departments", "checks/files", "inventories"], ids=lambda name: name
)
def test_a_workspace_that_others_may_write_to_is_refused(workspace: Workspace, name: str) -> None:
    """Regression, an approval in the real ledger by a person whom the real auditor.toml does not name: through sudo any workspace
    was believed, and its own auditor.toml said who is on the committee and where the ledger is."""
    (workspace.root / "policies" / "departments").mkdir(exist_ok=True)
    assert through_sudo(workspace, "validate")[0] == through_sudo(workspace, "check", "list")[0] == 0
    path = workspace.root / name
    path.chmod(path.stat().st_mode | 0o002)
    code, told = through_sudo(workspace, "check", "list")
    assert (code, "others may write" in told) == (2, True), told
    assert workspace.call("check", "list").returncode == 0  # whose own account it is may do as they please


@pytest.mark.usefixtures("_no_root")
def test_a_folder_above_that_others_may_write_to_is_refused(make: Callable[[Path], Workspace], tmp_path: Path) -> None:
    """Whoever may rename it would lay another workspace in its place while it is read; not so where it is like /tmp."""
    above = tmp_path / "open"
    above.mkdir()
    workspace = make(above / "workspace")
    above.chmod(0o777)
    assert through_sudo(workspace, "validate")[0] == 2
    above.chmod(0o1777)
    assert through_sudo(workspace, "validate")[0] == 0


@pytest.mark.usefixtures("_no_root")
def test_a_link_out_of_the_workspace_is_followed_to_whose_it_is(workspace: Workspace, tmp_path: Path) -> None:
    """A link does not make another's file one's own."""
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text((workspace.root / "checks" / "files" / "guarded-file.yaml").read_text())
    theirs.chmod(0o666)
    (workspace.root / "checks" / "files" / "guarded-file.yaml").unlink()
    (workspace.root / "checks" / "files" / "guarded-file.yaml").symlink_to(theirs)
    assert through_sudo(workspace, "check", "list")[0] == 2
    theirs.chmod(0o644)
    assert through_sudo(workspace, "check", "list")[0] == 0


@pytest.mark.skipif(SERVICE != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", [".", "auditor.toml", "inventories"])
def test_a_workspace_of_another_user_is_refused(workspace: Workspace, name: str) -> None:
    """For root's own sudo as well; and the message says what to name instead."""
    os.chown(workspace.root / name, 54322, -1)
    code, told = through_sudo(workspace, "check", "list")
    assert (code, "belongs to another user" in told, "auditor -C DIR" in told) == (2, True, True), told


def test_no_output_takes_the_place_of_the_auditors_own_files(audited: Workspace, tmp_path: Path) -> None:
    """Regression, the ledger lost: a report was written over it, with exit code 0."""
    before = audited.ledger.read_bytes()
    root = audited.root
    (tmp_path / "link").symlink_to(audited.ledger.parent)
    paths = [audited.ledger, tmp_path / "link" / "ledger.db", root / "auditor.toml", tmp_path / "auditor.toml"]
    paths += [audited.ledger.with_name(f"ledger.db{end}") for end in ("-wal", "-shm", ".lock")]
    paths += [root / "checks" / "files" / "guarded-file.yaml", root / "inventories" / "new.yaml", root / "policies" / "x.json"]
    for path in (*paths, root / "known_hosts"):
        called = audited.call("report", "findings", "--format", "json", "--output", str(path))
        assert (called.returncode, b"file of the auditor itself" in called.stderr) == (2, True), path
    assert audited.call("report", "all", "--output", str(root / "inventories" / "all.zip")).returncode == 2
    assert audited.call("attest", "template", str(root / "inventories" / "f.yaml"), "--department", "example").returncode == 2
    assert audited.ledger.read_bytes() == before


def test_a_link_laid_for_the_draft_is_not_followed(audited: Workspace, tmp_path: Path) -> None:
    """A file is drafted beside its place: a link under the draft's name led into the ledger."""
    before = audited.ledger.read_bytes()
    (tmp_path / ".report.json.part").symlink_to(audited.ledger)
    called = audited.call("report", "findings", "--format", "json", "--output", str(tmp_path / "report.json"))
    assert (called.returncode, (tmp_path / "report.json").is_symlink()) == (0, False)
    assert audited.ledger.read_bytes() == before


def test_no_log_is_added_to_the_auditors_own_files(audited: Workspace) -> None:
    """Regression, the ledger destroyed: what a night tells was added to its end."""
    for path in (audited.ledger, audited.root / "auditor.toml"):
        before = path.read_bytes()
        called = audited.call("nightly", "--log", str(path))
        assert (called.returncode, b"is no log of the auditor" in called.stderr) == (2, True), called.stderr
        assert path.read_bytes() == before


@pytest.mark.usefixtures("_no_root")
@pytest.mark.parametrize(
    "args",
    [
        ("audit",),
        ("nightly",),
        ("reevaluate", "--apply"),
        ("hosts", "trust", "here"),
        ("hosts", "trust", "--from", "."),
        ("inventory", "import", ".", "--department", "example"),
        ("check", "new", "ssh-of-anybody", "--fact", "sshd"),
        ("schedule", "install", "--at", "01:30"),
        ("schedule", "remove"),
        ("digest", "--send"),
        ("ledger", "copy", "/nowhere/copy.db"),
        ("ledger", "restore", "/nowhere/copy.db"),
    ],
)
def test_who_may_only_read_runs_nothing(workspace: Workspace, args: tuple[str, ...]) -> None:
    """Regression, findings moved and host keys trusted by a viewer: nobody asked whether they may. Nor for what is audited, by
    what and when."""
    args = tuple(str(workspace.guarded) if arg == "." else arg for arg in args)
    user = pwd.getpwall()[1]
    with (workspace.root / "auditor.toml").open("a") as file:
        file.write(f'\n[people.{user.pw_name}]\nname = {{en = "Rana", ar = "رنا"}}\nroles = ["viewer"]\n')
    called = workspace.call(*args, SUDO_UID=str(user.pw_uid))
    assert (called.returncode, b"needs the role operator" in called.stderr) == (2, True), called.stderr
    code, told = through_sudo(workspace, *args)
    assert (code, "not named in auditor.toml" in told) == (2, True), told
    assert not workspace.ledger.exists()


def test_the_ledgers_own_account_needs_no_role(workspace: Workspace) -> None:
    """As cron runs it: not by sudo, and named nowhere; or by sudo from the same account."""
    assert workspace.call("nightly").returncode == 0
    assert workspace.call("audit", SUDO_UID=str(os.geteuid())).returncode == 0


PERSON = """
[people.{name}]
name = {{en = "Sara", ar = "سارة"}}
roles = ["officer", "operator"]
department = "example"
"""


@pytest.fixture
def officer(workspace: Workspace) -> pwd.struct_passwd:
    """A user of this machine who is on duty in the workspace."""
    user = next(u for u in pwd.getpwall() if u.pw_uid not in (0, SERVICE))
    with (workspace.root / "auditor.toml").open("a") as file:
        file.write(PERSON.format(name=user.pw_name))
    workspace.guarded.chmod(0o644)
    assert workspace.call("audit").returncode == 1
    return user


def taken_in(workspace: Workspace, user: pwd.struct_passwd, path: Path) -> list[tuple[int, str]]:
    """What became of a file that was attached, of a form of that name, of an inventory and of a known_hosts."""
    finding = json.loads(workspace.call("findings", "list", "--format", "json").stdout)[0]["id"]
    calls = (
        ("findings", "attach", finding, "--file", str(path)),
        ("attest", "import", str(path)),
        ("inventory", "import", str(path), "--department", "example", "--from", "csv"),
        ("hosts", "trust", "--from", str(path)),
    )
    done = [workspace.call(*args, SUDO_UID=str(user.pw_uid)) for args in calls]
    return [(called.returncode, called.stderr.decode()) for called in done]


@pytest.mark.skipif(SERVICE != 0, reason="only root may act as another user")
def test_through_sudo_a_file_is_read_with_the_callers_rights(
    workspace: Workspace, officer: pwd.struct_passwd, lent: Path
) -> None:
    """Regression, any file of the machine in the ledger, from where it comes out again: what a person named was read with root's
    rights, whoever the person was."""
    before = os.geteuid(), os.getegid(), os.getgroups()
    secret, group = lent / "secret.txt", lent / "group.txt"
    for path in (secret, group):
        path.write_text("root's own")
        path.chmod(0o600)
    for code, told in taken_in(workspace, officer, secret):
        assert (code, "Permission denied" in told) == (2, True), told
    closed = lent / "closed"
    closed.mkdir(mode=0o700)
    (closed / "open.txt").write_text("readable, in a closed folder")
    (lent / "link.txt").symlink_to(closed / "open.txt")
    for path in (closed / "open.txt", lent / "link.txt"):
        code, told = taken_in(workspace, officer, path)[0]
        assert (code, "Permission denied" in told) == (2, True), told
    assert taken_in(workspace, officer, lent / "missing.txt")[0][0] == 2
    os.chown(group, 0, os.getgrouplist(officer.pw_name, officer.pw_gid)[-1])
    group.chmod(0o640)
    assert taken_in(workspace, officer, group)[0][0] == 0
    secret.chmod(0o644)
    assert taken_in(workspace, officer, secret)[0][0] == 0
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


@pytest.mark.skipif(SERVICE != 0, reason="only root can give files away")
@pytest.mark.usefixtures("_no_root")
def test_an_account_that_is_not_root_takes_in_the_callers_own_files(lent: Path) -> None:
    """It cannot ask the kernel what another may read, and asks the open file whose it is; a link does not make it another's."""
    user = pwd.getpwall()[1]
    path = lent / "note.txt"
    path.write_text("of the service")
    (lent / "link.txt").symlink_to(path)
    with pytest.MonkeyPatch.context() as sudo:
        sudo.setenv("SUDO_UID", str(user.pw_uid))
        for name in (path, lent / "link.txt"):
            with pytest.raises(UsageError, match="is not your own file"):
                open_as_caller(name)
        os.chown(path, user.pw_uid, -1)
        with open_as_caller(path) as file:
            assert file.read() == b"of the service"
        sudo.delenv("SUDO_UID")
        os.chown(path, 0, -1)
        open_as_caller(path).close()


@pytest.mark.skipif(SERVICE != 0, reason="only root may act as another user")
def test_through_sudo_a_template_shows_only_what_the_caller_may_read(
    workspace: Workspace, officer: pwd.struct_passwd, lent: Path
) -> None:
    """Regression, any file of the machine in a report: a template may include another by name, which may be a link."""
    secret, folder = lent / "secret", lent / "templates"
    secret.write_text("root's own words")
    secret.chmod(0o600)
    folder.mkdir()
    (folder / "report.html").write_text(
        '{% extends "stock/report.html" %}{% block letterhead %}{% include "more" %}{% endblock %}'
    )
    (folder / "more").symlink_to(secret)
    args = ("report", "summary", "--format", "html", "--template", str(folder))
    refused = workspace.call(*args, SUDO_UID=str(officer.pw_uid))
    assert (refused.returncode, b"Permission denied" in refused.stderr, b"own words" in refused.stdout) == (2, True, False)
    secret.chmod(0o644)
    shown = workspace.call(*args, SUDO_UID=str(officer.pw_uid))
    assert (shown.returncode, b"own words" in shown.stdout) == (0, True), shown.stderr
    (folder / "more").unlink()
    (folder / "more").write_text("{% if %}")
    wrong = workspace.call(*args, SUDO_UID=str(officer.pw_uid))
    assert (wrong.returncode, b"templates/more:1" in wrong.stderr) == (2, True), wrong.stderr
