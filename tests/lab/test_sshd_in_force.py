"""What ``sshd -T`` says of files that the running server has not read proves nothing of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import lab
from auditor.lab.start import reload_sshd
from auditor.model import Catalogue
from auditor.text import using
from auditor.text.bidi import has_rtl
from auditor.text.sentences import retell
from auditor.workflow.inspection import FactReading, read_fact
from auditor.workflow.workspace import open_workspace

pytestmark = pytest.mark.lab

HOST = "health-web-1"
CONFIG = "/etc/ssh/sshd_config"
# as a copy does that keeps the times of files
KEEPING_TIMES = (
    f"touch -r {CONFIG} /tmp/times && echo 'MaxAuthTries 2' | cat - {CONFIG} >/tmp/new && cat /tmp/new >{CONFIG} && "
    f"touch -r /tmp/times {CONFIG}"
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[lab.Fleet, Catalogue]]:
    fleet = lab.up(tmp_path / "lab", (HOST,))
    lab.write_workspace(fleet, tmp_path)
    yield fleet, open_workspace(tmp_path)
    lab.down(tmp_path / "lab")


def read(catalogue: Catalogue) -> FactReading:
    return read_fact(catalogue, "sshd", HOST, {})


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (f"sed -i 's/^MaxAuthTries.*/MaxAuthTries 2/' {CONFIG}", CONFIG),
        (KEEPING_TIMES, CONFIG),
        ("mkdir -p /etc/ssh/sshd_config.d && echo 'MaxAuthTries 2' >/etc/ssh/sshd_config.d/a.conf", "/etc/ssh/sshd_config.d"),
    ],
    ids=["edited", "with-its-times", "a-file-came"],
)
def test_files_that_the_server_has_not_read_are_no_proof(host: tuple[lab.Fleet, Catalogue], change: str, file: str) -> None:
    """Regression, false pass: a finding closed as fixed while the server went on as before, which nobody had told to reload."""
    fleet, catalogue = host
    assert read(catalogue).missing == ""
    time.sleep(1.1)  # the server's file is told to the second
    fleet.shell(HOST, change)
    problem = read(catalogue).missing
    assert f"the SSH server has not read its files since {file} changed; reload it" in problem
    reload_sshd(fleet.host(HOST).pid)
    assert read(catalogue).missing == ""


def test_it_is_told_in_arabic() -> None:
    with using("ar"):
        told = retell(f"sshd: the SSH server has not read its files since {CONFIG} changed; reload it")
    assert has_rtl(told)
    assert CONFIG in told
