"""Facts on software supply: what Ubuntu and the RHEL family do otherwise than Debian, and was once misread."""

from __future__ import annotations

import gzip
import hashlib
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from auditor.facts._apt_config import truth
from tests.facts.hosts import ALLOWED, GOLDENS, PATH, SHELLS, fact, run, script
from tests.facts.test_host_system import UPDATEINFO, rhel

BOTH = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])


def told(name: str, shell: list[str], places: dict[str, str], path: str = PATH) -> Any:
    """The value of a fact whose fragment was turned to other places; None where it refuses."""
    script = fact(name).probes["linux"].script
    for old, new in places.items():
        assert old in script
        script = script.replace(old, new)
    done = run(shell, ALLOWED + script, path=path)
    return fact(name).value(done.stdout, {}) if done.returncode == 0 else None


def tool(folder: Path, name: str, script: str) -> str:
    """A stand-in for a program, and the path of search that finds it first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{PATH}"


@BOTH
def test_a_key_held_in_the_source_itself_is_told(shell: list[str], tmp_path: Path) -> None:
    """add-apt-repository of Ubuntu 24.04 writes the PPA's key into Signed-By; a short one was overlooked there."""
    output = (GOLDENS / "apt_keys" / "ubuntu2404-ppa.txt").read_text(encoding="utf-8").splitlines()
    start = output.index("keyring=bound /etc/apt/sources.list.d/example-ubuntu-tools-noble.sources") + 1
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "trusted.gpg.d").mkdir()
    armour = [line or "." for line in output[start : output.index("end", start)]]
    for name, head in {"a": ["Signed-By:", f" {armour[0]}"], "b": [f"Signed-By: {armour[0]}"]}.items():
        for old in parts.iterdir():
            old.unlink()
        (parts / f"{name}.sources").write_text("\n".join(("Types: deb", *head, *(f" {line}" for line in armour[1:]), "")))
        found = told("apt_keys", shell, {"/usr/bin/apt-config": "/bin/sh", "/etc/apt": str(tmp_path)})
        assert [(key["bits"], key["file"], key["common"]) for key in found] == [(1024, f"{parts}/{name}.sources", False)]


@BOTH
def test_each_keyring_that_a_source_names_is_read(shell: list[str], tmp_path: Path) -> None:
    """Signed-By takes several files, and may name them on the line below; only the first beside the word was read."""
    output = (GOLDENS / "apt_keys" / "ubuntu2404-ppa.txt").read_text(encoding="utf-8")
    armour = output[output.index("-----BEGIN") : output.rindex("end")]
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "trusted.gpg.d").mkdir()
    for name in ("x.asc", "y.asc"):
        (tmp_path / name).write_text("" if name == "x.asc" else armour)
    x, y = tmp_path / "x.asc", tmp_path / "y.asc"
    for name, text in {
        "a.list": f"deb [signed-by={x},{y} arch=amd64] https://a.example x main\n",
        "b.sources": f"Types: deb\nSigned-By: {x} {y}\n",
        "c.sources": f"Types: deb\nSigned-By:\n {y}\nSuites: x\n",
    }.items():
        (parts / name).write_text(text)
        found = told("apt_keys", shell, {"/usr/bin/apt-config": "/bin/sh", "/etc/apt": str(tmp_path)})
        assert [key["file"] for key in found] == [str(y)]
        (parts / name).unlink()


def test_what_a_maker_packages_itself_is_not_ubuntu_s() -> None:
    """MySQL of Oracle and Java of Adoptium or Azul passed as Ubuntu's own, for Ubuntu carries the same branch."""
    head = ("id=ubuntu", "release=22.04")
    for line, own in {
        "mysql-server-8.0\t8.0.40-0ubuntu0.22.04.1": True,
        "mysql-community-server\t8.0.40-1ubuntu22.04": False,
        "openjdk-17-jre-headless\t17.0.13+11-2ubuntu1~22.04": True,
        "temurin-17-jdk\t17.0.13.0.0+11-0": False,
        "zulu17-ca\t17.0.13-1": False,
    }.items():
        value: Any = fact("runtimes").value("\n".join((*head, f"dpkg\tii \t{line}\t", "end", "")), {})
        assert [runtime["own"] for runtime in value] == [own], line


