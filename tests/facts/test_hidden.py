"""What a closed folder, a link or a mount hides from the probe is not absent: no finding closes by it, and no check passes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, PATH, REFUSED, SHELLS, fact, run, script

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user, and mount")
each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
LOGIN: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder that another user can come to."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    return tmp_path


def told(shell: list[str], text: str, args: dict[str, Any] | None = None, name: str = "", **changes: str) -> Any:
    """A fact's value as a login without any rights sees it, None where the probe says that it could not tell."""
    for old, new in changes.items():
        text = text.replace(old.replace("__", "/"), new)
    done = run(shell, REFUSED + text, **LOGIN)
    return fact(name).value(done.stdout, args or {}) if done.returncode == 0 else None


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@each_shell
def test_a_site_behind_a_folder_that_was_closed_is_unknown(shell: list[str], tree: Path) -> None:
    """Regression, closed without proof: nginx, which is root, went on with a site that the probe no longer saw."""
    write(tree / "nginx/nginx.conf", "http {\n include /etc/nginx/sites-enabled/*;\n}\n")
    site = write(tree / "nginx/sites-available/www", "server { listen 80; autoindex on; }\n")
    write(tree / "nginx/sites-enabled/.keep")
    (tree / "nginx/sites-enabled/www").symlink_to(site)
    write(tree / "server", "#!/bin/sh\necho 'nginx version: nginx/1.22.1' >&2\n").chmod(0o755)
    text = script("nginx").replace("/usr/sbin/nginx", str(tree / "server")).replace("/etc/nginx", str(tree / "nginx"))

    def servers() -> Any:
        done = run(shell, REFUSED + text.replace("$(running nginx)", ""), **LOGIN)
        if done.returncode:
            return done.stderr
        return len(fact("nginx").value(done.stdout.replace(str(tree), "/etc"), {})["servers"])  # type: ignore[index,call-overload,arg-type]

    assert servers() == 1
    site.parent.chmod(0o700)
    assert "a closed folder hides whether" in servers()
    site.unlink()  # also one that leads nowhere, as far as anybody can tell
    assert "a closed folder hides whether" in servers()
    site.parent.chmod(0o755)
    assert servers() == 0


@each_shell
def test_modules_in_a_closed_folder_can_be_loaded(shell: list[str], tree: Path) -> None:
    """Regression, false pass: where /lib/modules was closed, no module could be loaded, and each was taken for blocked."""
    release = Path("/proc/sys/kernel/osrelease").read_text().strip()
    write(tree / f"modules/{release}/modules.dep", "kernel/fs/cramfs/cramfs.ko:\n")
    write(tree / f"modules/{release}/modules.builtin")
    text = script("kernel_modules").replace("/lib/modules", str(tree / "modules"))
    assert [m["name"] for m in told(shell, text, name="kernel_modules") if m["available"]] == ["cramfs"]
    (tree / "modules").chmod(0o700)
    assert told(shell, text, name="kernel_modules") is None
    shutil.rmtree(tree / "modules")
    assert not any(m["available"] for m in told(shell, text, name="kernel_modules"))


@each_shell
def test_logs_that_can_be_opened_but_not_listed_are_told_as_unread(shell: list[str], tree: Path) -> None:
    """Regression, closed without proof: others could still write to a log in a folder that they could no longer list."""
    write(tree / "log/app/app.log").chmod(0o666)
    write(tree / "data/old.log").chmod(0o666)
    (tree / "log/old").symlink_to(tree / "data")
    (tree / "log/README").symlink_to("/etc/hostname")
    write(tree / "log/closed/a.log").parent.chmod(0o700)
    text = script("log_files").replace("/var/log", str(tree / "log"))

    def logs() -> dict[str, bool]:
        found = told(shell, text, name="log_files")
        return {item["path"].removeprefix(f"{tree}/log/"): item.get("unread", False) for item in found}

    assert logs() == {"app/app.log": False, "old": True}
    (tree / "log/app").chmod(0o711)
    assert logs() == {"app": True, "old": True}
    # Regression, false pass: what root, or a member of the group, could list was not judged any more
    done = run(shell, ALLOWED + text)
    as_root: Any = fact("log_files").value(done.stdout, {})
    assert [item["path"].removeprefix(f"{tree}/log/") for item in as_root if not item.get("unread")] == ["app/app.log"]
    (tree / "log").chmod(0o751)  # its own list is what the probe needs
    assert told(shell, text, name="log_files") is None


