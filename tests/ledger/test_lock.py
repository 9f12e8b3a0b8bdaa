"""One run at a time, and nothing lost when it is killed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.errors import LedgerError, LockedError
from auditor.ledger import Ledger
from auditor.model import RunStatus

from .make import INPUTS, T0, judge, night, outcome, plan, result

ROOT = Path(__file__).parents[2]

HOLD = """
import sys, pathlib
from tests.ledger.make import *
with Ledger.open(pathlib.Path(sys.argv[1])) as ledger, ledger.lock(actor="cron", now=T0):
    ledger.begin_run(plan(), INPUTS, actor="cron", now=T0)
    sys.stdout.write("held\\n"); sys.stdout.flush()
    sys.stdin.read()
"""

WRITE = """
import sys, pathlib, itertools
from tests.ledger.make import *
with Ledger.open(pathlib.Path(sys.argv[1])) as ledger, ledger.lock(actor="cron", now=T0):
    run = ledger.begin_run(plan(), INPUTS, actor="cron", now=T0)
    for n in itertools.count():
        ledger.record_result(run.id, result(f"h{n}", outputs=(f"{n}" * 5000,)))
        judge(ledger, run.id, T0, [outcome(f"h{n}", a="fail", b="fail")])
        sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
"""


def _start(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_second_run_is_told_who_holds_the_lock(path: Path) -> None:
    """Host, process, account, since when and which run; and a killed holder is in nobody's way."""
    holder = _start(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with Ledger.open(path) as ledger:
        with pytest.raises(LockedError) as refused, ledger.lock(actor="me", now=T0):
            pass
        for part in (f"process {holder.pid} of cron on", "run 1", "2026-03-01T02:00:00+00:00", os.uname().nodename):
            assert part in str(refused.value)
        assert len(ledger.runs()) == 1  # readers are not concerned
        with ledger.transaction():
            pass  # nor are people's moves
        _kill(holder)
        with ledger.lock(actor="me", now=T0):
            unfinished = ledger.unfinished_run()
            assert unfinished is not None
            assert unfinished.status is RunStatus.COLLECTING


def test_who_only_looks_refuses_no_run(path: Path) -> None:
    """Regression, a night refused: after a kill the lock's file still names the holder, whoever asks whether a run is under way
    holds the lock for a moment, and a monitor that asks all the time had the night refused."""
    Ledger.open(path).close()
    file = path.with_name(path.name + ".lock")
    with file.open("w+") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(other, fcntl.LOCK_UN)).start()
        with Ledger.open(path) as ledger, ledger.lock(actor="cron", now=T0):
            assert json.loads(file.read_text())["actor"] == "cron"


def test_a_run_is_written_only_under_the_lock(ledger: Ledger, path: Path) -> None:
    """Also within one process; the lock is free again after an error inside it, and its file is private."""
    for wrong in (
        lambda: ledger.begin_run(plan(), INPUTS, actor="me", now=T0),
        lambda: ledger.record_result(1, result()),
        lambda: ledger.record_outcomes(1, [outcome()], ()),
        lambda: ledger.finish_run(1, {}, actor="me", now=T0),
    ):
        with pytest.raises(LedgerError, match="holds the run lock"):
            wrong()
    with Ledger.open(path) as other:
        with ledger.lock(actor="me", now=T0), pytest.raises(LockedError), other.lock(actor="me", now=T0):
            pass
        with other.lock(actor="me", now=T0):
            pass
    lock = path.with_name(path.name + ".lock")
    assert lock.stat().st_mode & 0o077 == 0
    assert json.loads(lock.read_text()) == {}


def test_a_run_killed_while_writing_is_whole_and_goes_on(path: Path) -> None:
    """SIGKILL at any moment: every asset that was told of is there, the chain holds, and the run resumes to the same end."""
    writer = _start(WRITE, path)
    assert writer.stdout is not None
    told = -1
    while told < 15:
        told = int(writer.stdout.readline())
    _kill(writer)
    with Ledger.open(path) as ledger, ledger.lock(actor="cron", now=T0):
        assert ledger.verify().problem == ""
        run = ledger.unfinished_run()
        assert run is not None
        done = ledger.done_assets(run.id)
        assert done >= {f"h{n}" for n in range(told + 1)}
        assert {o.asset for o in ledger.verdicts(run.id)} <= done
        ledger.resume_run(run.id, actor="cron", now=T0)
        for name in sorted(done):
            judge(ledger, run.id, T0, [outcome(name, a="fail", b="fail")])
        ledger.finish_run(run.id, {}, actor="cron", now=T0 + timedelta(hours=1))
        assert ledger.verify().problem == ""
        assert len(ledger.findings()) == 2 * len(done)
        assert {e.event.subject for e in ledger.journal()} == {f.id for f in ledger.findings()} | {str(run.id)}
        assert len(list(ledger.journal())) == 2 * len(done) + 3


def test_many_may_open_at_once(path: Path) -> None:
    """The first to make the ledger wins, and nobody sees it half made."""
    program = "import sys, pathlib; from auditor.ledger import Ledger; Ledger.open(pathlib.Path(sys.argv[1])).close()"
    started = [_start(program, path) for _ in range(4)]
    for process in started:
        process.communicate()
        assert process.returncode == 0
    assert [p.name for p in path.parent.iterdir() if p.name.endswith(".new")] == []


def test_a_reader_beside_a_writer_goes_on_writing(path: Path) -> None:
    """Iterating leaves no view open: after another process wrote, one can still write inside the loop."""
    with Ledger.open(path) as one, Ledger.open(path) as other:
        first = night(one, T0, [], [result("h0"), result("h1")])
        with one.lock(actor="cron", now=T0):
            run = one.begin_run(plan(), INPUTS, actor="cron", now=T0)
            for seen in one.results(first):
                with other.transaction():
                    other._store.run("INSERT INTO assets (uid) VALUES (?)", (f"other {seen.asset}",))
                one.record_result(run.id, seen)
            assert one.done_assets(run.id) == {"h0", "h1"}