def test_epel_is_not_the_distribution() -> None:
    """Packages of EPEL, which bear Fedora's name, passed as looked after by Red Hat."""
    line = "rpm\tii\tpython3.12\t3.12.1-1.el8\tFedora Project"
    for system, own in (("rhel", False), ("fedora", True)):
        value: Any = fact("runtimes").value("\n".join((f"id={system}", "release=8.10", line, "end", "")), {})
        assert [runtime["own"] for runtime in value] == [own]


@BOTH
def test_servers_with_their_branch_in_the_name_are_languages_and_databases_too(shell: list[str], tmp_path: Path) -> None:
    """Ubuntu's MySQL and MariaDB, and the Python 2 of RHEL 8, were not listed at all: neither were those left over."""
    (tmp_path / "os").write_text("ID=ubuntu\nVERSION_ID=24.04\n")
    lines = r"dpkg\tii \tmysql-server-5.7\t5.7.42-0ubuntu0.18.04.1\t\ndpkg\tii \tmariadb-server-10.6\t1:10.6.18\t\n"
    path = tool(tmp_path / "bin", "dpkg-query", f"printf '{lines}'")
    found = told("runtimes", shell, {"/etc/os-release": f"{tmp_path}/os", "/var/lib/dpkg/status": f"{tmp_path}/os"}, path)
    assert [(r["name"], r["own"]) for r in found if "-server" in r["source"]] == [("mariadb 10.6", False), ("mysql 5.7", False)]

    lines = r"rpm\tii\tpython2\t2.7.18-17.module+el8.10.0\tRed Hat, Inc.\n"
    path = tool(tmp_path / "bin", "rpm", f"printf '{lines}'")
    places = {
        "/etc/os-release": f"{tmp_path}/os",
        "/var/lib/dpkg/status": f"{tmp_path}/none",
        "/usr/bin/rpm": f"{tmp_path}/bin/rpm",
    }
    found = told("runtimes", shell, places, path)
    assert [r["name"] for r in found if r["source"].startswith("python2 ")] == ["python 2.7"]


@BOTH
def test_libraries_named_with_a_letter_and_helpers_are_compared(shell: list[str], tmp_path: Path) -> None:
    """RHEL 8's libcrypto.so.1.1.1k, sudo's plugins in /usr/libexec and systemd itself could be changed unseen."""
    changed = (
        "/usr/lib64/libcrypto.so.1.1.1k",
        "/usr/libexec/sudo/sudoers.so",
        "/usr/libexec/sudo/sesh",
        "/usr/libexec/openssh/sftp-server",
        "/usr/lib/systemd/systemd-logind",
    )
    closed = "missing     /usr/libexec/openssh/ssh-keysign (Permission denied)"
    lines = [*(f"S.5......    {path}" for path in changed), closed, "S.5......    /usr/lib64/.libcrypto.so.1.1.1k.hmac"]
    verify = f"printf '%s\\n' {' '.join(map(shlex.quote, lines))}; exit 1"
    path = tool(tmp_path, "rpm", f"case $1 in -q) ;; -ql) printf '%s\\n' {' '.join(changed)} /usr/share/x ;; *) {verify} ;; esac")
    found = told(
        "package_integrity", shell, {"/var/lib/dpkg/status": f"{tmp_path}/none", "/usr/bin/rpm": f"{tmp_path}/rpm"}, path
    )
    unread = ["/usr/libexec/openssh/ssh-keysign"]
    assert found == {"examined": 5, "changed": [*changed], "missing": [], "unread": unread}


