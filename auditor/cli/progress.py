"""How an audit goes on: a live display per department on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from auditor.cli.base import App
from auditor.cli.clocks import clock_warning
from auditor.model import AssetPlan, AssetResult, Plan, Reach, Run
from auditor.reporting.terminal import Terminal
from auditor.text import _
from auditor.text.bidi import safe
from auditor.text.labels import label
from auditor.text.sentences import retell
from auditor.workflow.audit import Watcher


def _given_up(run: Run) -> str:
    return _("Run {run}, which was interrupted, is given up; what it had seen stays in the ledger.").format(run=run.id)


class _Lines:
    """Plain lines on standard error: one when the run begins, one for each asset that was not reached."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        planned = sum(len(d.assets) for d in plan.departments)
        text = _("Run {run}. Departments: {departments}, assets: {planned}.")
        self._terminal.say(text.format(run=run.id, planned=planned, departments=len(plan.departments)))
        if done:
            self._terminal.say(_("{done} of them were visited before the interruption.").format(done=done))

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        if result.reach is not Reach.REACHED:
            text = _("{asset}: {reach}: {detail}")
            told = text.format(asset=safe(plan.asset.uid), reach=label(result.reach), detail=retell(safe(result.detail)))
            self._terminal.say(told)

    def given_up(self, run: Run) -> None:
        self._terminal.say(_given_up(run), "yellow")

    def clock_wrong(self, newest: datetime) -> None:
        self._terminal.say(clock_warning(newest), "bold yellow")


class _Silent:
    """Nothing, for programs that read standard output and error."""

    def begun(self, run: Run, plan: Plan, done: int) -> None:
        pass

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        pass

    def given_up(self, run: Run) -> None:
        pass

    def clock_wrong(self, newest: datetime) -> None:
        pass


class _Live:
    """A bar for each department, with how many of its assets were reached."""

    def __init__(self, progress: Progress, terminal: Terminal) -> None:
        self._progress = progress
        self._terminal = terminal
        self._tasks: dict[str, TaskID] = {}
        self._missed: Counter[str] = Counter()

    def begun(self, run: Run, plan: Plan, done: int) -> None:  # noqa: ARG002
        for department in plan.departments:
            name = self._terminal.inline(department.department)
            self._tasks[department.department] = self._progress.add_task(name, total=len(department.assets), missed="")

    def visited(self, plan: AssetPlan, result: AssetResult) -> None:
        department = plan.asset.department
        if result.reach is not Reach.REACHED:
            self._missed[department] += 1
        missed = self._missed[department]
        text = _("{n} not reached").format(n=missed) if missed else ""
        self._progress.update(self._tasks[department], advance=1, missed=self._terminal.inline(text))

    def given_up(self, run: Run) -> None:
        self._progress.console.print(self._terminal.inline(_given_up(run)), style="yellow", markup=False)

    def clock_wrong(self, newest: datetime) -> None:
        self._progress.console.print(self._terminal.inline(clock_warning(newest)), style="bold yellow", markup=False)


@contextmanager
def progress_display(app: App, *, quiet: bool) -> Iterator[Watcher]:
    """The display that fits: none for programs, live on a terminal, plain lines elsewhere. It goes to standard error."""
    terminal = Terminal(sys.stderr, bidi=app.bidi)
    if quiet:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(terminal)
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[missed]}", style="yellow"),
        )
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            yield _Live(progress, terminal)
