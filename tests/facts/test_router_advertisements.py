"""What network managers say of router advertisements: which files count, whose connections, and what never leaves the host."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, PATH, fact, run, script

NETWORK = "/etc/systemd/network/10-lan.network"


def networkd(*lines: str, additions: tuple[str, ...] = (), version: int = 252) -> Any:
    """What is told of a link with these lines under [Network], and those of files that add to them."""
    told = ["ipv6=yes", "manager=systemd-networkd", f"version={version}", f"link=eth0 {NETWORK}", f"file={NETWORK}:[Network]"]
    told += [f"file={NETWORK}:{line}" for line in lines] + [f"file={line}" for line in additions]
    return fact("router_advertisements").value("\n".join([*told, "end", ""]), {})["interfaces"]["eth0 by systemd-networkd"]


@pytest.mark.parametrize(
    ("lines", "takes"),
    [
        ((), True),
        (("IPv6AcceptRA=no",), False),
        (("IPv6AcceptRA=false", "IPv6AcceptRA=true"), True),
        (("IPv6AcceptRA=no", "IPv6AcceptRA="), True),
        (("IPv6AcceptRA=what",), True),
        (("[Link]", "IPv6AcceptRA=no"), True),
        (("LinkLocalAddressing=ipv4", "IPv6AcceptRA=yes"), False),
        (("LinkLocalAddressing=yes",), True),
        (("Bridge=br0",), False),
        (("Bridge=br0", "LinkLocalAddressing=ipv6"), True),
        (("IPForward=ipv6",), False),
        (("IPForward=ipv4",), True),
        (("IPForward=yes", "IPv6AcceptRA=yes"), True),
    ],
)
def test_networkd_takes_them_unless_its_file_says_no(lines: tuple[str, ...], takes: bool) -> None:
    """Regression: its default is to take them, while it keeps the kernel's accept_ra at 0."""
    assert networkd(*lines)["takes"] is takes


@pytest.mark.parametrize(
    ("line", "old", "middle", "new"),
    [
        ("IPv6SendRA=yes", True, True, False),
        ("IPForward=yes", False, False, True),
        ("IPv6Forwarding=yes", True, True, False),
        ("IPMasquerade=both", True, False, False),
        ("IPMasquerade=yes", True, True, True),
    ],
)
def test_what_makes_a_link_forward_is_its_systemd_s(line: str, old: bool, middle: bool, new: bool) -> None:
    """As those of Debian 11, 12 and 13 were seen to do; a setting that one of them does not know refuses nothing."""
    assert [networkd(line, version=version)["takes"] for version in (247, 252, 257)] == [old, middle, new]


def test_settings_of_all_links_count_from_systemd_256() -> None:
    """Its own file's, and those of a link that masquerades; where two of its own differ, none is believed."""
    base = ["ipv6=yes", "manager=systemd-networkd", "link=eth0 /n", "link=eth1 /m", "file=/n:[Network]", "file=/m:[Network]"]

    def takes(*lines: str) -> list[bool]:
        told: Any = fact("router_advertisements").value("\n".join([*base, *lines, "end", ""]), {})
        return [told["interfaces"][f"{name} by systemd-networkd"]["takes"] for name in ("eth0", "eth1")]

    assert takes("version=257") == [True, True]
    assert takes("version=257", "forwarding=yes") == [False, False]
    assert takes("version=255", "forwarding=yes") == [True, True]
    assert takes("version=257", "forwarding=yes", "forwarding=no") == [True, True]
    assert takes("version=257", "forwarding=yes", "file=/m:IPv6Forwarding=no") == [False, True]
    assert takes("version=257", "file=/m:IPMasquerade=both") == [False, False]
    with pytest.raises(ParseError, match="which systemd-networkd"):
        takes()


