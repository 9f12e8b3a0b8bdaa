"""Facts of files, kernel, packages, services, time, logs, mounts and firewall: their parsers, and their probes here."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import ParseError
from auditor.facts import Fact, by_name
from auditor.facts.shape import conform

NAMES = (
    "auditd",
    "automatic_updates",
    "clock",
    "file_stat",
    "firewall",
    "home_directories",
    "log_files",
    "logging_config",
    "mounts",
    "os_release",
    "packages",
    "services",
    "ssh_host_keys",
    "sysctl",
    "time_sync",
    "updates",
)
GOLDENS = Path(__file__).parents[1] / "golden" / "facts"
SHELLS = (["dash"], ["bash", "--posix"], ["busybox", "sh"])
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ARGS = {"file_stat": {"path": "/etc/passwd"}}
ALLOWED = 'as_root() { "$@"; }\n'
REFUSED = "as_root() { return 1; }\n"


def fact(name: str) -> Fact:
    found = by_name(name)
    assert found is not None
    return found


def script(name: str, args: dict[str, str] | None = None) -> str:
    given_args = ARGS.get(name, {}) if args is None else args
    return "".join(f"arg_{k}={shlex.quote(v)}\n" for k, v in given_args.items()) + fact(name).probes["linux"].script


def run(shell: list[str], text: str, path: str = PATH, **more: object) -> subprocess.CompletedProcess[str]:
    environment = {"LC_ALL": "C", "PATH": path}
    return subprocess.run([*shell, "-s"], input=text, env=environment, capture_output=True, text=True, timeout=60, **more)


def flatten(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in flatten(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in flatten(inner)]
    return [value]


def goldens() -> list[Path]:
    return [path for name in NAMES for path in sorted((GOLDENS / name).glob("*.txt"))]


@pytest.mark.parametrize("path", goldens(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_golden_parses_to_its_value(path: Path) -> None:
    """What a probe printed on a real host, or what its tools document, is understood as a person read it."""
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    output = path.read_text(encoding="utf-8")

    assert fact(path.parent.name).value(output, told["args"]) == told["value"]


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_has_goldens_and_a_true_example(name: str) -> None:
    """No fact goes without proof, and the example that authors are shown has the fact's shape."""
    assert len(list((GOLDENS / name).glob("*.txt"))) >= 1
    assert conform(fact(name).shape, fact(name).example) == fact(name).example


