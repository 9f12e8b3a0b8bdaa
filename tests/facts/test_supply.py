"""Facts on where software comes from and how it is kept up to date: what is particular to each."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, SHELLS, fact, run, script


def value(name: str, *lines: str) -> Any:
    return fact(name).value("\n".join((*lines, "end", "")), {})


def sources(*lines: str, file: str = "/etc/apt/sources.list", releases: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    told = [f"{file}:{line}" for line in lines]
    found = value("apt_sources", "installed=yes", "id=debian", "codename=bookworm", *told, "releases", *releases)["sources"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    "line",
    ["deb", "deb http://a.example/debian", "deb http://a.example x", "rpm http://a.example x main", "deb [trusted] http://a x y"],
)
def test_a_source_that_apt_refuses_is_no_answer(line: str) -> None:
    """apt works from no source at all once a line is wrong; to skip the line would judge the others as if it did."""
    with pytest.raises(ParseError):
        sources(line)


@pytest.mark.parametrize(
    ("word", "trusted"), [("yes", True), ("TRUE", True), ("1", True), ("with", True), ("no", False), ("0", False), ("x", False)]
)
def test_words_of_apt_are_read_as_apt_reads_them(word: str, trusted: bool) -> None:
    """Each of apt's words for yes switches the verification off, in both notations."""
    assert sources(f"deb [ arch=amd64 Trusted={word} ] http://a.example x main")[0]["trusted"] is trusted
    stanza = ("Types: deb", "URIs: http://a.example", "Suites: x", "Components: main", f"TRUSTED: {word}")
    assert sources(*stanza, file="/etc/apt/sources.list.d/a.sources")[0]["trusted"] is trusted


def test_a_source_named_twice_is_as_trusted_as_its_weaker_line() -> None:
    """A second, careless line for the same archive is not hidden behind the first."""
    found = sources("deb http://a.example x main", "deb [trusted=yes] http://a.example/ x contrib")
    assert [(s["name"], s["trusted"]) for s in found] == [("deb http://a.example x", True)]


def test_comments_and_disabled_stanzas_are_no_sources() -> None:
    """A comment ends a line but not inside brackets, and `Enabled: no` switches a stanza off."""
    assert sources("# deb http://a.example x main", "deb cdrom:[Debian #1]/ x main # rest")[0]["scheme"] == "cdrom"
    stanza = ("Enabled: no", "Types: deb", "URIs: http://a.example", "Suites: x", "Components: main")
    assert sources(*stanza, file="/etc/apt/sources.list.d/a.sources") == []


