"""What tests of the workflow share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from auditor.collecting import Window, dispatch
from auditor.collecting.interface import Flag
from auditor.ledger import Ledger
from tests.builders import NOW

from .fleet import Fleet


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger, held as by a run."""
    with Ledger.open(tmp_path / "findings" / "ledger.db") as opened, opened.lock(actor="test", now=NOW):
        yield opened


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Takes the place of SSH; the flag that stops it is the collection's own."""
    hosts = Fleet(threading.Event())

    def factory(_settings: object, flag: Flag) -> Callable[[str], Fleet]:
        hosts.flag = flag
        return lambda _method: hosts

    monkeypatch.setattr(dispatch, "_factory", factory)
    return hosts


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds by which a night's window is counted: they pass when a test says so."""
    seconds = [0.0]
    monkeypatch.setattr("auditor.workflow.nightly.Window", partial(Window, ticks=lambda: seconds[0]))
    return seconds
