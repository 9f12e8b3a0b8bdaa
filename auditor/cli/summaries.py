"""How a run's summary is shown: departments, what was not reached, and the worst findings with what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from auditor.cli.base import App
from auditor.cli.findings import STYLES
from auditor.lifecycle import WORKED, is_due_soon, is_overdue
from auditor.model import SPARED, Catalogue, Finding, FindingState, Reach, Run
from auditor.reporting.tabular import Column, Row, Table, field
from auditor.text import _, current, number, percent, points, values
from auditor.text.bidi import isolate, safe
from auditor.text.labels import label, withheld
from auditor.text.sentences import retell
from auditor.workflow.exceptions import expiring, list_exceptions
from auditor.workflow.queries import FindingFilter, Scope, is_newest, list_findings, scope_of
from auditor.workflow.summary import recounted

_WORST = 8
_SEEN = 80
_SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+(?=[^a-z\W_])")  # what goes on in a small letter was an abbreviation
_PLACES = 3  # shown of what one check found


def show_summary(app: App, catalogue: Catalogue, run: Run, output: str) -> None:
    """The whole account of a finished run."""
    summary: dict[str, Any] = recounted(run.summary)
    departments = department_table(catalogue, summary)
    if output != "table":
        app.emit(departments, output, summary)
        return
    app.emit(departments, output)
    app.say()
    _show_withheld(app, catalogue, summary)
    _show_overall(app, summary)
    _show_missed(app, summary)
    _show_worst(app, catalogue, run)


def department_table(catalogue: Catalogue, summary: dict[str, Any]) -> Table:
    """One row per department."""
    columns = [
        Column(_("Department"), lambda r: _title(catalogue, r)),
        Column(_("Reached"), _reached, right=True),
        Column(_("Coverage"), lambda r: _share(r["coverage"]["share"]), right=True),
        Column(_("Pass"), _verdict("pass"), right=True, style="green"),
        Column(_("Fail"), _verdict("fail"), right=True, style="red"),
        Column(_("Unknown"), _verdict("unknown"), right=True, style="yellow"),
        Column(_("Error"), _verdict("error"), right=True, style="yellow"),
        Column(_("Not applicable"), _verdict("not_applicable"), right=True),
        Column(_("Decided by checks"), lambda r: percent(r["automated_share"], 0), right=True),
        Column(_("By attestation"), lambda r: percent(r["attested_share"], 0), right=True),
        Column(_("Index"), _index, style="bold", right=True),
    ]
    return Table(columns, summary["departments"], _("Departments"))


def _title(catalogue: Catalogue, row: Row) -> str:
    """A department's title; its id where no inventory has it any more."""
    titles = (d.title.to(current()) for d in catalogue.inventory.departments if d.id == row["id"])
    return next(titles, str(row["id"]))


def _reached(row: Row) -> str:
    planned = row["hosts"].get("planned", 0) + row["networks"].get("planned", 0)
    reached = row["hosts"].get("reached", 0) + row["networks"].get("reached", 0)
    return _("{reached} of {planned}").format(reached=reached, planned=planned)


def _share(share: float | None) -> str:
    return "—" if share is None else percent(share, 1)


def _verdict(kind: str) -> Any:
    return lambda row: number(row["verdicts"].get(kind, 0))


def _index(row: Row) -> str:
    return points(row["index"]) if row["index"] is not None else "—"


def _show_withheld(app: App, catalogue: Catalogue, summary: dict[str, Any]) -> None:
    """Why departments have no index: below the table, which a sentence would make narrow."""
    for row in summary["departments"]:
        if row["withheld"]:
            text = _("No index: {department}. Reason: {reason}.")
            app.say(text.format(department=_title(catalogue, row), reason=withheld(row["withheld"])))


def _show_overall(app: App, summary: dict[str, Any]) -> None:
    if summary["run"]["narrowed"]:
        app.say(_("No index over all departments: the run was not of everything."))
    elif summary["index"] is not None:
        app.say(_("Index over all departments: {index} of 100.").format(index=points(summary["index"])), "bold")
    else:
        app.say(_("No index over all departments: not every department has one."))
    told = _("Coverage: {share} of the planned checks that apply, or might apply, passed or failed.")
    app.say(told.format(share=_share(summary["coverage"]["share"])))
    reasons = {
        "set_aside": _("a department was set aside because its files are wrong"),
        "not_reached": _("some assets were not reached"),
        "coverage": _("a department's coverage is below the floor that the policy sets"),
        "nothing": _("nothing could be judged"),
    }
    if not summary["complete"]:
        told = _("; ").join(reasons[r] for r in summary["incomplete_because"])
        app.say(_("The audit is incomplete: {reasons}.").format(reasons=told), "yellow")
    for department in summary["departments"]:
        for mistake in department["set_aside"]:
            app.say(mistake)


