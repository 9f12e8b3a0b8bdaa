"""Reports never say more than the ledger knows: coverage beside every index, the unknown and the excepted apart."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from auditor.model import Catalogue, ReportFormat, ReportKind, Severity, Tongue
from auditor.reporting.document import Figures
from auditor.reporting.plain import schema, visible
from auditor.workflow.reports import from_snapshot
from auditor.workflow.workspace import open_workspace
from tests.cli.conftest import Workspace

from .made import parsed, report
from .seed import NIGHTS, SEEN, night


def figures(catalogue: Catalogue, kind: ReportKind, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = parsed(report(catalogue, kind, ReportFormat.JSON, **options))["figures"]
    return {name: figure["value"] for name, figure in found.items()}


@pytest.mark.parametrize("kind", list(ReportKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_json_follows_its_published_schema(seeded: Catalogue, kind: ReportKind, tongue: Tongue) -> None:
    """Every kind, in every language."""
    jsonschema.Draft202012Validator(schema()).validate(parsed(report(seeded, kind, ReportFormat.JSON, tongue)))


def test_the_summary_keeps_apart_what_an_index_would_hide(seeded: Catalogue) -> None:
    """Figures agree with the ledger: 20 of 25 judged, five unknown, an exception about to end, a host never reached."""
    found = figures(seeded, ReportKind.SUMMARY)
    assert found["index"] == pytest.approx(54.3, abs=0.1)
    assert (found["coverage"], found["unknown"]) == (0.8, 5)
    assert (found["open"], found["overdue"], found["exceptions"], found["unreached"]) == (5, 1, 1, 1)


def test_every_figure_can_be_traced(seeded: Catalogue) -> None:
    """Each figure of the summary names the command that shows what it is made of."""
    page = report(seeded, ReportKind.SUMMARY, ReportFormat.HTML).content.decode()
    assert page.count('class="source"') == 10


def test_no_index_is_shown_under_the_floor(seeded: Catalogue) -> None:
    """One department alone has no index over all; and nothing rounds up to whole coverage."""
    rows = parsed(report(seeded, ReportKind.LEAGUE, ReportFormat.JSON))["tables"]["league"]
    assert {row["department"]["value"]: row["coverage"]["value"] for row in rows} == {
        "finance": 1.0,
        "health": pytest.approx(2 / 3),
    }


def test_gaps_account_for_every_point_lost(seeded: Catalogue) -> None:
    """Index and points lost make a hundred, in each department."""
    for name in ("health", "finance"):
        told = parsed(report(seeded, ReportKind.SCORECARD, ReportFormat.JSON, departments=(name,)))
        lost = sum(row["lost"]["value"] for row in told["tables"][f"gaps-{name}"])
        assert told["figures"]["index"]["value"] + lost == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("kind", [ReportKind.SUMMARY, ReportKind.SCORECARD], ids=lambda kind: kind.value)
def test_a_policy_that_weighs_every_control_nothing_is_reported(own: Catalogue, kind: ReportKind) -> None:
    """Regression: the schema takes weights of 0, and reports that name gaps ended with an internal error (ZeroDivisionError)."""
    policy = own.settings.policies / "national-2026.yaml"
    value = yaml.safe_load(policy.read_text(encoding="utf-8"))
    value["scoring"]["control_weights"] = dict.fromkeys(value["scoring"]["control_weights"], 0)
    policy.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")
    weightless = open_workspace(own.settings.root)
    night(weightless, NIGHTS[2] + timedelta(hours=3), SEEN[2])
    tables = parsed(report(weightless, kind, ReportFormat.JSON))["tables"]
    assert [row for name, rows in tables.items() if name.startswith("gaps") for row in rows] == []


def test_deadlines_kept_counts_proof_alone(seeded: Catalogue) -> None:
    """Two closed in time at finance; at health one reopened finding is overdue."""
    assert figures(seeded, ReportKind.SCORECARD, departments=("finance",))["sla"] == 1.0
    assert figures(seeded, ReportKind.SCORECARD, departments=("health",))["sla"] == 0.0


def test_a_delta_accounts_for_every_finding(seeded: Catalogue) -> None:
    """From the first run: what was open then is still, fixed, or reopened; what was not is new."""
    told = parsed(report(seeded, ReportKind.DELTA, ReportFormat.JSON, since="1"))
    changes = {row["finding"]["value"]: row["change"]["value"] for row in told["tables"]["changes"]}
    assert sorted(changes.values()) == ["fixed", "fixed", "new", "new", "reopened", "reopened", "still", "still"]
    assert {name: figure["value"] for name, figure in told["figures"].items()} == {
        "new": 2,
        "reopened": 2,
        "fixed": 2,
        "closed": 0,
        "still": 2,
        "unseen": 0,
    }


def test_what_was_not_observed_never_reads_as_passed(seeded: Catalogue) -> None:
    """False pass: an unreachable host must not be skipped or passed where a pipeline would take that for good."""
    root = ET.fromstring(report(seeded, ReportKind.FINDINGS, ReportFormat.JUNIT).content)
    (down,) = (suite for suite in root if suite.get("name") == "health-down-1")
    assert (down.get("tests"), down.get("errors"), down.get("failures"), down.get("skipped")) == ("5", "5", "0", "0")
    controls = parsed(report(seeded, ReportKind.FINDINGS, ReportFormat.HDF))["profiles"][0]["controls"]
    for control in controls:
        statuses = {r["status"] for r in control["results"] if r["code_desc"] == "health-down-1"}
        failed = any(r["status"] == "failed" for r in control["results"])
        assert statuses == ({"skipped"} if failed else {"error"})


def test_an_excepted_failure_is_no_pass(seeded: Catalogue) -> None:
    """It is suppressed in SARIF with the exception's id, skipped in JUnit, failed in HDF."""
    results = parsed(report(seeded, ReportKind.FINDINGS, ReportFormat.SARIF))["runs"][0]["results"]
    suppressed = [r for r in results if "suppressions" in r]
    assert [r["suppressions"][0]["justification"] for r in suppressed] == ["E-1"]
    assert [r["kind"] for r in suppressed] == ["fail"]
    junit = report(seeded, ReportKind.FINDINGS, ReportFormat.JUNIT).content.decode()
    assert "failed by exception E-1" in junit
    hdf = json.loads(report(seeded, ReportKind.FINDINGS, ReportFormat.HDF).content)
    (log_level,) = (c for c in hdf["profiles"][0]["controls"] if c["id"] == "ssh-log-level")
    assert (log_level["tags"]["exceptions"], "failed" in {r["status"] for r in log_level["results"]}) == (["E-1"], True)