@each_shell
def test_a_program_that_others_may_run_is_told(shell: list[str], tree: Path) -> None:
    """Regression, closed without proof: whether the login may run a program was taken for whether anybody may."""
    write(tree / "bin/tool").chmod(0o755)
    write(tree / "bin/readme").chmod(0o644)
    (tree / "bin/linked").symlink_to(write(tree / "app/tool"))
    (tree / "app/tool").chmod(0o755)
    (tree / "bin/dangling").symlink_to(tree / "nothing")
    head = script("unpackaged_programs").split("if [ -e /opt ]")[0].replace("/usr/local/bin", str(tree / "bin"))
    text = head.replace("/usr/local/sbin /usr/local/games", "") + 'printf "%s\\n" "$@"\n'

    def programs() -> list[str]:
        done = run(shell, REFUSED + text, **LOGIN)
        return [Path(line).name for line in done.stdout.split()]

    assert programs() == ["linked", "tool"]
    (tree / "bin/tool").chmod(0o750)
    (tree / "app").chmod(0o700)
    assert programs() == ["linked", "tool"]


@each_shell
@pytest.mark.parametrize(
    ("name", "folder", "file", "args"),
    [
        ("systemd_config", "/etc/systemd", "journald.conf.d/a.conf", {"name": "journald.conf"}),
        ("desktop", "/etc/lightdm", "lightdm.conf.d/a.conf", {}),
        ("dnf_repositories", "/etc/yum.repos.d", "a.repo", {}),
        ("sysctl_saved", "/etc/sysctl.d", "a.conf", {}),
    ],
)
def test_settings_in_a_closed_folder_are_not_absent(
    shell: list[str], tree: Path, name: str, folder: str, file: str, args: dict[str, Any]
) -> None:
    """Regression, false pass: of a pattern of files in a folder that may not be listed nothing was found, and nothing said."""
    write(tree / "made" / file, "[Section]\n").parent.chmod(0o700)
    write(tree / "there").chmod(0o755)
    text = script(name, args).replace(folder, str(tree / "made"))
    for program in ("/usr/sbin/lightdm", "/usr/bin/dnf "):
        text = text.replace(program.strip(), str(tree / "there"))
    done = run(shell, REFUSED + text, **LOGIN)
    assert done.returncode != 0
    assert "may not be looked into" in done.stderr or "a closed folder hides" in done.stderr


