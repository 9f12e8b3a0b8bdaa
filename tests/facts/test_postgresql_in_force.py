"""What stands in PostgreSQL's files is no proof of what its server does, unless something shows that it has read them since."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from auditor.text.sentences import SENTENCES, pattern_of
from tests.facts.hosts import ALLOWED, PATH, SHELLS, fact, run, script
from tests.facts.test_in_force import Machine

MAIN, DATA = "/etc/postgresql/15/main", "/var/lib/postgresql/15/main"
WORDS = f"/usr/lib/postgresql/15/bin/postgres\0-D\0{DATA}\0-c\0config_file={MAIN}/postgresql.conf"
RELOADED = (
    "{ path=/usr/bin/pg_ctlcluster ; argv[]=/usr/bin/pg_ctlcluster 15-main reload ; ignore_errors=no ; code=exited ; status=0 }"
)


def unread(file: str) -> tuple[int, str]:
    complaint = f"nothing shows that PostgreSQL has read its files since {file} changed; reload it by systemctl or restart it\n"
    return 1, complaint


@pytest.fixture
def server(open_folder: Path) -> Server:
    return Server(open_folder)


class Server(Machine):
    """A machine with a cluster as Debian has it, whose server began when it is told."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.file(f"{MAIN}/postgresql.conf", f"data_directory = '{DATA}'\nssl = on\n")
        self.file(f"{MAIN}/pg_hba.conf", "local all all peer\n")
        self.file(f"{MAIN}/conf.d/a.conf", "port = 5432\n")
        self.file(f"{DATA}/postgresql.auto.conf", "# by ALTER SYSTEM\n")
        self.file(f"{DATA}/PG_VERSION", "15\n")
        self.written = time.time()

    def begins(self, after: float, words: str = WORDS, number: int = 5) -> None:
        """So many seconds after the files were written."""
        self.process(
            number,
            "postgres",
            words.replace("\0-D\0/", f"\0-D\0{self.root}/").replace("=/", f"={self.root}/"),
            self.written + after,
        )
        (self.proc / str(number) / "cgroup").write_text("0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n")
        self.process(number + 1, "postgres", "postgres: 15/main: checkpointer ", self.written + after + 1)

    def latest(self) -> int:
        """The second in which the last of its files came to be as it is."""
        return int(max(path.stat().st_ctime for path in self.root.rglob("*.conf")))

    def systemd(self, **properties: str) -> None:
        """What it says of the server's unit."""
        at = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(self.written + 60))
        told = {
            "MainPID": "5",
            "ActiveState": "active",
            "ReloadResult": "success",
            "ExecReload": RELOADED,
            "ActiveEnterTimestamp": "Mon 2024-01-01 00:00:00 UTC",
            "StateChangeTimestamp": at,
            **properties,
        }
        (self.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        program = self.file("/bin/systemctl", "#!/bin/sh\n" + "".join(f"echo '{k}={v}'\n" for k, v in told.items() if v))
        program.chmod(0o755)

    def told(self, shell: str = "dash") -> tuple[int, str]:
        """The probe's status, and what it complains of or says of servers."""
        text = script("postgresql")
        for folder in ("/etc/postgresql", "/var/lib/", "/proc/", "/run/"):
            text = text.replace(folder, f"{self.root}{folder}")
        done = run(SHELLS[shell], ALLOWED + text, path=f"{self.root}/bin:{PATH}")
        self.output = done.stdout.replace(str(self.root), "")
        return done.returncode, done.stderr.replace(str(self.root), "")

    def value(self) -> Any:
        return fact("postgresql").value(self.output, {})


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "file", [f"{MAIN}/postgresql.conf", f"{MAIN}/pg_hba.conf", f"{MAIN}/conf.d/a.conf", f"{DATA}/postgresql.auto.conf"]
)
def test_files_that_postgresql_has_not_read_are_no_proof(server: Server, file: str, shell: str) -> None:
    """Regression, false pass and closed without proof: `trust` was struck from pg_hba.conf, and the server went on with it."""
    server.begins(server.latest() - 1 - server.written)  # the kernel rounds, so that a second is given
    assert server.told(shell) == (0, "")
    assert server.value()["clusters"][0]["settings"]["ssl"] == "on"
    time.sleep(1.1)
    (server.root / file[1:]).chmod(0o640)
    assert server.told(shell) == unread(file)


def test_a_file_that_went_from_the_folder_of_settings_counts(server: Server) -> None:
    """Regression, closed without proof: what stood in a file that is gone holds until the server reads its files again."""
    server.begins(10)
    (server.root / f"{MAIN}/conf.d/a.conf"[1:]).unlink()
    later = server.written + 60
    os.utime(server.root / f"{MAIN}/conf.d"[1:], (later, later))
    assert server.told() == unread(f"{MAIN}/conf.d")