def test_login_data_in_an_address_stays_on_the_host(tmp_path: Path) -> None:
    """Neither the output nor the value holds the name or the password of an address; the Release file is found all the same."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "lists").mkdir()
    (tmp_path / "list").write_text("deb https://clerk:s3cret@a.example:8443/debian x main\n")
    (tmp_path / "lists" / "a.example:8443_debian_dists_x_InRelease").write_text("Origin: Debian\nCodename: x\nSHA256:\n abc\n")
    config = f"list={tmp_path}/list parts={tmp_path}/parts/ lists={tmp_path}/lists/"
    script = (
        fact("apt_sources").probes["linux"].script.replace("$(apt-config ", f"$(echo '{config}' #", 1).replace("lists/d)", "\n)")
    )
    for words in SHELLS.values():
        done = run(words, ALLOWED + script)
        assert "s3cret" not in done.stdout
        assert "clerk" not in done.stdout
        found: Any = fact("apt_sources").value(done.stdout, {})
        assert [(s["name"], s["host"], s["origin"]) for s in found["sources"]] == [
            ("deb https://a.example:8443/debian x", "a.example", "Debian")
        ]


@pytest.mark.parametrize("slashes", ["//", ""])
def test_each_mirror_of_a_list_on_the_host_is_a_source(slashes: str, tmp_path: Path) -> None:
    """Regressions: of such a source no server was judged, so that any passed; as Debian's cloud images have it, it failed.

    apt names the Release file after the list.
    """
    (tmp_path / "parts").mkdir()
    (tmp_path / "lists").mkdir()
    mirrors = tmp_path / "debian.list"
    mirrors.write_text("# near\n\nhttps://deb.debian.org/debian\tpriority:1\n http://u:s3cret@evil.example/debian\n")
    (tmp_path / "parts" / "a.sources").write_text(
        f"Types: deb\nURIs: mirror+file:{slashes}{mirrors}\nSuites: bookworm\nComponents: main\n"
    )
    told = str(mirrors).replace("_", "%5f").replace("/", "_")
    (tmp_path / "lists" / f"{told}_dists_bookworm_InRelease").write_text("Origin: Debian\nCodename: bookworm\nSHA256:\n abc\n")
    config = f"list={tmp_path}/list parts={tmp_path}/parts/ lists={tmp_path}/lists/"
    script = (
        fact("apt_sources").probes["linux"].script.replace("$(apt-config ", f"$(echo '{config}' #", 1).replace("lists/d)", "\n)")
    )
    for words in SHELLS.values():
        done = run(words, ALLOWED + script)
        assert "s3cret" not in done.stdout
        found: Any = fact("apt_sources").value(done.stdout, {})
        assert [(s["name"], s["scheme"], s["host"], s["codename"]) for s in found["sources"]] == [
            ("deb https://deb.debian.org/debian bookworm", "https", "deb.debian.org", "bookworm"),
            ("deb http://evil.example/debian bookworm", "http", "evil.example", "bookworm"),
        ]
    with pytest.raises(ParseError, match="list of mirrors"):
        sources("deb mirror+file:/none/m.list bookworm main")


def as_user(script: str) -> subprocess.CompletedProcess[str]:
    """Run a fragment without root's rights, so that closed files are closed."""
    return run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "dash"], ALLOWED + script)


def repositories(*lines: str) -> dict[str, dict[str, Any]]:
    found = value("dnf_repositories", "installed=yes", *lines)["repositories"]
    return {str(repository["id"]): repository for repository in found}


def test_a_repository_s_own_word_counts_before_the_common_one() -> None:
    """A key of the section stands before [main], [main] before dnf's default, which is not to verify packages."""
    main, repo = "/etc/dnf/dnf.conf:", "/etc/yum.repos.d/a.repo:"
    one = (
        f"{repo}[a]",
        f"{repo}baseurl=https://a.example/",
        f"{repo}[b]",
        f"{repo}baseurl=https://b.example/",
        f"{repo}gpgcheck=1",
    )
    assert {k: r["gpgcheck"] for k, r in repositories(*one).items()} == {"a": False, "b": True}
    assert {k: r["gpgcheck"] for k, r in repositories(f"{main}[main]", f"{main}gpgcheck=yes", *one).items()} == {
        "a": True,
        "b": True,
    }
    off = (f"{repo}[c]", f"{repo}enabled=0", f"{repo}gpgcheck=0")
    assert repositories(*off) == {}


def test_a_line_of_blanks_in_a_repository_is_read_once() -> None:
    """Regression: a key with many blanks took the square of the line's length: such a host held up the whole run."""
    repo, blanks = "/etc/yum.repos.d/a.repo:", " " * 200_000
    lines = (
        f"{repo}[a]",
        f"{repo}a{blanks}b = 1",
        f"{repo}baseurl={blanks}https://a.example/",
        f"{repo}{blanks}https://b.example/",
    )
    assert repositories(*lines)["a"]["hosts"] == ["a.example", "b.example"]
    with pytest.raises(ParseError):
        repositories(f"{repo}[a]", f"{repo}a{blanks}b")


