"""By which policy a run is scored, when the workspace's has changed since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.errors import UsageError
from auditor.ledger import Ledger
from auditor.model import Catalogue, ReportFormat, ReportKind
from auditor.text import use
from auditor.workflow.campaigns import close_campaign, frozen_campaign
from auditor.workflow.scores import explain, scores
from auditor.workflow.workspace import open_workspace
from tests.reporting.made import parsed, report
from tests.reporting.seed import NIGHTS, NOW, SEEN, night, seed

POLICY = "policies/national-2026.yaml"


@pytest.fixture(autouse=True)
def _english() -> None:
    use("en")


def changed(catalogue: Catalogue, name: str, **values: Any) -> Catalogue:
    """The workspace with other values in one of its files."""
    root = catalogue.settings.root
    path = root / name
    held = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**held, **values}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return open_workspace(root)


def index(catalogue: Catalogue, **options: Any) -> float:
    found: float = parsed(report(catalogue, ReportKind.SUMMARY, ReportFormat.JSON, **options))["figures"]["index"]["value"]
    return found


def weights(catalogue: Catalogue) -> dict[str, Any]:
    """A scoring in which a high severity weighs a thousand times as much."""
    held = yaml.safe_load((catalogue.settings.root / POLICY).read_text(encoding="utf-8"))["scoring"]
    return {**held, "check_weights": {**held["check_weights"], "high": 1000}, "partly": 0.0}


def test_a_run_is_scored_by_its_own_policy(tmp_path: Path) -> None:
    """Regression, false figures: reports of a past run and ``score`` took today's weights, floor and severities of controls,
    and named today's policy as what the run was judged by."""
    found = seed(tmp_path / "workspace")
    was = {run: index(found, run=run) for run in ("1", "2", "latest")}
    told = parsed(report(found, ReportKind.SUMMARY, ReportFormat.JSON, run="2"))["stamp"]
    scored, terms = scores(found, now=NOW), explain(found, "health", "A.8.5")

    after = changed(found, POLICY, scoring=weights(found), version="2027.1", coverage_floor=1.0)
    after = changed(after, "policies/iso27001-2022/A.8.5.yaml", severity="low")

    assert {run: index(after, run=run) for run in was} == was
    stamp = parsed(report(after, ReportKind.SUMMARY, ReportFormat.JSON, run="2"))["stamp"]
    assert (stamp["policy_version"], stamp["policy_sha256"]) == (told["policy_version"], told["policy_sha256"])
    assert scores(after, now=NOW) == scored
    assert explain(after, "health", "A.8.5") == terms

    night(after, NOW, SEEN[0])
    assert scores(after, now=NOW).policy.version == "2027.1"
    assert {run: index(after, run=run) for run in ("1", "2")} == {run: was[run] for run in ("1", "2")}


def test_a_policy_that_is_no_longer_there_still_scores_its_runs(tmp_path: Path) -> None:
    """The file was renamed with the new year, and a control left the framework: reports of the old year stay what they were."""
    found = seed(tmp_path / "workspace")
    was = index(found, run="1")
    lines = parsed(report(found, ReportKind.SOA, ReportFormat.JSON, run="1"))["tables"]
    root = found.settings.root
    text = (root / POLICY).read_text(encoding="utf-8").replace("national-2026", "national-2027")
    (root / POLICY).unlink()
    held = yaml.safe_load(text)
    held["controls"].pop("A.8.15")
    (root / "policies/national-2027.yaml").write_text(yaml.safe_dump(held, allow_unicode=True), encoding="utf-8")
    (root / "policies/iso27001-2022/A.8.15.yaml").unlink()
    for path in (root / "policies/departments").glob("*.yaml"):
        path.unlink()
    after = open_workspace(root)
    assert set(after.policies) == {"national-2027"}
    assert index(after, run="1") == was
    assert parsed(report(after, ReportKind.SOA, ReportFormat.JSON, run="1"))["tables"] == lines


def test_a_closed_campaign_keeps_its_figures(tmp_path: Path) -> None:
    """Regression, a closed campaign whose report came to other figures than those that were frozen."""
    found = seed(tmp_path / "workspace")
    closed = close_campaign(found, "huda", "C-1", now=NOW)
    frozen: Any = frozen_campaign(found, closed)
    was = index(found, campaign="C-1")
    after = changed(found, POLICY, scoring=weights(found))
    assert index(after, campaign="C-1") == was
    rows = parsed(report(after, ReportKind.LEAGUE, ReportFormat.JSON, campaign="C-1"))["tables"]["league"]
    told = {row["department"]["value"]: row["index"]["value"] for row in rows}
    assert told == {row["department"]: row["index"] and pytest.approx(row["index"], abs=0.05) for row in frozen["progress"]}


def test_a_campaign_closes_by_the_policy_of_its_run(tmp_path: Path) -> None:
    """The policy may change between the last night and the closing: what is frozen is of the policy that judged."""
    found = seed(tmp_path / "workspace")
    was = scores(found, now=NOW)
    after = changed(found, POLICY, scoring=weights(found), version="2027.1")
    frozen: Any = frozen_campaign(after, close_campaign(after, "huda", "C-1", now=NOW))
    assert frozen["policy"]["version"] == was.policy.version
    assert {row["department"]: row["index"] for row in frozen["progress"]} == {d.department: d.index for d in was.departments}


def test_a_campaign_frozen_with_other_figures_is_not_shown_as_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor of before froze by the policy of the day of closing: such a campaign's report is refused, and says where the
    frozen figures are."""
    found = seed(tmp_path / "workspace")
    after = changed(found, POLICY, scoring=weights(found))
    with monkeypatch.context() as old:
        old.setattr("auditor.workflow.scores.as_judged", lambda ledger, catalogue, run, plan: catalogue)
        close_campaign(after, "huda", "C-1", now=NOW)
    with pytest.raises(UsageError, match=r"closed with other figures .*campaign status C-1 --format json"):
        index(after, campaign="C-1")


def test_no_figure_where_the_runs_own_policy_cannot_be_read(tmp_path: Path) -> None:
    """Neither today's policy nor none at all stands in for it."""
    found = seed(tmp_path / "workspace")
    policy = found.policies["national-2026"]
    bare = replace(found, sources=tuple((n, "controls: {}\n" if n == POLICY else t) for n, t in found.sources))
    with Ledger.open(found.settings.ledger) as ledger:
        before = len(ledger.runs())
    night(bare, NIGHTS[2].replace(day=25), SEEN[0])
    after = changed(found, POLICY, version="2027.1")
    with pytest.raises(UsageError, match=rf"run {before + 1} was judged by policy national-2026 {policy.version}"):
        scores(after)


def test_a_campaign_frozen_with_another_coverage_is_not_shown_as_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor of before counted what does not apply as covered: the index may be the same, and the coverage is not."""
    found = seed(tmp_path / "workspace")
    with monkeypatch.context() as old:
        old.setattr("auditor.model.Coverage.share", property(lambda self: 0.61))
        close_campaign(found, "huda", "C-1", now=NOW)
    with pytest.raises(UsageError, match=r"closed with another coverage .*61\.0%, not .*campaign status C-1 --format json"):
        index(found, campaign="C-1")
