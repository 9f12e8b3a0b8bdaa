"""What stands in a file that the running server has not read is no proof of what the server does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.text import using
from auditor.text.bidi import has_rtl
from auditor.text.sentences import retell
from tests.facts.hosts import SHELLS, run, script

BOOT = 1_700_000_000


class Machine:
    """A folder that stands for /, with processes of which the kernel tells when they began."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.proc = root / "proc"
        self.proc.mkdir()
        (self.proc / "stat").write_text(f"cpu 1 2 3\nbtime {BOOT}\nprocesses 9\n")
        self.process(1, "systemd", "/sbin/init", BOOT)

    def process(self, number: int, name: str, title: str, began: float, boxed: bool = False, parent: int = 1) -> None:
        folder = self.proc / str(number)
        folder.mkdir()
        (folder / "comm").write_text(f"{name}\n")
        (folder / "cgroup").write_text("0::/system.slice\n")
        numbers = f"{number}\t7" if boxed else f"{number}"  # in each space of numbers that it is in
        (folder / "status").write_text(f"Name:\t{name}\nPPid:\t{parent}\nNSpid:\t{numbers}\n")
        (folder / "cmdline").write_bytes(title.encode().ljust(60, b"\0"))
        ticks = round((began - BOOT) * 100)
        (folder / "stat").write_text(f"{number} ({name}) S {' '.join(['0'] * 18)} {ticks} 0 0\n")

    def file(self, path: str, text: str) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def tell(self, fact: str, shell: str, program: str, **more: str) -> tuple[int, str]:
        """The probe's status and what it complains of, of this machine instead of the real one."""
        text = script(fact).replace(program, "/bin/true")
        for folder in ("/etc/", "/proc/", "/run/"):
            text = text.replace(folder, f"{self.root}{folder}")
        done = run(SHELLS[shell], text, **more)
        return done.returncode, done.stderr.replace(str(self.root), "")


@pytest.fixture
def machine(open_folder: Path) -> Machine:
    return Machine(open_folder)


def nginx(machine: Machine, began: float) -> None:
    machine.file("/etc/nginx/nginx.conf", "http { server { listen 80; } }\n")
    machine.process(5, "nginx", "nginx: master process /usr/sbin/nginx", began - 90_000)
    machine.process(6, "nginx", "nginx: worker process", began)
    machine.process(7, "nginx", "nginx: worker process", began + 50)
    machine.process(8, "nginx", "nginx: worker process is shutting down", began - 80_000)
    machine.process(9, "nginx", "nginx: worker process", began - 80_000, boxed=True)


def apache(machine: Machine, began: float) -> None:
    machine.file("/etc/apache2/apache2.conf", "ServerTokens Prod\n")
    machine.process(5, "apache2", "/usr/sbin/apache2 -k start", began - 90_000)
    pidfile = machine.file("/run/apache2/apache2.pid", "5\n")
    os.utime(pidfile, (began, began))


def mysql(machine: Machine, began: float) -> None:
    machine.file("/etc/mysql/my.cnf", "[mysqld]\nlocal_infile=0\n")
    machine.process(5, "mysqld", "/usr/sbin/mysqld", began)
    machine.process(6, "mysqld", "/usr/sbin/mysqld", began - 80_000, boxed=True)


def docker(machine: Machine, began: float) -> None:
    machine.file("/etc/docker/daemon.json", '{"icc": false}\n')
    machine.process(5, "dockerd", "/usr/bin/dockerd\0-H\0fd://", began)
    machine.process(6, "dockerd", "dockerd", began - 80_000)
    (machine.proc / "6" / "cgroup").write_text(f"0::/system.slice/docker-{'0f' * 32}.scope\n")