@pytest.mark.parametrize("text", ["gpgcheck=maybe", "no section at all", "[main]\n/etc/dnf/dnf.conf:reposdir=/opt/repos"])
def test_what_dnf_would_read_otherwise_is_an_error(text: str) -> None:
    """A value that dnf refuses, a line outside sections, or repositories in another folder end in an error, not in a default."""
    start = "" if text.startswith(("no", "[main]")) else "[a]\n/etc/dnf/dnf.conf:baseurl=https://a.example/\n/etc/dnf/dnf.conf:"
    with pytest.raises(ParseError):
        repositories(f"/etc/dnf/dnf.conf:{start}{text}")


@pytest.mark.parametrize(
    "text", ["GPGCheck=1", "Enabled=0", "enabled: 0", "pkg_gpgcheck=1", "gpgcheck=1\n/a.repo:pkg_gpgcheck=0"]
)
def test_keys_that_not_every_dnf_takes_are_no_answer(text: str) -> None:
    """Regression, false pass: dnf passes over GPGCheck and Enabled, and over pkg_gpgcheck before 5; they were taken as if set."""
    with pytest.raises(ParseError):
        repositories("/a.repo:[a]", *f"/a.repo:{text}".split("\n"))
    both = repositories("/a.repo:[a]", "/a.repo:gpgcheck=1", "/a.repo:pkg_gpgcheck=1")
    assert both["a"]["gpgcheck"] is True


def test_every_folder_in_which_dnf_looks_is_read(tmp_path: Path) -> None:
    """Regression, false pass: a repository in /etc/yum/repos.d was not seen, nor one of dnf 5 in /usr/share."""
    text = script("dnf_repositories").replace("/usr/bin/dnf ", "/bin/sh ")
    for number, folder in enumerate(("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d")):
        place = tmp_path / folder[1:]
        place.mkdir(parents=True)
        (place / "x.repo").write_text(f"[r{number}]\n")
        text = text.replace(f"{folder}/*", f"{place}/*")
    told: Any = fact("dnf_repositories").value(run(["sh"], text).stdout, {})
    assert {"r0", "r1", "r2", "r3"} <= {repository["id"] for repository in told["repositories"]}


def test_tokens_of_npm_stay_on_the_host(tmp_path: Path) -> None:
    """Of npm's file the addresses and strict-ssl leave the host, and nothing else."""
    (tmp_path / "npmrc").write_text("//npm.example/:_authToken=npm_0123456789\nregistry=https://bot:pw@npm.example/\n")
    script = fact("package_indexes").probes["linux"].script.replace("/etc/npmrc", f"{tmp_path}/npmrc", 1)
    for words in SHELLS.values():
        done = run(words, ALLOWED + script)
        assert done.returncode == 0
        assert "npm_0123456789" not in done.stdout
        assert "bot:pw" not in done.stdout
        assert f"{tmp_path}/npmrc:npm registry=https://npm.example/" in done.stdout.splitlines()


def test_a_pattern_of_an_older_release_brings_no_updates() -> None:
    """Since Debian 11 the security archive's code name ends in -security; a pattern without it matches nothing."""
    head = ("installed=yes", "id=debian", "codename=bookworm", "suite=stable-security")
    for pattern, matches in {
        "o=Debian,n=bookworm,l=Debian-Security": False,
        "o=Debian,n=bookworm-security": True,
        "origin=Debian,a=stable-security": True,
        "origin=Debian,a=oldstable-security": False,
        "l=Debian-*": True,
        "o=*": True,
        "o=Debian,x=y": False,
        "": False,
    }.items():
        told = value("unattended_upgrades", *head, f'set=Unattended-Upgrade::Origins-Pattern:: "{pattern}";')
        assert told["security"] is matches, pattern


@pytest.mark.parametrize(
    ("lines", "virtual"),
    [
        (["sys_vendor=QEMU"], True),
        (["sys_vendor=Microsoft Corporation", "product_name=Virtual Machine"], True),
        (["sys_vendor=Microsoft Corporation", "product_name=Surface Pro"], False),
        (["hypervisor=flag", "sys_vendor=Dell Inc."], True),
        (["sys_vendor=Dell Inc.", "product_name=PowerEdge R650"], False),
        ([], False),
    ],
)
def test_virtual_machines_are_told_from_real_ones(lines: list[str], virtual: bool) -> None:
    """Checks of machines apply to real ones alone; where nothing says virtual, the machine counts as real."""
    assert value("hardware", *lines)["virtual"] is virtual


