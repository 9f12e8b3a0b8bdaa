"""Hosts of busybox alone: its applets bear the names of programs that they are not, and init scripts do systemd's work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import ALLOWED, fact, run, script


@pytest.mark.parametrize("name", ["automatic_updates", "packages", "updates"])
def test_an_rpm_that_only_unpacks_is_no_package_manager(name: str, tmp_path: Path) -> None:
    """busybox has an applet called rpm; such a host was read as one whose dnf installs no updates."""
    (tmp_path / "rpm").write_text("#!/bin/sh\necho \"rpm: unrecognized option '--version'\" >&2\nexit 1\n")
    (tmp_path / "rpm").chmod(0o755)
    done = run(["/bin/dash"], ALLOWED + script(name, {}), path=str(tmp_path))
    assert done.returncode != 0
    assert "end" not in done.stdout.splitlines()


def elsewhere(name: str, places: dict[str, Path]) -> Any:
    """What the probe prints with these paths of its fragment put elsewhere."""
    text = script(name, {})
    for path, other in places.items():
        assert path in text
        text = text.replace(path, str(other))
    return run(["/bin/dash"], ALLOWED + text)


def test_a_rule_of_hours_names_no_zone(tmp_path: Path) -> None:
    """Such a host was read as one in UTC."""
    rule = tmp_path / "TZ"
    places = {"/etc/localtime": tmp_path / "none", "/etc/timezone": tmp_path / "none", "/etc/TZ": rule}
    rule.write_text("AST-3\n")
    assert elsewhere("timezone", places).returncode != 0
    rule.write_text("UTC0\n")
    assert fact("timezone").value(elsewhere("timezone", places).stdout, {}) == {"name": "UTC"}


def test_an_httpd_of_busybox_is_no_apache(tmp_path: Path) -> None:
    """Its link was read as an Apache without its main file; one that is Apache's own is looked into."""
    server, top = tmp_path / "httpd", tmp_path / "conf"
    places = {"/usr/sbin/apache2": tmp_path / "none", "/usr/sbin/httpd": server, "/etc/httpd": top}
    server.symlink_to("/bin/busybox")
    assert elsewhere("apache", places).stdout.splitlines() == ["installed=no", "end"]
    server.unlink()
    server.write_text("")
    server.chmod(0o755)
    assert elsewhere("apache", places).stdout.splitlines()[:1] == ["installed=yes"]


def test_settings_of_an_init_script_hold_last() -> None:
    """Without systemd `sysctl -p` reads /etc/sysctl.conf at the start; it was left out."""
    lines = ["/etc/sysctl.d/z.conf:", "/etc/sysctl.d/z.conf:net.ipv4.ip_forward=1"]
    plain = ["/etc/sysctl.conf:", "/etc/sysctl.conf:net.ipv4.ip_forward = 0"]
    for order in (lines + plain, plain + lines):
        value: Any = fact("sysctl_saved").value("\n".join([*order, "end", ""]), {})
        assert value == {"net.ipv4.ip_forward": {"value": "0", "source": "/etc/sysctl.conf"}}


def test_settings_of_another_folder_are_refused() -> None:
    with pytest.raises(ParseError, match="another folder"):
        fact("sysctl_saved").value("/etc/other.conf:\nend\n", {})