@pytest.mark.parametrize("result", ["success", ""])
def test_a_reload_of_which_systemd_tells_is_proof(server: Server, result: str) -> None:
    """And of it is told that the server did not begin anew; RHEL 8's systemd tells of the command alone that it went well."""
    server.begins(-3600)
    server.systemd(ReloadResult=result)
    assert server.told() == (0, "")
    assert [(c["folder"], c["reloaded"]) for c in server.value()["clusters"]] == [(MAIN, True)]


@pytest.mark.parametrize(
    "said",
    [
        {"ReloadResult": "exit-code"},
        {"ReloadResult": "", "ExecReload": RELOADED.replace("status=0", "status=1")},
        {"ReloadResult": "", "ExecReload": RELOADED.replace("code=exited ; status=0", "code=(null) ; status=0/0")},
        {"ExecReload": RELOADED.replace("/usr/bin/pg_ctlcluster", "/bin/true")},
        {"ExecReload": RELOADED.replace("ignore_errors=no", "ignore_errors=yes")},
        {"ExecReload": ""},
        {"MainPID": "77"},
        {"ActiveState": "reloading"},
        {"ActiveEnterTimestamp": "Tue 2099-01-06 00:00:00 UTC", "StateChangeTimestamp": "Tue 2099-01-06 00:00:00 UTC"},
        {"StateChangeTimestamp": "Mon 2024-01-01 00:00:01 UTC"},
    ],
)
def test_what_shows_no_reload_is_no_proof(server: Server, said: dict[str, str]) -> None:
    """Regression, false pass: one that failed, of another process, by a command that tells the server nothing, or of before."""
    server.begins(-3600)
    server.systemd(**said)
    status, complaint = server.told()
    assert (status, complaint.startswith("nothing shows")) == (1, True)


def test_a_person_s_own_unit_does_not_speak_for_the_server(server: Server) -> None:
    """Regression, false pass: whoever may start units of their own could name one as they like."""
    server.begins(-3600)
    server.systemd()
    own = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/postgresql@15-main.service\n"
    (server.proc / "5/cgroup").write_text(own)
    assert server.told()[0] == 1


def test_before_version_10_a_reload_turns_no_encryption_on(server: Server) -> None:
    """Regression, false pass: `ssl` was a setting of the start alone."""
    server.file(f"{DATA}/PG_VERSION", "9.6\n")
    server.begins(-3600)
    server.systemd()
    assert server.told()[0] == 1


def test_each_server_is_measured_by_its_own_files(server: Server) -> None:
    """What changed of another's files is nothing to it, unless its command line does not name its data: by all of them then."""
    for folder in (f"{MAIN.replace('main', 'old')}", f"{DATA.replace('main', 'old')}"):
        for name in ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf"):
            server.file(f"{folder}/{name}", "")
    server.begins(server.latest() - 1 - server.written)
    time.sleep(1.1)
    changed = f"{DATA.replace('main', 'old')}/postgresql.auto.conf"
    server.file(changed, "ssl = off\n")
    assert server.told() == (0, "")
    server.begins(server.latest() - 2 - server.written, words=WORDS.replace("main", "old"), number=7)
    assert server.told() == unread(changed)
    for number in (7, 8):
        (server.proc / str(number) / "comm").unlink()
    assert server.told() == (0, "")
    server.begins(-3600, words=f"postgres\0-D\0{MAIN}", number=9)
    assert server.told()[0] == 1


@pytest.mark.parametrize("boxed", [True, False])
def test_a_container_s_server_is_another(server: Server, boxed: bool) -> None:
    server.process(5, "postgres", WORDS, server.written - 3600, boxed=boxed)
    assert server.told()[0] == (0 if boxed else 1)


def test_where_processes_are_hidden_no_files_are_judged(server: Server) -> None:
    """Regression, false pass: what was hidden counted as what does not run."""
    (server.proc / "1/comm").unlink()
    assert server.told() == (1, "what runs on the host cannot be seen\n")


def test_a_refusal_to_tell_when_files_changed_is_no_proof(server: Server) -> None:
    """Where sudo does not permit the second command, nothing is known of a server that runs."""
    server.begins(3600)
    text = script("postgresql")
    for folder in ("/etc/postgresql", "/var/lib/", "/proc/", "/run/"):
        text = text.replace(folder, f"{server.root}{folder}")
    refused = 'as_root() { case $1 in */find) return 1 ;; esac; "$@"; }\n'
    assert run(["dash"], refused + text).returncode == 1


def test_the_complaint_has_its_pattern() -> None:
    complaint = f"postgresql: {unread(f'{MAIN}/pg_hba.conf')[1].strip()}"
    assert any(pattern_of(sentence).fullmatch(complaint) for sentence in SENTENCES if "PostgreSQL" in sentence)