def test_a_date_of_firmware_that_is_none_is_left_out() -> None:
    """Bug: one such board made every check of the machine an error."""
    assert "firmware_date" not in value("hardware", "bios_date=00/00/0000", "disk=sda")


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"array_state": "clean", "level": "raid1", "degraded": "0"}, [("raid1", 0)]),
        ({"array_state": "active", "level": "raid6", "degraded": "2"}, [("raid6", 2)]),
        (
            {"array_state": "inactive", "level": "raid5", "raid_disks": "3", "dev-sda": "", "metadata_version": "1.2"},
            [("raid5/inactive", 2)],
        ),
        ({"array_state": "inactive", "level": "", "raid_disks": "0", "metadata_version": "1.2"}, [("md/inactive", 1)]),
        ({"array_state": "inactive", "level": "", "metadata_version": "external:imsm"}, []),
        (
            {"array_state": "inactive", "level": "raid1", "raid_disks": "2", "metadata_version": "external:/md127/0"},
            [("raid1/inactive", 2)],
        ),
        ({"array_state": "broken", "level": "raid0"}, [("raid0/broken", 1)]),
        ({"array_state": "clear", "level": ""}, []),
    ],
)
def test_an_array_that_does_not_start_is_not_complete(
    shell: list[str], files: dict[str, str], expected: list[tuple[str, int]], tmp_path: Path
) -> None:
    """Regression, false pass: such an array has no file that counts its members, and was taken for none.

    The set of disks that firmware keeps (IMSM, DDF) is never started itself, only the arrays on it.
    """
    array = tmp_path / "md7" / "md"
    array.mkdir(parents=True)
    for name, text in ({"metadata_version": "1.2"} | files).items():
        (array / name).write_text(f"{text}\n")
    text = fact("hardware_health").probes["linux"].script.replace("/sys/block/md*", f"{tmp_path}/md*")
    told: Any = fact("hardware_health").value(run(shell, text).stdout, {})
    assert [(found["level"], found["missing"]) for found in told["arrays"]] == expected


def test_the_core_newer_than_the_start_is_told_once() -> None:
    """Of a library for two architectures the later instant counts; a host that was never updated has none."""
    told = value("update_history", "manager=dpkg", "last=", "first=100", "core=libc6 200", "core=libc6 300")
    assert told["newer_than_boot"] == [{"name": "libc6", "installed": 300}]
    assert "last_update" not in told


def test_of_kernels_the_first_since_the_start_waits() -> None:
    """Kernels stand side by side: by the last of them a host that is updated weekly would never be late."""
    told = value("update_history", "manager=rpm", "last=900", "first=100", "core=kernel-core 200", "core=kernel-core 900")
    assert told["newer_than_boot"] == [{"name": "kernel-core", "installed": 200}]


def test_rpm_that_does_not_answer_is_no_proof_of_ownership(tmp_path: Path) -> None:
    """A broken database of rpm never reads as "every program belongs to a package"."""
    local, tools = tmp_path / "local", tmp_path / "tools"
    for folder in (local, tools):
        folder.mkdir()
    (local / "report").write_text("#!/bin/sh\n")
    (local / "report").chmod(0o755)
    script = fact("unpackaged_programs").probes["linux"].script
    for old, new in {
        "/usr/local/bin /usr/local/sbin /usr/local/games": str(local),
        "/opt": f"{tmp_path}/none",
        "/var/lib/dpkg/status": f"{tmp_path}/none",
        "/usr/bin/rpm": f"{tools}/rpm",
    }.items():
        script = script.replace(old, new)
    for answer, outcome in {
        f"echo 'file {local}/report is not owned by any package'; exit 1": [f"{local}/report"],
        "echo owned": [],
        "echo 'error: cannot open Packages database'; exit 1": None,
    }.items():
        (tools / "rpm").write_text(f"#!/bin/sh\n{answer}\n")
        (tools / "rpm").chmod(0o755)
        for words in SHELLS.values():
            done = run(words, ALLOWED + script, path=f"{tools}:/usr/bin:/bin")
            assert (done.returncode == 0) is (outcome is not None)
            if outcome is not None:
                found: Any = fact("unpackaged_programs").value(done.stdout, {})
                assert [program["path"] for program in found] == outcome