@BOTH
def test_sudo_s_plugins_are_compared_where_dpkg_keeps_them(shell: list[str], tmp_path: Path) -> None:
    """Since Debian 12 and Ubuntu 22.04 sudoers.so lies in /usr/libexec, where a changed one went unseen."""
    place, dpkg = tmp_path / "usr/libexec/sudo", tmp_path / "dpkg"
    place.mkdir(parents=True)
    (dpkg / "info").mkdir(parents=True)
    (dpkg / "status").write_text("Package: sudo\n")
    (dpkg / "diversions").write_text("")
    (place / "sudoers.so").write_text("changed")
    wanted = hashlib.md5(b"as packaged", usedforsecurity=False).hexdigest()
    (dpkg / "info/sudo.md5sums").write_text(f"{wanted}  usr/libexec/sudo/sudoers.so\n")
    found = told(
        "package_integrity", shell, {"cd / |": f"cd {tmp_path} |", "/var/lib/dpkg": str(dpkg), '"/$path"': f'"{tmp_path}/$path"'}
    )
    assert found == {"examined": 1, "changed": ["/usr/libexec/sudo/sudoers.so"], "missing": [], "unread": []}


@BOTH
def test_a_key_is_no_update(shell: list[str], tmp_path: Path) -> None:
    """rpm keeps the keys that it trusts as packages: to import one made a host that was never updated look updated."""
    path = tool(tmp_path, "rpm", "printf '%s\\n' '100 bash' '300 gpg-pubkey' '200 sudo'")
    found = told("update_history", shell, {"/var/lib/dpkg/status": f"{tmp_path}/none", "/usr/bin/rpm": f"{tmp_path}/rpm"}, path)
    assert (found["log_start"], found["last_update"]) == (100, 200)


