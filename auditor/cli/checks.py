"""``auditor check``: what can be tested, how each check is proved, and how a new one begins."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

import click

from auditor.cli.audit import interruptible
from auditor.cli.base import App, Exit, Group, option, output_option, pass_app
from auditor.cli.catalogue import controls_of, find, set_to, spoken, title_of
from auditor.cli.pairs import Code, show_pairs
from auditor.errors import ConfigurationError
from auditor.facts import FACTS
from auditor.model import VerdictKind
from auditor.model.codec import to_json
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import N_, _
from auditor.text.labels import label
from auditor.workflow.authoring import new_check
from auditor.workflow.belonging import refuse_run
from auditor.workflow.cases import CaseResult, run_cases
from auditor.workflow.workspace import open_workspace, workspace_root

_GLANCE = 0.5  # seconds between two looks at the files


@click.group(cls=Group, help=N_("The checks: what can be tested, and how."))
def check() -> None:
    """Group."""


@check.command("list", help=N_("List the checks with the controls that they speak for."))
@output_option
@pass_app
def check_list(app: App, output: str) -> None:
    """List."""
    catalogue = open_workspace(app.root)
    controls = controls_of(catalogue)
    rows = [
        {
            "id": c.id,
            "area": c.area,
            "severity": c.severity.value,
            "scope": c.scope.value,
            "title": to_json(c.title),
            "controls": controls.get(c.id, []),
            "facts": [use.fact for use in c.facts],
        }
        for c in sorted(catalogue.checks.values(), key=lambda c: (c.area, c.id))
    ]
    columns = [
        Column(_("Check"), field("id")),
        Column(_("Severity"), lambda r: label(catalogue.checks[r["id"]].severity), whole=True),
        Column(_("Title"), title_of, wide=True),
        Column(_("Controls"), lambda r: " ".join(r["controls"])),
    ]
    app.emit(Table(columns, rows), output)


@check.command("show", help=N_("Show one check: why, how it is judged, and how to remedy."))
@click.argument("check_id", metavar="CHECK")
@output_option
@pass_app
def check_show(app: App, check_id: str, output: str) -> None:
    """Show."""
    catalogue = open_workspace(app.root)
    found = find(catalogue.checks, check_id, _("There is no check {name}."))
    if output == "json":
        app.emit(Table([], []), output, {**to_json(found), "controls": controls_of(catalogue).get(check_id, [])})
        return
    pairs = [
        (_("Check"), found.id),
        (_("Title"), spoken(found.title)),
        (_("Severity"), label(found.severity)),
        (_("Why it matters"), spoken(found.rationale)),
        (_("Facts"), ", ".join(use.fact for use in found.facts)),
        (_("Applies when"), found.applies or ""),
        (_("For each"), found.for_each or ""),
        (_("Among them"), found.where or ""),
        (_("Can be decided when"), found.decidable or ""),
        (_("May hide findings when"), found.hides or ""),
        (_("Expects"), found.expect),
        (_("Nothing to examine"), label(VerdictKind(found.empty)) if found.for_each else ""),
        (_("Parameters"), "\n".join(set_to(p.name, p.default) for p in found.params)),
        (_("Remedy"), spoken(found.remediation)),
        (_("Commands"), Code(found.remediation_shell)),
        (_("Controls"), " ".join(controls_of(catalogue).get(check_id, []))),
    ]
    show_pairs(app, pairs, output)


class _FactName(click.ParamType):  # type: ignore[type-arg]  # as Day
    """A fact's name; who leaves it out hears where they are listed."""

    name = "fact"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002  # click's
        """What is said besides that it is missing."""
        return _("The facts: auditor fact list.")


@check.command("new", help=N_("Begin a new check: a file that loads, with two cases that hold, for you to make true."))
@click.argument("check_id", metavar="CHECK")
@option(
    "--fact",
    "fact_name",
    required=True,
    type=_FactName(),
    metavar="FACT",
    help=N_("The fact it rests on; `auditor fact list` shows them."),
)
@option("--area", metavar="AREA", help=N_("The folder in checks/. Default: the first word of the id."))
@option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help=N_("An argument of the fact. Default: that of its example. May be repeated."),
)
@pass_app
def check_new(app: App, check_id: str, fact_name: str, area: str | None, arguments: tuple[str, ...]) -> None:
    """Write the file and say what comes next."""
    fact = find({f.name: f for f in FACTS}, fact_name, _("There is no fact {name}."))
    catalogue = open_workspace(app.root)
    refuse_run(catalogue.settings, app.actor)
    path = new_check(catalogue, check_id, fact, area, dict(a.partition("=")[::2] for a in arguments))
    app.say(_("Written: {path}").format(path=path))
    app.say(
        _("Next: change it, watch its cases by `auditor check test --watch {check}`, and map it in a control.").format(
            check=check_id
        )
    )