def test_what_the_distribution_repairs_is_told_from_what_it_does_not() -> None:
    """The same branch counts as the distribution's own only in the release that carries it, and only in its own build."""
    line = "dpkg\tii \tphp8.2-common\t{}\t"
    for release, version, own in (
        ("12", "8.2.20-1~deb12u1", True),
        ("13", "8.2.20-1~deb12u1", False),
        ("12", "8.2.20-1+0~20240704.12+debian12~1.gbp1+deb.sury.org", False),
    ):
        told = value("runtimes", "id=debian", f"release={release}", line.format(version))
        assert [(r["name"], r["own"]) for r in told] == [("php 8.2", own)]
    assert value("runtimes", "id=debian", "release=12", "dpkg\trc \tpython3\t3.11\t") == []


def rpm_verify(tmp_path: Path, answer: str, shell: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the fragment as on a host of the RHEL family whose ``rpm -V`` gives that answer."""
    script = fact("package_integrity").probes["linux"].script.replace("/var/lib/dpkg/status", f"{tmp_path}/none")
    rpm = f"case $1 in -q) exit 0 ;; -ql) echo /usr/bin/a; echo /usr/lib64/libb.so.1 ;; *) {answer} ;; esac"
    (tmp_path / "rpm").write_text(f"#!/bin/sh\n{rpm}\n")
    (tmp_path / "rpm").chmod(0o755)
    return run(shell, ALLOWED + script.replace("/usr/bin/rpm", f"{tmp_path}/rpm"), path=f"{tmp_path}:/usr/bin:/bin")


@pytest.mark.parametrize("shell", SHELLS)
def test_words_of_rpm_are_told_apart(shell: str, tmp_path: Path) -> None:
    """A changed program, a missing and an unreadable one are three things; settings and documents are none of them."""
    lines = (
        "S.5......    /usr/bin/a",
        "..?......    /usr/bin/sudo",
        "missing     /usr/lib64/libb.so.1",
        "S.5......  c /etc/ssh/sshd_config",
        ".......T.    /usr/bin/b",
    )
    done = rpm_verify(tmp_path, f"printf '%s\\n' {' '.join(map(shlex.quote, lines))}; exit 5", SHELLS[shell])
    assert fact("package_integrity").value(done.stdout, {}) == {
        "examined": 2,
        "changed": ["/usr/bin/a"],
        "missing": ["/usr/lib64/libb.so.1"],
        "unread": ["/usr/bin/sudo"],
    }
    assert rpm_verify(tmp_path, "exit 0", SHELLS[shell]).returncode == 0
    assert rpm_verify(tmp_path, "echo 'error: rpmdb open failed'; exit 1", SHELLS[shell]).returncode != 0
    assert rpm_verify(tmp_path, "exit 9", SHELLS[shell]).returncode != 0


def test_a_keyring_that_is_cut_or_none_is_an_error() -> None:
    """What cannot be taken apart is no proof that no weak key is in it."""
    ring = "keyring=common /etc/apt/trusted.gpg.d/a.gpg"
    for body in (["AAAA"], ["mI0EaPk"], ["!!!!"], ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "mI0EaPk="]):
        with pytest.raises(ParseError):
            value("apt_keys", "installed=yes", ring, *body)
    assert value("apt_keys", "installed=yes", ring) == []
