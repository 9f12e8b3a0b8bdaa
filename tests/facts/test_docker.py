"""The Docker daemon: where its settings lie, and how its command line is taken."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ParseError
from tests.facts.hosts import PATH, SHELLS, fact, let_in, run, script


def value(*lines: str) -> Any:
    return fact("docker_daemon").value("\n".join((*lines, "end", "")), {})


def test_docker_s_command_line_adds_to_its_file() -> None:
    """A socket opened by an option is seen beside those of the file."""
    told = value(
        "installed=yes",
        "file",
        '|{"hosts": ["fd://"]}',
        "line=/usr/bin/dockerd\t-H\ttcp://0.0.0.0:2375\t--icc=false",
    )
    assert (told["hosts"], told["settings"]["icc"], told["running"]) == (["fd://", "tcp://0.0.0.0:2375"], "false", True)
    with pytest.raises(ParseError):
        value("installed=yes", "file", "|{")


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ("-Htcp://0.0.0.0:2375", "hosts", "tcp://0.0.0.0:2375"),
        ("--group\tstaff\t--icc=false", "group", "staff"),
        ("--tlsverify\t-H\tfd://", "tlsverify", "true"),
    ],
)
def test_options_of_docker_take_their_value_as_it_is_written(words: str, name: str, expected: str) -> None:
    """Bug: a host joined to its letter, as in -Htcp://…, was no host, and an open socket passed."""
    told = value("installed=yes", f"line=/usr/bin/dockerd\t{words}\t")
    assert told["settings"][name] == expected


def test_an_address_on_which_systemd_listens_for_docker_is_one_of_its_hosts(tmp_path: Path) -> None:
    """Regression, false pass: docker.socket with ListenStream=2375 opens it to all, and the daemon says fd:// alone."""
    (tmp_path / "systemctl").write_text(
        "#!/bin/sh\nprintf '%s\\n' 'Listen=/run/docker.sock (Stream)' 'Listen=[::]:2375 (Stream)' \"ActiveState=$STATE\"\n"
    )
    (tmp_path / "systemctl").chmod(0o755)
    text = script("docker_daemon").replace("/usr/bin/dockerd", "/bin/sh").replace("/proc/[0-9]*", f"{tmp_path}/none*")
    text = text.replace("/etc/docker/daemon.json", f"{tmp_path}/none").replace("/run/systemd/system ]", f"{tmp_path} ]")
    for state, hosts in (("active", ["tcp://[::]:2375"]), ("inactive", [])):
        done = run(["sh"], f"export STATE={state}\n{text}", path=f"{tmp_path}:{PATH}")
        told: Any = fact("docker_daemon").value(done.stdout, {})
        assert told["hosts"] == hosts


def test_docker_of_ubuntu_s_snap_is_seen(tmp_path: Path) -> None:
    """Bug: Ubuntu's installer offers Docker as a snap, whose files lie elsewhere: it was told as not installed."""
    text = script("docker_daemon").replace("/usr/bin/dockerd", "/nowhere").replace("/usr/sbin/dockerd", "/nowhere")
    text = text.replace("/var/snap", str(tmp_path)).replace("/proc/[0-9]*", f"{tmp_path}/proc/[0-9]*")
    assert fact("docker_daemon").value(run(["sh"], text).stdout, {})["installed"] is False
    settings = tmp_path / "docker" / "current" / "config" / "daemon.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"icc": false}\n')
    told: Any = fact("docker_daemon").value(run(["sh"], text).stdout, {})
    assert (told["installed"], told["running"], told["settings"]) == (True, False, {"icc": "false"})


def test_docker_s_file_is_the_one_that_its_command_line_names(tmp_path: Path) -> None:
    """Bug: /etc/docker/daemon.json was read though the daemon was told to read another."""
    text = script("docker_daemon").replace("/etc/docker/daemon.json", f"{tmp_path}/none")
    process = tmp_path / "proc" / "7"
    process.mkdir(parents=True)
    (process / "comm").write_text("dockerd\n")
    (tmp_path / "own.json").write_text('{"userns-remap": "default"}\n')
    for words in ((f"--config-file={tmp_path}/own.json",), ("--config-file", f"{tmp_path}/own.json")):
        (process / "cmdline").write_text("\0".join(("dockerd", *words, "")))
        told: Any = fact("docker_daemon").value(run(["sh"], text.replace("/proc/[0-9]*", f"{tmp_path}/proc/[0-9]*")).stdout, {})
        assert (told["running"], told["settings"]["userns-remap"]) == (True, "default")


