"""OSCAL, read by the rules that validators leave out: every reference resolves, every id is the only one of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from auditor.model import Catalogue, ReportFormat, ReportKind, Tongue
from auditor.workflow.reports import from_snapshot
from auditor.workflow.workspace import open_workspace

from .made import parsed, report
from .seed import CONTROLS, NOW, SEEN, night, seed

UUID5 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TOKEN = re.compile(r"^[^\W\d][\w.\-]*$")


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def problems(document: dict[str, Any]) -> list[str]:
    """Everything in it that points at nothing, and every id that is given twice."""
    found = []
    defined = [value for key, value in walk(document) if key == "uuid"]
    found += [f"{uuid} is no UUID" for uuid in defined if not UUID5.match(uuid)]
    for result in document.get("results", [document]):
        own = [value for key, value in walk(result) if key == "uuid"]
        found += [f"{uuid} is given twice" for uuid in set(own) if own.count(uuid) > 1]
        pointed = [v for k, v in walk(result) if k in ("subject-uuid", "observation-uuid", "risk-uuid")]
        found += [f"{uuid} points at nothing" for uuid in pointed if uuid not in own]
    links = [v for k, v in walk(document) if k == "href" and str(v).startswith("#")]
    found += [f"{link} points at nothing" for link in links if link[1:] not in defined]
    objectives = {v for k, v in walk(document.get("local-definitions", {})) if k == "id"}
    found += [f"{v} is no objective" for k, v in walk(document) if k == "target-id" and v not in objectives]
    found += [f"{v} is no token" for k, v in walk(document) if k in ("control-id", "target-id") and not TOKEN.match(v)]
    return found


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
@pytest.mark.parametrize("kind", [ReportKind.FINDINGS, ReportKind.PLAN], ids=lambda kind: kind.value)
def test_every_reference_resolves(seeded: Catalogue, kind: ReportKind, tongue: Tongue) -> None:
    """In both models and every language."""
    (document,) = parsed(report(seeded, kind, ReportFormat.OSCAL, tongue)).values()
    assert problems(document) == []


def test_its_index_is_never_better_than_it_is(seeded: Catalogue) -> None:
    """Regression: it said 60.0 of a department of which every report said 59.9, as 59.97 is below 60."""
    made = report(seeded, ReportKind.FINDINGS, ReportFormat.OSCAL)
    almost = replace(made.snapshot, scores=tuple(replace(s, index=59.97) for s in made.snapshot.scores))
    (document,) = parsed(from_snapshot(almost, made.stamp.options, ReportFormat.OSCAL)).values()
    results = document["results"]
    assert {p["value"] for r in results for p in r["props"] if p["name"] == "index"} == {"59.9"}


def test_the_reference_check_can_fail(seeded: Catalogue) -> None:
    """A reference that was broken, and an id given twice, are found."""
    (document,) = parsed(report(seeded, ReportKind.FINDINGS, ReportFormat.OSCAL)).values()
    result = document["results"][0]
    result["findings"][0]["target"]["target-id"] = "A.9.9_obj"
    result["observations"][0]["subjects"][0]["subject-uuid"] = "0" * 36
    result["risks"].append(result["risks"][0])
    document["import-ap"]["href"] = "#nothing"
    assert {p.split(" ", 1)[1] for p in problems(document)} == {"is no objective", "points at nothing", "is given twice"}


def test_controls_keep_their_ids_and_nothing_unknown_is_satisfied(seeded: Catalogue) -> None:
    """Every control in force has a finding; only what is fully in effect is satisfied."""
    document = parsed(report(seeded, ReportKind.FINDINGS, ReportFormat.OSCAL))["assessment-results"]
    for result in document["results"]:
        states = {
            f["target"]["target-id"].removesuffix("_obj"): (f["target"]["status"]["state"], f["props"][0]["value"])
            for f in result["findings"]
        }
        assert set(states) == set(CONTROLS)
        assert {level for state, level in states.values() if state == "satisfied"} <= {"fully", "not_applicable"}


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The seeded workspace after a night on which the files of health were wrong, so that it was set aside."""
    catalogue = seed(tmp_path_factory.mktemp("halved") / "workspace")
    inventory = catalogue.settings.root / "inventories" / "health.yaml"
    whole = inventory.read_text(encoding="utf-8")
    inventory.write_text(whole.replace("192.0.2.1", "192.0.2.999"), encoding="utf-8")
    broken = open_workspace(catalogue.settings.root)
    night(broken, NOW - timedelta(hours=1), SEEN[-1])
    return broken


@pytest.mark.parametrize("tongue", list(Tongue), ids=lambda tongue: tongue.value)
def test_a_department_that_was_set_aside_has_a_result_that_says_so(halved: Catalogue, tongue: Tongue) -> None:
    """False pass: it had no result at all, which read as compliance. No control is satisfied, and each says why."""
    (document,) = parsed(report(halved, ReportKind.FINDINGS, ReportFormat.OSCAL, tongue)).values()
    assert problems(document) == []
    states = [next((p["name"] for p in r["props"] if p["name"] == "not-audited"), "audited") for r in document["results"]]
    results = dict(zip(states, document["results"], strict=True))
    assert set(results) == {"audited", "not-audited"}
    aside = results["not-audited"]
    assert "192.0.2.999" in aside["remarks"]
    assert {f["target"]["target-id"].removesuffix("_obj") for f in aside["findings"]} == set(CONTROLS)
    assert {(f["target"]["status"]["state"], f["target"]["status"]["remarks"]) for f in aside["findings"]} == {
        ("not-satisfied", aside["remarks"])
    }
    assert aside["remarks"] in {o["description"] for o in aside["observations"]}


def test_what_was_not_looked_at_was_not_collected_by_the_run(halved: Catalogue) -> None:
    """The open findings of such a department stay in its result, as of when they came to light."""
    document = parsed(report(halved, ReportKind.FINDINGS, ReportFormat.OSCAL))["assessment-results"]
    (aside,) = (r for r in document["results"] if "remarks" in r)
    found = [o for o in aside["observations"] if o["types"] == ["finding"]]
    assert len(found) == len(aside["risks"]) == 4
    assert all(o["collected"] < "2026-11-22T02" for o in found)


def test_a_plan_does_not_say_that_nothing_is_to_be_done_where_nobody_looked(halved: Catalogue) -> None:
    """False pass: an item names the department and why it was not audited."""
    document = parsed(report(halved, ReportKind.PLAN, ReportFormat.OSCAL))["plan-of-action-and-milestones"]
    assert problems(document) == []
    (aside,) = (i for i in document["poam-items"] if i["title"].startswith("Not audited"))
    assert "192.0.2.999" in aside["description"]


def test_the_plan_holds_every_finding_with_its_deadline(seeded: Catalogue) -> None:
    """An item and a risk for each finding that is not closed; an excepted one is an approved deviation."""
    document = parsed(report(seeded, ReportKind.PLAN, ReportFormat.OSCAL))["plan-of-action-and-milestones"]
    assert (len(document["poam-items"]), len(document["risks"])) == (6, 6)
    assert sorted({r["status"] for r in document["risks"]}) == ["deviation-approved", "open"]
    assert all("deadline" in risk for risk in document["risks"])