def _show_missed(app: App, summary: dict[str, Any]) -> None:
    columns = [
        Column(_("Asset"), field("asset")),
        Column(_("Result"), lambda r: label(Reach(r["reach"])), style="yellow"),
        Column(_("Why"), lambda r: retell(safe(r["detail"])), wide=True, told=True),
    ]
    if summary["not_reached"]:
        app.say()
        app.emit(Table(columns, summary["not_reached"], _("Not reached")), "table")
    if summary["left_inventory"]:
        app.say()
        text = _("These assets have open findings and are in no inventory any more: {assets}.")
        app.say(text.format(assets=", ".join(summary["left_inventory"])), "yellow")


def _show_worst(app: App, catalogue: Catalogue, run: Run) -> None:
    """Of what the newest audit was of. Findings of today under an older one would be taken for what it found."""
    app.say()
    if not is_newest(catalogue, run):
        told = _(
            "Audits since have moved the findings. As they stood when this one ended: auditor report findings --run {run}; as "
            "they stand now: auditor findings list"
        )
        app.say(told.format(run=run.id))
        return
    scope = scope_of(catalogue, run)
    everything = [f for f in list_findings(catalogue, FindingFilter()) if scope.has(f)]
    found = [f for f in everything if f.state in WORKED]
    if not found:
        whole = scope == Scope()
        app.say(_("No finding is open.") if whole else _("Of what this audit was narrowed to, no finding is open."), "green")
        _show_pressing(app, catalogue, everything, scope)
        return
    app.say(_("The worst of {n} open findings, as they stand now").format(n=number(len(found))), "bold")
    by_check: dict[str, list[Finding]] = {}
    for finding in found:
        by_check.setdefault(finding.check, []).append(finding)
    for alike in list(by_check.values())[:_WORST]:
        _show_alike(app, catalogue, alike)
    _show_pressing(app, catalogue, everything, scope)
    app.say()
    text = _("All of them: {command}. One of them, with its remedy: auditor findings show {id}")
    app.say(text.format(command=_listing(scope), id=found[0].id))


def _listing(scope: Scope) -> str:
    """The command that lists what is open of what a run was of."""
    chosen = (("--department", scope.departments), ("--asset", scope.assets), ("--check", scope.checks))
    words = [word for name, values in chosen for value in values for word in (name, value)]
    return shlex.join(["auditor", "findings", "list", "--state", "to_mend", *words])


def _show_pressing(app: App, catalogue: Catalogue, found: Sequence[Finding], scope: Scope) -> None:
    """What cannot wait for somebody to look: time that runs out, claims that no scan has proved, exceptions about to end."""
    now = datetime.now(UTC)
    days = catalogue.policies[catalogue.settings.policy_of_record].terms.due_soon
    own = (e for e in list_exceptions(catalogue) if not scope.departments or e.department in scope.departments)
    ending = [e.id for e in expiring(catalogue, own, now)]
    counts = (
        (_("Overdue: {n}"), sum(is_overdue(f, now) for f in found), "bold red"),
        (_("Due soon: {n}"), sum(is_due_soon(f, now, days) for f in found), "yellow"),
        (_("Claimed to be fixed and not proved yet: {n}"), sum(f.state is FindingState.FIX_CLAIMED for f in found), "yellow"),
        (_("Excepted, still failing: {n}"), sum(f.state in SPARED for f in found), ""),
    )
    if ending or any(n for _text, n, _style in counts):
        app.say()
    for text, n, style in counts:
        if n:
            app.say(text.format(n=number(n)), style)
    if ending:
        app.say(_("Exceptions that end soon: {names}").format(names=", ".join(ending)), "yellow")


def _show_alike(app: App, catalogue: Catalogue, alike: list[Finding]) -> None:
    """What one check found: where, what was seen there, how many more, and what to do; many hosts often share one fault."""
    worst = alike[0]
    check = catalogue.checks.get(worst.check)
    title = check.title.to(current()) if check else worst.check
    app.say(_("{severity}: {title}").format(severity=label(worst.severity), title=title), STYLES[worst.severity])
    for finding in alike[:_PLACES]:
        where = safe(f"{finding.asset} {finding.subject}".strip())
        seen = values.shown(finding.observed)
        told = _("{where}, observed: {seen}") if seen else _("{where}")
        app.say(told.format(where=isolate(where), seen=isolate(_cut(seen))), indent=4)
    if (more := len(alike) - _PLACES) > 0:
        app.say(_("Others like it: {n}").format(n=number(more)), indent=4)
    if check:
        app.say(_("What to do: {remedy}").format(remedy=_first_sentence(check.remediation.to(current()))), indent=4)


def _cut(text: str) -> str:
    """What fits on a line, and a mark where more was seen."""
    return text if len(text) <= _SEEN else text[:_SEEN].rstrip() + "…"


def _first_sentence(text: str) -> str:
    """Enough to know what kind of work it is; the whole remedy is in ``findings show``.

    What stands before a semicolon is half a remedy, and done alone may do nothing.
    """
    return _SENTENCE_END.split(" ".join(text.split()), maxsplit=1)[0]