@BOTH
def test_a_kernel_newer_than_the_start_is_told_by_rpm(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: kernels were no part of the core, and no host of the RHEL family failed for an old one."""
    path = tool(tmp_path, "rpm", "printf '%s\\n' '100 kernel' '300 kernel' '300 kernel-core' '300 kernel-tools' '50 glibc'")
    (tmp_path / "stat").write_text("cpu 1\nbtime 200\n")
    places = {
        "/proc/stat": f"{tmp_path}/stat",
        "/var/lib/dpkg/status": f"{tmp_path}/none",
        "/usr/bin/rpm": f"{tmp_path}/rpm",
    }
    found = told("update_history", shell, places, path)
    assert found["newer_than_boot"] == [{"name": "kernel", "installed": 300}, {"name": "kernel-core", "installed": 300}]


@BOTH
def test_a_kernel_newer_than_the_start_is_told_by_dpkg(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: Debian asks for no restart after a new kernel. One removed since, its settings left, is none."""
    info = tmp_path / "info"
    info.mkdir()
    for name, instant in (("a", 100), ("b", 300), ("c", 400), ("removed", 250), ("amd64", 260)):
        image = f"/boot/vmlinuz-{name}\n" if len(name) == 1 else "/etc/kernel\n"
        (info / f"linux-image-{name}.list").write_text(f"/.\n{image}")
        os.utime(info / f"linux-image-{name}.list", (instant, instant))
    (tmp_path / "status").write_text("Package: dpkg\n")
    (tmp_path / "stat").write_text("btime 200\n")
    places = {"/proc/stat": f"{tmp_path}/stat", "/var/lib/dpkg": str(tmp_path), "/var/log": f"{tmp_path}/info"}
    found = told("update_history", shell, places)
    assert found["newer_than_boot"] == [{"name": "linux-image", "installed": 300}]


def test_apt_s_keys_are_the_same_in_any_case() -> None:
    """Regression, false pass: apt obeys `APT::Periodic::enable "0"`, and updates were told as enabled."""
    lines = [
        "manager=apt",
        "tool=yes",
        'APT::Periodic::update-package-lists "1";',
        'APT::Periodic::UNATTENDED-UPGRADE "1";',
        "timer=apt-daily.timer enabled",
        "timer=apt-daily-upgrade.timer enabled",
    ]
    for more, enabled in (
        ([], True),
        (['APT::Periodic::enable "0";'], False),
        (['APT::Periodic::Enable "0";', 'APT::Periodic::ENABLE "1";'], True),
        (['APT::Periodic::Unattended-upgrade "0";'], False),
        (['apt::periodic::enable "0";'], False),
        (['APT::Periodic::Enable "00";'], False),
        (['APT::Periodic::Unattended-Upgrade "0d";'], False),
        (['APT::Periodic::Unattended-Upgrade "7d";', 'Apt::periodic::update-package-lists "always";'], True),
    ):
        value: Any = fact("automatic_updates").value("\n".join([*lines, *more, "end", ""]), {})
        assert value["enabled"] is enabled


@BOTH
def test_apt_s_keys_are_printed_in_any_case(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: the probe dropped `APT::periodic::enable "0"`, as apt dumps what a file writes so."""
    (tmp_path / "status").write_text("Package: a\n")
    lines = 'APT::periodic "";\nAPT::periodic::enable "0";\nAPT::periodic::Update-Package-Lists "1";\n'
    path = tool(tmp_path / "bin", "apt-config", f"cat <<'END'\n{lines}END")
    text = ALLOWED + script("automatic_updates").replace("/var/lib/dpkg/status", f"{tmp_path}/status")
    printed = run(shell, text, path=f"{path}:{PATH}").stdout.splitlines()
    assert [line for line in printed if "::" in line] == lines.splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", False), ("1", True), ("01", True), ("0x1", True), ("0x0", False), ("+1", True), ("on", True), ("Without", False)],
)
def test_what_apt_takes_for_yes(text: str, expected: bool) -> None:
    """Regression, false pass: 0x1 was not read; and other numbers, as words with blanks around them, are nothing to apt."""
    assert (truth(text, default=True), truth(text, default=False)) == (expected, expected)
    for nothing in ("2", "-1", " yes", "1x", "1 ", ""):
        assert (truth(nothing, default=True), truth(nothing, default=False)) == (True, False)


@BOTH
def test_a_timer_that_was_enabled_in_an_older_rhel_8_is_enabled(shell: list[str], tmp_path: Path) -> None:
    """Before RHEL 8.3 multi-user.target wanted dnf-automatic's timers, and the link stays: such a host failed wrongly."""
    units, state = tmp_path / "units", tmp_path / "state"
    (state / "multi-user.target.wants").mkdir(parents=True)
    units.mkdir()
    (units / "dnf-automatic.timer").touch()
    (tmp_path / "automatic.conf").write_text("[commands]\napply_updates = yes\n")
    places = {
        "/var/lib/dpkg/status": f"{tmp_path}/none",
        "/usr/lib/systemd/system": str(units),
        "/etc/systemd/system": str(state),
        "/etc/dnf": str(tmp_path),
    }
    path = tool(tmp_path / "bin", "rpm", "true")
    assert told("automatic_updates", shell, places, path)["enabled"] is False
    (state / "multi-user.target.wants/dnf-automatic.timer").symlink_to(units / "dnf-automatic.timer")
    assert told("automatic_updates", shell, places, path)["enabled"] is True
    (state / "dnf-automatic.service").symlink_to("/dev/null")
    assert told("automatic_updates", shell, places, path)["enabled"] is False, (
        "its service is masked, and the timer starts nothing"
    )


@BOTH
def test_a_timer_of_apt_whose_service_is_masked_starts_nothing(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: `systemctl mask apt-daily-upgrade.service` leaves its timer enabled, and no update ever comes."""
    state, binaries = tmp_path / "state", tmp_path / "bin"
    (state / "timers.target.wants").mkdir(parents=True)
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        (state / "timers.target.wants" / timer).symlink_to("/dev/zero")
    (tmp_path / "status").write_text("x")
    tool(binaries, "dpkg-query", "true")
    tool(binaries, "unattended-upgrade", "true")
    path = tool(
        binaries,
        "apt-config",
        """echo 'APT::Periodic::Update-Package-Lists "1";'; echo 'APT::Periodic::Unattended-Upgrade "1";'""",
    )
    places = {
        "/var/lib/dpkg/status": f"{tmp_path}/status",
        "/usr/bin/unattended-upgrade": f"{binaries}/unattended-upgrade",
        "/etc/systemd/system": str(state),
        "/run/systemd/system": str(tmp_path),
    }
    assert told("automatic_updates", shell, places, path)["enabled"] is True
    (state / "apt-daily-upgrade.service").symlink_to("/dev/null")
    assert told("automatic_updates", shell, places, path)["enabled"] is False


@BOTH
def test_a_folder_of_opt_with_a_package_s_files_is_the_package_s(shell: list[str], tmp_path: Path) -> None:
    """Many makers' packages do not own the folder that holds their files; with dpkg that was known, with rpm it was not."""
    opt = tmp_path / "opt"
    for folder in ("vendor", "other"):
        (opt / folder).mkdir(parents=True)
    unowned = f'for f in {opt}/other {opt}/vendor; do echo "file $f is not owned by any package"; done; exit 2'
    path = tool(tmp_path, "rpm", f"case $1 in -qa) printf '%s\\n' /usr/bin/ {opt}/vendor/bin/ ;; *) {unowned} ;; esac")
    places = {
        "/usr/local/bin /usr/local/sbin /usr/local/games": f"{tmp_path}/none",
        "/opt": str(opt),
        "/var/lib/dpkg/status": f"{tmp_path}/none",
        "/usr/bin/rpm": f"{tmp_path}/rpm",
    }
    assert [program["name"] for program in told("unpackaged_programs", shell, places, path)] == ["other"]
    path = tool(tmp_path, "rpm", f"case $1 in -qa) exit 1 ;; *) {unowned} ;; esac")
    assert told("unpackaged_programs", shell, places, path) is None


@BOTH
def test_advisories_without_line_ends_are_read_alike(shell: list[str], tmp_path: Path) -> None:
    """Of a list in one line only the first package of each advisory would have counted."""
    text = rhel(tmp_path)
    path = f"{tmp_path}/bin:{PATH}"
    wanted: Any = fact("updates").value(run(shell, text, path=path).stdout, {})
    line = "".join(part.strip() for part in UPDATEINFO.splitlines())
    info = tmp_path / "cache" / "baseos-0123" / "repodata" / "1-updateinfo.xml.gz"
    info.write_bytes(gzip.compress(line.encode()))
    assert len(wanted["security"]) == 2
    assert fact("updates").value(run(shell, text, path=path).stdout, {}) == wanted


@BOTH
def test_the_lists_of_ubuntu_pro_alone_prove_nothing(shell: list[str], tmp_path: Path) -> None:
    """They hold only what Ubuntu's own archive does not: a host without that archive seemed to lack no update."""
    lists = tmp_path / "lists"
    lists.mkdir()
    path = tool(tmp_path / "bin", "dpkg-query", "true")
    places = {"/var/lib/apt/lists": str(lists), "/var/lib/dpkg/status": "/etc/passwd"}
    for suite, known in (
        ("esm.ubuntu.com_apps_ubuntu_dists_jammy-apps", False),
        ("security.ubuntu.com_ubuntu_dists_jammy", True),
    ):
        (lists / f"{suite}-security_InRelease").write_text("Date: Fri, 27 Nov 2026 21:48:10 UTC\nSHA256:\n")
        (lists / f"{suite}-security_main_binary-amd64_Packages").write_text("Package: a\nVersion: 1\nArchitecture: all\n")
        assert told("updates", shell, places, path)["known"] is known


def test_a_line_of_blanks_in_pip_s_settings_is_read_once() -> None:
    """Regression: a key, many blanks and no sign took the square of the line's length: such a host held up the whole run."""
    path = "/etc/pip.conf:pip"
    lines = (
        f"{path} [global]",
        f"{path} index-url{' ' * 200_000}b",
        f"{path} extra-index-url : https://a.example/x=y",
        "end",
        "",
    )
    value: Any = fact("package_indexes").value("\n".join(lines), {})
    assert [index["name"] for index in value] == ["pip https://a.example/x=y"]


def test_a_registry_of_containers_needs_no_signature_of_flatpak() -> None:
    """Flatpak cannot ask Red Hat's own remote for signatures, so that every desktop of RHEL failed without a remedy."""
    path = "/var/lib/flatpak/repo/config:flatpak"
    for url, verified in (("oci+https://a.example/", True), ("oci+http://a.example/", False), ("https://a.example/", False)):
        lines = (f'{path} [remote "a"]', f"{path} url={url}", f"{path} gpg-verify=false", "end", "")
        value: Any = fact("package_indexes").value("\n".join(lines), {})
        assert [index["verified"] for index in value] == [verified]