def test_a_department_that_was_set_aside_is_an_error_where_it_would_be_missing(seeded: Catalogue) -> None:
    """False pass: a list without it would read as clean."""
    made = report(seeded, ReportKind.FINDINGS, ReportFormat.JUNIT)
    lone = replace(made.snapshot, scores=tuple(s for s in made.snapshot.scores if s.department == "finance"), outcomes=())
    (suite,) = ET.fromstring(replace(made, snapshot=lone).content)
    assert (suite.get("name"), suite.get("errors")) == ("department:health", "1")
    told = json.loads(from_snapshot(lone, made.stamp.options, ReportFormat.HDF).content)
    assert [(c["id"], c["results"][0]["status"]) for c in told["profiles"][0]["controls"]] == [("department:health", "error")]
    (run,) = json.loads(from_snapshot(lone, made.stamp.options, ReportFormat.SARIF).content)["runs"]
    assert "health: the audit was not of this department" in {
        n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]
    }


def test_what_is_made_visible_in_json_keeps_its_value() -> None:
    """Characters beyond the first plane too, which take two escapes."""
    value = {"text": "a\u202e\U000e0041\x1b\n\u00a0ب"}
    shown = visible(json.dumps(value, ensure_ascii=False))
    assert json.loads(shown) == value
    assert "\U000e0041" not in shown


