"""What remedies do where they are run: that they hold on each release, and shut nobody out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from auditor.loading import load_workspace
from auditor.model import Check

LOADED = load_workspace(Path(__file__).parents[2])
CHECKS = (
    [c for c in LOADED.catalogue.checks.values() if "/etc/ssh/sshd_config.d/00-" in c.remediation_shell]
    if LOADED.catalogue
    else []
)

# Nothing of the machine is touched: what the remedies run beside the tools of texts does nothing.
_STUBS = """\
sshd() { :; }; systemctl() { :; }; groupadd() { :; }; gpasswd() { :; }; getent() { :; }
ssh() { printf '%s\\n' diffie-hellman-group1-sha1 curve25519-sha256 ecdh-sha2-nistp384; }
"""
_OLD = "# RHEL 8\nSubsystem sftp /usr/libexec/openssh/sftp-server\n"


def applied(check: Check, root: Path, sshd_config: str, *, folder: bool) -> tuple[list[str], dict[str, list[str]]]:
    """The lines of sshd_config, and those of each file in the folder, after the remedy."""
    ssh = root / "etc" / "ssh"
    (ssh / "sshd_config.d" if folder else ssh).mkdir(parents=True)
    (root / "etc" / "sysconfig").mkdir()
    (root / "etc" / "sysconfig" / "sshd").write_text("CRYPTO_POLICY='-oCiphers=aes256-cbc'\n")
    (ssh / "sshd_config").write_text(sshd_config)
    text = _STUBS + check.remediation_shell.replace("/etc/", f"{root}/etc/")
    subprocess.run(
        ["sh", "-eu"], input=text, text=True, check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "SUDO_USER": "amal"}
    )
    files = {file.name: file.read_text().splitlines() for file in ssh.glob("sshd_config.d/*")}
    return (ssh / "sshd_config").read_text().splitlines(), files


def settings(check: Check) -> list[str]:
    """The keywords that the remedy sets."""
    return re.findall(r"1i (\w+) ", check.remediation_shell)


def test_the_remedies_are_found() -> None:
    """All that write into the folder are looked at."""
    assert len(CHECKS) >= 19


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_remedy_works_where_sshd_reads_no_folder(check: Check, tmp_path: Path) -> None:
    """Regression: on RHEL 8 the remedies wrote into a folder that is not there, and would not be read."""
    lines, files = applied(check, tmp_path, _OLD, folder=False)
    assert (sorted(line.split()[0] for line in lines[:-2]), lines[-2:], files) == (sorted(settings(check)), _OLD.splitlines(), {})
    told = (tmp_path / "etc/sysconfig/sshd").read_text().splitlines()
    assert (told[-1] == "CRYPTO_POLICY=") == (check.id in {"ssh-strong-kex", "ssh-strong-ciphers", "ssh-strong-macs"})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_remedy_writes_into_the_folder_that_sshd_reads(check: Check, tmp_path: Path) -> None:
    """There sshd_config itself, which the package may replace, is left alone."""
    config = "Include /etc/ssh/sshd_config.d/*.conf\n" + _OLD
    lines, files = applied(check, tmp_path, config, folder=True)
    assert lines == config.splitlines()
    assert [sorted(line.split()[0] for line in told) for told in files.values()] == [sorted(settings(check))]


def test_key_exchanges_that_this_openssh_does_not_know_are_left_out(tmp_path: Path) -> None:
    """Regression: sshd does not start with the name of one that it does not know, as Debian 11's and RHEL 8's with sntrup761."""
    check = next(c for c in CHECKS if c.id == "ssh-strong-kex")
    assert applied(check, tmp_path, _OLD, folder=False)[0][0] == "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp384"


def test_the_firewall_s_remedy_allows_the_port_on_which_sshd_listens(tmp_path: Path) -> None:
    """Regression: it allowed OpenSSH's profile, port 22, and shut out whoever came to an sshd that listens elsewhere."""
    assert LOADED.catalogue is not None
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("apt-get", "dnf", "systemctl", "firewall-cmd", "ufw", "firewall-offline-cmd"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/log\n')
    (tools / "sshd").write_text("#!/bin/sh\nprintf 'port 22\\nlistenaddress [::]:2222\\nlistenaddress 0.0.0.0:2222\\n'\n")
    for file in tools.iterdir():
        file.chmod(0o755)
    shell = LOADED.catalogue.checks["firewall-active"].remediation_shell
    subprocess.run(["sh", "-eu"], input=shell, text=True, check=True, capture_output=True, env={"PATH": f"{tools}:/usr/bin:/bin"})
    ran = (tmp_path / "log").read_text().splitlines()
    assert [line for line in ran if line.startswith(("ufw", "firewall-offline"))] == [
        "ufw allow 2222/tcp", "ufw default deny incoming", "ufw enable", "firewall-offline-cmd --zone=public --add-port=2222/tcp",
    ]  # fmt: skip
    (tools / "sshd").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "log").unlink()
    subprocess.run(["sh"], input=shell, text=True, check=False, capture_output=True, env={"PATH": f"{tools}:/usr/bin:/bin"})
    assert not (tmp_path / "log").exists(), "without a port nothing is refused"


@pytest.mark.parametrize(("known", "expected"), [("SHA512 YESCRYPT", "YESCRYPT"), ("SHA256 SHA512", "SHA512")])
def test_the_hash_s_remedy_sets_what_the_tools_know(known: str, expected: str, tmp_path: Path) -> None:
    """Regression: it set YESCRYPT everywhere, for which shadow 4.6 and 4.8 (RHEL 8, Debian 11) store DES."""
    assert LOADED.catalogue is not None
    (tmp_path / "pam.d").mkdir()
    (tmp_path / "pam.d" / "common-password").write_text("password required pam_unix.so obscure md5\n")
    (tmp_path / "pam.d" / "system-auth").write_text("password required pam_unix.so\n")
    (tmp_path / "login.defs").write_text("ENCRYPT_METHOD MD5\n")
    shell = LOADED.catalogue.checks["password-hash-method"].remediation_shell.replace("/etc/", f"{tmp_path}/")
    stub = f"chpasswd() {{ echo '-c METHOD (one of NONE DES MD5 {known})'; }}\n"
    subprocess.run(["sh", "-eu"], input=stub + shell, text=True, check=True, capture_output=True)
    assert (tmp_path / "login.defs").read_text() == f"ENCRYPT_METHOD {expected}\n"
    assert expected.lower() in (tmp_path / "pam.d" / "common-password").read_text()