@check.command("test", help=N_("Run the cases that prove the checks."))
@click.argument("check_ids", metavar="[CHECK]...", nargs=-1)
@option("--watch", is_flag=True, help=N_("Run them again whenever a file changes, until Ctrl-C."))
@output_option
@pass_app
def check_test(app: App, check_ids: tuple[str, ...], watch: bool, output: str) -> int:
    """Run cases; exit 1 when one gives another verdict than it promises."""
    if watch:
        return _watch(app, check_ids)
    results = _run(app.root, check_ids)
    failed = [r for r in results if not r.passed and not r.skipped]
    if output != "table":
        columns = [
            Column(_("Check"), field("check")),
            Column(_("Case"), field("case"), wide=True),
            Column(_("Expected"), lambda r: _verdict(r["expected"])),
            Column(_("Given"), lambda r: _verdict(r["got"])),
            Column(_("Detail"), field("detail"), wide=True),
        ]
        app.emit(Table(columns, [_case_row(r) for r in results]), output)
    else:
        _tell(app, results, each=bool(check_ids))
    return Exit.FINDINGS if failed else Exit.OK


def _run(root: Path | None, check_ids: tuple[str, ...]) -> list[CaseResult]:
    catalogue = open_workspace(root)
    chosen = [find(catalogue.checks, c, _("There is no check {name}.")) for c in check_ids] or list(catalogue.checks.values())
    goldens = catalogue.settings.root / "tests" / "golden" / "facts"
    return [result for one in chosen for result in run_cases(one, goldens)]


def _tell(app: App, results: list[CaseResult], *, each: bool) -> None:
    """What failed, with the difference between what was promised and what was given; with ``each`` also what passed."""
    for result in results:
        if result.passed or result.skipped:
            if each:
                style, verdict = ("green", _verdict(result.expected)) if result.passed else ("yellow", result.detail)
                app.say(f"{result.check} · {result.case}: {verdict}", style)
            continue
        app.say(f"{result.check} · {result.case}", "bold")
        app.say(f"- {_verdict(result.expected)}", "green", indent=2)
        app.say(f"+ {_verdict(result.got) or '?'}", "red", indent=2)
        for subject, observed, expected in result.shown:
            shown = _("observed: {observed}, expected: {expected}").format(observed=_json(observed), expected=_json(expected))
            app.say(f"{subject} {shown}".strip(), indent=4)
        if result.detail:
            app.say(result.detail, indent=4)
    passed, skipped = sum(r.passed for r in results), sum(r.skipped for r in results)
    counted = _("{passed} cases passed, {failed} failed, {skipped} skipped because their recorded output is not here.")
    app.say(counted.format(passed=passed, failed=len(results) - passed - skipped, skipped=skipped))


def _verdict(told: str) -> str:
    """What a case promises or has given, which may name subjects behind it; "" where it has given nothing."""
    text, _sign, hidden = told.partition("; hidden: ")
    kind, sign, subjects = text.partition(": ")
    shown = f"{label(VerdictKind(kind))}{sign}{subjects}" if kind else ""
    return _("{verdict}; hidden: {subjects}").format(verdict=shown, subjects=hidden) if hidden else shown


def _watch(app: App, check_ids: tuple[str, ...]) -> int:
    """Run, wait for a change, run again. A file that is wrong for a moment is told and waited for.

    Ctrl-C ends it in order whatever it is at: after the cases that are running, and at once when it comes again.
    """
    root = workspace_root(app.root)
    seen: dict[Path, int] = {}
    ended = threading.Event()
    with contextlib.suppress(KeyboardInterrupt), interruptible(ended):
        while not ended.is_set():
            now = _instants(root)
            if now != seen:
                seen = now
                try:
                    _tell(app, _run(app.root, check_ids), each=bool(check_ids))
                except ConfigurationError as error:
                    for mistake in error.mistakes:
                        app.say(mistake, "red")
                app.say(_("Waiting for a change; Ctrl-C ends."), "dim")
            ended.wait(_GLANCE)
    return Exit.OK


def _instants(root: Path) -> dict[Path, int]:
    """When each file that the cases rest on was last written."""
    found = {}
    for folder in ("checks", "policies", "tests/golden/facts"):
        for path in (root / folder).rglob("*"):
            with contextlib.suppress(OSError):  # an editor may replace a file just now
                found[path] = path.stat().st_mtime_ns
    return found


def _case_row(result: CaseResult) -> Row:
    return {**to_json(result), "passed": result.passed}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
