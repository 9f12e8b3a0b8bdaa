"""What authors of checks use: costs, failing cases told as differences, and cases that run again when a file changes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

from auditor.cli import catalogue, checks
from auditor.cli.checks import _verdict
from auditor.model import VerdictKind
from auditor.text import using
from auditor.text.labels import label
from auditor.workflow.cases import CaseResult
from tests.cli.conftest import COMMAND, Workspace, environment

MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")


def test_costs_are_what_the_last_audit_measured(audited: Workspace) -> None:
    """Each probe of the plan that ran is told with its time, its host and the checks that rest on it."""
    done = audited.run("plan", "--cost", "--format", "json")
    told = json.loads(done.output)
    assert [(c["hosts"], c["checks"], c["slowest"]) for c in told] == [(1, 1, "example-this-machine")] * 2
    assert all(0 <= c["median"] <= c["longest"] < 10 for c in told)
    assert "file_stat" in audited.run("plan", "--cost").output


def test_costs_need_a_ledger(workspace: Workspace) -> None:
    """Nothing was measured yet: that is said, not shown as free."""
    done = workspace.call("plan", "--cost")
    assert done.returncode == 4
    assert b"no ledger" in done.stderr


def test_a_case_that_fails_is_told_as_a_difference(workspace: Workspace) -> None:
    """Promised, given, and the values that decided."""
    path = workspace.root / "checks" / "files" / "guarded-file.yaml"
    path.write_text(
        path.read_text().replace('"0600"', '"0400"').replace("'!guarded.other_readable'", "'guarded.mode == \"0400\"'")
    )
    done = workspace.call("check", "test", "guarded-file")
    lines = [line.strip() for line in done.stdout.decode().splitlines()]
    assert done.returncode == 1
    assert lines[:4] == ["guarded-file · private", "- pass", "+ fail", 'observed: "0600", expected: "0400"']


def test_verdicts_of_cases_are_told_in_the_readers_language(workspace: Workspace) -> None:
    """Regression: `check test` said "pass" and "fail" to who reads Arabic."""
    path = workspace.root / "checks" / "files" / "guarded-file.yaml"
    path.write_text(path.read_text().replace("'!guarded.other_readable'", "'guarded.mode == \"0400\"'"))
    with using("ar"):
        good, bad = label(VerdictKind.PASS), label(VerdictKind.FAIL)
    for more in ((), ("--format", "csv")):
        told = MARKS.sub("", workspace.call("check", "test", "guarded-file", *more, lang="ar").stdout.decode())
        assert (good in told, bad in told, "fail" in told) == (True, True, False)
    assert _verdict("fail: root, x; hidden: y") == "fail: root, x; hidden: y"
    assert _verdict("") == ""


def test_what_there_is_not_is_told_in_a_sentence_of_its_kind(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: one sentence for every kind, which in Arabic cannot agree with both «فحص» and «حقيقة»."""
    asked: list[str] = []
    for module in (checks, catalogue):
        monkeypatch.setattr(module, "_", lambda message: asked.append(message) or message)
    for args, sentence in (
        (("check", "new", "other-check", "--fact", "sshdd"), "There is no fact {name}."),
        (("check", "show", "guarded"), "There is no check {name}."),
        (("check", "test", "guarded"), "There is no check {name}."),
        (("control", "show", "A.9"), "There is no control {name}."),
    ):
        done = workspace.call(*args)
        assert (done.returncode, sentence in asked) == (2, True)
        assert sentence.format(name=args[-1]) in done.stderr.decode()
        asked.clear()


def test_watching_runs_the_cases_again(workspace: Workspace) -> None:
    """A change is seen, a file that is wrong for a moment is told and waited for, and Ctrl-C ends it in order."""
    path = workspace.root / "checks" / "files" / "guarded-file.yaml"
    whole = path.read_text()
    command = [*COMMAND, "check", "test", "--watch", "guarded-file"]
    log = workspace.root / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=workspace.root, env=environment(), stdout=out, stderr=out) as watch,
        contextlib.ExitStack() as last,
    ):
        last.callback(watch.kill)  # else a failure here would wait for it for ever
        for text, wanted in (
            (whole, "2 cases passed, 0 failed"),
            (whole.replace("verdict: fail", "verdict: pass"), "no case fails"),
            (whole.replace("!guarded", "guarded"), "0 cases passed, 2 failed"),
        ):
            path.write_text(text)
            deadline = time.monotonic() + 30
            while wanted not in " ".join(log.read_text().split()):
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=30) == 0


@pytest.mark.parametrize("times", [1, 2])
def test_watching_ends_in_order_in_the_midst_of_the_cases(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Regression, an interruption that was none: Ctrl-C ended it in order only where it came while nothing was done."""

    def pressed(*_arguments: object) -> list[CaseResult]:
        for _n in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        return []

    monkeypatch.setattr("auditor.cli.checks._run", pressed)
    assert workspace.call("check", "test", "--watch").returncode == 0