def test_files_that_add_to_networkd_s_come_in_order_of_their_names() -> None:
    """The last by name holds; of two with one name that in /etc; those of another file's folder do not count."""
    folders = "/run/systemd/network/10-lan.network.d", "/etc/systemd/network/10-lan.network.d"
    added = [f"{folders[0]}/{line}" for line in ("50-a.conf:[Network]", "50-a.conf:IPv6AcceptRA=yes")]
    assert networkd("IPv6AcceptRA=no", additions=(*added,))["takes"] is True
    masked = [f"{folders[1]}/{line}" for line in ("50-a.conf:[Network]", "50-a.conf:IPv6AcceptRA=no")]
    assert networkd(additions=(*added, *masked))["takes"] is False
    later = [f"{folders[0]}/{line}" for line in ("60-b.conf:[Network]", "60-b.conf:IPv6AcceptRA=yes")]
    assert networkd(additions=(*later, *masked))["takes"] is True
    assert networkd("IPv6AcceptRA=yes", additions=tuple(line.replace("10-lan", "20-wan") for line in masked))["takes"] is True


def test_a_file_of_networkd_that_was_not_read_is_no_answer() -> None:
    with pytest.raises(ParseError, match="was not read"):
        fact("router_advertisements").value(f"ipv6=yes\nmanager=systemd-networkd\nlink=eth0 {NETWORK}\nend\n", {})


def test_a_kernel_without_ipv6_hears_no_router() -> None:
    told: Any = fact("router_advertisements").value("ipv6=no\nmanager=NetworkManager\nmethod=eth0 auto\nend\n", {})
    assert told["interfaces"]["eth0 by NetworkManager"]["takes"] is False


def test_of_several_dhcpcd_one_that_takes_them_is_enough() -> None:
    told: Any = fact("router_advertisements").value("ipv6=yes\nmanager=dhcpcd\ndhcpcd=no\ndhcpcd=yes\nend\n", {})
    assert told["interfaces"]["all by dhcpcd"]["takes"] is True


def nmcli(folder: Path, *active: str) -> Any:
    """What the probe prints where NetworkManager runs, with these connections active; their method is part of their UUID."""
    (folder / "nmcli").write_text(
        '#!/bin/sh\n[ $1 = -g ] || { echo "$0 $*" >>' + f"{folder}/asked; printf '%s\\n' {' '.join(active)}; exit 0; }}\n"
        'echo "$*" >>' + f'{folder}/asked; for last do :; done; echo "${{last#*-}}"\n'
    )
    (folder / "nmcli").chmod(0o755)
    text = re.sub(r"(?m)^runs\(\) .*$", 'runs() { [ "$1" = NetworkManager ]; }', script("router_advertisements"))
    return run(["sh"], ALLOWED + text, path=f"{folder}:{PATH}")


def test_networkmanager_is_asked_for_methods_alone(tmp_path: Path) -> None:
    """A VPN's method is its server's, and containers' interfaces come and go; no secret is asked for."""
    done = nmcli(
        tmp_path, "1-auto:802-3-ethernet:eth0", "2-manual:bond:bond0", "3-auto:vpn:eth0", "4-auto:bridge:docker0", "5-auto:vpn:"
    )
    told: Any = fact("router_advertisements").value(done.stdout, {})
    assert {name: interface["takes"] for name, interface in told["interfaces"].items()} == {
        "eth0 by NetworkManager": True,
        "bond0 by NetworkManager": False,
    }
    asked = (tmp_path / "asked").read_text()
    assert "secret" not in asked
    assert asked.count("-g ipv6.method connection show") == 2


def test_a_networkmanager_that_does_not_answer_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "nmcli").write_text("#!/bin/sh\nexit 8\n")
    (tmp_path / "nmcli").chmod(0o755)
    text = re.sub(r"(?m)^runs\(\) .*$", 'runs() { [ "$1" = NetworkManager ]; }', script("router_advertisements"))
    assert run(["sh"], ALLOWED + text, path=f"{tmp_path}:{PATH}").returncode != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a container")
def test_a_container_s_manager_is_not_the_host_s(tmp_path: Path) -> None:
    """Its processes are seen on the host, whose own network it does not manage."""
    program = tmp_path / "dhcpcd"
    shutil.copy("/bin/sleep", program)
    (tmp_path / "probe").write_text(ALLOWED + script("router_advertisements"))
    for box, managers in (("", ["dhcpcd"]), ("unshare --pid --fork --kill-child", [])):
        text = f"{box} {program} 30 & sleep 0.3; sh {tmp_path}/probe; kill $!"
        done = run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh"], text)
        told: Any = fact("router_advertisements").value(done.stdout, {})
        assert (told["managers"], [*told["interfaces"]]) == (managers, [f"all by {name}" for name in managers])