def test_a_user_s_own_daemon_has_the_file_in_its_home(tmp_path: Path) -> None:
    """Bug: for a rootless daemon /etc/docker/daemon.json was told, which it never reads, and could pass for it."""
    process, home = tmp_path / "proc" / "7", tmp_path / "home"
    process.mkdir(parents=True)
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text("dockerd\0")
    (process / "status").write_text("Name:\tdockerd\nUid:\t1000\t1000\t1000\t1000\n")
    (tmp_path / "etc.json").write_text('{"icc": false}\n')
    (tmp_path / "getent").write_text(f"#!/bin/sh\n[ $2 = 1000 ] && echo u:x:1000:1000::{home}:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    text = script("docker_daemon").replace("/etc/docker/daemon.json", f"{tmp_path}/etc.json")
    text = text.replace("/proc/[0-9]*", f"{tmp_path}/proc/[0-9]*")

    def settings() -> Any:
        told: Any = fact("docker_daemon").value(run(["sh"], text, path=f"{tmp_path}:{PATH}").stdout, {})
        return told["settings"]

    assert settings() == {}
    (home / ".config/docker").mkdir(parents=True)
    (home / ".config/docker/daemon.json").write_text('{"icc": true}\n')
    assert settings() == {"icc": "true"}
    (process / "status").write_text("Uid:\t0\t0\t0\t0\n")
    assert settings() == {"icc": "false"}
    (process / "status").write_text("Uid:\t2000\t2000\t2000\t2000\n")
    assert run(["sh"], text, path=f"{tmp_path}:{PATH}").returncode != 0, "whose home it is is not known"
    shutil.copytree(process, tmp_path / "proc" / "8")
    for number, user in ((7, 0), (8, 1000)):
        (tmp_path / "proc" / str(number) / "status").write_text(f"Uid:\t{user}\t{user}\t{user}\t{user}\n")
    assert run(["sh"], text, path=f"{tmp_path}:{PATH}").returncode != 0, "one command line, two files"


def test_whose_the_daemon_is_is_told(tmp_path: Path) -> None:
    """Regression, false failure: docker-user-namespaces failed a rootless daemon, which its own remedy takes for as good."""
    process = tmp_path / "7"
    process.mkdir()
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text("dockerd\0")
    (tmp_path / "getent").write_text("#!/bin/sh\necho u:x:1000:1000::/nowhere:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*").replace("/etc/docker/daemon.json", "/nowhere")
    for user in (0, 1000):
        (process / "status").write_text(f"Uid:\t{user}\t{user}\t{user}\t{user}\n")
        told: Any = fact("docker_daemon").value(run(["sh"], text, path=f"{tmp_path}:{PATH}").stdout, {})
        assert told["rootless"] == (user != 0)
    assert "rootless" not in value("installed=yes", "line=dockerd"), "an older probe did not tell"


@pytest.mark.parametrize("told", ["Listen=/run/docker.sock (Stream)\\nListen=[::]:2375 (Stream)", "ListenStream=[::]:2375"])
def test_a_port_on_which_systemd_listens_for_docker_is_one_of_its_hosts(tmp_path: Path, told: str) -> None:
    """Regression, false pass: with fd:// a socket unit may open a port in the clear, and no file or word of Docker's names it."""
    process = tmp_path / "7"
    process.mkdir()
    (process / "comm").write_text("dockerd\n")
    off = "printf 'Listen=[::]:1 (Stream)\\nActiveState=inactive\\n'"
    on = f"printf '{told}\\nActiveState=active\\n'"
    named = "echo TriggeredBy=docker.socket off.socket"
    lines = ("#!/bin/sh", 'case "$*" in', f"*TriggeredBy*) {named} ;;", f"*off.socket) {off} ;;", f"*) {on} ;;", "esac", "")
    (tmp_path / "systemctl").write_text("\n".join(lines))
    (tmp_path / "systemctl").chmod(0o755)
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*").replace("/run/systemd/system", str(tmp_path))
    hosts = {}
    for words in ("dockerd\0-H\0fd://\0", "dockerd\0-H\0unix://\0"):
        (process / "cmdline").write_text(words)
        value: Any = fact("docker_daemon").value(run(["sh"], text, path=f"{tmp_path}:{PATH}").stdout, {})
        hosts[words.split("\0")[2]] = value["hosts"]
    assert hosts == {"fd://": ["fd://", "tcp://[::]:2375"], "unix://": ["unix://"]}


def test_of_two_daemons_none_is_told(tmp_path: Path) -> None:
    """Bug: where the snap's daemon ran beside the package's, the settings of one were told with the command line of the other."""
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*").replace("/etc/docker/daemon.json", "/nowhere")
    for number, words, group in (
        (7, "/usr/bin/dockerd\0-H\0fd://\0", "/system.slice/docker.service"),
        (8, "dockerd\0--host=tcp://0.0.0.0:2375\0", f"/system.slice/docker-{'0f' * 32}.scope"),
        (9, "dockerd\0--group\0docker\0", "/system.slice/snap.docker.dockerd.service"),
    ):
        process = tmp_path / str(number)
        process.mkdir()
        (process / "comm").write_text("dockerd\n")
        (process / "cmdline").write_text(words)
        (process / "cgroup").write_text(f"0::{group}\n")
        told = run(["sh"], text).stdout
        if number < 9:  # the second runs in a container: it is another's
            assert fact("docker_daemon").value(told, {})["hosts"] == ["fd://"]
    with pytest.raises(ParseError, match="two daemons"):
        fact("docker_daemon").value(told, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_program_called_dockerd_names_no_file_of_another(tmp_path: Path) -> None:
    """Regression: a person's program of that name had the probe print whatever file of root's its command line named."""
    process, own = tmp_path / "7", tmp_path / "own.json"
    process.mkdir()
    own.write_text('{"icc": false}\n')
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text(f"dockerd\0--config-file={own}\0")
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*")
    (tmp_path / "getent").write_text("#!/bin/sh\necho u:x:1000:1000::/nowhere:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    for user, owner, works in ((0, 0, True), (1000, 1000, True), (1000, 0, False), (0, 1000, False)):
        (process / "status").write_text(f"Uid:\t{user}\t{user}\t{user}\t{user}\n")
        os.chown(own, owner, owner)
        assert (run(["dash"], text, path=f"{tmp_path}:{PATH}").returncode == 0) is works
    own.unlink()
    os.mkfifo(own)
    assert run(["dash"], text, path=f"{tmp_path}:{PATH}").returncode != 0


def test_values_of_a_log_driver_s_options_stay_on_the_host(tmp_path: Path) -> None:
    """Regression: the token of a log driver stood on the command line, and in the ledger."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7/comm").write_text("dockerd\n")
    (tmp_path / "7/cmdline").write_text("dockerd\0--log-opt\0splunk-token=hunter22\0--log-opt=a=hunter22\0--icc=false\0")
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*")
    done = run(["dash"], text.replace("/etc/docker/daemon.json", f"{tmp_path}/none"))
    assert "hunter22" not in done.stdout
    told: Any = fact("docker_daemon").value(done.stdout, {})
    assert told["settings"]["icc"] == "false"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of root's")
def test_a_program_called_dockerd_leads_to_no_file_by_a_link_at_home(tmp_path: Path) -> None:
    """Regression: the file of a person's own daemon could be a link to any file of root's, which a login as root printed."""
    process, home = tmp_path / "7", tmp_path / "home"
    process.mkdir()
    (process / "comm").write_text("dockerd\n")
    (process / "cmdline").write_text("dockerd\0")
    (process / "status").write_text("Uid:\t1000\t1000\t1000\t1000\n")
    (tmp_path / "getent").write_text(f"#!/bin/sh\necho u:x:1000:1000::{home}:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    (tmp_path / "secret").write_text('{"key": "hunter22"}\n')
    (home / ".config/docker").mkdir(parents=True)
    (home / ".config/docker/daemon.json").symlink_to(tmp_path / "secret")
    text = script("docker_daemon").replace("/proc/[0-9]*", f"{tmp_path}/[0-9]*")
    done = run(["dash"], text, path=f"{tmp_path}:{PATH}")
    assert (done.returncode, "hunter22" in done.stdout) == (1, False)
    os.chown(tmp_path / "secret", 1000, 1000)
    assert run(["dash"], text, path=f"{tmp_path}:{PATH}").returncode == 0


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_an_access_control_list_of_the_socket_is_told(tmp_path: Path, shell: str) -> None:
    """Regression, false pass: `setfacl -m u:jenkins:rw` on Docker's socket makes somebody root, and its mode does not show it."""
    text = script("docker_daemon").replace("/usr/bin/dockerd", "/bin/sh").replace("/proc/[0-9]*", f"{tmp_path}/none*")
    text = text.replace("/run/docker.sock", f"{tmp_path}/docker.sock").replace("/etc/docker", f"{tmp_path}/none")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        (tmp_path / "docker.sock").chmod(0o660)
        told: Any = fact("docker_daemon").value(run(SHELLS[shell], text).stdout, {})
        assert (told["socket_mode"], "socket_acl" in told) == ("0660", False)
        let_in(tmp_path / "docker.sock", 6)
        told = fact("docker_daemon").value(run(SHELLS[shell], text).stdout, {})
        assert (told["socket_mode"], told["socket_acl"]) == ("0660", True)
