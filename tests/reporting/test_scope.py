"""What a report says where a run, or the report, is not of everything: nothing is missing from it, and nothing stands for more
than was looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from auditor.cli.findings import finding_columns, finding_rows
from auditor.errors import UsageError
from auditor.model import AssetResult, Catalogue, ObservationStatus, ReportFormat, ReportKind, ReportOptions, Tongue
from auditor.planning import Narrowing
from auditor.reporting.document import Chart, Figures
from auditor.workflow.bundles import make_bundle
from auditor.workflow.campaigns import close_campaign
from auditor.workflow.queries import FindingFilter, list_findings
from auditor.workflow.reevaluate import reevaluate
from auditor.workflow.reports import Made, make_report
from auditor.workflow.workspace import open_workspace
from tests.cli.conftest import Workspace

from . import seed
from .made import parsed
from .seed import NOW, SEEN, night

TONIGHT = NOW + timedelta(hours=16)
RESTS = "rests on {n} of {all} controls; those that await an answer are left out"


def made(catalogue: Catalogue, kind: ReportKind, written: ReportFormat = ReportFormat.JSON, **options: Any) -> Made:
    return make_report(
        catalogue, ReportOptions(kind=kind, tongue=Tongue.EN, **options), written, now=TONIGHT + timedelta(hours=1)
    )


def told(report: Made, name: str) -> tuple[Any, str]:
    """A figure's value, and its note."""
    figures = {i.id: i for b in report.document.blocks if isinstance(b, Figures) for i in b.items}
    return figures[name].cell.raw, str(figures[name].note)


def charts(report: Made) -> dict[str, str]:
    return {b.id: str(b.told) for b in report.document.blocks if isinstance(b, Chart)}


def rows(report: Made, table: str) -> list[dict[str, Any]]:
    return [{k: v["value"] for k, v in row.items()} for row in parsed(report)["tables"][table]]


def set_aside(catalogue: Catalogue) -> Catalogue:
    """A wrong key in the inventory of health."""
    path = catalogue.settings.root / "inventories" / "health.yaml"
    path.write_text(path.read_text() + "\nbogus: 1\n")
    return open_workspace(catalogue.settings.root)


def test_a_run_of_one_department_has_no_index_over_all(own: Catalogue) -> None:
    """Regression, an index of one department stood as that over all, in the run's own account and in its report."""
    run = night(own, TONIGHT, SEEN[2], Narrowing(departments=("finance",)))
    assert (run.summary["index"], [d["id"] for d in run.summary["departments"]]) == (None, ["finance"])  # type: ignore[union-attr,index,call-overload]
    report = made(own, ReportKind.SUMMARY, run=str(run.id))
    assert told(report, "index") == (None, "the run was not of everything")
    found = {r["department"]: (r["index"], r["change"]) for r in rows(report, "departments")}
    assert found == {"finance": (65.2, 0.0), "health": (None, None)}  # since the night before it, in which nothing differed
    assert (
        "the audit was not of this department"
        in made(own, ReportKind.SUMMARY, ReportFormat.HTML, run=str(run.id)).content.decode()
    )
    assert told(made(own, ReportKind.SUMMARY, run=str(run.id), departments=("finance",)), "index") == (
        65.2,
        "\u2068±0.0\u2069 since the audit before; " + RESTS.format(n=5, all=6),
    )


def test_there_is_no_report_of_a_reevaluation(own: Catalogue) -> None:
    """Regression: it got an index, though it visited nothing and counts nothing."""
    reevaluate(own, actor="cron", apply=True, clock=lambda: TONIGHT)
    for options in ({"run": "4"}, {"since": "4"}, {"until": "4"}):
        kind = ReportKind.SUMMARY if "run" in options else ReportKind.DELTA
        with pytest.raises(UsageError, match="run 4 was `auditor reevaluate --apply`"):
            made(own, kind, **options)


