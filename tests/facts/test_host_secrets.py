"""What is secret in files and stays there, and what only looks like it: proxies with passwords, keys beside certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.facts.hosts import ALLOWED, SHELLS, fact, run, script

each_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda s: s[0])


def walked(shell: list[str], root: Path, files: dict[str, str]) -> Any:
    """The value of a walk over a root with such files."""
    for name, text in {**files, "etc/passwd": ""}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        (root / name).chmod(0o644)
    walk = (
        script("file_walk")
        .replace("/usr/bin/find / ", f"/usr/bin/find {root} ")
        .replace("-path /etc/passwd", f"-path {root}/etc/passwd")
    )
    for folder in ("/var/lib/systemd/coredump", "/var/crash"):
        walk = walk.replace(folder, f"{root}{folder}")
    return fact("file_walk").value(run(shell, ALLOWED + walk).stdout, {})


@each_shell
def test_certificates_alone_are_no_key(shell: list[str], tmp_path: Path) -> None:
    """Regression: the public certificates that RHEL and Ubuntu install as .pem failed file-private-key-readable."""
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"
    files = {
        "pki/product-default/479.pem": certificate,
        "pki/both.pem": certificate + key,
        "pki/web.pem": key,
        "pki/binary.pem": "0\x82\x04",
        "pki/server.key": certificate,
        "pki/huge.pem": certificate + "\n" * 2**20,
    }
    names = [Path(item["path"]).name for item in walked(shell, tmp_path, files)["readable_keys"]]
    assert names == ["binary.pem", "both.pem", "huge.pem", "server.key", "web.pem"]


@each_shell
def test_memory_dumps_of_systemd_and_apport_are_found(shell: list[str], tmp_path: Path) -> None:
    """Regression: file-core-dumps passed by RHEL's /var/lib/systemd/coredump and Ubuntu's /var/crash, however full."""
    kept, report = "var/lib/systemd/coredump/core.httpd.48.0f1e.1234.1795300000000000.lz4", "var/crash/_usr_bin_named.110.crash"
    files = {
        kept: "x",
        report: "ProblemType: Crash\nCoreDump: base64\n H4sICAAAAAAC\n",
        "var/crash/_usr_bin_apport-cli.1000.crash": "ProblemType: Crash\nTraceback:\n Traceback (most recent call last):\n",
        "srv/core.1234": "x" * 2**17,
        "srv/core.conf": "x" * 2**17,
    }
    told = walked(shell, tmp_path, files)["core_dumps"]
    assert [item["path"] for item in told] == sorted(f"{tmp_path}/{name}" for name in (kept, report, "srv/core.1234"))
