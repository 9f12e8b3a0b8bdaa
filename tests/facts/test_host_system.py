"""Facts of files, packages, updates and firewall: what is particular to each."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any, cast

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, PATH, REFUSED, SHELLS, fact, let_in, run, script


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_firewall_refused_is_not_no_firewall(shell: list[str]) -> None:
    """A tool that may not be asked ends the probe; it never reads as a host without rules."""
    if not Path("/usr/sbin/nft").exists():
        pytest.skip("nft is not installed here")
    done = run(shell, REFUSED + script("firewall"))

    assert done.returncode != 0
    assert "end" not in done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
@pytest.mark.parametrize(("path", "status"), [("/nowhere/at/all", 0), ("relative", 1), ("/etc/passwd/x", 0)])
def test_absent_is_said_only_where_it_is_sure(shell: list[str], path: str, status: int) -> None:
    """A path that cannot exist is absent; a relative one is nothing that can be judged."""
    done = run(shell, script("file_stat", {"path": path}))

    assert done.returncode == status
    if status == 0:
        assert fact("file_stat").value(done.stdout, {"path": path}) == {"path": path, "exists": False}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
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
@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
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


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_an_access_control_list_is_told(shell: list[str], tmp_path: Path) -> None:
    """Regression, false pass: `setfacl -m u:bob:r` on a host key of 0600 makes it 0640 of root's group, which is allowed."""
    (key := tmp_path / "key").touch(mode=0o600)
    text = script("file_stat", {"path": str(key)})
    assert "acl" not in cast("dict[str, Any]", fact("file_stat").value(run(shell, text).stdout, {"path": str(key)}))
    let_in(key, 4)
    told = cast("dict[str, Any]", fact("file_stat").value(run(shell, text).stdout, {"path": str(key)}))
    assert (told["mode"], told["acl"]) == ("0640", True)


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
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


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
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


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_list_that_cannot_be_unpacked_ends_the_probe(shell: list[str], tmp_path: Path) -> None:
    """A broken list never reads as a list without updates."""
    done = run(shell, rhel(tmp_path, packed=False), path=f"{tmp_path}/bin:{PATH}")

    assert done.returncode != 0


@pytest.mark.parametrize(
    ("lines", "release"),
    [
        ('ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"', "22.04"),
        ('ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"', "22.04"),
        ('ID="rocky"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"', "9"),
        ('ID="rocky"\nVERSION_ID="9.5"\nPRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"', "9"),
    ],
)
def test_a_minor_update_leaves_the_release(lines: str, release: str) -> None:
    """Regression: support-end-near named its subject by PRETTY_NAME, and a minor update closed the finding with its exception."""
    assert fact("os_release").value(f"{lines}\nend\n", {})["release"] == release


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can put another /proc in place")
@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])
def test_daemons_that_start_containers_are_no_containers(shell: list[str], tmp_path: Path) -> None:
    """Regression: dockerd and containerd ran replaced files unseen, as their control groups hold the words of containers."""
    groups = {
        "init": "0::/init.scope",
        "dockerd": "4:memory:/\n0::/system.slice/docker.service",
        "containerd": "0::/system.slice/containerd.service",
        "in-docker": "0::/system.slice/docker-0123456789ab.scope",
        "in-cgroupfs": "4:memory:/docker/0123456789ab\n0::/docker/0123456789ab",
        "nested": "0::/system.slice/docker-0123456789ab.scope/system.slice/docker.service",
        "in-podman": "0::/system.slice/web.service/libpod-payload-0123456789ab",
    }
    for pid, (name, group) in enumerate(groups.items(), 1):
        place = tmp_path / str(pid)
        place.mkdir()
        (place / "comm").write_text(f"{name}\n")
        (place / "cgroup").write_text(f"{group}\n")
        gone = f"55a14560e000-55a145d4e000 r-xp 00000000 fe:00 {pid}  /usr/bin/{name} (deleted)"
        (place / "maps").write_text(f"{gone if pid > 1 else ''}\n7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0  [stack]\n")
    entered = ["unshare", "--mount", "sh", "-c", f'mount --bind {tmp_path} /proc && exec "$@"', "sh", *shell]
    done = run(entered, ALLOWED + script("stale_processes"))
    found: Any = fact("stale_processes").value(done.stdout, {})
    assert [process["name"] for process in found] == ["containerd", "dockerd"]


def test_a_unit_s_other_name_has_the_states_of_the_unit() -> None:
    """Regression: sshd.service, Debian's other name of ssh.service, was told as enabled and stopped all the time."""
    lines = ("manager=systemd", "file=sshd.service alias", "file=nfs-kernel-server.service alias", "file=autovt@.service alias")
    lines += ("file=ssh.service enabled", "file=nfs-server.service disabled", "unit=ssh.service loaded active")
    lines += ("Id=ssh.service", "Names=ssh.service sshd.service", "Id=nfs-server.service")
    units = fact("services").value("\n".join([*lines, "Names=nfs-server.service nfs-kernel-server.service", "end"]), {})["units"]
    assert units["sshd.service"] == units["ssh.service"] == {"active": True, "enabled": True, "state": "enabled"}
    assert units["nfs-kernel-server.service"] == {"active": False, "enabled": False, "state": "disabled"}
    assert units["autovt@.service"]["state"] == "alias"
    with pytest.raises(ParseError, match="without the unit"):
        fact("services").value("\n".join([*lines, "end"]), {})