SERVERS: dict[str, tuple[Callable[[Machine, float], None], str, str, str]] = {
    "nginx": (nginx, "/usr/sbin/nginx", "/etc/nginx/nginx.conf", "nginx"),
    "apache": (apache, "/usr/sbin/apache2", "/etc/apache2/apache2.conf", "Apache"),
    "mysql": (mysql, "/usr/sbin/mysqld", "/etc/mysql/my.cnf", "true"),
    "docker_daemon": (docker, "/usr/bin/dockerd", "/etc/docker/daemon.json", "dockerd"),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("fact", SERVERS)
def test_files_that_the_server_has_not_read_are_no_proof(machine: Machine, fact: str, shell: str) -> None:
    """Regression, false pass: a finding closed as fixed while the server went on as before, which nobody had told to reload."""
    build, program, file, name = SERVERS[fact]
    build(machine, time.time() - 3600)
    status, complaint = machine.tell(fact, shell, program)
    remedy = "restart" if fact in ("mysql", "docker_daemon") else "reload"
    assert (status, complaint) == (1, f"{name} has not read its files since {file} changed; {remedy} it\n")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("fact", SERVERS)
def test_files_that_it_has_read_are_judged(machine: Machine, fact: str, shell: str) -> None:
    """Neither workers that end, nor servers in containers, nor a server that was started long ago and has read them since."""
    build, program, _file, _name = SERVERS[fact]
    build(machine, time.time() + 1)
    assert machine.tell(fact, shell, program) == (0, "")


def test_a_site_that_came_or_was_changed_behind_its_link_counts(machine: Machine) -> None:
    """The folder tells of the one, the file that the link leads to of the other."""
    told = "nginx has not read its files since {} changed; reload it\n"
    enabled = machine.root / "etc/nginx/sites-enabled"
    enabled.mkdir(parents=True)
    (enabled / "a").symlink_to(machine.root / "etc/nginx/sites-available/a")
    site = machine.file("/etc/nginx/sites-available/a", "server { listen 80; }\n")
    nginx(machine, time.time())
    assert machine.tell("nginx", "dash", "/usr/sbin/nginx") == (0, "")
    later = time.time() + 60
    os.utime(enabled, (later, later))
    assert machine.tell("nginx", "dash", "/usr/sbin/nginx") == (1, told.format("/etc/nginx/sites-enabled"))
    os.utime(enabled, (1, 1))
    time.sleep(2.1)  # the kernel tells when a process began to the second, and rounds
    site.chmod(0o644)
    assert machine.tell("nginx", "dash", "/usr/sbin/nginx") == (1, told.format("/etc/nginx/sites-enabled/a"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_where_the_number_of_apache_is_closed_its_children_tell(machine: Machine) -> None:
    """Regression, false pass: on the RHEL family its folder is, and the files were judged whatever had been read."""
    apache(machine, time.time() - 3600)
    machine.process(6, "apache2", "/usr/sbin/apache2 -k start", time.time() - 3600, parent=5)
    machine.process(7, "apache2", "/usr/sbin/apache2 -k start", time.time() + 60, parent=5)
    (machine.root / "run/apache2").chmod(0o700)
    complaint = "Apache has not read its files since /etc/apache2/apache2.conf changed; reload it\n"
    assert machine.tell("apache", "dash", "/usr/sbin/apache2", user="nobody") == (1, complaint)


@pytest.mark.parametrize("fact", SERVERS)
def test_where_processes_are_hidden_nothing_is_taken_for_granted(machine: Machine, fact: str) -> None:
    """Regression, false pass: what was hidden counted as what does not run."""
    build, program, _file, _name = SERVERS[fact]
    build(machine, time.time() - 3600)
    (machine.proc / "1" / "comm").unlink()
    assert machine.tell(fact, "dash", program) == (1, "what runs on the host cannot be seen\n")


def test_a_policy_of_ciphers_that_apache_has_not_read_is_no_proof(machine: Machine) -> None:
    """What OpenSSL does not speak is Apache's default there; a policy that came since is not in force in it."""
    began = time.time()
    machine.file("/etc/httpd/conf/httpd.conf", "SSLEngine on\n")
    machine.process(5, "httpd", "/usr/sbin/httpd", began)
    os.utime(machine.file("/run/httpd/httpd.pid", "5\n"), (began, began))
    time.sleep(1.1)
    machine.file("/etc/crypto-policies/back-ends/opensslcnf.config", "TLS.MinProtocol = TLSv1.2\n")
    told = "Apache has not read its files since /etc/crypto-policies/back-ends/opensslcnf.config changed; restart it\n"
    assert machine.tell("apache", "dash", "/usr/sbin/httpd") == (1, told)


def test_a_file_of_docker_that_went_away_is_told_by_its_folder(machine: Machine) -> None:
    """Regression, closed without proof: daemon.json was taken away, and the daemon went on by what had stood in it."""
    machine.process(5, "dockerd", "dockerd", time.time() - 3600)
    assert machine.tell("docker_daemon", "dash", "/usr/bin/dockerd") == (0, "")
    machine.file("/etc/docker/daemon.json", "{}").unlink()
    told = "dockerd has not read its files since /etc/docker changed; restart it\n"
    assert machine.tell("docker_daemon", "dash", "/usr/bin/dockerd") == (1, told)
    # what comes later, such as the certificate of a registry, must not hide that
    for later in ("key.json", "certs.d/registry/ca.crt"):
        machine.file(f"/etc/docker/{later}", "{}")
        assert machine.tell("docker_daemon", "dash", "/usr/bin/dockerd") == (1, told)


def test_the_key_that_docker_lays_there_itself_is_no_change(machine: Machine) -> None:
    """Regression, unknown: at its first start the daemon writes its key beside the file that is not there."""
    machine.process(5, "dockerd", "dockerd", time.time() - 20)
    machine.file("/etc/docker/key.json", "{}")
    assert machine.tell("docker_daemon", "dash", "/usr/bin/dockerd") == (0, "")


def test_of_several_daemons_of_docker_the_oldest_counts(machine: Machine) -> None:
    """Regression, false pass: one that began since must not speak for one that goes on as before."""
    machine.file("/etc/docker/daemon.json", "{}\n")
    machine.process(5, "dockerd", "dockerd", time.time() - 3600)
    machine.process(7, "dockerd", "dockerd", time.time() + 60)
    assert machine.tell("docker_daemon", "dash", "/usr/bin/dockerd")[0] == 1


def test_a_server_that_does_not_run_will_read_its_files(machine: Machine) -> None:
    machine.file("/etc/apache2/apache2.conf", "ServerTokens Prod\n")
    machine.file("/run/apache2/apache2.pid", "77\n")
    assert machine.tell("apache", "dash", "/usr/sbin/apache2") == (0, "")


@pytest.mark.parametrize("remedy", ["reload", "restart"])
def test_it_is_told_in_arabic(remedy: str) -> None:
    with using("ar"):
        told = retell(f"nginx: nginx has not read its files since /etc/nginx/nginx.conf changed; {remedy} it")
    assert has_rtl(told)
    assert "/etc/nginx/nginx.conf" in told
