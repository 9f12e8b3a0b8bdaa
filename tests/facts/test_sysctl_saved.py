"""Which files set the kernel's settings at the next start, and which of them last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import fact, run, script

FILES = {
    "etc/sysctl.d/99-z.conf": "net.ipv4.ip_forward = 0",
    "etc/ufw/sysctl.conf": "# ours\nnet/ipv4/ip_forward=1",
    "etc/ufw/ufw.conf": "ENABLED=no\nENABLED=yes",
    "etc/default/ufw": 'IPT_SYSCTL="/etc/ufw/sysctl.conf" # ours',
    "etc/systemd/system/multi-user.target.wants/ufw.service": "",
    "usr/lib/systemd/systemd-sysctl": "",
}


def saved(root: Path, shell: str = "dash", **changed: str) -> Any:
    """The value, or None where the probe refused, of a host with the files, some of them changed."""
    for path, text in {**FILES, **changed}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    text = re.sub("(?<= )(?=/(?:etc|run|usr|lib)/)", str(root), script("sysctl_saved"))
    done = run([shell], text.replace('[ -s "$file"', f'file={root}$file; [ -s "$file"'))
    return fact("sysctl_saved").value(done.stdout.replace(str(root), ""), {}) if done.returncode == 0 else None


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_what_ufw_sets_at_its_start_holds(tmp_path: Path, shell: str) -> None:
    """Bug: a value that ufw replaces at each start was told as saved, and agreed with one in force that would not last."""
    assert saved(tmp_path, shell) == {"net.ipv4.ip_forward": {"value": "1", "source": "/etc/ufw/sysctl.conf"}}
    kept = {"net.ipv4.ip_forward": {"value": "0", "source": "/etc/sysctl.d/99-z.conf"}}
    for changed in (
        {"etc/ufw/ufw.conf": "ENABLED=no"},
        {"etc/default/ufw": "IPT_SYSCTL=\n#IPT_SYSCTL=/etc/ufw/sysctl.conf"},
        {"etc/default/ufw": "IPT_SYSCTL=/etc/ufw/none"},
    ):
        assert saved(tmp_path, shell, **changed) == kept
    assert saved(tmp_path, shell, **{"etc/default/ufw": "IPT_SYSCTL=$HERE/sysctl.conf"}) is None
    assert saved(tmp_path, shell) != kept
    (tmp_path / "etc/systemd/system/ufw.service").symlink_to("/dev/null")
    assert saved(tmp_path, shell) == kept, "masked"


def test_only_the_file_that_ufw_names_may_lie_elsewhere() -> None:
    with pytest.raises(ParseError, match="another folder"):
        fact("sysctl_saved").value("ufw=/etc/ufw/sysctl.conf\n/etc/ufw/sysctl.conf:\n/srv/a.conf:\nend\n", {})
    with pytest.raises(ParseError):
        fact("sysctl_saved").value("ufw=/etc/ufw/sysctl.conf\nend\n", {})