def test_one_coverage_is_told_alike_everywhere(own: Catalogue) -> None:
    """Regression: 78% in one place and 77.5% in another; and the index of ``status`` was that of when the audit ended, which it
    did not say, beside one that counted answers accepted since."""
    workspace = Workspace(own.settings.root)
    told = {
        words: workspace.call(*words.split()).stdout.decode()
        for words in ("runs show latest", "runs list", "status", "score", "report league", "report scorecard")
    }
    assert "index when the audit ended: 54.3" in told["status"]
    assert {words for words in ("runs show latest", "runs list", "status") if "80.0%" not in told[words]} == set()
    assert {w for w in ("runs show latest", "score", "report league", "report scorecard") if "66.7%" not in told[w]} == set()


def test_shares_say_what_they_count(seeded: Catalogue) -> None:
    """Regression: "Decided by checks 67%, 54 of 93 controls", of which the first was by weight; and "2 of 2 deadlines that have
    come" where none had."""
    blocks = report(seeded, ReportKind.SCORECARD, ReportFormat.JSON, departments=("finance",)).document.blocks
    notes = {item.id: str(item.note) for block in blocks if isinstance(block, Figures) for item in block.items}
    assert notes["automated"] == "by weight; 5 of 6 controls in force"
    assert notes["sla"] == "2 of 2 findings that were mended, or whose deadline has passed"
    assert notes["index"] == "rests on 5 of 6 controls; those that await an answer are left out"


def test_the_index_can_be_made_again_from_the_annex(seeded: Catalogue) -> None:
    """Regression: the annex left out what an asset's criticality multiplies, so that nobody could; and it gave assets of high
    criticality the days of the others, not saying that working days are meant."""
    found = parsed(report(seeded, ReportKind.ANNEX, ReportFormat.JSON))
    weights, terms = {}, {}
    for row in found["tables"]["weights"]:
        weights[row["severity"]["value"]] = (row["check"]["value"], row["control"]["value"])
    for row in found["tables"]["criticalities"]:
        weights[row["criticality"]["value"], "criticality"] = row["weight"]["value"]
        terms[row["criticality"]["value"]] = [row[s]["value"] for s in ("critical", "high", "medium", "low")]
    scoring = seeded.policies[seeded.settings.policy_of_record].scoring
    assert {c: weights[c, "criticality"] for c in scoring.criticality_weights} == scoring.criticality_weights
    assert weights["critical"] == (scoring.check_weights[Severity.CRITICAL], scoring.control_weights[Severity.CRITICAL])
    assert terms == {"high": [3, 14, 60, 180], "medium": [7, 30, 90, 180], "low": [7, 30, 90, 180]}
    rules = found["facts"]["rules"]
    assert [rules[name]["value"] for name in ("days", "restart", "partly", "attested")] == [True, False, 0.5, 0.5]
    terminal = Workspace(seeded.settings.root).call("policy", "show").stdout.decode()
    assert all(told in terminal for told in ("critical: 3; high: 14; medium: 60; low: 180", "working days", "high: 3; medium: 2"))


def test_nothing_is_to_be_done_about_what_is_excepted(seeded: Catalogue) -> None:
    """Regression: the plan asked for a remedy of excepted findings and false positives, by a day."""
    rows = parsed(report(seeded, ReportKind.PLAN, ReportFormat.JSON))["tables"]["plan"]
    excepted = [r for r in rows if r["state"]["value"] in ("excepted", "false_positive")]
    assert [(r["action"]["value"], r["date"]["value"]) for r in excepted] == [("E-1", None)]
    assert excepted[0]["action"]["shown"] == "none; exception \u2068E-1\u2069, until 2026-11-26"
    assert all(r["action"]["shown"] and r["date"]["value"] for r in rows if r["state"]["value"] == "open")