@pytest.mark.parametrize("path", goldens(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_windows_line_ends_and_stray_spaces_change_nothing(path: Path) -> None:
    """Carriage returns and spaces at the ends of lines come from terminals and editors, not from the host's state."""
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    output = path.read_text(encoding="utf-8").replace("\n", " \r\n")

    assert fact(path.parent.name).value(output, told["args"]) == told["value"]


@pytest.mark.parametrize("path", goldens(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_output_cut_at_any_line_is_refused(path: Path) -> None:
    """Output that ends early is never taken for the whole truth."""
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    step = max(1, len(lines) // 20)

    for end in range(0, len(lines), step):
        with pytest.raises(ParseError):
            fact(path.parent.name).value("".join(lines[:end]), told["args"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "output", ["", "\n", "end", "\r\n \r\n", "\x00end", "end\nend\nx", "a" * 300_000 + "\nend", "x\n" * 100_000 + "end"]
)
def test_hostile_output_is_a_value_or_a_parse_error(name: str, output: str) -> None:
    """Empty, huge and senseless output never ends in another exception, nor ever without one where nothing was said."""
    try:
        value = fact(name).value(output, ARGS.get(name, {}))
    except ParseError:
        return
    assert output.strip() == "end"
    assert not any(flatten(value)), "where nothing was found, nothing may be claimed"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_text_is_a_value_of_the_shape_or_a_parse_error(name: str, data: st.DataObject) -> None:
    """Whatever a target prints, the parser answers with a whole value or a ParseError."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((GOLDENS / name).glob("*.txt"))[:3]]
    lines = sorted({line for text in texts for line in text.splitlines()})[:80]
    mutated = st.lists(st.one_of(st.sampled_from(lines), st.text(max_size=30)), max_size=12).map(
        lambda ls: "\n".join([*ls, "end"])
    )
    output = data.draw(st.one_of(st.text(max_size=200), mutated))

    try:
        value = fact(name).value(output, ARGS.get(name, {}))
    except ParseError:
        return
    assert conform(fact(name).shape, value) == value


@pytest.mark.parametrize("name", NAMES)
def test_probe_says_the_same_in_every_shell(name: str) -> None:
    """dash, bash and busybox sh run the fragment to the end, and see the same host."""
    values = []
    for shell in SHELLS:
        if not shutil.which(shell[0]):
            continue
        done = run(shell, ALLOWED + script(name), start_new_session=True)
        assert done.returncode == 0, done.stderr
        values.append(fact(name).value(done.stdout, ARGS.get(name, {})))

    assert values
    # the shell itself is among the processes, and the clock goes on
    if name not in ("clock", "services"):
        assert all(value == values[0] for value in values)


@pytest.mark.parametrize("name", NAMES)
def test_privileged_commands_are_listed_as_typed(name: str) -> None:
    """What sudoers is told to permit is exactly what the fragment runs as root, with absolute paths and fixed arguments."""
    probe = fact(name).probes["linux"]
    typed = {match.strip() for match in re.findall(r"as_root (/[^)|;\n]*)", probe.script)}

    assert typed == set(probe.privileged)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_firewall_refused_is_not_no_firewall(shell: list[str]) -> None:
    """A tool that may not be asked ends the probe; it never reads as a host without rules."""
    if not Path("/usr/sbin/nft").exists():
        pytest.skip("nft is not installed here")
    done = run(shell, REFUSED + script("firewall"))

    assert done.returncode != 0
    assert "end" not in done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
@pytest.mark.parametrize(("path", "status"), [("/nowhere/at/all", 0), ("relative", 1), ("/etc/passwd/x", 0)])
def test_absent_is_said_only_where_it_is_sure(shell: list[str], path: str, status: int) -> None:
    """A path that cannot exist is absent; a relative one is nothing that can be judged."""
    done = run(shell, script("file_stat", {"path": path}))

    assert done.returncode == status
    if status == 0:
        assert fact("file_stat").value(done.stdout, {"path": path}) == {"path": path, "exists": False}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_closed_folder_is_not_absence(shell: list[str], tmp_path: Path) -> None:
    """What lies in a folder that this user may not enter is unknown, not absent."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "secret").touch()

    done = run(shell, script("file_stat", {"path": str(closed / "secret")}), user=65534, group=65534, extra_groups=[])

    assert done.returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_link_into_a_closed_folder_is_not_absence(shell: list[str], tmp_path: Path) -> None:
    """A home folder that is a link into a folder this user may not enter is unknown; one that leads nowhere is absent."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/tmp") and folder.is_relative_to("/tmp"):
            folder.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "secret").touch()
    targets = {"hidden": "closed/secret", "twice": "hidden", "circle": "circle", "nowhere": "gone/away"}
    status = {}
    for name, target in targets.items():
        (tmp_path / name).symlink_to(target)
        text = script("file_stat", {"path": str(tmp_path / name)})
        status[name] = run(shell, text, user=65534, group=65534, extra_groups=[]).returncode

    assert status == {"hidden": 1, "twice": 1, "circle": 1, "nowhere": 0}


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/sbin/nft").exists(), reason="needs nft, in a namespace of its own")
@pytest.mark.parametrize(("flags", "filters"), [("", True), ("flags dormant;", False)])
def test_dormant_table_filters_nothing(flags: str, filters: bool, tmp_path: Path) -> None:
    """A table that sleeps is listed with all its rules and drops no packet."""
    rules = tmp_path / "rules"
    rules.write_text(f"table inet f {{\n{flags}\nchain i {{\ntype filter hook input priority 0; policy drop;\n}}\n}}\n")
    done = run(["unshare", "-n", "dash"], f"/usr/sbin/nft -f {rules} || exit 9\n" + ALLOWED + script("firewall"))

    assert (fact("firewall").value(done.stdout, {})["input_policy"] == "drop") is filters


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_path_with_quotes_and_dollars_is_only_a_path(shell: list[str], tmp_path: Path) -> None:
    """Nothing in an argument is ever run."""
    odd = tmp_path / "a b'\"$(touch evil)`touch evil`;*"
    odd.touch()

    done = run(shell, script("file_stat", {"path": str(odd)}), cwd=tmp_path)

    assert fact("file_stat").value(done.stdout, {"path": str(odd)})["exists"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == [odd.name]


UPDATEINFO = """<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="x" status="final" type="security" version="1">
    <id>RHSA-1</id>
    <pkglist>
      <collection short="a">
        <package name="bash" version="5.1.8" release="9.el9" epoch="0" arch="x86_64" src="b.src.rpm"/>
        <package name="bash" version="5.1.10" release="1.el9" epoch="0" arch="x86_64" src="b.src.rpm"/>
        <package name="kernel" version="5.14.0" release="427.13.1.el9_4" epoch="0" arch="x86_64" src="k"/>
        <package name="openssl-libs" version="3.0.0~rc1" release="1" epoch="1" arch="x86_64" src="o"/>
        <package name="bash" version="9.9" release="1" epoch="0" arch="s390x" src="b.src.rpm"/>
        <package name="absent" version="9" release="1" epoch="0" arch="x86_64" src="a"/>
      </collection>
    </pkglist>
  </update>
  <update type="bugfix"><pkglist><collection>
    <package name="tzdata" version="2099a" release="1.el9" epoch="0" arch="noarch" src="t"/>
  </collection></pkglist></update>
  <update type="security"><pkglist><collection short="m"><module name="nodejs" stream="18" version="1" context="c" arch="x86_64"/>
    <package name="nodejs" version="18.20.0" release="1" epoch="1" arch="x86_64" src="n"/>
  </collection><collection short="n"><module name="nodejs" stream="16" version="1" context="c" arch="x86_64"/>
    <package name="nodejs" version="16.20.2" release="8" epoch="1" arch="x86_64" src="n"/>
  </collection></pkglist></update>
</updates>
"""
RPMS = """bash x86_64 0 5.1.8 6.el9
kernel x86_64 0 5.14.0 70.el9
kernel x86_64 0 5.14.0 503.11.1.el9_5
openssl-libs x86_64 1 3.0.0 1
tzdata noarch 0 2024a 1.el9
nodejs x86_64 1 16.20.2 3
"""


def rhel(tmp_path: Path, packed: bool = True) -> str:
    """The probe of updates turned to a cache and an rpm that the test made."""
    repository = tmp_path / "cache" / "baseos-0123" / "repodata"
    repository.mkdir(parents=True)
    (repository / "1-updateinfo.xml.gz").write_bytes(gzip.compress(UPDATEINFO.encode()) if packed else b"not gzip")
    (repository / "2-primary.xml.gz").touch()
    os.utime(repository / "2-primary.xml.gz", (1_795_000_000, 1_795_000_000))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "nodejs.module").write_text("[nodejs]\nname=nodejs\nstream=16\nprofiles=\nstate=enabled\n")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "rpm").write_text(f"#!/bin/sh\nprintf '%s' '{RPMS}'\n")
    (tools / "rpm").chmod(0o755)
    text = script("updates").replace("/var/lib/dpkg/status", "/nowhere").replace("/var/cache/dnf/", f"{tmp_path}/cache/")
    return text.replace("/etc/dnf/modules.d/", f"{modules}/")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_rhel_updates_follow_versions_architectures_and_module_streams(shell: list[str], tmp_path: Path) -> None:
    """Only security advisories for what is installed count, by rpm's order, in the enabled stream, against the newest kernel."""
    done = run(shell, rhel(tmp_path), path=f"{tmp_path}/bin:{PATH}")

    assert fact("updates").value(done.stdout, {}) == {
        "manager": "dnf",
        "known": True,
        "lists_date": 1_795_000_000,
        "security": [
            {"name": "bash", "installed": "0:5.1.8-6.el9", "offered": "0:5.1.10-1.el9"},
            {"name": "nodejs", "installed": "1:16.20.2-3", "offered": "1:16.20.2-8"},
        ],
    }


def test_lists_that_do_not_speak_of_the_system_prove_nothing(tmp_path: Path) -> None:
    """EPEL publishes advisories, CentOS Stream none: no advisory for the host is then no proof that none is missing."""
    text = rhel(tmp_path)
    info = tmp_path / "cache" / "baseos-0123" / "repodata" / "1-updateinfo.xml.gz"
    info.write_bytes(gzip.compress(UPDATEINFO.replace('"kernel"', '"epel-thing"').replace('"openssl-libs"', '"other"').encode()))
    done = run(["dash"], text, path=f"{tmp_path}/bin:{PATH}")

    assert fact("updates").value(done.stdout, {})["known"] is False


@pytest.mark.parametrize("shell", SHELLS, ids=lambda s: s[0])
def test_list_that_cannot_be_unpacked_ends_the_probe(shell: list[str], tmp_path: Path) -> None:
    """A broken list never reads as a list without updates."""
    done = run(shell, rhel(tmp_path, packed=False), path=f"{tmp_path}/bin:{PATH}")

    assert done.returncode != 0


def test_unlisted_release_has_no_end_of_support() -> None:
    """For a release that the table does not know no date is made up."""
    value = fact("os_release").value("ID=debian\nVERSION_ID=99\nend\n", {})

    assert "eol" not in value


def test_chains_that_jump_in_a_circle_are_refused() -> None:
    """A hostile rule set cannot keep the parser busy for ever."""
    head = "tool=nftables\nchain=inet f a\nbase=type filter hook input priority 0; policy drop;\n"
    loop = head + "rule=jump b\nchain=inet f b\nrule=jump a\n"

    with pytest.raises(ParseError):
        fact("firewall").value(loop + "ipv6=no\nend\n", {})


def test_chains_that_branch_are_followed_in_bounded_time() -> None:
    """Neither can one whose chains call each other twice over."""
    chains = "".join(f"chain=inet f c{i}\nrule=jump c{i + 1}\nrule=jump c{i + 1}\n" for i in range(30))
    head = "tool=nftables\nchain=inet f in\nbase=type filter hook input priority 0; policy drop;\nrule=jump c0\n"

    assert fact("firewall").value(head + chains + "ipv6=no\nend\n", {})["input_policy"] == "drop"


@pytest.mark.parametrize("name", [name for name in NAMES if "awk" in fact(name).probes["linux"].script])
def test_tool_that_fails_ends_the_probe(name: str, tmp_path: Path) -> None:
    """A filter that breaks half-way never reads as a host on which nothing was found."""
    (tmp_path / "awk").write_text("#!/bin/sh\nexit 2\n")
    (tmp_path / "awk").chmod(0o755)

    done = run(["dash"], ALLOWED + script(name), path=f"{tmp_path}:{PATH}")

    if name == "updates" and "known=no" in done.stdout.splitlines():
        # a machine without package lists: awk had nothing to filter, and what is not known must say so
        assert fact("updates").value(done.stdout, {})["known"] is False
        return
    assert "end" not in done.stdout.splitlines()
    assert done.returncode != 0