def test_a_department_that_was_set_aside_is_in_every_list(own: Catalogue) -> None:
    """Regression, read as clean: the league and the statements of applicability left it out; its own CSV ended in an error."""
    aside = set_aside(own)
    night(aside, TONIGHT, SEEN[2])
    assert [(r["department"], r["index"]) for r in rows(made(aside, ReportKind.LEAGUE), "league")] == [
        ("finance", 65.2),
        ("health", None),
    ]
    why = "the department was set aside because its files are wrong"
    assert f"health,{why}" in made(aside, ReportKind.LEAGUE, ReportFormat.CSV).content.decode()
    assert [t.id for t in made(aside, ReportKind.SOA).document.tables()] == ["soa-finance", "absent-health"]
    bundle = make_bundle(aside, aside.settings.root / "all", tongue=Tongue.EN, now=TONIGHT + timedelta(hours=1))
    assert {"health/scorecard.html", "health/soa.xlsx"} <= {name for name, _digest in bundle.files}
    for kind in (ReportKind.SCORECARD, ReportKind.SOA):
        text = made(aside, kind, ReportFormat.CSV, departments=("health",)).content.decode()
        assert (f"health,{why}" in text, "bogus" in text) == (True, True)


def test_what_the_run_did_not_look_at_is_not_still_there(own: Catalogue) -> None:
    """Regression: findings of a department that was set aside counted as seen again."""
    aside = set_aside(own)
    night(aside, TONIGHT, SEEN[2])
    found = {(r["department"], r["change"], r["why"]) for r in rows(made(aside, ReportKind.DELTA), "changes")}
    assert found == {("finance", "still", None), ("health", "unseen", "set_aside")}