def test_what_a_generator_or_a_link_starts_is_enabled() -> None:
    """Regression: exim4 of Debian 11 (a script in /etc/init.d) and instances of templates were told as not enabled."""
    lines = ("manager=systemd", "file=exim4.service generated", "file=atop.service generated", "file=openvpn@.service disabled")
    lines += ("unit=openvpn@corp.service loaded active", "unit=openvpn@lab.service loaded active")
    units = fact("services").value("\n".join([*lines, "wanted=exim4.service", "wanted=openvpn@corp.service", "end"]), {})["units"]
    assert {name for name, unit in units.items() if unit["enabled"]} == {"exim4.service", "openvpn@corp.service"}


def test_a_password_that_nobody_set_is_none(tmp_path: Path) -> None:
    """RHEL's grub.cfg names superusers and a password on every host; without user.cfg the password was told as set."""
    grub = tmp_path / "grub.cfg"
    text = fact("boot_loader").probes["linux"].script
    places = "/boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/grub2/user.cfg"
    grep = next(command for command in fact("boot_loader").probes["linux"].privileged if "grep" in command)
    assert grep in text
    for written, password in (("${GRUB2_PASSWORD}", False), ("grub.pbkdf2.sha512.10000.AB.CD", True)):
        grub.write_text(f'    set superusers="root"\n    export superusers\n    password_pbkdf2 root {written}\n')
        words = run(["/bin/sh"], f"{grep.replace(places, str(grub))} | sed 's/^[[:space:]]*/word=/'").stdout
        assert "pbkdf2.sha512" not in words
        value: Any = fact("boot_loader").value(f"cmdline=ro quiet\nefi=no\n{words}end\n", {})
        assert value["password"] is password


def test_aliases_of_an_old_systemd_have_the_states_of_their_unit(tmp_path: Path) -> None:
    """Bug: systemd of RHEL 8 calls an alias enabled and lists it among no units, so that it was told as stopped."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        "#!/bin/sh\ncase $1 in\nlist-units) echo 'mariadb.service loaded active running MariaDB' ;;\n"
        "list-unit-files) printf '%s enabled\\n' getty@.service mariadb.service mysqld.service ;;\n"
        "show) shift 3; for name do printf 'Id=mariadb.service\\nNames=mariadb.service %s\\n' \"$name\"; done ;;\nesac\n"
    )
    systemctl.chmod(0o755)
    done = run(["sh"], script("services").replace("/run/systemd/system ]", f"{tmp_path} ]"), path=f"{tmp_path}:{PATH}")
    units: Any = fact("services").value(done.stdout, {})["units"]
    assert done.stdout.count("Id=") == 1, "neither a template nor what is listed is asked for"
    assert units["mysqld.service"] == units["mariadb.service"] == {"active": True, "enabled": True, "state": "enabled"}


def test_a_service_that_its_socket_starts_is_told_with_it(tmp_path: Path) -> None:
    """Bug: ssh.service of Ubuntu 24.04 is disabled, and starts all the same: its socket listens for it.

    Debian's ssh.socket starts an instance for each connection; a service that failed, is masked or gone is not started.
    """
    systemctl = tmp_path / "systemctl"
    units_told = (
        *("ssh.service loaded inactive", "ssh.socket loaded active", "sshd.socket loaded active", "dbus.socket loaded active"),
        *(
            "cups.service loaded failed",
            "cups.socket loaded active",
            "dbus.service loaded inactive",
            "uuidd.service loaded inactive",
        ),
        *("rpcbind.service masked inactive", "rpcbind.socket loaded active", "uuidd.socket loaded inactive"),
    )
    listed = "".join(f" '{unit}'" for unit in units_told)
    systemctl.write_text(
        f"#!/bin/sh\ncase $1 in\nlist-units) printf '%s x x\\n'{listed} ;;\n"
        "list-unit-files) printf '%s disabled\\n' ssh.service dbus.socket\n"
        " printf '%s enabled\\n' ssh.socket sshd.socket cups.socket rpcbind.socket uuidd.socket ;;\n"
        "show) shift 3; for name do service=${name%.socket}.service; [ $name != sshd.socket ] || service=\n"
        " printf 'Id=%s\\nTriggers=%s\\n\\n' $name $service; done ;;\nesac\n"
    )
    systemctl.chmod(0o755)
    done = run(["sh"], script("services").replace("/run/systemd/system ]", f"{tmp_path} ]"), path=f"{tmp_path}:{PATH}")
    units: Any = fact("services").value(done.stdout, {})["units"]
    assert "triggers=sshd.socket" not in done.stdout
    assert "triggers=uuidd.socket" not in done.stdout, "it does not listen"
    assert {name: unit["socket"] for name, unit in units.items() if "socket" in unit} == {"ssh.service": "ssh.socket"}
    assert units["ssh.service"]["enabled"] is False


def test_private_folders_of_services_are_no_shared_ones() -> None:
    """Regression: their names are drawn at each start, and every restart of a host made subjects that came and went."""
    name = "/tmp/systemd-private-0336d1ee21a341de9ec58d113299fd7d-chrony.service-eWdS7i/tmp"
    found = {"1777": name, "0777": name, "1777 ": f"{name}/deeper", "1777  ": "/tmp/systemd-private-x/tmp"}
    lines = [f"writable|d|{mode.strip()}|root|root|{path}" for mode, path in found.items()]
    told: Any = fact("file_walk").value("\n".join(["root||0|||/", *lines, "end"]), {})
    assert [(item["mode"], item["path"]) for item in told["world_writable"]] == [
        ("0777", name),
        ("1777", f"{name}/deeper"),
        ("1777", "/tmp/systemd-private-x/tmp"),
    ]