def in_place(text: str, **folders: Path) -> subprocess.CompletedProcess[str]:
    """Run a probe as root where folders of the machine are others for it alone."""
    mounts = "".join(f"mount --bind {path} /{name} || exit 99\n" for name, path in folders.items())
    return subprocess.run(
        ["unshare", "-m", "dash", "-s"],
        input=f"{mounts}{ALLOWED}{text}",
        env={"LC_ALL": "C", "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def home(tree: Path) -> Path:
    """Two homes, one of them a link, as seen at /home."""
    write(tree / "home/amal/.netrc").chmod(0o644)
    write(tree / "home/amal/.aws/credentials", "x").chmod(0o644)
    write(tree / "data/omar/.netrc").chmod(0o644)
    (tree / "home/omar").symlink_to("/data/omar")
    (tree / "root").mkdir()
    return tree


def test_a_home_that_is_a_link_is_unread(home: Path) -> None:
    """Regression, closed without proof: what lies in it opens by the same path as before, and was on no list any more."""
    (home / "home/omar").unlink()
    (home / "home/omar").symlink_to(home / "data/omar")
    done = in_place(script("user_files"), home=home / "home", root=home / "root")
    files: Any = fact("user_files").value(done.stdout, {})
    assert [(f["path"], f.get("unread", False)) for f in files] == [("/home/amal/.netrc", False), ("/home/omar", True)]
    done = in_place(script("cloud_credentials"), home=home / "home", root=home / "root")
    keys: Any = fact("cloud_credentials").value(done.stdout, {})
    assert [(k["path"], k.get("unread", False)) for k in keys] == [("/home/amal/.aws/credentials", False), ("/home/omar", True)]


def test_a_file_that_is_a_link_is_told_as_what_it_leads_to(home: Path) -> None:
    """Regression, closed without proof: programs that keep dotfiles put a link in the place of .netrc."""
    (home / "home/amal/.netrc").rename(home / "home/amal/netrc")
    for name, to in ((".netrc", "netrc"), (".circle", ".circle"), (".gone", "nowhere"), (".config", "/etc")):
        (home / "home/amal" / name).symlink_to(to)
    done = in_place(script("user_files"), home=home / "home", root=home / "root")
    files: Any = fact("user_files").value(done.stdout, {})
    assert [(f["path"], f["mode"]) for f in files] == [("/home/amal/.netrc", "0644")]


def test_credentials_behind_a_link_are_unread(home: Path) -> None:
    """Regression, closed without proof: ~/.aws may be a link into a folder of dotfiles, which is not gone through."""
    (home / "home/amal/.aws").rename(home / "home/amal/aws")
    (home / "home/amal/.aws").symlink_to("aws")
    (home / "home/amal/.kube").mkdir()
    (home / "home/amal/.kube/config").symlink_to("elsewhere")
    (home / "home/amal/.bashrc").symlink_to("elsewhere")
    (home / "home/omar").unlink()
    done = in_place(script("cloud_credentials"), home=home / "home", root=home / "root")
    keys: Any = fact("cloud_credentials").value(done.stdout, {})
    assert sorted((k["path"], k.get("unread", False)) for k in keys) == [
        ("/home/amal/.aws", True),
        ("/home/amal/.kube/config", True),
    ]


def test_a_home_of_its_own_is_unread(home: Path) -> None:
    """Regression, closed without proof: a home that became a file system of its own was left out of the walk."""
    mounted = "mount -t tmpfs none /home/amal || exit 99\nmkdir /home/amal/.aws; echo x >/home/amal/.aws/credentials\n"
    (home / "home/omar").unlink()
    done = in_place(mounted + script("cloud_credentials"), home=home / "home", root=home / "root")
    keys: Any = fact("cloud_credentials").value(done.stdout, {})
    assert [(k["path"], k.get("unread", False)) for k in keys] == [("/home/amal", True)]


def test_a_name_with_a_line_end_forges_nothing(home: Path) -> None:
    """Regression: a folder's name told of another person's file, open to all, or kept the whole fact from being read."""
    (home / "home/omar").unlink()
    write(home / "home/amal/snap/a\n0777 mona " / "home/mona/.aws/credentials", "x")
    done = in_place(script("cloud_credentials"), home=home / "home", root=home / "root")
    keys: Any = fact("cloud_credentials").value(done.stdout, {})
    assert [k["path"] for k in keys if not k["path"].startswith("/home/amal/")] == []


@pytest.mark.parametrize("name", ["user_files", "cloud_credentials", "file_walk", "changeable_files"])
def test_a_walk_that_was_killed_in_the_middle_of_a_line_is_not_whole(name: str, tmp_path: Path) -> None:
    """Regression, closed without proof: the mark of the failure stuck to the line that was cut, and the list counted as whole."""
    half = r"as_root() { printf '644|root|/home/amal/.a\000644|root|/home/amal/.hid'; return 137; }" + "\n"
    done = run(["dash"], half + script(name))
    with pytest.raises(ParseError):
        fact(name).value(done.stdout if done.returncode == 0 else "", {})


def test_a_link_out_of_the_web_s_folders_is_told(tree: Path) -> None:
    """Regression, closed without proof: a repository is still served under the path of a folder that became a link."""
    for folder in ("www/app/releases/1", "data/html"):
        (tree / folder).mkdir(parents=True)
    (tree / "www/html").symlink_to("/mnt")
    (tree / "www/current").symlink_to("app/releases/1")
    walk = "as_root() { printf 'root|f|644|root|root|/etc/passwd\\000'; }\n"
    done = in_place(walk + script("file_walk"), **{"var/www": tree / "www"}) if Path("/var/www").is_dir() else None
    if done is None:
        text = script("file_walk").replace("/var/www", str(tree / "www"))
        done = run(["dash"], walk + text)
    value: Any = fact("file_walk").value(done.stdout, {})
    assert [
        (item["path"].removeprefix(str(tree / "www")).removeprefix("/var/www"), item["type"]) for item in value["web_archives"]
    ] == [("/html", "l")]
    assert value["web_repositories"] == value["web_archives"]


@pytest.fixture
def keys(tmp_path: Path) -> Callable[..., Any]:
    """What is told of the keys in a file of root's, made of public keys with these comments; the second is short."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen")
    for name, kind in (("good", ("ed25519",)), ("short", ("rsa", "-b", "1024"))):
        subprocess.run(["ssh-keygen", "-qN", "", "-C", "", "-f", tmp_path / name, "-t", *kind], check=True)
    public = {name: (tmp_path / f"{name}.pub").read_text().strip() for name in ("good", "short")}

    def value(*lines: str) -> Any:
        (tmp_path / "root/.ssh").mkdir(parents=True, exist_ok=True)
        (tmp_path / "root/.ssh/authorized_keys").write_text("".join(f"{line.format(**public)}\n" for line in lines))
        (tmp_path / "home").mkdir(exist_ok=True)
        done = in_place(script("authorized_keys"), root=tmp_path / "root", home=tmp_path / "home")
        return [
            (key["type"], key.get("unread", False))
            for key in fact("authorized_keys").value(done.stdout, {})  # type: ignore[union-attr]
            if key["path"].startswith("/root")  # type: ignore[index,call-overload,union-attr]
        ]

    return value


def test_a_line_that_speaks_of_a_private_key_hides_no_other(keys: Callable[..., Any]) -> None:
    """Regression, false pass: ssh-keygen took the file for a private key and told of one line, or of none; sshd took them all."""
    assert keys("{good} amal", "{short}") == [("ED25519", False), ("RSA", False)]
    assert keys("{good} my PRIVATE KEY", "{short}") == [("", True)]
    assert keys('environment="A=PRIVATE KEY" {short}') == [("", True)]
    assert keys("# no key", "", "{good} amal") == [("ED25519", False)]
    assert keys("# {short}", "") == []