def test_what_could_not_be_judged_on_a_host_is_not_still_there(own: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a host that was reached, and whose probe failed, counted as seen failing again."""

    def broken(uid: str, seen: Any, now: datetime, make: Callable[..., AssetResult] = seed._result) -> AssetResult:
        result = make(uid, seen, now)
        failed = tuple(replace(o, status=ObservationStatus.FAILED, stdout="") for o in result.observations)
        return replace(result, observations=failed) if uid == "finance-db-1" else result

    monkeypatch.setattr(seed, "_result", broken)
    night(own, TONIGHT, SEEN[2])
    changes = rows(made(own, ReportKind.DELTA, departments=("finance",)), "changes")
    assert [(r["asset"], r["change"], r["why"]) for r in changes] == [("finance-db-1", "unseen", "no_verdict")] * 2
    assert {r["change"] for r in rows(made(own, ReportKind.DELTA, departments=("health",)), "changes")} == {"still"}


@pytest.mark.parametrize("departments", [(), ("finance",)])
def test_a_trend_dates_what_it_knows(own: Catalogue, departments: tuple[str, ...]) -> None:
    """Regression: last night's index was withheld, and the text gave that of the night before as last night's."""
    night(own, TONIGHT, {})
    (trend,) = (t for name, t in charts(made(own, ReportKind.SUMMARY, departments=departments)).items() if "trend" in name)
    assert ("on 2026-11-22, over 3 runs." in trend, "The newest run, of 2026-11-23, has no index." in trend) == (True, True)


def test_a_report_of_some_departments_shows_no_trend_of_all(own: Catalogue) -> None:
    """Regression: the nation's trend and the remark that a department lacks its index stood in it."""
    path = own.settings.root / "inventories" / "interior.yaml"
    value = {"department": "interior", "title": {"en": "Interior", "ar": "الداخلية"}, "hosts": []}
    path.write_text(yaml.safe_dump({**value, "hosts": [{"uid": "i1", "name": "i1", "address": "192.0.2.9"}]}, allow_unicode=True))
    three = open_workspace(own.settings.root)
    night(three, TONIGHT, {**SEEN[2], "i1": {}})
    report = made(three, ReportKind.SUMMARY, departments=("finance", "health"))
    assert (charts(report), told(report, "index")) == ({}, (None, "an index is of one department or of all"))


def test_figures_are_of_the_departments_in_scope(own: Catalogue) -> None:
    """Regression: the exceptions that end soon were every department's."""
    found = [told(made(own, ReportKind.SUMMARY, departments=d), "exceptions")[0] for d in (("finance",), ("health",), ())]
    assert found == [0, 1, 1]


def test_what_is_open_now_is_one_number(own: Catalogue) -> None:
    """Regression: the burn-down counted what is excepted among the open, and the figure beside it did not."""
    report = made(own, ReportKind.SCORECARD, departments=("health",))
    assert (told(report, "open")[0], charts(report)["burn-health"].startswith("3 are open now; ")) == (3, True)


def test_a_list_of_findings_shows_the_departments_day(own: Catalogue) -> None:
    """Regression: a finding was due a day earlier in ``findings list`` than in its report."""
    at = datetime.fromisoformat("2026-11-22T22:30:00+00:00")  # after midnight at Riyadh
    night(own, at, {**SEEN[2], "finance-app-1": {"permitrootlogin": "yes"}})
    (found,) = list_findings(own, FindingFilter(assets=("finance-app-1",)))
    (listed,) = finding_rows(own, [found])
    (reported,) = (r for r in rows(made(own, ReportKind.FINDINGS), "findings") if r["finding"] == found.id)
    assert finding_columns(own)[-1].show(listed) == reported["due"]


def test_indices_by_two_policies_are_not_compared(own: Catalogue) -> None:
    """Regression: where only the policy differed, departments were said to have become worse."""
    path = own.settings.root / "policies" / "national-2026.yaml"
    value = yaml.safe_load(path.read_text())
    value["scoring"]["check_weights"] = {"critical": 100, "high": 1, "medium": 1, "low": 1}
    path.write_text(yaml.safe_dump({**value, "version": "2027.1"}, allow_unicode=True, sort_keys=False))
    changed = open_workspace(own.settings.root)
    night(changed, TONIGHT, SEEN[2])
    report = made(changed, ReportKind.SUMMARY)
    assert told(report, "index")[1].startswith("not compared with the audit before, which was by policy \u2068national-2026 ")
    assert {r["change"] for r in rows(report, "departments")} == {None}
    assert charts(report)["trend"].endswith("The policy was another from 2026-11-23 on.")
    night(changed, TONIGHT + timedelta(minutes=30), SEEN[2])
    assert told(made(changed, ReportKind.SUMMARY), "index")[1].startswith("\u2068±0.0\u2069 since the audit before;")


def commands(report: Made) -> dict[str, str]:
    return {i.id: i.command for b in report.document.blocks if isinstance(b, Figures) for i in b.items}


@pytest.mark.parametrize("departments", [(), ("health",)])
def test_a_command_shows_what_its_figure_counts(own: Catalogue, departments: tuple[str, ...]) -> None:
    """Regression: "Open findings 5: auditor findings list" listed excepted ones too, and those of departments out of scope; "Not
    known: auditor score" has no such column."""
    report = made(own, ReportKind.SUMMARY, departments=departments)
    found = commands(report)
    workspace = Workspace(own.settings.root)
    for name in ("open", "overdue", "due_soon"):
        called = workspace.call(*found[name].split()[1:], "--format", "json")
        assert called.returncode == 0, called.stderr.decode()
        assert ("--department health" in found[name]) is bool(departments)
    # by the clock of the report, not that of this machine
    listed = workspace.call(*found["open"].split()[1:], "--format", "json")
    states = {f["state"] for f in json.loads(listed.stdout)}
    assert (states & {"excepted", "false_positive", "closed"}) == set()
    audit = json.loads(workspace.call(*found["unknown"].split()[1:], "--format", "json").stdout)
    rows = [d for d in audit["departments"] if not departments or d["id"] in departments]
    assert sum(d["verdicts"]["unknown"] + d["verdicts"]["error"] for d in rows) == told(report, "unknown")[0]


@pytest.mark.parametrize("options", [{"run": "2"}, {"run": "2026-11-16"}, {"campaign": "C-1"}])
def test_of_a_past_state_no_command_of_today_is_named(own: Catalogue, options: dict[str, str]) -> None:
    """Regression: a report of an earlier run, or of a closed campaign, named commands that know only today."""
    if "campaign" in options:
        close_campaign(own, "huda", "C-1", now=TONIGHT)
    named = set(filter(None, commands(made(own, ReportKind.SUMMARY, **options)).values()))
    assert named == {f"auditor runs show {3 if 'campaign' in options else 2}"}
    assert "auditor score" in commands(made(own, ReportKind.SUMMARY)).values()
